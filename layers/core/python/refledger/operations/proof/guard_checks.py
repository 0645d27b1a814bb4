"""What must be there for a partner: guards of their codes and their user, and the accounts that they are paid to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from refledger.domain.methods import PayoutMethod
from refledger.domain.partners import Partner
from refledger.domain.withdrawals import Withdrawal, payouts_begun
from refledger.operations.context import Context
from refledger.store import codes, methods, partners


@dataclass(frozen=True)
class Estate:
    """What of a partner is no money. `unguarded`: codes that are not theirs alone; `active`: methods, as counted."""

    partner: Partner | None = None
    unguarded: Sequence[str] = ()
    user_of: str | None = None
    methods: Sequence[PayoutMethod] = field(default=(), repr=False)
    active: int = 0

    @classmethod
    def read(cls, context: Context, partner_id: str) -> Estate:
        found = partners.some(context.table, partner_id)
        if found is None:
            return cls()
        table = context.table
        return cls(
            found,
            codes.unguarded(table, codes.of_partner(table, found, strong=True)),
            partners.id_of_user(table, found.customer) if found.customer else None,
            methods.of_partner(table, partner_id),
            methods.active_ones(table, partner_id),
        )


def estate_faults(estate: Estate, asked: Sequence[Withdrawal]) -> Iterator[str]:
    """Check that codes, user, and the accounts of open withdrawals are the partner's."""
    partner = estate.partner
    if partner is None:
        return
    for code in estate.unguarded:
        yield f"its code {code} is not kept for it alone: somebody else may be referred by it, or earn by it"
    if partner.customer and estate.user_of != partner.id:
        yield f"its user signs in as {estate.user_of or 'nobody'}"
    in_use = sum(method.is_active for method in estate.methods)
    if in_use != estate.active:
        yield f"{in_use} payout methods are in use, {estate.active} are counted"
    known = {(each.id, each.version): (each.type, each.holder, each.masked) for each in estate.methods}
    for method in estate.methods:
        if bool(method.verified_at_ms) is not bool(method.verified_by):
            yield f"payout method {method.id}: nobody says who vouched for it, or when"
        is_own = bool(method.verified_by) and method.verified_by == partner.customer
        if is_own and method.verified_at_ms > partner.linked_at_ms:
            yield f"payout method {method.id}: the partner vouched for it"
    for w in asked:
        if not w.is_open or not w.method.is_known or payouts_begun(w) is None:  # of a restore nobody knows the account
            continue
        if known.get((w.method.id, w.method.version)) != (w.method.type, w.method.holder, w.method.masked):
            yield f"withdrawal {w.id}: its payout method is none of the partner's, or another one than was asked for"
