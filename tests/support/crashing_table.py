"""A table that dies, for what must be finished by whoever comes next."""

from __future__ import annotations

from refledger.store.table import Table
from refledger.store.transaction import Write


class CrashingTable(Table):
    """A table that answers no more after some commits, or does the last one without saying so."""

    def __init__(self, table: Table, commits: int, lost: bool) -> None:
        super().__init__(table.client, table.name)
        self._left, self._lost = commits, lost

    def commit(self, *writes: Write) -> None:
        self._left -= 1
        if self._left < 0 and not self._lost:
            raise TimeoutError
        super().commit(*writes)
        if self._left < 0:
            raise TimeoutError
