"""A request with an Idempotency-Key happens once: a guard in the transaction that does it."""

from __future__ import annotations

from dataclasses import dataclass

from refledger.domain.errors import KeyReused
from refledger.domain.times import SECOND_MS
from refledger.operations.context import Context
from refledger.store import keys
from refledger.store.transaction import ConditionFailed, Item, Write, put

DAY_SECONDS = 86_400
KEY_IS_NEW = "the idempotency key is new"


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
        """Goes into the transaction; `made` says what it makes."""
        kept = {"ttl": self.expires_at} if self.expires_at else {}
        return put(KEY_IS_NEW, {**keys.request(self.key), "body": self.body, **made, **kept})

    def found(self, context: Context) -> Item | None:
        """Return what this request made, before anything is tried that would be refused the second time.

        Like `earlier` else.
        """
        return self._same(context.table.get(keys.request(self.key)))

    def known(self, context: Context) -> Item | None:
        """Return what this request made before, before anything else is looked at.

        Raises KeyReused like `earlier`.
        """
        found = None if self.expires_at else context.table.get(keys.request(self.key))
        return self.earlier(ConditionFailed({KEY_IS_NEW: found})) if found else None

    def earlier(self, failed: ConditionFailed) -> Item | None:
        """Return what this request made before, None if it is new.

        Raises KeyReused where another request had the key.
        """
        return self._same(failed.items.get(KEY_IS_NEW))

    def _same(self, found: Item | None) -> Item | None:
        if found and found["body"] != self.body:
            raise KeyReused("this Idempotency-Key came with another request before")
        return found
