"""The table's stream as its readers get it."""

from __future__ import annotations

from typing import Any

from refledger.store import stream
from refledger.store.stream import Record


def records(event: dict[str, Any]) -> list[Record]:
    """Read a batch that Lambda hands over; what is sealed in items is left out."""
    return list(map(stream.record, event["Records"]))
