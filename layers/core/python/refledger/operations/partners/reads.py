"""Partners as they are found: by id, by who signs in, by code and by address; their codes and what staff wrote."""

from __future__ import annotations

from collections.abc import Iterator

from refledger.domain.codes import PartnerCode, normalise
from refledger.domain.errors import CodeNotFound, PartnerNotFound
from refledger.domain.partners import Partner, PartnerNote
from refledger.operations.context import Context
from refledger.store import codes, notes, partners


def find(context: Context, partner_id: str, *, strong: bool = True) -> Partner:
    """Find a partner by id. Raises PartnerNotFound."""
    return partners.find(context.table, partner_id, strong=strong)


def id_of_user(context: Context, user: str, *, strong: bool = True) -> str | None:
    """Find the partner that a user signs in as; None where they are none."""
    return partners.id_of_user(context.table, user, strong=strong)


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


def codes_of(context: Context, partner: Partner) -> list[PartnerCode]:
    """List a partner's codes, the main one first."""
    return codes.of_partner(context.table, partner)


def notes_on(context: Context, partner_id: str, before: str, limit: int) -> Iterator[tuple[str, PartnerNote]]:
    """List (position, note) of what staff wrote about a partner, newest first, beyond `before`."""
    return notes.newest(context.table, partner_id, before, limit)
