"""Limits per caller and minute: nobody is refused too early, nobody much too late, however many workers count."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from refledger.domain.errors import RateLimited
from refledger.domain.times import MINUTE_MS
from refledger.operations.rate_limits import LimitKind, Limits
from refledger.store import keys
from refledger.store.table import Table
from tests.support import dynamodb
from tests.support.books import Books

callers = (f"caller{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def world(dynamodb_endpoint: str) -> Books:
    return Books(dynamodb.new_database(dynamodb_endpoint))


def taken(limits: Limits, books: Books, caller: str, kind: LimitKind = LimitKind.READS) -> bool:
    try:
        limits.take(books.context, caller, kind)
    except RateLimited:
        return False
    return True


def workers(allowed: int, number: int) -> list[Limits]:
    return [Limits(dict.fromkeys(LimitKind, allowed)) for _ in range(number)]


@pytest.mark.parametrize("allowed", [1, 5, 24, 100])
def test_one_worker_refuses_exactly_the_first_too_many(world: Books, allowed: int) -> None:
    """As many as allowed are let through, and not one more."""
    (limits,), caller = workers(allowed, 1), next(callers)
    assert [taken(limits, world, caller) for _ in range(allowed + 5)] == [True] * allowed + [False] * 5


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(1, 120), st.lists(st.integers(0, 3), min_size=1, max_size=200))
def test_many_workers_refuse_never_too_early_and_not_much_too_late(
    world: Books, allowed: int, order: list[int]
) -> None:
    """Whichever of four workers each request meets: below the limit none is refused; above it, each worker lets
    through at most what it may count in memory, 1/24 of the limit."""
    limits, caller = workers(allowed, 4), next(callers)
    passed = 0
    for number, worker in enumerate(order, start=1):
        went = taken(limits[worker], world, caller)
        passed += went
        assert went or number > allowed, "refused too early"
    assert passed <= allowed + 4 * max(1, allowed // 24)


def test_the_next_minute_is_free(world: Books) -> None:
    """The refusal says how many seconds are left of this one, and after them all is as before."""
    (limits,), caller = workers(3, 1), next(callers)
    world.clock.at_ms = 10 * MINUTE_MS + 1
    assert [taken(limits, world, caller) for _ in range(4)][-1] is False
    with pytest.raises(RateLimited) as refused:
        limits.take(world.context, caller, LimitKind.READS)
    assert refused.value.retry_after_seconds == 60
    world.clock.forward(59_998)
    with pytest.raises(RateLimited) as refused:
        limits.take(world.context, caller, LimitKind.READS)
    assert refused.value.retry_after_seconds == 1
    world.clock.forward(1)
    assert taken(limits, world, caller)


def test_callers_and_kinds_are_counted_apart(world: Books) -> None:
    """One caller's requests limit nobody else's, nor the same caller's withdrawals."""
    (limits,), caller = workers(2, 1), next(callers)
    assert [taken(limits, world, caller) for _ in range(3)] == [True, True, False]
    assert taken(limits, world, next(callers))
    assert taken(limits, world, caller, LimitKind.WITHDRAWALS)


def test_a_worker_that_starts_anew_knows_the_count(world: Books) -> None:
    """What was counted is in the table: a fresh worker refuses at once."""
    (limits,), caller = workers(2, 1), next(callers)
    assert [taken(limits, world, caller) for _ in range(3)] == [True, True, False]
    assert not taken(workers(2, 1)[0], world, caller)


def test_who_calls_seldom_costs_nothing(world: Books) -> None:
    """Up to 1/24 of the limit a caller is counted in memory only; the counter forgets itself."""
    (limits,), caller = workers(1200, 1), next(callers)
    key = keys.limit(caller, LimitKind.READS, world.clock() // MINUTE_MS)
    for _ in range(49):
        taken(limits, world, caller)
    assert world.table.get(key) is None
    taken(limits, world, caller)
    item = world.table.get(key)
    assert item is not None
    assert item["n"] == 50
    assert item["ttl"] > world.clock() // 1000


def test_memory_is_bounded(world: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker forgets its counters when they are too many, and the table still knows them."""
    monkeypatch.setattr("refledger.operations.rate_limits.MEMORY_LIMIT", 10)
    (limits,), caller = workers(1, 1), next(callers)
    assert [taken(limits, world, caller) for _ in range(2)] == [True, False]
    for _ in range(30):
        taken(limits, world, next(callers))
        assert len(limits._counters) <= 10
    assert not taken(limits, world, caller)


def test_a_limit_does_not_write_for_ever(world: Books) -> None:
    """Whoever goes on after being refused costs no further write in that minute."""
    (limits,), caller = workers(3, 1), next(callers)
    for _ in range(5):
        taken(limits, world, caller)
    writes = []

    class Watching(Table):
        def count(self, key: keys.Key, amount: int, expires_at: int) -> int:
            writes.append(key)
            return super().count(key, amount, expires_at)

    watched = type(world.context)(Watching(world.client, world.table_name), world.ids, world.clock)
    for _ in range(20):
        with pytest.raises(RateLimited):
            limits.take(watched, caller, LimitKind.READS)
    assert writes == []
