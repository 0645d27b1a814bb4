"""`refledger dlq`: what lies there, what of it may be seen, and the way back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from refledger.adapters.dead_letters import DeadLetterQueue
from refledger.adapters.queues import DeadLetters
from refledger.cli.dlq import SUFFIX, WAYS, given_up
from tests.cli.conftest import Command
from tests.template.deployed import dead_letter_queues
from undocked.testing import Stack

Names = dict[str, str]
SECRET = "bob@example.com"


@pytest.fixture
def sqs(stack: Stack, names: Names) -> Iterator[Any]:
    """SQS, with all queues of the stack empty."""
    client = stack.client("sqs")
    yield client
    for name, url in names.items():
        if name.endswith((SUFFIX, "Queue")):
            client.purge_queue(QueueUrl=url)


def count(sqs: Any, url: str) -> int:
    return DeadLetterQueue(sqs, url).counts().visible


def bodies(sqs: Any, url: str) -> list[str]:
    """What is in a queue; it is gone afterwards."""
    found = []
    while told := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in told:
            found.append(message["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def test_every_dead_letter_queue_of_the_template_has_a_way() -> None:
    """Back to a queue, or the words for what to do instead."""
    assert set(WAYS) == dead_letter_queues()
    for way in WAYS.values():
        assert bool(way.target) is not bool(way.instead)


TICK: dict[str, Any] = {
    "version": "1.0",
    "requestContext": {
        "functionArn": "arn:aws:lambda:eu-central-1:1:function:refledger-sweeper:$LATEST",
        "condition": "RetriesExhausted", "approximateInvokeCount": 1,
    },
    "requestPayload": {}, "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
    "responsePayload": {"errorType": "RuntimeError", "errorMessage": "3 withdrawals could not be looked after\nmore"},
}  # fmt: skip


def test_a_tick_that_died_says_why(refledger: Command, sqs: Any, names: Names) -> None:
    """Which function, after how many tries, and what it raised; a worker that was killed has raised nothing."""
    sqs.send_message(QueueUrl=names["SchedulesDlq"], MessageBody=json.dumps(TICK))
    (line, _) = refledger("dlq", "show", "SchedulesDlq").lines
    for part in (
        "function=refledger-sweeper:$LATEST", "condition=RetriesExhausted", "tries=1", "error=RuntimeError",
        "message=3 withdrawals could not be looked after",
    ):  # fmt: skip
        assert part in line
    assert "more" not in line
    killed = given_up(json.dumps({**TICK, "responsePayload": None}))
    assert (killed["error"], killed["message"]) == ("", "Unhandled")


def test_what_others_wrote_is_taken_for_no_word_of_lambda(refledger: Command, sqs: Any, names: Names) -> None:
    """An event that looks like it shows nothing of itself; what is something else has no reason."""
    sqs.send_message(QueueUrl=names["PaymentsDlq"], MessageBody=json.dumps(TICK))
    (line, _) = refledger("dlq", "show", "PaymentsDlq").lines
    assert "withdrawals" not in line
    for body in ("", "{}", "[1]", "7", '{"requestContext": null}', '{"requestContext": {"functionArn": 7}}'):
        assert given_up(body) == {}


def test_all_are_listed(refledger: Command, sqs: Any, names: Names) -> None:
    """By their names in the template, with how much is in them and where it would go."""
    DeadLetters(sqs, names["PaymentsDlq"]).send("{}", "UNREADABLE", "not JSON")
    done = refledger("dlq", "list")
    assert done.status == 0
    assert done.lines[0].split("  ")[0] == "QUEUE"
    rows = {line.split()[0]: line.split()[1:] for line in done.lines[1:]}
    assert set(rows) == set(WAYS)
    assert rows["PaymentsDlq"] == ["1", "0", "PaymentsQueue"]
    assert rows["StreamRollupsDlq"] == ["0", "0", "-"]
    told = [json.loads(line) for line in refledger("dlq", "list", "--json").lines]
    assert {"queue": "PaymentsDlq", "messages": 1, "inFlight": 0, "to": "PaymentsQueue"} in told


def test_a_look_changes_nothing_and_shows_no_person(refledger: Command, sqs: Any, names: Names) -> None:
    """Code and reason are shown, bodies only where they are asked for; all messages are there afterwards."""
    for number in range(12):
        DeadLetters(sqs, names["PaymentsDlq"]).send(f"{SECRET} {number}", "UNREADABLE", "detail.amount: missing")
    done = refledger("dlq", "show", "PaymentsDlq", "--limit", "11")
    assert done.status == 0
    assert done.lines[-1] == "11 of about 12 messages"
    assert len({line.split()[0] for line in done.lines[:-1]}) == 11, "each once"
    assert all("code=UNREADABLE  reason=detail.amount: missing" in line for line in done.lines[:-1])
    assert SECRET not in done.out
    assert count(sqs, names["PaymentsDlq"]) == 12
    told = [json.loads(line) for line in refledger("dlq", "show", "PaymentsDlq", "--bodies", "--json").lines]
    assert len(told) == 10
    assert all(each["body"].startswith(SECRET) for each in told)
    assert count(sqs, names["PaymentsDlq"]) == 12


def test_an_empty_queue(refledger: Command, names: Names, sqs: Any) -> None:
    """Nothing to show, nothing to move, and no fault."""
    assert refledger("dlq", "show", "EventsDlq").lines == ["0 of about 0 messages"]
    done = refledger("dlq", "redrive", "EventsDlq")
    assert (done.status, done.lines) == (0, ["moved 0 messages from EventsDlq to PaymentsQueue; about 0 are left"])


def test_a_redrive_moves_all_and_only_bodies(refledger: Command, sqs: Any, names: Names) -> None:
    """Back to the queue; what was noted about a death is not taken along. A dry run only says so."""
    for number in range(13):
        DeadLetters(sqs, names["PaymentsDlq"]).send(str(number), "UNREADABLE", "reason")
    done = refledger("dlq", "redrive", "PaymentsDlq", "--dry-run")
    assert done.lines == ["would move about 13 messages from PaymentsDlq to PaymentsQueue"]
    assert count(sqs, names["PaymentsDlq"]) == 13
    assert refledger("dlq", "redrive", "PaymentsDlq", "--limit", "3").lines == [
        "moved 3 messages from PaymentsDlq to PaymentsQueue; about 10 are left"
    ]
    assert refledger("dlq", "redrive", "PaymentsDlq").lines == [
        "moved 10 messages from PaymentsDlq to PaymentsQueue; about 0 are left"
    ]
    url = names["PaymentsQueue"]
    first = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"], VisibilityTimeout=0)["Messages"][0]
    assert "MessageAttributes" not in first
    assert sorted(bodies(sqs, url), key=int) == [str(number) for number in range(13)]


def test_what_comes_back_at_once_is_not_moved_for_ever(
    refledger: Command, sqs: Any, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unreadable event is put aside again while the redrive runs: each is moved once, and the command ends."""
    for number in range(11):
        DeadLetters(sqs, names["PaymentsDlq"]).send(str(number), "UNREADABLE", "reason")
    move = DeadLetterQueue.move

    def and_back(queue: DeadLetterQueue, url: str, limit: int) -> Iterator[Any]:
        for letter in move(queue, url, limit):
            DeadLetters(sqs, names["PaymentsDlq"]).send(letter.body, "UNREADABLE", "reason")
            yield letter

    monkeypatch.setattr(DeadLetterQueue, "move", and_back)
    done = refledger("dlq", "redrive", "PaymentsDlq")
    assert done.lines == ["moved 11 messages from PaymentsDlq to PaymentsQueue; about 11 are left"]


