"""One payment under two names: whatever came under either, before or after they were known to be one, counts once."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from refledger.domain.errors import Unreadable
from refledger.domain.payments import PaymentKind
from refledger.operations.payments import Outcome
from refledger.store import payments
from tests.support.books import Books

Step = Callable[[Books], object]


@pytest.fixture
def books(books: Books) -> Books:
    """Alice refers Bob, Bob refers Carol; 20 % and 10 %, nothing held."""
    books.program(currencies=("EUR",))
    books.chain("alice", "bob", "carol")
    return books


STEPS: dict[str, Callable[[Books, str], object]] = {
    "alias": lambda b, n: b.alias(f"pi{n}", f"in{n}"),
    "payment": lambda b, n: b.earn("carol", f"in{n}", 10_000),
    "refund": lambda b, n: b.refund(f"pi{n}", 1_000, f"r{n}"),
    "dispute": lambda b, n: b.dispute(f"pi{n}", 4_000, f"d{n}"),
    "closed": lambda b, n: b.close(f"pi{n}", "LOST", f"d{n}"),
}


def test_any_order(books: Books) -> None:
    """Alias, payment, and what went back under the other name, each twice: half is left, and nothing waits.

    Every third of the orders: each step comes before and after each other one in many of them.
    """
    for number, order in enumerate(itertools.islice(itertools.permutations(STEPS), 0, None, 3)):
        for name in order:
            STEPS[name](books, str(number))
            STEPS[name](books, str(number))
        back = books.payment(f"in{number}").back
        assert (back.refunds, back.disputed, back.lost) == (1_000, 0, 4_000), order
        assert books.balance("bob") == (1000 * (number + 1), 0, 0), order
        assert books.parked() == []
        assert books.payment(f"pi{number}").kind is PaymentKind.ALIAS
    assert books.faults() == []


ALIAS: Step = lambda b: b.alias("pi", "in")  # noqa: E731
BOTH: dict[str, Step] = {
    "refund, alias": lambda b: b.refund("pi", 1_000, "r1"),
    "refund, payment": lambda b: b.refund("in", 1_000, "r1"),
    "failed, alias": lambda b: b.refund("pi", 500, "r2", failed=True),
    "failed, payment": lambda b: b.refund("in", 500, "r2"),
    "sum, alias": lambda b: b.refund_total("pi", 2_000),
    "sum, payment": lambda b: b.refund_total("in", 2_000),
    "opened, alias": lambda b: b.dispute("pi", 4_000, "d1"),
    "opened, payment": lambda b: b.dispute("in", 4_000, "d1"),
    "closed, alias": lambda b: b.close("pi", "LOST", "d1"),
}


@pytest.mark.parametrize("at", range(len(BOTH) + 1))
@pytest.mark.parametrize("backwards", [False, True])
def test_told_under_both_names_it_counts_once(books: Books, at: int, backwards: bool) -> None:
    """The names are known to be one before, between or after the same facts were told under both."""
    steps = list(BOTH.values())[:: -1 if backwards else 1]
    books.earn("carol", "in", 10_000)
    for step in [*steps[:at], ALIAS, *steps[at:], *steps]:
        step(books)
        assert books.faults() == []
    back = books.payment("in").back
    assert (back.refunds, back.failed, back.total, back.disputed, back.lost) == (1_000, 500, 2_000, 0, 4_000)
    assert books.balance("bob") == (900, 0, 0)  # 10,000 less 1,500 and 4,000: what failed was in the sum
    assert books.parked() == []


def test_a_name_cannot_be_two_payments(books: Books) -> None:
    """Neither that of a payment that was counted, nor of another one; nor can two name each other."""
    books.earn("carol", "in", 10_000)
    books.earn("carol", "pi", 10_000)
    assert books.alias("pi", "in").outcome is Outcome.DIFFERENT
    assert books.alias("in", "in").outcome is Outcome.REPEATED
    assert books.alias("x", "in").outcome is Outcome.RECORDED
    assert books.alias("x", "y").outcome is Outcome.DIFFERENT
    assert books.alias("y", "x").outcome is Outcome.DIFFERENT
    assert books.balance("bob") == (4000, 0, 0)
    assert books.faults() == []


def test_a_payment_under_the_other_name_is_told(books: Books) -> None:
    """What is an alias already is counted under the name that it stands for."""
    books.alias("pi", "in")
    assert books.pay("carol", "pi", 10_000).outcome is Outcome.DIFFERENT
    assert books.rewards("bob") == []


def test_a_name_of_a_name_leads_to_the_payment(books: Books) -> None:
    """However many there are between."""
    books.alias("a", "b")
    books.alias("b", "c")
    books.earn("carol", "c", 10_000)
    books.refund("a", 5_000)
    assert books.balance("bob") == (1000, 0, 0)
    assert books.faults() == []


def test_what_came_in_another_currency_does_not_move(books: Books) -> None:
    """Nothing is converted: the alias waits in the DLQ for a person, and both sides stay as they were."""
    books.earn("carol", "in", 10_000)
    books.refund("pi", 1_000, currency="EUR")
    with pytest.raises(Unreadable, match="currency"):
        books.alias("pi", "in")
    assert books.balance("bob") == (2000, 0, 0)
    assert books.payment("pi").kind is PaymentKind.EARLY


def test_several_names_of_one_payment(books: Books) -> None:
    """An invoice that was paid in two: refunds of both parts, before and after, take together."""
    books.refund("pi1", 1_000, "r1")
    books.alias("pi1", "in")
    books.alias("pi2", "in")
    books.refund("pi2", 2_000, "r2")
    books.earn("carol", "in", 10_000)
    books.refund("pi1", 2_000, "r3")
    assert books.payment("in").back.refunds == 5_000
    assert books.balance("bob") == (1000, 0, 0)
    assert books.faults() == []


@pytest.mark.parametrize("ends", [True, False])
def test_a_dispute_waits_under_one_name_only(books: Books, ends: bool) -> None:
    """It moves to the payment, and off the list when it ends there."""
    books.earn("carol", "in1", 10_000)
    books.dispute("pi1", 4_000)
    books.alias("pi1", "in1")
    if ends:
        books.close("pi1", "WON")
    listed = [which for _, which in payments.open_disputes(books.table, "", 10)]
    assert [payment for payment, _ in listed] == ([] if ends else [books.ids.payment("payments", "in1")])
    assert books.faults() == []
