"""An operation is run again where others were at the same items, with what it was called with, and not for ever."""

from __future__ import annotations

import inspect
from dataclasses import replace

import pytest

from refledger.domain.errors import Busy
from refledger.operations.context import ATTEMPTS, FIRST_PAUSE_MS, Context, retry_on_conflict
from refledger.operations.payouts import transitions
from refledger.store.transaction import RetryableConflict
from tests.support.books import Books


def test_it_is_called_again_with_the_same_until_it_succeeds(books: Books) -> None:
    """Positional and named arguments alike; between two tries there is a pause, longer each time."""
    calls: list[tuple[str, int]] = []
    pauses: list[int] = []

    @retry_on_conflict
    def operation(context: Context, id: str, *, amount: int) -> str:
        calls.append((id, amount))
        if len(calls) < ATTEMPTS:
            raise RetryableConflict("others")
        return "done"

    assert operation(replace(books.context, pause=pauses.append), "one", amount=5) == "done"
    assert calls == [("one", 5)] * ATTEMPTS
    assert all(pause < FIRST_PAUSE_MS << tries for tries, pause in enumerate(pauses))


def test_who_is_always_in_the_way_is_told_so(books: Books) -> None:
    """Busy after as many tries as there are; what else is raised goes through at once."""
    errors: list[type[Exception]] = [RetryableConflict] * ATTEMPTS + [KeyError]

    @retry_on_conflict
    def operation(context: Context) -> None:
        raise errors.pop(0)

    with pytest.raises(Busy):
        operation(replace(books.context, pause=lambda _: None))
    with pytest.raises(KeyError):
        operation(books.context)
    assert errors == []


def test_an_operation_shows_its_own_parameters() -> None:
    """Type checkers and readers see what it takes, not a closure."""
    assert list(inspect.signature(transitions.step).parameters)[:3] == ["context", "withdrawal_id", "status"]
    assert transitions.step.__doc__
