"""The table's stream, as the statistics function would get it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from refledger.operations.statistics import Record
from refledger.store.table import unpack
from tests.support import dynamodb


def records(client: Any, table: str = "refledger") -> Iterator[Record]:
    """Everything that ever happened in a table of DynamoDB Local, in order, with real images."""
    key = client._request_signer._credentials.access_key  # each access key is a database of its own
    streams = dynamodb.client(client.meta.endpoint_url, "dynamodbstreams", key)
    arn = client.describe_table(TableName=table)["Table"]["LatestStreamArn"]
    for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        at: str | None = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while at:
            answer = streams.get_records(ShardIterator=at)
            yield from map(_record, answer["Records"])
            at = answer.get("NextShardIterator") if answer["Records"] else None


def _record(told: dict[str, Any]) -> Record:
    change = told["dynamodb"]
    return Record(
        sequence_number=change["SequenceNumber"],
        at_ms=int(change["ApproximateCreationDateTime"].timestamp() * 1000),
        old=unpack(change.get("OldImage", {})),
        new=unpack(change.get("NewImage", {})),
    )
