"""The same money that two systems tell of, and of which nobody has said that it is one: the second waits."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from refledger.domain.errors import AlreadyDecided, Conflict, Forbidden, SecondPersonNeeded
from refledger.domain.payment_events import PaymentReceived
from refledger.domain.payments import PaymentKind
from refledger.domain.rewards import POSSIBLE_DUPLICATE, SECOND_PERSON, Cancelled, Reward, RewardStatus
from refledger.domain.rules import RuleSet
from refledger.domain.tellers import Teller
from refledger.domain.times import DAY_MS, HOUR_MS
from refledger.operations.earning import conversions, corrections, duplicate_decisions, explanations, payments, rating
from refledger.operations.payouts import single_payouts
from refledger.operations.referring import lifecycle
from refledger.operations.referring.lifecycle import NewReferral
from refledger.store import bindings, keys, sightings
from refledger.store import payments as payments_of
from refledger.store.table import Table
from refledger.store.transaction import RetryableConflict, Write, update
from tests.support import dynamodb
from tests.support.books import Books
from tests.support.crashing_table import CrashingTable
from tests.support.programs import a_rule

S = RewardStatus
HELD = (POSSIBLE_DUPLICATE,)


@pytest.fixture
def shop(books: Books) -> Books:
    """Bob was referred by Ann, who earns 20 % after 30 days."""
    books.program(hold_days=30)
    books.chain("ann", "bob")
    return books


def rewards_of(books: Books, payment: str, system: str = "payments", partner: str = "ann") -> list[Reward]:
    id = books.ids.payment(system, payment)
    return [each for each in books.rewards(partner) if each.payment == id]


def referral_of(books: Books, customer: str = "bob") -> str:
    binding = bindings.find(books.table, "default", books.user(customer))
    assert binding
    return binding.referral_id


def held(books: Books, payment: str, system: str = "payments") -> bool:
    [reward] = rewards_of(books, payment, system)
    assert reward.held in ((), HELD)
    twin = books.payment(payment, system).twin
    assert bool(twin) is bool(reward.held)
    assert reward.twin == twin
    return bool(reward.held)


def ripen(books: Books, days: int = 31) -> int:
    books.clock.forward(days * DAY_MS)
    books.mature("ann")
    assert books.faults() == []
    return books.balance("ann")[0]


def test_same_amount_of_two_systems_on_a_day_earns_once(shop: Books) -> None:
    """Own event and Stripe's invoice: the second is held, names the first, and no time lets it in."""
    shop.pay("bob", "order 1", 10_000)
    shop.clock.forward(2 * HOUR_MS)
    shop.pay("bob", "in_1", 10_000, system="stripe")
    assert not held(shop, "order 1")
    assert held(shop, "in_1", "stripe")
    assert shop.payment("in_1", "stripe").twin == shop.payment("order 1").id
    assert ripen(shop) == 2_000


def test_without_hold_days_the_second_waits_all_the_same(books: Books) -> None:
    """What matures at once has no time in which somebody could look: it is looked at as it comes."""
    books.program(hold_days=0)
    books.chain("ann", "bob")
    books.pay("bob", "in_1", 10_000, system="stripe")
    books.mature("ann")
    books.clock.forward(HOUR_MS)
    books.pay("bob", "order 1", 10_000)
    assert held(books, "order 1")
    assert ripen(books, 1) == 2_000


@pytest.mark.parametrize("matures", [False, True])
def test_the_first_by_time_earns_whatever_was_told_first(shop: Books, matures: bool) -> None:
    """Told later, made earlier: it takes the other's place, unless that is in a balance already."""
    at_ms = shop.clock()
    shop.clock.forward(HOUR_MS)
    shop.pay("bob", "in_1", 10_000, system="stripe")
    if matures:
        assert ripen(shop) == 2_000
    shop.pay("bob", "order 1", 10_000, occurred_at_ms=at_ms)
    assert held(shop, "order 1") is matures
    assert held(shop, "in_1", "stripe") is not matures
    assert ripen(shop) == 2_000


