"""What a payment earns whom: the rules of a program, its products and its partners, and what they come to.

A program's rules are one `RuleSet` of one version; a customer's payments go by the version under which they were bound.
Amounts are minor units, rates hundredths of a per cent (basis points) of a payment's base.

For tier 1 the nearest of these decides, for the tiers above it the last two:
    the partner's own pay for the product > the partner's own pay > the product's rule > the program's rule
Limits in months and in payments are always those of the product's rule, or else of the program's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from refledger.domain.currencies import MAX_AMOUNT, exponent
from refledger.domain.errors import Invalid
from refledger.domain.times import months_after

BASIS_POINTS = 10_000
MAX_TIERS = 10
MAX_PRODUCTS = 50
MAX_OWN_PRODUCTS = 20  # a partner's own pays are kept with every customer, who is read with every payment
MAX_MONTHS = 120
MAX_PAYMENTS = 1_000
SPARE = 8  # payments that are listed beyond those that rules count: who has a place once one before them loses its own
MAX_LISTED = 120  # payments of a customer whose order is kept; a rule that counts more goes by that of their arrival
PRODUCT_LENGTH = 100
ANY_PRODUCT = ""  # in a partner's own pays: for products without one


@dataclass(frozen=True)
class Pay:
    """What one tier earns of one payment: a rate, or a flat amount per currency."""

    rate_bps: int = 0
    flat: tuple[tuple[str, int], ...] = ()  # (currency, minor units), by currency; empty: the rate counts

    def __post_init__(self) -> None:
        if not 0 <= self.rate_bps <= BASIS_POINTS:
            raise Invalid(f"rateBps: 0 to {BASIS_POINTS} basis points")
        if self.flat and self.rate_bps:
            raise Invalid("flat: either a rate or flat amounts")
        for currency, amount in self.flat:
            exponent(currency)  # raises UnknownCurrency
            if not 1 <= amount <= MAX_AMOUNT:
                raise Invalid("flat: not an amount")
        if len(dict(self.flat)) < len(self.flat):
            raise Invalid("flat: one amount for each currency")

    @classmethod
    def amounts(cls, flat: Mapping[str, int]) -> Pay:
        """Make a flat amount in each of these currencies, and nothing in others."""
        return cls(flat=tuple(sorted(flat.items())))

    def of(self, base: int, currency: str) -> int:
        """Return what is earned of `base`, both in minor units, rounded down.

        So tiers together never pass the sum of their rates. A flat amount may be more than a small base.
        """
        return dict(self.flat).get(currency, 0) if self.flat else base * self.rate_bps // BASIS_POINTS


Own = tuple[tuple[str, Pay], ...]  # a partner's own pays by product, sorted


@dataclass(frozen=True)
class Rule:
    """Who earns what from a customer's payments, and from which of them."""

    tiers: tuple[Pay, ...]  # tier 1, 2, …
    first: tuple[Pay, ...] = ()  # instead of them for a customer's first payment; empty: no difference
    months: int | None = None  # only payments within this many months of the customer's first; None: for ever
    payments: int | None = None  # only the customer's first so many payments; None: all

    def __post_init__(self) -> None:
        if not 1 <= len(self.tiers) <= MAX_TIERS:
            raise Invalid(f"tiers: 1 to {MAX_TIERS}")
        if len(self.first) > MAX_TIERS:
            raise Invalid(f"firstPayment.tiers: 1 to {MAX_TIERS}")
        for name, pays in (("tiers", self.tiers), ("firstPayment.tiers", self.first)):
            if sum(pay.rate_bps for pay in pays) > BASIS_POINTS:
                raise Invalid(f"{name}: together they are more than the whole payment")
        if self.months is not None and not 1 <= self.months <= MAX_MONTHS:
            raise Invalid(f"limitMonths: 1 to {MAX_MONTHS}")
        if self.payments is not None and not 1 <= self.payments <= MAX_PAYMENTS:
            raise Invalid(f"limitPayments: 1 to {MAX_PAYMENTS}")

    @property
    def counts(self) -> int:
        """How many of a customer's payments have to be counted for it; 0: it never asks."""
        return max(self.payments or 0, 1 if self.first or self.months else 0)


class RateSource(StrEnum):
    """Which rule a share comes from."""

    PROGRAM = "program"  # the program's, whatever the product
    PROGRAM_FIRST = "program-first"  # the program's, for a customer's first payment
    PRODUCT = "product"  # the program's for the product
    PRODUCT_FIRST = "product-first"  # the program's for the product, for a customer's first payment
    PARTNER = "partner"  # the partner's own, whatever the product
    PARTNER_PRODUCT = "partner-product"  # the partner's own for the product
    LINES = "lines"  # several: the payment is of several products


