"""The table's stream, as stream_rollups would get it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from refledger.store.attributes import unpack
from refledger.store.stream import Record
from tests.support import dynamodb


def records(client: Any, table: str = "refledger") -> Iterator[Record]:
    """Everything that ever happened in a table of DynamoDB Local, in order, with real images."""
    return Tail(client, table).new()


class Told:
    """What DynamoDB Streams tells of a table, from its beginning on, each record once."""

    def __init__(self, client: Any, table: str = "refledger") -> None:
        self._streams, self._arn = dynamodb.stream(client, table)
        self._at: dict[str, str | None] = {**dynamodb.stream_start(client, table)}

    def told(self) -> Iterator[dict[str, Any]]:
        """Those that nobody was given yet."""
        for shard in self._streams.describe_stream(StreamArn=self._arn)["StreamDescription"]["Shards"]:
            id = shard["ShardId"]
            if id not in self._at:
                self._at[id] = self._streams.get_shard_iterator(
                    StreamArn=self._arn, ShardId=id, ShardIteratorType="TRIM_HORIZON"
                )["ShardIterator"]
            while at := self._at[id]:
                answer = self._streams.get_records(ShardIterator=at)
                self._at[id] = answer.get("NextShardIterator")
                yield from answer["Records"]
                if not answer["Records"]:
                    break


class Tail(Told):
    """The same as records."""

    def new(self) -> Iterator[Record]:
        """Those that nobody was given yet."""
        return map(_record, self.told())


def _record(told: dict[str, Any]) -> Record:
    change = told["dynamodb"]
    return Record(
        sequence_number=change["SequenceNumber"],
        at_ms=int(change["ApproximateCreationDateTime"].timestamp() * 1000),
        old=unpack(change.get("OldImage", {})),
        new=unpack(change.get("NewImage", {})),
    )
