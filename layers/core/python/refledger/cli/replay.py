"""`refledger replay`: records of the stream that were given up are told once more to the function that gave them up."""

from __future__ import annotations

import argparse
import json
from itertools import islice
from typing import Any

from refledger.adapters import stream_reader
from refledger.adapters.dead_letters import DeadLetterQueue, Letter
from refledger.adapters.stream_reader import Gone, Place
from refledger.cli.output import say
from refledger.cli.target import Target, add_target

QUEUE, FUNCTION = "ChangesDlq", "ChangesFunction"  # in the template
BATCH = 100  # records of a call, as the mapping has it
LOST = (
    "gone, for the stream keeps a day. Items and money are as they should be; the audit lacks what was changed then,"
    " its notices were not sent; search rows and progress of referrals are made anew by `rebuild search` and `progress`"
)


def add_to(commands: Any) -> None:
    parser = commands.add_parser("replay", help=f"tell the records that {QUEUE} names to their function once more")
    parser.add_argument(
        "--drop-gone", action="store_true", help="take away what names records that are gone, once told"
    )
    add_target(parser)
    parser.set_defaults(run=replay)


def replay(options: argparse.Namespace) -> int:
    """0 where all were told; 1 where some are gone, or were given up again."""
    target = Target(options)
    queue, told, left = DeadLetterQueue(target.client("sqs"), target.resource(QUEUE)), 0, 0
    for letter in queue.look(queue.counts().visible):
        try:
            told += _tell(target, Place.read(letter.body))
        except Gone:
            say(_of(letter, LOST))
            left += not options.drop_gone
            if not options.drop_gone:
                continue
        except (ValueError, _Refused) as error:
            say(_of(letter, str(error)))
            left += 1
            continue
        queue.take(letter)
    say(f"{told} records were told again; {left} messages are left")
    return 1 if left else 0


class _Refused(Exception):
    """The function gave them up again."""


def _tell(target: Target, place: Place) -> int:
    """How many records were told. All are read before the first is told. Raises Gone, _Refused."""
    records = list(stream_reader.read(target.client("dynamodbstreams"), target.context.table.name, place))
    left = iter(records)
    while batch := list(islice(left, BATCH)):
        answer = target.client("lambda").invoke(
            FunctionName=target.resource(FUNCTION), Payload=json.dumps({"Records": batch}).encode()
        )
        if answer.get("FunctionError"):
            raised = json.loads(answer["Payload"].read() or b"{}")
            raise _Refused(f"failed again: {raised.get('errorType', '')} {raised.get('errorMessage', '')}")
    return len(records)


def _of(letter: Letter, why: str) -> str:
    """Where the records lie, and what became of them."""
    try:
        place = Place.read(letter.body)
    except ValueError:
        return f"message {letter.id}: {why}"
    return f"{place.count} records of {place.first_at} to {place.last_at} ({place.shard}): {why}"
