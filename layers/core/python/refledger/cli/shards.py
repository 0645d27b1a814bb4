"""`refledger shards`: over how many shards of the indexes payments are spread."""

from __future__ import annotations

import argparse
from typing import Any

from refledger.cli.output import say
from refledger.cli.target import Target, Usage, add_target, positive
from refledger.store import shards
from refledger.store.transaction import Moved


def add_to(commands: Any) -> None:
    parser = commands.add_parser("shards", help="over how many shards of the indexes payments are spread")
    parser.add_argument(
        "--to", type=positive, metavar="NUMBER",
        help=f"spread new ones over more, {shards.MOST} at most; for good, and nothing is moved",
    )  # fmt: skip
    add_target(parser)
    parser.set_defaults(run=spread)


def spread(options: argparse.Namespace) -> int:
    """0; a number that is not more than there are is refused."""
    table = Target(options).context.table
    if options.to is not None:
        try:
            table.commit(shards.grow(options.to))
        except ValueError as error:
            raise Usage(f"--to: {error}") from None
        except Moved:
            raise Usage(f"--to: there are {shards.count(table)} already, and their number only grows") from None
    say(f"payments are spread over {shards.count(table)} shards")
    return 0
