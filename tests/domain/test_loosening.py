"""Which changes of a program loosen, what takes effect at once, and what another admin is shown and lets through."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain.errors import Conflict
from refledger.domain.exposures import passes
from refledger.domain.links import Links
from refledger.domain.loosening import (
    TERMS,
    ChangeStatus,
    ProgramChange,
    TermChange,
    TermKind,
    apply,
    at_creation,
    expires_at,
    raises,
    raises_own,
    split,
)
from refledger.domain.partners import Idle
from refledger.domain.portals import Portal
from refledger.domain.programs import (
    CURRENCY_TERMS,
    FALLS_BACK,
    CurrencyTerms,
    Looser,
    Program,
    ProgramStatus,
    Weights,
    safe_terms,
)
from refledger.domain.rules import Own, Pay, RuleSet, Sale, shares
from refledger.domain.times import DAY_MS
from tests.support.programs import a_program, a_rule

# by field of a program: (stricter, looser); both ways are tried
BOTH_WAYS: dict[str, tuple[Any, Any]] = {
    "hold_days": (30, 29),
    "approval_timeout_seconds": (60, 61),
    "reviews_rewards": (True, False),
    "attribution_days": (90, None),
    "cooling_hours": (72, 71),
    "bind_within_hours": (24, 25),
    "new_customers_only": (True, False),
    "commission_on_shipping": (False, True),
    "maker_window_days": (30, 29),
    "exposure": (Weights("USD", ()), None),
}
NEUTRAL: dict[str, tuple[Any, Any]] = {
    "name": ("Friends", "Fellows"),
    "links": (None, Links("https://a.example/", ("a.example",))),
    "portal": (None, Portal(("https://a.example",))),
}
# by term of a currency
LIMITS_BOTH_WAYS: dict[str, list[tuple[Any, Any]]] = {
    "payout_minimum": [(2, 1)],
    "auto_approve_limit": [(None, 0), (1, 2)],
    "second_approval_limit": [(0, None), (1, 2)],
    "adjustment_limit": [(0, None), (1, 2)],
    "conversion_limit": [(1, 2)],
    "sales_limit": [(1, 2)],
}
BASE = a_program(payout_minimum=1000, second_approval_limit=500, adjustment_limit=500)
BPS = st.integers(0, 3_000)
TIERS = st.lists(BPS, min_size=1, max_size=3)
MAYBE = st.none() | st.integers(1, 3)
RULES = st.builds(
    lambda tiers, first, months, payments: a_rule(
        *tiers, first=first, **{n: v for n, v in (("months", months), ("payments", payments)) if v}
    ),
    TIERS, st.lists(BPS, max_size=3), MAYBE, MAYBE,
)  # fmt: skip
RULE_SETS = st.builds(
    lambda rule, gold, cap: RuleSet(
        rule, (("gold", gold),) if gold else (), (("USD", cap),) if cap else ()
    ),
    RULES, st.none() | RULES, st.none() | st.integers(1, 50),
)  # fmt: skip


def pending(program: Program, *terms: TermChange) -> ProgramChange:
    return ProgramChange("c", program.id, program.version, terms, "ann", 0, expires_at(0))


# ---------------------------------------------------------------- the tables


def test_every_field_of_a_program_has_a_row() -> None:
    """One that is added without saying whether it protects fails here, and so does one that nobody tries both ways."""
    assert set(TERMS) == {field.name for field in fields(Program)}
    assert set(CURRENCY_TERMS) == set(LIMITS_BOTH_WAYS) == {field.name for field in fields(CurrencyTerms)}
    facts = {name for name, row in TERMS.items() if row in (TermKind.FACT, TermKind.STATUS)}
    assert {*BOTH_WAYS, *NEUTRAL, "currency", "currencies", "rules"} == set(TERMS) - facts


@pytest.mark.parametrize("field", BOTH_WAYS)
def test_a_term_tightens_at_once_and_loosens_by_two(field: str) -> None:
    """In one direction nothing waits, in the other nothing is done."""
    strict, loose = BOTH_WAYS[field]
    stricter, looser = replace(BASE, **{field: strict}), replace(BASE, **{field: loose})
    assert split(looser, stricter, earns=False) == (stricter, ())
    assert split(stricter, looser, earns=False) == (stricter, (TermChange(field, "", strict, loose),))


@pytest.mark.parametrize("field", NEUTRAL)
def test_what_protects_nobody_changes_at_once(field: str) -> None:
    """In both directions."""
    one, other = (replace(BASE, **{field: value}) for value in NEUTRAL[field])
    assert split(one, other, earns=True) == (other, ())
    assert split(other, one, earns=True) == (one, ())


@pytest.mark.parametrize(("term", "pair"), [(t, pair) for t, pairs in LIMITS_BOTH_WAYS.items() for pair in pairs])
@pytest.mark.parametrize("currency", ["USD", "EUR"])
def test_limits_of_each_currency_go_by_themselves(term: str, pair: tuple[Any, Any], currency: str) -> None:
    """The program's own currency, and any other."""
    program = a_program(currencies=("EUR",))

    def with_limit(value: Any) -> Program:
        terms = {
            code: replace(each, **{term: value}) if code == currency else each for code, each in program.currencies
        }
        return replace(program, currencies=tuple(sorted(terms.items())))

    stricter, looser = with_limit(pair[0]), with_limit(pair[1])
    assert split(looser, stricter, earns=False) == (stricter, ())
    assert split(stricter, looser, earns=False) == (stricter, (TermChange(term, currency, *pair),))


