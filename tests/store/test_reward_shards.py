"""Rewards in shards are read as if there were none: every reader, in the same order, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from refledger.domain import base32
from refledger.domain.rewards import Reward, RewardStatus
from refledger.domain.times import HOUR_MS, MINUTE_MS
from refledger.store import keys, rewards, shards
from refledger.store.shards import Shards
from refledger.store.table import Table
from refledger.store.transaction import ConditionFailed

MOMENTS = st.integers(10, 60)
MADE = st.tuples(
    MOMENTS, st.sampled_from(["EUR", "USD"]), st.binary(min_size=15, max_size=15), st.integers(1, 10),
    st.sampled_from(["PENDING", "APPROVED", "HELD"]), st.integers(0, 3),
)  # fmt: skip


def reward(partner: str, made: tuple[int, str, bytes, int, str, int], spread: int) -> Reward:
    due_ms, currency, source, tier, state, _ = made
    payment = base32.encode(source)
    status = RewardStatus.APPROVED if state == "APPROVED" else RewardStatus.PENDING
    return Reward(
        keys.reward_id(partner, due_ms, currency, payment, tier, spread), partner, tier, 5, currency, status, 50, 1000,
        1, "default", payment, "f", due_ms, due_ms, held=("odd",) if state == "HELD" else (),
    )  # fmt: skip


def told(found: Iterable[Reward]) -> list[tuple[int, str, str, int]]:
    return [(each.matures_at_ms, each.currency, each.payment, each.tier) for each in found]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    made=st.lists(MADE, max_size=40, unique_by=lambda each: each[2][:10]), low=MOMENTS, high=MOMENTS,
    page=st.integers(1, 9),
)  # fmt: skip
def test_every_reader_finds_the_same(
    table: Table, fresh: Callable[[], str], made: list[Any], low: int, high: int, page: int
) -> None:
    """One partner's rewards lie in one partition; another's are made with no shards, two, four and eight in turn."""
    plain, spread = (base32.encode(fresh().encode().rjust(10))[:16] for _ in range(2))
    for partner, is_spread in ((plain, 0), (spread, 1)):
        writes = [rewards.create(reward(partner, each, each[5] * is_spread), 1) for each in made]
        if writes:
            table.commit(*writes)
    one, all = keys.rewards(plain, 0), keys.rewards(spread, 4)
    first, last = keys.due_from(low), keys.due_from(high)

    def both(read: Callable[[tuple[str, ...]], Iterable[Reward]]) -> list[tuple[int, str, str, int]]:
        found = told(read(all))
        assert found == told(read(one))
        return found

    assert len(both(lambda at: rewards.all_of(table, at))) == len(made)
    for currency in ("EUR", "USD"):
        both(lambda at, currency=currency: rewards.due(table, at, currency, first, high, page))  # type: ignore[misc]
        both(lambda at, currency=currency: rewards.due(table, at, currency, "", high, page))  # type: ignore[misc]
        both(lambda at, currency=currency: islice(rewards.due(table, at, currency, "", 99, page), page))  # type: ignore[misc]
    both(lambda at: rewards.between(table, at, first, last))
    both(lambda at: rewards.newest(table, at, page, first))
    both(lambda at: rewards.since(table, at, first))
    both(lambda at: paged(table, at, page))
    waits = [[each[1:] for each in rewards.waiting_since(table, at, first, high)] for at in (one, all)]
    assert waits[0] == waits[1]
    assert [r.id for r in rewards.all_of(table, all)] == sorted(r.id for r in rewards.all_of(table, all))


def paged(table: Table, partitions: tuple[str, ...], page: int) -> list[Reward]:
    """A list as somebody pages through it: each page begins where the one before ended."""
    found, before = list[Reward](), ""
    while batch := list(islice(rewards.of_partner(table, partitions, before, page), page)):
        found += [each for _, each in batch]
        before = batch[-1][0]
    return found


def test_a_page_of_each_shard_is_in_memory(table: Table, fresh: Callable[[], str]) -> None:
    """Whoever reads all of a busy partner's rewards has no megabyte of each of 64 shards at a time."""
    asked: list[dict[str, Any]] = []

    class Watching:
        def query(self, **call: Any) -> Any:
            asked.append(call)
            return table.client.query(**call)

    assert list(rewards.all_of(Table(Watching(), table.name), keys.rewards(fresh(), 6))) == []
    assert [call["Limit"] for call in asked] == [62] * 64
    asked.clear()
    assert list(rewards.all_of(Table(Watching(), table.name), keys.rewards(fresh(), 0))) == []
    assert ["Limit" in call for call in asked] == [False], "of one partition a page is what the table makes of it"


# ---------------------------------------------------------------- how many there are


def test_readers_know_an_hour_before_the_first_is_made() -> None:
    """A number counts at once for who reads, and for who makes rewards when all who may be at work have read it."""
    raised = Shards(32, {"p": ((HOUR_MS, 2), (3 * HOUR_MS, 4))})
    assert [raised.spread("p", at_ms) for at_ms in (0, HOUR_MS - 1, HOUR_MS, 3 * HOUR_MS)] == [0, 0, 2, 4]
    assert raised.partitions("p") == keys.rewards("p", 4)
    assert len(raised.partitions("p")) == 16
    assert raised.spread("q", 9 * HOUR_MS) == 0
    assert raised.partitions("q") == ("REWARD#q",)
    longest_run_ms, kept_ms, skew_ms = 15 * MINUTE_MS, MINUTE_MS, 2 * 5 * MINUTE_MS
    assert longest_run_ms + kept_ms + skew_ms < shards.SPREAD_AFTER_MS


@given(st.dictionaries(st.sampled_from("pqr"), st.integers(1, 6)), st.integers(-3, 200), st.sampled_from("pq"))
def test_their_number_only_grows_by_powers_of_two(before: dict[str, int], to: int, partner: str) -> None:
    """Whatever is asked for."""
    old = Shards(32, {id: ((7, spread),) for id, spread in before.items()})
    if to in (2, 4, 8, 16, 32, 64) and to > 1 << before.get(partner, 0):
        written = shards.grow_rewards(old, partner, to, 10)
        assert written.values["partners"][partner][-1] == [10 + shards.SPREAD_AFTER_MS, to.bit_length() - 1]
        assert all(written.values["partners"][id][0] == [7, spread] for id, spread in before.items())
    else:
        with pytest.raises(ValueError, match=r"power of two|there are"):
            shards.grow_rewards(old, partner, to, 10)


def test_two_who_raise_at_once_lose_nothing(dynamodb_table: Table) -> None:
    """The second is refused, as it did not see what the first wrote; and neither touches the number of payments'."""
    table, seen = dynamodb_table, shards.read(dynamodb_table)
    table.commit(shards.grow_rewards(seen, "p", 4, 1))
    with pytest.raises(ConditionFailed):
        table.commit(shards.grow_rewards(seen, "q", 8, 2))
    table.commit(shards.grow(64))
    table.commit(shards.grow_rewards(shards.read(table), "q", 8, 3))
    found = shards.read(table)
    assert found.count == 64
    assert [len(found.partitions(id)) for id in "pq"] == [4, 8]
