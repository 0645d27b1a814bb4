"""What waits at the door: nothing of it is lost, converted or counted twice, and people see it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress

import pytest

from refledger.domain.errors import AlreadyDecided, CurrencyNotTaken, Forbidden, PaymentNotFound, Unreadable
from refledger.domain.payments import PaymentKind
from refledger.domain.rewards import RewardStatus
from refledger.domain.rules import RuleSet
from refledger.domain.times import DAY_MS
from refledger.operations.context import Context
from refledger.operations.earning import maturity, parked, rating
from refledger.operations.earning.payments import RecordOutcome
from refledger.operations.partners import partners
from refledger.operations.referring import code_application
from tests.support import worlds
from tests.support.books import Books
from tests.support.crashes import crash_at_each_write
from tests.support.programs import a_program, a_rule

S, K = RewardStatus, PaymentKind

pytestmark = worlds.lives_in(worlds.two_tiers, hold_days=30)


def take_euros(books: Books) -> None:
    """The program takes EUR from now on, and every worker has heard of it."""
    made = a_program("default", hold_days=30, payout_minimum=1000, currencies=("EUR",))
    books.set_terms(made, 1)
    books.clock.forward(61_000)


# ---------------------------------------------------------------- a currency that the program does not take


def test_a_foreign_payment_is_parked_and_earns_nothing(books: Books) -> None:
    """Known, in sight, no reward and no message; a repeat is a repeat."""
    recorded = books.pay("carol", "p1", 10_000, "EUR")
    assert (recorded.outcome, recorded.due) == (RecordOutcome.FOREIGN, [])
    assert books.parked() == [recorded.payment]
    assert books.rewards("bob") == []
    assert books.pay("carol", "p1", 10_000, "EUR").outcome is RecordOutcome.REPEATED
    assert books.pay("carol", "p1", 20_000, "EUR").outcome is RecordOutcome.DIFFERENT
    assert books.faults() == []


def test_of_a_customer_nobody_referred_it_waits_for_nobody(books: Books) -> None:
    """Nobody would earn from it in any currency."""
    assert books.pay("dave", "p1", 10_000, "EUR").outcome is RecordOutcome.UNREFERRED
    assert books.parked() == []


def test_accepted_it_earns_as_if_it_came_now(books: Books) -> None:
    """Once the program takes the currency; twice is once; the hold counts from when the customer paid."""
    paid_ms = books.clock()
    books.pay("carol", "p1", 10_000, "EUR")
    with pytest.raises(CurrencyNotTaken):
        books.accept("p1")
    take_euros(books)
    assert books.accept("p1").outcome is RecordOutcome.RECORDED
    assert books.accept("p1").outcome is RecordOutcome.REPEATED
    assert books.parked() == []
    assert [(r.amount, r.currency, r.matures_at_ms) for r in books.rewards("bob")] == [
        (2000, "EUR", paid_ms + 30 * DAY_MS)
    ]
    assert books.pay("carol", "p1", 10_000, "EUR", occurred_at_ms=paid_ms).outcome is RecordOutcome.REPEATED
    books.clock.forward(30 * DAY_MS)
    books.mature("bob", "EUR")
    assert books.balance("bob", "EUR") == (2000, 0, 0)
    assert books.faults() == []


def test_whoever_earns_from_it_does_not_accept_it(books: Books) -> None:
    """Not even who was linked to a partner after the customer was bound, and stands in the binding without a user."""
    acme = partners.create(books.context, partners.NewPartner("A", "B", "a@example.com"), "admin", None, "body")
    code_application.apply(books.context, books.limits, books.user("dora"), acme.code)
    books.pay("dora", "p1", 10_000, "EUR")
    books.pay("carol", "p2", 10_000, "EUR")
    partners.link_user(books.context, acme.id, books.user("ann"), "admin")
    take_euros(books)
    for name, payment in (("ann", "p1"), ("bob", "p2"), ("alice", "p2")):
        with pytest.raises(Forbidden):
            parked.accept(books.context, books.ids.payment("payments", payment), books.user(name))
    for payment in ("p1", "p2"):
        id = books.ids.payment("payments", payment)
        assert parked.accept(books.context, id, books.user("carol")).outcome is RecordOutcome.RECORDED


def test_accepted_long_after_it_matures_at_once(books: Books) -> None:
    """Its hold is over: the messages say so."""
    books.pay("carol", "p1", 10_000, "EUR")
    books.clock.forward(40 * DAY_MS)
    take_euros(books)
    for message in books.accept("p1").due:
        maturity.mature_from(books.context, message.partner_id, message.currency, message.since)
    assert books.balance("bob", "EUR") == (2000, 0, 0)
    assert books.faults() == []


def test_what_went_back_while_it_was_parked_is_netted(books: Books) -> None:
    """A refund and a dispute before it was accepted, a failed one too."""
    books.pay("carol", "p1", 10_000, "EUR")
    books.refund("p1", 2_500, "r1", "EUR")
    books.refund("p1", 5_000, "r2", "EUR")
    books.refund("p1", 5_000, "r2", "EUR", failed=True)
    books.dispute("p1", 1_000, currency="EUR")
    take_euros(books)
    books.accept("p1")
    assert [(r.amount, r.reversed, r.held) for r in books.rewards("bob")] == [(2000, 700, ("DISPUTE",))]
    assert books.faults() == []
    books.close("p1", "WON")
    assert [(r.amount, r.reversed, r.held) for r in books.rewards("bob")] == [(2000, 500, ())]
    assert books.faults() == []


def test_dismissed_it_earns_nothing_for_ever(books: Books) -> None:
    """With its reason, kept, off the list; a repeat of either is one; it cannot be accepted any more."""
    books.pay("carol", "p1", 10_000, "EUR")
    gone = books.dismiss("p1", "a test payment")
    assert (gone.kind, gone.note, gone.by) == (K.IGNORED, "a test payment", "admin")
    assert books.dismiss("p1", "again") == gone == books.payment("p1")
    assert books.parked() == []
    take_euros(books)
    with pytest.raises(AlreadyDecided):
        books.accept("p1")
    assert books.pay("carol", "p1", 10_000, "EUR").outcome is RecordOutcome.REPEATED
    assert books.refund("p1", 100, currency="EUR").outcome is RecordOutcome.RECORDED
    assert books.rewards("bob") == []
    item = books.table.get({"pk": f"PAYMENT#{gone.id}", "sk": "ROOT"})
    assert item is not None
    assert "ttl" not in item, "what a person decided is kept"


def test_what_is_not_parked_is_refused(books: Books) -> None:
    """Neither a payment that earned, nor one of nobody's, nor one that nobody has heard of."""
    books.pay("carol", "p1", 10_000)
    books.pay("dave", "p2", 10_000)
    for act in (books.accept, books.dismiss):
        with pytest.raises(PaymentNotFound):
            act("p3")
        with pytest.raises(AlreadyDecided):
            act("p2")
    with pytest.raises(AlreadyDecided):
        books.dismiss("p1")
    assert books.accept("p1").outcome is RecordOutcome.REPEATED
    books.refund("p4", 100)
    with pytest.raises(AlreadyDecided):
        books.accept("p4")


