"""What a program may be, and when it approves a withdrawal by itself."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain.currencies import EXPONENTS, MAX_AMOUNT
from refledger.domain.errors import Invalid, UnknownCurrency
from refledger.domain.methods import MethodType, PayoutMethod
from refledger.domain.partners import Partner, PartnerStatus
from refledger.domain.programs import CURRENCY_TERMS, CurrencyTerms, cooling_until, is_program_id, stricter
from refledger.domain.rules import Pay, RuleSet
from tests.support.programs import a_program, a_rule

YEAR_SECONDS = 365 * 86_400
LIMITS = st.none() | st.integers(0, 9)
TERMS = st.builds(CurrencyTerms, st.integers(0, 9), LIMITS, LIMITS, LIMITS, LIMITS)


@pytest.mark.parametrize(
    "changes",
    [
        {"hold_days": 0}, {"hold_days": 3650}, {"approval_timeout_seconds": 1},
        {"approval_timeout_seconds": YEAR_SECONDS}, {"currency": "JPY"}, {"reviews_rewards": True},
    ],
)  # fmt: skip
def test_the_edges_are_allowed(changes: dict[str, Any]) -> None:
    """The smallest and largest of everything."""
    made = a_program(**changes)
    assert all(getattr(made, name) == value for name, value in changes.items())


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"hold_days": -1}, "holdDays"),
        ({"hold_days": 3651}, "holdDays"),
        ({"cooling_hours": -1}, "coolingHours"),
        ({"bind_within_hours": -1}, "bindWithinHours"),
        ({"bind_within_hours": 721}, "bindWithinHours"),
        ({"cooling_hours": 2161}, "coolingHours"),
        ({"approval_timeout_seconds": 0}, "approvalTimeoutSeconds"),
        ({"approval_timeout_seconds": YEAR_SECONDS + 1}, "approvalTimeoutSeconds"),
        ({"currencies": [*sorted(EXPONENTS)[:20], "USD"]}, "currencies: up to 20"),
        ({"rules": RuleSet(a_rule(Pay.amounts({"USD": 5, "EUR": 4})))}, "rules: amounts in EUR, which"),
        (
            {"rules": RuleSet(a_rule(1), (("x", a_rule(1, first=(Pay.amounts({"EUR": 4}),))),))},
            "productRules: amounts in",
        ),
        ({"rules": RuleSet(a_rule(1), monthly_cap=(("JPY", 4),))}, "monthlyCaps: amounts in JPY, which"),
    ],
)
def test_what_lies_beyond_is_refused_by_name(changes: dict[str, Any], told: str) -> None:
    """One step past each edge is refused, and the refusal names the field."""
    with pytest.raises(Invalid, match=told):
        a_program(**changes)


@pytest.mark.parametrize("name", ["payoutMinimum", "autoApproveLimit", "secondApprovalLimit", "adjustmentLimit"])
def test_terms_are_amounts(name: str) -> None:
    """Nothing below zero, nothing above the largest amount of money; zero and that are allowed."""
    field = re.sub("[A-Z]", lambda found: "_" + found[0].lower(), name)
    for amount in (-1, MAX_AMOUNT + 1):
        with pytest.raises(Invalid, match=name):
            CurrencyTerms(**{field: amount})
    for amount in (0, MAX_AMOUNT):
        assert getattr(CurrencyTerms(**{field: amount}), field) == amount


def test_each_currency_has_its_terms() -> None:
    """A program takes its own currency and those that it lists, each with its limits; of others it knows none."""
    euro = CurrencyTerms(500, 1000, 2000, 3000)
    program = a_program(payout_minimum=100, auto_approve_limit=50, currencies={"EUR": euro})
    assert [program.takes(currency) for currency in ("USD", "EUR", "JPY", "")] == [True, True, False, False]
    assert program.terms("EUR") == euro
    assert program.terms("USD") == CurrencyTerms(100, 50)
    assert program.terms("JPY") == CurrencyTerms(0, None, 0, 0), "nobody set a limit, so two people look"
    with pytest.raises(Invalid, match="each once"):
        replace(program, currencies=(("EUR", euro), ("EUR", euro)))


def test_a_currency_that_has_no_terms_is_taken_all_the_same() -> None:
    """The program's own need not be listed."""
    assert replace(a_program(), currencies=()).takes("USD")


