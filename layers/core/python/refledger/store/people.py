"""People as items: one for each who acted with a name, written when the name is new."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from refledger.domain.people import Person, PersonKind
from refledger.store import keys
from refledger.store.table import Table
from refledger.store.transaction import Item, Write, put


def write(person: Person) -> Write:
    """Whatever was there: the last name counts, and a repeat changes nothing."""
    forgotten = {"forgotten": person.forgotten_at_ms} if person.forgotten_at_ms else {}
    item = {"name": person.name, "kind": person.kind.value, "named": person.named_at_ms, **forgotten}
    item |= keys.listed(keys.people(), person.named_at_ms, person.id)
    return put("", {**keys.person(person.id), **item}, "")


def many(table: Table, ids: Iterable[str]) -> dict[str, Person]:
    """Return those that are known, by id; each is read once.

    What is new may be a moment late.
    """
    items = table.get_many([keys.person(id) for id in dict.fromkeys(ids)], strong=False)
    return {person.id: person for person in map(from_item, filter(None, items))}


def newest(table: Table, before: str, page_size: int) -> Iterator[tuple[str, str]]:
    """Yield (position, id) of all who are listed, the latest name first.

    `before`: the position of the last that was given, "" for none.
    """
    high = before or keys.HIGHEST
    for item in table.query(keys.people(), high=high, index=keys.LISTED, page_size=page_size, newest_first=True):
        if item["listed_at"] != before:
            yield item["listed_at"], keys.owner_of(item)


def from_item(item: Item) -> Person:
    return Person(
        keys.owner_of(item), item["name"], PersonKind(item["kind"]), item["named"], item.get("forgotten", 0),
        "listed_in" in item,
    )  # fmt: skip
