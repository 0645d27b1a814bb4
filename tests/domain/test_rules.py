"""What rules pay: which one is in force, how much, of which payments, and what may be promised at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refledger.domain.currencies import MAX_AMOUNT
from refledger.domain.errors import Invalid, UnknownCurrency
from refledger.domain.rules import (
    BASIS_POINTS,
    MAX_TIERS,
    Own,
    Pay,
    RateSource,
    Rule,
    RuleSet,
    Sale,
    ZeroReason,
    shares,
)
from refledger.domain.times import from_datetime, months_after
from tests.support.programs import a_rule

FLAT = Pay.amounts({"USD": 500, "EUR": 450})
calm = settings(deadline=None)


def utc(*when: int) -> int:
    return from_datetime(datetime(*when, tzinfo=UTC))  # type: ignore[arg-type, misc]


def sale(base: int = 10_000, **changes: Any) -> Sale:
    given_: dict[str, Any] = {"currency": "USD", "product": "", "paid_at_ms": 0, "number": 1, "first_at_ms": 0}
    return Sale(base, **{**given_, **changes})


def earned(ruleset: RuleSet, of: Sale, own: Own = (), partners: int = MAX_TIERS) -> list[int]:
    """What each tier earns, where there are so many partners."""
    return [share.amount for share in shares(ruleset, [f"p{n}" for n in range(partners)], own, of)]


# ---------------------------------------------------------------- amounts


def test_percent_and_flat() -> None:
    """A rate is rounded down; a flat amount is the same for every payment that is large enough."""
    mixed = RuleSet(a_rule(1250, FLAT, 0, 33))
    assert earned(mixed, sale(9_999)) == [1249, 500, 0, 32]
    assert earned(mixed, sale(9_999, currency="EUR")) == [1249, 450, 0, 32]


def test_a_flat_amount_pays_in_the_currencies_that_it_names() -> None:
    """In another nothing is earned, and it is said why; a rate is good for any."""
    flat, rate = shares(RuleSet(a_rule(FLAT, 1000)), ["p0", "p1"], (), sale(currency="JPY"))
    assert (flat.amount, flat.rate_bps, flat.nothing) == (0, 0, ZeroReason.CURRENCY)
    assert (rate.amount, rate.rate_bps, rate.nothing) == (1000, 1000, None)


def test_who_earns_nothing_is_told_why() -> None:
    """Less than one minor unit; and what is no currency of a flat amount is no rounding."""
    (share,) = shares(RuleSet(a_rule(1)), ["p"], (), sale(9_999))
    assert (share.amount, share.nothing) == (0, ZeroReason.ROUNDED)
    assert [s.nothing for s in shares(RuleSet(a_rule(1)), ["p"], (), sale(10_000))] == [None]


def test_the_farthest_tier_loses_where_the_payment_is_too_small() -> None:
    """Together tiers never earn more than the base: nearer ones are served first, in full while it lasts."""
    ruleset = RuleSet(a_rule(FLAT, FLAT, 1000))
    assert earned(ruleset, sale(2_000)) == [500, 500, 200]
    assert earned(ruleset, sale(1_050)) == [500, 500, 50]
    made = shares(ruleset, ["p0", "p1", "p2"], (), sale(700))
    assert [share.amount for share in made] == [500, 200, 0]
    assert made[2].nothing is ZeroReason.BASE
    assert earned(ruleset, sale(0)) == [0, 0, 0]


def test_ten_tiers_and_fewer_partners() -> None:
    """Each tier has its partner; where the chain is shorter the rest is nobody's, and the first tiers earn no more."""
    ruleset = RuleSet(a_rule(*range(1000, 0, -100)))
    assert earned(ruleset, sale(1_000_003)) == [1_000_003 * rate // 10_000 for rate in range(1000, 0, -100)]
    assert earned(ruleset, sale(1_000_003), partners=3) == earned(ruleset, sale(1_000_003))[:3]
    assert earned(RuleSet(a_rule(1000)), sale()) == [1000]


def test_a_cap_is_told_with_the_share_of_its_currency() -> None:
    """Each share carries what a partner may earn in a month in its currency; none where there is no cap."""
    ruleset = RuleSet(a_rule(1000), monthly_cap=(("EUR", 7), ("USD", 9)))
    caps = [share.cap for code in ("USD", "EUR", "JPY") for share in shares(ruleset, ["p"], (), sale(currency=code))]
    assert caps == [9, 7, None]
    assert earned(ruleset, sale(1_000_000)) == [
        100_000
    ]  # maturity applies it: only then it is known what the month had


# ---------------------------------------------------------------- which rule

FULL = RuleSet(a_rule(1000, 500, first=(2000, 700)), (("gold", a_rule(3000, 400)), ("new", a_rule(50, first=(60, 70)))))
OWN = (("", Pay(1500)), ("gold", Pay(3500)))


@pytest.mark.parametrize(
    ("product", "number", "own", "expected"),
    [
        ("", 2, (), [(1000, "program"), (500, "program")]),
        ("", 1, (), [(2000, "program-first"), (700, "program-first")]),
        ("unknown", 2, (), [(1000, "program"), (500, "program")]),
        ("gold", 1, (), [(3000, "product"), (400, "product")]),
        ("gold", 2, (), [(3000, "product"), (400, "product")]),
        ("new", 1, (), [(60, "product-first"), (70, "product-first")]),
        ("new", 2, (), [(50, "product")]),
        ("", 2, OWN, [(1500, "partner"), (500, "program")]),
        ("", 1, OWN, [(1500, "partner"), (700, "program-first")]),
        ("gold", 2, OWN, [(3500, "partner-product"), (400, "product")]),
        ("new", 1, OWN, [(1500, "partner"), (70, "product-first")]),
        ("new", 2, OWN, [(1500, "partner")]),
        ("", 1, OWN[1:], [(2000, "program-first"), (700, "program-first")]),
        ("gold", 1, OWN[1:], [(3500, "partner-product"), (400, "product")]),
    ],
)
def test_the_nearest_rule_is_in_force(product: str, number: int, own: Own, expected: list[tuple[int, str]]) -> None:
    """Own for the product, own, product, program; what a first payment earns others; tier 1 alone has own pays."""
    made = shares(FULL, ["p0", "p1", "p2"], own, sale(product=product, number=number))
    assert [(share.rate_bps, share.source.value) for share in made] == expected
    assert [share.amount for share in made] == [share.rate_bps for share in made]
    assert [(share.tier, share.partner_id) for share in made] == [(1, "p0"), (2, "p1")][: len(made)]


# ---------------------------------------------------------------- which payments


def test_only_the_first_payments_of_a_customer() -> None:
    """The limit's last payment earns, the next does not, whatever the partner's own pay is; other products go on."""
    ruleset = RuleSet(a_rule(1000, payments=3), (("gold", a_rule(2000)),))
    assert [earned(ruleset, sale(number=n)) for n in (1, 3, 4)] == [[1000], [1000], [0]]
    assert earned(ruleset, sale(number=4), OWN) == [0]
    assert earned(ruleset, sale(number=4, product="gold")) == [2000]
    assert shares(ruleset, ["p"], (), sale(number=4))[0].nothing is ZeroReason.PAYMENTS


@pytest.mark.parametrize(
    ("first", "months", "end"),
    [
        (utc(2026, 1, 15, 8), 1, utc(2026, 2, 15, 8)),
        (utc(2026, 1, 31), 1, utc(2026, 2, 28)),
        (utc(2028, 1, 31), 1, utc(2028, 2, 29)),
        (utc(2026, 3, 31, 23, 59), 13, utc(2027, 4, 30, 23, 59)),
        (utc(2028, 2, 29), 12, utc(2029, 2, 28)),
        (utc(2026, 12, 1), 1, utc(2027, 1, 1)),
        (utc(2026, 1, 1), 120, utc(2036, 1, 1)),
    ],
)
def test_months_are_calendar_months_and_end_before_the_moment(first: int, months: int, end: int) -> None:
    """A payment one millisecond before the same day and time so many months later earns, one in that moment does not.
    Where the month has no such day, its last one counts. What was paid before the first to arrive earns too.
    """
    ruleset = RuleSet(a_rule(1000, months=months))
    paid = [first - 1, first, end - 1, end]
    assert [earned(ruleset, sale(paid_at_ms=at, first_at_ms=first)) for at in paid] == [[1000]] * 3 + [[0]]
    assert shares(ruleset, ["p"], (), sale(paid_at_ms=end, first_at_ms=first))[0].nothing is ZeroReason.MONTHS


@calm
@given(st.integers(0, 4 * 10**12), st.integers(1, 120), st.integers(1, 120))
def test_more_months_end_later(first: int, months: int, more: int) -> None:
    """The end is after the beginning, and a longer time ends later."""
    assert first < months_after(first, months) < months_after(first, months + more)
    assert 28 * months <= (months_after(first, months) - first) // 86_400_000 <= 31 * months


@pytest.mark.parametrize(
    ("rule", "counts"),
    [
        (a_rule(1), 0),
        (a_rule(1, months=6), 1),
        (a_rule(1, first=(2,)), 1),
        (a_rule(1, payments=1), 1),
        (a_rule(1, first=(2,), months=3, payments=12), 12),
    ],
)
def test_payments_are_counted_only_as_far_as_a_rule_asks(rule: Rule, counts: int) -> None:
    """Nothing is counted for rules that treat all payments alike; a product's rule counts every product's payments."""
    assert rule.counts == counts
    assert RuleSet(rule).needs_count is (counts > 0)
    assert RuleSet(a_rule(1), (("gold", rule), ("tin", a_rule(1)))).counts == counts


# ---------------------------------------------------------------- what may be promised


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Pay(-1), "rateBps"),
        (lambda: Pay(10_001), "rateBps"),
        (lambda: Pay(1, (("USD", 5),)), "either"),
        (lambda: Pay.amounts({"USD": 0}), "flat"),
        (lambda: Pay.amounts({"USD": MAX_AMOUNT + 1}), "flat"),
        (lambda: Pay(flat=(("USD", 1), ("USD", 2))), "one amount for each currency"),
        (lambda: Rule(()), "^tiers"),
        (lambda: a_rule(*[1] * 11), "^tiers"),
        (lambda: a_rule(5000, 5001), "^tiers: together"),
        (lambda: a_rule(1, first=[1] * 11), "^firstPayment.tiers"),
        (lambda: a_rule(1, first=(9000, 1001)), "^firstPayment.tiers: together"),
        (lambda: a_rule(1, months=0), "limitMonths"),
        (lambda: a_rule(1, months=121), "limitMonths"),
        (lambda: a_rule(1, payments=0), "limitPayments"),
        (lambda: a_rule(1, payments=1001), "limitPayments"),
        (lambda: RuleSet(a_rule(1), tuple((f"p{n}", a_rule(1)) for n in range(51))), "productRules: up to 50"),
        (lambda: RuleSet(a_rule(1), (("p", a_rule(1)), ("p", a_rule(2)))), "productRules: one for each"),
        (lambda: RuleSet(a_rule(1), (("", a_rule(1)),)), "productRules: a product's id"),
        (lambda: RuleSet(a_rule(1), (("p" * 101, a_rule(1)),)), "productRules: a product's id"),
        (lambda: RuleSet(a_rule(1), monthly_cap=(("USD", 0),)), "monthlyCaps"),
        (lambda: RuleSet(a_rule(1), monthly_cap=(("USD", 1), ("USD", 2))), "monthlyCaps: one for each"),
    ],
)
def test_what_cannot_be_promised_is_refused_by_name(make: Any, told: str) -> None:
    """More than everything, nothing at all, limits out of range, the same thing twice."""
    with pytest.raises(Invalid, match=told):
        make()