def test_what_two_versions_say_is_compared_without_when_and_by_whom() -> None:
    """Version and time do not matter, any of the terms does."""
    one = a_program()
    made = {"version": 2, "created_at_ms": 1, "changed_at_ms": 2, "changed_by": "ann"}
    assert one.says_the_same(replace(one, **made))  # type: ignore[arg-type]
    assert not one.says_the_same(replace(one, hold_days=1))


def test_a_program_has_a_currency_of_iso_4217() -> None:
    """Test codes and small letters are none."""
    for code in ("XTS", "eur", ""):
        with pytest.raises(UnknownCurrency):
            a_program(currency=code)


@pytest.mark.parametrize(
    ("limit", "amount", "currency", "alone"),
    [
        (None, 1, "EUR", False),
        (1000, 1000, "EUR", True),
        (1000, 1001, "EUR", False),
        (1000, 1, "USD", False),
        (0, 1, "EUR", False),
    ],
)
def test_it_approves_alone_up_to_its_limit_in_its_own_currency(
    limit: int | None, amount: int, currency: str, alone: bool
) -> None:
    """Without a limit, above it, or in another currency a person decides."""
    assert a_program(currency="EUR", auto_approve_limit=limit).approves_alone(amount, currency) is alone


@pytest.mark.parametrize("text", ["default", "a", "0", "a-b-0", "a" * 40])
def test_program_ids(text: str) -> None:
    """Small letters, digits and dashes."""
    assert is_program_id(text)


@pytest.mark.parametrize("text", ["", "A", "-a", "a_b", "a#b", "a b", "a\n", "\u00e4", "a" * 41, "a\x00"])
def test_what_is_no_program_id(text: str) -> None:
    """Nothing that could be taken for a part of a key, and no line end after a good one."""
    assert not is_program_id(text)


def test_every_term_of_a_currency_says_in_which_direction_it_protects() -> None:
    """One that is added without it fails here."""
    assert set(CURRENCY_TERMS) == {field.name for field in fields(CurrencyTerms)}


@given(TERMS, TERMS)
def test_the_stricter_of_two_terms_is_looser_than_neither(one: CurrencyTerms, other: CurrencyTerms) -> None:
    """In whichever order they are compared; and it is made of nothing but the two."""
    made = stricter(one, other)
    assert made == stricter(other, one)
    for name, looser in CURRENCY_TERMS.items():
        amount, both = made.in_force(name), (one.in_force(name), other.in_force(name))
        assert amount in both
        assert not any(looser.is_looser(amount, each) for each in both)


def test_what_is_stricter_of_limits_and_minimums() -> None:
    """A limit is stricter than none, but never to approve alone is stricter than a limit; so is a higher minimum."""
    none = CurrencyTerms()
    some = CurrencyTerms(5, 6, 7, 8)
    assert stricter(none, some) == CurrencyTerms(5, None, 7, 8, 8, 8)
    assert stricter(some, CurrencyTerms(4, 9, 9, 4)) == CurrencyTerms(5, 6, 7, 4, 4, 4)
    assert stricter(some, CurrencyTerms(4, 9, 9, 9, 3)) == CurrencyTerms(5, 6, 7, 8, 3, 3), "none: as of adjustments"


def test_a_withdrawal_cools_since_the_account_or_since_the_user_was_linked() -> None:
    """Whichever was later; an account that was there for long waits for nothing."""
    partner = Partner("p", "default", "", PartnerStatus.ACTIVE, "ann", 0)
    method = PayoutMethod("m", "p", 1, MethodType.BANK_TRANSFER, "Ann", "…1234", b"", 1_000)
    hour_ms = 3_600_000
    assert cooling_until(0, partner, method) == 1_000
    assert cooling_until(72, partner, method) == 1_000 + 72 * hour_ms
    assert cooling_until(72, replace(partner, linked_at_ms=5_000), method) == 5_000 + 72 * hour_ms
