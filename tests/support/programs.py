"""Programs as a test would say them: the few words that matter, the rest as in the story."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from refledger.domain.programs import CurrencyTerms, Program
from refledger.domain.rules import Pay, Rule, RuleSet


def a_rule(*tiers: Pay | int, first: Sequence[Pay | int] = (), **limits: int | None) -> Rule:
    """A number is a rate in basis points. `limits`: months, payments."""
    return Rule(tuple(map(_pay, tiers)), tuple(map(_pay, first)), **limits)


def rule_of(body: dict[str, Any]) -> Rule:
    """As a request says it."""
    first = (body.get("firstPayment") or {}).get("tiers", ())
    limits = {
        name: body[told] for name, told in (("payments", "limitPayments"), ("months", "limitMonths")) if told in body
    }
    return a_rule(*map(_pay_of, body["tiers"]), first=[*map(_pay_of, first)], **limits)


def _pay_of(body: dict[str, Any]) -> Pay:
    return Pay(body.get("rateBps", 0), tuple((each["currency"], each["amount"]) for each in body.get("flat", ())))


def _pay(pay: Pay | int) -> Pay:
    return Pay(pay) if isinstance(pay, int) else pay


def a_program(
    id: str = "default",
    *,
    currency: str = "USD",
    currencies: Mapping[str, CurrencyTerms] | Sequence[str] = (),
    tier_rates_bps: Sequence[int] = (2000, 1000),
    rules: RuleSet | None = None,
    payout_minimum: int = 0,
    auto_approve_limit: int | None = None,
    second_approval_limit: int | None = None,
    adjustment_limit: int | None = None,
    conversion_limit: int | None = None,
    sales_limit: int | None = None,
    **changes: Any,
) -> Program:
    """The minimum and the limits are those of the program's own currency; `currencies` are others that it takes.

    What would stand in the way of most tests is off, unless they ask for it: cooling, and new customers only.
    """
    others = currencies if isinstance(currencies, Mapping) else {other: CurrencyTerms() for other in currencies}
    own = CurrencyTerms(
        payout_minimum, auto_approve_limit, second_approval_limit, adjustment_limit, conversion_limit, sales_limit
    )
    return Program(**{
        "id": id, "name": "Friends", "currency": currency, "rules": rules or RuleSet(a_rule(*tier_rates_bps)),
        "currencies": tuple(sorted({currency: own, **others}.items())), "cooling_hours": 0,
        "new_customers_only": False, **changes,
    })  # fmt: skip
