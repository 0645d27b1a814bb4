"""The table's stream, as Lambda would hand it to the function that follows it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from tests.support import dynamodb

Json = dict[str, Any]


class Tail:
    """What happens in a table of DynamoDB Local, from its beginning on, each record once, in Lambda's shape."""

    def __init__(self, client: Any, table: str = "refledger") -> None:
        key = client._request_signer._credentials.access_key  # each access key is a database of its own
        self._streams = dynamodb.client(client.meta.endpoint_url, "dynamodbstreams", key)
        self._arn = client.describe_table(TableName=table)["Table"]["LatestStreamArn"]
        self._at: dict[str, str | None] = {}

    def new(self) -> list[Json]:
        """Those that nobody was given yet."""
        found: list[Json] = []
        for shard in self._streams.describe_stream(StreamArn=self._arn)["StreamDescription"]["Shards"]:
            id = shard["ShardId"]
            if id not in self._at:
                self._at[id] = self._streams.get_shard_iterator(
                    StreamArn=self._arn, ShardId=id, ShardIteratorType="TRIM_HORIZON"
                )["ShardIterator"]
            while at := self._at[id]:
                answer = self._streams.get_records(ShardIterator=at)
                self._at[id] = answer.get("NextShardIterator")
                found += map(_as_lambda_tells, answer["Records"])
                if not answer["Records"]:
                    break
        return found


def batches(records: list[Json], wanted: frozenset[str], size: int = 100) -> Iterator[Json]:
    """Events of up to `size` records whose partition begins with one of the wanted kinds."""
    kept = [each for each in records if each["dynamodb"]["Keys"]["pk"]["S"].split("#")[0] in wanted]
    for start in range(0, len(kept), size):
        yield {"Records": kept[start : start + size]}


def _as_lambda_tells(record: Json) -> Json:
    """Moments as numbers, bytes as base64."""
    told = dict(record["dynamodb"])
    told["ApproximateCreationDateTime"] = told["ApproximateCreationDateTime"].timestamp()
    for image in ("OldImage", "NewImage"):
        if image in told:
            told[image] = {name: _text(value) for name, value in told[image].items()}
    return {"eventName": record["eventName"], "dynamodb": told}


def _text(value: Json) -> Json:
    return {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value
