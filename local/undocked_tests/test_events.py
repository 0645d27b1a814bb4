"""EventBridge: rules to queues, functions and state machines; schedules; poison messages."""

from __future__ import annotations

import json
import uuid

from undocked.testing import Stack, wait_until
from undocked_tests.shop_client import depth, impatient, noted, notes, queue_url, send_event, table, take


def test_an_event_goes_through_rule_and_queue_to_its_function(shop: Stack) -> None:
    """The function gets an SQS record whose body is the event, with a readable time."""
    ident = str(uuid.uuid4())
    send_event(shop, "PaymentReceived", {"id": ident})
    note = wait_until(lambda: noted(shop, "payment", ident))
    assert note is not None
    record = json.loads(note["body"])
    event = json.loads(record["body"])
    assert list(event) == [
        "version",
        "id",
        "detail-type",
        "source",
        "account",
        "time",
        "region",
        "resources",
        "detail",
    ]
    assert event["time"].endswith("Z")
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["eventSourceARN"].endswith(":local-PaymentsQueue")


def test_what_came_is_archived_and_comes_again(shop: Stack) -> None:
    """A replay sends what matches the archive's pattern to the rules of its bus, and is not archived itself."""
    ident, own = str(uuid.uuid4()), str(uuid.uuid4())
    events, names = shop.client("events"), []
    send_event(shop, "PaymentReceived", {"id": own}, source="shop")
    send_event(shop, "PaymentReceived", {"id": ident})
    wait_until(lambda: noted(shop, "payment", ident))
    (archive,) = events.list_archives()["Archives"]
    for replay in ("first", "second"):
        key = {"PK": {"S": "NOTE#payment"}, "SK": {"S": ident}}
        shop.client("dynamodb").delete_item(TableName=table(shop), Key=key)
        events.start_replay(
            ReplayName=f"{replay}-{ident}",
            EventSourceArn=events.describe_archive(ArchiveName=archive["ArchiveName"])["ArchiveArn"],
            EventStartTime=0,
            EventEndTime=2_000_000_000,
            Destination={"Arn": archive["EventSourceArn"]},
        )
        note = wait_until(lambda: noted(shop, "payment", ident))
        assert note is not None
        event = json.loads(json.loads(note["body"])["body"])
        assert event["detail"]["id"] == ident
        names.append(event["replay-name"])
    assert names == [f"first-{ident}", f"second-{ident}"]
    assert noted(shop, "payment", own) is None


def test_many_events_arrive_in_batches_of_at_most_five(shop: Stack) -> None:
    """None is lost, and BatchSize is kept to."""
    idents = {str(uuid.uuid4()) for _ in range(60)}
    common = {"EventBusName": "shop-dev", "Source": "payments", "DetailType": "PaymentReceived"}
    entries = [{**common, "Detail": json.dumps({"id": each})} for each in idents]
    for start in range(0, len(entries), 10):
        shop.client("events").put_events(Entries=entries[start : start + 10])
    wait_until(lambda: idents <= {note["SK"] for note in notes(shop, "payment")})
    assert {int(note["batch"]) for note in notes(shop, "payment")} <= set(range(1, 6))


def test_poison_goes_to_the_dead_letters_and_takes_nothing_with_it(shop: Stack) -> None:
    """Reported alone, received three times (maxReceiveCount), then moved; the good one beside it is done once."""
    good, bad = str(uuid.uuid4()), str(uuid.uuid4())
    with impatient(shop, "PaymentsQueue"):
        send_event(shop, "PaymentReceived", {"id": bad, "poison": True})
        send_event(shop, "PaymentReceived", {"id": good})
        wait_until(lambda: noted(shop, "payment", good))
        wait_until(lambda: depth(shop, "PaymentsDlq") == 1)
    assert [body["detail"]["id"] for body in take(shop, "PaymentsDlq")] == [bad]
    assert noted(shop, "payment", bad) is None


def test_a_rule_may_call_a_function_and_hand_on_a_part(shop: Stack) -> None:
    """A Lambda target with InputPath gets the detail alone."""
    ident = str(uuid.uuid4())
    send_event(shop, "PaymentRefunded", {"id": ident, "amount": 5})
    note = wait_until(lambda: noted(shop, "refund", ident))
    assert note is not None
    assert json.loads(note["body"]) == {"id": ident, "amount": 5}


def test_a_rule_may_start_a_state_machine(shop: Stack) -> None:
    """The execution's input is the part that InputPath names."""
    ident, states = str(uuid.uuid4()), shop.client("stepfunctions")
    machine = states.list_state_machines()["stateMachines"][0]["stateMachineArn"]
    send_event(shop, "BigOrder", {"id": ident, "seconds": 100}, source="orders")

    def inputs() -> list[object]:
        executions = states.list_executions(stateMachineArn=machine)["executions"]
        return [json.loads(states.describe_execution(executionArn=e["executionArn"])["input"]) for e in executions]

    wait_until(lambda: {"id": ident, "seconds": 100} in inputs())


def test_an_accepted_event_is_in_its_queue_already(shop: Stack) -> None:
    """When PutEvents has answered, nothing but the queue holds the event: a crash cannot lose it."""
    before = depth(shop, "LaterQueue")
    for number in range(5):
        send_event(shop, "Later", {"number": number})
        assert depth(shop, "LaterQueue") == before + number + 1


def test_a_disabled_rule_stays_silent(shop: Stack) -> None:
    """The disabled rule would send every payment to LaterQueue."""
    ident = str(uuid.uuid4())
    send_event(shop, "PaymentReceived", {"id": ident})
    wait_until(lambda: noted(shop, "payment", ident))
    assert not [body for body in take(shop, "LaterQueue") if body["detail-type"] != "Later"]


def test_a_rate_of_scheduler_fires_at_once_and_a_rule_does_not(shop: Stack) -> None:
    """Both have rate(1 minute); only the one of EventBridge Scheduler has fired when the stack has just started."""
    wait_until(lambda: noted(shop, "tick", "scheduler"))
    assert set(shop.about()["schedules"]) >= {"PaymentsFunctionTick"}


def test_attributes_of_messages_reach_the_function_unharmed(shop: Stack) -> None:
    """Text and binary attributes of a message, in the Lambda shape."""
    ident = str(uuid.uuid4())
    shop.client("sqs").send_message(
        QueueUrl=queue_url(shop, "PaymentsQueue"),
        MessageBody=json.dumps({"detail": {"id": ident}}),
        MessageAttributes={
            "who": {"DataType": "String", "StringValue": "me"},
            "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
        },
    )
    note = wait_until(lambda: noted(shop, "payment", ident))
    assert note is not None
    attributes = json.loads(note["body"])["messageAttributes"]
    assert attributes["who"]["stringValue"] == "me"
    assert attributes["raw"]["binaryValue"] == "AP8="
