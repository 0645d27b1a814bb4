"""Rules as parts of items: a rate is its number, a flat amount a map of currencies."""

from __future__ import annotations

from typing import Any

from refledger.domain.rules import Own, Pay, Rule, RuleSet
from refledger.store.transaction import Item


def to_item(rules: RuleSet) -> Item:
    return {
        "default": _rule(rules.default),
        "products": [[product, _rule(rule)] for product, rule in rules.products],
        "cap": dict(rules.monthly_cap),
    }


def from_item(item: Item) -> RuleSet:
    return RuleSet(
        default=_rule_from(item["default"]),
        products=tuple((product, _rule_from(rule)) for product, rule in item["products"]),
        monthly_cap=tuple(sorted(item["cap"].items())),
    )


def own(pays: Own) -> list[list[Any]]:
    """Return a partner's own pays."""
    return [[product, _pay(pay)] for product, pay in pays]


def own_from(value: list[list[Any]]) -> Own:
    return tuple((product, _pay_from(pay)) for product, pay in value)


def _rule(rule: Rule) -> Item:
    limits = {"months": rule.months, "payments": rule.payments}
    return {
        "tiers": [_pay(pay) for pay in rule.tiers],
        "first": [_pay(pay) for pay in rule.first],
        **{name: limit for name, limit in limits.items() if limit is not None},
    }


def _rule_from(item: Item) -> Rule:
    return Rule(
        tiers=tuple(_pay_from(pay) for pay in item["tiers"]),
        first=tuple(_pay_from(pay) for pay in item["first"]),
        months=item.get("months"),
        payments=item.get("payments"),
    )


def _pay(pay: Pay) -> int | dict[str, int]:
    return dict(pay.flat) if pay.flat else pay.rate_bps


def _pay_from(value: int | dict[str, int]) -> Pay:
    return Pay.amounts(value) if isinstance(value, dict) else Pay(value)
