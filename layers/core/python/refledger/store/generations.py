"""Generations of roll-ups, a partner's, a program's or the books': one counts, another may be being built beside it.

A generation is named by a moment, in epoch milliseconds; the first is 0. An item counts in it if it was created at or
after that moment, or from when it was stamped with it, or with a later one. So the stream alone says what a generation
comes to: the record that stamps an item adds all of it, later records add what changed, earlier ones add nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from refledger.store import keys
from refledger.store.table import Table
from refledger.store.transaction import Item, Write, update

IS_NOT_STAMPED = "the item is not stamped yet"
NONE_IS_BUILT = "no generation is being built"
IS_BUILT = "this generation is being built"


@dataclass(frozen=True)
class Generations:
    """Of one subject. `next`: under construction; `stamped`: how many items were stamped for it, once all are;
    `old`: what counted before `current`, and may not be forgotten yet.
    """

    current: int = 0
    next: int | None = None
    stamped: int | None = None
    old: int | None = None

    @property
    def counted(self) -> tuple[int, ...]:
        """Those that the stream's records are added to."""
        return (self.current,) if self.next is None else (self.current, self.next)


def counts_in(item: Item, generation: int) -> bool:
    return bool(item) and max(_made(item), item.get("stamp", 0)) >= generation


def is_older(item: Item, generation: int) -> bool:
    """Return whether the item counts in a generation by its stamp alone."""
    return _made(item) < generation


def _made(item: Item) -> int:
    """When the item was created; a journal entry, when it was written."""
    made: int = item["created"] if "created" in item else item.get("at", 0)
    return made


def find(table: Table, subject: str) -> Generations:
    return of(table, [subject])[subject]


def of(table: Table, subjects: Iterable[str]) -> dict[str, Generations]:
    """Read the generations of these subjects, strongly.

    Whoever counts a record must know of every generation that was begun before the record.
    """
    wanted = list(subjects)
    items = table.get_many([keys.statistics_generations(subject) for subject in wanted])
    return dict(zip(wanted, map(from_item, items), strict=True))


def from_item(item: Item | None) -> Generations:
    if item is None:
        return Generations()
    return Generations(item.get("current", 0), item.get("next"), item.get("stamped"), item.get("old"))


def begin(subject: str, generation: int) -> Write:
    """Count the stream for this generation too, from now on."""
    key = keys.statistics_generations(subject)
    return update(NONE_IS_BUILT, key, "SET #next = :next", "attribute_not_exists(#next)", next=generation)


def give_up(subject: str, generation: int) -> Write:
    """Give up what was built so far: it is never looked at."""
    key = keys.statistics_generations(subject)
    return update(IS_BUILT, key, "REMOVE #next, #stamped", "#next = :next", next=generation)


def all_stamped(subject: str, generation: int, stamped: int) -> Write:
    """Once: with it may go what the generation has from elsewhere than the stream."""
    condition = "#next = :next AND attribute_not_exists(#stamped)"
    key = keys.statistics_generations(subject)
    return update(IS_BUILT, key, "SET #stamped = :stamped", condition, next=generation, stamped=stamped)


def switch(subject: str, old: int, generation: int) -> Write:
    """The generation that was built is the one that counts."""
    key = keys.statistics_generations(subject)
    change = "SET #current = :next, #old = :old REMOVE #next, #stamped"
    return update(IS_BUILT, key, change, "#next = :next", next=generation, old=old)


def stamp(item: Item, generation: int) -> Write:
    """The item is told in the stream once more, and counts in the generation from then on."""
    key = {"pk": item["pk"], "sk": item["sk"]}
    condition = "attribute_exists(pk) AND (attribute_not_exists(#stamp) OR #stamp < :stamp)"
    return update(IS_NOT_STAMPED, key, "SET #stamp = :stamp", condition, stamp=generation)
