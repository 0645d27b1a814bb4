"""The same facts are the same money, whatever came first: held against a model that knows no order."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, permutations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from refledger.domain.errors import Busy
from refledger.domain.explaining import NextStep
from refledger.domain.payment_events import PaymentReceived
from refledger.domain.rewards import Cancelled, Reward
from refledger.domain.rules import Pay, RuleSet
from refledger.domain.tellers import Teller
from refledger.domain.times import DAY_MS
from refledger.operations.context import Context
from refledger.operations.earning import explanations, payments, rating
from refledger.store import keys
from refledger.store import payments as stored_payments
from refledger.store.transaction import update
from tests.support import dynamodb, reference
from tests.support.books import Books
from tests.support.crashes import crash_at_each_write
from tests.support.programs import a_rule
from tests.support.reference import Closed, Disputed, Fact, Paid, Partly, Refunded

HISTORIES = int(os.environ.get("ORDER_HISTORIES", "4"))  # `make simulate` tries more
QUICK = (Phase.generate,)  # a history says enough as it is
ORDERS = int(os.environ.get("ORDER_ORDERS", "4"))  # of each, beyond that of the facts
NAMES = ("ann", "ben", "cat", "dan", "eve")  # each referred the next
CUSTOMERS = ("eve", "ben")
FLAT = Pay.amounts({"USD": 700})
RULES = (
    RuleSet(a_rule(1000, first=(5000,))),
    RuleSet(a_rule(1000, 500, first=(FLAT,)), (("gold", a_rule(2000, 1000, 500, 100)),)),
    RuleSet(a_rule(1000, months=1)),
    RuleSet(a_rule(1000, 700, months=2), (("gold", a_rule(2000, first=(100, 900), payments=2)),)),
    RuleSet(a_rule(1000, payments=2)),
    RuleSet(a_rule(2000, 1000, 500, 100, first=(3000, 1), payments=3, months=1)),
    RuleSet(a_rule(2000, 1000), monthly_cap=(("USD", 3_000),)),
    RuleSet(a_rule(3000, 1000, first=(5000,), months=2), monthly_cap=(("USD", 4_000),)),
)


# ---------------------------------------------------------------- histories


@st.composite
def histories(draw: st.DrawFn, most: int = 4) -> list[Fact]:
    """Payments over some months, some of one moment, with refunds and disputes that may be more than was paid; some are
    told by their charge as well, once or twice.
    """
    facts: list[Fact] = []
    days, amounts = st.sampled_from([0, 0, 1, 20, 31, 40, 75]), st.sampled_from([0, 1, 999, 10_000, 10_000, 33_333])
    for number in range(draw(st.integers(1, most))):
        customer, product = draw(st.sampled_from(CUSTOMERS)), draw(st.sampled_from(["", "", "gold"]))
        paid = Paid(f"p{number}", "", customer, draw(days) * DAY_MS, draw(amounts), product)
        facts.append(paid)
        if paid.amount:
            for captured in sorted(draw(st.sets(st.sampled_from([500, 1_500, 40_000]), max_size=2))):
                facts.append(Partly(f"p{number}", captured, captured - captured // 10))
        for refund in range(draw(st.sampled_from([0, 0, 1, 2]))):
            facts.append(Refunded(f"p{number}", f"r{refund}", draw(st.sampled_from([1, 3_000, 10_000]))))
        if draw(st.integers(0, 3)) == 0:
            facts.append(Disputed(f"p{number}", "d", draw(st.sampled_from([500, 10_000]))))
            facts.append(
                Closed(f"p{number}", "d", draw(st.booleans()))
            )  # open, it holds what is not in the balance yet
    return facts


class World:
    """One table in which the same history is told again and again, each time to other people."""

    def __init__(self, endpoint: str, hold_days: int) -> None:
        self.books, self.hold_days, self.told = Books(dynamodb.new_database(endpoint)), hold_days, 0
        self.start_ms = self.books.clock()
        self.books.program(hold_days=hold_days)

    def under(self, rules: RuleSet) -> None:
        """Who is referred from now on goes by these."""
        self.books.change_program(rules=rules, hold_days=self.hold_days)

    def tell(self, facts: Sequence[Fact], order: Sequence[int], rules: RuleSet, pauses: Sequence[int] = ()) -> None:
        """All facts in this order, of people of their own, with maturity between some; then all is due.

        What partners have is what the model says, and the books are right.
        """
        self.told += 1
        self.paid = {fact.id: fact for fact in facts if isinstance(fact, Paid)}
        books, people = self.books, {each: f"{each} {self.told}" for each in NAMES}
        books.clock.at_ms = max(books.clock(), self.start_ms + 100 * DAY_MS)
        books.chain(*people.values())
        for place, number in enumerate(order):
            self._happen(facts[number], people)
            if place in pauses:
                self._pause(people)
        books.clock.forward(self.hold_days * DAY_MS)
        self._pause(people)
        found = {each: books.balance(people[each])[0] for each in NAMES}
        exact = [
            Paid(f.id, books.ids.payment("payments", self._id(f.id)), f.customer, self._at(f), f.amount, f.product)
            if isinstance(f, Paid) else f
            for f in facts
        ]  # fmt: skip
        chains = {each: list(reversed(NAMES[: NAMES.index(each)])) for each in NAMES}
        wanted = reference.balances(exact, chains, rules)
        assert {each: amount for each, amount in found.items() if amount} == wanted, (facts, order, pauses, rules)

    def _id(self, payment: str) -> str:
        return f"{payment} {self.told}"

    def _at(self, fact: Paid) -> int:
        return self.start_ms + fact.at_ms

    def _happen(self, fact: Fact, people: dict[str, str]) -> None:
        books, id = self.books, self._id(fact.id if isinstance(fact, Paid) else fact.payment)
        books.clock.forward(1)
        match fact:
            case Paid():
                books.earn(
                    people[fact.customer], id, fact.amount, occurred_at_ms=self._at(fact), product_id=fact.product,
                    teller=Teller.INVOICE,
                )  # fmt: skip
            case Partly():
                paid = self.paid[fact.payment]
                books.earn(
                    people[paid.customer], id, fact.base, amount=fact.amount, occurred_at_ms=self._at(paid),
                    teller=Teller.CHARGE,
                )  # fmt: skip
            case Refunded():
                books.refund(id, fact.amount, f"{fact.id} of {id}")
            case Disputed():
                books.dispute(id, fact.amount, f"{fact.id} of {id}")
            case Closed():
                books.close(id, "WON" if fact.won else "LOST", f"{fact.id} of {id}")

    def _pause(self, people: dict[str, str]) -> None:
        """The schedule has ticked."""
        for program_id, customer in list(rating.waiting(self.books.context)):
            rating.rate_customer(self.books.context, program_id, customer)
        for name in people.values():
            self.books.mature(name)


@pytest.mark.parametrize("hold_days", [0, 30])
@settings(max_examples=HISTORIES, deadline=None, suppress_health_check=list(HealthCheck), database=None, phases=QUICK)
@given(data=st.data())
def test_any_order_with_repeats_and_pauses_comes_to_the_same(
    dynamodb_endpoint: str, hold_days: int, data: st.DataObject
) -> None:
    """Payments, refunds, disputes, under rules that count: any order, each fact twice, and maturity in between."""
    world, facts = World(dynamodb_endpoint, hold_days), data.draw(histories())
    rules, chance = data.draw(st.sampled_from(RULES)), data.draw(st.randoms(use_true_random=False))
    world.under(rules)
    for _ in range(ORDERS):
        order = chance.sample([*range(len(facts))] * 2, 2 * len(facts))  # twice each: at least once is promised
        pauses = [place for place in range(len(order)) if chance.randrange(3) == 0]
        world.tell(facts, order, rules, pauses)
    assert world.books.faults() == []


FIVE: tuple[Fact, ...] = (
    Paid("p0", "", "eve", 0, 10_000), Paid("p1", "", "eve", 20 * DAY_MS, 20_000),
    Paid("p2", "", "eve", 40 * DAY_MS, 40_000), Refunded("p0", "r", 10_000), Refunded("p1", "r", 5_000),
)  # fmt: skip


def some_orders(count: int) -> Iterator[tuple[int, ...]]:
    """All 120, or as many of them from all over."""
    every = list(permutations(range(len(FIVE))))
    return islice(iter(random.Random(7).sample(every, len(every))), count)


@pytest.mark.parametrize("rules", RULES)
def test_every_order_of_five_facts(dynamodb_endpoint: str, rules: RuleSet) -> None:
    """Three payments, of which one is returned and a part of another: under each rule, with a tick after each."""
    world = World(dynamodb_endpoint, 0)
    world.under(rules)
    for order in some_orders(int(os.environ.get("ORDER_PERMUTATIONS", "8"))):
        world.tell(FIVE, order, rules, range(5) if sum(order[:2]) % 2 else ())
    assert world.books.faults() == []


# ---------------------------------------------------------------- what was seen


def test_the_first_payment_is_the_first_that_was_made(books: Books) -> None:
    """50 % of the first and 10 % of all others: 10.00 in January and 1000.00 in February are 105.00 in either order."""
    books.program(rules=RuleSet(a_rule(1000, first=(5000,))))
    for number, order in enumerate(((0, 1), (1, 0))):
        books.chain(f"bob {number}", f"carol {number}")
        for each in order:
            at_ms = books.clock() - (40 - 31 * each) * DAY_MS
            books.earn(f"carol {number}", f"{number} {each}", (1_000, 100_000)[each], occurred_at_ms=at_ms)
        assert books.balance(f"bob {number}") == (10_500, 0, 0)
    assert books.faults() == []


@pytest.mark.parametrize("order", permutations(range(3)))
def test_months_begin_with_the_first_that_was_made(books: Books, order: Sequence[int]) -> None:
    """One month, 10 %: 100.00 on the 1st, the 20th and the 41st day are 20.00 in any order."""
    books.program(rules=RuleSet(a_rule(1000, months=1)))
    books.chain("bob", "carol")
    for each in order:
        books.earn("carol", f"p{each}", 10_000, occurred_at_ms=books.clock() - (60 - 20 * each) * DAY_MS)
    assert books.balance("bob") == (2_000, 0, 0)
    assert books.faults() == []


def test_what_was_paid_out_is_owed_when_an_earlier_one_comes(books: Books) -> None:
    """The correction is an entry that names both payments; who has spent it is in debt, as after a refund."""
    books.program(rules=RuleSet(a_rule(1000, first=(5000,))), payout_minimum=1)
    books.chain("bob", "carol")
    books.earn("carol", "february", 100_000)
    books.pay_out("bob", 50_000)
    books.earn("carol", "january", 1_000, occurred_at_ms=books.clock() - 31 * DAY_MS)
    assert books.balance("bob") == (10_500 - 50_000, 0, 50_000)
    late, again = books.payment("january").id, books.payment("february").id
    assert [(e.kind.value, e.amount, e.reference) for e in books.entries("bob") if "because" in e.reference] == [
        ("REVERSE", 40_000, f"{again} because of {late}")
    ]
    assert books.faults() == []


def test_a_tier_that_earned_nothing_earns_and_one_that_earned_does_not(books: Books) -> None:
    """The first pays tier 1 alone, all others both: rewards are made, changed and cancelled as places change."""
    books.program(rules=RuleSet(a_rule(1000, 700, first=(5000,), payments=2)), hold_days=3)
    books.chain("alice", "bob", "carol")
    books.pay("carol", "p3", 10_000)
    assert [len(books.rewards(name)) for name in ("bob", "alice")] == [1, 0]
    books.pay("carol", "p2", 10_000, occurred_at_ms=books.clock() - DAY_MS)
    assert sorted(r.amount for r in books.rewards("bob")) == [1_000, 5_000]
    assert [r.amount for r in books.rewards("alice")] == [700]
    books.pay("carol", "p1", 10_000, occurred_at_ms=books.clock() - 2 * DAY_MS)
    by_payment = {r.payment: r for r in books.rewards("bob")}
    third = by_payment[books.payment("p3").id]
    assert (third.amount, third.status.value, third.cancelled) == (0, "CANCELLED", "UNEARNED")
    assert books.payment("p3").unearned == ((1, "PAYMENTS"), (2, "PAYMENTS"))
    books.clock.forward(3 * DAY_MS)
    for name in ("alice", "bob"):
        books.mature(name)
    assert (books.balance("bob"), books.balance("alice")) == ((6_000, 0, 0), (700, 0, 0))
    assert books.faults() == []


def test_an_explanation_names_the_payment_that_came_late(books: Books) -> None:
    """What it was, what it is, and because of what; one that earns nothing any more says so."""
    books.program(rules=RuleSet(a_rule(1000, first=(5000,), payments=1)))
    books.chain("bob", "carol")
    books.earn("carol", "second", 10_000)
    books.earn("carol", "first", 2_000, occurred_at_ms=books.clock() - DAY_MS)
    found = explanations.explain(
        books.context, next(r.id for r in books.rewards("bob") if r.payment == books.payment("second").id)
    ).explanation
    assert found.rated_again is not None
    assert (found.rated_again.first_amount, found.rated_again.because_of) == (5_000, books.payment("first").id)
    assert "it was 50.00 USD until payment" in found.rated_again.text
    assert found.earned.text.startswith("nothing")
    assert (found.worth, [each.what for each in found.coming]) == (0, [NextStep.NOTHING])
    assert books.balance("bob") == (1_000, 0, 0)


def late(books: Books, prefix: str) -> None:
    """Three came in their order; what comes now was made before all of them."""
    books.chain(f"{prefix} alice", f"{prefix} bob", f"{prefix} carol")
    for day in range(3):
        at_ms = books.clock() - (20 - day) * DAY_MS
        books.earn(f"{prefix} carol", f"{prefix} {day}", 10_000, occurred_at_ms=at_ms)


@pytest.mark.parametrize("hold_days", [0, 90])
def test_wherever_a_process_dies_the_next_ones_rate_what_is_left(books: Books, hold_days: int) -> None:
    """Before or after each write of a payment that comes late: its event again, or the schedule, come to the same."""
    books.program(rules=RuleSet(a_rule(1000, 700, first=(5000,), payments=3, months=1)), hold_days=hold_days)
    names = iter(range(1000))

    def prepare() -> str:
        prefix = f"{next(names)}"
        late(books, prefix)
        return prefix

    def act(context: Context, prefix: str) -> None:
        paid_ms = books.clock() - 60 * DAY_MS
        payments.record(context, PaymentReceived(
            "payments", f"{prefix} late", f"{prefix} carol", "default", 2_000, 2_000, "USD", paid_ms
        ))  # fmt: skip

    for number, prefix in enumerate(crash_at_each_write(books, prepare, act)):
        if number % 2 or not payments_of(books, f"{prefix} late"):
            act(books.context, prefix)  # the event comes again
        for program_id, customer in list(rating.waiting(books.context)):
            rating.rate_customer(books.context, program_id, customer)
        amounts = sorted(r.amount for r in books.rewards(f"{prefix} bob"))
        assert amounts == [0, 0, 0, 1_000], "of all but the late one the months are over"
        if not hold_days:
            for name in ("alice", "bob"):
                books.mature(f"{prefix} {name}")
            assert books.balance(f"{prefix} bob") == (1_000, 0, 0)
            assert books.balance(f"{prefix} alice") == (0, 0, 0)
    assert books.faults() == []


def payments_of(books: Books, id: str) -> bool:
    return bool(stored_payments.many(books.table, [books.ids.payment("payments", id)]))


def test_many_at_once_come_to_the_same(books: Books) -> None:
    """Eight payments of eight moments, each told twice, by four workers."""
    books.program(rules=RuleSet(a_rule(1000, first=(5000,), payments=3)))
    books.chain("bob", "carol")
    books.context = books.behind(books.client)
    start_ms = books.clock()
    ids = [*range(8)] * 2
    random.Random(3).shuffle(ids)

    def pay(id: int) -> None:
        for _ in range(20):
            try:
                books.earn("carol", f"p{id}", 10_000 + id, occurred_at_ms=start_ms - (9 - id) * DAY_MS)
            except Busy:
                continue
            return

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(pay, ids))
    for program_id, customer in list(rating.waiting(books.context)):
        rating.rate_customer(books.context, program_id, customer)
    books.mature("bob")
    assert sorted(r.amount for r in books.rewards("bob") if r.amount) == [1_000, 1_000, 5_000]
    assert books.balance("bob") == (7_000, 0, 0)
    assert books.faults() == []


def test_a_customer_of_before_keeps_what_was_decided(books: Books) -> None:
    """Counted when only the number was kept: nothing of it is rated again, and it stays the first."""
    books.program(rules=RuleSet(a_rule(1000, first=(5000,))))
    books.chain("bob", "carol")
    books.earn("carol", "old", 10_000)
    books.table.commit(update("as it was", keys.binding("default", books.user("carol")), "REMOVE #paid"))
    books.earn("carol", "earlier", 10_000, occurred_at_ms=books.clock() - DAY_MS)
    assert books.balance("bob") == (6_000, 0, 0)
    assert rating.rate_again(books.context, books.payment("old").id).changed == 0
    assert books.faults() == []


def test_what_was_let_in_by_a_person_is_corrected_too(books: Books) -> None:
    """Approved before its day; held and released; cancelled by hand stays so, whatever comes."""
    books.program(rules=RuleSet(a_rule(1000, first=(5000,))), hold_days=30)
    for name in ("approved", "cancelled", "held"):
        books.chain(f"bob {name}", f"carol {name}")
        books.pay(f"carol {name}", name, 10_000)
        (reward,) = books.rewards(f"bob {name}")
        acts: dict[str, Callable[[Reward], Reward]] = {
            "approved": books.approve, "cancelled": books.cancel, "held": books.hold,
        }  # fmt: skip
        acts[name](reward)
        books.pay(f"carol {name}", f"{name} first", 2_000, occurred_at_ms=books.clock() - DAY_MS)
    assert books.balance("bob approved") == (1_000, 0, 0)
    assert [r.cancelled for r in books.rewards("bob cancelled") if r.payment == books.payment("cancelled").id] == [
        Cancelled.BY_HAND
    ]
    (held,) = [r for r in books.rewards("bob held") if r.held]
    assert held.amount == 1_000
    assert books.faults() == []


@pytest.mark.parametrize(
    ("rules", "wanted"), [(RuleSet(a_rule(1000)), 2_500), (RuleSet(a_rule(1000, first=(5000,), months=1)), 6_500)]
)
def test_what_was_paid_after_expiry_earns_once_one_of_before_is_told(books: Books, rules: RuleSet, wanted: int) -> None:
    """In time, and twice later, one of them refunded by half: whoever paid in time has not expired, in any order."""
    books.program(rules=rules, attribution_days=10)
    for number, order in enumerate(permutations((5, 20, 30))):
        books.chain(f"bob {number}", f"carol {number}")
        start_ms = books.clock()
        books.clock.forward(40 * DAY_MS)
        for day in order:
            books.earn(f"carol {number}", f"{number} {day}", 10_000, occurred_at_ms=start_ms + day * DAY_MS)
            if day == 20:
                books.refund(f"{number} {day}", 5_000)
        books.mature(f"bob {number}")
        assert books.balance(f"bob {number}") == (wanted, 0, 0), order
    assert books.faults() == []
