"""Binding a customer to the partner whose code they applied."""

from __future__ import annotations

from refledger.domain import codes, uplines
from refledger.domain.errors import (
    AlreadyReferred,
    CodeNotActive,
    CodeNotFound,
    OwnCode,
    ProgramNotFound,
    ReferralClosed,
)
from refledger.domain.partners import PartnerStatus
from refledger.domain.referrals import Referral, ReferralSource, ReferralStatus
from refledger.domain.uplines import Binding, Link
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.rate_limits import LimitKind, Limits
from refledger.operations.upline_resolution import (
    chain_above,
    check_new_customer,
    check_open,
    expires_at,
    top_unchanged,
)
from refledger.store import bindings, keys, partners, programs, referrals
from refledger.store import codes as stored_codes
from refledger.store.codes import CodeGuard


def apply(context: Context, limits: Limits, user: str, typed: str, customer_id: str = "") -> Binding:
    """Bind the user to the code's partner, for ever.

    The same code again gives the same referral. `customer_id`: what payments call them.

    Raises RateLimited, CodeNotFound, OwnCode, AlreadyReferred, CodeNotActive, CodeClosesCircle, ProgramClosed,
    CustomerPaidBefore, ReferralClosed where the referral by this partner was rejected, closed or has expired.
    """
    code = codes.normalise(typed)
    taken = limits.take(
        context, user, LimitKind.UNKNOWN_CODES
    )  # before the look-up: a guess too many must learn nothing
    guard = stored_codes.guard_of(context.table, code)
    if guard is None or code is None:
        raise CodeNotFound("there is no such code")
    limits.give_back(context, user, LimitKind.UNKNOWN_CODES, taken)
    return _bind(context, user, code, guard, customer_id)


@retry_on_conflict
def _bind(context: Context, user: str, code: str, guard: CodeGuard, customer_id: str) -> Binding:
    partner_id, program_id = guard.partner_id, guard.program_id
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
        earlier = bindings.from_item(bound)
        if earlier.upline[0].partner_id != partner_id:
            raise AlreadyReferred("somebody else referred this customer before")
        if earlier.is_over(now_ms):
            raise ReferralClosed("this referral was rejected, or has expired")
        return earlier
    if partner.status is not PartnerStatus.ACTIVE or not guard.is_active:
        raise CodeNotActive("the code, or its partner, is not active")
    check_open(program)
    check_new_customer(context, program, user)
    nearest = Link(partner_id, partner.customer, partner.own_rates)
    above, top = chain_above(context, program_id, nearest, user, partners.guard_from(own).partner_id if own else None)
    referral = Referral(
        id=keys.referral_id(partner_id, now_ms, context.ids.digest("referral", program_id, user)),
        program_id=program_id,
        status=ReferralStatus.ACCEPTED,
        source=ReferralSource.WEBSITE,
        upline=uplines.freeze(nearest, above),
        depth=program.rules.depth,
        rule_version=program.version,
        created_at_ms=now_ms,
        customer=user,
        customer_id=context.customer_id(customer_id),
        code=code,
        until_ms=expires_at(program, now_ms),
    )
    binding = referral.bound(user, now_ms)
    context.table.commit(
        bindings.bind(binding), referrals.create(referral), partners.still_as_read(partner),
        *top_unchanged(program_id, partner_id, top),
    )  # fmt: skip
    return binding