FIRST = {RateSource.PROGRAM: RateSource.PROGRAM_FIRST, RateSource.PRODUCT: RateSource.PRODUCT_FIRST}


@dataclass(frozen=True)
class RuleSet:
    """All rules of one version of a program."""

    default: Rule
    products: tuple[tuple[str, Rule], ...] = ()  # by product, sorted
    monthly_cap: tuple[tuple[str, int], ...] = ()  # what a partner may earn in a month of payments, by currency

    def __post_init__(self) -> None:
        check_products("productRules", [product for product, _ in self.products], MAX_PRODUCTS)
        if len(dict(self.monthly_cap)) < len(self.monthly_cap):
            raise Invalid("monthlyCaps: one for each currency")
        for currency, amount in self.monthly_cap:
            exponent(currency)
            if not 1 <= amount <= MAX_AMOUNT:
                raise Invalid("monthlyCaps: not an amount")

    @property
    def depth(self) -> int:
        """How many tiers may earn from a payment, of whatever product."""
        return max(max(len(rule.tiers), len(rule.first)) for _, rule in self._all())

    @property
    def counts(self) -> int:
        """How many of a customer's payments have to be counted.

        Every product's payment is one of the customer's.
        """
        return max(rule.counts for _, rule in self._all())

    @property
    def needs_count(self) -> bool:
        return self.counts > 0

    @property
    def keeps_all(self) -> bool:
        """Whether the time of every payment is kept: one that is beyond a limit now may be within it later."""
        return any(rule.payments or rule.months for _, rule in self._all())

    @property
    def steps(self) -> frozenset[int]:
        """The numbers after which a customer's payment is treated differently than before."""
        limits = {rule.payments for _, rule in self._all() if rule.payments}
        return frozenset(limits | ({1} if any(rule.first for _, rule in self._all()) else set()))

    @property
    def months(self) -> list[int]:
        """The limits in months that there are, the shortest first."""
        return sorted({rule.months for _, rule in self._all() if rule.months})

    def rule(self, product: str) -> tuple[Rule, RateSource]:
        """Return the rule in force for a product ("" where the payment names none)."""
        found = dict(self.products).get(product)
        return (found, RateSource.PRODUCT) if found else (self.default, RateSource.PROGRAM)

    def currencies(self) -> dict[str, set[str]]:
        """Return the currencies that are named, by where they are."""
        return {
            "rules": _named([self.default]),
            "productRules": _named([rule for _, rule in self.products]),
            "monthlyCaps": set(dict(self.monthly_cap)),
        }

    def _all(self) -> list[tuple[str, Rule]]:
        return [(ANY_PRODUCT, self.default), *self.products]

    def check_own(self, own: Own) -> None:
        """Raise Invalid where a partner's own pay and the tiers above it are more than the whole payment."""
        check_products("rates", [product for product, _ in own if product != ANY_PRODUCT], MAX_OWN_PRODUCTS)
        for product in {ANY_PRODUCT, *dict(self.products), *dict(own)}:
            if not (mine := own_in_force(own, product)):
                continue
            rule, _ = self.rule(product)
            for above in (rule.tiers[1:], rule.first[1:]):
                if mine[0].rate_bps + sum(pay.rate_bps for pay in above) > BASIS_POINTS:
                    where = f"product {product}" if product else "the program's rule"
                    raise Invalid(f"rates: with the tiers above, more than the whole payment for {where}")


def _named(rules: Sequence[Rule]) -> set[str]:
    return {currency for rule in rules for pay in (*rule.tiers, *rule.first) for currency, _ in pay.flat}


def check_products(name: str, products: Sequence[str], most: int) -> None:
    """Raise Invalid unless these are ids of different products, and not too many."""
    if len(products) > most:
        raise Invalid(f"{name}: up to {most} products")
    if len(set(products)) < len(products):
        raise Invalid(f"{name}: one for each product")
    if not all(1 <= len(product) <= PRODUCT_LENGTH for product in products):
        raise Invalid(f"{name}: a product's id has 1 to {PRODUCT_LENGTH} characters")


@dataclass(frozen=True)
class Sale:
    """What rules look at in a payment."""

    base: int
    currency: str
    product: str  # "" where the payment names none
    paid_at_ms: int
    number: int  # which of the customer's payments it is, from 1, in the order in which they were made
    first_at_ms: int  # when the customer made the first of them
    lines: tuple[tuple[str, int], ...] = ()  # (product, part of the base) of several; what they leave names no product


