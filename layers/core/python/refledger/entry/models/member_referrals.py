"""A member's code, referrals and figures over HTTP."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field

from refledger.domain.partners import Partner, PartnerStatus
from refledger.domain.referrals import ReferralStatus
from refledger.domain.uplines import Binding
from refledger.entry.models.common import MoneyView, View, in_major
from refledger.operations.figures.rollups import PartnerStatistics, Tier


class CodeView(View):
    code: str
    partner_id: str
    status: PartnerStatus

    @classmethod
    def of(cls, partner: Partner) -> Self:
        return cls(code=partner.code, partner_id=partner.id, status=partner.status)


class AppliedView(View):
    referral_id: str
    partner_id: str
    status: ReferralStatus
    tier: int

    @classmethod
    def of(cls, binding: Binding) -> Self:
        return cls(
            referral_id=binding.referral_id,
            partner_id=binding.upline[0].partner_id,
            status=ReferralStatus.ACCEPTED,
            tier=1,
        )


class TierView(View):
    referrals: int
    earnings: list[MoneyView]

    @classmethod
    def of(cls, tier: Tier) -> Self:
        earnings = [MoneyView(currency=currency, amount=amount) for currency, amount in tier.earnings.items()]
        return cls(referrals=tier.referrals, earnings=earnings)


class BalanceView(View):
    currency: str
    pending: int
    available: int
    reserved: int
    paid: int
    pending_decimal = in_major("pending")
    available_decimal = in_major("available")
    reserved_decimal = in_major("reserved")
    paid_decimal = in_major("paid")


class StatisticsView(View):
    """The tiers follow within a second or so; `available`, `reserved`, `paid` are exact. `pending` is what was earned
    and is not among them: what has matured is never told as both. `overCap`: what monthly caps take of all tiers
    together. `givenByHand`: by the company, and no tier's.
    """

    tier1: TierView
    tier2: TierView
    deeper_tiers: dict[int, TierView] = Field(default_factory=dict)
    given_by_hand: list[MoneyView]
    over_cap: list[MoneyView]
    balances: list[BalanceView]

    @classmethod
    def of(cls, figures: PartnerStatistics) -> Self:
        tiers = {number: TierView.of(tier) for number, tier in figures.tiers.items()}
        none = TierView(referrals=0, earnings=[])
        exact = {balance.currency: balance for balance in figures.balances}
        rows: list[dict[str, Any]] = []
        for currency in sorted({*exact, *(c for c, amount in figures.pending.items() if amount)}):
            balance = exact.get(currency)
            rows.append({
                "currency": currency, "pending": figures.pending.get(currency, 0),
                "available": balance.available if balance else 0, "reserved": balance.reserved if balance else 0,
                "paid": balance.paid if balance else 0,
            })  # fmt: skip
        return cls(
            tier1=tiers.pop(1, none),
            tier2=tiers.pop(2, none),
            deeper_tiers=tiers,
            given_by_hand=[MoneyView(currency=currency, amount=n) for currency, n in figures.by_hand.items() if n],
            over_cap=[MoneyView(currency=currency, amount=n) for currency, n in figures.over.items() if n],
            balances=[BalanceView(**row) for row in rows],
        )
