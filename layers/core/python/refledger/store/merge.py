"""Lists that are spread over shards, as one."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from itertools import chain

from refledger.store.keys import HIGHEST, LOWEST
from refledger.store.table import Table
from refledger.store.transaction import Item
from refledger.threads import side_by_side

AT_ONCE = 10  # queries: as many as a client has connections
LEAST = 4  # items of a shard's page
OF_ALL = 2_000  # items of all shards together, where the caller wants whatever there is: about what a page of one has


def newest_first(table: Table, partitions: Sequence[str], low: str, high: str, page_size: int) -> Iterator[Item]:
    """Items of the index `listed` in all of the partitions, by their position, the highest first.

    The caller wants some `page_size` of them: a shard is asked for twice its share at a time.
    """
    share = max(LEAST, 2 * page_size // len(partitions))
    shards = [
        table.query(each, low, high, index="listed", page_size=share, newest_first=True) for each in partitions
    ]  # fmt: skip
    return heapq.merge(*_begun(shards), key=lambda item: str(item["listed_at"]), reverse=True)


def oldest_first(table: Table, partitions: Sequence[str], low: str, high: str, page_size: int) -> Iterator[Item]:
    """Yield items of the index `waiting` in all of the partitions, lowest position first.

    `page_size`: items read of each partition at a time.
    """
    shards = [table.query(each, low, high, index="waiting", page_size=page_size) for each in partitions]
    return heapq.merge(*_begun(shards), key=lambda item: str(item["waits_at"]))


def by_sort_key(
    table: Table,
    partitions: tuple[str, ...],
    low: str = LOWEST,
    high: str = HIGHEST,
    *,
    page_size: int | None = None,
    newest_first: bool = False,
    strong: bool = True,
    only: Sequence[str] = (),
) -> Iterator[Item]:
    """Query all of the partitions as one, by sort key, like `Table.query`.

    No two items have the same sort key.

    `page_size`: about so many are wanted; each of several is asked for twice its share at a time, also of all: a page
    of each is in memory.
    """
    share = max(LEAST, 2 * (page_size or OF_ALL) // len(partitions)) if len(partitions) > 1 else page_size
    shards = [
        table.query(each, low, high, page_size=share, newest_first=newest_first, strong=strong, only=only)
        for each in partitions
    ]  # fmt: skip
    if len(shards) == 1:
        return shards[0]
    return heapq.merge(*_begun(shards), key=lambda item: str(item["sk"]), reverse=newest_first)


def _begun(shards: Sequence[Iterator[Item]]) -> list[Iterator[Item]]:
    """Those in which there is anything: all are asked side by side."""
    firsts = side_by_side(lambda shard: next(shard, None), shards, AT_ONCE)
    return [chain([first], rest) for first, rest in zip(firsts, shards, strict=True) if first is not None]
