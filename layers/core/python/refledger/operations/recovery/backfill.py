"""What follows from the table by way of its stream, and can be said again from the table: search rows, progress of
referrals, leaderboards. A reader of the stream that was away for longer than a day has missed what made them.

Each is looked at first: what is behind is counted, and only that is written, by what the readers of the stream write.
So it may run while they do, any number of times; one that was stopped goes on in the list of partners where it stopped,
and reads again what it has of payments. Statistics have a rebuild of their own (`operations/figures/rebuild.py`).

The audit cannot be said again: an item knows who changed it last, and not what it was before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from refledger.domain.leaderboards import ChangedMonth
from refledger.domain.payments import Payment
from refledger.domain.rewards import Reward
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.operations.context import Context
from refledger.operations.figures import leaderboards, rollups
from refledger.operations.referring import progress_projection
from refledger.store import book_items, cursors, dimensions, partners, programs, search, withdrawals
from refledger.store.read_only import WouldWrite
from refledger.store.stream import Record
from refledger.store.table import BATCH_LIMIT
from refledger.store.transaction import Item

Tell = Callable[[str], None]


@dataclass
class Caught:
    """`looked_at`: partners, or payments and rewards; `behind`: how many of them (of progress: referrals) lacked it."""

    looked_at: int = 0
    behind: int = 0


def catch_up(context: Context, what: str, *, check: bool, tell: Tell = lambda _: None) -> Caught:
    """Say again what is missing of `what`, one of `SUBJECTS`; `check`: only count it.

    Idempotent. Raises Busy.
    """
    caught = Caught()
    for batch in SUBJECTS[what](context, caught, check):
        caught.looked_at += batch
        tell(f"{caught.looked_at} looked at, {caught.behind} behind")
    return caught


def _partners(context: Context, name: str, *, check: bool) -> Iterator[list[str]]:
    """All ids, a page at a time. Where something is written the place is kept, and forgotten at the end."""
    cursor = f"CATCHING-UP-{name}"
    after = "" if check else cursors.position(context.table, cursor)
    while page := list(islice(partners.oldest(context.table, after, BATCH_LIMIT), BATCH_LIMIT)):
        yield [partner_id for _, partner_id in page]
        after = page[-1][0]
        if not check:
            context.table.commit(cursors.keep_position(cursor, after))
    if not check:
        context.table.commit(cursors.keep_position(cursor, ""))


def _search(context: Context, caught: Caught, check: bool) -> Iterator[int]:
    """Rows by which a partner is found. One of a name that they no longer have finds nobody, and is left."""
    for ids in _partners(context, "search", check=check):
        for partner in partners.many(context.table, ids):
            rows = search.follow(None, partner)
            missing = search.missing(context.table, rows)
            caught.behind += bool(missing)
            for row in missing if not check else ():
                context.table.commit(row)
        yield len(ids)


def _leaderboards(context: Context, caught: Caught, check: bool) -> Iterator[int]:
    """Each partner's place in all time, in every month in which they have figures, and in every other in whose boards
    they are.
    """
    placed: dict[str, set[str]] = defaultdict(set)
    for _, program in programs.after(context.table, ""):
        for board in leaderboards.months_of(context, program.id):
            for partner_id, _ in board.rows:
                placed[partner_id].add(board.period)
    for ids in _partners(context, "leaderboards", check=check):
        found = rollups.of_many(context, {dimensions.partner(id): "" for id in ids})
        for dimension, (_, days) in found.items():
            months = {when[:6] for when in days} | placed[dimension.id]
            changed = [ChangedMonth(dimension.id, month) for month in sorted(months)]
            if changed and _would_move(context, changed):
                caught.behind += 1
                if not check:
                    leaderboards.refresh(context, changed)
        yield len(ids)


def _would_move(context: Context, changed: list[ChangedMonth]) -> bool:
    try:
        leaderboards.refresh(context.looking(), changed)
    except WouldWrite:
        return True
    return False


def _progress(context: Context, caught: Caught, check: bool) -> Iterator[int]:
    """Referrals whose payment or payout is in the table, and which do not know of it."""
    money = _money(context)
    while found := list(islice(money, BATCH_LIMIT)):
        told = _told(context, found)
        behind = progress_projection.behind(context, told)
        caught.behind += len(behind)
        if behind and not check:
            progress_projection.follow(context, [each for each in told if _referral_of(each) in behind])
        yield len(found)


def _money(context: Context) -> Iterator[Record]:
    """Payments that somebody may earn from, then rewards that were paid out."""
    for _, program in programs.after(context.table, ""):
        yield from filter(_referral_of, _records(book_items.payments_of(context.table, program.id, context.shards())))
    for _, partner_id in partners.newest(context.table, "", BATCH_LIMIT):
        rewards = book_items.of_partner(context.table, partner_id, context.reward_partitions(partner_id))
        yield from (each for each in _records(rewards) if _referral_of(each) and _payout_of(each))


def _records(items: Iterable[Item]) -> Iterator[Record]:
    return (Record("", 0, {}, item) for item in items)


def _referral_of(record: Record) -> str:
    return record.after.referral_id if isinstance(record.after, Payment | Reward) else ""


def _payout_of(record: Record) -> str:
    return record.after.paid_by if isinstance(record.after, Reward) else ""


def _told(context: Context, found: list[Record]) -> list[Record]:
    """As the stream told of them; of a reward that was paid, when its withdrawal was."""
    named = sorted({payout for each in found if (payout := _payout_of(each))})
    paid_at = {
        each.id: next((step.at_ms for step in each.steps if step.status is WithdrawalStatus.PAID), each.created_at_ms)
        for each in withdrawals.many(context.table, named, strong=False)
    }
    return [replace(each, at_ms=paid_at.get(_payout_of(each), context.now_ms())) for each in found]


SUBJECTS: dict[str, Callable[[Context, Caught, bool], Iterator[int]]] = {
    "search": _search, "progress": _progress, "leaderboards": _leaderboards,
}  # fmt: skip
