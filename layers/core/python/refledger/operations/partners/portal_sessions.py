"""A partner's portal on the owner's site: a token of minutes, which the site asks for and the portal reads with.

It says whose it is and until when, under a keyed hash: nothing is written, so that opening a page costs no write. What
has changed of the partner since is looked up each time.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass

from refledger.domain.errors import Conflict, PartnerSuspended, Unauthenticated
from refledger.domain.partners import Partner, PartnerStatus
from refledger.domain.times import MINUTE_MS
from refledger.operations.context import Context
from refledger.store import partners

SESSION_MINUTES = 15
MAC_CHARACTERS = 52  # 32 bytes
READS = (PartnerStatus.ACTIVE, PartnerStatus.INACTIVE)
_TOKEN = re.compile(rf"rlp_([a-v0-9]{{16}})_([0-9]{{13}})_([a-v0-9]{{{MAC_CHARACTERS}}})")


@dataclass(frozen=True)
class PortalSession:
    """`token`: whoever has it reads what is the partner's until `expires_at_ms`, and nothing else."""

    partner_id: str
    token: str
    expires_at_ms: int


def begin(context: Context, partner_id: str) -> PortalSession:
    """Make a token for a partner whose program says where its portal may be shown.

    Raises PartnerNotFound, PartnerSuspended for one who may not look, Conflict where it may be shown nowhere.
    """
    partner = partners.find(context.table, partner_id)
    partner.check_known()
    if partner.status not in READS:
        raise PartnerSuspended(f"the partner is {partner.status}")
    if not _is_shown(context, partner):
        raise Conflict("the program names no origin that may show its portal: portal.allowedOrigins")
    expires_ms = context.now_ms() + SESSION_MINUTES * MINUTE_MS
    token = f"rlp_{partner.id}_{expires_ms}_{_mac(context, partner.id, expires_ms)}"
    return PortalSession(partner.id, token, expires_ms)


def partner_of(context: Context, token: str) -> Partner:
    """Return whose token it is, as they are now.

    Raises Unauthenticated for what is no token of ours or has ended, and where the partner may not look any more.
    """
    found = _TOKEN.fullmatch(token)
    if not found or not hmac.compare_digest(found[3], _mac(context, found[1], int(found[2]))):
        raise Unauthenticated("a token of a portal session is needed")
    if int(found[2]) <= context.now_ms():
        raise Unauthenticated("the portal session has ended: ask for another one")
    partner = partners.find(context.table, found[1])
    if partner.forgotten_at_ms or partner.status not in READS or not _is_shown(context, partner):
        raise Unauthenticated("the portal is closed for this partner")
    return partner


def _is_shown(context: Context, partner: Partner) -> bool:
    """Whether the program names any page: who takes all away closes what was opened, a minute later at most."""
    portal = context.program(partner.program_id).portal
    return bool(portal and portal.allowed_origins)


def _mac(context: Context, partner_id: str, expires_ms: int) -> str:
    return context.ids.hash("portal-session", partner_id, expires_ms, size=32)
