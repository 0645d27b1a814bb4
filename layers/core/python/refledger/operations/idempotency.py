"""A request with an Idempotency-Key happens once: a guard in the transaction that does it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Protocol

from refledger.domain.errors import KeyReused
from refledger.domain.times import SECOND_MS
from refledger.operations.context import Context
from refledger.store import requests
from refledger.store.requests import RequestMade
from refledger.store.transaction import ConditionFailed, Write

DAY_SECONDS = 86_400
EVENT_SECONDS = 30 * DAY_SECONDS
_replays: ContextVar[list[object] | None] = ContextVar("replays", default=None)


class HasBody(Protocol):
    """What a request has made, with the hash of what was asked."""

    @property
    def body(self) -> str: ...


@dataclass(frozen=True)
class Once:
    """`key`: hash of caller, route and Idempotency-Key. `body`: hash of what was asked."""

    key: str
    body: str
    expires_at: int | None = None  # epoch seconds; None: never

    @classmethod
    def of(cls, context: Context, caller: str, route: str, key: str | None, body: str) -> Once:
        """Return the request by its Idempotency-Key.

        Without a key the call is a request of its own, which still must survive an answer that was lost.
        """
        if key:
            return cls(context.ids.hash("request", caller, route, key), body)
        return cls(context.ids.new(), body, context.now_ms() // SECOND_MS + DAY_SECONDS)

    def guard(self, **made: str) -> Write:
        """Goes into the transaction; `made` says what it makes, by the names of `RequestMade`."""
        return requests.create(self.key, RequestMade(self.body, **made), self.expires_at)

    def found(self, context: Context) -> RequestMade | None:
        """Return what this request made, before anything is tried that would be refused the second time.

        Like `earlier` else.
        """
        return self._same(requests.find(context.table, self.key))

    def known(self, context: Context) -> RequestMade | None:
        """Return what this request made before, before anything else is looked at.

        Raises KeyReused like `earlier`.
        """
        return None if self.expires_at else self.found(context)

    def earlier(self, failed: ConditionFailed) -> RequestMade | None:
        """Return what this request made before, None if it is new.

        Raises KeyReused where another request had the key.
        """
        return self._same(requests.known(failed))

    def _same(self, made: RequestMade | None) -> RequestMade | None:
        check_same(made, self.body)
        return made


def first_seen_ms(context: Context, kind: str, id: str) -> int:
    """Return when an event that says no time of its own was first told: now, or within the last 30 days."""
    at_ms = context.now_ms()
    once = replace(Once.of(context, "events", kind, id, ""), expires_at=at_ms // SECOND_MS + EVENT_SECONDS)
    made = once.found(context)
    if made is None:
        try:
            context.table.commit(once.guard(at=str(at_ms)))
        except ConditionFailed as failed:
            made = once.earlier(failed)
    return int(made.at) if made else at_ms


@contextmanager
def noting_replays() -> Iterator[list[object]]:
    """Yield a list that has something in it once what is done inside turns out to have been done before."""
    noted: list[object] = []
    token = _replays.set(noted)
    try:
        yield noted
    finally:
        _replays.reset(token)


def check_same(earlier: HasBody | None, body: str) -> None:
    """Note that a request is a repeat, where its key has made something before.

    Raises KeyReused where that was asked for with another body.
    """
    if earlier:
        note_repeat(is_same=earlier.body == body, of=earlier)


def note_repeat(*, is_same: bool, of: object) -> None:
    """Note that a request repeats what made `of`. Raises KeyReused unless it is the same request."""
    if not is_same:
        raise KeyReused("this Idempotency-Key came with another request before")
    if (noted := _replays.get()) is not None:
        noted.append(of)
