"""Search rows follow the partners, by way of the table's stream."""

from __future__ import annotations

from collections.abc import Iterable

from refledger.operations.context import Context
from refledger.store import keys, partners, search
from refledger.store.stream import Record


def follow(context: Context, records: Iterable[Record]) -> None:
    """The rows of each partner become what the last of these records says. May be repeated, in order."""
    for record in records:
        told = keys.told_of(record.item)
        if told is None or (told[0], told[2]) != ("PARTNER", ""):
            continue
        old, new = (partners.from_item(item) if item else None for item in (record.old, record.new))
        for write in search.follow(old, new):
            context.table.commit(write)
