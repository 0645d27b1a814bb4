"""Numbers from outside by one grammar, and amounts that are divided without losing a unit."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain import amounts, currencies
from refledger.domain.errors import Invalid

# What Python's own Decimal takes for a number, and no person means by it.
MISREAD = [
    "\u0663\u0660\u0660", "\uff11\uff12", "1_000", "1e3", "1E3", "+5", "-5", " 5", "5 ", "5\n", "1,000.00", "1.000.000",
    "1,5", ".5", "5.", "", "NaN", "Infinity", "sNaN", "0x10", "1" * 16, "1.00000", "1'000", "\u0661", "5\u200b", "²",
]  # fmt: skip


@pytest.mark.parametrize("text", MISREAD)
def test_what_is_not_in_the_grammar_is_no_amount(text: str) -> None:
    """ASCII digits and one point, nothing else; the refusal does not repeat what was sent."""
    with pytest.raises(Invalid) as refused:
        amounts.major(text)
    assert refused.value.detail == f"amount: not a number ({amounts.GRAMMAR})"


@pytest.mark.parametrize(
    ("text", "currency", "minor"), [("300", "EUR", 30_000), ("12.5", "EUR", 1_250), ("5", "JPY", 5)]
)
def test_what_people_write_is_read_digit_by_digit(text: str, currency: str, minor: int) -> None:
    """In the currency's minor units."""
    assert currencies.minor(amounts.major(text), currency) == minor


@pytest.mark.parametrize(("text", "currency"), [("1.000", "EUR"), ("1000.0", "JPY"), ("1.0000", "KWD")])
def test_more_decimals_than_the_currency_has_are_refused(text: str, currency: str) -> None:
    """Zeros too: who writes 1.000 EUR may have meant a thousand."""
    with pytest.raises(Invalid, match="decimals"):
        currencies.minor(amounts.major(text), currency)


@pytest.mark.parametrize(
    ("number", "text"),
    [(Decimal("500.0"), "500"), (Decimal("1.0E+7"), "10000000"), (Decimal("12.50"), "12.5"), (7, "7")],
)
def test_numbers_of_a_json_text_are_written_plainly(number: Decimal | int, text: str) -> None:
    """A CRM's serializer writes 500.0 and 1.0E7 for whole amounts: a JSON number is not ambiguous."""
    assert amounts.plain(number) == text


@given(st.integers(0, 10**15), st.lists(st.integers(0, 10**12), min_size=1, max_size=12).filter(any))
def test_the_parts_sum_to_the_amount(amount: int, weights: list[int]) -> None:
    """Exactly, each within one unit of its share, and nothing for a weight of 0."""
    parts = amounts.spread(amount, weights)
    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - amount * weight) < sum(weights)
        assert weight or not part
