"""The currency table: what is in it, what is not, and how a code is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain import currencies
from refledger.domain.errors import UnknownCurrency


@pytest.mark.parametrize(
    ("code", "digits"),
    [
        *((code, 2) for code in ("EUR", "USD", "MGA", "MRU", "HUF", "TWD", "XCG", "ZWG")),
        *((code, 0) for code in ("JPY", "KRW", "ISK", "UGX", "CLP", "XAF")),
        *((code, 3) for code in ("KWD", "BHD", "IQD", "LYD", "TND")),
    ],
)
def test_exponents_are_those_of_iso_4217(code: str, digits: int) -> None:
    """The codes that are easily taken for two decimals, or for none, have what list one says."""
    assert currencies.exponent(code) == digits
    assert currencies.is_currency(code)


def test_the_list_is_complete() -> None:
    """List one of 2026-01-01 has 178 codes, 23 of which no account holds: 16, 132 and 7 remain, each once."""
    by_digits = [list(currencies.EXPONENTS.values()).count(digits) for digits in (0, 2, 3)]
    assert by_digits == [16, 132, 7]
    assert sum(by_digits) == len(currencies.EXPONENTS) == 178 - 23


@pytest.mark.parametrize("code", ["XXX", "XTS", "XAU", "XAG", "XDR", "CLF", "UYW", "UYI", "CHE", "USN", "XAD"])
def test_what_nobody_can_be_paid_in_is_no_currency(code: str) -> None:
    """Test codes, metals, funds codes and units of account are refused."""
    assert not currencies.is_currency(code)
    with pytest.raises(UnknownCurrency):
        currencies.exponent(code)


@pytest.mark.parametrize("code", ["BGN", "ANG", "HRK", "SLL", "ZWL", "CUC"])
def test_withdrawn_codes_are_no_currency(code: str) -> None:
    """What has left list one (the lev in 2026) is refused."""
    assert not currencies.is_currency(code)


@pytest.mark.parametrize("code", ["eur", "Eur", " EUR", "EUR ", "", "EURO", "EU", "\uff25\uff35\uff32"])
def test_a_code_is_compared_and_never_guessed(code: str) -> None:
    """Small letters, spaces and look-alikes are not repaired."""
    with pytest.raises(UnknownCurrency):
        currencies.exponent(code)


def test_the_table_cannot_be_changed() -> None:
    """A module that could add a currency at run time would change the meaning of stored amounts."""
    with pytest.raises(TypeError):
        currencies.EXPONENTS["EUR"] = 3  # type: ignore[index]


@given(st.text())
def test_a_refusal_repeats_only_what_looks_like_a_code(text: str) -> None:
    """Whatever was given, the error's text holds it only if it is three ASCII letters."""
    if currencies.is_currency(text):
        assert currencies.exponent(text) in (0, 2, 3)
        return
    with pytest.raises(UnknownCurrency) as refused:
        currencies.exponent(text)
    assert refused.value.code == "UNKNOWN_CURRENCY"
    repeated = refused.value.detail.removeprefix("not an ISO 4217 currency that money can be paid in")
    assert repeated in ("", f": {text}")
    assert not repeated or (len(text) == 3 and text.isascii() and text.isalpha())


def test_the_largest_amount_survives_a_client_that_reads_doubles() -> None:
    """JavaScript reads JSON numbers as doubles: the limit and its neighbour are still two numbers there."""
    assert currencies.MAX_AMOUNT == 10**15 < 2**53