def test_one_system_is_never_suspected(shop: Books) -> None:
    """Twenty payments of 49.00 on a day are twenty sales; one of another system is one of them."""
    for number in range(20):
        shop.clock.forward(60_000)
        shop.pay("bob", f"in_{number}", 4_900, system="stripe")
    assert not any(held(shop, f"in_{number}", "stripe") for number in range(20))
    shop.clock.forward(60_000)
    shop.pay("bob", "order", 4_900)
    assert held(shop, "order")
    shop.clock.forward(60_000)
    shop.pay("bob", "in_20", 4_900, system="stripe")
    assert not held(shop, "in_20", "stripe")
    assert ripen(shop) == 21 * 980


@pytest.mark.parametrize(
    "other",
    [
        {"amount": 10_001, "base": 10_001},
        {"currency": "EUR"},
        {"occurred_at_ms": DAY_MS + 1},
        {"customer_id": "cid"},
    ],
)
def test_what_differs_is_another_payment(books: Books, other: dict[str, Any]) -> None:
    """Another amount, currency, customer, or more than a day between."""
    books.program(hold_days=30, currencies=("USD", "EUR"))
    books.chain("ann", "bob")
    books.apply("cid", "ann")
    books.pay("bob", "order 1", 10_000)
    if "occurred_at_ms" in other:
        other = {"occurred_at_ms": books.clock() + other["occurred_at_ms"]}
        books.clock.forward(2 * DAY_MS)
    told = {"amount": 10_000, "base": 10_000, "system": "stripe", **other}
    books.pay(told.pop("customer_id", "bob"), "in_1", told.pop("base"), **told)
    [reward] = rewards_of(books, "in_1", "stripe")
    assert not reward.held


def test_net_of_one_is_gross_of_the_other(shop: Books) -> None:
    """A shop tells what was paid without tax; Stripe knows the tax, and shipping."""
    shop.pay("bob", "in_1", 10_500, amount=12_600, shipping=500, system="stripe")
    shop.clock.forward(HOUR_MS)
    shop.pay("bob", "order 1", 10_000)
    assert held(shop, "order 1")


def test_what_is_known_better_later_is_compared_anew(shop: Books) -> None:
    """A charge knows no tax; its invoice does, and then it is what the own event said without."""
    shop.pay("bob", "order 1", 10_000)
    shop.clock.forward(HOUR_MS)
    shop.pay("bob", "pi_1", 11_900, system="stripe", teller=Teller.CHARGE)
    assert not held(shop, "pi_1", "stripe")
    shop.pay("bob", "pi_1", 10_000, amount=11_900, system="stripe", teller=Teller.INVOICE)
    assert held(shop, "pi_1", "stripe")
    assert ripen(shop) == 2_000


@pytest.mark.parametrize("own_first", [True, False])
def test_same_id_in_two_systems_whatever_the_amount(shop: Books, own_first: bool) -> None:
    """The owner's events name Stripe's intent: weeks apart, and for another amount, it is still the same id."""
    tellings: list[Callable[[], Any]] = [
        lambda: shop.pay("bob", "pi_1", 9_000),
        lambda: shop.pay("bob", "in_1", 10_000, system="stripe", names=("pi_1",)),
    ]
    for tell in tellings if own_first else reversed(tellings):
        tell()
        shop.clock.forward(9 * DAY_MS)
    assert held(shop, "pi_1") is not own_first
    assert held(shop, "in_1", "stripe") is own_first
    for program_id, customer in list(rating.waiting(shop.context)):
        rating.rate_customer(shop.context, program_id, customer)
    assert ripen(shop) == (1_800 if own_first else 2_000)


def test_an_id_that_is_told_to_be_the_invoices_later(shop: Books) -> None:
    """Stripe's invoice names no intent since basil; that it was paid by one which the own event named comes last."""
    shop.pay("bob", "pi_1", 9_000)
    shop.clock.forward(9 * DAY_MS)
    shop.pay("bob", "in_1", 10_000, system="stripe")
    assert not held(shop, "in_1", "stripe")
    for _ in range(2):
        shop.alias("pi_1", "in_1", system="stripe")
        assert held(shop, "in_1", "stripe")
    assert not held(shop, "pi_1")
    assert ripen(shop) == 1_800


