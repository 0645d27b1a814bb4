"""Reads DynamoDB Streams for functions: in order, parents before children, from where it stopped.

DynamoDB Local cannot say that there is something new, and asking it ten times a second costs 5 % of a core
for nothing. But every write changes its files: while those stand still, it is asked every two seconds only.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from undocked.checkpoint import END, Checkpoint
from undocked.mappings import Deliver, Invoke, Mapping
from undocked.stream_batches import Record, StreamBatches

WATCH_SECONDS = 0.05  # between looks at the files
POLL_SECONDS = 0.1  # between reads while something was written a moment ago
AWAKE_SECONDS = 0.5  # how long a moment is: longer than the clock tick of a file system
IDLE_SECONDS = 2.0  # between reads for no reason: window ends, new shards
PAGE = 1000
log = logging.getLogger("undocked.streams")


@dataclass(frozen=True)
class TableStream:
    """A stream as DynamoDB Local names it (it knows no region and no account), and whether its table was just made."""

    arn: str
    table_is_new: bool


class StreamPoller:
    """Reads one stream for one function. One thread, shard by shard: ParallelizationFactor is 1 here."""

    def __init__(
        self,
        client: Any,
        invoke: Invoke,
        deliver: Deliver,
        mapping: Mapping,
        data_dir: Path,
        files: Path,
        stream: TableStream,
    ) -> None:
        """`data_dir`: where the checkpoint is kept; `files`: the directory that DynamoDB Local writes to."""
        self.name = mapping.id
        self.stopping, self.off = threading.Event(), threading.Event()  # `off`: disabled by somebody
        self._arn = stream.arn
        self._client, self._mapping, self._files = client, mapping, files
        self._checkpoint = Checkpoint(data_dir / f"{mapping.id}.json")
        self._batches = StreamBatches(mapping, invoke, deliver, self._checkpoint, self.stopping)
        skip = mapping.starting_position == "LATEST" and not stream.table_is_new and self._checkpoint.is_new
        self._begin_at = "LATEST" if skip else "TRIM_HORIZON"  # skips only what was there before the mapping was
        self._iterators: dict[str, str] = {}
        self._shards: list[str] | None = None  # None: to be asked for

    def start(self) -> None:
        """Begin to read, in the background."""
        threading.Thread(target=self._loop, name=f"stream-{self.name}", daemon=True).start()

    def _loop(self) -> None:
        seen: object = None
        awake_until = look_again = 0.0
        while not self.stopping.is_set():
            if self.off.is_set():
                self.stopping.wait(POLL_SECONDS)
                continue
            now, stamp = time.monotonic(), self._stamp()
            if stamp != seen:
                seen, awake_until = stamp, now + AWAKE_SECONDS
            elif now > awake_until and now < look_again:
                self.stopping.wait(WATCH_SECONDS)
                continue
            if now >= look_again:
                self._shards, look_again = None, now + IDLE_SECONDS
            try:
                if not self._read_all():
                    self.stopping.wait(POLL_SECONDS if self._stamp() == seen else 0)
            except Exception:  # a poller never dies: it begins again from the checkpoint
                if self.stopping.is_set():
                    return
                log.exception("reading %s", self._mapping.source_arn)
                self._iterators.clear()
                self._shards, seen = None, None
                self.stopping.wait(1)

    def _stamp(self) -> object:
        """Changes with every write of DynamoDB Local."""
        seen = []
        with os.scandir(self._files) as entries:
            for entry in entries:
                if ".db" in entry.name:
                    with suppress(FileNotFoundError):  # SQLite's journals come and go
                        stat = entry.stat()
                        seen.append((entry.name, stat.st_mtime_ns, stat.st_size))
        return seen

    def _read_all(self) -> bool:
        """One page of every open shard; says whether there was anything."""
        if self._shards is None:
            self._shards = self._open_shards()
        busy = [self._read(shard) for shard in self._shards]  # every shard has its turn
        return any(busy)

    def _open_shards(self) -> list[str]:
        """Shards not read to their end whose parent is, or is trimmed away."""
        shards: dict[str, str | None] = {}
        start: dict[str, str] = {}
        while True:
            page = self._client.describe_stream(StreamArn=self._arn, **start)["StreamDescription"]
            shards.update({shard["ShardId"]: shard.get("ParentShardId") for shard in page["Shards"]})
            if "LastEvaluatedShardId" not in page:
                break
            start = {"ExclusiveStartShardId": page["LastEvaluatedShardId"]}
        ended = self._checkpoint.ended()
        return [
            shard
            for shard, parent in shards.items()
            if shard not in ended and (parent not in shards or parent in ended)
        ]

    def _read(self, shard: str) -> bool:
        if shard not in self._iterators:
            self._iterators[shard] = self._iterator(shard)
        page = self._client.get_records(ShardIterator=self._iterators[shard], Limit=PAGE)
        records = [self._record(record) for record in page["Records"]]
        self._batches.process(shard, records)
        if self.stopping.is_set():
            return False  # what was not done is read again next time
        if following := page.get("NextShardIterator"):
            self._iterators[shard] = following
            if not records:
                self._batches.close_windows_past(shard)
            return bool(records)
        self._batches.close_window(shard)  # windows do not go on in the children
        self._checkpoint.position(shard).number = END
        self._checkpoint.save()
        self._shards = None
        return True

    def _iterator(self, shard: str) -> str:
        number = self._checkpoint.position(shard).number
        where = {"StreamArn": self._arn, "ShardId": shard}
        if number is None:
            return str(self._client.get_shard_iterator(**where, ShardIteratorType=self._begin_at)["ShardIterator"])
        try:
            after = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": number}
            return str(self._client.get_shard_iterator(**where, **after)["ShardIterator"])
        except self._client.exceptions.TrimmedDataAccessException:
            return str(self._client.get_shard_iterator(**where, ShardIteratorType="TRIM_HORIZON")["ShardIterator"])

    def _record(self, raw: dict[str, Any]) -> Record:
        """The Lambda shape: as the API gives it, times as numbers, binary as base64, the source's ARN."""
        record: Record = json.loads(json.dumps(raw, default=_plain))
        created = record["dynamodb"]["ApproximateCreationDateTime"]
        record["dynamodb"]["ApproximateCreationDateTime"] = _to_the_second(created, time.time())
        if identity := record.pop("userIdentity", None):  # the service's own deletes (time to live)
            record["userIdentity"] = {
                "type": identity.get("Type"),
                "principalId": identity.get("PrincipalId"),
            }
        return {
            **record,
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "eventSourceARN": self._mapping.source_arn,
            "awsRegion": self._mapping.region,
        }


def _to_the_second(created: float, now: float) -> int:
    """AWS stamps a record with the second, DynamoDB Local with the minute: the best guess within that minute.

    A record is read as soon as it is written, so that is now; one that waited was written in its minute's end.
    """
    return int(max(created, min(now, created + 59)))


def _plain(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value.timestamp()
