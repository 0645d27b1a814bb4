"""Items by key, sparse indexes, and the stream of what changed. Not safe for threads: its client is."""

from __future__ import annotations

import zlib
from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from tests.support.memory.expressions import KeyRange
from tests.support.memory.values import (
    ITEM_LIMIT_BYTES,
    Attributes,
    Invalid,
    Item,
    NotModelled,
    Unfit,
    Value,
    read,
    size,
    write,
    write_all,
)

Key = tuple[str, str]
HASH_LIMIT_BYTES, RANGE_LIMIT_BYTES = 2048, 1024
PAGE_LIMIT_BYTES = 1024 * 1024
WRITE_UNIT_BYTES, READ_UNIT_BYTES = 1024, 4096
REGION = "eu-central-1"


@dataclass
class Index:
    """Rows by partition: (sort key, how equal ones are ordered, the item's key)."""

    name: str  # "" for the table itself
    keys: Key
    projected: frozenset[str] | None  # None for all
    rows: dict[str, list[tuple[str, int, str, str]]] = field(default_factory=dict)
    items: dict[Key, Item] = field(default_factory=dict)  # as this index knows them; the table's own has none

    def row(self, item: Attributes | None, key: Key) -> tuple[str, tuple[str, int, str, str]] | None:
        """Where an item stands, None if it has not got both keys."""
        if item is None or not all(name in item for name in self.keys):
            return None
        partition, sort = (item[name][1] for name in self.keys)
        return partition, (sort, _order(key), *key)

    def move(self, was: Item | None, now: Item | None, key: Key) -> None:
        old, new = self.row(was, key), self.row(now, key)
        if self.name and new and now is not None:
            self.items[key] = now
        elif self.name:
            self.items.pop(key, None)
        if old == new:
            return
        if old:
            rows = self.rows[old[0]]
            del rows[bisect_left(rows, old[1])]
        if new:
            insort(self.rows.setdefault(new[0], []), new[1])

    def units(self, was: Item | None, now: Item | None, key: Key) -> int:
        """Write units of the change of an item: none where the index sees no change, both where its key moves."""
        rows = [(row, self.seen(item)) for item in (was, now) if item is not None and (row := self.row(item, key))]
        if len(rows) == 2 and rows[0][0] == rows[1][0]:
            return 0 if rows[0][1] == rows[1][1] else max(write_units(item.bytes) for _, item in rows)
        return sum(write_units(item.bytes) for _, item in rows)

    def seen(self, item: Item) -> Item:
        """What is in the index of an item."""
        return item if self.projected is None else Item((n, v) for n, v in item.items() if n in self.projected)


@dataclass(frozen=True)
class Page:
    items: list[Item]  # as the index has them
    last: dict[str, Any] | None  # where to go on, as in an answer

    @property
    def bytes(self) -> int:
        return sum(item.bytes for item in self.items)


