"""What stream_rollups and the leaderboards would make of a small world's table, now."""

from __future__ import annotations

from dataclasses import dataclass, field

from refledger.operations.figures import leaderboards
from refledger.operations.figures.projection import project
from refledger.store.stream import Record
from tests.support import streams
from tests.support.books import Books


@dataclass
class Counting:
    """Counts what is new in the stream as if it had happened at the books' time, in batches of up to `batch`."""

    books: Books
    batch: int = 100
    shard: str = "shardId-00000001"
    tail: streams.Tail = field(init=False)

    def __post_init__(self) -> None:
        self.tail = streams.Tail(self.books.client)

    def __call__(self) -> list[Record]:
        now_ms = self.books.clock()
        records = [Record(each.sequence_number, now_ms, each.old, each.new) for each in self.tail.new()]
        for start in range(0, len(records), self.batch):
            changed = project(self.books.context, self.shard, records[start : start + self.batch])
            leaderboards.refresh(self.books.context, changed)
        return records
