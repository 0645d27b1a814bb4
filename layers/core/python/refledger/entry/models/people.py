"""People who act for the owner, over HTTP."""

from __future__ import annotations

from typing import Self

from refledger.domain.people import Person, PersonKind
from refledger.domain.times import iso
from refledger.entry.models.common import View


class PersonView(View):
    """Who acts for you, under the id that stands wherever somebody did something. `name`: what their token called them
    when they last acted, of a SERVICE its client id; null once they are forgotten. `namedAt`: since when.
    """

    id: str
    name: str | None
    kind: PersonKind
    named_at: str
    forgotten_at: str | None

    @classmethod
    def of(cls, person: Person) -> Self:
        return cls(
            id=person.id,
            name=person.name or None,
            kind=person.kind,
            named_at=iso(person.named_at_ms),
            forgotten_at=iso(person.forgotten_at_ms) if person.forgotten_at_ms else None,
        )
