"""Which partner a call is about, where it says nothing of one: who is signed in, or whose portal session it is."""

from __future__ import annotations

from refledger.domain.errors import PartnerNotFound
from refledger.entry import config
from refledger.entry.tokens import Caller
from refledger.operations.partners import reads as partners


def partner_id(caller: Caller) -> str:
    """Return the caller's partner id. Raises PartnerNotFound for somebody who is none."""
    found = caller.partner_id or partners.id_of_user(config.context(), caller.user, strong=False)
    if not found:
        raise PartnerNotFound("you are no partner yet; ask for a referral code first")
    return found
