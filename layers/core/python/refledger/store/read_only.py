"""A table that is only looked at: an operation that would write something says so instead."""

from __future__ import annotations

from typing import NoReturn

from refledger.store.table import Table


class WouldWrite(Exception):
    """The operation came to something that it would write: what it was told is news."""


class ReadOnlyTable(Table):
    """Reads like the table that it is made of. Every write raises WouldWrite."""

    def __init__(self, table: Table) -> None:
        super().__init__(table.client, table.name)

    def commit(self, *_: object) -> NoReturn:
        raise WouldWrite

    def update(self, *_: object) -> NoReturn:
        raise WouldWrite

    def count(self, *_: object) -> NoReturn:
        raise WouldWrite
