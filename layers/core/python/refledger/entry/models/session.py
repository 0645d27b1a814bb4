"""Who is signed in, over HTTP."""

from __future__ import annotations

from typing import Self

from refledger.domain.partners import Partner, PartnerStatus
from refledger.entry import access
from refledger.entry.access import Role
from refledger.entry.models.common import View
from refledger.entry.tokens import Caller


class SessionPartnerView(View):
    """`name`: the company's or, where there is none, the person's."""

    id: str
    program_id: str
    name: str
    status: PartnerStatus

    @classmethod
    def of(cls, partner: Partner) -> Self:
        name = partner.company_name or f"{partner.first_name} {partner.last_name}".strip()
        return cls(id=partner.id, program_id=partner.program_id, name=name, status=partner.status)


class SessionView(View):
    """`id`: under which all that they do is written down. `name`: what their token calls them; null where it only has
    an id. `partner`: who they are as a partner; null where they are none. `may`: the routes that are open to them, as
    `GET /api/v1/me`; those of partners for what is their own. `signInMinutes`: how old a sign-in may be where money
    moves; null: as old as you like. `stage`: which of the owner's stacks this is.
    """

    id: str
    name: str | None
    roles: list[Role]
    partner: SessionPartnerView | None
    may: list[str]
    sign_in_minutes: int | None
    stage: str

    @classmethod
    def of(cls, caller: Caller, partner: Partner | None, sign_in_minutes: int, stage: str) -> Self:
        return cls(
            id=caller.user,
            name=caller.name or None,
            roles=sorted(caller.roles),
            partner=SessionPartnerView.of(partner) if partner else None,
            may=access.open_to(caller.roles),
            sign_in_minutes=sign_in_minutes or None,
            stage=stage,
        )
