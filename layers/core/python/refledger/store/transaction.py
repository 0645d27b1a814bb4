"""Writes as values: a rule composes them, one call commits them, and what was refused is told by name."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from refledger.store.keys import Key

Item = dict[str, Any]
NOT_THERE = "attribute_not_exists(pk)"
NAME = re.compile(r"#\w+")


class RetryableConflict(Exception):
    """Nothing was written, and nobody is at fault: another transaction was at the same items.

    Whoever reads again and repeats succeeds: `operations/context.py`, `retry_on_conflict`.
    """


class ConditionFailed(RetryableConflict):
    """What was read has changed since (optimistic locking).

    `items`: by the name of each write whose condition failed, the item that was there, {} where none was.
    """

    def __init__(self, items: dict[str, Item]) -> None:
        super().__init__(", ".join(sorted(items)))
        self.items = items


@dataclass(frozen=True)
class Write:
    """One action. `name` says in words what its condition demands: "the withdrawal is new"."""

    name: str
    kind: str  # Put, Update, Delete, ConditionCheck
    target: Item
    change: str = ""
    condition: str = ""
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> dict[str, str]:
        """Expressions write attributes as #name: no attribute is ever a reserved word by accident."""
        return {name: name[1:] for name in NAME.findall(f"{self.change} {self.condition}")}


def put(name: str, item: Item, condition: str = NOT_THERE, **values: Any) -> Write:
    return Write(name, "Put", item, "", condition, values)


def update(name: str, key: Key, change: str, condition: str = "", **values: Any) -> Write:
    return Write(name, "Update", dict(key), change, condition, values)


def delete(name: str, key: Key, condition: str, **values: Any) -> Write:
    return Write(name, "Delete", dict(key), "", condition, values)


def check(name: str, key: Key, condition: str, **values: Any) -> Write:
    return Write(name, "ConditionCheck", dict(key), "", condition, values)