def test_a_deal_that_was_won_and_its_invoice(shop: Books) -> None:
    """A conversion that a CRM or one of the staff tells, and the invoice of that amount."""
    referral = referral_of(shop)
    conversions.convert(shop.context, referral, 50_000)
    shop.clock.forward(HOUR_MS)
    shop.pay("bob", "in_1", 50_000, system="stripe")
    assert held(shop, "in_1", "stripe")
    assert ripen(shop) == 10_000


def test_an_invoice_and_then_its_deal(shop: Books) -> None:
    """The other way about."""
    shop.pay("bob", "in_1", 50_000, system="stripe")
    shop.clock.forward(HOUR_MS)
    referral = referral_of(shop)
    conversions.convert(shop.context, referral, 50_000)
    [reward] = [each for each in shop.rewards("ann") if each.held]
    assert reward.held == HELD
    assert reward.payment == conversions.payment_id(shop.context, referral)
    assert ripen(shop) == 10_000


FACTS = [
    ("order 1", "payments", 0, 10_000),
    ("in_1", "stripe", 10, 10_000),
    ("order 2", "payments", 20, 10_000),
    ("in_2", "stripe", 21, 10_000),
    ("in_3", "stripe", 5, 7_000),
]


@pytest.mark.parametrize("hold_days", [30])
def test_any_order_holds_the_same(books: Books, hold_days: int) -> None:
    """All permutations of what two systems tell come to the same held and the same money."""
    books.program(hold_days=hold_days)
    every = list(permutations(FACTS))
    for number, order in enumerate(every[:: 1 if os.environ.get("ORDER_HISTORIES") else 7]):
        ann, bob = f"ann {number}", f"bob {number}"
        books.chain(ann, bob)
        start_ms = books.clock()
        books.clock.forward(DAY_MS)
        for name, system, hours, amount in order:
            books.pay(bob, f"{name} {number}", amount, system=system, occurred_at_ms=start_ms + hours * HOUR_MS)
        waiting = {each.payment for each in books.rewards(ann) if each.held}
        assert waiting == {
            books.ids.payment("stripe", f"{name} {number}") for name in ("in_1", "in_2")
        }, order  # fmt: skip
    assert books.faults() == []


def test_told_that_they_are_one_frees_who_waited(shop: Books) -> None:
    """A provider's link joins the first with another name: what was held because of it is not any more."""
    shop.pay("bob", "order 1", 10_000)
    shop.clock.forward(HOUR_MS)
    shop.pay("bob", "in_1", 10_000, system="stripe")
    shop.pay("bob", "order 0", 3_000)
    assert held(shop, "in_1", "stripe")
    shop.alias("order 1", "order 0")
    assert not held(shop, "in_1", "stripe")
    assert shop.payment("in_1", "stripe").twin == ""


def test_refunds_of_what_waits_go_their_way(shop: Books) -> None:
    """What is left of it waits on; all of it gone, it is cancelled; and it waits again if that failed."""
    shop.pay("bob", "order 1", 10_000)
    shop.pay("bob", "in_1", 10_000, system="stripe", occurred_at_ms=shop.clock() + 1)
    shop.refund("in_1", 10_000, "r", system="stripe")
    [reward] = rewards_of(shop, "in_1", "stripe")
    assert reward.status is S.CANCELLED
    shop.clock.forward(1)
    shop.refund("in_1", 10_000, "r", system="stripe", failed=True)
    [reward] = rewards_of(shop, "in_1", "stripe")
    assert (reward.status, reward.held) == (S.PENDING, HELD)
    assert ripen(shop) == 2_000


# ---------------------------------------------------------------- what a person says


@pytest.fixture
def two(shop: Books) -> Books:
    """An own event of 100.00 and, an hour later, Stripe's invoice of it."""
    shop.pay("bob", "order 1", 10_000)
    shop.clock.forward(HOUR_MS)
    shop.pay("bob", "in_1", 10_000, system="stripe")
    assert held(shop, "in_1", "stripe")
    return shop


