"""On which day an item came to the figures that it has: of each day on which one changed, what it was before.

An item that changes on a later day than that of its creation keeps `was_20261130_status`: what `status` was before that
day. The first change of a day writes it, under the condition of the change itself, and the others of that day leave it:
figures are those of days. None stands for an attribute that was not there. So what was counted of the item on each day
can be said at any time from the item alone, whatever became of the stream that told of it.

A day is the one on which refledger booked it, by the clock of who wrote it, in UTC.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from refledger.domain.times import day
from refledger.store.transaction import Item

_WAS = re.compile(r"was_([0-9]{8})_(\w+)")


def kept(was: Mapping[str, Any], become: Mapping[str, Any], created_ms: int, now_ms: int) -> tuple[str, Item]:
    """Return what goes after the assignments of an update, and its values.

    `was`, `become`: what figures are made of.

    Nothing on the day on which the item was created: that day has what it became.
    """
    if day(now_ms) <= day(created_ms):
        return "", {}
    changed = [name for name in sorted({*was, *become}) if was.get(name) != become.get(name)]
    change = "".join(f", {_unless_kept(now_ms, name, f':was_{name}')}" for name in changed)
    return change, {f"was_{name}": was.get(name) for name in changed}


def kept_as_it_is(name: str, created_ms: int, now_ms: int) -> str:
    """Return the same of one attribute that is there, for an update whose author has not read the item."""
    return "" if day(now_ms) <= day(created_ms) else f", {_unless_kept(now_ms, name, f'#{name}')}"


def _unless_kept(now_ms: int, name: str, value: str) -> str:
    attribute = f"#was_{day(now_ms)}_{name}"
    return f"{attribute} = if_not_exists({attribute}, {value})"


def states(item: Item, created_ms: int) -> Iterator[tuple[str, Item]]:
    """Yield (day, what it was at the end of it) of each day on which it changed.

    The first one is that of its creation.
    """
    trail: dict[str, Item] = defaultdict(dict)
    for name, value in item.items():
        if kept := _WAS.fullmatch(name):
            trail[kept[1]][kept[2]] = value
    first, state = day(created_ms), dict(item)
    found: list[tuple[str, Item]] = []
    for when in sorted((when for when in trail if when > first), reverse=True):
        found.append((when, state))
        state = {**state, **trail[when]}
        state = {name: value for name, value in state.items() if value is not None}
    yield first, state
    yield from reversed(found)
