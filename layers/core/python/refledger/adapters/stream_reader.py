"""Records of the table's stream that were given up, as Lambda hands them over: whole from S3, or read once more.

Lambda writes to S3 what it had called the function with, as text beside its own words:
https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

GONE = ("TrimmedDataAccessException", "ResourceNotFoundException", "ExpiredIteratorException")
NOT_KEPT = ("NoSuchKey", "NoSuchBucket")
EMPTY_PAGES = 100  # in a row: a shard may have holes


class Gone(Exception):
    """Whoever kept these records, the stream for a day or the bucket, has them no more."""


@dataclass(frozen=True)
class StreamRange:
    """Where records lie, as Lambda says it of those that it gave up. `first_at`, `last_at`: when they came, as text."""

    stream: str
    shard: str
    first: str
    last: str
    count: int
    first_at: str
    last_at: str

    @classmethod
    def read(cls, body: str) -> StreamRange:
        """Parse a message about records that were given up.

        Raises ValueError for what is no such message.
        """
        try:
            told = json.loads(body)["DDBStreamBatchInfo"]
            return cls(
                told["streamArn"], told["shardId"], told["startSequenceNumber"], told["endSequenceNumber"],
                int(told["batchSize"]), told["approximateArrivalOfFirstRecord"], told["approximateArrivalOfLastRecord"],
            )  # fmt: skip
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError("it names no records of a stream") from error


@dataclass(frozen=True)
class Kept:
    """Where whole records are kept, as EventBridge says it of an object that was made."""

    bucket: str
    name: str

    @classmethod
    def named(cls, body: str) -> Kept | None:
        """Read what a message names; None for what is no such message."""
        try:
            detail = json.loads(body)["detail"]
            return cls(str(detail["bucket"]["name"]), str(detail["object"]["key"]))
        except (KeyError, TypeError, ValueError):
            return None

    def read(self, client: Any) -> tuple[str, list[dict[str, Any]]]:
        """Read what Lambda says of them, and the records: none where it wrote none down.

        Raises Gone.
        """
        try:
            text = client.get_object(Bucket=self.bucket, Key=self.name)["Body"].read().decode()
        except ClientError as error:
            if error.response["Error"]["Code"] in NOT_KEPT:
                raise Gone from error
            raise
        payload = json.loads(text).get("payload") or "{}"
        told: dict[str, Any] = json.loads(payload) if isinstance(payload, str) else payload
        return text, list(told.get("Records", []))


def read(client: Any, table: str, place: StreamRange) -> Iterator[dict[str, Any]]:
    """Yield the records from the first to the last that are named.

    Raises Gone unless all of them are there.

    `table`: whose stream it must be. One that was restored has another one.
    """
    named = {"StreamArn": _stream(client, table, place), "ShardId": place.shard}
    at: dict[str, Any] = {"ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": place.first}
    try:
        iterator = client.get_shard_iterator(**named, **at)["ShardIterator"]
        empty, begun = 0, False
        while iterator and empty < EMPTY_PAGES:
            page = client.get_records(ShardIterator=iterator)
            for record in page["Records"]:
                number = record["dynamodb"]["SequenceNumber"]
                if not begun and int(number) > int(place.first):
                    raise Gone
                begun = True
                if int(number) > int(place.last):
                    return
                yield _as_lambda_does(record, place.stream)
                if number == place.last:
                    return
            empty = 0 if page["Records"] else empty + 1
            iterator = page.get("NextShardIterator")
    except ClientError as error:
        if error.response["Error"]["Code"] in GONE:
            raise Gone from error
        raise
    raise Gone


def _stream(client: Any, table: str, place: StreamRange) -> str:
    """By its label: the local stack's DynamoDB has a region and an account of its own in its names."""
    for each in client.list_streams(TableName=table)["Streams"]:
        if each["StreamLabel"] == place.stream.rsplit("/", 1)[-1]:
            return str(each["StreamArn"])
    raise Gone


def _as_lambda_does(record: dict[str, Any], stream: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(json.dumps(record, default=_plain))
    identity = told.pop("userIdentity", None)
    who = {"userIdentity": {"type": identity["Type"], "principalId": identity["PrincipalId"]}} if identity else {}
    return {**told, **who, "eventVersion": "1.1", "eventSource": "aws:dynamodb", "eventSourceARN": stream}


def _plain(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else int(value.timestamp())