def test_facts_are_never_part_of_a_change() -> None:
    """Status, pauses, version and who made it stay as they are, whatever the new terms carry."""
    wanted = replace(BASE, status=ProgramStatus.PAUSED, idle=(Idle(1),), version=9, changed_by="eve", reason="x")
    assert split(BASE, wanted, earns=True) == (BASE, ())


# ---------------------------------------------------------------- splitting


def test_what_tightens_does_not_wait_for_what_loosens() -> None:
    """A mixed change is divided: half now, half pending; and confirmed it is what was asked for."""
    wanted = replace(
        BASE, name="Fellows", hold_days=5, cooling_hours=0,
        currencies=(("USD", CurrencyTerms(900, None, None, 400)),),
    )  # fmt: skip
    old = replace(BASE, cooling_hours=72)
    now, waiting = split(old, wanted, earns=False)
    assert now == replace(old, name="Fellows", hold_days=5, currencies=(("USD", CurrencyTerms(1000, None, 500, 400)),))
    assert set(waiting) == {
        TermChange("cooling_hours", "", 72, 0), TermChange("payout_minimum", "USD", 1000, 900),
        TermChange("second_approval_limit", "USD", 500, None),
    }  # fmt: skip
    assert apply(now, pending(now, *waiting), 0) == wanted


def test_a_currency_that_is_added_begins_with_the_strictest_terms() -> None:
    """It is taken at once; what one person may do alone in it waits."""
    euro = CurrencyTerms(100, 50, 7, 8)
    wanted = replace(BASE, currencies=(("EUR", euro), *BASE.currencies))
    now, waiting = split(BASE, wanted, earns=False)
    assert now.terms("EUR") == CurrencyTerms(100, None, 0, 0)
    assert {each.field for each in waiting} == {"auto_approve_limit", "second_approval_limit", "adjustment_limit"}
    assert apply(now, pending(now, *waiting), 0) == wanted
    assert split(wanted, BASE, earns=False) == (BASE, ()), "to take one no more is stricter"


def test_another_main_currency_is_compared_by_its_terms() -> None:
    """Naming another currency is no way to other limits."""
    wanted = a_program(currency="EUR", payout_minimum=1000)
    now, waiting = split(BASE, wanted, earns=False)
    assert (now.currency, now.terms("EUR")) == ("EUR", CurrencyTerms(1000, None, 0, 0))
    assert {each.field for each in waiting} == {"second_approval_limit", "adjustment_limit"}


def test_parts_that_cannot_be_without_each_other_are_refused() -> None:
    """Euros go now, but the rule that names them waits to be replaced: nothing is done, and it says why."""
    old = replace(a_program(currencies=("EUR",)), rules=RuleSet(a_rule(Pay.amounts({"EUR": 5}))))
    wanted = replace(a_program(), rules=RuleSet(a_rule(100)))
    with pytest.raises(Conflict, match="one after the other"):
        split(old, wanted, earns=True)


# ---------------------------------------------------------------- rates