def test_amounts_are_in_currencies() -> None:
    """Of flat amounts and of caps."""
    for make in (lambda: Pay.amounts({"usd": 1}), lambda: RuleSet(a_rule(1), monthly_cap=(("XTS", 1),))):
        with pytest.raises(UnknownCurrency):
            make()


def test_the_edges_are_allowed() -> None:
    """All of the payment, ten tiers, fifty products, ten years, a thousand payments."""
    widest = a_rule(*[1000] * 10, first=(10_000,), months=120, payments=1000)
    assert RuleSet(widest, tuple((f"p{n:02}" * 33, widest) for n in range(50))).depth == 10
    assert RuleSet(a_rule(1), (("gold", a_rule(1, 2, first=(1, 2, 3))),)).depth == 3


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ((("", Pay(9001)),), "the program's rule"),
        ((("", Pay(8001)), ("gold", Pay(1))), "product new"),
        ((("gold", Pay(9501)),), "product gold"),
        (tuple((f"p{n}", Pay(1)) for n in range(21)), "rates: up to 20"),
        ((("gold", Pay(1)), ("gold", Pay(2))), "rates: one for each"),
    ],
)
def test_an_own_pay_and_the_tiers_above_it_are_not_more_than_everything(own: Own, told: str) -> None:
    """Under every rule under which it can come to be in force, also that of the first payment."""
    ruleset = RuleSet(a_rule(100, 1000), (("gold", a_rule(100, 500)), ("new", a_rule(100, first=(0, 2000)))))
    with pytest.raises(Invalid, match=told):
        ruleset.check_own(own)


