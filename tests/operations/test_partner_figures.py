"""A partner's figures: what the stream told, each record once, equal to what rewards and bindings say."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from refledger.domain.partners import PartnerStatus
from refledger.domain.rewards import Reward, RewardStatus
from refledger.domain.times import DAY_MS
from refledger.operations.figures.counters import effects
from refledger.operations.figures.projection import project
from refledger.operations.figures.rollups import PartnerStatistics
from refledger.operations.partners import partners
from refledger.store import dimensions, images, keys, rewards
from refledger.store import statistics as stored
from refledger.store.dimensions import Of
from refledger.store.stream import Record
from refledger.store.transaction import Item, delete
from tests.support import streams
from tests.support.books import Books
from tests.support.figures import figures, told, truth

NAMES = ("ann", "ben", "cat", "dan", "eve", "fay")
PARTNER = "p" * 16


@pytest.fixture
def books(books: Books) -> Books:
    """A chain of six with three tiers, payments in two currencies, some of them in a pause of Ben's, some matured."""
    books.program(tier_rates_bps=(2000, 1000, 500), hold_days=1)
    books.chain(*NAMES)
    for number in range(4):
        books.pay(NAMES[2 + number], f"p{number}", 10_000)
        books.pay("fay", f"yen{number}", 7_777, "JPY")
    partners.change_status(books.context, books.partner("ben").id, PartnerStatus.INACTIVE, "", "x")
    books.clock.forward(5)
    books.pay("cat", "in the pause", 10_000)
    books.clock.forward(DAY_MS)
    for name in NAMES[:4]:
        for currency in ("USD", "JPY"):
            books.mature(name, currency)
    books.pay("fay", "still pending", 500)
    return books


def test_the_stream_tells_what_is_true(books: Books) -> None:
    """After all records: referrals and earnings per tier, and what is pending, of every partner in the chain."""
    project(books.context, "shard-1", list(streams.records(books.client)))
    for name in NAMES:
        assert told(figures(books, name)) == truth(books, name, NAMES), name
    assert figures(books, "ben").balances == [b for b in figures(books, "ben").balances if b.version]


@pytest.mark.parametrize("seed", range(3))
def test_batches_of_any_size_that_come_again_tell_the_same(books: Books, seed: int) -> None:
    """As Lambda delivers them: cut anywhere, some repeated from an earlier place on."""
    chosen = random.Random(seed)
    records = list(streams.records(books.client))
    done = 0
    while done < len(records):
        start = max(0, done - chosen.randrange(30)) if chosen.random() < 0.5 else done
        done = min(len(records), done + chosen.randrange(1, 25))
        project(books.context, "shard-1", records[start:done])
    for name in NAMES:
        assert told(figures(books, name)) == truth(books, name, NAMES), name


def test_two_shards_and_closed_days_tell_the_same(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """Partitions spread over shards, records spread over twenty days, days closed and folded in between."""
    monkeypatch.setattr(stored, "FOLDED_FROM", 1)
    records = list(streams.records(books.client))
    for record in records:
        books.clock.forward(20 * DAY_MS // len(records))
        told_now = Record(record.sequence_number, books.clock(), record.old, record.new)
        shard = sum((record.new or record.old)["pk"].encode()) % 2
        project(books.context, f"shard-{shard}", [told_now])
    for name in NAMES:
        assert told(figures(books, name)) == truth(books, name, NAMES), name
    folded = books.table.get(keys.statistics_totals(keys.statistics(books.partner("ann").id)))
    assert folded is not None
    assert folded["through"] > ""


def test_a_reward_that_is_gone_is_taken_back(books: Books) -> None:
    """A reward that waited, removed from the table, is as if it had not been: images decide, not events."""
    books.table.commit(delete("a removal", keys.reward(books.rewards("dan")[-1].id), "attribute_exists(pk)"))
    project(books.context, "shard-1", list(streams.records(books.client)))
    assert told(figures(books, "dan")) == truth(books, "dan", NAMES)


def test_what_is_neither_reward_nor_referral_counts_nothing(books: Books) -> None:
    """For a partner payments, referrals and rewards count; balances, bindings, guards, programs for nobody."""
    kinds: Counter[str] = Counter()
    partner: Counter[str] = Counter()
    for record in streams.records(books.client):
        counted = list(effects(record.days_before, record.days_after))
        kinds[keys.kind_of(record.new or record.old)] += bool(counted)
        partner[keys.kind_of(record.new or record.old)] += any(where.of is Of.PARTNER for _, where, _, _ in counted)
    assert kinds["REWARD"] > 10
    assert kinds["REFERRAL"] == 5
    assert {kind for kind, number in kinds.items() if number} == {"REWARD", "REFERRAL", "PAYMENT", "PARTNER", "JOURNAL"}
    assert {kind for kind, number in partner.items() if number} == {"REWARD", "REFERRAL", "PAYMENT"}
    assert {"CUSTOMER", "GUARD", "PROGRAMS"} <= set(kinds)


def reward(status: str, amount: int = 10, taken_back: int = 0) -> Item:
    made = Reward(
        id=f"{PARTNER}{'r' * 32}", partner_id=PARTNER, tier=2, amount=amount, reversed=taken_back, currency="EUR",
        status=RewardStatus(status), base=100, rate_bps=1_000, rule_version=1, program_id="default", payment="e" * 24,
        referral_id="", matures_at_ms=0, earned_at_ms=0,
    )  # fmt: skip
    return rewards.create(made, 0).target


@pytest.mark.parametrize(
    ("old", "new", "earned", "pending"),
    [
        ({}, reward("PENDING"), 10, 10),
        (reward("PENDING"), reward("APPROVED"), 0, -10),
        (reward("PENDING"), reward("CANCELLED"), -10, -10),
        (reward("PENDING"), reward("PENDING", taken_back=4), -4, -4),
        (reward("APPROVED"), reward("APPROVED", taken_back=10), -10, 0),
        (reward("APPROVED"), reward("APPROVED"), 0, 0),
        (reward("PENDING"), {}, -10, -10),
    ],
)
def test_what_a_change_of_a_reward_adds(old: Item, new: Item, earned: int, pending: int) -> None:
    """Earned is what a reward may still become or is; pending is what waits."""
    added = {
        counter: amount
        for _, where, counter, amount in effects(images.days(old), images.days(new))
        if where == dimensions.partner(PARTNER)
    }
    wanted = {"t2_EUR": earned, "pending_EUR": pending}
    assert added == {counter: amount for counter, amount in wanted.items() if amount}


def test_somebody_who_is_no_partner_has_no_figures(books: Books) -> None:
    """Nothing, and nobody is made a partner by looking."""
    assert figures(books, "stranger") == PartnerStatistics({}, {}, {}, [])
    assert figures(books, "stranger").tiers == {}


def test_balances_are_exact_before_the_stream_has_told_anything(books: Books) -> None:
    """Available, reserved and paid come from the books, not from the roll-ups."""
    found = figures(books, "ann")
    assert found.tiers == {}
    assert {b.currency: b.available for b in found.balances} == {
        c: books.balance("ann", c)[0] for c in ("JPY", "USD") if books.balance("ann", c)[0]
    }  # fmt: skip
