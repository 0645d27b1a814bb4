"""A request with an Idempotency-Key happens once: a guard in the transaction that does it."""

from __future__ import annotations

from dataclasses import dataclass

from refledger.domain.errors import KeyReused
from refledger.operations.context import Context
from refledger.store import keys
from refledger.store.transaction import Item, Moved, Write, put

KEY_IS_NEW = "the idempotency key is new"


@dataclass(frozen=True)
class Once:
    """`key`: hash of caller, route and Idempotency-Key. `body`: hash of what was asked."""

    key: str
    body: str

    @classmethod
    def of(cls, context: Context, caller: str, route: str, key: str | None, body: str) -> Once:
        """Without a key the call is a request of its own, which still must survive an answer that was lost."""
        return cls(context.ids.hash("request", caller, route, key) if key else context.ids.new(), body)

    def guard(self, **made: str) -> Write:
        """Goes into the transaction; `made` says what it makes."""
        return put(KEY_IS_NEW, {**keys.request(self.key), "body": self.body, **made})

    def earlier(self, moved: Moved) -> Item | None:
        """What this request made before, None if it is new. Raises KeyReused where another request had the key."""
        found = moved.found.get(KEY_IS_NEW)
        if found and found["body"] != self.body:
            raise KeyReused("this Idempotency-Key came with another request before")
        return found
