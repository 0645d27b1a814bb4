"""People who act, by name: kept when they act under a new one, and read for whatever says who did something."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from refledger.domain.errors import PersonNotFound
from refledger.domain.people import Person, PersonKind
from refledger.operations import labels
from refledger.operations.context import Context, commit
from refledger.store import erasure, people
from refledger.store.table import Table
from refledger.store.transaction import Write


def remember(context: Context, id: str, name: str, kind: PersonKind) -> None:
    """Keep somebody's name.

    Reads once in the life of a worker for each name, and writes where it is another one.
    """
    if context.named.get(id) == name:
        return
    known = people.many(context.table, [id]).get(id)
    if known is None or (known.name, known.kind, known.is_listed) != (name, kind, True):
        context.table.commit(people.write(Person(id, name, kind, context.now_ms())))
    context.called(id, name)


def find(context: Context, id: str) -> Person:
    """Find somebody by their id.

    Raises PersonNotFound where nobody with this id has acted under a name.
    """
    found = people.many(context.table, [id]).get(id)
    if found is None:
        raise PersonNotFound("nobody with this id has acted under a name")
    return found


def listed(context: Context, before: str, limit: int) -> Iterator[tuple[str, str]]:
    """List (position, id) of all who acted under a name, the latest first."""
    return people.newest(context.table, before, limit)


def many(context: Context, ids: Sequence[str]) -> list[Person]:
    """Read those of these ids that there are, in their order."""
    known = people.many(context.table, ids)
    return [known[id] for id in ids if id in known]


def forget(context: Context, id: str) -> Person:
    """Take the name of somebody who acted away.

    What they did stays, under the id alone; a repeat changes nothing. Raises PersonNotFound.
    """
    found = find(context, id)
    if found.name:
        found, writes = nameless(found, context.now_ms())
        commit(context, *writes)
        context.called(id, "")
    return found


def nameless(found: Person, now_ms: int) -> tuple[Person, list[Write]]:
    """Return somebody without their name, with what writes it, and the audit's word of it."""
    forgotten = replace(found, name="", named_at_ms=now_ms, forgotten_at_ms=now_ms)
    return forgotten, [people.write(forgotten), erasure.told(found.id, "PERSON", now_ms)]


def names(table: Table, ids: Iterable[str]) -> Mapping[str, str]:
    """Return the names of those who have one, by id.

    Partners, the forgotten, and who acted before names were kept have none here.
    """
    return labels.of_people(table, ids).people
