"""A process that ends at one of its writes to the table: just before the call is made, or right after it was done."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from refledger.operations.context import Context
from tests.support.books import Books

T = TypeVar("T")
READS = ("get_item", "batch_get_item", "query")
WRITES = ("put_item", "update_item", "transact_write_items")
# Who dies at a read leaves what who died at the last write left. `make simulate` dies at reads too.
MORTAL = (*READS, *WRITES) if os.environ.get("DEATHS") == "all" else WRITES


class Died(BaseException):
    """No error of the program's: nothing may catch it."""


class Mortal:
    """A DynamoDB client whose write number `number` (from 0) is the last one."""

    def __init__(self, client: Any, number: int, *, done: bool) -> None:
        self._client, self._number, self._done = client, number, done
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        if name not in MORTAL:
            return method

        def call(**arguments: Any) -> Any:
            number, self.calls = self.calls, self.calls + 1
            if number != self._number:
                return method(**arguments)
            if self._done:
                method(**arguments)
            raise Died

        return call


def deaths(books: Books, prepare: Callable[[], T], act: Callable[[Context, T], object]) -> Iterator[T]:
    """Ends `act`, on something new each time, at each of its writes in turn, before and after it.

    Yields what it was done to, for the survivors to go on. Stops when `act` came through, which it must in the end.
    """
    for number in range(100):
        for done in (False, True):
            client, subject = Mortal(books.client, number, done=done), prepare()
            try:
                act(books.behind(client), subject)
            except Died:
                yield subject
            else:
                assert client.calls <= number, "it came through because there are no more of them"
                return
    raise AssertionError("it never comes to an end")
