"""What a partner is called, where they are reached, and how staff sort them; and what staff write about them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from refledger.domain.errors import EmailTaken, check_version
from refledger.domain.owner_data import Metadata
from refledger.domain.partners import Partner, PartnerNote
from refledger.operations import external_ids, likeness
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.external_ids import Kind
from refledger.operations.idempotency import Once
from refledger.operations.partners.partners import address
from refledger.store import notes, partners
from refledger.store.transaction import ConditionFailed


@dataclass(frozen=True)
class ProfileChanges:
    """Of each the new value; None: stays as it is."""

    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
    company_name: str | None = None
    tier: str | None = None
    tags: tuple[str, ...] | None = None
    notices: tuple[str, ...] | None = None
    external_id: str | None = None
    metadata: Metadata | None = None

    def of(self, partner: Partner) -> Partner:
        given: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(self)}
        return replace(partner, **{name: value for name, value in given.items() if value is not None})


@retry_on_conflict
def change(context: Context, partner_id: str, changes: ProfileChanges, version: int) -> Partner:
    """Change what is said of a partner.

    Idempotent: what is so already changes nothing, whatever `version` says.

    Raises PartnerNotFound, Conflict for one who was forgotten, Stale unless `version` is the partner's current one,
    EmailTaken, ExternalIdTaken.
    """
    old = partners.find(context.table, partner_id)
    new = changes.of(old)
    if new == old:
        return old
    old.check_known()
    check_version("partner", old.version, version)
    now_ms = context.now_ms()
    new = replace(new, version=version + 1, updated_at_ms=now_ms)
    before, after = address(context, old.email), address(context, new.email)
    moves = partners.move_email(old, before, after) if before != after else []
    moves += external_ids.moves(context, Kind.PARTNER, old.program_id, old.id, old.external_id, new.external_id)
    try:
        context.table.commit(partners.change(old, new, now_ms), *moves, *likeness.moves(context, old, new))
    except ConditionFailed as failed:
        if partners.IS_UNCHANGED not in failed.items:  # else it may have been the same that somebody did
            if partners.EMAIL_IS_FREE in failed.items:
                raise EmailTaken("there is a partner with this e-mail address already") from None
            external_ids.refuse(failed)
        raise
    return new


def write_note(context: Context, partner_id: str, text: str, author: str, request: Once) -> PartnerNote:
    """Write a note about a partner. Idempotent by `request`.

    Raises PartnerNotFound, Conflict for one who was forgotten, KeyReused.
    """
    partners.find(context.table, partner_id).check_known()
    note = PartnerNote(context.ids.new(), text, author, context.now_ms())
    return _write_note(context, note, partner_id, request)


@retry_on_conflict
def _write_note(context: Context, note: PartnerNote, partner_id: str, request: Once) -> PartnerNote:
    try:
        context.table.commit(
            notes.create(partner_id, note), request.guard(partner=partner_id, note=note.id, at=str(note.at_ms))
        )
    except ConditionFailed as failed:
        if earlier := request.earlier(failed):
            return notes.find(context.table, earlier.partner, int(earlier.at), earlier.note)
        raise
    return note
