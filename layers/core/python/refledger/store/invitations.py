"""Invitations as items: found by the hash of their token, marked when they are used or revoked, never deleted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from refledger.domain.errors import InvitationNotFound
from refledger.domain.invitations import ContactDetails, Invitation, InvitationStatus
from refledger.store import keys
from refledger.store.table import Table
from refledger.store.transaction import Item, Write, put, update

IS_NEW = "the invitation is new"
IS_PENDING = "the invitation is open"


def create(invitation: Invitation) -> Write:
    return put(IS_NEW, _to_item(invitation))


def use(new: Invitation) -> Write:
    """Accepted or revoked: once, and only while it is open."""
    waits = keys.waiting(keys.invitations_of(new.status), new.until_ms, new.id)
    return update(
        IS_PENDING, keys.invitation(new.id),
        "SET #status = :status, #user = :user, #partner = :partner, #waits_in = :waits_in", "#status = :pending",
        status=new.status.value, user=new.user, partner=new.partner_id, waits_in=waits["waits_in"],
        pending=InvitationStatus.PENDING.value,
    )  # fmt: skip


def find(table: Table, invitation_id: str, *, strong: bool = True) -> Invitation:
    """Find it by its id.

    Raises InvitationNotFound.
    """
    item = table.get(keys.invitation(invitation_id), strong=strong)
    if item is None:
        raise InvitationNotFound("there is no such invitation")
    return from_item(item)


def many(table: Table, ids: Sequence[str]) -> list[Invitation]:
    """Return those that exist, in the order of the ids."""
    found = table.get_many([keys.invitation(id) for id in ids], strong=False)
    return [from_item(item) for item in found if item]


def newest(table: Table, before: str, page_size: int) -> Iterator[tuple[str, str]]:
    """Yield (position, id) of all, newest first, from below the position `before`."""
    high = before or keys.HIGHEST
    for item in table.query(keys.all_invitations(), high=high, index="listed", page_size=page_size, newest_first=True):
        if item["listed_at"] != before:
            yield item["listed_at"], keys.owner_of(item)


def of_status(
    table: Table, status: InvitationStatus, now_ms: int, before: str, page_size: int
) -> Iterator[tuple[str, str]]:
    """Yield (position, id) of those of a status, those open longest first, from below `before`."""
    low, high = {
        InvitationStatus.PENDING: keys.positions(now_ms + 1, None),
        InvitationStatus.EXPIRED: keys.positions(None, now_ms + 1),
    }.get(status, keys.positions(None, None))
    written = InvitationStatus.PENDING if status is InvitationStatus.EXPIRED else status
    partition = keys.invitations_of(written)
    found = table.query(
        partition, low, min(before or keys.HIGHEST, high), index="waiting", page_size=page_size, newest_first=True
    )
    for item in found:
        if item["waits_at"] != before:
            yield item["waits_at"], keys.owner_of(item)


def _to_item(invitation: Invitation) -> Item:
    return {
        **keys.invitation(invitation.id), "program": invitation.program_id, **person_to(invitation.person),
        "status": invitation.status.value, "created": invitation.created_at_ms, "until": invitation.until_ms,
        "by": invitation.by, "tier": invitation.tier, "tags": list(invitation.tags), "user": invitation.user,
        "partner": invitation.partner_id,
        **keys.listed(keys.all_invitations(), invitation.created_at_ms, invitation.id),
        **keys.waiting(keys.invitations_of(invitation.status), invitation.until_ms, invitation.id),
    }  # fmt: skip


def from_item(item: Item) -> Invitation:
    return Invitation(
        id=keys.owner_of(item),
        program_id=item["program"],
        person=person_from(item),
        status=InvitationStatus(item["status"]),
        created_at_ms=item["created"],
        until_ms=item["until"],
        by=item["by"],
        tier=item["tier"],
        tags=tuple(item["tags"]),
        user=item["user"],
        partner_id=item["partner"],
    )


def person_to(person: ContactDetails) -> Item:
    return {
        "first_name": person.first_name, "last_name": person.last_name, "email": person.email, "phone": person.phone,
        "company": person.company_name,
    }  # fmt: skip


def person_from(item: Item) -> ContactDetails:
    return ContactDetails(item["first_name"], item["last_name"], item["email"], item["phone"], item["company"])
