"""What stands in one answer is there once: money that has come into the balance does not wait any more.

The stream tells of a reward and of its entry when it comes to it: in pieces, late, or not for hours.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest

from refledger.domain.rules import RuleSet
from refledger.domain.times import DAY_MS
from refledger.operations.earning import manual_rewards
from refledger.operations.earning.manual_rewards import Gift
from refledger.operations.figures import rollups
from refledger.operations.figures.projection import project
from refledger.operations.figures.rollups import PartnerStatistics, signed_sum
from refledger.store import keys
from refledger.store.stream import Record
from refledger.store.transaction import update
from tests.support import streams, worlds
from tests.support.books import Books
from tests.support.programs import a_rule
from tests.support.rollups import Counting

pytestmark = worlds.lives_in(worlds.one_tier, hold_days=1)


def row(found: PartnerStatistics, currency: str) -> tuple[int, int]:
    """(pending, available) as one answer has them."""
    return found.pending.get(currency, 0), sum(b.available for b in found.balances if b.currency == currency)


def own(books: Books) -> PartnerStatistics:
    return rollups.of_user(books.context, books.user("bob"))


def test_what_matured_does_not_wait_before_the_stream_has_told_so(books: Books) -> None:
    """Pending while it waits; then available, and not both."""
    count = Counting(books)
    books.pay("carol", "p", 1_000)
    count()
    assert row(own(books), "USD") == (200, 0)
    books.clock.forward(2 * DAY_MS)
    books.mature("bob")
    assert row(own(books), "USD") == (0, 200)
    books.pay("carol", "q", 5_000)
    assert row(own(books), "USD") == (0, 200), "what nobody has told yet is not said"
    count()
    assert row(own(books), "USD") == (1_000, 200)


def test_other_rewards_go_on_waiting(books: Books) -> None:
    """What matured is taken off what waits, to the unit, and adjustments and payouts have nothing to do with it."""
    count = Counting(books)
    for number in range(3):
        books.pay("carol", f"p{number}", 10_000 * (number + 1))
        books.clock.forward(DAY_MS // 2)
    count()
    books.clock.forward(DAY_MS // 4)
    books.mature("bob")
    books.withdraw("bob", 1_000)
    assert row(own(books), "USD") == (6_000, 5_000)
    books.refund("p0", 10_000)
    waits, available = row(own(books), "USD")
    assert available == 3_000, "taken back of the balance, of which the stream knows nothing yet"
    assert waits + available + 1_000 == 12_000, "all that it knows to be earned, once"
    count()
    assert row(own(books), "USD") == (6_000, 3_000)


def test_a_balance_that_does_not_say_it_is_read_as_before(books: Books) -> None:
    """Of a release that did not count it: what waits is what the stream says."""
    count = Counting(books)
    books.earn("carol", "p", 1_000)
    books.clock.forward(2 * DAY_MS)
    books.mature("bob")
    books.table.commit(update("older", keys.balance(books.partner("bob").id, "USD"), "REMOVE #earned"))
    books.pay("carol", "q", 5_000)
    count()
    assert row(own(books), "USD") == (1_000, 200)


@pytest.mark.parametrize("seed", range(4))
def test_never_more_than_was_earned_wherever_the_stream_stands(books: Books, seed: int) -> None:
    """Rewards under a cap, gifts, refunds before and after the hold, payouts, and a stream that lags by any number of
    records: what waits and what is in the balance come at most to what the stream or the books know to be earned.
    """
    chosen, tail = random.Random(seed), streams.Tail(books.client)
    books.change_program(rules=RuleSet(a_rule(2_000), monthly_cap=(("USD", 900),)))
    waiting: list[Record] = []
    paid: list[str] = []
    for step in range(24):
        match chosen.randrange(5):
            case 0 | 1:
                paid.append(f"p{step}")
                books.pay("carol", paid[-1], chosen.randrange(100, 2_000))
            case 2 if paid:
                books.refund(paid.pop(chosen.randrange(len(paid))), 50, f"r{step}")
            case 3:
                manual_rewards.give(books.context, Gift(books.partner("bob").id, 70, "USD", "why"), "ann", f"g{step}")
            case _:
                books.clock.forward(DAY_MS)
                books.mature("bob")
        waiting += [replace(each, at_ms=books.clock()) for each in tail.new()]
        known = chosen.randrange(len(waiting) + 1)
        project(books.context, "shard-1", waiting[:known])
        del waiting[:known]
        found = own(books)
        told = signed_sum([found.by_hand, *(tier.earnings for tier in found.tiers.values())])
        told.subtract(found.over)
        held = Counter({b.currency: b.available + b.reserved + b.paid for b in found.balances})
        assert 0 <= found.pending.get("USD", 0) + held["USD"] <= max(told["USD"], held["USD"])
    project(books.context, "shard-1", waiting)
    found = own(books)
    still = sum(reward.amount - reward.reversed for reward in books.rewards("bob") if reward.status == "PENDING")
    assert found.pending.get("USD", 0) == still
    assert not books.faults()
