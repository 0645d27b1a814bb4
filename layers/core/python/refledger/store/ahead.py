"""A table of which some items were read ahead, in one call for all that a batch will ask for."""

from __future__ import annotations

from collections.abc import Iterable

from refledger.store.keys import Key
from refledger.store.table import BATCH_LIMIT, Table
from refledger.store.transaction import Item

_NOT_READ = object()


class Ahead(Table):
    """Hands out each item that was read ahead once, to whoever asks first; from then on the table is asked.

    So an operation that is repeated, or looks again at what it has changed, sees what there is then. May be shared by
    threads.
    """

    def __init__(self, table: Table, keys: Iterable[Key]) -> None:
        """Reads them strongly. Raises RetryableConflict where the table does not answer for all."""
        super().__init__(table.client, table.name)
        wanted = list({(key["pk"], key["sk"]): key for key in keys}.values())
        self._items: dict[tuple[str, str], Item | None] = {}
        for start in range(0, len(wanted), BATCH_LIMIT):
            part = wanted[start : start + BATCH_LIMIT]
            for key, item in zip(part, table.get_many(part), strict=True):
                self._items[key["pk"], key["sk"]] = item

    def get(self, key: Key, *, strong: bool = True) -> Item | None:
        found = self._items.pop((key["pk"], key["sk"]), _NOT_READ)
        return super().get(key, strong=strong) if found is _NOT_READ else found  # type: ignore[return-value]
