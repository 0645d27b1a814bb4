"""The table's stream: one change of an item, as Lambda hands it over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from refledger.store.table import unpack
from refledger.store.transaction import Item


@dataclass(frozen=True)
class Record:
    """`old`, `new`: the item before and after, {} where there was none. `expired`: DynamoDB deleted it by its ttl."""

    number: str
    at_ms: int
    old: Item
    new: Item
    expired: bool = False

    @property
    def item(self) -> Item:
        """As it is now, or as it was last."""
        return self.new or self.old


def record(told: dict[str, Any]) -> Record:
    """What Lambda tells of a record. Bytes are left out: what is sealed is nobody's business here.

    The number is made text that sorts like the number, so that of two records of an item the later one sorts behind.
    """
    change = told["dynamodb"]
    sequence = change["SequenceNumber"]
    return Record(
        number=f"{len(sequence):02d}{sequence}",
        at_ms=int(change["ApproximateCreationDateTime"] * 1000),
        old=unpack(_without_bytes(change.get("OldImage", {}))),
        new=unpack(_without_bytes(change.get("NewImage", {}))),
        expired=told.get("userIdentity", {}).get("principalId") == "dynamodb.amazonaws.com",
    )


def _without_bytes(image: dict[str, Any]) -> dict[str, Any]:
    """Lambda tells bytes as base64, which boto3 does not take for bytes; no item has any but at its top."""
    return {name: value for name, value in image.items() if "B" not in value}