def test_order_and_ids_of_a_fifo_queue_are_kept(refledger: Command, sqs: Any, names: Names) -> None:
    """Each partner's messages go back in their order; one that was sent before a crash is not taken twice."""
    for number in range(25):
        sqs.send_message(
            QueueUrl=names["MaturityDlq"], MessageBody=str(number), MessageGroupId=f"partner-{number % 3}",
            MessageDeduplicationId=f"id-{number}",
        )  # fmt: skip
    # a redrive that died after it had sent the first one
    sqs.send_message(
        QueueUrl=names["MaturityQueue"], MessageBody="0", MessageGroupId="partner-0", MessageDeduplicationId="id-0"
    )
    assert refledger("dlq", "redrive", "MaturityDlq").lines == [
        "moved 25 messages from MaturityDlq to MaturityQueue; about 0 are left"
    ]
    found = bodies(sqs, names["MaturityQueue"])
    for group in range(3):
        assert [int(body) for body in found if int(body) % 3 == group] == list(range(group, 25, 3))


@pytest.mark.parametrize("dies", ["send_message", "delete_message"])
def test_a_crash_loses_no_message(sqs: Any, names: Names, dies: str) -> None:
    """Sent first, deleted after: whichever call fails, the message is in one of the queues, or in both."""
    for number in range(3):
        DeadLetters(sqs, names["PaymentsDlq"]).send(str(number), "UNREADABLE", "reason")

    class Failing:
        calls = 0

        def __getattr__(self, name: str) -> Any:
            if name == dies:
                Failing.calls += 1
                if Failing.calls == 2:
                    raise TimeoutError
            return getattr(sqs, name)

    with pytest.raises(TimeoutError):
        list(DeadLetterQueue(Failing(), names["PaymentsDlq"]).move(names["PaymentsQueue"], 3))
    told = sqs.receive_message(QueueUrl=names["PaymentsDlq"], MaxNumberOfMessages=10, VisibilityTimeout=0)
    hidden = DeadLetterQueue(sqs, names["PaymentsDlq"]).counts().in_flight
    assert "Messages" not in told
    assert hidden == 2, "still there, and seen again after a minute"
    assert sorted(bodies(sqs, names["PaymentsQueue"])) == (["0"] if dies == "send_message" else ["0", "1"])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["redrive", "StreamRollupsDlq"], "StreamRollupsDlq is not redriven: it says where in the stream"),
        (["redrive", "SchedulesDlq"], "SchedulesDlq is not redriven: the next tick did the same work"),
        (["redrive", "PaymentsDlq", "--to", "MaturityQueue"], "PaymentsDlq and MaturityQueue are not of one kind"),
        (["redrive", "PaymentsDlq", "--to", "EventsDlq"], "EventsDlq is a dead letter queue itself"),
        (["redrive", "PaymentsDlq", "--to", "NoQueue"], "the stack refledger has no NoQueue"),
        (["redrive", "PaymentsQueue"], "PaymentsQueue is no dead letter queue"),
        (["show", "PaymentsQueue"], "PaymentsQueue is no dead letter queue"),
        (["show", "OtherDlq"], "the stack refledger has no OtherDlq"),
    ],
)
def test_what_is_not_done(refledger: Command, sqs: Any, arguments: list[str], told: str) -> None:
    """2, and why; no message is touched."""
    done = refledger("dlq", *arguments)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(f"refledger: {told}")
