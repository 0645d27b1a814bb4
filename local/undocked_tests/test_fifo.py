"""FIFO queues with a function behind them: order within a group, failures, duplicates, dead letters."""

from __future__ import annotations

import json
import uuid

from undocked.testing import Stack, wait_until
from undocked_tests.shop_client import impatient, notes, queue_url, take


def send(shop: Stack, group: str, *bodies: dict[str, object]) -> list[dict[str, object]]:
    """Send messages of one group; returns the answers of the API."""
    sqs, url = shop.client("sqs"), queue_url(shop, "LinesQueue.fifo")
    return [
        sqs.send_message(
            QueueUrl=url,
            MessageBody=json.dumps(body),
            MessageGroupId=group,
            MessageDeduplicationId=f"{group}-{body['id']}",
        )
        for body in bodies
    ]


def handled(shop: Stack, group: str) -> list[str]:
    """Ids of the group's messages in the order in which they were done."""
    return [note["id"] for note in notes(shop, f"line/{group}")]


def test_a_group_keeps_its_order(shop: Stack) -> None:
    """Three groups of ten, sent in turns, each come out in order."""
    groups = [str(uuid.uuid4()) for _ in range(3)]
    for number in range(10):
        for group in groups:
            send(shop, group, {"id": f"{number}"})
    for group in groups:
        assert wait_until(lambda group=group: len(handled(shop, group)) == 10)  # type: ignore[misc]
        assert handled(shop, group) == [str(number) for number in range(10)]


def test_a_failure_holds_its_group_back_and_no_other(shop: Stack) -> None:
    """The failed message and those after it wait for the visibility timeout, then come again in order."""
    stuck, free = str(uuid.uuid4()), str(uuid.uuid4())
    with impatient(shop, "LinesQueue.fifo"):
        send(shop, stuck, {"id": "0"}, {"id": f"{stuck}-1", "fail": "once"}, {"id": "2"}, {"id": "3"})
        send(shop, free, {"id": "0"}, {"id": "1"})
        wait_until(lambda: handled(shop, free) == ["0", "1"])
        wait_until(lambda: len(handled(shop, stuck)) == 4)
    assert handled(shop, stuck) == ["0", f"{stuck}-1", "2", "3"]


def test_a_group_is_never_worked_on_twice_at_a_time(shop: Stack) -> None:
    """While a batch of a group runs, messages sent to the group wait for it."""
    group = str(uuid.uuid4())
    send(shop, group, {"id": "slow", "seconds": 1})
    wait_until(lambda: handled(shop, group) == ["slow"])  # noted before it sleeps
    send(shop, group, {"id": "next"})
    wait_until(lambda: len(handled(shop, group)) == 2)
    first, second = (int(note["SK"]) for note in notes(shop, f"line/{group}"))
    assert second - first >= 1_000_000_000


def test_a_duplicate_is_dropped_even_after_the_first_is_done(shop: Stack) -> None:
    """The same deduplication id is accepted again, and not delivered; the answer names the first."""
    group = str(uuid.uuid4())
    first = send(shop, group, {"id": "1"})[0]
    wait_until(lambda: handled(shop, group) == ["1"])
    again = send(shop, group, {"id": "1"})[0]
    send(shop, group, {"id": "2"})
    wait_until(lambda: "2" in handled(shop, group))
    assert handled(shop, group) == ["1", "2"]
    assert again["MessageId"] == first["MessageId"]


def test_group_and_deduplication_id_reach_the_function(shop: Stack) -> None:
    """As attributes of the record, with a sequence number that grows."""
    group = str(uuid.uuid4())
    send(shop, group, {"id": "a"}, {"id": "b"})
    wait_until(lambda: len(handled(shop, group)) == 2)
    first, second = (json.loads(note["attributes"]) for note in notes(shop, f"line/{group}"))
    assert (first["MessageGroupId"], first["MessageDeduplicationId"]) == (group, f"{group}-a")
    assert first["SequenceNumber"] < second["SequenceNumber"]


def test_what_always_fails_ends_in_the_dead_letters_and_frees_its_group(shop: Stack) -> None:
    """After maxReceiveCount receives the message is moved, and those after it are delivered."""
    group = str(uuid.uuid4())
    with impatient(shop, "LinesQueue.fifo"):
        send(shop, group, {"id": f"{group}-bad", "fail": "always"})
        wait_until(lambda: [body for body in take(shop, "LinesDlq.fifo") if body["id"] == f"{group}-bad"])
    send(shop, group, {"id": "after"})
    wait_until(lambda: handled(shop, group) == ["after"])
