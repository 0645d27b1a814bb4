"""One payment under two names: whatever came under either, before or after they were known to be one, counts once."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import pytest

from refledger.domain.payment_events import PaymentAlias
from refledger.domain.payments import PaymentKind
from refledger.domain.rules import RuleSet
from refledger.domain.times import DAY_MS
from refledger.operations.context import Context
from refledger.operations.earning import explanations, rating, refunds
from refledger.operations.earning.payments import RecordOutcome
from refledger.store import payments
from tests.support import worlds
from tests.support.books import Books
from tests.support.crashes import crash_at_each_write
from tests.support.faults import Death, FaultInjectingClient, die
from tests.support.programs import a_rule

Step = Callable[[Books], object]

pytestmark = worlds.lives_in(worlds.two_tiers, currencies=("EUR",))


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


def test_a_name_stays_that_of_the_payment_it_was_told_of_first(books: Books) -> None:
    """One charge that pays two invoices: refunds by its name are of the first, and neither invoice is taken back."""
    books.earn("carol", "in1", 5_000)
    books.earn("carol", "in2", 5_000)
    assert books.alias("in1", "in1").outcome is RecordOutcome.REPEATED
    assert books.alias("x", "in1").outcome is RecordOutcome.RECORDED
    assert books.alias("x", "in2").outcome is RecordOutcome.DIFFERENT
    assert books.alias("y", "x").outcome is RecordOutcome.RECORDED  # a name of a name
    assert books.alias("in1", "y").outcome is RecordOutcome.REPEATED
    assert books.balance("bob") == (2000, 0, 0)
    assert books.faults() == []


def test_a_payment_under_the_other_name_is_told(books: Books) -> None:
    """What is an alias already is counted under the name that it stands for, once."""
    books.alias("pi", "in")
    assert books.pay("carol", "pi", 10_000).outcome is RecordOutcome.RECORDED
    assert books.pay("carol", "in", 10_000).outcome is RecordOutcome.REPEATED
    assert [reward.payment for reward in books.rewards("bob")] == [books.payment("in").id]


def test_a_name_of_a_name_leads_to_the_payment(books: Books) -> None:
    """However many there are between."""
    books.alias("a", "b")
    books.alias("b", "c")
    books.earn("carol", "c", 10_000)
    books.refund("a", 5_000)
    assert books.balance("bob") == (1000, 0, 0)
    assert books.faults() == []


def test_what_came_in_another_currency_takes_nothing(books: Books) -> None:
    """Nothing is converted: what is right under the other name counts, what is wrong is listed for a person."""
    books.earn("carol", "in", 10_000)
    books.refund("pi", 1_000, "r1", currency="EUR")
    books.refund("pi", 2_000, "r2")
    assert books.alias("pi", "in").outcome is RecordOutcome.RECORDED
    assert books.balance("bob") == (1600, 0, 0)
    assert books.payment("pi").kind is PaymentKind.ALIAS
    assert books.parked() == [books.payment("in").id]
    assert books.faults() == []


def test_two_payments_in_two_currencies_are_not_one(books: Books) -> None:
    """Whatever somebody says."""
    books.earn("carol", "in", 10_000)
    books.earn("carol", "pi", 10_000, "EUR")
    assert books.alias("pi", "in").outcome is RecordOutcome.DIFFERENT
    assert (books.balance("bob"), books.balance("bob", "EUR")) == ((2000, 0, 0), (2000, 0, 0))


# ---------------------------------------------------------------- counted under both names


TWICE: dict[str, Step] = {
    "charge": lambda b: b.earn("carol", "pi", 10_000),
    "invoice": lambda b: b.earn("carol", "in", 10_000),
    "link": ALIAS,
    "refund": lambda b: b.refund("pi", 1_000, "r1"),
    "dispute": lambda b: b.dispute("in", 4_000, "d1"),
    "lost": lambda b: b.close("pi", "LOST", "d1"),
}


@pytest.mark.parametrize("order", [
    *random.Random(7).sample(list(itertools.permutations(TWICE)), 40),
], ids="-".join)  # fmt: skip
def test_the_same_money_under_two_names_counts_once(books: Books, order: tuple[str, ...]) -> None:
    """A charge and its invoice, both counted before they are known to be one, or after: half is left, of one."""
    for step in (*order, *order):
        TWICE[step](books)
    assert books.faults() == []
    assert books.balance("bob") == (1000, 0, 0)
    assert books.balance("alice") == (500, 0, 0)
    assert books.parked() == []


def test_what_was_counted_twice_says_so(books: Books) -> None:
    """The reward of the one that goes is taken back by an entry and explains itself; what was paid is owed."""
    books.earn("carol", "pi", 10_000)
    books.pay_out("bob", 2000)
    books.earn("carol", "in", 10_000)
    assert books.alias("pi", "in").outcome is RecordOutcome.RECORDED
    paid, stays = sorted(books.rewards("bob"), key=lambda reward: reward.status, reverse=True)
    assert (paid.status, paid.reversed, stays.status, stays.reversed) == ("PAID", 2000, "APPROVED", 0)
    (alices, _) = sorted(books.rewards("alice"), key=lambda reward: reward.reversed, reverse=True)
    assert (alices.status, alices.cancelled) == ("CANCELLED", "DUPLICATE")
    assert books.balance("bob") == (0, 0, 2000)
    told = explanations.explain(books.context, alices.id).explanation
    assert "under two names" in told.taken.text
    assert (books.payment("pi").kind, books.payment("pi").reason) == (PaymentKind.ALIAS, "DUPLICATE")
    assert books.refund("pi", 10_000, "r1").outcome is RecordOutcome.RECORDED
    assert books.balance("bob") == (-2000, 0, 2000)
    assert books.faults() == []


def test_what_earns_stays_before_what_does_not(books: Books) -> None:
    """A charge of a referred customer, and its invoice under a customer nobody referred: the charge counts."""
    for number, (first, second) in enumerate(itertools.permutations(("carol", "nobody"))):
        for customer in (first, second):
            books.earn(customer, ("pi" if customer == "carol" else "in") + str(number), 10_000)
        books.alias(f"pi{number}", f"in{number}")
        assert books.payment(f"pi{number}").kind is PaymentKind.PAYMENT
        assert books.payment(f"in{number}").kind is PaymentKind.ALIAS
    assert books.balance("bob") == (4000, 0, 0)
    assert books.faults() == []


# ---------------------------------------------------------------- many


def deep(books: Books) -> str:
    """A customer with ten tiers above, all of whom earn; their name."""
    books.program("deep", rules=RuleSet(a_rule(*[500] * 10)))
    names = [f"tier {number}" for number in range(11)]
    for upper in names[:-1]:
        books.member(upper, "deep")
    for upper, lower in itertools.pairwise(names):
        books.apply(lower, upper)
    return names[-1]


def test_three_hundred_refunds_move_under_ten_tiers(books: Books) -> None:
    """In batches: no number of them is too many, and every cent of them counts once."""
    customer = deep(books)
    for number in range(300):
        books.refund("pi", 30, f"r{number}")
    books.earn(customer, "in", 10_000, program_id="deep")
    assert books.alias("pi", "in").outcome is RecordOutcome.RECORDED
    back = books.payment("in").back
    assert (back.refunds, back.refunded) == (9_000, 9_000)
    assert {books.balance(f"tier {number}")[0] for number in range(10)} == {50}
    assert books.refund("pi", 30, "r7").outcome is RecordOutcome.REPEATED
    assert books.parked() == []
    assert books.faults() == []


def test_dying_at_any_write_the_move_goes_on_where_it_was(books: Books) -> None:
    """Two payments that turn out to be one, with refunds of their own and some in between: nothing counts twice."""
    for number in range(40):
        books.refund("pi", 100, f"r{number}")
    books.earn("carol", "pi", 10_000)
    books.earn("carol", "in", 10_000)
    books.refund("in", 100, "r0")  # of the other payment, as far as anybody knows
    for at in range(60):
        client = FaultInjectingClient(books.client, at, after=die)
        try:
            done = refunds.alias(books.behind(client), PaymentAlias("payments", "pi", "in", books.clock()))
        except Death:
            assert books.faults() == []
            books.refund("pi", 10, f"late {at}")
            assert books.faults() == []
            left = books.payment("in").back.refunds + books.payment("pi").back.refunds
            assert left == 4_000 + 10 * (at + 1)
            continue
        assert done.outcome is RecordOutcome.RECORDED
        break
    assert books.payment("in").back.refunds == 4_000 + 10 * at
    assert books.payment("pi").kind is PaymentKind.ALIAS
    assert books.balance("bob")[0] == 2000 - 800 - 2 * at
    assert books.faults() == []


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


# ---------------------------------------------------------------- their place among the customer's


PLACED: dict[str, Callable[[Books, str, int], object]] = {
    "charge": lambda b, n, at: b.earn(n, f"ch {n}", 10_000, occurred_at_ms=at),
    "invoice": lambda b, n, at: b.earn(n, f"in {n}", 10_000, occurred_at_ms=at + 1_000),
    "next": lambda b, n, at: b.earn(n, f"next {n}", 20_000, occurred_at_ms=at + DAY_MS),
    "alias": lambda b, n, _: b.alias(f"ch {n}", f"in {n}"),
}


@pytest.mark.parametrize(
    ("rules", "wanted"),
    [
        (RuleSet(a_rule(1000, first=(5000,))), 7_000),
        (RuleSet(a_rule(1000, payments=1)), 1_000),
        (RuleSet(a_rule(1000, first=(5000,), months=1)), 7_000),
    ],
)
def test_what_was_counted_twice_takes_one_place(books: Books, rules: RuleSet, wanted: int) -> None:
    """The name that goes is no payment of the customer's by itself: the one that stays is the first, in any order."""
    books.change_program(rules=rules)
    for number, order in enumerate(itertools.islice(itertools.permutations(PLACED), 0, None, 2)):
        bob, carol = f"bob {number}", f"carol {number}"
        books.chain(bob, carol)
        at_ms = books.clock()
        books.clock.forward(2 * DAY_MS)
        for name in order:
            PLACED[name](books, carol, at_ms)
        books.mature(bob)
        assert books.balance(bob) == (wanted, 0, 0), order
    assert books.faults() == []


def test_the_place_is_free_wherever_a_process_dies(books: Books) -> None:
    """Before or after each write of the join: the event again, or the schedule, come to the same."""
    books.change_program(rules=RuleSet(a_rule(1000, first=(5000,))))
    names = iter(range(1000))

    def prepare() -> str:
        name = f"{next(names)}"
        books.chain(f"bob {name}", f"carol {name}")
        for step in ("charge", "invoice", "next"):
            PLACED[step](books, f"carol {name}", books.clock() - 2 * DAY_MS)
        return name

    def act(context: Context, name: str) -> None:
        refunds.alias(context, PaymentAlias("payments", f"ch carol {name}", f"in carol {name}", books.clock()))

    for name in crash_at_each_write(books, prepare, act):
        act(books.context, name)
        for program_id, customer in list(rating.waiting(books.context)):
            rating.rate_customer(books.context, program_id, customer)
        books.mature(f"bob {name}")
        assert books.balance(f"bob {name}") == (7_000, 0, 0)
    assert books.faults() == []
