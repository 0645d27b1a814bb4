"""What the owner calls a partner or a referral: each id once in a program, by a guard under its keyed hash."""

from __future__ import annotations

from typing import Any

from refledger.domain.owner_data import Metadata
from refledger.store import keys
from refledger.store.table import Table
from refledger.store.transaction import Item, Write, delete, put

IS_FREE = "no other one of the program has this external id"


def take(hashed: str, id: str) -> Write:
    return put(IS_FREE, {**keys.external(hashed), "of": id})


def free(hashed: str, id: str) -> Write:
    return delete("the external id is its own", keys.external(hashed), "attribute_not_exists(pk) OR #of = :id", id=id)


def find(table: Table, hashed: str) -> str | None:
    """Return the id of what is called so, a little behind."""
    guard = table.get(keys.external(hashed), strong=False)
    return guard["of"] if guard else None


def item_of(external_id: str, metadata: Metadata) -> Item:
    """Return both as attributes; what is empty takes no room."""
    both: dict[str, Any] = {"external": external_id, "metadata": dict(metadata)}
    return {name: value for name, value in both.items() if value}