def id_of(books: Books, payment: str = "in_1", system: str = "stripe") -> str:
    return books.ids.payment(system, payment)


def listed(books: Books) -> list[str]:
    return [id for _, id in sightings.listed(books.table, "", 100)]


def test_another_payment_goes_on_and_is_not_suspected_again(two: Books) -> None:
    """Said once, by name; both earn, and what comes beside them is looked at for itself."""
    assert listed(two) == [id_of(two)]
    cleared = duplicate_decisions.another(two.context, id_of(two), "two orders", "eve").payment
    assert (cleared.twin, cleared.cleared_by, cleared.note) == ("", "eve", "two orders")
    assert duplicate_decisions.another(two.context, id_of(two), "once more", "eve").payment == cleared
    assert listed(two) == []
    with pytest.raises(AlreadyDecided):
        duplicate_decisions.same(two.context, id_of(two), "or not", "eve")
    two.clock.forward(HOUR_MS)
    two.pay("bob", "order 2", 5_000)
    assert not held(two, "in_1", "stripe")
    two.clock.forward(HOUR_MS)
    two.pay("bob", "in_2", 10_000, system="stripe")  # may be the own event's, of which it was said that in_1 is not
    assert held(two, "in_2", "stripe")
    assert ripen(two) == 2_000 + 2_000 + 1_000


def test_two_that_were_told_apart_are_held_against_a_third(shop: Books) -> None:
    """Of those that were made together it is said that they are two: one of them may be an earlier one all the same."""
    shop.pay("bob", "in_0", 10_000, system="stripe")
    shop.clock.forward(8 * HOUR_MS)
    shop.pay("bob", "order 1", 10_000)
    shop.pay("bob", "in_1", 10_000, system="stripe")
    assert not held(shop, "in_0", "stripe")
    [waiting] = listed(shop)
    duplicate_decisions.another(shop.context, waiting, "two orders", "eve")
    assert held(shop, "in_0", "stripe")
    assert listed(shop) == [id_of(shop, "in_0")]
    assert shop.faults() == []
    duplicate_decisions.another(shop.context, id_of(shop, "in_0"), "an order of its own", "eve")
    assert listed(shop) == []
    assert shop.faults() == []
    assert ripen(shop) == 3 * 2_000


def test_the_same_payment_is_joined(two: Books) -> None:
    """The one that waited is a name of the other; what was refunded of either is refunded of the one."""
    same = duplicate_decisions.same(two.context, id_of(two), "one order", "eve").payment
    assert (same.kind, same.reason, same.target) == (PaymentKind.ALIAS, "DUPLICATE", two.payment("order 1").id)
    assert (same.by, same.cleared_by, same.note) == ("", "eve", "one order")
    assert duplicate_decisions.same(two.context, id_of(two), "one order", "eve").payment == same
    [reward] = rewards_of(two, "in_1", "stripe")
    assert (reward.cancelled, reward.held, reward.twin) == (Cancelled.DUPLICATE, (), "")
    assert listed(two) == []
    two.refund("in_1", 5_000, system="stripe")
    assert ripen(two) == 1_000


@pytest.mark.parametrize("commits", range(5))
def test_whoever_dies_in_joining_them_leaves_what_verifies(two: Books, commits: int) -> None:
    """What the schedule makes of it meanwhile holds nothing again; the same word once more ends it."""
    dying = replace(two.context, table=CrashingTable(two.table, commits, lost=False))
    try:
        duplicate_decisions.same(dying, id_of(two), "one order", "eve")
    except TimeoutError:
        rating.rate_customer(two.context, "default", two.user("bob"))
        assert two.faults() == []
    duplicate_decisions.same(two.context, id_of(two), "one order", "eve")
    [reward] = rewards_of(two, "in_1", "stripe")
    assert (reward.cancelled, reward.held, reward.twin, listed(two)) == (Cancelled.DUPLICATE, (), "", [])
    assert ripen(two) == 2_000


