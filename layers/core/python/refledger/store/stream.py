"""The table's stream: one change of an item, as Lambda hands it over."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from refledger.store import images
from refledger.store.attributes import unpack
from refledger.store.transaction import Item


@dataclass(frozen=True)
class Record:
    """`old`, `new`: the item before and after, {} where there was none; `before`, `after`: what it was, and is;
    `days_before`, `days_after`: what each of the two says of the days on which it changed.

    `expired`: DynamoDB deleted it by its ttl.
    """

    sequence_number: str
    at_ms: int
    old: Item
    new: Item
    expired: bool = False

    @property
    def number(self) -> str:
        """Of two records of an item that of the later one sorts behind the other's."""
        return comparable(self.sequence_number)

    @property
    def item(self) -> Item:
        """As it is now, or as it was last."""
        return self.new or self.old

    @property
    def is_moved(self) -> bool:
        """Whether its status is another than it was, or came or went with it."""
        return bool(self.old.get("status") != self.new.get("status"))

    @cached_property
    def before(self) -> images.Entity | None:
        return images.read(self.old)

    @cached_property
    def after(self) -> images.Entity | None:
        return images.read(self.new)

    @cached_property
    def days_before(self) -> tuple[images.Day, ...]:
        return tuple(images.days_of(self.old, self.before))

    @cached_property
    def days_after(self) -> tuple[images.Day, ...]:
        return tuple(images.days_of(self.new, self.after))


def comparable(sequence_number: str) -> str:
    """Return a sequence number as text that sorts like the number."""
    return f"{len(sequence_number):02d}{sequence_number}"


def record(told: dict[str, Any]) -> Record:
    """Read what Lambda tells of a record. Bytes are left out: what is sealed is nobody's business here."""
    change = told["dynamodb"]
    return Record(
        sequence_number=change["SequenceNumber"],
        at_ms=int(change["ApproximateCreationDateTime"] * 1000),
        old=unpack(_without_bytes(change.get("OldImage", {}))),
        new=unpack(_without_bytes(change.get("NewImage", {}))),
        expired=told.get("userIdentity", {}).get("principalId") == "dynamodb.amazonaws.com",
    )


def _without_bytes(image: dict[str, Any]) -> dict[str, Any]:
    """Lambda tells bytes as base64, which boto3 does not take for bytes; no item has any but at its top."""
    return {name: value for name, value in image.items() if "B" not in value}