@pytest.mark.parametrize(
    ("before", "after", "rises"),
    [
        (RuleSet(a_rule(2000, 1000)), RuleSet(a_rule(9000)), True),
        (RuleSet(a_rule(2000, 1000)), RuleSet(a_rule(2000)), False),
        (RuleSet(a_rule(2000)), RuleSet(a_rule(2000, 1)), True),
        (RuleSet(a_rule(2000)), RuleSet(a_rule(2000, first=(2001,))), True),
        (RuleSet(a_rule(2000)), RuleSet(a_rule(2000, first=(1999,))), False),
        (RuleSet(a_rule(2000, first=(1000,))), RuleSet(a_rule(2000)), True),
        (RuleSet(a_rule(2000, months=3)), RuleSet(a_rule(2000, months=4)), True),
        (RuleSet(a_rule(2000, months=3)), RuleSet(a_rule(2000)), True),
        (RuleSet(a_rule(2000)), RuleSet(a_rule(2000, payments=3)), False),
        (RuleSet(a_rule(2000)), RuleSet(a_rule(2000), (("x", a_rule(2001)),)), True),
        (RuleSet(a_rule(2000)), RuleSet(a_rule(2000), (("x", a_rule(1)),)), False),
        (RuleSet(a_rule(2000), (("x", a_rule(1)),)), RuleSet(a_rule(2000)), True),
        (RuleSet(a_rule(2000), monthly_cap=(("USD", 5),)), RuleSet(a_rule(2000)), True),
        (RuleSet(a_rule(2000), monthly_cap=(("USD", 5),)), RuleSet(a_rule(2000), monthly_cap=(("USD", 6),)), True),
        (RuleSet(a_rule(2000)), RuleSet(a_rule(2000), monthly_cap=(("USD", 6),)), False),
        (RuleSet(a_rule(2000)), RuleSet(a_rule(Pay.amounts({"USD": 1}))), True),
        (RuleSet(a_rule(Pay.amounts({"USD": 9}))), RuleSet(a_rule(1)), True),
        (RuleSet(a_rule(Pay.amounts({"USD": 9}))), RuleSet(a_rule(Pay.amounts({"USD": 8}))), False),
        (RuleSet(a_rule(Pay.amounts({"USD": 9}))), RuleSet(a_rule(Pay.amounts({"EUR": 1, "USD": 9}))), True),
        (RuleSet(a_rule(Pay.amounts({"USD": 9}))), RuleSet(a_rule(0)), False),
    ],
)
def test_who_may_earn_more(before: RuleSet, after: RuleSet, rises: bool) -> None:
    """By rate, tier, first payment, product, limit, cap, or an amount that cannot be compared."""
    assert raises(before, after) is rises
    program = a_program(currencies=("EUR",), rules=before)
    wanted = replace(program, rules=after)
    assert split(program, wanted, earns=False) == (wanted, ()), "it is not their own money"
    expected = (program, (TermChange("rules", "", before, after),)) if rises else (wanted, ())
    assert split(program, wanted, earns=True) == expected


@given(RULE_SETS, RULE_SETS, st.integers(0, 1000), st.sampled_from(["", "gold"]), st.integers(1, 4), st.integers(0, 4))
def test_what_does_not_raise_pays_nobody_more(
    before: RuleSet, after: RuleSet, base: int, product: str, number: int, month: int
) -> None:
    """Of whatever payment, in whichever tier."""
    sale = Sale(base, "USD", product, month * 31 * DAY_MS, number, 0)

    def paid(rules: RuleSet) -> list[int]:
        made = shares(rules, ["a", "b", "c"], (), sale)
        return [(min(each.amount, 10**9 if each.cap is None else each.cap)) for each in made] + [0] * (3 - len(made))

    if not raises(before, after):
        assert all(new <= old for old, new in zip(paid(before), paid(after), strict=True))


# ---------------------------------------------------------------- confirming


def test_other_terms_may_have_moved_meanwhile_but_not_its_own() -> None:
    """What it shows is what takes effect, or nothing does."""
    change = pending(BASE, TermChange("hold_days", "", 0, 0), TermChange("second_approval_limit", "USD", 500, None))
    moved = replace(BASE, name="Fellows", cooling_hours=9)
    assert apply(moved, change, 0).terms("USD").second_approval_limit is None
    assert apply(moved, change, 0).name == "Fellows"
    with pytest.raises(Conflict, match="has changed since"):
        apply(replace(BASE, hold_days=1), change, 0)
    with pytest.raises(Conflict, match="has changed since"):
        apply(a_program(payout_minimum=1000, second_approval_limit=400), change, 0)
    euro = pending(BASE, TermChange("adjustment_limit", "EUR", 0, 5))
    with pytest.raises(Conflict, match="EUR"):
        apply(BASE, euro, 0)


