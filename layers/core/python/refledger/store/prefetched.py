"""A table of which some items were read ahead, in one call for all that a batch will ask for."""

from __future__ import annotations

from collections.abc import Iterable

from refledger.store.keys import Key
from refledger.store.table import Table
from refledger.store.transaction import Item

_NOT_READ = object()


class PrefetchedTable(Table):
    """Hands out each item that was read ahead once, to whoever asks first; from then on the table is asked.

    So an operation that is repeated, or looks again at what it has changed, sees what there is then. May be shared by
    threads.
    """

    def __init__(self, table: Table, keys: Iterable[Key]) -> None:
        """Reads them strongly. Raises RetryableConflict where the table does not answer for all."""
        super().__init__(table.client, table.name)
        wanted = list({(key["pk"], key["sk"]): key for key in keys}.values())
        items = zip(wanted, table.get_many(wanted), strict=True)
        self._items: dict[tuple[str, str], Item | None] = {(key["pk"], key["sk"]): item for key, item in items}

    def get(self, key: Key, *, strong: bool = True) -> Item | None:
        found = self._items.pop((key["pk"], key["sk"]), _NOT_READ)
        return super().get(key, strong=strong) if found is _NOT_READ else found  # type: ignore[return-value]
