"""Somebody who is signed in asks to be a partner, and somebody else decides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from refledger.domain.duties import Act
from refledger.domain.errors import Conflict, UserTaken
from refledger.domain.invitations import Application, ApplicationStatus, ContactDetails
from refledger.operations import duties
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.partners import partners
from refledger.operations.partners.partners import NewPartner
from refledger.store import applications, programs
from refledger.store import partners as stored
from refledger.store.transaction import ConditionFailed


def apply(context: Context, user: str, person: ContactDetails, program_id: str, message: str, body: str) -> Application:
    """Ask to become a partner.

    Idempotent while it waits: the same again answers the one that waits. A decided one does not hinder another.

    `body`: hash of what is asked. Raises ProgramNotFound, ProgramClosed, UserTaken for somebody who is a partner,
    Conflict where another application of theirs waits.
    """
    programs.find(context.table, program_id).check_open()
    if stored.id_of_user(context.table, user):
        raise UserTaken("this user is a partner already")
    made = Application(context.ids.new(), program_id, person, user, message, context.now_ms(), body)
    return _create(context, made, user, body)


@retry_on_conflict
def _create(context: Context, made: Application, user: str, body: str) -> Application:
    try:
        context.table.commit(*applications.create(made))
    except ConditionFailed:
        waiting = applications.waiting_of(context.table, user)
        if waiting is None:  # decided in this moment
            raise
        earlier = applications.find(context.table, waiting)
        if earlier.body != body:
            raise Conflict("another application of yours waits for a decision") from None
        return earlier
    return made


def approve(context: Context, application_id: str, by: str, reason: str) -> Application:
    """Make who applied a partner: both are written in one transaction.

    Idempotent.

    Raises ApplicationNotFound, Forbidden for who applied, AlreadyDecided, ProgramNotFound, ProgramClosed, UserTaken,
    EmailTaken.
    """
    old = applications.find(context.table, application_id)
    old.check_decision(ApplicationStatus.APPROVED, by)
    if old.status is ApplicationStatus.APPROVED:
        return old
    programs.find(context.table, old.program_id).check_open()
    told = old.person
    new = NewPartner(
        told.first_name, told.last_name, told.email, told.phone, told.company_name, old.program_id, old.user
    )
    partner = partners.partner_of(context, new)
    decided = _decided(context, old, ApplicationStatus.APPROVED, by, reason)

    def earlier(failed: ConditionFailed) -> str | None:
        if applications.IS_WAITING not in failed.items:
            return None
        meanwhile = applications.find(context.table, application_id)
        meanwhile.check_decision(ApplicationStatus.APPROVED, by)
        return meanwhile.partner_id

    marks = duties.first_mark(context, Act.DECIDE_APPLICATION, by, partner.id)
    partners.store(context, partner, [*applications.decide(replace(decided, partner_id=partner.id)), *marks], earlier)
    return applications.find(context.table, application_id)


@retry_on_conflict
def reject(context: Context, application_id: str, by: str, reason: str) -> Application:
    """Reject an application; they may apply again.

    Idempotent. Raises ApplicationNotFound, Forbidden for who applied, AlreadyDecided.
    """
    old = applications.find(context.table, application_id)
    old.check_decision(ApplicationStatus.REJECTED, by)
    if old.status is ApplicationStatus.REJECTED:
        return old
    new = _decided(context, old, ApplicationStatus.REJECTED, by, reason)
    context.table.commit(*applications.decide(new))
    return new


def _decided(context: Context, old: Application, status: ApplicationStatus, by: str, reason: str) -> Application:
    return replace(old, status=status, decided_by=by, decided_at_ms=context.now_ms(), reason=reason)


def find(context: Context, application_id: str) -> Application:
    """Find an application, a little behind. Raises ApplicationNotFound."""
    return applications.find(context.table, application_id, strong=False)


def waiting_of(context: Context, user: str) -> list[Application]:
    """Find the application of a user that waits for a decision: none, or one."""
    id = applications.waiting_of(context.table, user)
    return [applications.find(context.table, id)] if id else []


def listed(context: Context, status: ApplicationStatus | None, before: str, limit: int) -> Iterator[tuple[str, str]]:
    """List (position, id), newest first."""
    return applications.newest(context.table, status, before, limit)


def many(context: Context, ids: Sequence[str]) -> list[Application]:
    """Read those applications of these ids that there are, a little behind."""
    return applications.many(context.table, ids)