@dataclass
class Table:
    """One table, as CreateTable was asked for it. `behind`: so many writes its secondary indexes may not know yet."""

    declared: Mapping[str, Any]
    made_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    items: dict[Key, Item] = field(default_factory=dict)
    changes: list[tuple[datetime, Key, Item | None, Item | None]] = field(default_factory=list)
    behind: int = 0
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    late: deque[tuple[Key, Item | None, Item | None]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        if {each["AttributeType"] for each in self.declared["AttributeDefinitions"]} != {"S"}:
            raise NotModelled("keys that are not text")
        self.keys = _key_names(self.declared)
        self.main = Index("", self.keys, None)
        self.indexes = {
            each["IndexName"]: self._index(each) for each in self.declared.get("GlobalSecondaryIndexes", [])
        }
        self._limits = {
            name: limit
            for index in (self.main, *self.indexes.values())
            for name, limit in zip(index.keys, (HASH_LIMIT_BYTES, RANGE_LIMIT_BYTES), strict=True)
        }

    def _index(self, declared: Mapping[str, Any]) -> Index:
        keys, asked = _key_names(declared), declared["Projection"]
        if asked["ProjectionType"] not in ("ALL", "INCLUDE", "KEYS_ONLY"):
            raise NotModelled(str(asked))
        if asked["ProjectionType"] == "ALL":
            return Index(declared["IndexName"], keys, None)
        return Index(
            declared["IndexName"], keys, frozenset((*self.keys, *keys, *asked.get("NonKeyAttributes", ())))
        )  # fmt: skip

    @property
    def name(self) -> str:
        return str(self.declared["TableName"])

    @property
    def streams(self) -> bool:
        return bool(self.declared.get("StreamSpecification", {}).get("StreamEnabled"))

    @property
    def arn(self) -> str:
        return f"arn:aws:dynamodb:{REGION}:000000000000:table/{self.name}"

    @property
    def label(self) -> str:
        return self.made_at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]

    def described(self) -> dict[str, Any]:
        """As DescribeTable tells it."""
        told = {name: value for name, value in self.declared.items() if name != "BillingMode"}
        indexes = [
            {**each, "IndexStatus": "ACTIVE", "IndexArn": f"{self.arn}/index/{each['IndexName']}"}
            for each in self.declared.get("GlobalSecondaryIndexes", [])
        ]
        stream = {"LatestStreamLabel": self.label, "LatestStreamArn": f"{self.arn}/stream/{self.label}"}
        return {
            **told, "TableStatus": "ACTIVE", "TableArn": self.arn, "CreationDateTime": self.made_at,
            "ItemCount": len(self.items), "TableSizeBytes": sum(item.bytes for item in self.items.values()),
            "BillingModeSummary": {"BillingMode": self.declared["BillingMode"]},
            **({"GlobalSecondaryIndexes": indexes} if indexes else {}), **(stream if self.streams else {}),
        }  # fmt: skip

    def copy(self) -> Table:
        """The same items in a table of their own: values never change, so only what holds them is copied."""
        made = Table(self.declared, self.made_at, dict(self.items), list(self.changes), late=deque(self.late))
        made.main, made.indexes = _copied(self.main), {name: _copied(each) for name, each in self.indexes.items()}
        return made

    # Keys

    def key(self, wire: Mapping[str, Any]) -> Key:
        """The key of a request that names one item. Raises Invalid."""
        if set(wire) != set(self.keys):
            raise Invalid("The number of conditions on the keys is invalid")
        return self.key_of({name: read(value) for name, value in wire.items()})

    def key_of(self, item: Attributes) -> Key:
        """The key in an item. Raises Invalid."""
        for name in self.keys:
            if name not in item:
                raise Invalid("One of the required keys was not given a value")
            if problem := self._problem(name, item[name]):
                raise Invalid(problem)
        return item[self.keys[0]][1], item[self.keys[1]][1]

    def check_put(self, item: Item) -> None:
        """Raises Unfit for keys of indexes of the wrong type, Invalid for empty ones and for what is too large."""
        for name in self._limits:
            if name in item and (problem := self._problem(name, item[name])):
                raise Unfit(problem) if item[name][0] != "S" else Invalid(problem)
        if item.bytes > ITEM_LIMIT_BYTES:
            raise Invalid("Item size has exceeded the maximum allowed size")

    def check_update(self, names: Iterable[str], item: Item) -> None:
        """Raises Unfit if what an update makes of `names` cannot be."""
        for name in names:
            if name in self.keys:
                raise Unfit(f"Cannot update attribute {name}. This attribute is part of the key")
            if name in self._limits and name in item and (problem := self._problem(name, item[name])):
                raise Unfit(problem)
        if item.bytes > ITEM_LIMIT_BYTES:
            raise Unfit("Item size to update has exceeded the maximum allowed size")

    def _problem(self, name: str, value: Value) -> str:
        if value[0] != "S":
            return f"Type mismatch for key {name}"
        if not value[1]:
            return f"The AttributeValue for a key attribute cannot contain an empty string value. Key: {name}"
        return f"{name} is longer than {self._limits[name]} bytes" if size(value) > self._limits[name] else ""

    # Writes

    def place(self, key: Key, new: Item | None) -> None:
        """Make the item at `key` what it is now; None takes it away. What changes nothing is told to nobody."""
        old = self.items.get(key)
        if old == new:
            return
        if new is None:
            del self.items[key]
        else:
            self.items[key] = new
        self.main.move(old, new, key)
        self.late.append((key, old, new))
        self.catch_up(self.behind)
        if self.streams:
            self.changes.append((self.now(), key, old, new))

    def catch_up(self, behind: int = 0) -> None:
        """Tell the secondary indexes what they do not know yet, but for the last so many writes."""
        while len(self.late) > behind:
            key, old, new = self.late.popleft()
            for index in self.indexes.values():
                index.move(old, new, key)

    def units(self, key: Key, was: Item | None) -> tuple[int, dict[str, int]]:
        """Write units of the last change at `key`: the table's, and those of each index that it touched."""
        now = self.items.get(key)
        indexes = {name: units for name, index in self.indexes.items() if (units := index.units(was, now, key))}
        return max(write_units(item.bytes if item else 0) for item in (was, now)), indexes

    def told(self, begin: int, end: int) -> list[dict[str, Any]]:
        """Records of the stream, as a reader gets them."""
        return [self._record(number, *change) for number, change in enumerate(self.changes[begin:end], begin + 1)]

    def _record(self, number: int, at: datetime, key: Key, old: Item | None, new: Item | None) -> dict[str, Any]:
        images = {"OldImage": old, "NewImage": new}
        return {
            "eventID": f"{zlib.crc32(self.arn.encode()):08x}-{number}", "eventVersion": "1.1",
            "eventSource": "aws:dynamodb", "awsRegion": REGION,
            "eventName": "INSERT" if old is None else "REMOVE" if new is None else "MODIFY",
            "dynamodb": {
                "ApproximateCreationDateTime": at.replace(microsecond=0),
                "Keys": {name: {"S": part} for name, part in zip(self.keys, key, strict=True)},
                "SequenceNumber": f"{number:021d}", "SizeBytes": sum(image.bytes for image in (old, new) if image),
                "StreamViewType": "NEW_AND_OLD_IMAGES",
                **{name: write_all(image) for name, image in images.items() if image is not None},
            },
        }  # fmt: skip

    # Reads

    def index(self, name: str | None) -> Index:
        if name is None:
            return self.main
        if name not in self.indexes:
            raise Invalid(f"The table does not have the specified index: {name}")
        return self.indexes[name]

    def query(
        self, index: Index, wanted: KeyRange, limit: int | None, after: Mapping[str, Any] | None, *, backwards: bool
    ) -> Page:
        """One page of a partition."""
        if wanted.partition[0] != index.keys[0] or wanted.sort not in (None, index.keys[1]):
            raise Invalid("Query condition missed key schema element")
        rows = index.rows.get(wanted.partition[1], [])
        begin = bisect_left(rows, (wanted.low,))
        end = len(rows) if wanted.high is None else bisect_right(rows, (wanted.high, 1 << 33))
        if after is not None:
            at = self._after(index, wanted, after)
            begin, end = (begin, bisect_left(rows, at)) if backwards else (max(begin, bisect_right(rows, at)), end)
        order = range(end - 1, begin - 1, -1) if backwards else range(begin, end)
        return self._page(index, (rows[at] for at in order if wanted.holds(rows[at][0])), limit)

    def scan(self, limit: int | None, after: Mapping[str, Any] | None) -> Page:
        """One page of everything, in no order that anybody should count on."""
        partitions = sorted(self.main.rows, key=lambda name: _order((name, "")))
        rows: Iterator[tuple[str, int, str, str]] = (row for name in partitions for row in self.main.rows[name])
        if after is not None:
            first = _order((self.key(after)[0], "")), *self.key(after)
            rows = (row for row in rows if (_order((row[2], "")), *row[2:]) > first)
        return self._page(self.main, rows, limit)

    def _page(self, index: Index, rows: Iterable[tuple[str, int, str, str]], limit: int | None) -> Page:
        items: list[Item] = []
        read_bytes = 0
        for _, _, partition, sort in rows:
            item = (index.items if index.name else self.items)[partition, sort]
            items.append(index.seen(item))
            read_bytes += items[-1].bytes
            if len(items) == limit or read_bytes >= PAGE_LIMIT_BYTES:
                names = dict.fromkeys((*self.keys, *index.keys))
                return Page(items, {name: write(item[name]) for name in names})
        return Page(items, None)

    def _after(self, index: Index, wanted: KeyRange, start: Mapping[str, Any]) -> tuple[str, int, str, str]:
        """The row that a page is to begin after; there need not be one."""
        if set(start) != {*self.keys, *index.keys}:
            raise Invalid("Exclusive Start Key must have same size as table's key schema")
        item = {name: read(value) for name, value in start.items()}
        for name in item:
            if problem := self._problem(name, item[name]):
                raise Invalid(problem)
        found = index.row(item, self.key_of(item))
        if not found or found[0] != wanted.partition[1] or not wanted.holds(found[1][0]):
            raise Invalid("The provided starting key does not match the range key predicate")
        return found[1]


def write_units(size_bytes: int) -> int:
    """Units of a write of so many bytes; what is not there takes one."""
    return max(1, -(-size_bytes // WRITE_UNIT_BYTES))


def read_units(size_bytes: int, *, strong: bool) -> float:
    """Units of a read of so many bytes. DynamoDB tells halves."""
    return -(-size_bytes // READ_UNIT_BYTES) * (1.0 if strong else 0.5)


def _key_names(declared: Mapping[str, Any]) -> Key:
    names = {each["KeyType"]: str(each["AttributeName"]) for each in declared["KeySchema"]}
    if set(names) != {"HASH", "RANGE"}:
        raise NotModelled(f"a key of {sorted(names)}")
    return names["HASH"], names["RANGE"]


def _order(key: Sequence[str]) -> int:
    """How those are ordered about whose order DynamoDB says nothing: so that no test counts on theirs."""
    return zlib.crc32("\0".join(key).encode())


def _copied(index: Index) -> Index:
    return replace(index, rows={name: list(rows) for name, rows in index.rows.items()}, items=dict(index.items))
