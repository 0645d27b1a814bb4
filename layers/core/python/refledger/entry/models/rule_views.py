"""Who earns what, over HTTP, as it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from refledger.domain.rules import Own, Pay, Rule
from refledger.entry.models.common import MoneyView, View


class PayView(View):
    rate_bps: int | None
    flat: list[MoneyView] | None

    @classmethod
    def of(cls, pay: Pay) -> Self:
        return cls(
            rate_bps=None if pay.flat else pay.rate_bps,
            flat=[MoneyView(currency=currency, amount=amount) for currency, amount in pay.flat] or None,
        )


class OwnPayView(PayView):
    product_id: str | None

    @classmethod
    def all_of(cls, own: Own) -> list[Self]:
        return [cls(product_id=product or None, **PayView.of(pay).model_dump()) for product, pay in own]


class FirstPaymentView(View):
    tiers: list[PayView]


class RuleView(View):
    tiers: list[PayView]
    first_payment: FirstPaymentView | None
    limit_months: int | None
    limit_payments: int | None

    @classmethod
    def of(cls, rule: Rule) -> Self:
        first = [PayView.of(pay) for pay in rule.first]
        return cls(
            tiers=[PayView.of(pay) for pay in rule.tiers],
            first_payment=FirstPaymentView(tiers=first) if first else None,
            limit_months=rule.months,
            limit_payments=rule.payments,
        )


class ProductRuleView(RuleView):
    product_id: str

    @classmethod
    def all_of(cls, rules: Sequence[tuple[str, Rule]]) -> list[Self]:
        return [cls(product_id=product, **RuleView.of(rule).model_dump()) for product, rule in rules]
