"""Search rows follow the partners, by way of the table's stream."""

from __future__ import annotations

from collections.abc import Iterable

from refledger.domain.partners import Partner
from refledger.operations.context import Context
from refledger.store import keys, partners, search
from refledger.store.stream import Record
from refledger.store.transaction import Item


def follow(context: Context, records: Iterable[Record]) -> None:
    """Make each partner's rows what the partner says now, in whatever order the changes come."""
    told = [record for record in records if _is_partner(record)]
    places = {record.item["pk"]: {"pk": record.item["pk"], "sk": record.item["sk"]} for record in told}
    now = dict(zip(places, context.table.get_many(list(places.values())), strict=True))
    for record in told:
        old, new, current = map(_partner, (record.old, record.new, now[record.item["pk"]]))
        for write in search.settle(old, new, current):
            context.table.commit(write)


def _is_partner(record: Record) -> bool:
    told = keys.told_of(record.item)
    return told is not None and (told[0], told[2]) == ("PARTNER", "")


def _partner(item: Item | None) -> Partner | None:
    return partners.from_item(item) if item else None
