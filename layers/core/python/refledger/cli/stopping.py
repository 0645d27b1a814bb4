"""`refledger stop`, `go` and `status`: everything that books or pays stands still, until people let it go on."""

from __future__ import annotations

import argparse
import time
from typing import Any

from refledger.adapters.event_sources import EventSource
from refledger.cli.hearing import unheard
from refledger.cli.output import say, table
from refledger.cli.target import Target, add_target
from refledger.domain.times import SECOND_MS, iso
from refledger.operations.recovery import stopping
from refledger.store import stops
from refledger.store.stops import Stop
from refledger.store.transaction import ConditionFailed

REASON_LIMIT = 500  # as of a note
MEANWHILE = "somebody else stopped it, or let it go on, at this moment: look at `refledger status`"


def add_to(commands: Any) -> None:
    stop = commands.add_parser("stop", help="stop everything that books or pays; what comes in waits")
    stop.add_argument("--reason", required=True, type=_reason, metavar="TEXT", help="why; the audit keeps it")
    stop.add_argument("--wait", action="store_true", help="until what had begun before has ended, too")
    stop.set_defaults(run=stop_all)
    go = commands.add_parser("go", help="let everything go on that was stopped")
    go.add_argument("--reason", required=True, type=_reason, metavar="TEXT", help="why it may; the audit keeps it")
    go.add_argument(
        "--but-payouts", action="store_true", help="only what books; withdrawals and all routes stay stopped"
    )
    go.set_defaults(run=go_on)
    status = commands.add_parser("status", help="whether it is stopped, since when, by whom and why")
    status.set_defaults(run=tell)
    for each in (stop, go, status):
        add_target(each)


def stop_all(options: argparse.Namespace) -> int:
    """Stop everything that books and pays.

    Returns 0 once all is stopped; 1 where somebody else was at it.
    """
    target = Target(options)
    try:
        stop = stopping.stop(target.context, sources(target), who(target), options.reason)
    except ConditionFailed:
        say(MEANWHILE)
        return 1
    _describe(stop)
    settled = stopping.settled_at_ms(stop)
    if options.wait:
        time.sleep(max(0, settled - target.context.now_ms()) / SECOND_MS)
        say("what had begun before has ended")
    else:
        say(f"what had begun before will have ended by {iso(settled)}")
    return 0


def go_on(options: argparse.Namespace) -> int:
    """Let what was stopped go on.

    Returns 0 where it goes on; 1 where it was not stopped, or somebody else was at it.
    """
    target = Target(options)
    try:
        stop = stopping.go(
            target.context, sources(target), who(target), options.reason, but_payouts=options.but_payouts
        )
    except ConditionFailed:
        say(MEANWHILE)
        return 1
    if stop is None:
        say("it is not stopped")
        return 1
    left = ", but for payouts and whatever people write" if options.but_payouts else ""
    say(f"all goes on that was stopped at {iso(stop.since_ms)}{left}")
    return 0


def tell(options: argparse.Namespace) -> int:
    """Tell what is stopped, and what is not heard of.

    Returns 0 where everything runs and is heard of, else 1.
    """
    target = Target(options)
    stop, states = stops.read(target.context.table), {name: each.state for name, each in sources(target).items()}
    if stop:
        _describe(stop)
    else:
        say("it is not stopped")
    table([("READS A QUEUE", "STATE"), *states.items()])
    lines = [] if options.local else unheard(target)  # on this machine nobody is written to, and no partner sends
    for line in lines:
        say(line)
    return 1 if stop or lines or any(state != "Enabled" for state in states.values()) else 0


def _describe(stop: Stop) -> None:
    what = "payouts, and whatever people write, are" if stop.only_payouts else "everything that books or pays is"
    say(f"{what} stopped, since {iso(stop.since_ms)} by {stop.by}: {stop.reason}")


def sources(target: Target) -> dict[str, EventSource]:
    client = target.client("lambda")
    return {name: EventSource(client, target.resource(name)) for name in stopping.READERS}


def who(target: Target) -> str:
    """Return the caller as AWS knows whoever has these credentials."""
    return str(target.client("sts").get_caller_identity()["Arn"])


def _reason(text: str) -> str:
    """As it is kept. Raises ArgumentTypeError for none, and for more than a note may be."""
    said = " ".join(text.split())
    if not 0 < len(said) <= REASON_LIMIT:
        raise argparse.ArgumentTypeError(f"1 to {REASON_LIMIT} characters")
    return said