def test_released_it_goes_on_at_once_when_its_day_is_over(two: Books) -> None:
    """The schedule is past it: whoever releases the reward lets it in, on every tier."""
    assert ripen(two) == 2_000
    [reward] = rewards_of(two, "in_1", "stripe")
    with pytest.raises(Conflict):
        two.approve(reward)
    released = two.release(reward, "eve")
    assert (released.status, released.held, released.twin) == (S.APPROVED, (), "")
    assert two.payment("in_1", "stripe").cleared_by == "eve"
    assert two.balance("ann")[0] == 4_000
    assert two.faults() == []


def test_above_the_limit_of_one_a_second_person_releases_it(books: Books) -> None:
    """Who says that it is another payment does not also let it in; a third look is none of theirs."""
    books.program(hold_days=0, adjustment_limit=1_999)
    books.chain("ann", "bob")
    books.pay("bob", "order 1", 10_000)
    books.clock.forward(HOUR_MS)
    books.pay("bob", "in_1", 10_000, system="stripe")
    [reward] = rewards_of(books, "in_1", "stripe")
    assert books.release(reward, "eve").held == (SECOND_PERSON,)
    with pytest.raises(SecondPersonNeeded):
        books.release(reward, "eve")
    assert books.release(reward, "dan").status is S.APPROVED
    assert books.faults() == []


def test_who_told_of_one_or_earns_from_it_does_not_decide(shop: Books) -> None:
    """A conversion that eve told is not eve's to release, nor Ann's, whose money it is; nor is its twin."""
    shop.pay("bob", "in_1", 10_000, system="stripe")
    shop.clock.forward(HOUR_MS)
    conversions.convert(shop.context, referral_of(shop), 10_000, by="eve")
    [reward] = [each for each in shop.rewards("ann") if each.held]
    with pytest.raises(SecondPersonNeeded):
        duplicate_decisions.another(shop.context, reward.payment, "", "eve")
    with pytest.raises(Forbidden):
        duplicate_decisions.another(shop.context, reward.payment, "", shop.user("ann"))
    with pytest.raises(Forbidden):
        duplicate_decisions.same(shop.context, reward.payment, "", shop.user("ann"))
    assert duplicate_decisions.another(shop.context, reward.payment, "", "dan").payment.cleared_by == "dan"


def test_who_made_the_referral_that_a_machine_tells_of_does_not_clear_it(shop: Books) -> None:
    """The service may be hers: what it told counts as told by eve, who entered the referral."""
    new = NewReferral(shop.partner("ann").id, customer=shop.user("dora"))
    made = lifecycle.create(shop.context, new, "eve", None, "b", by="eve")
    shop.pay("dora", "in_1", 10_000, system="stripe")
    shop.clock.forward(HOUR_MS)
    conversions.convert(shop.context, made.id, 10_000, by="service", by_machine=True)
    [reward] = [each for each in shop.rewards("ann") if each.held]
    with pytest.raises(SecondPersonNeeded):
        shop.release(reward, "eve")
    assert duplicate_decisions.another(shop.context, reward.payment, "", "dan").payment.cleared_by == "dan"


def test_who_finds_no_one_payment_does_not_stand_in_for_who_told_of_it(shop: Books) -> None:
    """Said to be the same, and they are not: it is still eve who told of it, and eve does not let it in."""
    shop.pay("bob", "in_1", 10_000, system="stripe")
    shop.clock.forward(HOUR_MS)
    conversions.convert(shop.context, referral_of(shop), 10_000, by="eve")
    [reward] = [each for each in shop.rewards("ann") if each.held]
    shop.pay("bob", "in_9", 9_999, currency="EUR", system="stripe")
    old = payments_of.find(shop.table, reward.payment)
    shop.table.commit(payments_of.may_be(old, replace(old, twin=shop.ids.payment("stripe", "in_9"))))
    with pytest.raises(AlreadyDecided):
        duplicate_decisions.same(shop.context, reward.payment, "", "dan")
    assert payments_of.find(shop.table, reward.payment).by == "eve"
    with pytest.raises(SecondPersonNeeded):
        duplicate_decisions.another(shop.context, reward.payment, "", "eve")


