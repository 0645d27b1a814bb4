"""API keys over HTTP."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field

from refledger.domain.api_keys import MAX_DAYS, MAX_OVERLAP_HOURS, OVERLAP_HOURS, ApiKey, ApiKeyStatus, KeySecret
from refledger.domain.times import iso
from refledger.entry import access
from refledger.entry.models.common import Body, Name, View
from refledger.operations.api_keys import NewKey


def _scopes(scopes: list[str]) -> list[str]:
    if unknown := sorted(set(scopes) - access.SCOPES):
        raise ValueError(f"{unknown[0][:40]} is none of: {', '.join(sorted(access.SCOPES))}")
    if len(set(scopes)) < len(scopes):
        raise ValueError("each once")
    return sorted(scopes)


Scopes = Annotated[
    list[str], Field(min_length=1, max_length=len(access.SCOPES), examples=[["partners:read", "programs:read"]]),
    AfterValidator(_scopes),
]  # fmt: skip


class NewApiKey(Body):
    """`scopes`: those of a service. With `events:write` the key waits until another admin confirms it. `validDays`:
    after which it opens nothing; without it it does until it is revoked.
    """

    name: Annotated[Name, Field(examples=["Shop"])]
    scopes: Scopes
    valid_days: Annotated[int, Field(ge=1, le=MAX_DAYS, examples=[365])] | None = None

    def to_key(self, *, live: bool) -> NewKey:
        return NewKey(self.name, tuple(self.scopes), live, self.valid_days or 0)


class ApiKeyRotationBody(Body):
    """`overlapHours`: for how long the secrets until now go on; 0 ends them at once."""

    overlap_hours: Annotated[int, Field(ge=0, le=MAX_OVERLAP_HOURS)] = OVERLAP_HOURS


class FormerSecretView(View):
    """A secret that a rotation has replaced, and that is still good. `lastFour`: what it ends with."""

    last_four: str
    expires_at: str

    @classmethod
    def of(cls, secret: KeySecret) -> Self:
        return cls(last_four=secret.last, expires_at=iso(secret.until_ms))


class ApiKeyView(View):
    """`prefix`: what the key begins with. `lastFour`: what it ends with. `livemode`: whether it is of a deployment in
    which real money moves. `createdBy`: who answers for what is done with it. `lastUsedAt`: to the hour.
    `formerSecrets`: those that go on for a while after a rotation.
    """

    people = ("created_by", "confirmed_by", "revoked_by")

    id: str
    name: str
    status: ApiKeyStatus
    scopes: list[str]
    livemode: bool
    prefix: Annotated[str, Field(examples=["rl_live_0f3kq8m2v7t1h9ba"])]
    last_four: Annotated[str, Field(examples=["d0g2"])]
    former_secrets: list[FormerSecretView]
    created_by: str
    created_by_name: str | None = None
    created_at: str
    confirmed_by: str | None
    confirmed_by_name: str | None = None
    confirmed_at: str | None
    expires_at: str | None
    last_used_at: str | None
    rotated_at: str | None
    revoked_by: str | None
    revoked_by_name: str | None = None
    revoked_at: str | None

    @classmethod
    def of(cls, key: ApiKey, now_ms: int) -> Self:
        return cls(**_told(key, now_ms))


class ShownApiKeyView(ApiKeyView):
    """`key`: what goes into `Authorization: Bearer …`. It is told here alone, and null where the request is a repeat:
    who lost it rotates.
    """

    key: Annotated[str | None, Field(examples=["rl_live_0f3kq8m2v7t1h9ba5s7g1m0d8k2v4h6q9c3n5b7t1j0f2p41n8d0g2"])]

    @classmethod
    def shown(cls, key: ApiKey, text: str, now_ms: int) -> Self:
        return cls(**_told(key, now_ms), key=text or None)


def _told(key: ApiKey, now_ms: int) -> dict[str, Any]:
    current, *former = key.secrets
    return {
        "id": key.id, "name": key.name, "status": key.status_at(now_ms), "scopes": list(key.scopes),
        "livemode": key.live, "prefix": key.prefix, "last_four": current.last,
        "former_secrets": [FormerSecretView.of(each) for each in former if each.opens(now_ms)],
        "created_by": key.made_by, "created_at": iso(key.made_at_ms), "confirmed_by": key.decided_by or None,
        "confirmed_at": _moment(key.decided_at_ms), "expires_at": _moment(key.expires_at_ms),
        "last_used_at": _moment(key.used_at_ms), "rotated_at": _moment(key.rotated_at_ms),
        "revoked_by": key.revoked_by or None, "revoked_at": _moment(key.revoked_at_ms),
    }  # fmt: skip


def _moment(ms: int) -> str | None:
    return iso(ms) if ms else None
