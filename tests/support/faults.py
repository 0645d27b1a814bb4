"""A DynamoDB client to which something happens at one of its calls: it dies, or another is faster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import botocore.exceptions

READS = ("get_item", "batch_get_item", "query")
WRITES = ("transact_write_items", "put_item", "update_item", "delete_item")


class Death(BaseException):
    """The process ends here: nothing in it catches this, and nothing of it goes on."""


class FaultInjectingClient:
    """Passes everything on, and calls `before` and `after` around the call number `at` (from 0; None: all are counted
    and none is touched) of those that are `counted`.
    """

    counted: ClassVar[Sequence[str]] = READS + WRITES

    def __init__(
        self, client: Any, at: int | None, before: Callable[[], None] = lambda: None,
        after: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self._client, self._at, self._before, self._after = client, at, before, after
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        if name not in self.counted:
            return method

        def call(**arguments: Any) -> Any:
            here = len(self.calls) == self._at
            self.calls.append(name)
            if here:
                self._before()
            answer = method(**arguments)
            if here:
                self._after()
            return answer

        return call

    @property
    def first_write(self) -> int:
        """The number of the first call that writes; past the last one where none does."""
        return next((n for n, name in enumerate(self.calls) if name in WRITES), len(self.calls))

    @property
    def last_write(self) -> int:
        """The number of the last call that writes; 0 where none does."""
        return max((n for n, name in enumerate(self.calls) if name in WRITES), default=0)


def die() -> None:
    raise Death


def conflict() -> None:
    """As DynamoDB says it when another transaction is at the same item, or when it has lost its own answer."""
    details = {"Error": {"Code": "TransactionConflictException", "Message": "injected"}}
    raise botocore.exceptions.ClientError(details, "TransactWriteItems")