def test_an_own_pay_that_fits_is_allowed() -> None:
    """Up to all that the tiers above leave; a flat amount promises no part of the payment, and is cut where it must."""
    ruleset = RuleSet(a_rule(5000, 1000), (("gold", a_rule(100, 500)),))
    for own in ((("", Pay(9000)), ("gold", Pay(9500))), (("", FLAT),), ()):
        ruleset.check_own(own)
    assert earned(ruleset, sale(600), (("", FLAT),)) == [500, 60]
    assert earned(ruleset, sale(510), (("", FLAT),)) == [500, 10]


# ---------------------------------------------------------------- whatever the rules and the payment

CODES = ["USD", "EUR", "JPY"]
FLATS = st.dictionaries(st.sampled_from(CODES), st.integers(1, 10**6), min_size=1).map(Pay.amounts)


@st.composite
def tiers(draw: st.DrawFn, pays: st.SearchStrategy[Pay] = FLATS) -> list[Pay]:
    """Up to ten, of which the rates are not more than everything."""
    left, chosen = BASIS_POINTS, list[Pay]()
    for _ in range(draw(st.integers(1, MAX_TIERS))):
        chosen.append(draw(st.integers(0, left).map(Pay) | pays))
        left -= chosen[-1].rate_bps
    return draw(st.permutations(chosen))


