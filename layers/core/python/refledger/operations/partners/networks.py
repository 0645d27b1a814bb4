"""Who referred a partner, and whom they referred: what staff look at when they want to understand a chain."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from refledger.domain.referrals import Referral
from refledger.domain.uplines import Binding
from refledger.operations.context import Context
from refledger.store import bindings, partners, referrals


@dataclass(frozen=True)
class DownlineMember:
    """Somebody whom a partner referred. `partner_id`: as which partner they refer others, "" for none."""

    referral: Referral
    partner_id: str


def above(context: Context, partner_id: str, program_id: str | None) -> Binding | None:
    """Return by whom the partner was referred as a customer of a program; None: by nobody.

    `program_id` None: their home program. Raises PartnerNotFound.
    """
    partner = partners.find(context.table, partner_id, strong=False)
    if not partner.customer:
        return None
    return bindings.find(context.table, program_id or partner.program_id, partner.customer)


def below(context: Context, partner_id: str, before: str, limit: int) -> tuple[list[DownlineMember], str | None]:
    """List whom the partner referred, newest first, from below `before`; and where the next page begins."""
    found = list(islice(referrals.of_partner(context.table, partner_id, before, limit + 1), limit + 1))
    page = [referral for _, referral in found[:limit]]
    users = list(dict.fromkeys(each.customer for each in page if each.customer))
    partner_of = partners.ids_of_users(context.table, users)
    rows = [DownlineMember(each, partner_of.get(each.customer, "")) for each in page]
    return rows, found[limit - 1][0] if len(found) > limit else None
