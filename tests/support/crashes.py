"""A process that ends at one of its writes to the table: just before the call is made, or right after it was done."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from refledger.operations.context import Context
from tests.support.books import Books
from tests.support.faults import READS, WRITES, Death, FaultInjectingClient, die

T = TypeVar("T")
# Who dies at a read leaves in the table what who died at the last write left. `make simulate` dies at reads too.
AT_READS = os.environ.get("DEATHS") == "all"


class CrashingClient(FaultInjectingClient):
    """A DynamoDB client whose write number `number` (from 0) is the last one."""

    counted = READS + WRITES if AT_READS else WRITES

    def __init__(self, client: Any, number: int, *, done: bool) -> None:
        super().__init__(client, number, **{"after" if done else "before": die})


def crash_at_each_write(books: Books, prepare: Callable[[], T], act: Callable[[Context, T], object]) -> Iterator[T]:
    """Ends `act`, on something new each time, at each of its writes in turn, before and after it.

    Yields what it was done to, for the survivors to go on. Stops when `act` came through, which it must in the end.
    """
    for number in range(100):
        for done in (False, True):
            client, subject = CrashingClient(books.client, number, done=done), prepare()
            try:
                act(books.behind(client), subject)
            except Death:
                yield subject
            else:
                assert len(client.calls) <= number, "it came through because there are no more of them"
                return
    raise AssertionError("it never comes to an end")
