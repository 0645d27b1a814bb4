"""Binding a customer to the partner whose code they applied."""

from __future__ import annotations

from refledger.domain import codes, uplines
from refledger.domain.errors import (
    AlreadyReferred,
    CodeClosesCircle,
    CodeNotActive,
    CodeNotFound,
    OwnCode,
    ProgramNotFound,
)
from refledger.domain.partners import PartnerStatus
from refledger.domain.times import MINUTE_MS
from refledger.domain.uplines import Binding, Link
from refledger.operations.context import Context
from refledger.operations.limits import LimitKind, Limits
from refledger.store import keys, partners, programs, referrals

CHAIN_READS = 20  # ten links each; a longer chain is refused like a circle


def apply(context: Context, limits: Limits, user: str, typed: str) -> Binding:
    """Bind the user to the code's partner, for ever. The same code again gives the same referral.

    Raises RateLimited, CodeNotFound, OwnCode, AlreadyReferred, CodeNotActive, CodeClosesCircle.
    """
    code = codes.normalise(typed)
    _refuse_guessing(context, limits, user)
    guard = context.table.get(keys.code(code)) if code else None
    if guard is None:
        limits.take(context, user, LimitKind.UNKNOWN_CODES)
        raise CodeNotFound("there is no such code")
    partner_id, program_id = guard["partner"], guard["program"]
    return context.repeat(lambda: _bind(context, user, partner_id, program_id))


def _refuse_guessing(context: Context, limits: Limits, user: str) -> None:
    """Before the look-up: whoever guessed too often does not learn whether the next guess was right."""
    now_ms = context.now_ms()
    counter = context.table.get(keys.limit(user, LimitKind.UNKNOWN_CODES, now_ms // MINUTE_MS))
    if counter and counter["n"] >= limits.allowed[LimitKind.UNKNOWN_CODES]:
        raise limits.refusal(LimitKind.UNKNOWN_CODES, now_ms)


def _bind(context: Context, user: str, partner_id: str, program_id: str) -> Binding:
    found = context.table.get_many([keys.partner(partner_id), keys.program(program_id), keys.binding(program_id, user)])
    partner_item, program_item, bound = found
    if partner_item is None:
        raise CodeNotFound("there is no such code")
    if program_item is None:
        raise ProgramNotFound(f"there is no program {program_id}")
    partner, program = partners.from_item(partner_item), programs.from_item(program_item)
    if partner.customer == user:
        raise OwnCode("nobody refers themselves")
    if bound:
        earlier = referrals.binding_from(bound)
        if earlier.upline[0].partner_id == partner_id:
            return earlier
        raise AlreadyReferred("somebody else referred this customer before")
    if partner.status is not PartnerStatus.ACTIVE:
        raise CodeNotActive("the code's partner is not active")
    above, top = _chain_above(context, program_id, partner.customer, user)
    now_ms = context.now_ms()
    binding = Binding(
        program_id=program_id,
        customer=user,
        referral_id=keys.referral_id(partner_id, now_ms, context.ids.digest("referral", program_id, user)),
        upline=uplines.freeze(Link(partner_id, partner.customer, 0), above, program.tier_rates_bps),
        depth=len(program.tier_rates_bps),
        rule_version=program.version,
        bound_at_ms=now_ms,
    )
    writes = [*referrals.bind(binding, "ACCEPTED", "WEBSITE"), partners.still_active(partner_id)]
    if top:
        writes.append(referrals.top_still_unbound(program_id, top))
    context.table.commit(*writes)
    return binding


def _chain_above(context: Context, program_id: str, customer: str, user: str) -> tuple[list[Link], str]:
    """All links above a partner's own customer, and the customer at the top whom nobody referred ("" for none).

    Raises CodeClosesCircle where the user is among them.
    """
    links: list[Link] = []
    top = customer
    for _ in range(CHAIN_READS):
        binding = referrals.find_binding(context.table, program_id, top) if top else None
        if binding is None:
            return links, top
        links += binding.upline
        if any(link.customer == user for link in binding.upline):
            break
        top = binding.upline[-1].customer
    raise CodeClosesCircle("this code's partner was referred, directly or not, by this customer")
