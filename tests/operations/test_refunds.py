"""Refunds take back what was earned: cumulative, in proportion, on every tier, once, whenever and in whatever order."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest

from refledger.domain.errors import InsufficientFunds, Unreadable
from refledger.domain.journal import EntryKind
from refledger.domain.payments import PaymentKind
from refledger.domain.rewards import Cancelled, RewardStatus
from refledger.domain.times import DAY_MS
from refledger.operations.earning.payments import RecordOutcome
from refledger.store import keys
from refledger.store.attributes import pack
from tests.support import worlds
from tests.support.books import Books

S = RewardStatus
PEOPLE = ("alice", "bob")

pytestmark = worlds.lives_in(worlds.two_tiers, currencies=("EUR", "JPY"))


@pytest.fixture
def held(books: Books) -> Books:
    """The same, with another program that holds for 30 days, in which Erin refers Fred."""
    books.program("slow", hold_days=30)
    books.member("erin", "slow")
    books.apply("fred", "erin")
    return books


def net(books: Books) -> dict[str, list[int]]:
    """What is left of each partner's rewards."""
    return {name: [r.amount - r.reversed for r in books.rewards(name)] for name in PEOPLE}


def kinds(books: Books, name: str) -> list[tuple[str, int]]:
    return [(entry.kind.value, entry.amount) for entry in books.entries(name)]


# ---------------------------------------------------------------- how much


def test_a_part_takes_its_part_from_every_tier(books: Books) -> None:
    """A quarter back: a quarter of each reward, by journal entry where it was in a balance; both in one transaction."""
    books.earn("carol", "p1", 10_000)
    assert books.refund("p1", 2_500).outcome is RecordOutcome.RECORDED
    assert net(books) == {"alice": [750], "bob": [1500]}
    assert (books.balance("alice"), books.balance("bob")) == ((750, 0, 0), (1500, 0, 0))
    assert kinds(books, "bob") == [("EARN", 2000), ("REVERSE", 500)]
    assert books.faults() == []


def test_the_entry_says_what_it_took_back(books: Books) -> None:
    """A reversal refers to the payment and names the reward that it took from."""
    books.earn("carol", "p1", 10_000)
    books.refund("p1", 2_500)
    entry, (reward,) = books.entries("bob")[1], books.rewards("bob")
    assert entry.reference == books.payment("p1").id == reward.payment
    assert entry.first == entry.last == reward.id[16:]


