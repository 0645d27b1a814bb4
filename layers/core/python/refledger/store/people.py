"""People as items: one for each who acted with a name, written when the name is new."""

from __future__ import annotations

from collections.abc import Iterable

from refledger.domain.people import Person, PersonKind
from refledger.store import keys
from refledger.store.table import BATCH_LIMIT, Table
from refledger.store.transaction import Item, Write, put


def write(person: Person) -> Write:
    """Whatever was there: the last name counts, and a repeat changes nothing."""
    forgotten = {"forgotten": person.forgotten_at_ms} if person.forgotten_at_ms else {}
    item = {"name": person.name, "kind": person.kind.value, "named": person.named_at_ms, **forgotten}
    return put("", {**keys.person(person.id), **item}, "")


def many(table: Table, ids: Iterable[str]) -> dict[str, Person]:
    """Those that are known, by id; each is read once, a hundred at a time. What is new may be a moment late."""
    wanted = [keys.person(id) for id in dict.fromkeys(ids)]
    found: dict[str, Person] = {}
    for start in range(0, len(wanted), BATCH_LIMIT):
        for item in table.get_many(wanted[start : start + BATCH_LIMIT], strong=False):
            if item:
                person = from_item(item)
                found[person.id] = person
    return found


def from_item(item: Item) -> Person:
    return Person(
        keys.owner_of(item), item["name"], PersonKind(item["kind"]), item["named"], item.get("forgotten", 0)
    )  # fmt: skip