def test_what_is_not_suspected_is_not_decided(two: Books) -> None:
    """The first of two, and any other payment."""
    for decide in (duplicate_decisions.another, duplicate_decisions.same):
        with pytest.raises(AlreadyDecided):
            decide(two.context, id_of(two, "order 1", "payments"), "", "eve")


def test_what_a_dispute_holds_counts_when_it_is_cleared(shop: Books) -> None:
    """It comes back with the dispute: who says meanwhile that it is another one lets in no more than alone."""
    shop.change_program(adjustment_limit=1_000)
    shop.pay("bob", "in_1", 10_000, system="stripe")
    shop.clock.forward(1_000)
    shop.pay("bob", "order 1", 10_000)
    shop.dispute("order 1", 10_000)
    duplicate_decisions.another(shop.context, shop.payment("order 1").id, "two orders", shop.user("mia"))
    shop.close("order 1", "WON")
    [waiting] = rewards_of(shop, "order 1")
    assert waiting.held == (SECOND_PERSON,)
    assert ripen(shop) == 2_000


def test_nobody_pays_what_waits(two: Books) -> None:
    """Not by itself, not by a withdrawal."""
    [reward] = rewards_of(two, "in_1", "stripe")
    with pytest.raises(Conflict):
        single_payouts.process(two.context, reward.id, "BANK", "tx 1", "eve", "r1")


def test_who_has_cleared_it_does_not_pay_it(books: Books) -> None:
    """Also where what people did for a partner before bars nobody."""
    books.program(hold_days=0, maker_window_days=0, second_approval_limit=None)
    books.chain("ann", "bob")
    books.pay("bob", "order 1", 10_000)
    books.clock.forward(HOUR_MS)
    books.pay("bob", "in_1", 10_000, system="stripe")
    duplicate_decisions.another(books.context, id_of(books, "in_1", "stripe"), "two orders", "eve")
    [reward] = rewards_of(books, "in_1", "stripe")
    with pytest.raises(SecondPersonNeeded):
        single_payouts.process(books.context, reward.id, "BANK", "tx 1", "eve", "r1")
    assert single_payouts.process(books.context, reward.id, "BANK", "tx 1", "dan", "r2").status is S.PAID


def test_explained(two: Books) -> None:
    """Why it waits, and for which other payment."""
    [reward] = rewards_of(two, "in_1", "stripe")
    [coming] = explanations.explain(two.context, reward.id).explanation.coming
    assert two.payment("order 1").id in coming.text


def test_three_systems_tell_of_one(two: Books) -> None:
    """Of an event, an invoice and a conversion one earns; said to be another one, the third is looked at again."""
    two.clock.forward(HOUR_MS)
    conversions.convert(two.context, referral_of(two), 10_000)
    conversion = conversions.payment_id(two.context, referral_of(two))
    assert listed(two) == [id_of(two), conversion]
    duplicate_decisions.same(two.context, id_of(two), "", "eve")
    assert listed(two) == [conversion]
    duplicate_decisions.same(two.context, conversion, "", "eve")
    assert listed(two) == []
    assert ripen(two) == 2_000


def test_verify_names_what_got_in_and_what_nobody_looked_at(two: Books) -> None:
    """What may be another payment and is in the balance, or does not wait, is a fault; what a person let in is none."""
    [reward] = rewards_of(two, "in_1", "stripe")
    two.table.commit(update("", keys.reward(reward.id), "SET #held = :none", none=[]))
    assert any("does not wait" in fault.reason for fault in two.faults())
    two.clock.forward(31 * DAY_MS)
    two.mature("ann")
    assert any("was let in" in fault.reason for fault in two.faults())
    two.table.commit(update("", keys.payment(reward.payment), "REMOVE #twin"))
    [fault] = [fault for fault in two.faults() if "the same money" in fault.reason]
    assert reward.payment in fault.reason
    assert two.payment("order 1").id in fault.reason


# ---------------------------------------------------------------- any order

