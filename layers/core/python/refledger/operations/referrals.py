"""Binding a customer to the partner whose code they applied."""

from __future__ import annotations

from dataclasses import replace

from refledger.domain import codes, uplines
from refledger.domain.errors import (
    AlreadyReferred,
    CodeClosesCircle,
    CodeNotActive,
    CodeNotFound,
    OwnCode,
    ProgramClosed,
    ProgramNotFound,
    ReferralClosed,
)
from refledger.domain.partners import PartnerStatus
from refledger.domain.programs import Program, ProgramStatus
from refledger.domain.referrals import Referral, ReferralStatus, Source
from refledger.domain.times import DAY_MS
from refledger.domain.uplines import Binding, Link
from refledger.operations.context import Context
from refledger.operations.limits import LimitKind, Limits
from refledger.store import codes as stored_codes
from refledger.store import keys, partners, programs, referrals
from refledger.store.transaction import Item, Write

CHAIN_READS = 20  # ten links each; a longer chain is refused like a circle


def apply(context: Context, limits: Limits, user: str, typed: str) -> Binding:
    """Bind the user to the code's partner, for ever. The same code again gives the same referral.

    Raises RateLimited, CodeNotFound, OwnCode, AlreadyReferred, CodeNotActive, CodeClosesCircle, ProgramClosed,
    ReferralClosed where the referral by this partner was rejected or has expired.
    """
    code = codes.normalise(typed)
    limits.take(context, user, LimitKind.UNKNOWN_CODES)  # before the look-up: a guess too many must learn nothing
    guard = stored_codes.guard_of(context.table, code)
    if guard is None or code is None:
        raise CodeNotFound("there is no such code")
    limits.give_back(context, user, LimitKind.UNKNOWN_CODES)
    return context.repeat(lambda: _bind(context, user, code, guard))


def _bind(context: Context, user: str, code: str, guard: Item) -> Binding:
    partner_id, program_id = guard["partner"], guard["program"]
    found = context.table.get_many(
        [keys.partner(partner_id), keys.program(program_id), keys.binding(program_id, user), keys.user(user)]
    )
    partner_item, program_item, bound, own = found
    if partner_item is None:
        raise CodeNotFound("there is no such code")
    if program_item is None:
        raise ProgramNotFound(f"there is no program {program_id}")
    partner, program = partners.from_item(partner_item), programs.from_item(program_item)
    if partner.customer == user:
        raise OwnCode("nobody refers themselves")
    now_ms = context.now_ms()
    if bound:
        earlier = referrals.binding_from(bound)
        if earlier.upline[0].partner_id != partner_id:
            raise AlreadyReferred("somebody else referred this customer before")
        if earlier.is_over(now_ms):
            raise ReferralClosed("this referral was rejected, or has expired")
        return earlier
    if partner.status is not PartnerStatus.ACTIVE or not stored_codes.is_active(guard):
        raise CodeNotActive("the code, or its partner, is not active")
    check_open(program)
    nearest = Link(partner_id, partner.customer, partner.own_rates)
    above, top = chain_above(context, program_id, nearest, user, own["partner"] if own else None)
    referral = Referral(
        id=keys.referral_id(partner_id, now_ms, context.ids.digest("referral", program_id, user)),
        program_id=program_id,
        status=ReferralStatus.ACCEPTED,
        source=Source.WEBSITE,
        upline=uplines.freeze(nearest, above),
        depth=program.rules.depth,
        rule_version=program.version,
        created_at_ms=now_ms,
        customer=user,
        code=code,
        until_ms=expires_at(program, now_ms),
    )
    binding = referral.bound(user, now_ms)
    context.table.commit(
        referrals.bind(binding), referrals.create(referral), partners.still_as_read(partner),
        *top_unchanged(program_id, partner_id, top),
    )  # fmt: skip
    return binding


def check_open(program: Program) -> None:
    """Raises ProgramClosed where nobody is referred at the moment."""
    if program.status is not ProgramStatus.ACTIVE:
        raise ProgramClosed(f"the program is {program.status.lower()}: nobody is referred to it")


def expires_at(program: Program, now_ms: int) -> int:
    """When a referral expires that is made now, 0 for never."""
    return now_ms + program.attribution_days * DAY_MS if program.attribution_days else 0


def top_unchanged(program_id: str, nearest: str, top: Link) -> list[Write]:
    """The top of the chain is the only link through which a circle can still close: it must be as it was read.

    `nearest`: the partner whose customer it is; that they have no user is made sure of by the partner's own version.
    """
    if top.customer:
        return [referrals.top_still_unbound(program_id, top.customer)]
    return [partners.still_without_user(top.partner_id)] if top.partner_id != nearest else []


def chain_above(
    context: Context, program_id: str, nearest: Link, user: str | None, own_partner: str | None
) -> tuple[list[Link], Link]:
    """The links above `nearest` who earn from what is referred now, and the topmost of all, whom nobody referred.

    Nobody earns through a referral that was rejected or has expired; but it stays, and so would a circle through it.
    A partner whose user was linked later stands in older chains without one: they are looked up.
    Raises CodeClosesCircle where the user, or their partner, is among them.
    """
    links: list[Link] = []
    top, cut = nearest, False
    for _ in range(CHAIN_READS):
        if not top.customer and top is not nearest:
            top = replace(top, customer=partners.find(context.table, top.partner_id).customer)
        binding = referrals.find_binding(context.table, program_id, top.customer) if top.customer else None
        if user == top.customer:
            break
        if binding is None:
            return links, top
        cut = cut or binding.is_over(context.now_ms())
        links += () if cut else binding.upline
        if any(link.customer == user or link.partner_id == own_partner for link in binding.upline):
            break
        top = binding.upline[-1]
    raise CodeClosesCircle("this code's partner was referred, directly or not, by this customer")
