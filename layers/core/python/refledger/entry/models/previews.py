"""What terms would earn whom, over HTTP, before anybody makes them."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Self

from pydantic import Field

from refledger.domain.rules import RateSource, RuleSet, Sale, Share, ZeroReason, shares
from refledger.entry.models.common import Amount, Body, Currency, View, in_major
from refledger.entry.models.programs import ProgramBody
from refledger.entry.models.rules import ProductId


class PreviewBody(Body):
    """Terms as of `PUT /programs/{programId}`, and a payment: what a customer would pay, tax and all that does not earn
    left out. `currency`: that of the terms unless it is said. `productId`: of which product, none unless it is said.
    """

    terms: ProgramBody
    amount: Annotated[Amount, Field(examples=[10_000])]
    currency: Currency | None = None
    product_id: ProductId | None = None


class PreviewShareView(View):
    """What a tier would earn, before a monthly cap. `nothing`: why it is nothing; null where it is something."""

    tier: int
    amount: int
    currency: str
    amount_decimal = in_major("amount")
    rate_bps: int | None
    source: RateSource
    nothing: ZeroReason | None

    @classmethod
    def of(cls, share: Share, currency: str) -> Self:
        return cls(
            tier=share.tier, amount=share.amount, currency=currency, rate_bps=share.rate_bps or None,
            source=share.source, nothing=share.nothing,
        )  # fmt: skip


class PreviewView(View):
    """What each tier would earn.

    `first`: of a customer's first payment. `later`: of the next one, at the same moment. `cap`: what a partner could
    earn in a month at most, in minor units; null where there is no cap.
    """

    currency: str
    amount: int
    amount_decimal = in_major("amount")
    cap: int | None
    first: list[PreviewShareView]
    later: list[PreviewShareView]

    @classmethod
    def of(cls, body: PreviewBody) -> Self:
        rules, currency = body.terms.to_program("", 0).rules, body.currency or body.terms.currency
        sale = Sale(body.amount, currency, body.product_id or "", paid_at_ms=0, number=1, first_at_ms=0)
        return cls(
            currency=currency,
            amount=body.amount,
            cap=dict(rules.monthly_cap).get(currency),
            first=_earned(rules, sale, 1),
            later=_earned(rules, sale, 2),
        )


def _earned(rules: RuleSet, sale: Sale, number: int) -> list[PreviewShareView]:
    """Return what every tier would earn of the customer's payment of this number."""
    above = [str(tier) for tier in range(1, rules.depth + 1)]
    made = shares(rules, above, (), replace(sale, number=number))
    return [PreviewShareView.of(share, sale.currency) for share in made]