# ---------------------------------------------------------------- refunds that came first


def test_a_dismissed_refund_is_met_all_the_same(books: Books) -> None:
    """Off the list, and not forgotten: the payment comes after all and earns what is left."""
    books.refund("p1", 2_500)
    assert books.dismiss("p1").kind is K.EARLY
    assert books.parked() == []
    books.refund("p1", 2_500, "r2")
    assert books.pay("carol", "p1", 10_000).outcome is RecordOutcome.RECORDED
    assert [r.amount - r.reversed for r in books.rewards("bob")] == [1000]
    assert books.faults() == []


def test_refund_then_foreign_payment_then_accepted(books: Books) -> None:
    """Early and foreign at once: both wait in one place, and the refund is netted in the end."""
    books.refund("p1", 2_500, currency="EUR")
    assert books.pay("carol", "p1", 10_000, "EUR").outcome is RecordOutcome.FOREIGN
    assert books.parked() == [books.payment("p1").id]
    take_euros(books)
    books.accept("p1")
    assert [r.amount - r.reversed for r in books.rewards("bob")] == [1500]
    assert books.faults() == []


def test_of_a_payment_nobody_referred_it_is_not_parked_any_more(books: Books) -> None:
    """The payment came, so nothing waits for it."""
    books.refund("p1", 2_500)
    assert books.pay("dave", "p1", 10_000).outcome is RecordOutcome.UNREFERRED
    assert books.parked() == []
    assert books.payment("p1").back.refunds == 2_500


def test_nothing_is_lost_after_two_weeks_and_it_is_reported(books: Books) -> None:
    """The oldest first; what was dismissed, met or accepted does not count; what is younger does not yet."""
    books.refund("p1", 100)
    books.clock.forward(1)
    books.pay("carol", "p2", 10_000, "EUR")
    books.refund("p3", 100)
    books.refund("p4", 100)
    books.dismiss("p3")
    books.pay("carol", "p4", 10_000)
    assert parked.overdue(books.context) == 0
    books.clock.forward(14 * DAY_MS - 1)
    books.refund("p5", 100)
    assert parked.overdue(books.context) == 1
    books.clock.forward(1)
    assert parked.overdue(books.context) == 2
    assert parked.overdue(books.context, limit=1) == 1
    assert books.parked()[:2] == [books.payment("p1").id, books.payment("p2").id]
    books.clock.forward(1000 * DAY_MS)
    books.pay("carol", "p1", 10_000)
    assert sorted(r.reversed for r in books.rewards("bob")) == [20, 20]
    assert books.faults() == []


