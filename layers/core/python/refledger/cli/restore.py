"""`refledger restore`: the table as it was at a moment becomes the stack's; what was paid since is not paid again.

Every step looks first whether it is done, in AWS: the command may be ended and given again at any time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from refledger.cli.output import say
from refledger.cli.restoring import Copying, GoingOn, Wish
from refledger.cli.target import Target, add_target
from refledger.domain.times import iso

Pause = Callable[[float], None]

PLAN = """{table} as it was at {at} becomes {copy}, and the stack is given that. Nothing was done yet.
 1  stop everything that books or pays (bin/refledger stop), and wait until what had begun has ended
 2  have DynamoDB make {copy}: about 20 minutes, more for a large table
 3  stop the copy, too, before anything uses it
 4  give it what a backup does not hold: stream, time to live, point-in-time recovery, deletion protection
 5  end the workflow's executions; hold every withdrawal that may have been paid since {at}
 6  verify the copy
    then you: make deploy, with the line that is printed; and this command once more
 7  let bookings go on, payouts not
 8  let what EventBridge archived since {since} come again, and wait until it is booked
 9  verify again
    then you: look at what was held, and bin/refledger go"""


def add_to(commands: Any) -> None:
    parser = commands.add_parser("restore", help="put the table back to what it was, step by step; docs/disaster.md")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--at", type=_moment, metavar="TIME", help="to this moment: 2026-11-29T02:00:00Z")
    which.add_argument(
        "--last-backup", action="store_true", help="the table was deleted: to what it was then, by the backup of AWS's"
    )
    parser.add_argument("--plan", action="store_true", help="say what would be done, and do nothing")
    parser.add_argument(
        "--without-former", action="store_true",
        help="do not believe the table of now about what was paid since: it is what is wrong",
    )  # fmt: skip
    parser.add_argument(
        "--anyway", action="store_true", help="go on although verify finds faults: they were there before"
    )
    add_target(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, pause: Pause = time.sleep) -> int:
    """Put the stack's table back to what it was at a moment, step by step.

    Returns 0 where all is done that a command can do; 1 where a person comes next; 2 where it could not be done.
    """
    target = Target(options)
    wish = Wish(target, options.at, is_last=options.last_backup, former=not options.without_former)
    if options.plan:
        say(PLAN.format(table=wish.table, at=wish.label, copy=wish.copy, since=iso_of(wish.since)))
        return 0
    if not wish.is_in_use:
        return Copying(wish, pause, anyway=options.anyway).run()
    return GoingOn(wish, pause).run()


def iso_of(moment: datetime) -> str:
    return iso(int(moment.timestamp() * 1000))


def _moment(text: str) -> datetime:
    """A whole second, which is what DynamoDB keeps. Raises ArgumentTypeError without a zone, or in the future."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: 2026-11-29T02:00:00Z is") from None
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} has no zone: end it with Z, or +01:00")
    if found > datetime.now(UTC) + timedelta(minutes=1):
        raise argparse.ArgumentTypeError(f"{text!r} is in the future")
    return found.astimezone(UTC).replace(microsecond=0)
