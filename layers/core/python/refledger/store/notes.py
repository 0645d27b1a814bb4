"""What staff wrote about partners: items of their own in the partner's partition, never changed."""

from __future__ import annotations

from collections.abc import Iterator

from refledger.domain.partners import PartnerNote
from refledger.store import keys
from refledger.store.table import Table
from refledger.store.transaction import Item, Write, put


def create(partner_id: str, note: PartnerNote) -> Write:
    return put("the note is new", {
        **keys.note(partner_id, note.at_ms, note.id), "id": note.id, "text": note.text, "author": note.author,
        "at": note.at_ms,
    })  # fmt: skip


def find(table: Table, partner_id: str, at_ms: int, id: str) -> PartnerNote:
    """One that is known to be there."""
    item = table.get(keys.note(partner_id, at_ms, id))
    if item is None:
        raise LookupError("a note is never deleted")
    return _from_item(item)


def newest(table: Table, partner_id: str, before: str, page_size: int) -> Iterator[tuple[str, PartnerNote]]:
    """Yield (position, note) of a partner's, newest first, from below the position `before`."""
    partition, low, high = keys.notes(partner_id)
    for item in table.query(partition, low, before or high, page_size=page_size, newest_first=True, strong=False):
        if item["sk"] != before:
            yield item["sk"], _from_item(item)


def _from_item(item: Item) -> PartnerNote:
    return PartnerNote(item["id"], item["text"], item["author"], item["at"])