class ZeroReason(StrEnum):
    """Why a tier earns nothing."""

    MONTHS = "MONTHS"  # the customer's months are over
    PAYMENTS = "PAYMENTS"  # the customer has made more payments than count
    CURRENCY = "CURRENCY"  # the flat amount does not name this currency
    ROUNDED = "ROUNDED"  # less than one minor unit
    BASE = "BASE"  # nearer tiers earned the whole payment


@dataclass(frozen=True)
class Share:
    """What one tier earns of one payment, and by which rule."""

    tier: int
    partner_id: str
    amount: int
    rate_bps: int  # 0 for a flat amount
    source: RateSource
    cap: int | None  # what the partner may earn in that month, in the payment's currency
    nothing: ZeroReason | None  # why the amount is 0
    base: int  # what it is a part of


def shares(rules: RuleSet, partner_ids: Sequence[str], own: Own, sale: Sale) -> list[Share]:
    """Return what each tier earns, nearest first, those that earn nothing among them.

    Of several products by the rule of each. Lines that go by the same rule are one sale: a flat amount is earned once,
    and nothing is rounded line by line.
    """
    if not sale.lines:
        return _shares(rules, partner_ids, own, sale)
    ruled = {product for product, _ in (*rules.products, *own)}
    parts: dict[str, int] = defaultdict(int)
    for product, base in (*sale.lines, (ANY_PRODUCT, sale.base - sum(part for _, part in sale.lines))):
        parts[product if product in ruled else ANY_PRODUCT] += base
    sales = [replace(sale, product=product, base=base, lines=()) for product, base in sorted(parts.items()) if base]
    if len(sales) <= 1:
        return _shares(rules, partner_ids, own, sales[0] if sales else replace(sale, lines=()))
    return _together([_shares(rules, partner_ids, own, part) for part in sales], sale.base)


def _together(by_part: Sequence[Sequence[Share]], base: int) -> list[Share]:
    """What each tier earns of all parts, and so of the whole base."""
    made: dict[int, Share] = {}
    for share in (share for part in by_part for share in part):
        before = made.get(share.tier)
        if before is None:
            made[share.tier] = replace(share, rate_bps=0, source=RateSource.LINES, base=base)
        else:
            amount = before.amount + share.amount
            nothing = None if amount else before.nothing
            made[share.tier] = replace(before, amount=amount, nothing=nothing)
    return [made[tier] for tier in sorted(made)]


def _shares(rules: RuleSet, partner_ids: Sequence[str], own: Own, sale: Sale) -> list[Share]:
    """What each tier earns of a sale of one product, nearest first, those that earn nothing among them.

    Each pay is worked out by itself and rounded down. Flat amounts may come to more than a small payment: then nearer
    tiers are served before farther ones, so all shares together are never more than the base.
    `own`: the nearest partner's own pays; the partners are those above the customer, nearest first.
    """
    rule, source = rules.rule(sale.product)
    over = _over(rule, sale)
    is_first = bool(rule.first) and sale.number == 1
    tiers = [(pay, FIRST[source] if is_first else source) for pay in (rule.first if is_first else rule.tiers)]
    tiers[0] = own_in_force(own, sale.product) or tiers[0]
    cap = dict(rules.monthly_cap).get(sale.currency)
    left, made = sale.base, []
    for tier, (partner_id, (pay, by)) in enumerate(zip(partner_ids, tiers, strict=False), start=1):
        asked = 0 if over else pay.of(sale.base, sale.currency)
        amount = min(asked, left)
        left -= amount
        nothing = None if amount else over or _why_nothing(pay, asked, sale.currency)
        made.append(Share(tier, partner_id, amount, pay.rate_bps, by, cap, nothing, sale.base))
    return made


def own_in_force(own: Own, product: str) -> tuple[Pay, RateSource] | None:
    """Return the partner's own pay in force for a product; None where there is none."""
    pays = dict(own)
    if product and product in pays:
        return pays[product], RateSource.PARTNER_PRODUCT
    return (pays[ANY_PRODUCT], RateSource.PARTNER) if ANY_PRODUCT in pays else None


def _over(rule: Rule, sale: Sale) -> ZeroReason | None:
    """Which limit of the rule the payment is beyond. Months end in the moment that they began, so many months later."""
    if rule.payments is not None and sale.number > rule.payments:
        return ZeroReason.PAYMENTS
    if rule.months is not None and sale.paid_at_ms >= months_after(sale.first_at_ms, rule.months):
        return ZeroReason.MONTHS
    return None


def _why_nothing(pay: Pay, asked: int, currency: str) -> ZeroReason:
    if asked:
        return ZeroReason.BASE
    return ZeroReason.CURRENCY if pay.flat and currency not in dict(pay.flat) else ZeroReason.ROUNDED
