"""A partner's codes: more of them, another main one, and those that bind nobody any more. A code is never given up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from refledger.domain import codes
from refledger.domain.codes import MAX_CODES, CodeStatus, PartnerCode
from refledger.domain.errors import CodeNotFound, CodeTaken, Conflict, TooManyCodes
from refledger.domain.partners import Partner, PartnerStatus
from refledger.domain.programs import ProgramStatus
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.idempotency import Once
from refledger.store import codes as stored
from refledger.store import partners
from refledger.store.transaction import ConditionFailed, Write

_Writes = Callable[[Partner, str], list[Write]]
_Made = tuple[Partner, str]
ATTEMPTS_EACH = 10  # numbers that the system's next code may try before it meets those of the one after


def add(context: Context, partner_id: str, wished: str | None, label: str, campaign: str, request: Once) -> PartnerCode:
    """Return one code more, the wished one or one that the system makes. Idempotent by `request`.

    Raises PartnerNotFound, Conflict for a partner whose partnership has ended, CodeNotAllowed, CodeTaken also where it
    looks like another one, TooManyCodes, KeyReused.
    """
    chosen = codes.chosen(wished) if wished is not None else None
    made_at_ms = context.now_ms()

    def of(partner: Partner, code: str) -> PartnerCode:
        return PartnerCode(partner.id, code, made_at_ms, label, campaign, vanity=chosen is not None)

    def writes(old: Partner, code: str) -> list[Write]:
        counted = replace(old, codes=old.codes + 1, version=old.version + 1)
        return [partners.change(old, counted, context.now_ms()), stored.create(of(old, code))]

    partner, code = _one_more(context, partner_id, chosen, request, writes)
    if code == partner.code:  # a repeat, after it was made the main one
        return stored.main_of(partner)
    return stored.find(context.table, partner.id, code)


def rotate(context: Context, partner_id: str, wished: str | None, request: Once) -> Partner:
    """Give the partner another main code. Idempotent by `request`.

    The old one goes on to bind, until somebody disables it.

    Raises like `add`.
    """
    chosen = codes.chosen(wished) if wished is not None else None

    def writes(old: Partner, code: str) -> list[Write]:
        new = replace(old, code=code, codes=old.codes + 1, version=old.version + 1)
        return [partners.change(old, new, context.now_ms()), stored.create(replace(stored.main_of(old), main=False))]

    return _one_more(context, partner_id, chosen, request, writes)[0]


def _one_more(context: Context, partner_id: str, chosen: str | None, request: Once, writes: _Writes) -> _Made:
    """The partner as they are then, and the code; `writes` says what else is written with its guards."""
    return _try_one_more(context, partner_id, chosen, request, writes, [])


@retry_on_conflict
def _try_one_more(
    context: Context, partner_id: str, chosen: str | None, request: Once, writes: _Writes, taken: list[str]
) -> _Made:
    """`taken`: the codes that earlier tries found taken, which are kept there."""
    if earlier := request.found(context):
        return partners.find(context.table, earlier.partner), earlier.code
    old = partners.find(context.table, partner_id)
    if old.status is PartnerStatus.TERMINATED:
        raise Conflict("this partnership has ended")
    if old.codes >= MAX_CODES:
        raise TooManyCodes(f"a partner has up to {MAX_CODES} codes beside the main one")
    code = chosen or context.ids.code(old.id, ATTEMPTS_EACH * (old.codes + 1) + len(taken))
    guards = stored.guards(code, old.id, old.program_id)
    try:
        context.table.commit(*writes(old, code), *guards, request.guard(partner=old.id, code=code))
    except ConditionFailed as failed:
        if earlier := request.earlier(failed):
            return partners.find(context.table, earlier.partner), earlier.code
        if failed.items.keys() & {stored.CODE_IS_FREE, stored.LOOKS_LIKE_NO_OTHER}:
            if chosen:
                raise CodeTaken("there is a code like this one already") from None
            taken.append(code)
        raise
    return partners.find(context.table, old.id), code


@retry_on_conflict
def change_status(context: Context, partner_id: str, typed: str, status: CodeStatus) -> PartnerCode:
    """Let a code bind nobody any more, or again. Whom it bound stays bound. Idempotent by the status.

    Raises PartnerNotFound, CodeNotFound, Conflict for the main code, which another one has to follow first.
    """
    code = codes.normalise(typed)
    if code is None:
        raise CodeNotFound("the partner has no such code")

    partner = partners.find(context.table, partner_id)
    if partner.code == code:
        if status is CodeStatus.ACTIVE:
            return stored.main_of(partner)
        raise Conflict("the main code is active: give the partner another one first")
    old = stored.find(context.table, partner_id, code)
    if old.status is status:
        return old
    context.table.commit(*stored.change_status(old, status))
    return replace(old, status=status)


def validate(context: Context, typed: str) -> str | None:
    """Return the partner to whom the code would bind a customer now, None where it would bind nobody."""
    guard = stored.guard_of(context.table, codes.normalise(typed), strong=False)
    if guard is None or not guard.is_active:
        return None
    partner = partners.find(context.table, guard.partner_id, strong=False)
    open = context.program(partner.program_id).status is ProgramStatus.ACTIVE
    return partner.id if open and partner.status is PartnerStatus.ACTIVE else None