RATES = tiers(st.nothing())
BASES = st.integers(0, 10**15)
LIMITS = st.none() | st.integers(1, 12)
RULES = st.builds(
    Rule, tiers().map(tuple), (st.just([]) | tiers()).map(tuple), months=LIMITS, payments=LIMITS
)  # fmt: skip
RULESETS = st.builds(
    RuleSet, RULES, st.dictionaries(st.sampled_from(["a", "b"]), RULES).map(lambda d: tuple(sorted(d.items()))),
)  # fmt: skip
OWNS = st.dictionaries(st.sampled_from(["", "a", "c"]), FLATS | st.integers(0, BASIS_POINTS).map(Pay)).map(
    lambda pays: tuple(sorted(pays.items()))
)
SALES = st.builds(
    Sale, BASES | st.integers(0, 5_000), st.sampled_from(CODES), st.sampled_from(["", "a", "b", "c"]),
    st.integers(0, 10**11), st.integers(1, 14), st.integers(0, 10**11),
)  # fmt: skip


@calm
@given(RULESETS, OWNS, SALES, st.integers(1, MAX_TIERS))
def test_never_more_than_the_base_and_nothing_without_a_reason(
    ruleset: RuleSet, own: Own, of: Sale, partners: int
) -> None:
    """Whatever was promised: all together stay within the net payment, and every zero says why."""
    made = shares(ruleset, [f"p{n}" for n in range(partners)], own, of)
    assert sum(share.amount for share in made) <= of.base
    assert len(made) <= min(partners, ruleset.depth)
    for share in made:
        assert share.amount >= 0
        assert (share.amount == 0) is (share.nothing is not None)
        assert share.amount <= of.base * share.rate_bps // BASIS_POINTS or share.rate_bps == 0


@calm
@given(RATES, BASES)
def test_rates_are_rounded_down_each_by_itself(rates: list[Pay], base: int) -> None:
    """Each tier is short of its exact share by less than one unit, and does not depend on the others or their order."""
    made = earned(RuleSet(a_rule(*rates)), sale(base))
    assert all(
        0 <= base * pay.rate_bps - part * BASIS_POINTS < BASIS_POINTS for pay, part in zip(rates, made, strict=True)
    )
    assert sum(made) <= base * sum(pay.rate_bps for pay in rates) // BASIS_POINTS
    assert made[::-1] == earned(RuleSet(a_rule(*rates[::-1])), sale(base))


