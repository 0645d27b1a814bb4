"""What a program may be, and when it approves a withdrawal by itself."""

from __future__ import annotations

from typing import Any

import pytest

from refledger.domain.currencies import MAX_AMOUNT
from refledger.domain.errors import Invalid, UnknownCurrency
from refledger.domain.programs import Program, is_program_id

YEAR_SECONDS = 365 * 86_400


def a_program(**changes: Any) -> Program:
    given: dict[str, Any] = {
        "id": "default", "name": "Friends", "currency": "EUR", "tier_rates_bps": (2000, 1000),
        "hold_days": 30, "payout_minimum": 1000,
    }  # fmt: skip
    return Program(**{**given, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"tier_rates_bps": (10_000,)}, {"tier_rates_bps": (0,)}, {"tier_rates_bps": (1000,) * 10},
        {"hold_days": 0}, {"hold_days": 3650}, {"payout_minimum": 0}, {"payout_minimum": MAX_AMOUNT},
        {"approval_timeout_seconds": 1}, {"approval_timeout_seconds": YEAR_SECONDS}, {"currency": "JPY"},
    ],
)  # fmt: skip
def test_the_edges_are_allowed(changes: dict[str, Any]) -> None:
    """The smallest and largest of everything."""
    made = a_program(**changes)
    assert all(getattr(made, name) == value for name, value in changes.items())


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"tier_rates_bps": ()}, "tierRatesBps"),
        ({"tier_rates_bps": (1,) * 11}, "tierRatesBps"),
        ({"tier_rates_bps": (-1,)}, "tierRatesBps"),
        ({"tier_rates_bps": (10_001,)}, "tierRatesBps"),
        ({"tier_rates_bps": (5000, 5001)}, "more than the whole payment"),
        ({"hold_days": -1}, "holdDays"),
        ({"hold_days": 3651}, "holdDays"),
        ({"payout_minimum": -1}, "payoutMinimum"),
        ({"payout_minimum": MAX_AMOUNT + 1}, "payoutMinimum"),
        ({"approval_timeout_seconds": 0}, "approvalTimeoutSeconds"),
        ({"approval_timeout_seconds": YEAR_SECONDS + 1}, "approvalTimeoutSeconds"),
    ],
)
def test_what_lies_beyond_is_refused_by_name(changes: dict[str, Any], told: str) -> None:
    """One step past each edge is refused, and the refusal names the field."""
    with pytest.raises(Invalid, match=told):
        a_program(**changes)


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
    assert a_program(auto_approve_limit=limit).approves_alone(amount, currency) is alone


@pytest.mark.parametrize("text", ["default", "a", "0", "a-b-0", "a" * 40])
def test_program_ids(text: str) -> None:
    """Small letters, digits and dashes."""
    assert is_program_id(text)


@pytest.mark.parametrize("text", ["", "A", "-a", "a_b", "a#b", "a b", "a\n", "\u00e4", "a" * 41, "a\x00"])
def test_what_is_no_program_id(text: str) -> None:
    """Nothing that could be taken for a part of a key, and no line end after a good one."""
    assert not is_program_id(text)
