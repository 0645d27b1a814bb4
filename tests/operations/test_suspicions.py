"""The same money that two systems tell of, and of which nobody has said that it is one: the second waits."""

from __future__ import annotations

import os
from itertools import permutations
from typing import Any

import pytest

from refledger.domain.rewards import POSSIBLE_DUPLICATE, Reward, RewardStatus
from refledger.domain.times import DAY_MS, HOUR_MS
from refledger.operations import converting, rating
from refledger.store import referrals
from tests.support.books import Books

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
    binding = referrals.find_binding(books.table, "default", books.user(customer))
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
    shop.pay("bob", "order", 4_900)
    assert held(shop, "order")
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


@pytest.mark.parametrize("own_first", [True, False])
def test_same_id_in_two_systems_whatever_the_amount(shop: Books, own_first: bool) -> None:
    """The owner's events name Stripe's intent: weeks apart, and for another amount, it is still the same id."""
    tellings = [
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


def test_a_deal_that_was_won_and_its_invoice(shop: Books) -> None:
    """A conversion that a CRM or one of the staff tells, and the invoice of that amount."""
    referral = referral_of(shop)
    converting.convert(shop.context, referral, 50_000)
    shop.clock.forward(HOUR_MS)
    shop.pay("bob", "in_1", 50_000, system="stripe")
    assert held(shop, "in_1", "stripe")
    assert ripen(shop) == 10_000


def test_an_invoice_and_then_its_deal(shop: Books) -> None:
    """The other way about."""
    shop.pay("bob", "in_1", 50_000, system="stripe")
    shop.clock.forward(HOUR_MS)
    referral = referral_of(shop)
    converting.convert(shop.context, referral, 50_000)
    [reward] = [each for each in shop.rewards("ann") if each.held]
    assert reward.held == HELD
    assert reward.payment == converting.payment_id(shop.context, referral)
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
