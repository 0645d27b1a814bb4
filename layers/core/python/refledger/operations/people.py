"""People who act, by name: kept when they act under a new one, and read for whatever says who did something."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from refledger.domain.errors import PersonNotFound
from refledger.domain.people import Person, PersonKind
from refledger.operations import labels
from refledger.operations.context import Context
from refledger.store import people
from refledger.store.table import Table


def remember(context: Context, id: str, name: str, kind: PersonKind) -> None:
    """Keep somebody's name.

    Reads once in the life of a worker for each name, and writes where it is another one.
    """
    if context.named.get(id) == name:
        return
    known = people.many(context.table, [id]).get(id)
    if known is None or (known.name, known.kind) != (name, kind):
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


def names(table: Table, ids: Iterable[str]) -> Mapping[str, str]:
    """Return the names of those who have one, by id.

    Partners, the forgotten, and who acted before names were kept have none here.
    """
    return labels.of_people(table, ids).people
