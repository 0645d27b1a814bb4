"""What partners must have after a history, worked out from the facts alone: by when things happened, in no order.

Knows nothing of how payments are taken: plain arithmetic over all facts at once, from the rules' page.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from refledger.domain.rules import Pay, Rule, RuleSet
from refledger.domain.times import day, months_after


@dataclass(frozen=True)
class Paid:
    """A payment: of whom, when, how much, of which product. `key`: what orders payments of one moment."""

    id: str
    key: str
    customer: str
    at_ms: int
    amount: int
    product: str = ""


@dataclass(frozen=True)
class Partly:
    """What a charge says of a payment that its invoice knows better: some of it was captured, and of that a base."""

    payment: str
    amount: int
    base: int


@dataclass(frozen=True)
class Refunded:
    payment: str
    id: str
    amount: int


@dataclass(frozen=True)
class Disputed:
    payment: str
    id: str
    amount: int


@dataclass(frozen=True)
class Closed:
    payment: str
    id: str
    won: bool


Fact = Paid | Partly | Refunded | Disputed | Closed


def balances(
    facts: Sequence[Fact], chains: dict[str, list[str]], rules: RuleSet, currency: str = "USD"
) -> dict[str, int]:
    """What each partner has once everything has matured. `chains`: by customer, who is above them, nearest first."""
    kept: dict[tuple[str, str], int] = defaultdict(int)
    payments = [fact for fact in facts if isinstance(fact, Paid)]
    for paid in payments:
        left = paid.amount - _gone(paid, facts)
        own = sorted((each for each in payments if each.customer == paid.customer and each.amount), key=_when)
        for partner, share in zip(chains[paid.customer], _shares(paid, own, rules, currency), strict=False):
            kept[partner, day(paid.at_ms)[:6]] += share * left // paid.amount if paid.amount else 0
    cap = dict(rules.monthly_cap).get(currency)
    found: dict[str, int] = defaultdict(int)
    for (partner, _), amount in kept.items():
        found[partner] += amount if cap is None else min(cap, amount)
    return {partner: amount for partner, amount in found.items() if amount}


def _when(paid: Paid) -> tuple[int, str]:
    return paid.at_ms, paid.key


def _gone(paid: Paid, facts: Sequence[Fact]) -> int:
    gone = sum(fact.amount for fact in facts if isinstance(fact, Refunded) and fact.payment == paid.id)
    won = {fact.id for fact in facts if isinstance(fact, Closed) and fact.payment == paid.id and fact.won}
    gone += sum(
        fact.amount for fact in facts if isinstance(fact, Disputed) and fact.payment == paid.id and fact.id not in won
    )
    return min(gone, paid.amount)


def _shares(paid: Paid, own: list[Paid], rules: RuleSet, currency: str) -> list[int]:
    """What each tier earns of it, nearest first. `own`: all of the customer's payments, as they were made."""
    if not paid.amount:
        return []
    rule: Rule = dict(rules.products).get(paid.product, rules.default)
    number, first_ms = own.index(paid) + 1, own[0].at_ms
    if rule.payments is not None and number > rule.payments:
        return []
    if rule.months is not None and paid.at_ms >= months_after(first_ms, rule.months):
        return []
    pays: tuple[Pay, ...] = rule.first if rule.first and number == 1 else rule.tiers
    left, given = paid.amount, []
    for pay in pays:
        share = dict(pay.flat).get(currency, 0) if pay.flat else paid.amount * pay.rate_bps // 10_000
        given.append(min(share, left))
        left -= given[-1]
    return given
