"""`refledger shards`: over how many shards payments are spread, and the rewards of a busy partner."""

from __future__ import annotations

import argparse
from typing import Any

from refledger.cli.output import say
from refledger.cli.target import Target, Usage, add_target, positive
from refledger.domain.times import iso
from refledger.operations.context import Context, retry_on_conflict
from refledger.store import partners, shards
from refledger.store.transaction import ConditionFailed


def add_to(commands: Any) -> None:
    parser = commands.add_parser("shards", help="over how many shards payments, and a partner's rewards, are spread")
    parser.add_argument(
        "--to", type=positive, metavar="NUMBER",
        help=f"spread new ones over more, {shards.MOST} at most, of a partner {1 << shards.MOST_SPREAD}; for good, and"
        " nothing is moved",
    )  # fmt: skip
    parser.add_argument(
        "--partner", metavar="ID", help="not payments, but the rewards of this partner, an hour from now on"
    )
    add_target(parser)
    parser.set_defaults(run=spread)


def spread(options: argparse.Namespace) -> int:
    """Spread payments, or a partner's rewards, over more shards, and say over how many they are.

    Returns 0; a number that is not more than there are is refused.
    """
    context = Target(options).context
    if options.partner:
        return _partner(context, options.partner, options.to)
    table = context.table
    if options.to is not None:
        try:
            table.commit(shards.grow(options.to))
        except ValueError as error:
            raise Usage(f"--to: {error}") from None
        except ConditionFailed:
            raise Usage(f"--to: there are {shards.count(table)} already, and their number only grows") from None
    say(f"payments are spread over {shards.count(table)} shards")
    return 0


def _partner(context: Context, partner_id: str, to: int | None) -> int:
    partners.find(context.table, partner_id)
    if to is not None:
        try:
            _grow(context, partner_id, to)
        except ValueError as error:
            raise Usage(f"--to: {error}") from None
    steps = shards.read(context.table).partners.get(partner_id, ())
    for from_ms, spread in steps:
        say(f"rewards of {partner_id} that are made from {iso(from_ms)} on are spread over {1 << spread} shards")
    if not steps:
        say(f"rewards of {partner_id} are in one shard")
    return 0


@retry_on_conflict
def _grow(context: Context, partner_id: str, to: int) -> None:
    known = shards.read(context.table)
    context.table.commit(shards.grow_rewards(known, partner_id, to, context.now_ms()))