HISTORIES = int(os.environ.get("ORDER_HISTORIES", "4"))
ORDERS = int(os.environ.get("ORDER_ORDERS", "4"))
RULES = (
    RuleSet(a_rule(1000)),
    RuleSet(a_rule(1000, 500, first=(5000,))),
    RuleSet(a_rule(1000, months=1)),
    RuleSet(a_rule(1000, payments=2), monthly_cap=(("USD", 1_500),)),
)


@dataclass(frozen=True)
class Told:
    """A payment, or with `refund` what of it went back."""

    name: str
    system: str
    hours: int
    amount: int
    refund: int = 0


@st.composite
def histories(draw: st.DrawFn) -> list[Told]:
    """What two systems and conversions tell of one customer, hours and days apart, with refunds."""
    told: list[Told] = []
    hours, amounts = st.sampled_from([0, 0, 1, 2, 20, 24, 25, 48, 800]), st.sampled_from([10_000, 10_000, 12_000])
    for number in range(draw(st.integers(2, 5))):
        system = draw(st.sampled_from(["payments", "stripe", "shop"]))
        told.append(Told(f"p{number}", system, draw(hours), draw(amounts)))
        if draw(st.integers(0, 3)) == 0:
            told.append(replace(told[-1], refund=draw(st.sampled_from([1, 3_000, 10_000]))))
    return told


def tell(books: Books, customer: str, told: Told, run: str, start_ms: int) -> None:
    books.clock.forward(1)
    id = f"{told.name} {run}"
    if told.refund:
        books.refund(id, told.refund, f"of {id}", system=told.system)
        return
    at_ms = start_ms + told.hours * HOUR_MS
    books.pay(customer, id, told.amount, system=told.system, occurred_at_ms=at_ms)


def outcome(books: Books, partner: str, facts: list[Told], run: str) -> list[tuple[Any, ...]]:
    """Who earns what of which payment, what of it waits, and because of which other."""
    names = {books.ids.payment(told.system, f"{told.name} {run}"): told.name for told in facts}
    names[""] = ""
    return sorted(
        (names[each.payment], each.amount, each.reversed, each.status, each.held, names[each.twin])
        for each in books.rewards(partner)
        if each.amount
    )


@settings(max_examples=HISTORIES, deadline=None, suppress_health_check=list(HealthCheck), database=None,
          phases=(Phase.generate,))  # fmt: skip
@given(data=st.data())
def test_any_order_of_what_two_systems_tell_comes_to_the_same(dynamodb_endpoint: str, data: st.DataObject) -> None:
    """Under rules that count, with refunds, each fact twice: what earns, what waits and for which other one."""
    books, facts = Books(dynamodb.new_database(dynamodb_endpoint)), data.draw(histories())
    books.program(hold_days=60)
    books.change_program(rules=data.draw(st.sampled_from(RULES)), hold_days=60)
    chance, found = data.draw(st.randoms(use_true_random=False)), list[list[tuple[Any, ...]]]()
    start_ms = books.clock()
    books.clock.forward(50 * DAY_MS)
    for number in range(ORDERS):
        run = str(number)
        books.chain(f"top {run}", f"ann {run}", f"bob {run}")
        for place in chance.sample([*range(len(facts))] * 2, 2 * len(facts)):
            tell(books, f"bob {run}", facts[place], run, start_ms + minutes(facts[place]))
        for program_id, customer in list(rating.waiting(books.context)):
            rating.rate_customer(books.context, program_id, customer)
        found.append(outcome(books, f"ann {run}", facts, run) + outcome(books, f"top {run}", facts, run))
    assert books.faults() == []
    assert all(each == found[0] for each in found), (facts, found)
    once = [each for each in found[0] if each[4] == HELD]
    assert {each[0] for each in once}.isdisjoint(each[5] for each in once), "what somebody waits for does not wait"


def minutes(told: Told) -> int:
    """Each payment has a moment of its own."""
    return 60_000 * int(told.name.removeprefix("p"))


