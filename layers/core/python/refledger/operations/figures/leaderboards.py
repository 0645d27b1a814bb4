"""Leaderboards: after a partner's figures have changed, their place in them is what the figures say then.

The roll-ups tell who has changed and in which month; nothing is added up here. A board takes the partner's values as
they are when it is written, so messages may come twice and in any order. A board is read before the values, and written
under the version that was read: of two workers the one whose values are older is refused, and reads both again.

A board keeps `KEPT` rows and shows `SHOWN`: who was below all of them comes in with the next change of their figures.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

from refledger.domain.leaderboards import ChangedMonth
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.figures import rollups
from refledger.operations.figures.counter_names import Counts, parse
from refledger.store import dimensions, leaderboards, partners
from refledger.store.leaderboards import Board, Rows
from refledger.store.transaction import Write

KEPT = 200
SHOWN = 100
ALL_TIME = "ALL"
PARTNERS_A_BATCH = 100  # read together, and put into the same boards by one write each


class RankedBy(StrEnum):
    """What a leaderboard ranks partners by."""

    REVENUE = "REVENUE"  # what customers whom the partner referred paid, less what is gone
    CONVERSIONS = "CONVERSIONS"  # referrals that converted
    REWARDS = "REWARDS"  # what the partner earned


# A counter of a partner: what it ranks them by, and whether it adds to it
RANKS = {
    Counts.CONVERSIONS: (RankedBy.CONVERSIONS, 1),
    Counts.EARNED: (RankedBy.REWARDS, 1),
    Counts.OVER_CAPS: (RankedBy.REWARDS, -1),
    Counts.REVENUE: (RankedBy.REVENUE, 1),
}


def metric(by: RankedBy, currency: str) -> str:
    """Return which board: amounts in different currencies are never compared."""
    return by.value if by is RankedBy.CONVERSIONS else f"{by}_{currency}"


def top(context: Context, program_id: str, period: str, by: RankedBy, currency: str) -> Board:
    """One read. `period`: a month (`202611`) or ALL."""
    return leaderboards.find(context.table, program_id, period, metric(by, currency))


def months_of(context: Context, program_id: str) -> Iterator[Board]:
    """Return every board of a month that there is."""
    return (board for board in leaderboards.of_program(context.table, program_id) if board.period != ALL_TIME)


def refresh(context: Context, changed: Iterable[ChangedMonth]) -> None:
    """Put the partners where they belong now: in the boards of the months that changed, and of all time.

    Idempotent.
    """
    months: dict[str, set[str]] = defaultdict(set)
    for each in changed:
        months[each.partner_id].add(each.month)
    ids = sorted(months)
    for start in range(0, len(ids), PARTNERS_A_BATCH):
        batch = ids[start : start + PARTNERS_A_BATCH]
        concerned: dict[str, dict[str, set[str]]] = defaultdict(dict)
        for partner in partners.many(context.table, batch):
            concerned[partner.program_id][partner.id] = months[partner.id]
        for program_id, those in sorted(concerned.items()):
            _refresh(context, program_id, those)


def _refresh(context: Context, program_id: str, months: Mapping[str, set[str]]) -> None:
    """`months`: those that have changed, by partner."""
    periods = sorted({ALL_TIME}.union(*months.values()))
    _write_boards(context, periods, program_id, months)


@retry_on_conflict
def _write_boards(context: Context, periods: list[str], program_id: str, months: Mapping[str, set[str]]) -> None:
    boards = {period: leaderboards.of_period(context.table, program_id, period) for period in periods}
    values = _values(context, months)
    for period in periods:
        for write in _writes(context, program_id, period, boards[period], values[period]):
            context.table.commit(write)  # alone: a transaction would cost twice, and each has its version


def _writes(
    context: Context, program_id: str, period: str, boards: Mapping[str, Board], values: Mapping[str, Mapping[str, int]]
) -> list[Write]:
    """Every board of the period that is another one with these values, which are by partner and metric."""
    writes: list[Write] = []
    for name in sorted({*boards, *(name for those in values.values() for name in those)}):
        board = boards.get(name, Board(program_id, period, name))
        rows = placed(board.rows, {id: those.get(name, 0) for id, those in values.items()})
        if rows != board.rows:
            writes.append(leaderboards.replace(board, rows, context.now_ms()))
    return writes


def placed(rows: Rows, values: Mapping[str, int]) -> Rows:
    """The rows with these partners where their values put them; who has nothing is in no leaderboard."""
    others = [(id, value) for id, value in rows if id not in values]
    found = [*others, *((id, value) for id, value in values.items() if value > 0)]
    return tuple(sorted(found, key=lambda row: (-row[1], row[0]))[:KEPT])


def _values(context: Context, months: Mapping[str, set[str]]) -> dict[str, dict[str, Counter[str]]]:
    """By period and partner: the value for each metric, strongly read: whoever sent the message has written before."""
    since = {dimensions.partner(id): f"{min(those)}01" for id, those in months.items()}
    found: dict[str, dict[str, Counter[str]]] = defaultdict(dict)
    for dimension, (sums, days) in rollups.of_many(context, since).items():
        found[ALL_TIME][dimension.id] = metrics(sums)
        for month in months[dimension.id]:
            of_month = [counters for when, counters in days.items() if when.startswith(month)]
            found[month][dimension.id] = metrics(rollups.signed_sum(of_month))
    return found


def metrics(counters: Mapping[str, int]) -> Counter[str]:
    """Return what a partner's counters come to in each metric."""
    values: Counter[str] = Counter()
    for counter, amount in counters.items():
        if (name := parse(counter)) and name.counts in RANKS:
            by, sign = RANKS[name.counts]
            values[metric(by, name.currency)] += sign * amount
    return values
