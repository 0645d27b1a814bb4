"""Leaderboards: who stands where, after messages that come twice, late, and at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from refledger.domain.errors import Busy, Unreadable
from refledger.domain.leaderboards import ChangedMonth, read, written
from refledger.domain.times import DAY_MS, day
from refledger.operations.figures import leaderboards, rollups
from refledger.operations.figures.leaderboards import ALL_TIME, KEPT, RankedBy, metrics, placed, top
from refledger.store import dimensions
from refledger.store import statistics as stored
from refledger.store.stream import comparable
from tests.support import worlds
from tests.support.books import Books

NAMES = ("ann", "ben", "cat", "dan")


pytestmark = worlds.lives_in(worlds.some_partners, names=NAMES)


def earn(books: Books, name: str, amount: int, number: int) -> ChangedMonth:
    """The roll-ups have it; the leaderboards have not."""
    dimension, today = dimensions.partner(books.partner(name).id).at(0), day(books.clock())
    change = (comparable(str(number)), "t1_USD", amount)
    stored.add(books.table, dimension, today, f"shard-{name}", [change])
    return ChangedMonth(books.partner(name).id, today[:6])


def rows(books: Books, period: str = ALL_TIME) -> list[tuple[str, int]]:
    names = {books.partner(name).id: name for name in NAMES}
    return [(names[id], value) for id, value in top(books.context, "default", period, RankedBy.REWARDS, "USD").rows]


def test_who_earned_most_is_first(books: Books) -> None:
    """Of the month and of all time; messages that come again change nothing, a later one moves people."""
    first = [earn(books, name, amount, 1) for name, amount in (("ann", 10), ("ben", 30), ("cat", 20), ("dan", -5))]
    for _ in range(2):
        leaderboards.refresh(books.context, first)
        assert rows(books) == rows(books, first[0].month) == [("ben", 30), ("cat", 20), ("ann", 10)]
    version = top(books.context, "default", ALL_TIME, RankedBy.REWARDS, "USD").version
    assert version == 1, "what changes nothing is not written"
    leaderboards.refresh(books.context, [earn(books, "ann", 25, 2), earn(books, "ben", -30, 2)])
    assert rows(books) == [("ann", 35), ("cat", 20)]


@pytest.mark.parametrize("amounts", [(-20, 12), (12, -20), (-20, 12, 9), (9, -20, 12)])
def test_a_month_is_the_sum_of_its_days_in_any_order(books: Books, amounts: tuple[int, ...]) -> None:
    """A day below zero counts as much as one above: who gave back more than they earned is on no board."""
    changed = []
    for number, amount in enumerate(amounts, start=1):
        changed.append(earn(books, "ann", amount, number))
        books.clock.forward(DAY_MS)
    assert len({each.month for each in changed}) == 1
    leaderboards.refresh(books.context, changed)
    total = sum(amounts)
    assert rows(books, changed[0].month) == rows(books) == ([("ann", total)] if total > 0 else [])


def test_messages_in_any_order_tell_how_it_is(books: Books) -> None:
    """An old message read late puts nobody back: values are read when the board is written."""
    old, new = earn(books, "ann", 10, 1), earn(books, "ann", 90, 2)
    leaderboards.refresh(books.context, [new])
    leaderboards.refresh(books.context, [old])
    assert rows(books) == [("ann", 100)]


def test_workers_at_the_same_time(books: Books) -> None:
    """Eight workers, each of whom has another change to tell: in the end everybody's value is what it is."""

    def work(number: int) -> None:
        changed = [earn(books, NAMES[number % 4], 10 + number, number)]
        for _ in range(20):  # as often as the queue gives a message that was too busy
            try:
                leaderboards.refresh(books.context, changed)
            except Busy:
                continue
            return
        raise AssertionError("never done")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(16)))
    wanted = {
        name: rollups.totals(books.context, dimensions.partner(books.partner(name).id))["t1_USD"] for name in NAMES
    }
    assert dict(rows(books)) == wanted
    assert [value for _, value in rows(books)] == sorted(wanted.values(), reverse=True)


def test_a_partner_who_does_not_exist_is_passed_over(books: Books) -> None:
    """A message about nobody is no fault, and nobody is on a board for it."""
    leaderboards.refresh(books.context, [ChangedMonth("0" * 16, "202611")])
    assert rows(books) == []


def test_a_board_keeps_the_highest() -> None:
    """Rows beyond the limit fall off; ties stand by id, so that the same values are always the same board."""
    values = {f"p{number:03d}": number // 2 for number in range(2, KEPT + 50)}
    kept = placed((), values)
    assert len(kept) == KEPT
    assert kept == tuple(sorted(kept, key=lambda row: (-row[1], row[0])))
    assert placed(kept, {kept[0][0]: 0})[0] == kept[1]


def test_metrics() -> None:
    """Rewards of all tiers together, revenue by currency, conversions; nothing else ranks."""
    counters = {"t1_USD": 5, "t2_USD": 2, "t1_n": 9, "rev_EUR": 7, "conv": 3, "pending_USD": 8, "pay_n": 1}
    assert metrics(counters) == {"REWARDS_USD": 7, "REVENUE_EUR": 7, "CONVERSIONS": 3}


def test_messages_are_read_as_they_were_written() -> None:
    """And what is none is refused: it would come again for ever."""
    changed = [ChangedMonth("0123456789abcdef", "202611"), ChangedMonth("fedcba9876543210", "202612")]
    assert read(written(changed)) == changed
    for body in ("", "{}", "[]", '{"changed": 1}', '{"changed": [["x"]]}', '{"changed": [["x", "2026"]]}',
                 '{"changed": [[1, "202611"]]}', '{"changed": [["x", 202611]]}'):  # fmt: skip
        with pytest.raises(Unreadable):
            read(body)