def test_parts_together_take_exactly_all(books: Books) -> None:
    """Seven odd parts of an odd payment: never more than there was, the last takes the remainder and cancels."""
    books.earn("carol", "p1", 9_999)
    left = [1, 2, 3, 4_000, 1_000, 4_900]
    for number, part in enumerate(left):
        books.refund("p1", part, f"r{number}")
        assert min(books.balance("bob")) >= 0
        assert books.faults() == []
    assert books.balance("bob") == (1_999 * 93 // 9_999, 0, 0)
    books.refund("p1", 93, "last")
    assert (books.balance("alice"), books.balance("bob")) == ((0, 0, 0), (0, 0, 0))
    assert [(r.status, r.cancelled) for r in books.rewards("bob")] == [(S.CANCELLED, Cancelled.REFUNDED)]
    assert books.faults() == []


@pytest.mark.parametrize("extra", [0, 1, 90_000])
def test_all_and_more_than_all_take_the_original(books: Books, extra: int) -> None:
    """Never above what was earned, however much is said to have gone back."""
    books.earn("carol", "p1", 10_000)
    books.refund("p1", 10_000 + extra)
    assert net(books) == {"alice": [0], "bob": [0]}
    assert books.balance("bob") == (0, 0, 0)
    books.refund("p1", 10_000, "r2")
    assert books.balance("bob") == (0, 0, 0)
    assert books.faults() == []


def test_a_refund_is_a_share_of_what_was_paid_and_not_of_the_base(books: Books) -> None:
    """11.90 with tax, commission on 10.00: half of 11.90 back takes half of the commission."""
    for message in books.pay("carol", "p1", 10_000, amount=11_900).due:
        books.mature("bob" if message.partner_id == books.partner("bob").id else "alice")
    books.refund("p1", 5_950)
    assert net(books) == {"alice": [500], "bob": [1000]}


def test_ten_tiers_in_one_transaction(books: Books) -> None:
    """The deepest program: ten rewards, ten balances and ten entries change together with the payment."""
    books.program("deep", tier_rates_bps=tuple(range(1000, 0, -100)))
    names = [f"n{number}" for number in range(11)]
    for name in names[:-1]:
        books.member(name, "deep")
    books.chain(*names)
    books.earn(names[-1], "p1", 10_000, program_id="deep")
    books.refund("p1", 5_000)
    assert [books.balance(name)[0] for name in names[-2::-1]] == list(range(500, 0, -50))
    assert books.faults() == []
    books.refund("p1", 5_000, "r2")
    assert {books.balance(name) for name in names[:-1]} == {(0, 0, 0)}
    assert books.faults() == []


# ---------------------------------------------------------------- when


def test_a_reward_that_waits_shrinks_without_an_entry(held: Books) -> None:
    """Refunded while it is held back: the rest matures in time, and no balance ever saw the other part."""
    held.pay("fred", "p1", 10_000, program_id="slow")
    held.refund("p1", 2_500)
    assert held.entries("erin") == []
    held.clock.forward(30 * DAY_MS)
    held.mature("erin")
    assert kinds(held, "erin") == [("EARN", 1500)]
    assert held.faults() == []


def test_a_reward_that_waits_and_is_gone_never_matures(held: Books) -> None:
    """Refunded whole before its time: cancelled, and time changes nothing."""
    held.pay("fred", "p1", 10_000, program_id="slow")
    held.refund("p1", 10_000)
    held.clock.forward(30 * DAY_MS)
    held.mature("erin")
    assert [(r.status, r.cancelled) for r in held.rewards("erin")] == [(S.CANCELLED, Cancelled.REFUNDED)]
    assert held.balance("erin") == (0, 0, 0)
    assert held.faults() == []


def test_before_the_payment_it_waits_for_it(books: Books) -> None:
    """Parked where an admin sees it; the payment earns what is left, and takes it off the list."""
    assert books.refund("p1", 2_500).outcome is RecordOutcome.EARLY
    assert books.parked() == [books.ids.payment("payments", "p1")]
    assert books.faults() == []
    books.earn("carol", "p1", 10_000)
    assert net(books) == {"alice": [750], "bob": [1500]}
    assert books.balance("bob") == (1500, 0, 0)
    assert books.parked() == []
    assert books.faults() == []
    assert books.refund("p1", 2_500).outcome is RecordOutcome.REPEATED


def test_all_of_it_before_the_payment_earns_nothing(books: Books) -> None:
    """The rewards are there, cancelled, so that a refund that fails can give them back; no message is sent."""
    books.refund("p1", 10_000)
    assert books.pay("carol", "p1", 10_000).due == []
    assert [r.status for r in books.rewards("bob")] == [S.CANCELLED]
    books.refund("p1", 10_000, failed=True)
    assert books.balance("bob") == (2000, 0, 0)
    assert books.faults() == []


def test_after_the_payout_it_becomes_debt(books: Books) -> None:
    """By journal entry: available goes below zero, withdrawals stop, and what is earned next works it off."""
    books.earn("carol", "p1", 10_000)
    books.pay_out("bob", 2000)
    assert [r.status for r in books.rewards("bob")] == [S.PAID]
    books.refund("p1", 10_000)
    assert books.balance("bob") == (-2000, 0, 2000)
    assert kinds(books, "bob")[-1] == ("REVERSE", 2000)
    assert [(r.status, r.reversed) for r in books.rewards("bob")] == [(S.PAID, 2000)]
    assert books.faults() == []
    books.earn("carol", "p2", 9_000)
    with pytest.raises(InsufficientFunds, match=r"debt of 2\.00 USD"):
        books.withdraw("bob", 1000)
    books.earn("carol", "p3", 10_000)
    assert books.balance("bob") == (1800, 0, 2000)
    assert books.withdraw("bob", 1800).amount == 1800
    assert books.faults() == []


def test_what_is_reserved_stays_reserved(books: Books) -> None:
    """A refund while a withdrawal is open takes from available, below zero if it must, and not from it."""
    books.earn("carol", "p1", 10_000)
    books.withdraw("bob", 1500)
    books.refund("p1", 10_000)
    assert books.balance("bob") == (-1500, 1500, 0)
    assert books.faults() == []


# ---------------------------------------------------------------- once


def test_a_repeat_changes_nothing(books: Books) -> None:
    """The same refund again and again, also a month later: once."""
    books.earn("carol", "p1", 10_000)
    books.refund("p1", 2_500)
    before = books.payment("p1")
    for _ in range(3):
        books.clock.forward(15 * DAY_MS)
        assert books.refund("p1", 2_500).outcome is RecordOutcome.REPEATED
    assert books.payment("p1") == before
    assert books.balance("bob") == (1500, 0, 0)


def test_the_same_refund_with_another_content_is_told(books: Books) -> None:
    """The first stands."""
    books.earn("carol", "p1", 10_000)
    books.refund("p1", 2_500)
    assert books.refund("p1", 5_000).outcome is RecordOutcome.DIFFERENT
    assert books.balance("bob") == (1500, 0, 0)
    assert books.faults() == []


def test_another_currency_is_never_converted(books: Books) -> None:
    """Refused with its reason once the payment's is known; before it waits, and takes nothing of the payment."""
    books.refund("early", 100, "r0")
    assert books.refund("early", 100, "r1", "JPY").outcome is RecordOutcome.EARLY
    books.earn("carol", "early", 10_000, "EUR")
    assert books.balance("bob", "EUR") == (2000, 0, 0)
    books.earn("carol", "p1", 10_000)
    with pytest.raises(Unreadable, match="currency"):
        books.refund("p1", 100, currency="EUR")
    with pytest.raises(Unreadable, match="currency"):
        books.refund_total("p1", 100, "EUR")
    assert books.balance("bob") == (2000, 0, 0)
    assert books.faults() == []


A: dict[str, Any] = {"charge": "ch_a"}
B: dict[str, Any] = {"charge": "ch_b"}
TWO_CHARGES: dict[str, Callable[[Books], object]] = {
    "payment": lambda b: b.earn("carol", "in", 10_000),
    "name a": lambda b: b.alias("pi_a", "in"),
    "name b": lambda b: b.alias("pi_b", "in"),
    "sum a": lambda b: b.refund_total("pi_a", 6_000, **A),
    "older sum a": lambda b: b.refund_total("pi_a", 2_000, occurred_at_ms=b.clock() - 5, **A),
    "sum b": lambda b: b.refund_total("pi_b", 1_000, **B),
    "refund a": lambda b: b.refund("pi_a", 4_000, "r1", **A),
    "refund b": lambda b: b.refund("pi_b", 500, "r2", told_at_ms=b.clock() - 9, **B),
    "failed b": lambda b: b.refund("pi_b", 500, "r2", failed=True, told_at_ms=b.clock() - 8, **B),
}


@pytest.mark.parametrize("order", [
    *random.Random(9).sample(list(itertools.permutations(TWO_CHARGES)), 25),
], ids="-".join)  # fmt: skip
def test_sums_of_two_charges_of_one_payment_add_up(books: Books, order: tuple[str, ...]) -> None:
    """A refund of one never gives back what was taken for the other: in any order, each twice, however they fail."""
    for number, name in enumerate(order):
        TWO_CHARGES[name](books)
        TWO_CHARGES[order[number // 2]](books)
        assert books.faults() == []
    assert books.payment("in").back.refunded == 7_000
    assert books.balance("bob") == (600, 0, 0)


def test_both_charges_refunded_whole_leave_nothing(books: Books) -> None:
    """Told by sums alone, or with one of the single refunds; the other one is lost."""
    books.earn("carol", "in", 10_000)
    for half, told in (("pi_a", A), ("pi_b", B)):
        books.alias(half, "in")
        books.refund_total(half, 5_000, **told)
    assert books.balance("bob") == (0, 0, 0)
    books.refund("pi_a", 5_000, **A)
    assert books.balance("bob") == (0, 0, 0)
    assert books.faults() == []


def test_a_refund_belongs_to_the_payment_for_which_it_was_told_first(books: Books) -> None:
    """Its sender corrected the payment, or mixed it up: an id takes once, for ever, and the second is reported."""
    for id in ("p1", "p2"):
        books.earn("carol", id, 10_000)
    assert books.refund("p1", 10_000, "r").outcome is RecordOutcome.RECORDED
    for _ in range(2):
        assert books.refund("p2", 10_000, "r").outcome is RecordOutcome.DIFFERENT
        assert books.refund("not here yet", 10_000, "r").outcome is RecordOutcome.DIFFERENT
    books.earn("carol", "not here yet", 10_000)
    books.refund("p2", 10_000, "r", failed=True)
    assert books.balance("bob") == (4000, 0, 0)
    assert books.dispute("p1", 10_000, "d").outcome is RecordOutcome.RECORDED
    assert books.dispute("p2", 10_000, "d").outcome is RecordOutcome.DIFFERENT
    assert books.close("p2", "LOST", "d").outcome is RecordOutcome.DIFFERENT
    assert books.refund("p2", 1_000, "r", sender="another").outcome is RecordOutcome.RECORDED  # its ids are its own
    assert books.balance("bob") == (3800, 0, 0)
    assert books.faults() == []


@pytest.mark.parametrize("order", itertools.permutations(("made 1", "failed 2", "made 3", "made 1")), ids="-".join)
def test_what_is_told_of_the_latest_time_is_true_of_a_refund(books: Books, order: tuple[str, ...]) -> None:
    """Made, failed, and made after all: it took. Whatever comes first."""
    begin = books.clock()
    books.earn("carol", "p1", 10_000)
    for step in order:
        what, at = step.split()
        books.refund("p1", 2_500, failed=what == "failed", told_at_ms=begin + int(at))
        assert books.faults() == []
    assert books.balance("bob") == (1500, 0, 0)
    books.refund("p1", 2_500, failed=True, told_at_ms=begin + 4)
    assert books.balance("bob") == (2000, 0, 0)
    assert books.faults() == []


def test_what_no_provider_knows_adds_to_its_sums(books: Books) -> None:
    """A refund by wire, told by the owner's own system, is not in what the provider says is refunded."""
    books.earn("carol", "p1", 10_000)
    books.refund_total("p1", 6_000, **A)
    books.refund("p1", 4_000, "wire", sender="bank")
    assert books.balance("bob") == (0, 0, 0)
    books.refund_total("p1", 5_000, occurred_at_ms=books.clock() + 1, **A)
    assert books.balance("bob") == (200, 0, 0)
    assert books.faults() == []


def test_older_items_stay_readable_and_right(books: Books) -> None:
    """A payment with one sum and a refund of no charge, as they were written before: told anew, they count once."""
    books.earn("carol", "p1", 10_000)
    books.refund("p1", 1_000, "r1")
    books.refund_total("p1", 3_000)
    id = books.payment("p1").id
    key, hashed = keys.payment(id), books.ids.hash("refund", "payments", "r1")
    old = {**(books.table.get(key) or {}), "back": [1_000, 0, 3_000, 0, 0, 0, books.clock()]}
    refund = books.table.get(keys.refund(id, hashed)) or {}
    for each, lost in ((old, ("sums",)), (refund, ("made_at",))):
        for name in lost:
            each.pop(name, None)
        books.client.put_item(TableName=books.table_name, Item=pack(each))
    assert books.payment("p1").back.refunded == 3_000
    assert books.faults() == []
    books.refund("p1", 1_000, "r1", charge="ch")
    books.refund_total("p1", 3_000, occurred_at_ms=books.clock() + 1, charge="ch")
    assert books.balance("bob") == (1400, 0, 0)
    books.refund("p1", 1_000, "r1", failed=True, told_at_ms=books.clock() + 2, charge="ch")
    assert books.balance("bob") == (1600, 0, 0)
    assert books.faults() == []


def test_only_its_own_payment_is_touched(books: Books) -> None:
    """Neither another payment of the same customer, nor one of another system with the same id."""
    books.earn("carol", "p1", 10_000)
    books.earn("carol", "p2", 20_000)
    books.pay("carol", "p1", 30_000, system="stripe")
    books.refund("p1", 10_000)
    assert sorted(net(books)["bob"]) == [0, 4000, 6000]
    assert books.faults() == []


def test_of_a_payment_nobody_earned_from_nothing_follows(books: Books) -> None:
    """Known and counted, so that it is not taken for one that came early."""
    books.pay("dave", "p1", 10_000)
    assert books.refund("p1", 2_500).outcome is RecordOutcome.RECORDED
    payment = books.payment("p1")
    assert (payment.kind, payment.back.refunds) == (PaymentKind.IGNORED, 2_500)
    assert books.parked() == []
    assert books.refund("p1", 2_500).outcome is RecordOutcome.REPEATED


# ---------------------------------------------------------------- failed


@pytest.mark.parametrize("paid_out", [False, True])
def test_a_failed_refund_gives_back_what_it_took(books: Books, paid_out: bool) -> None:
    """The owner has the money again, so the partners have theirs: also of a reward that it had cancelled."""
    books.earn("carol", "p1", 10_000)
    if paid_out:
        books.pay_out("bob", 2000)
    before = books.balance("bob")
    books.refund("p1", 10_000)
    books.refund("p1", 10_000, failed=True)
    assert books.balance("bob") == before
    assert net(books) == {"alice": [1000], "bob": [2000]}
    assert [r.status for r in books.rewards("bob")] == [S.PAID if paid_out else S.APPROVED]
    assert books.faults() == []


def test_one_that_failed_stays_failed(books: Books) -> None:
    """Told before the refund itself, or again after: it takes nothing."""
    books.earn("carol", "p1", 10_000)
    books.refund("p1", 2_500, failed=True)
    assert books.refund("p1", 2_500).outcome is RecordOutcome.REPEATED
    assert books.refund("p1", 2_500, failed=True).outcome is RecordOutcome.REPEATED
    assert books.balance("bob") == (2000, 0, 0)
    assert books.faults() == []


def test_a_failed_refund_gives_back_in_its_time(held: Books) -> None:
    """Given back before its time it waits; given back after, it matures there and then: the schedule is past it."""
    for id in ("p1", "p2"):
        held.pay("fred", id, 10_000, program_id="slow")
        held.refund(id, 10_000)
    held.refund("p1", 10_000, failed=True)
    assert held.balance("erin") == (0, 0, 0)
    held.clock.forward(30 * DAY_MS)
    held.mature("erin")
    held.clock.forward(DAY_MS)
    held.mature("erin")
    assert held.balance("erin") == (2000, 0, 0)
    held.refund("p2", 10_000, failed=True)
    assert held.balance("erin") == (4000, 0, 0)
    assert held.faults() == []


# ---------------------------------------------------------------- any order


Step = Callable[[Books], object]
STEPS: dict[str, Step] = {
    "payment": lambda b: b.earn("carol", "p1", 9_999),
    "refund 1": lambda b: b.refund("p1", 1_000, "r1"),
    "refund 2": lambda b: b.refund("p1", 2_000, "r2"),
    "refund 2 failed": lambda b: b.refund("p1", 2_000, "r2", failed=True),
    "sum 1": lambda b: b.refund_total("p1", 1_000),
    "sum 2": lambda b: b.refund_total("p1", 3_000),
}


@pytest.mark.parametrize("order", [
    *random.Random(3).sample(list(itertools.permutations(STEPS)), 12),
], ids="-".join)  # fmt: skip
def test_any_order_and_any_repeat_come_to_the_same(books: Books, order: tuple[str, ...]) -> None:
    """Sums and single refunds of one that failed, before and after the payment, each twice: 1000 is gone in the end."""
    for number, name in enumerate(order):
        STEPS[name](books)
        STEPS[order[number // 2]](books)
        assert books.faults() == []
    assert (books.payment("p1").back.refunds, books.payment("p1").back.refunded) == (1_000, 1_000)
    assert books.balance("bob") == (9_999 * 2 // 10 * 8_999 // 9_999, 0, 0)
    assert books.balance("alice") == (9_999 // 10 * 8_999 // 9_999, 0, 0)


def test_a_sum_that_says_more_counts_and_one_that_says_less_does_not(books: Books) -> None:
    """A provider that tells sums only: the largest stands, whichever comes last."""
    books.earn("carol", "p1", 10_000)
    assert [books.refund_total("p1", total).outcome for total in (1_000, 4_000, 4_000, 2_500)] == [
        RecordOutcome.RECORDED, RecordOutcome.RECORDED, RecordOutcome.REPEATED, RecordOutcome.REPEATED,
    ]  # fmt: skip
    assert books.balance("bob") == (1200, 0, 0)
    assert books.faults() == []


def test_a_refund_that_failed_is_out_of_the_sums_that_are_told_later(books: Books) -> None:
    """Refunded, failed, refunded again: the second sum is no larger than the first, and counts all the same."""
    books.earn("carol", "p1", 10_000)
    books.refund_total("p1", 3_000)
    books.clock.forward(1000)
    books.refund("p1", 3_000, failed=True)
    assert books.balance("bob") == (2000, 0, 0)
    books.clock.forward(1000)
    assert books.refund_total("p1", 3_000).outcome is RecordOutcome.RECORDED
    assert books.balance("bob") == (1400, 0, 0)
    books.clock.forward(1000)
    books.refund_total("p1", 1_000)
    assert books.balance("bob") == (1800, 0, 0)
    assert books.faults() == []


@pytest.mark.parametrize("order", itertools.permutations(range(4)), ids=str)
def test_sums_and_failures_in_any_order(books: Books, order: tuple[int, ...]) -> None:
    """A sum, its refund that fails after it, a later sum without it: whatever comes first, the last one stands."""
    begin = books.clock()
    books.earn("carol", "p1", 10_000)

    def at(later_ms: int, tell: Callable[[], object]) -> None:
        books.clock.at_ms = begin + later_ms
        tell()

    told: list[tuple[int, Callable[[], object]]] = [
        (0, lambda: books.refund("p1", 3_000)), (1, lambda: books.refund_total("p1", 3_000)),
        (2, lambda: books.refund("p1", 3_000, failed=True)), (3, lambda: books.refund_total("p1", 2_000)),
    ]  # fmt: skip
    for place in order:
        at(*told[place])
        assert books.faults() == []
    books.clock.at_ms = begin + 10
    assert books.payment("p1").back.refunded == 2_000
    assert books.balance("bob") == (1600, 0, 0)


def test_what_was_never_taken_is_not_refunded(books: Books) -> None:
    """A provider tells the uncaptured rest as a refund, before or after the payment: it takes nothing."""
    books.refund("p1", 4_000, "rest")
    books.earn("carol", "p1", 10_000, uncaptured=4_000)
    assert books.balance("bob") == (2000, 0, 0)
    books.refund("p1", 2_500, "true")
    assert books.balance("bob") == (1500, 0, 0)
    assert books.faults() == []


def test_one_zero_and_three_decimals(books: Books) -> None:
    """Amounts are minor units whatever their number of decimals: 1 yen of 7 is a seventh."""
    books.earn("carol", "yen", 7, "JPY")
    books.refund("yen", 1, currency="JPY")
    assert books.balance("bob", "JPY") == (0, 0, 0)
    books.earn("carol", "yen2", 70, "JPY")
    books.refund("yen2", 10, currency="JPY")
    assert books.balance("bob", "JPY") == (12, 0, 0)
    assert [e.kind for e in books.entries("bob", "JPY")] == [
        EntryKind.EARN,
        EntryKind.REVERSE,
        EntryKind.EARN,
        EntryKind.REVERSE,
    ]
    assert books.faults() == []