def test_one_that_was_being_taken_when_the_second_system_came_is_compared(shop: Books) -> None:
    """Stripe's worker read the customer before the own event did: what it read is refused, and it looks again."""
    shop.pay("bob", "in_0", 700, system="stripe")
    binding = bindings.find(shop.table, "default", shop.user("bob"))
    assert binding
    received = PaymentReceived("stripe", "in_1", "bob", "default", 10_000, 10_000, "USD", shop.clock())
    told = payments.told(received, id_of(shop), shop.user("bob"), "default")
    late = payments.assess(shop.context, told, binding, shop.context.program("default"))
    shop.clock.forward(HOUR_MS)

    class Slow(Table):
        def commit(self, *writes: Write) -> None:
            if late.writes and any(write.name == "the payment is new" for write in writes):
                ready, late.writes[:] = list(late.writes), []
                with pytest.raises(RetryableConflict):
                    super().commit(*ready)
            super().commit(*writes)

    context = replace(shop.context, table=Slow(shop.client, shop.table_name))
    payments.record(context, replace(received, system="payments", payment_id="order 1", occurred_at_ms=shop.clock()))
    assert not late.writes
    assert not held(shop, "order 1"), "nothing else has been taken"
    payments.record(shop.context, received)
    rating.rate_customer(shop.context, "default", shop.user("bob"))
    assert held(shop, "order 1")
    assert not held(shop, "in_1", "stripe")


def test_one_that_was_being_corrected_when_the_second_system_came_is_compared(shop: Books) -> None:
    """What was captured by then was written down, and not what the correction was about to say."""
    shop.pay("bob", "pi_1", 4_000, system="stripe", teller=Teller.CHARGE)
    received = PaymentReceived(
        "stripe", "pi_1", "bob", "default", 10_000, 10_000, "USD", shop.clock(), teller=Teller.CHARGE
    )
    shop.clock.forward(HOUR_MS)
    came: list[object] = []

    class Slow(Table):
        def commit(self, *writes: Write) -> None:
            if not came and any(write.name == payments_of.IS_UNCHANGED for write in writes):
                came.append(shop.pay("bob", "order 1", 10_000))
            super().commit(*writes)

    payments.record(replace(shop.context, table=Slow(shop.client, shop.table_name)), received)
    assert came
    assert held(shop, "order 1")
    assert not held(shop, "pi_1", "stripe")
    assert ripen(shop) == 2_000


def test_what_grows_into_another_is_held_with_that(shop: Books) -> None:
    """The worker dies before it has looked who of the two is the first, and the day comes before anybody does."""
    shop.pay("bob", "order 1", 10_000)
    shop.clock.forward(HOUR_MS)
    shop.pay("bob", "pi_1", 4_000, system="stripe", teller=Teller.CHARGE)
    received = PaymentReceived(
        "stripe", "pi_1", "bob", "default", 10_000, 10_000, "USD", shop.clock(), teller=Teller.CHARGE
    )
    known = shop.payment("pi_1", "stripe")
    told = payments.told(received, known.id, shop.user("bob"), "default")
    assert corrections.correct(shop.context, known, told)
    shop.clock.forward(31 * DAY_MS)
    shop.mature("ann")
    assert shop.balance("ann")[0] == 2_000
    rating.rate_customer(shop.context, "default", shop.user("bob"))
    assert held(shop, "pi_1", "stripe")
    assert not held(shop, "order 1")
    assert shop.faults() == []


def test_one_that_a_person_has_cleared_is_still_corrected(shop: Books) -> None:
    """What was captured after it is not lost over what was said before it."""
    shop.pay("bob", "order 1", 4_000)
    shop.clock.forward(HOUR_MS)
    at_ms = shop.clock()
    for sum in (4_000, 10_000):
        shop.pay("bob", "pi_1", sum, system="stripe", teller=Teller.CHARGE, occurred_at_ms=at_ms)
        if sum == 4_000:
            assert held(shop, "pi_1", "stripe")
            duplicate_decisions.another(shop.context, id_of(shop, "pi_1", "stripe"), "two orders", "dan")
    [reward] = rewards_of(shop, "pi_1", "stripe")
    assert reward.amount == 2_000
    assert ripen(shop) == 2_800
