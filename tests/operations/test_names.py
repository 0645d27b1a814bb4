"""The same money as its charge, its session and its invoices of two versions tell it: once, in any order."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from refledger.domain.errors import PaymentNotFound
from refledger.domain.payment_events import PaymentSkipped
from refledger.domain.payments import PaymentKind
from refledger.domain.rewards import net
from refledger.domain.tellers import MAYBE_OF_INVOICE, Teller
from refledger.operations.earning import payments
from refledger.operations.earning.payments import RecordOutcome
from tests.support import worlds
from tests.support.books import Books

BASE = 10_000

pytestmark = worlds.lives_in(worlds.one_tier)


def earned(books: Books) -> int:
    """What Bob's rewards come to, whether they have matured or not."""
    return sum(net(reward) for reward in books.rewards("bob"))


def kind_of(books: Books, id: str) -> PaymentKind | None:
    try:
        return books.payment(id).kind
    except PaymentNotFound:
        return None


def charge(books: Books, n: str) -> payments.Recorded:
    """From basil on, without a mark: it may be an invoice's."""
    told = PaymentSkipped("payments", f"pi{n}", BASE, "USD", books.clock(), MAYBE_OF_INVOICE)
    return payments.skip(books.context, told)


def marked(books: Books, n: str) -> payments.Recorded:
    return books.pay("carol", f"pi{n}", BASE, teller=Teller.CHARGE)


def session(books: Books, n: str) -> payments.Recorded:
    return books.pay("carol", f"pi{n}", BASE, teller=Teller.SESSION, names=(f"in{n}",))


def clover(books: Books, n: str) -> payments.Recorded:
    """An invoice that is its own key."""
    return books.pay("carol", f"in{n}", BASE, teller=Teller.INVOICE)


def acacia(books: Books, n: str) -> payments.Recorded:
    """The same invoice as an older version tells it: it names its intent."""
    return books.pay("carol", f"pi{n}", BASE, teller=Teller.INVOICE, names=(f"in{n}",))


Step = Callable[[Books, str], payments.Recorded]
STEPS: dict[str, Step] = {
    "charge": charge,
    "marked": marked,
    "session": session,
    "clover": clover,
    "acacia": acacia,
    "link": lambda books, n: books.alias(f"pi{n}", f"in{n}"),
    "refund": lambda books, n: books.refund(f"pi{n}", BASE // 2, f"r{n}"),
}


@pytest.mark.parametrize(
    "told",
    [
        ("charge", "session", "refund"),
        ("charge", "session", "clover", "refund"),
        ("charge", "clover", "link", "refund"),
        ("charge", "acacia", "refund"),
        ("acacia", "clover", "refund"),
        ("acacia", "clover", "link"),
        ("session", "clover", "acacia", "link"),
    ],
)
def test_once_in_any_order(books: Books, told: tuple[str, ...]) -> None:
    """All orders, each event twice in a row: one payment earns, half of it is left, nothing waits, nothing differs."""
    for number, order in enumerate(itertools.permutations(told)):
        n = str(number)
        before = earned(books)
        for step in order:
            assert STEPS[step](books, n).outcome is not RecordOutcome.DIFFERENT, (order, step)
            assert STEPS[step](books, n).outcome is not RecordOutcome.DIFFERENT, (order, step)
        kept = BASE // 2 if "refund" in told else BASE
        assert earned(books) - before == kept // 5, order
        kinds = [kind for id in ("pi", "in") if (kind := kind_of(books, f"{id}{n}"))]
        assert kinds.count(PaymentKind.PAYMENT) == 1, order
    assert books.parked() == []
    assert books.faults() == []


def test_a_charge_whose_invoice_is_known_waits_for_it(books: Books) -> None:
    """The link came first: the owner's mark was a mistake, and the invoice knows the tax."""
    books.alias("pi", "in")
    assert marked(books, "").outcome is RecordOutcome.SKIPPED
    assert earned(books) == 0
    assert clover(books, "").outcome is RecordOutcome.RECORDED
    assert earned(books) == BASE // 5


def test_the_names_are_written_with_the_payment(books: Books) -> None:
    """In one transaction: there is no moment in which the money is known by half of its names."""
    recorded = acacia(books, "")
    alias = books.payment("in")
    assert (alias.kind, alias.target) == (PaymentKind.ALIAS, recorded.payment)
