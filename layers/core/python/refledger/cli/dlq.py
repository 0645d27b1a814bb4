"""`refledger dlq`: what could not be processed, why, and back to where it came from."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from typing import Any

from refledger.adapters.dead_letters import DeadLetterQueue, Letter, is_fifo
from refledger.adapters.stream_reader import Kept
from refledger.cli.output import say, say_json, table
from refledger.cli.target import Target, Usage, add_target, positive
from refledger.domain.times import iso

LOOK_LIMIT = 10
SUFFIX = "Dlq"
# what a message may say of itself without saying anything of a person
SHOWN = ("code", "reason", "ERROR_CODE", "ERROR_MESSAGE", "RULE_ARN", "ErrorCode")
REASON_LIMIT = 200
BY_LAMBDA = (
    "SchedulesDlq",
    "StreamRollupsDlq",
    "StreamProjectionsDlq",
)  # Lambda writes what is in them, nobody outside


@dataclass(frozen=True)
class Way:
    """Where a queue's messages go back to; or why they do not, and what to do instead."""

    target: str = ""
    instead: str = ""


# by their names in the template
WAYS = {
    "PaymentsDlq": Way("PaymentsQueue"),
    "EventsDlq": Way("PaymentsQueue"),
    "LeadsDlq": Way("LeadsQueue"),
    "MaturityDlq": Way("MaturityQueue"),
    "JobsDlq": Way("JobsQueue"),
    "LeaderboardsDlq": Way("LeaderboardsQueue"),
    "StreamRollupsDlq": Way(
        instead="it says where in the stream records were given up: run `refledger rebuild statistics`"
    ),
    "StreamProjectionsDlq": Way(instead="it says which records were given up: run `refledger replay`"),
    "SchedulesDlq": Way(instead="the next tick did the same work: mend what made it fail, and let the messages expire"),
}


def add_to(commands: Any) -> None:
    parser = commands.add_parser("dlq", help="messages that could not be processed")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    listing = verbs.add_parser("list", help="all dead letter queues, and how much is in them")
    listing.set_defaults(run=list_all)
    show = verbs.add_parser("show", help="what is in one; it stays there")
    show.add_argument("--limit", type=positive, default=LOOK_LIMIT, help=f"messages at most (default {LOOK_LIMIT})")
    show.add_argument("--bodies", action="store_true", help="whole messages: they may hold personal data")
    show.set_defaults(run=show_one)
    redrive = verbs.add_parser("redrive", help="put all of them back to where they came from")
    redrive.add_argument(
        "--to", metavar="QUEUE", help="another queue of the stack instead, by its name in the template"
    )
    redrive.add_argument("--limit", type=positive, help="messages at most (default: as many as there are now)")
    redrive.add_argument("--dry-run", action="store_true", help="only say how many, and where to")
    redrive.set_defaults(run=redrive_one)
    for verb in (show, redrive):
        verb.add_argument("queue", metavar="QUEUE", help=f"its name in the template, such as {next(iter(WAYS))}")
    for verb in (listing, show):
        verb.add_argument("--json", action="store_true", help="a line of JSON for each")
    for verb in (listing, show, redrive):
        add_target(verb)


def list_all(options: argparse.Namespace) -> int:
    target = Target(options)
    rows: list[tuple[str, ...]] = [("QUEUE", "MESSAGES", "IN FLIGHT", "REDRIVEN TO")]
    for name in sorted(name for name in target.resources if name.endswith(SUFFIX)):
        counts, way = _queue(target, name).counts(), WAYS.get(name, Way())
        if options.json:
            say_json({"queue": name, "messages": counts.visible, "inFlight": counts.in_flight, "to": way.target})
        rows.append((name, str(counts.visible), str(counts.in_flight), way.target or "-"))
    if not options.json:
        table(rows)
    return 0


def show_one(options: argparse.Namespace) -> int:
    queue = _queue(Target(options), options.queue)
    shown = 0
    for letter in queue.look(options.limit):
        told = _about(letter, by_lambda=options.queue in BY_LAMBDA) | ({"body": letter.body} if options.bodies else {})
        if options.json:
            say_json(told)
        else:
            say("  ".join(f"{name}={value}" for name, value in told.items()))
        shown += 1
    if not options.json:
        say(f"{shown} of about {max(shown, queue.counts().visible)} messages")
    return 0


def redrive_one(options: argparse.Namespace) -> int:
    target = Target(options)
    queue, way = _queue(target, options.queue), WAYS.get(options.queue, Way())
    if way.instead:
        raise Usage(f"{options.queue} is not redriven: {way.instead}")
    if not (options.to or way.target):
        raise Usage(f"{options.queue}: say where to, --to QUEUE")
    name = options.to or way.target
    if name.endswith(SUFFIX):
        raise Usage(f"{name} is a dead letter queue itself")
    url = target.resource(name)
    if is_fifo(url) != queue.is_fifo:
        raise Usage(f"{options.queue} and {name} are not of one kind: only one of them is FIFO")
    # as many as there are now: what cannot be read comes back at once, and would be moved for ever
    count = min(queue.counts().visible, options.limit or queue.counts().visible)
    if options.dry_run:
        say(f"would move about {count} messages from {options.queue} to {name}")
        return 0
    moved = sum(1 for _ in queue.move(url, count)) if count else 0
    say(f"moved {moved} messages from {options.queue} to {name}; about {queue.counts().visible} are left")
    return 0


def _queue(target: Target, name: str) -> DeadLetterQueue:
    if not name.endswith(SUFFIX):
        raise Usage(f"{name} is no dead letter queue: those are {', '.join(WAYS)}")
    return DeadLetterQueue(target.client("sqs"), target.resource(name))


def _about(letter: Letter, *, by_lambda: bool) -> dict[str, str]:
    """What is known of a message, without what is in it."""
    told = {
        "id": letter.id,
        "sent": iso(int(letter.system["SentTimestamp"])),
        "received": letter.system["ApproximateReceiveCount"],
        "group": letter.system.get("MessageGroupId", ""),
        **{name: letter.attributes.get(name, "") for name in SHOWN},
        **(given_up(letter.body) if by_lambda else {}),
    }
    return {name: value for name, value in told.items() if value}


def given_up(body: str) -> dict[str, str]:
    """Read what Lambda says of a tick or of records that it gave up; {} for any other message.

    Which function, why, after how many tries, and what was raised, which here speaks of ids alone; where it wrote whole
    records down, their name.
    """
    if kept := Kept.named(body):
        return {"records": kept.name}
    try:
        told = json.loads(body)
        context = told["requestContext"]
        found = {"function": context["functionArn"].split(":function:")[-1], "condition": context["condition"]}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
    raised = told.get("responsePayload") or {}
    if not isinstance(raised, dict):
        raised = {}
    words = raised.get("errorMessage") or told.get("responseContext", {}).get("functionError", "")
    return {
        **found,
        "tries": str(context.get("approximateInvokeCount", "")),
        "error": str(raised.get("errorType", "")),
        "message": str(words).partition("\n")[0][:REASON_LIMIT],
    }
