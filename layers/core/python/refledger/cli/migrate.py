"""`refledger migrate`: what older releases left in the table is moved on to what today's would have left."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from refledger.cli.output import ProgressLine, add_progress, say
from refledger.cli.target import Target, Usage, add_target
from refledger.domain.programs import DATA_FORMAT
from refledger.domain.times import iso
from refledger.operations.recovery import migrating
from refledger.operations.recovery.migrating import Migration, Pages
from refledger.operations.recovery.renaming import RawItem, RawPages
from refledger.store import migrations, programs
from refledger.store.attributes import pack, unpack
from refledger.store.keys import Key
from refledger.store.table import Table
from refledger.store.transaction import Item

PAGE = 500  # items after which progress is kept


def add_to(commands: Any) -> None:
    parser = commands.add_parser("migrate", help="move on what older releases left in the table")
    names = [each.name for each in migrating.ALL]
    parser.add_argument("name", nargs="?", choices=names, help="this one alone; all of them otherwise")
    parser.add_argument("--dry-run", action="store_true", help="write nothing, and say what would be")
    parser.add_argument("--again", action="store_true", help="from the beginning, as after a release was taken back")
    parser.add_argument("--status", action="store_true", help="say where each of them stands, and do nothing")
    add_progress(parser)
    add_target(parser)
    parser.set_defaults(run=migrate)


def migrate(options: argparse.Namespace) -> int:
    """Move on what older releases left in the table.

    Returns 0 when all that was asked for has ended. Another run goes on where one was interrupted.
    """
    if options.status and (options.dry_run or options.again):
        raise Usage("--status does nothing: without --dry-run and --again")
    target = Target(options)
    if not (options.status or options.dry_run):
        target.check_runs()
    chosen = [each for each in migrating.ALL if options.name in (None, each.name)]
    for migration in chosen:
        say(_stands(target.context.table, migration) if options.status else _run(target, migration, options))
    if any(program.data_format < DATA_FORMAT for _, program in programs.after(target.context.table, "")):
        say("figures: counted by older rules, or not from the beginning: `rebuild statistics` makes them anew")
    return 0


def _run(target: Target, migration: Migration, options: argparse.Namespace) -> str:
    context = target.keyed_context
    told, verb = [f"{migration.name}: beginning"], "at most would be" if options.dry_run else "were"
    with ProgressLine(lambda: told[-1], asked=options.progress):
        migrating.migrate(
            context, migration, whole_table(context.table), dry_run=options.dry_run, again=options.again,
            tell=lambda at: told.append(f"{at.name}: {at.looked_at} items looked at, {at.moved_on} {verb} moved on"),
        )  # fmt: skip
    if not told[1:]:  # nothing was left to do
        return _stands(context.table, migration)
    return told[-1]


def _stands(table: Table, migration: Migration) -> str:
    known = migrations.find(table, migration.name)
    if known.ended_ms:
        stands = f"ended at {iso(known.ended_ms)}, {known.moved_on} moved on"
    elif known.place:
        stands = f"under way since {iso(known.began_ms)}: {known.looked_at} items looked at, {known.moved_on} moved on"
    else:
        stands = f"not begun ({migration.why})"
    return f"{migration.name}: {stands}"


def whole_table(table: Table, page: int = PAGE) -> Pages:
    """Return what reads all items by pages, in the order in which the table happens to have them.

    Only this command may read so.
    """

    def pages(after: Key | None) -> tuple[list[Item], Key | None]:
        items, last = _page(table, page, pack(dict(after)) if after else None)
        return [unpack(item) for item in items], unpack(last) if last else None

    return pages


def raw_items(table: Table, page: int = PAGE) -> RawPages:
    """Return what reads all items by pages, as they are on the wire. Only two commands may read so."""

    def pages() -> Iterator[list[RawItem]]:
        items, last = _page(table, page, None)
        yield items
        while last:
            items, last = _page(table, page, last)
            yield items

    return pages


def _page(table: Table, size: int, after: RawItem | None) -> tuple[list[RawItem], RawItem | None]:
    """Some items, and the place of the last of them, None where there are no more."""
    begin = {"ExclusiveStartKey": after} if after else {}
    answer = table.client.scan(TableName=table.name, Limit=size, ConsistentRead=True, **begin)
    return answer["Items"], answer.get("LastEvaluatedKey")
