"""A reward over HTTP, as staff and partners see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from refledger.domain.rewards import DISPUTED, Cancelled, Reward, RewardStatus, net
from refledger.domain.times import iso
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.entry.models.common import View, in_major
from refledger.operations.labels import NONE, Labels

BY_STAFF = "REVIEW"  # what a partner is told instead of staff's words


class RewardView(View):
    """Amounts in minor units of `currency`. `net`: what refunds and disputes left of `amount`.

    `rateBps`: hundredths of a per cent of `base`; null for a flat amount. `limit`: what a monthly cap left of it.
    `held`: why it does not mature; a partner sees DISPUTE or REVIEW. `possibleDuplicateOf`: where `held` is
    POSSIBLE_DUPLICATE, the payment that its own may be; for staff, like `note` and `by`. `paidBy`: the withdrawal that
    paid it, or what covered it. `payoutStatus`: how that withdrawal stands, RETURNED where the money came back and is
    available again; null where none paid it. `partnerName`, `partnerCompany`: the partner's, for staff; null in answers
    about a payment, and to services. `paymentToldBy`: which system told of its payment, for staff. `externalPaymentId`:
    what that system calls the payment, for staff. `customerId`: what you call who paid, for staff.
    """

    people = ("by",)

    id: str
    partner_id: str
    partner_name: str | None = None
    partner_company: str | None = None
    program_id: str
    tier: int
    status: RewardStatus
    amount: int
    currency: str
    reversed: int
    net: int
    limit: int | None
    held: list[str]
    possible_duplicate_of: str | None
    cancelled: Cancelled | None
    earned_at: str
    matures_at: str
    base: int
    rate_bps: int | None
    rule: str
    rule_version: int
    payment_id: str
    payment_told_by: str | None = None
    external_payment_id: str | None = None
    customer_id: str | None = None
    referral_id: str
    paid_by: str | None
    payout_status: WithdrawalStatus | None
    note: str | None
    by: str | None
    by_name: str | None = None
    created_at: str
    version: int
    amount_decimal = in_major("amount")
    base_decimal = in_major("base")
    limit_decimal = in_major("limit", told=str | None)
    reversed_decimal = in_major("reversed")
    net_decimal = in_major("net")

    @classmethod
    def of(cls, reward: Reward, payouts: Mapping[str, WithdrawalStatus], *, staff: bool, labels: Labels = NONE) -> Self:
        """`labels`: for staff alone."""
        payment = labels.payments.get(reward.payment)
        return cls(
            id=reward.id,
            partner_id=reward.partner_id,
            partner_name=labels.name(reward.partner_id),
            partner_company=labels.company(reward.partner_id),
            program_id=reward.program_id,
            tier=reward.tier,
            status=reward.status,
            amount=reward.amount,
            currency=reward.currency,
            reversed=reward.reversed,
            net=net(reward),
            limit=reward.limit,
            held=list(reward.held) if staff else sorted({r if r == DISPUTED else BY_STAFF for r in reward.held}),
            possible_duplicate_of=(reward.twin or None) if staff else None,
            cancelled=reward.cancelled,
            earned_at=iso(reward.earned_at_ms),
            matures_at=iso(reward.matures_at_ms),
            base=reward.base,
            rate_bps=reward.rate_bps or None,
            rule=reward.rule,
            rule_version=reward.rule_version,
            payment_id=reward.payment,
            payment_told_by=(payment.told_in or None) if payment else None,
            external_payment_id=(payment.external_id or None) if payment else None,
            customer_id=labels.customer(reward.referral_id),
            referral_id=reward.referral_id,
            paid_by=reward.paid_by or None,
            payout_status=payouts.get(reward.paid_by),
            note=(reward.note or None) if staff else None,
            by=(reward.by or None) if staff else None,
            created_at=iso(reward.created_at_ms),
            version=reward.version,
        )