def test_a_change_that_fits_no_more_is_refused() -> None:
    """A cap in a currency that has gone since."""
    rules = RuleSet(a_rule(1), monthly_cap=(("EUR", 5),))
    change = pending(BASE, TermChange("rules", "", BASE.rules, rules))
    with pytest.raises(Conflict, match="by now"):
        apply(BASE, change, 0)


def test_it_expires_after_seven_days() -> None:
    """To the millisecond; what was decided stays decided."""
    change = pending(BASE)
    assert change.status_at(7 * DAY_MS - 1) is ChangeStatus.PENDING
    assert change.status_at(7 * DAY_MS) is ChangeStatus.EXPIRED
    assert replace(change, stored_status=ChangeStatus.REJECTED).status_at(8 * DAY_MS) is ChangeStatus.REJECTED


# ---------------------------------------------------------------- new programs


@pytest.mark.parametrize("term", ["second_approval_limit", "adjustment_limit", "conversion_limit", "sales_limit"])
def test_who_makes_a_program_does_not_choose_alone_what_one_person_may_do(term: str) -> None:
    """Up to the safe limit they do; more, or none at all, waits for another admin."""
    safe = safe_terms("USD")
    most = safe.in_force(term)
    assert most == 50_000
    for chosen, kept in ((None, most), (most + 1, most), (most, most), (0, 0)):
        terms = replace(safe, **{term: chosen})  # type: ignore[arg-type]
        now, waiting = at_creation(replace(BASE, currencies=(("USD", terms),)))
        assert now.terms("USD").in_force(term) == kept
        if term in FALLS_BACK and chosen is None:
            assert waiting == ()
            continue
        assert waiting == ((TermChange(term, "USD", most, chosen),) if chosen in (None, most + 1) else ())
        assert apply(now, pending(now, *waiting), 0).terms("USD") == terms


def test_who_makes_a_program_does_not_choose_alone_that_nobody_looks() -> None:
    """No approval by rule, and makers are no checkers, until another admin confirms; longer than safe holds at once."""
    limits = tuple((currency, CurrencyTerms(auto_approve_limit=1)) for currency in ("EUR", "USD"))
    now, waiting = at_creation(replace(BASE, currencies=limits, maker_window_days=29))
    assert [now.terms(currency).auto_approve_limit for currency in ("EUR", "USD")] == [None, None]
    assert now.maker_window_days == 30
    asked = [(each.field, each.currency) for each in waiting]
    assert {("maker_window_days", ""), ("auto_approve_limit", "USD"), ("auto_approve_limit", "EUR")} <= set(asked)
    assert apply(now, pending(now, *waiting), 0) == replace(BASE, currencies=limits, maker_window_days=29)
    safe = replace(BASE, currencies=(("USD", safe_terms("USD")),), maker_window_days=31)
    assert at_creation(safe) == (safe, ())


def test_a_program_beside_the_first_lets_one_person_do_no_more() -> None:
    """Where an owner chose stricter terms than the safe ones these are what a new program begins with."""
    own = CurrencyTerms(0, None, 200, 100, 50)
    first = replace(BASE, currencies=(("USD", own),), maker_window_days=60)
    second = replace(BASE, currencies=tuple((c, safe_terms(c)) for c in ("EUR", "USD")))
    now, waiting = at_creation(second, first)
    assert (now.maker_window_days, now.terms("EUR")) == (60, safe_terms("EUR"))
    kept = now.terms("USD")
    assert (kept.second_approval_limit, kept.adjustment_limit, kept.in_force("conversion_limit")) == (200, 100, 50)
    assert apply(now, pending(now, *waiting), 0) == second
    loose = replace(first, currencies=(("USD", CurrencyTerms(0, 10**6)),), maker_window_days=0)
    assert at_creation(second, loose) == (second, ())


@given(st.integers(0, 365), st.lists(st.integers(0, 365), max_size=3))
def test_whatever_one_person_makes_is_at_least_as_safe_as_nothing_said(days: int, limits: list[int]) -> None:
    """Of every term that protects against one of the staff."""
    terms = CurrencyTerms(0, *(limits + [None] * 3)[:3])
    now, _ = at_creation(replace(BASE, currencies=(("USD", terms),), maker_window_days=days))
    safe = replace(BASE, currencies=(("USD", safe_terms("USD")),))
    assert now.maker_window_days >= safe.maker_window_days
    for name in set(CURRENCY_TERMS) - {"payout_minimum"}:
        kept, least = now.terms("USD").in_force(name), safe.terms("USD").in_force(name)
        assert not CURRENCY_TERMS[name].is_looser(kept, least)


