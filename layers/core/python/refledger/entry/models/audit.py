"""Audit entries over HTTP."""

from __future__ import annotations

import re
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BeforeValidator, Field, JsonValue, model_validator

from refledger.domain.audit import AuditAction, AuditEntry, Change
from refledger.domain.times import from_datetime, iso
from refledger.entry.models.common import PageQuery, View

_RFC_3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


def _with_zone(text: Any) -> Any:
    """Pydantic alone would take numbers, too."""
    if not isinstance(text, str) or not _RFC_3339.fullmatch(text):
        raise ValueError("a time with a zone, such as 2026-11-21T09:30:00Z")
    return text


Moment = Annotated[AwareDatetime, BeforeValidator(_with_zone)]


class AuditQuery(PageQuery):
    """Either `entity` or `actor` is named. `entity`: the id of what was changed. `actor`: the id of who changed it.
    `from`: the first moment. `to`: the moment at which it ends, which is not in it.
    """

    entity: Id | None = None
    actor: Id | None = None
    from_: Annotated[Moment | None, Field(alias="from")] = None
    to: Moment | None = None

    @model_validator(mode="after")
    def _one_question(self) -> Self:
        if (self.entity is None) == (self.actor is None):
            raise ValueError("either entity or actor")
        return self

    @property
    def from_ms(self) -> int | None:
        return from_datetime(self.from_) if self.from_ else None

    @property
    def to_ms(self) -> int | None:
        return from_datetime(self.to) if self.to else None


class ChangeView(View):
    """Amounts are in minor units. `before`: the value until then; null where there was nothing. `after`: the value
    since; null where there is nothing now. `masked`: whether it is personal and the caller's role is not shown it; both
    values are null then.
    """

    field: str
    before: JsonValue
    after: JsonValue
    masked: bool

    @classmethod
    def of(cls, change: Change, *, masks: bool) -> Self:
        masked = masks and change.is_personal
        before, after = (None, None) if masked else (_shown(change, change.before), _shown(change, change.after))
        return cls(field=_camel(change.field), before=before, after=after, masked=masked)


class ActorView(View):
    """`id`: of who did it; null for the system, which moves things along by itself. `from`: the address that was called
    from; null for the system, too, and where the caller's role is not shown it. `name`: what the actor's token called
    them when they last acted, for people; null where it said none, for partners, and once they are forgotten.
    """

    people = ("id",)

    id: str | None
    name: str | None = None
    kind: str
    from_: Annotated[str | None, Field(alias="from")]


class AuditView(View):
    """What was done, once. `part`: which code, payout method or note of the entity, null for itself. `operation`: the
    route that was called. `request`: the call, as `x-request-id` said.
    """

    at: str
    entity: str
    type: Annotated[str, Field(examples=["PARTNER"])]
    part: str | None
    action: AuditAction
    actor: ActorView
    operation: str | None
    request: str | None
    changes: list[ChangeView]

    @classmethod
    def of(cls, entry: AuditEntry, *, masks: bool) -> Self:
        origin = None if masks else entry.origin or None
        return cls(
            at=iso(entry.at_ms),
            entity=entry.entity,
            type=entry.type,
            part=entry.part or None,
            action=entry.action,
            actor=ActorView(id=entry.actor or None, kind=entry.kind, from_=origin),
            operation=entry.operation or None,
            request=entry.request or None,
            changes=[ChangeView.of(change, masks=masks) for change in entry.changes],
        )


def _shown(change: Change, value: Any) -> Any:
    if change.is_moment and isinstance(value, int):
        return iso(value) if value else None
    return value


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))
