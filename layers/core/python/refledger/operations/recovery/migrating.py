"""What older releases left in the table, moved on to what today's would have left. See docs/decisions/0081.

A migration is a function of an item: what has to be written because of it, on conditions that hold only as long as
nobody else has written that; [] where all is well. So it is idempotent, whoever writes meanwhile wins, and it may run
while the deployment works. Readers go on bearing with what is not moved on: a table may be restored from before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from refledger.domain.errors import Busy, PartnerNotFound
from refledger.domain.journal import Account
from refledger.domain.programs import DATA_FORMAT
from refledger.operations import likeness
from refledger.operations.context import Context, retry_on_conflict
from refledger.store import keys, ledger, migrations, partners, payments, programs
from refledger.store.keys import Key
from refledger.store.migrations import MigrationProgress
from refledger.store.transaction import ConditionFailed, Item, Write

# The items after a place, None for the first, and the place of the last of them, None where there are no more
Pages = Callable[[Key | None], tuple[list[Item], Key | None]]


@dataclass(frozen=True)
class Migration:
    """`why`: what is wrong with what was left, in words for an operator."""

    name: str
    why: str
    writes: Callable[[Context, Item], list[Write]]


def _guard(context: Context, item: Item) -> list[Write]:
    """Of which payment a refund or dispute is: told again for another payment, it would take from that one, too."""
    if not keys.is_of_payment(item) or payments.MOVED in item or item.get("stray"):
        return []
    if keys.is_refund(item):
        guard = keys.refund_guard(keys.hash_of(item))
    elif keys.is_dispute(item):
        guard = keys.dispute_guard(keys.hash_of(item))
    else:
        return []
    return [] if context.table.get(guard) else [payments.take_id(guard, keys.owner_of(item))]


def _alike(context: Context, item: Item) -> list[Write]:
    """What the partner has in common with others. Read again: this is what a partner may change at any time."""
    if not keys.is_partner(item):
        return []
    try:
        return likeness.missing(context, partners.find(context.table, keys.owner_of(item)))
    except PartnerNotFound:
        return []


def _earned(context: Context, item: Item) -> list[Write]:
    """What rewards put into a balance. Read again: whatever is booked meanwhile says so itself."""
    if not keys.is_balance(item):
        return []
    partner_id, currency = keys.owner_of(item), keys.currency_of_balance(item)
    balance = ledger.find_balance(context.table, partner_id, currency)
    if balance.earned is not None:
        return []
    sums: Counter[Account] = Counter()
    for _, entry in ledger.entries(context.table, partner_id, currency):
        if entry.version <= balance.version:
            sums[entry.debit] -= entry.amount
            sums[entry.credit] += entry.amount
    return [ledger.say_earned(balance, -sums[Account.REWARDS])]


def _since(context: Context, item: Item) -> list[Write]:
    """Since when the figures of a program are counted by this code: from now on, as nothing else writes any more."""
    if not keys.is_program(item) or item.get("format", 0) >= DATA_FORMAT or "since" in item:
        return []
    return [programs.counted_since(item["id"], context.now_ms())]


ALL = (
    Migration("guards", "a refund or dispute from before could be told again for another payment", _guard),
    Migration("alike", "partners from before are not seen to have the name or address of another one", _alike),
    Migration("earned", "a balance from before cannot say what of a partner's money stands in it already", _earned),
    Migration("since", "figures of days after the upgrade are not told either", _since),
)


def migrate(
    context: Context, migration: Migration, pages: Pages, *, dry_run: bool = False, again: bool = False,
    tell: Callable[[MigrationProgress], None] = lambda _: None,
) -> MigrationProgress:  # fmt: skip
    """Go on from where the last run stopped; returns where it stands.

    A migration that has ended is not begun anew.

    `dry_run`: nothing is written, and `moved_on` counts what would be. `again`: from the beginning, as after a release
    was taken back. Progress is kept after each page; what was done of a page that was not finished is found done.
    Raises Busy where another run goes on at the same time, and what a step raises, with the item's key in a note.
    """
    known = migrations.find(context.table, migration.name)
    if again:
        known = MigrationProgress(migration.name, steps=known.steps)
    while not known.ended_ms:
        items, place = pages(known.place)
        moved_on = sum(_step(context, migration, item, dry_run=dry_run) for item in items)
        now_ms = context.now_ms()
        new = replace(
            known, place=place, looked_at=known.looked_at + len(items), moved_on=known.moved_on + moved_on,
            began_ms=known.began_ms or now_ms, ended_ms=0 if place else now_ms,
        )  # fmt: skip
        if not dry_run:
            new = _keep(context, known, new)
        known = new
        tell(known)
    return known


def _step(context: Context, migration: Migration, item: Item, *, dry_run: bool) -> bool:
    """Whether there was something to write. Somebody who came first is read again: then there may be nothing left."""

    try:
        return _migrate(context, migration, item, dry_run=dry_run)
    except Exception as error:
        error.add_note(f"{migration.name}: at the item {item['pk']} / {item['sk']}")
        raise


@retry_on_conflict
def _migrate(context: Context, migration: Migration, item: Item, *, dry_run: bool) -> bool:
    writes = migration.writes(context, item)
    if writes and not dry_run:
        context.table.commit(*writes)
    return bool(writes)


def _keep(context: Context, known: MigrationProgress, new: MigrationProgress) -> MigrationProgress:
    try:
        context.table.commit(migrations.go_on(known, new))
    except ConditionFailed:
        raise Busy(f"another run of {new.name} is at work, and goes on") from None
    return replace(new, steps=known.steps + 1)
