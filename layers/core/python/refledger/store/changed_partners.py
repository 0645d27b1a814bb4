"""Whose money the stream has told of, for whoever verifies it next. Gone by itself after a day."""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Iterable, Iterator

from refledger.domain.times import DAY_MS, SECOND_MS
from refledger.store import keys
from refledger.store.table import Table
from refledger.store.transaction import Item, Write, put

LANES = 4  # partitions: one takes a thousand writes a second


def note(shard: str, number: str, partner_ids: Iterable[str], now_ms: int) -> Write:
    """`shard`, `number`: of the stream, and of the batch's first record in it."""
    key = keys.touched(zlib.crc32(shard.encode()) % LANES, now_ms, number)
    expires = (now_ms + DAY_MS) // SECOND_MS
    return put("it is looked at", {**key, "partners": list(partner_ids), "ttl": expires}, "")


def within(table: Table, from_ms: int, until_ms: int) -> Iterator[tuple[int, list[str]]]:
    """Yield (when, partners) of what was noted at `from_ms` or later and before `until_ms`, oldest first."""
    lanes = [table.query(*keys.touched_within(lane, from_ms, until_ms), strong=False) for lane in range(LANES)]
    for item in heapq.merge(*lanes, key=lambda item: str(item["sk"])):
        yield keys.touched_at(item), item["partners"]


def partners_of(item: Item) -> Iterator[str]:
    """Yield whose books the item is in, whatever else of it cannot be read."""
    match keys.kind_of(item) if item else "":
        case "REWARD" | "JOURNAL" | "PARTNER":
            yield keys.owner_of(item)
        case "WITHDRAWAL" if keys.is_root(item):
            yield item["partner"]
        case "PAYMENT" if keys.is_root(item):
            yield from (keys.owner_of(keys.reward(id)) for id, _ in item.get("rewards", ()))
        case _:
            pass
