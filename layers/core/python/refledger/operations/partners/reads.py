"""Partners as they are found: by id, by who signs in, by code and by address; their codes and what staff wrote."""

from __future__ import annotations

from refledger.domain.codes import normalise
from refledger.domain.errors import CodeNotFound, PartnerNotFound
from refledger.domain.partners import Partner
from refledger.operations.context import Context, of_table
from refledger.store import codes, notes, partners

find = of_table(partners.find)
id_of_user = of_table(partners.id_of_user)
codes_of = of_table(codes.of_partner)
notes_on = of_table(notes.newest)


def id_of_caller(context: Context, user: str) -> str:
    """Return the id of the partner whom somebody signs in as, a little behind.

    Raises PartnerNotFound where they are none.
    """
    found = id_of_user(context, user, strong=False)
    if found is None:
        raise PartnerNotFound("you are no partner yet; ask for a referral code first")
    return found


def by_code(context: Context, typed: str) -> Partner:
    """Find the partner whose code this is, active or not, a little behind.

    Raises CodeNotFound, PartnerNotFound.
    """
    guard = codes.guard_of(context.table, normalise(typed), strong=False)
    if guard is None:
        raise CodeNotFound("there is no such code")
    return find(context, guard.partner_id, strong=False)


def by_address(context: Context, hashed: str) -> Partner:
    """Find the partner with an e-mail address, by its hash, a little behind.

    `hashed`: "" for no address. Raises PartnerNotFound.
    """
    partner_id = partners.id_of_address(context.table, hashed, strong=False) if hashed else None
    if partner_id is None:
        raise PartnerNotFound("there is no partner with this e-mail address")
    return find(context, partner_id, strong=False)
