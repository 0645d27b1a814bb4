"""`refledger replay`: records of the stream that were given up are told once more to the function that gave them up."""

from __future__ import annotations

import argparse
import json
from itertools import islice
from typing import Any

from refledger.adapters import stream_reader
from refledger.adapters.dead_letters import DeadLetterQueue, Letter
from refledger.adapters.stream_reader import Gone, Kept, StreamRange
from refledger.cli.output import say
from refledger.cli.target import Target, add_target

QUEUE, FUNCTION = "StreamProjectionsDlq", "StreamProjectionsFunction"  # in the template
BATCH = 100  # records of a call, as the mapping has it
LOST = (
    "gone: the stream keeps a day, the bucket fifteen. Items and money are as they should be; the audit lacks what was"
    " changed then, its notices were not sent; search rows and progress of referrals are made anew by `rebuild search`"
    " and `progress`"
)


def add_to(commands: Any) -> None:
    parser = commands.add_parser("replay", help=f"tell the records that {QUEUE} names to their function once more")
    parser.add_argument(
        "--drop-gone", action="store_true", help="take away what names records that are gone, once told"
    )
    add_target(parser)
    parser.set_defaults(run=replay)


def replay(options: argparse.Namespace) -> int:
    """Tell the records that were given up again.

    Returns 0 where all were told; 1 where some are gone, or were given up again.
    """
    target = Target(options)
    queue, told, left = DeadLetterQueue(target.client("sqs"), target.resource(QUEUE)), 0, 0
    for letter in queue.look(queue.counts().visible):
        words = letter.body
        try:
            words, records = _records(target, letter.body)
            told += _tell(target, records)
        except Gone:
            say(_of(letter, words, LOST))
            left += not options.drop_gone
            if not options.drop_gone:
                continue
        except (ValueError, _Refused) as error:
            say(_of(letter, words, str(error)))
            left += 1
            continue
        queue.take(letter)
    say(f"{told} records were told again; {left} messages are left")
    return 1 if left else 0


class _Refused(Exception):
    """The function gave them up again."""


def _records(target: Target, body: str) -> tuple[str, list[dict[str, Any]]]:
    """What Lambda said of them, and all the records: those that it wrote down, or else out of the stream.

    Raises Gone, ValueError for a message that names none.
    """
    if kept := Kept.named(body):
        body, records = kept.read(target.client("s3"))
        if records:
            return body, records
    place, client = StreamRange.read(body), target.client("dynamodbstreams")
    return body, list(stream_reader.read(client, target.context.table.name, place))


def _tell(target: Target, records: list[dict[str, Any]]) -> int:
    """How many records were told. Raises _Refused."""
    left = iter(records)
    while batch := list(islice(left, BATCH)):
        answer = target.client("lambda").invoke(
            FunctionName=target.resource(FUNCTION), Payload=json.dumps({"Records": batch}).encode()
        )
        if answer.get("FunctionError"):
            raised = json.loads(answer["Payload"].read() or b"{}")
            raise _Refused(f"failed again: {raised.get('errorType', '')} {raised.get('errorMessage', '')}")
    return len(records)


def _of(letter: Letter, words: str, why: str) -> str:
    """Where the records lie, by what Lambda said, and what became of them."""
    try:
        place = StreamRange.read(words)
    except ValueError:
        return f"message {letter.id}: {why}"
    return f"{place.count} records of {place.first_at} to {place.last_at} ({place.shard}): {why}"
