"""Roll-ups: each record of the stream counts once, however often it comes; folding loses nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from refledger.store import keys, statistics
from refledger.store.stream import comparable
from refledger.store.table import Table
from refledger.store.transaction import Item, RetryableConflict
from tests.support.crashing_table import CrashingTable

Fresh = Callable[[], str]
Change = tuple[str, str, int]


def change(number: int, counter: str = "t1_n", amount: int = 1) -> Change:
    return comparable(str(number)), counter, amount


def days_of(table: Table, dimension: str) -> list[str]:
    """The sort keys of a dimension's items."""
    return [item["sk"] for item in table.query(dimension)]


def fill(table: Table, dimension: str, days: int, shards: int) -> Counter[str]:
    """`days` days from 2026-01-01, a part of `shards` shards each; returns what was counted."""
    for day in range(1, days + 1):
        for shard in range(shards):
            statistics.add(
                table, dimension, f"202601{day:02d}", f"shard-{shard:08d}", [change(shard + 1, "t1_EUR", day)]
            )
    return Counter({"t1_EUR": shards * days * (days + 1) // 2})


@pytest.fixture(autouse=True)
def looking_daily(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether there is something to fold is looked at each time."""
    monkeypatch.setattr(statistics, "LOOKED_AT_EACH", 1)


@pytest.fixture
def folding_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folds wait for nothing, and leave single parts only as they are."""
    monkeypatch.setattr(statistics, "FOLDED_FROM", 1)
    monkeypatch.setattr(statistics, "FEW_PARTS", 1)


def test_sequence_numbers_compare_like_numbers() -> None:
    """As text 9 would come after 10; with their lengths before them they stand in order."""
    numbers = [1, 9, 10, 99, 100, 10**20, 10**20 + 1, 10**39]
    assert [comparable(str(n)) for n in numbers] == sorted(comparable(str(n)) for n in numbers)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_batches_may_come_again_and_overlap(table: Table, fresh: Fresh, data: st.DataObject) -> None:
    """Batches that begin anywhere in what was delivered, and reach any further, count each record once.

    That is what Lambda does: a failed batch comes again, cut in half, or together with newer records.
    """
    size = data.draw(st.integers(1, 12))
    amounts = st.tuples(st.sampled_from(["t1_n", "t1_EUR", "pending_EUR"]), st.integers(-5, 5).filter(bool))
    stream = [change(95 + n, *data.draw(amounts)) for n in range(size)]
    dimension, delivered, first = keys.statistics(fresh()), 0, []
    while delivered < size:
        start = data.draw(st.integers(0, delivered))
        end = data.draw(st.integers(max(start + 1, delivered), size))
        first.append(statistics.add(table, dimension, "20260101", "shard-1", stream[start:end]))
        delivered = end
    wanted: Counter[str] = Counter()
    for _, counter, amount in stream:
        wanted[counter] += amount
    found = statistics.totals(table, dimension)
    assert {name: n for name, n in found.items() if n} == {name: n for name, n in wanted.items() if n}
    assert first == [True, *[False] * (len(first) - 1)]


def test_changes_of_one_record_count_together(table: Table, fresh: Fresh) -> None:
    """A record that touches two counters, or one of them twice, is counted whole, and once."""
    dimension = keys.statistics(fresh())
    record = [change(5, "t1_EUR", 20), change(5, "pending_EUR", 20), change(5, "t1_EUR", 3)]
    for _ in range(2):
        statistics.add(table, dimension, "20260101", "shard-1", record)
    assert statistics.totals(table, dimension) == {"t1_EUR": 23, "pending_EUR": 20}


def test_shards_count_for_themselves(table: Table, fresh: Fresh) -> None:
    """The same sequence number in two shards, or on two days, is two records."""
    dimension = keys.statistics(fresh())
    for day, shard in (("20260101", "shard-1"), ("20260101", "shard-2"), ("20260102", "shard-1")):
        assert statistics.add(table, dimension, day, shard, [change(7)])
        assert not statistics.add(table, dimension, day, shard, [change(7)])
    assert statistics.totals(table, dimension) == {"t1_n": 3}


def test_a_batch_that_comes_twice_at_once_counts_once(table: Table, fresh: Fresh) -> None:
    """Overlapping batches from eight threads: the highest mark wins, and nothing is counted twice."""
    dimension = keys.statistics(fresh())
    stream = [change(n) for n in range(1, 41)]
    with ThreadPoolExecutor(8) as pool:
        for reached in (10, 20, 30, 40):
            batch = stream[:reached]
            list(pool.map(lambda _, b=batch: statistics.add(table, dimension, "20260101", "s", b), range(8)))
    assert statistics.totals(table, dimension) == {"t1_n": 40}


@pytest.mark.usefixtures("folding_at_once")
def test_folding_changes_no_total(table: Table, fresh: Fresh) -> None:
    """Closed days become one item each and part of the totals; open days stay; folding again does nothing."""
    dimension = keys.statistics(fresh())
    wanted = fill(table, dimension, days=4, shards=2)
    for closed in ("20260101", "20260102", "20260102", "20260103"):
        statistics.fold(table, dimension, closed)
        assert statistics.totals(table, dimension) == wanted
    assert days_of(table, dimension) == [
        "DAY#20260101", "DAY#20260102", "DAY#20260103", "DAY#20260104#00000000", "DAY#20260104#00000001", "TOTALS",
    ]  # fmt: skip
    totals = table.get(keys.statistics_totals(dimension)) or {}
    totals.pop("step")
    assert totals == {
        **keys.statistics_totals(dimension), "t1_EUR": 12, "through": "20260103"
    }  # fmt: skip


def test_days_of_few_parts_stay_as_they_are(table: Table, fresh: Fresh) -> None:
    """They are summed up once there are some of them, in one write, and told by day as before."""
    dimension, key = keys.statistics(fresh()), "t1_EUR"
    for days in range(1, statistics.FOLDED_FROM // 2 + 1):
        wanted = fill(table, dimension, days=days, shards=2)
        before = days_of(table, dimension)
        statistics.fold(table, dimension, f"202601{days:02d}")
        assert statistics.totals(table, dimension) == wanted
        assert days_of(table, dimension) == [*before, *(["TOTALS"] if len(before) >= statistics.FOLDED_FROM else [])]
    by_day = statistics.days(table, dimension, "20260101", "20261231")
    assert {when: counters[key] for when, counters in by_day.items()} == {
        f"202601{day:02d}": 2 * day for day in range(1, days + 1)
    }
    assert (table.get(keys.statistics_totals(dimension)) or {})[key] == wanted[key]
    statistics.fold(table, dimension, f"202601{days:02d}")
    assert statistics.totals(table, dimension) == wanted


def test_a_fold_that_another_has_done_meanwhile_counts_nothing(table: Table, fresh: Fresh) -> None:
    """Both have read the same parts, which both leave where they are: the totals take them once."""
    dimension = keys.statistics(fresh())
    wanted = fill(table, dimension, days=statistics.FOLDED_FROM, shards=1)
    closed = f"202601{statistics.FOLDED_FROM:02d}"
    statistics.fold(Torn(table, lambda: statistics.fold(table, dimension, closed)), dimension, closed)
    assert statistics.totals(table, dimension) == wanted


@pytest.mark.parametrize("rhythm", [1, 2, 4, 7, 28])
def test_no_rhythm_misses_all_looks(table: Table, monkeypatch: pytest.MonkeyPatch, rhythm: int) -> None:
    """One payment every so many days: what waits to be folded stays a few dozen items, and the totals are right."""
    monkeypatch.setattr(statistics, "LOOKED_AT_EACH", 4)
    dimension, begin, most = keys.statistics(f"rhythm{rhythm}"), date(2026, 1, 1), 0
    for number in range(60):
        day = begin + timedelta(days=number * rhythm)
        statistics.add(table, dimension, f"{day:%Y%m%d}", "shard-1", [change(number + 1)])
        statistics.fold(table, dimension, f"{day - timedelta(days=3):%Y%m%d}")
        through = (table.get(keys.statistics_totals(dimension)) or {}).get("through", "")
        most = max(most, len(list(table.query(dimension, *keys.open_days(through)))))
    assert statistics.FOLDED_FROM <= most <= 36
    assert statistics.totals(table, dimension) == {"t1_n": 60}


def test_a_clock_that_is_behind_folds_nothing(table: Table, fresh: Fresh) -> None:
    """Around midnight another worker may have folded a day that is still open by this one's clock."""
    dimension = keys.statistics(fresh())
    wanted = fill(table, dimension, days=3, shards=1)
    statistics.fold(table, dimension, "20260102")
    statistics.fold(table, dimension, "20260101")
    assert statistics.totals(table, dimension) == wanted


def test_nothing_to_fold_is_no_fault(table: Table, fresh: Fresh) -> None:
    """A dimension without closed days has no totals item afterwards."""
    dimension = keys.statistics(fresh())
    statistics.fold(table, dimension, "20260101")
    assert days_of(table, dimension) == []


def test_counting_goes_on_after_folding(table: Table, fresh: Fresh) -> None:
    """A new day's part adds to the folded totals, and a batch of an open day still counts once."""
    dimension = keys.statistics(fresh())
    wanted = fill(table, dimension, days=2, shards=1)
    statistics.fold(table, dimension, "20260101")
    for _ in range(2):
        statistics.add(table, dimension, "20260102", "shard-00000000", [change(1, "t1_EUR", 2)])
        statistics.add(table, dimension, "20260105", "shard-00000000", [change(1, "t1_EUR", 100)])
    assert statistics.totals(table, dimension) == wanted + Counter({"t1_EUR": 100})


def test_a_day_of_very_many_shards_is_folded_in_chunks(table: Table, fresh: Fresh) -> None:
    """More parts than one transaction can hold are folded all the same, and counted once."""
    dimension = keys.statistics(fresh())
    wanted = fill(table, dimension, days=1, shards=2 * statistics.FOLD_PARTS + 5)
    statistics.fold(table, dimension, "20260101")
    assert statistics.totals(table, dimension) == wanted
    assert days_of(table, dimension) == ["DAY#20260101", "TOTALS"]


@pytest.mark.usefixtures("folding_at_once")
@pytest.mark.parametrize("round", range(3))
def test_many_who_fold_at_once_count_each_part_once(table: Table, fresh: Fresh, round: int) -> None:
    """Eight workers fold the same days at the same moment; whoever comes second leaves it to the first."""
    dimension = keys.statistics(fresh())
    wanted = fill(table, dimension, days=3, shards=2)

    def fold(_: int) -> None:
        try:
            statistics.fold(table, dimension, "20260103")
        except RetryableConflict:  # a conflict: the stream's batch would come again
            statistics.fold(table, dimension, "20260103")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(fold, range(8)))
    statistics.fold(table, dimension, "20260103")
    assert statistics.totals(table, dimension) == wanted
    assert [sk for sk in days_of(table, dimension) if sk.count("#") > 1] == []


@pytest.mark.usefixtures("folding_at_once")
@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("commits", range(5))
def test_a_fold_that_dies_half_way_is_finished_by_the_next(
    table: Table, fresh: Fresh, commits: int, lost: bool
) -> None:
    """Wherever it stops, before or after a commit, the totals are right, then and after the next fold."""
    dimension = keys.statistics(fresh())
    wanted = fill(table, dimension, days=3, shards=2)
    died: Any = None
    try:
        statistics.fold(CrashingTable(table, commits, lost), dimension, "20260103")
    except TimeoutError as error:
        died = error
    assert bool(died) is (commits < 4)  # three days and the totals
    assert statistics.totals(table, dimension) == wanted
    statistics.fold(table, dimension, "20260103")
    assert statistics.totals(table, dimension) == wanted
    assert days_of(table, dimension) == ["DAY#20260101", "DAY#20260102", "DAY#20260103", "TOTALS"]


class Torn(Table):
    """A table whose first query meets a fold half way: it finds neither the parts, gone by then, nor the new day."""

    def __init__(self, table: Table, meanwhile: Callable[[], None]) -> None:
        super().__init__(table.client, table.name)
        self._meanwhile: Callable[[], None] | None = meanwhile

    def query(self, *args: Any, **kwargs: Any) -> Iterator[Item]:
        before = {item["sk"] for item in super().query(*args, **kwargs)}
        if self._meanwhile:
            self._meanwhile()
            self._meanwhile = None
        return (item for item in super().query(*args, **kwargs) if item["sk"] in before)


@pytest.mark.usefixtures("folding_at_once")
def test_a_day_that_another_folds_while_it_is_read_is_not_lost(table: Table, fresh: Fresh) -> None:
    """A query is no snapshot: whoever folded by a torn answer is refused, and nothing is missing from the totals."""
    dimension = keys.statistics(fresh())
    wanted = fill(table, dimension, days=2, shards=2)

    def another() -> None:
        with pytest.raises(TimeoutError):  # it folded the first day, and died before the totals
            statistics.fold(CrashingTable(table, commits=1, lost=False), dimension, "20260102")

    statistics.fold(Torn(table, another), dimension, "20260102")
    assert statistics.totals(table, dimension) == wanted
    statistics.fold(table, dimension, "20260102")
    assert statistics.totals(table, dimension) == wanted
    assert days_of(table, dimension) == ["DAY#20260101", "DAY#20260102", "TOTALS"]
