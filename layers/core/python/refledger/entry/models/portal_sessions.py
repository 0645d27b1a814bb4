"""Portal sessions over HTTP."""

from __future__ import annotations

from typing import Self

from refledger.domain.times import iso
from refledger.entry.models.common import Body, View
from refledger.entry.models.ids import PartnerId
from refledger.operations.partners.portal_sessions import PortalSession


class NewPortalSession(Body):
    """Whose portal your page will show: it has to know that it is this partner who looks at it."""

    partner_id: PartnerId


class PortalSessionView(View):
    """`token`: for `/embed.js`, or behind the `#` of `/embed/{programId}`; never in an address that a server sees."""

    partner_id: str
    token: str
    expires_at: str

    @classmethod
    def of(cls, session: PortalSession) -> Self:
        return cls(partner_id=session.partner_id, token=session.token, expires_at=iso(session.expires_at_ms))
