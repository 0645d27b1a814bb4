"""`refledger compare`: what Stripe says that it sent, held against what is here."""

from __future__ import annotations

import argparse
import functools
import json
import os
from typing import Any

from refledger.adapters.queues import PaymentsQueue
from refledger.adapters.stepfunctions import Waker
from refledger.adapters.stripe_source import SourceUnavailable, StripeSource
from refledger.cli.output import ProgressLine, add_progress, say
from refledger.cli.target import Target, Usage, add_target, positive
from refledger.domain.times import SECOND_MS, iso
from refledger.entry.config import LIVEMODE
from refledger.entry.events.payments import read_listed
from refledger.operations.recovery import reconciliation
from refledger.operations.recovery.reconciliation import Comparison

SECRET, MODE = "StripeReadSecretArn", "StripeMode"  # parameters of the template
DAYS = 2
RECENT_SECONDS = 600  # it may be on its way


def add_to(commands: Any) -> None:
    parser = commands.add_parser("compare", help="hold what Stripe says that it sent against what is here")
    parser.add_argument(
        "--days", type=positive, default=DAYS, metavar="N",
        help=f"so many days back (default {DAYS}; Stripe lists 30): also those from before anybody compared",
    )  # fmt: skip
    parser.add_argument("--take", action="store_true", help="take in what is missing; without it nothing is changed")
    add_progress(parser)
    add_target(parser)
    parser.set_defaults(run=compare)


def compare(options: argparse.Namespace) -> int:
    """Compare what Stripe says that it sent with what is there, or take in what is missing.

    Returns 0 when nothing is missing, or it was taken in; 1 when something is.
    """
    target = Target(options)
    if options.take:
        target.check_runs()
    comparison = _comparison(target, take=options.take)
    context, found = comparison.context, comparison.found
    now = context.now_ms() // SECOND_MS
    since = max(now - options.days * 24 * reconciliation.HOUR_SECONDS, now - reconciliation.LISTED_SECONDS)
    try:
        with ProgressLine(lambda: f"{found.events} events", asked=options.progress):
            reconciliation.compare_between(comparison, since, now - RECENT_SECONDS)
    except SourceUnavailable as error:
        raise Usage(str(error)) from error
    for id, kind in found.missed:
        say(f"{id}  {kind}")
    what = "were not here, and are taken in" if options.take else "are not here"
    say(f"{len(found.missed)} of {found.events} events since {iso(since * SECOND_MS)} {what}")
    if found.unreadable:
        say(f"{found.unreadable} cannot be read" + ("; they are on their way to PaymentsDlq" if options.take else ""))
    return 1 if (found.missed or found.unreadable) and not options.take else 0


def _comparison(target: Target, *, take: bool) -> Comparison:
    livemode = LIVEMODE[target.parameters.get(MODE, "live")]
    context = target.keyed_context
    queue = PaymentsQueue(target.client("sqs"), target.resource("PaymentsQueue")) if take else None
    read = functools.partial(read_listed, source=reconciliation.SOURCE, now_ms=context.now_ms(), livemode=livemode)
    base = target.parameters.get("StripeApiBase", "")
    key = _key(target)  # before anything is asked: what is missing is said as it is
    source = StripeSource(lambda: key, livemode=livemode, api_base=base)
    return Comparison(context, source, read, Waker(target.client("stepfunctions")), queue)


def _key(target: Target) -> str:
    """The stack's own, or STRIPE_READ_KEY."""
    if key := os.environ.get("STRIPE_READ_KEY"):
        return key
    name = target.parameters.get(SECRET)
    if not name:
        raise Usage(f"the stack has no {SECRET}: give a key that may read events in STRIPE_READ_KEY")
    text = target.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
    return str(json.loads(text)["apiKey"])