OFFER = RuleSet(a_rule(2000, 1000, first=(5000,)), (("gold", a_rule(Pay.amounts({"USD": 300}))),))


@pytest.mark.parametrize(
    ("own", "is_rise"),
    [
        ((), False), ((("", Pay(100)), ("gold", Pay.amounts({"USD": 300}))), False),
        ((("", Pay(2001)),), True), ((("", Pay(2000)),), True),  # a rate for gold, which has flat amounts
        ((("", Pay(2000)), ("gold", Pay.amounts({"USD": 300}))), False),
        ((("", Pay(2000)), ("gold", Pay.amounts({"USD": 301}))), True),
        ((("gold", Pay.amounts({"EUR": 1})),), True), ((("gold", Pay.amounts({"USD": 1})),), False),
        ((("silver", Pay(2001)),), True), ((("silver", Pay.amounts({"USD": 1})),), True),
    ],
)  # fmt: skip
def test_own_pays_are_a_rise_where_any_payment_may_bring_more_than_the_offer(own: Own, is_rise: bool) -> None:
    """By a rate, a product, a flat amount in whatever currency."""
    assert raises_own(OFFER, own) is is_rise


AMOUNT = st.none() | st.integers(0, 5)
ANY_TERMS = st.builds(CurrencyTerms, st.integers(0, 5), AMOUNT, AMOUNT, AMOUNT, AMOUNT)
CURRENCIES = st.dictionaries(st.sampled_from(["USD", "EUR", "JPY"]), ANY_TERMS, min_size=1)
PROGRAMS = st.builds(
    lambda taken, hold, cooling, days, reviews: replace(
        BASE, currency=min(taken), currencies=tuple(sorted(taken.items())), hold_days=hold, cooling_hours=cooling,
        attribution_days=days, reviews_rewards=reviews,
    ),
    CURRENCIES, st.integers(0, 3), st.integers(0, 3), st.none() | st.integers(1, 3), st.booleans(),
)  # fmt: skip


@given(PROGRAMS, PROGRAMS)
def test_nothing_that_takes_effect_at_once_protects_less(old: Program, wanted: Program) -> None:
    """Whatever is asked for: no term of any currency is looser than it was; and confirmed it is what was asked for."""
    now, waiting = split(old, wanted, earns=True)
    for field, row in TERMS.items():
        if isinstance(row, Looser):
            assert not row.is_looser(getattr(now, field), getattr(old, field))
    for currency in ("USD", "EUR", "JPY"):
        before, after = old.terms(currency), now.terms(currency)
        for name, looser in CURRENCY_TERMS.items():
            if name != "payout_minimum" or now.takes(currency):  # of what is not taken two people let every cent out
                assert not looser.is_looser(after.in_force(name), before.in_force(name))
    assert apply(now, pending(now, *waiting), 0) == wanted


def test_a_currency_that_is_dropped_goes_on_to_weigh_what_it_did() -> None:
    """What a day has seen of it still counts with the others, and it is not taken again for less."""
    both = a_program(
        adjustment_limit=1_000, currencies={"EUR": CurrencyTerms(adjustment_limit=1_000)},
        exposure=Weights("USD", (("EUR", 1_100),)),
    )  # fmt: skip
    assert passes(both, "adjustmentLimit", {"EUR": 900}, "USD", 11)
    fewer = replace(both, currencies=(("USD", both.terms("USD")),), exposure=Weights("USD", ()))
    dropped, waiting = split(both, fewer, earns=False)
    assert not waiting
    assert not dropped.takes("EUR")
    assert passes(dropped, "adjustmentLimit", {"EUR": 900}, "USD", 11)
    assert split(dropped, fewer, earns=False) == (dropped, ())  # told again it is the same
    again = replace(both, exposure=Weights("USD", (("EUR", 1),)))
    taken, waiting = split(dropped, again, earns=False)
    assert taken.takes("EUR")
    assert passes(taken, "adjustmentLimit", {"EUR": 900}, "USD", 11)
    assert TermChange("exposure", "", both.exposure, again.exposure) in waiting
