"""Inviting somebody to be a partner. The token goes to the caller once, is kept nowhere, and makes one partner."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from refledger.domain.duties import Act
from refledger.domain.errors import AlreadyDecided, InvitationNotFound
from refledger.domain.invitations import ContactDetails, Invitation, InvitationStatus
from refledger.domain.partners import Partner
from refledger.domain.times import DAY_MS
from refledger.operations import duties
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.idempotency import Once
from refledger.operations.partners import partners
from refledger.operations.partners.partners import NewPartner
from refledger.operations.rate_limits import LimitKind, Limits
from refledger.store import invitations, programs
from refledger.store import partners as stored
from refledger.store.transaction import ConditionFailed

TOKEN_BYTES = 20  # 32 characters


@dataclass(frozen=True)
class Invited:
    """Who is invited to which program, and what they will be there."""

    person: ContactDetails
    program_id: str
    days: int
    tier: str = ""
    tags: tuple[str, ...] = ()


def invite(context: Context, invited: Invited, by: str, request: Once) -> tuple[Invitation, str]:
    """Return the invitation and its token.

    It is made of the request: its repeat gets the same one, nobody else can.

    Idempotent by `request`. Raises ProgramNotFound, ProgramClosed, KeyReused.
    """
    programs.find(context.table, invited.program_id).check_open()
    token = context.ids.hash("invitation token", request.key, size=TOKEN_BYTES)
    now_ms = context.now_ms()
    made = Invitation(
        id=_id_of(context, token),
        program_id=invited.program_id,
        person=invited.person,
        status=InvitationStatus.PENDING,
        created_at_ms=now_ms,
        until_ms=now_ms + invited.days * DAY_MS,
        by=by,
        tier=invited.tier,
        tags=invited.tags,
    )
    return _create(context, made, request), token


@retry_on_conflict
def _create(context: Context, made: Invitation, request: Once) -> Invitation:
    try:
        context.table.commit(invitations.create(made), request.guard(invitation=made.id))
    except ConditionFailed as failed:
        if earlier := request.earlier(failed):
            return invitations.find(context.table, earlier.invitation)
        raise
    return made


@retry_on_conflict
def revoke(context: Context, invitation_id: str) -> Invitation:
    """Revoke an invitation: nobody can accept it any more.

    Idempotent. Raises InvitationNotFound, AlreadyDecided where somebody has.
    """
    old = invitations.find(context.table, invitation_id)
    match old.status:
        case InvitationStatus.REVOKED:
            return old
        case InvitationStatus.ACCEPTED:
            raise AlreadyDecided("somebody has accepted this invitation")
        case InvitationStatus.PENDING | InvitationStatus.EXPIRED:
            new = replace(old, status=InvitationStatus.REVOKED)
            context.table.commit(invitations.use(new))
            return new


def accept(context: Context, limits: Limits, token: str, user: str, told: ContactDetails) -> Partner:
    """Make who is signed in the partner whom the invitation is for.

    What they tell of themselves goes before what the invitation says. Idempotent: the same user gets the same partner,
    another one is refused.

    Partner and invitation are written in one transaction: it makes one partner, whoever else comes at the same moment.
    Raises RateLimited (guesses count like guessed codes), InvitationNotFound, Conflict, AlreadyDecided, UserTaken for
    somebody who is a partner, EmailTaken, Forbidden for who invited, ProgramNotFound, ProgramClosed.
    """
    taken = limits.take(
        context, user, LimitKind.UNKNOWN_CODES
    )  # before the look-up: a guess too many must learn nothing
    invitation_id = _id_of(context, token)
    found = invitations.find(context.table, invitation_id)
    limits.give_back(context, user, LimitKind.UNKNOWN_CODES, taken)
    if found.status is InvitationStatus.ACCEPTED and found.user == user:
        return stored.find(context.table, found.partner_id)
    duties.check_stranger(Act.INVITE, user, found.by)
    found.check_open(context.now_ms())
    programs.find(context.table, found.program_id).check_open()
    partner = partners.partner_of(context, _partner_of(found, told, user))
    used = replace(found, status=InvitationStatus.ACCEPTED, user=user, partner_id=partner.id)

    def earlier(failed: ConditionFailed) -> str | None:
        if invitations.IS_PENDING not in failed.items:
            return None
        meanwhile = invitations.find(context.table, invitation_id)
        if meanwhile.status is InvitationStatus.ACCEPTED and meanwhile.user == user:
            return meanwhile.partner_id
        raise AlreadyDecided("this invitation cannot be accepted any more")

    marks = duties.first_mark(context, Act.INVITE, found.by, partner.id)  # the token was theirs to hand out
    return partners.store(context, partner, [invitations.use(used), *marks], earlier)


def _partner_of(invitation: Invitation, told: ContactDetails, user: str) -> NewPartner:
    known = invitation.person
    return NewPartner(
        told.first_name or known.first_name, told.last_name or known.last_name, told.email or known.email,
        told.phone or known.phone, told.company_name or known.company_name, invitation.program_id, user,
        invitation.tier, invitation.tags,
    )  # fmt: skip


def _id_of(context: Context, token: str) -> str:
    if len(token) > 2 * TOKEN_BYTES:
        raise InvitationNotFound("there is no such invitation")
    return context.ids.hash("invitation", token)


def listed(
    context: Context, status: InvitationStatus | None, now_ms: int, before: str, limit: int
) -> Iterator[tuple[str, str]]:
    """List (position, id), newest first; of one status, open longest first."""
    if status is None:
        return invitations.newest(context.table, before, limit)
    return invitations.of_status(context.table, status, now_ms, before, limit)


def many(context: Context, ids: Sequence[str]) -> list[Invitation]:
    """Read those invitations of these ids that there are, a little behind."""
    return invitations.many(context.table, ids)
