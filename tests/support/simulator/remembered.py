"""What was read of a beginning, and found right: a run reads again only what it has changed.

All that the end of a run looks at is a function of what it reads. What was read is noted with it, item by item and list
by list, and as long as nothing of that is written, what was found of the beginning is what would be found now.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from refledger.store import keys
from tests.support.memory.client import Client
from tests.support.memory.tables import Table

Found = TypeVar("Found")
Place = tuple[str, str]  # an item's key, or (index, partition) of a list
Remembered = dict[Hashable, tuple[frozenset[Place], Any]]
KEPT = ("PROGRAM", keys.shards()["pk"])  # what workers keep in memory: all depends on it
ITEMS = "items"  # of a partition of the table itself


@dataclass
class Noting:
    """Stands where a client would, and notes what is read."""

    client: Client
    places: set[Place] = field(default_factory=set)

    def get_item(self, **request: Any) -> Any:
        self._item(request["Key"])
        return self.client.get_item(**request)

    def batch_get_item(self, **request: Any) -> Any:
        for wanted in request["RequestItems"].values():
            for key in wanted["Keys"]:
                self._item(key)
        return self.client.batch_get_item(**request)

    def query(self, **request: Any) -> Any:
        self.places.add((request.get("IndexName", ITEMS), request["ExpressionAttributeValues"][":p"]["S"]))
        return self.client.query(**request)

    def _item(self, key: Any) -> None:
        self.places.add((key["pk"]["S"], key["sk"]["S"]))


@dataclass
class Reader:
    """Reads at the end of a run. `begun`: of the table's changes, how many the beginning had."""

    client: Client
    table: Table
    begun: int
    shared: Remembered
    noting: Noting = field(init=False)

    def __post_init__(self) -> None:
        self.noting = Noting(self.client)
        self.touched, self.all_anew = set[Place](), False
        for _, key, old, new in self.table.changes[self.begun :]:
            self.all_anew |= key[0].startswith(KEPT)
            self.touched |= {key, (ITEMS, key[0])}
            for index in self.table.indexes.values():
                name = index.keys[0]
                self.touched |= {(index.name, item[name][1]) for item in (old, new) if item and name in item}

    def of(self, name: Hashable, read: Callable[[], Found]) -> Found:
        """What `read` comes to. `name`: tells it from everything else that is read."""
        if not self.all_anew and (known := self.shared.get(name)) and known[0].isdisjoint(self.touched):
            self.noting.places |= known[0]
            found: Found = known[1]
            return found
        outer, self.noting.places = self.noting.places, set()
        found, places = read(), self.noting.places
        if not self.all_anew and places.isdisjoint(self.touched):
            self.shared[name] = frozenset(places), found
        self.noting.places = outer | places
        return found

    @contextmanager
    def reads(self, table: Any) -> Iterator[None]:
        """What the store's table reads is noted."""
        was, table.client = table.client, self.noting
        try:
            yield
        finally:
            table.client = was
