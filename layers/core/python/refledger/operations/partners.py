"""Partners: onboarded by an admin, or made when a member first asks for a code."""

from __future__ import annotations

from dataclasses import dataclass, replace

from refledger.domain.errors import Conflict, EmailTaken, KeyReused, UserTaken
from refledger.domain.partners import TRANSITIONS, Partner, PartnerStatus, next_idle
from refledger.domain.payments import DEFAULT_PROGRAM
from refledger.operations.context import Context
from refledger.store import partners, programs
from refledger.store.transaction import Moved

CODE_ATTEMPTS = 5  # 50 bits: one is enough for any deployment


@dataclass(frozen=True)
class NewPartner:
    """What an admin says of a partner. `user`: keyed hash of the `sub` they will sign in with, "" for none."""

    first_name: str
    last_name: str
    email: str
    phone: str = ""
    company_name: str = ""
    program_id: str = DEFAULT_PROGRAM
    user: str = ""


def create(context: Context, new: NewPartner, caller: str, key: str | None, body: str) -> Partner:
    """Idempotent by the Idempotency-Key (the id is made of it), for a user who signs in by the user.

    Raises ProgramNotFound, EmailTaken, UserTaken, KeyReused.
    """
    programs.find(context.table, new.program_id)
    if new.user:
        partner_id = context.ids.partner(new.user)
    else:
        partner_id = context.ids.hash("partner", caller, key) if key else context.ids.new()
    partner = Partner(
        id=partner_id,
        program_id=new.program_id,
        code="",
        status=PartnerStatus.ACTIVE,
        customer=new.user,
        created_at_ms=context.now_ms(),
        first_name=new.first_name,
        last_name=new.last_name,
        email=new.email,
        phone=new.phone,
        company_name=new.company_name,
    )
    email = context.ids.hash("email", new.email.casefold())
    return _store(context, partner, email, context.ids.hash("body", caller, key, body) if key else context.ids.new())


def of_member(context: Context, user: str) -> Partner:
    """The partner who this user is; made on the first call, the same ever after, whoever else asks at once.

    Raises ProgramNotFound while there is no default program.
    """
    found = partners.of_user(context.table, user)
    if found:
        return found
    program = programs.find(context.table, DEFAULT_PROGRAM)
    partner = Partner(
        id=context.ids.partner(user),
        program_id=program.id,
        code="",
        status=PartnerStatus.ACTIVE,
        customer=user,
        created_at_ms=context.now_ms(),
    )
    try:
        return _store(context, partner, "", "member")
    except UserTaken:  # another call was faster: theirs is the partner
        return partners.find(context.table, partners.id_of_user(context.table, user) or partner.id)


def _store(context: Context, partner: Partner, email: str, body: str) -> Partner:
    attempt = 0

    def once() -> Partner:
        nonlocal attempt
        coded = replace(partner, code=context.ids.code(partner.id, attempt))
        try:
            context.table.commit(*partners.create(coded, email, body))
        except Moved as moved:
            earlier = moved.found.get(partners.IS_NEW)
            if earlier and earlier["body"] == body:
                return partners.from_item(earlier)
            if partner.customer and (earlier or partners.USER_IS_FREE in moved.found):
                raise UserTaken("this user is a partner already") from None
            if earlier:
                raise KeyReused("this Idempotency-Key came with another request before") from None
            if partners.EMAIL_IS_FREE in moved.found:
                raise EmailTaken("there is a partner with this e-mail address already") from None
            attempt = min(attempt + 1, CODE_ATTEMPTS)
            raise
        return coded

    return context.repeat(once)


def change_status(context: Context, partner_id: str, status: PartnerStatus, reason: str, by: str) -> Partner:
    """Idempotent: a partner who has the status already stays as they are.

    While a partner is not ACTIVE nothing is earned; rewards from before mature as ever.
    Raises PartnerNotFound, Conflict where the status cannot follow.
    """

    def once() -> Partner:
        old = partners.find(context.table, partner_id)
        if old.status is status:
            return old
        if status not in TRANSITIONS[old.status]:
            raise Conflict(f"a partner who is {old.status} cannot become {status}")
        now_ms = context.now_ms()
        new = replace(old, status=status, idle=next_idle(old, status, now_ms), version=old.version + 1)
        context.table.commit(partners.change_status(old, new, reason, by, now_ms))
        return new

    return context.repeat(once)
