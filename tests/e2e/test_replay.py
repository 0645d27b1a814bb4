"""`refledger replay`: what the reader of the stream gave up is told again, exactly that, by its own function."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from refledger import cli
from refledger.adapters.dead_letters import DeadLetterQueue
from scripts.demo import Client
from tests.e2e.people import People
from undocked.testing import Stack, wait_until

READER, QUEUE = "StreamProjectionsFunctionStream", "StreamProjectionsDlq"


@pytest.fixture
def names(stack: Stack) -> dict[str, str]:
    pages = stack.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName="refledger")
    return {r["LogicalResourceId"]: r["PhysicalResourceId"] for page in pages for r in page["StackResourceSummaries"]}


@pytest.fixture
def deaf(stack: Stack, names: dict[str, str]) -> Iterator[None]:
    """The audit's reader is off, as if it gave up whatever comes."""
    client = stack.client("lambda")
    client.update_event_source_mapping(UUID=names[READER], Enabled=False)
    yield
    client.update_event_source_mapping(UUID=names[READER], Enabled=True)


def newest(stack: Stack, partner_id: str) -> tuple[str, str, dict[str, Any]] | None:
    """(stream, shard, record) of the partner's last change; None while the stream does not have it."""
    client, table = stack.client("dynamodbstreams"), "refledger-Table"
    (stream,) = client.list_streams(TableName=table)["Streams"]
    found: list[tuple[str, str, dict[str, Any]]] = []
    for shard in client.describe_stream(StreamArn=stream["StreamArn"])["StreamDescription"]["Shards"]:
        where = {"StreamArn": stream["StreamArn"], "ShardId": shard["ShardId"]}
        at = client.get_shard_iterator(**where, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        while at:
            page = client.get_records(ShardIterator=at)
            found += [
                (stream["StreamArn"], shard["ShardId"], record) for record in page["Records"]
                if record["dynamodb"]["Keys"] == {"pk": {"S": f"PARTNER#{partner_id}"}, "sk": {"S": "ROOT"}}
            ]  # fmt: skip
            at = page.get("NextShardIterator") if page["Records"] else None
    return found[-1] if found else None


def given_up(stream: str, shard: str, number: str) -> str:
    """What Lambda says of records that it gave up:
    https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html.
    """
    return json.dumps({
        "requestContext": {"functionArn": "arn:aws:lambda:eu-central-1:1:function:changes", "condition": "x"},
        "DDBStreamBatchInfo": {
            "shardId": shard, "startSequenceNumber": number, "endSequenceNumber": number, "batchSize": 1,
            "approximateArrivalOfFirstRecord": "2026-11-29T01:00:00Z", "streamArn": stream,
            "approximateArrivalOfLastRecord": "2026-11-29T01:00:00Z",
        },
    })  # fmt: skip


def as_lambda_had(record: dict[str, Any]) -> dict[str, Any]:
    """With its time as a number."""
    told: dict[str, Any] = json.loads(json.dumps(record, default=lambda moment: int(moment.timestamp())))
    return {**told, "eventSource": "aws:dynamodb"}


@pytest.mark.usefixtures("deaf")
def test_what_was_given_up_is_told_again(
    stack: Stack, client: Client, names: dict[str, str],
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """The audit has the change, the queue is empty; what the stream has no more is said, and stays until dropped."""
    monkeypatch.setenv("AWS_PORT", str(stack.aws_port))

    def refledger(*arguments: str, status: int = 0) -> list[str]:
        assert cli.main([*arguments, "--local"]) == status
        return capsys.readouterr().out.splitlines()

    people = People(client)
    address = f"ada-{people.run}@example.com"
    body = {"firstName": "Ada", "lastName": "Example", "email": address}
    partner_id = client.post(people.admin, "/partners", body)["id"]
    assert client.get(people.admin, "/audit", entity=partner_id)["data"] == []
    change = wait_until(lambda: newest(stack, partner_id))
    assert change
    stream, shard, record = change
    queue, sqs = names[QUEUE], stack.client("sqs")
    sqs.send_message(QueueUrl=queue, MessageBody=given_up(stream, shard, record["dynamodb"]["SequenceNumber"]))
    assert refledger("replay") == ["1 records were told again; 0 messages are left"]
    (entry,) = client.get(people.admin, "/audit", entity=partner_id)["data"]
    assert entry["action"] == "CREATED"
    assert DeadLetterQueue(sqs, queue).counts().visible == 0

    old = stream.rsplit("/", 1)[0] + "/2020-01-01T00:00:00.000"
    long_ago = "1".zfill(21)
    another = "shardId-00000000000000000000-00000000"
    kept = json.loads(given_up(old, shard, long_ago)) | {"payload": json.dumps({"Records": [as_lambda_had(record)]})}
    stack.client("s3").put_object(Bucket=names["RecordsBucket"], Key="aws/lambda/whole", Body=json.dumps(kept).encode())
    stack.client("s3").put_object(
        Bucket=names["RecordsBucket"], Key="aws/lambda/lost", Body=given_up(old, shard, long_ago).encode()
    )
    assert wait_until(lambda: DeadLetterQueue(sqs, queue).counts().visible == 2)
    assert [line.split("records=")[1] for line in refledger("dlq", "show", QUEUE)[:-1]] == [
        "aws/lambda/whole", "aws/lambda/lost",
    ]  # fmt: skip
    lines = refledger("replay", status=1)
    assert lines[-1] == "1 records were told again; 1 messages are left"
    assert "gone: the stream keeps a day" in lines[0]
    assert client.get(people.admin, "/audit", entity=partner_id)["data"] == [entry], "told twice, written once"
    assert refledger("replay", "--drop-gone")[-1] == "0 records were told again; 0 messages are left"
    for lost in (given_up(old, shard, long_ago), given_up(stream, another, long_ago)):
        sqs.send_message(QueueUrl=queue, MessageBody=lost)
    lines = refledger("replay", status=1)
    assert lines[-1] == "0 records were told again; 2 messages are left"
    assert all("gone: the stream keeps a day" in line for line in lines[:-1])
    assert wait_until(lambda: DeadLetterQueue(sqs, queue).counts().visible == 2)
    assert refledger("replay", "--drop-gone")[-1] == "0 records were told again; 0 messages are left"
    assert DeadLetterQueue(sqs, queue).counts().visible == 0
    sqs.send_message(QueueUrl=queue, MessageBody="{}")
    assert "names no records" in refledger("replay", status=1)[0]
    sqs.purge_queue(QueueUrl=queue)
