"""What tests of the sample project ask again and again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from undocked.testing import Stack


def table(stack: Stack) -> str:
    """The name of the sample's table."""
    return f"{stack.name}-Table"


def notes(stack: Stack, kind: str) -> list[dict[str, Any]]:
    """What the functions noted of a kind, in the order of its sort key; values as plain text."""
    found: list[dict[str, Any]] = []
    for page in (
        stack.client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=table(stack),
            KeyConditionExpression="PK = :kind",
            ExpressionAttributeValues={":kind": {"S": f"NOTE#{kind}"}},
            ConsistentRead=True,
        )
    ):
        found += [{name: next(iter(value.values())) for name, value in item.items()} for item in page["Items"]]
    return found


def noted(stack: Stack, kind: str, ident: str) -> dict[str, Any] | None:
    """One note, or None."""
    return next((note for note in notes(stack, kind) if note["SK"] == ident), None)


def put(stack: Stack, key: str, **attributes: dict[str, Any]) -> None:
    """Write an item."""
    item = {"PK": {"S": key}, "SK": {"S": "META"}, **attributes}
    stack.client("dynamodb").put_item(TableName=table(stack), Item=item)


def put_together(stack: Stack, items: dict[str, dict[str, Any]]) -> None:
    """Write items in one transaction, so that the stream has them at once."""
    puts = [{"PK": {"S": key}, "SK": {"S": "META"}, **attributes} for key, attributes in items.items()]
    actions = [{"Put": {"TableName": table(stack), "Item": item}} for item in puts]
    stack.client("dynamodb").transact_write_items(TransactItems=actions)


def send_event(stack: Stack, kind: str, detail: dict[str, Any], source: str = "payments") -> None:
    """Put one event on the sample's bus; what is refused fails the test."""
    entry = {"EventBusName": "shop-dev", "Source": source, "DetailType": kind, "Detail": json.dumps(detail)}
    assert stack.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0


def queue_url(stack: Stack, name: str) -> str:
    """The address of a queue of the sample."""
    url: str = stack.client("sqs").get_queue_url(QueueName=f"{stack.name}-{name}")["QueueUrl"]
    return url


@contextmanager
def impatient(stack: Stack, name: str) -> Iterator[None]:
    """A queue that shows a message again after three seconds; only for functions that are warm."""
    sqs, url = stack.client("sqs"), queue_url(stack, name)
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "3"})
    try:
        yield
    finally:
        sqs.set_queue_attributes(QueueUrl=url, Attributes=before)


def depth(stack: Stack, name: str) -> int:
    """Messages in a queue that can be received now."""
    attributes = stack.client("sqs").get_queue_attributes(
        QueueUrl=queue_url(stack, name), AttributeNames=["ApproximateNumberOfMessages"]
    )["Attributes"]
    return int(attributes["ApproximateNumberOfMessages"])


def take(stack: Stack, name: str) -> list[dict[str, Any]]:
    """Receive and delete what is in a queue; bodies parsed."""
    sqs, url = stack.client("sqs"), queue_url(stack, name)
    bodies = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            bodies.append(json.loads(message["Body"]))
    return bodies


def invoke(stack: Stack, function: str, event: Any, **options: Any) -> dict[str, Any]:
    """Invoke a function of the sample; its payload parsed into "Payload"."""
    name = function if function.startswith("arn:") else f"{stack.name}-{function}"
    answer: dict[str, Any] = stack.client("lambda").invoke(
        FunctionName=name, Payload=json.dumps(event).encode(), **options
    )
    payload = answer["Payload"].read()
    return {**answer, "Payload": json.loads(payload) if payload else None}