@calm
@given(RATES, BASES)
def test_a_larger_payment_never_earns_less(rates: list[Pay], base: int) -> None:
    """No tier loses anything by one more minor unit."""
    ruleset = RuleSet(a_rule(*rates))
    assert all(a <= b for a, b in zip(earned(ruleset, sale(base)), earned(ruleset, sale(base + 1)), strict=True))


@calm
@given(tiers(), BASES, st.integers(1, MAX_TIERS - 1))
def test_a_nearer_tier_earns_the_same_whoever_is_above(pays: list[Pay], base: int, partners: int) -> None:
    """A longer chain takes nothing from those who were there before: the farthest loses."""
    ruleset = RuleSet(a_rule(*pays))
    assert earned(ruleset, sale(base), partners=partners + 1)[:partners] == earned(
        ruleset, sale(base), partners=partners
    )


@calm
@given(RULESETS, OWNS, SALES)
def test_an_own_pay_changes_tier_one_alone_where_it_fits(ruleset: RuleSet, own: Own, of: Sale) -> None:
    """The tiers above earn what they would have without it, unless flat amounts use the payment up."""
    without = shares(ruleset, ["p0", "p1", "p2"], (), of)
    made = shares(ruleset, ["p0", "p1", "p2"], own, of)
    assert [replace(s, amount=0, nothing=None) for s in made[1:]] == [
        replace(s, amount=0, nothing=None) for s in without[1:]
    ]
    if sum(share.amount for share in made) < of.base and sum(share.amount for share in without) < of.base:
        assert made[1:] == without[1:]
    is_own = made[0].source in (RateSource.PARTNER, RateSource.PARTNER_PRODUCT)
    assert is_own is bool({"", of.product} & set(dict(own)))


GOLD_AND_BASIC = RuleSet(
    Rule((Pay(1000), Pay(100))), (("basic", Rule((Pay.amounts({"USD": 500}),))), ("gold", Rule((Pay(3000), Pay(200)))))
)


def sale_of(base: int, *lines: tuple[str, int]) -> Sale:
    return Sale(base, "USD", "", 0, 1, 0, lines)


def test_each_line_earns_by_the_rule_of_its_product() -> None:
    """Gold 100.00 at 30 %, something else 100.00 at the program's 10 %: 40.00, and the second tier likewise."""
    first, second = shares(GOLD_AND_BASIC, ["a", "b"], (), sale_of(20_000, ("gold", 10_000), ("seats", 10_000)))
    assert (first.amount, first.rate_bps, first.source) == (4_000, 0, RateSource.LINES)
    assert second.amount == 300


def test_lines_without_rules_of_their_own_are_one_sale() -> None:
    """Not rounded line by line, and told as the program's rule."""
    told = shares(GOLD_AND_BASIC, ["a"], (), sale_of(99, ("x", 33), ("y", 33), ("z", 33)))
    assert told == shares(GOLD_AND_BASIC, ["a"], (), sale_of(99))
    assert told[0].rate_bps == 1000


def test_a_flat_amount_is_earned_once_for_its_product() -> None:
    """Whatever the number of lines; and never more than was paid for it."""
    (first,) = shares(GOLD_AND_BASIC, ["a"], (), sale_of(11_000, ("basic", 1_000), ("seats", 10_000)))
    assert first.amount == 500 + 1_000
    (small,) = shares(GOLD_AND_BASIC, ["a"], (), sale_of(10_100, ("basic", 100), ("seats", 10_000)))
    assert small.amount == 100 + 1_000


def test_a_partners_own_rate_for_a_product_is_for_its_lines() -> None:
    """Beside the program's rule for the others."""
    own = (("seats", Pay(5000)),)
    (first,) = shares(GOLD_AND_BASIC, ["a"], own, sale_of(20_000, ("gold", 10_000), ("seats", 10_000)))
    assert first.amount == 3_000 + 5_000


@given(
    st.integers(0, 10**9),
    st.lists(st.tuples(st.sampled_from(["gold", "basic", "seats", ""]), st.integers(1, 10**8)), max_size=6),
)
def test_lines_never_earn_more_than_the_base(rest: int, lines: list[tuple[str, int]]) -> None:
    """All tiers and lines together."""
    base = rest + sum(part for _, part in lines)
    told = shares(GOLD_AND_BASIC, ["a", "b"], (), sale_of(base, *lines))
    assert 0 <= sum(share.amount for share in told) <= base