@pytest.mark.parametrize("order", itertools.permutations(("payment", "wrong", "right", "sum")), ids="-".join)
def test_a_wrong_refund_never_blocks_a_right_payment(books: Books, order: tuple[str, ...]) -> None:
    """A refund in another currency takes nothing and is shown to a person; the payment, and its refunds, count."""
    steps: dict[str, Callable[[], object]] = {
        "payment": lambda: books.earn("carol", "p1", 10_000),
        "wrong": lambda: books.refund("p1", 5_000, "r1", currency="EUR"),
        "right": lambda: books.refund("p1", 2_500, "r2"),
        "sum": lambda: books.refund_total("p1", 2_500),
    }
    unreadable = []
    for name in order:
        try:
            steps[name]()
        except Unreadable:
            unreadable.append(name)  # waits in the DLQ until the payment is there
    for name in unreadable:
        with suppress(Unreadable):
            steps[name]()
    assert [(reward.amount, reward.reversed) for reward in books.rewards("bob")] == [(2_000, 500)]
    assert books.faults() == []
    before = order.index("wrong") < order.index("payment")
    assert books.parked() == ([books.payment("p1").id] if before else [])
    if before:
        books.dismiss("p1", "was meant for p2")
        with pytest.raises(AlreadyDecided):
            books.dismiss("p1")
    assert books.parked() == []
    assert [reward.reversed for reward in books.rewards("bob")] == [500]


def test_a_sum_and_a_dispute_in_a_wrong_currency_take_nothing_either(books: Books) -> None:
    """All that came first was wrong: the payment counts whole, and is listed once."""
    books.refund_total("p1", 5_000, "EUR")
    books.dispute("p1", 5_000, currency="EUR")
    assert books.pay("carol", "p1", 10_000).outcome is RecordOutcome.RECORDED
    assert [(reward.amount, reward.reversed, reward.held) for reward in books.rewards("bob")] == [(2_000, 0, ())]
    assert books.parked() == [books.payment("p1").id]
    assert books.faults() == []


@pytest.mark.parametrize("hold_days", [0, 30])
def test_one_that_was_made_before_others_has_its_place_at_once(books: Books, hold_days: int) -> None:
    """Accepted after others had come: those behind it are rated again by the call, and not by the next tick."""
    rules = RuleSet(a_rule(1000, first=(5000,)))
    books.change_program(rules=rules, hold_days=hold_days)
    books.chain("dan", "erik")
    paid_ms = books.clock()
    books.pay("erik", "euros", 10_000, "EUR", occurred_at_ms=paid_ms)
    books.clock.forward(DAY_MS)
    books.earn("erik", "dollars", 10_000)
    assert [r.amount for r in books.rewards("dan")] == [5_000]
    books.change_program(rules=rules, hold_days=hold_days, currencies=("USD", "EUR"))
    due = books.accept("euros").due
    assert sorted((r.amount, r.currency) for r in books.rewards("dan")) == [(1_000, "USD"), (5_000, "EUR")]
    assert books.balance("dan") == ((1_000, 0, 0) if not hold_days else (0, 0, 0))
    assert {message.currency for message in due} == (set() if hold_days else {"EUR", "USD"})
    assert list(rating.waiting(books.context)) == []
    assert books.faults() == []


def test_whoever_dies_after_accepting_it_is_met_by_the_repeat(books: Books) -> None:
    """The call again rates what the first one left."""
    books.change_program(rules=RuleSet(a_rule(1000, first=(5000,))), hold_days=30)
    names = iter(range(1000))

    def prepare() -> str:
        name = f"{next(names)}"
        books.change_program(rules=RuleSet(a_rule(1000, first=(5000,))), hold_days=30)
        books.chain(f"dan {name}", f"erik {name}")
        books.pay(f"erik {name}", f"euros {name}", 10_000, "EUR", occurred_at_ms=books.clock() - DAY_MS)
        books.pay(f"erik {name}", f"dollars {name}", 10_000)
        books.change_program(rules=RuleSet(a_rule(1000, first=(5000,))), hold_days=30, currencies=("USD", "EUR"))
        return name

    def act(context: Context, name: str) -> None:
        parked.accept(context, books.ids.payment("payments", f"euros {name}"), "admin")

    for name in crash_at_each_write(books, prepare, act):
        act(books.context, name)
        amounts = sorted((r.amount, r.currency) for r in books.rewards(f"dan {name}"))
        assert amounts == [(1_000, "USD"), (5_000, "EUR")]
    assert books.faults() == []
