"""What programs and partners say of who earns what, over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import Field, model_validator

from refledger.domain.errors import Invalid
from refledger.domain.programs import MAX_CURRENCIES
from refledger.domain.rules import ANY_PRODUCT, BASIS_POINTS, MAX_LISTED, MAX_TIERS, PRODUCT_LENGTH, Own, Pay, Rule
from refledger.entry.models.common import Amount, Body, Currency, Exact, located, whole_number_of

BasisPoints = whole_number_of("hundredths of a per cent: 15 % is 1500")
Rate = Annotated[
    int, Field(ge=0, le=BASIS_POINTS, description="hundredths of a per cent", examples=[2000]), BasisPoints
]
ProductId = Annotated[Exact, Field(min_length=1, max_length=PRODUCT_LENGTH, examples=["gold"])]


class FlatAmount(Body):
    amount: Amount
    currency: Currency


Flat = Annotated[list[FlatAmount], Field(min_length=1, max_length=MAX_CURRENCIES)]


class PayBody(Body):
    """Either `rateBps`, or `flat`: the same amount of every payment, in the currencies that are named."""

    rate_bps: Rate | None = None
    flat: Flat | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.rate_bps is None) == (self.flat is None):
            raise ValueError("either rateBps or flat")
        located(self.to_pay)
        return self

    def to_pay(self) -> Pay:
        return Pay(self.rate_bps or 0, tuple(sorted((each.currency, each.amount) for each in self.flat or ())))


Tiers = Annotated[list[PayBody], Field(min_length=1, max_length=MAX_TIERS)]


class FirstPayment(Body):
    tiers: Tiers


class RuleBody(Body):
    """What tier 1, 2, … earn of a payment. `firstPayment`: what they earn of a customer's first one instead.

    `limitMonths`: only of payments within so many months of the customer's first; `limitPayments`: only of the first so
    many payments.
    """

    tiers: Tiers
    first_payment: FirstPayment | None = None
    limit_months: int | None = None
    limit_payments: int | None = None

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        located(self.to_rule)
        located(self._check_order)
        return self

    def _check_order(self) -> None:
        """Older programs may have a rule that counts more, and no new one. Raises Invalid."""
        if (self.limit_payments or 0) > MAX_LISTED:
            raise Invalid(f"limitPayments: 1 to {MAX_LISTED}")

    def to_rule(self) -> Rule:
        first = self.first_payment.tiers if self.first_payment else ()
        return Rule(
            tuple(pay.to_pay() for pay in self.tiers),
            tuple(pay.to_pay() for pay in first),
            self.limit_months,
            self.limit_payments,
        )


class ProductRuleBody(RuleBody):
    """Instead of the program's rule, for payments of one product."""

    product_id: ProductId


class OwnPayBody(PayBody):
    """What a partner earns in tier 1, of one product or, without `productId`, of all others."""

    product_id: ProductId | None = None


def to_own(rates: Sequence[OwnPayBody]) -> Own:
    return tuple(sorted(((each.product_id or ANY_PRODUCT, each.to_pay()) for each in rates), key=lambda own: own[0]))
