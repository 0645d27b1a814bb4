"""Leaderboards as items: for a program, a month or all time, and a metric, the partners with the highest values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from refledger.store import keys
from refledger.store.table import Table
from refledger.store.transaction import NOT_THERE, Item, Write, put

IS_CURRENT = "the leaderboard is as it was read"
Rows = tuple[tuple[str, int], ...]  # (partner, value), the highest first


@dataclass(frozen=True)
class Board:
    """`at_ms`: when it was last written; `version`: how often it was."""

    program_id: str
    period: str
    metric: str
    rows: Rows = ()
    version: int = 0
    at_ms: int = 0


def find(table: Table, program_id: str, period: str, metric: str) -> Board:
    """Empty where there is none yet."""
    item = table.get(keys.leaderboard(program_id, period, metric), strong=False)
    return _from(program_id, period, metric, item)


def of_period(table: Table, program_id: str, period: str) -> dict[str, Board]:
    """Return all of a program's boards of a period, by metric."""
    found = table.query(*keys.leaderboards(program_id, period))
    return {keys.metric_of(item): _from(program_id, period, keys.metric_of(item), item) for item in found}


def of_program(table: Table, program_id: str) -> Iterator[Board]:
    """Yield all of a program's boards."""
    for item in table.query(*keys.leaderboards(program_id, "")):
        yield _from(program_id, keys.period_of(item), keys.metric_of(item), item)


def replace(old: Board, rows: Rows, now_ms: int) -> Write:
    """Other rows, unless somebody changed the board in between."""
    item = {
        **keys.leaderboard(old.program_id, old.period, old.metric), "rows": [list(row) for row in rows],
        "version": old.version + 1, "at": now_ms,
    }  # fmt: skip
    name = f"{IS_CURRENT}: {old.metric}"
    return put(name, item, "#version = :was", was=old.version) if old.version else put(name, item, NOT_THERE)


def _from(program_id: str, period: str, metric: str, item: Item | None) -> Board:
    if item is None:
        return Board(program_id, period, metric)
    rows = tuple((partner_id, value) for partner_id, value in item["rows"])
    return Board(program_id, period, metric, rows, item["version"], item["at"])
