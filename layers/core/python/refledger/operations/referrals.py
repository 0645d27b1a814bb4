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
    ProgramNotFound,
)
from refledger.domain.partners import PartnerStatus
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
    limits.take(context, user, LimitKind.UNKNOWN_CODES)  # before the look-up: a guess too many must learn nothing
    guard = context.table.get(keys.code(code)) if code else None
    if guard is None:
        raise CodeNotFound("there is no such code")
    limits.give_back(context, user, LimitKind.UNKNOWN_CODES)
    partner_id, program_id = guard["partner"], guard["program"]
    return context.repeat(lambda: _bind(context, user, partner_id, program_id))


def _bind(context: Context, user: str, partner_id: str, program_id: str) -> Binding:
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
    if bound:
        earlier = referrals.binding_from(bound)
        if earlier.upline[0].partner_id == partner_id:
            return earlier
        raise AlreadyReferred("somebody else referred this customer before")
    if partner.status is not PartnerStatus.ACTIVE:
        raise CodeNotActive("the code's partner is not active")
    nearest = Link(partner_id, partner.customer, partner.own_rates)
    above, top = chain_above(context, program_id, nearest, user, own["partner"] if own else None)
    now_ms = context.now_ms()
    binding = Binding(
        program_id=program_id,
        customer=user,
        referral_id=keys.referral_id(partner_id, now_ms, context.ids.digest("referral", program_id, user)),
        upline=uplines.freeze(nearest, above),
        depth=program.rules.depth,
        rule_version=program.version,
        bound_at_ms=now_ms,
    )
    writes = [*referrals.bind(binding, "ACCEPTED", "WEBSITE"), partners.still_as_read(partner)]
    # The top of the chain is the only link through which a circle can still close: it must be as it was read
    if top.customer:
        writes.append(referrals.top_still_unbound(program_id, top.customer))
    elif top.partner_id != partner_id:
        writes.append(partners.still_without_user(top.partner_id))
    context.table.commit(*writes)
    return binding


def chain_above(
    context: Context, program_id: str, nearest: Link, user: str | None, own_partner: str | None
) -> tuple[list[Link], Link]:
    """All links above `nearest`, and the topmost one, whom nobody referred.

    A partner whose user was linked later stands in older chains without one: they are looked up.
    Raises CodeClosesCircle where the user, or their partner, is among them.
    """
    links: list[Link] = []
    top = nearest
    for _ in range(CHAIN_READS):
        if not top.customer and links:
            top = replace(top, customer=partners.find(context.table, top.partner_id).customer)
        binding = referrals.find_binding(context.table, program_id, top.customer) if top.customer else None
        if user == top.customer:
            break
        if binding is None:
            return links, top
        links += binding.upline
        if any(link.customer == user or link.partner_id == own_partner for link in binding.upline):
            break
        top = binding.upline[-1]
    raise CodeClosesCircle("this code's partner was referred, directly or not, by this customer")
