"""Stripe's amounts and ISO 4217's, one into the other. No SDK, no network.

Sources (Stripe documentation, read in November 2026): https://docs.stripe.com/currencies#zero-decimal,
#three-decimal and #special-cases
"""

from __future__ import annotations

from typing import Final

from refledger.domain import currencies

# Decimals of Stripe's amounts where they are not two. Stripe's own list, not ISO's: MGA has two decimals
# there and none here, ISK and UGX have none there and are written with two here ("the decimal amount is
# always 00"). UGX is in both of Stripe's lists; the special case is about the API. HUF and TWD differ for
# Stripe's payouts to banks only.
_DECIMALS: Final = {
    code: decimals
    for decimals, codes in {
        0: "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF",
        2: "ISK UGX",
        3: "BHD JOD KWD OMR TND",
    }.items()
    for code in codes.split()
}

# In both of Stripe's lists. Read as it is, a mistake takes a hundredth for the whole: too little. Written, it
# would pay a hundred times too much, so nothing is.
_NEVER_WRITTEN: Final = frozenset({"UGX"})


def to_iso(amount: int, code: str) -> int | None:
    """Convert Stripe's `amount` of the ISO currency `code` to ISO 4217 minor units.

    None where that is not exact, or where Stripe documents no such currency and the decimals would be a
    guess. Raises UnknownCurrency.
    """
    wanted = currencies.exponent(code)
    given = _decimals(code, wanted)
    if given is None:
        return None
    converted, rest = divmod(amount * 10**wanted, 10**given)
    return None if rest else converted


def from_iso(amount: int, code: str) -> int | None:
    """Convert `amount` in ISO 4217 minor units of `code` to what Stripe wants written.

    None where that is not exact, where the decimals would be a guess, and where Stripe takes no such amount: with three
    decimals the last digit must be 0. Raises UnknownCurrency.
    """
    given = currencies.exponent(code)
    wanted = _decimals(code, given)
    if wanted is None or code in _NEVER_WRITTEN:
        return None
    converted, rest = divmod(amount * 10**wanted, 10**given)
    exact = not rest and (wanted < 3 or converted % 10 == 0)
    return converted if exact else None


def _decimals(code: str, exponent: int) -> int | None:
    return _DECIMALS.get(code, 2 if exponent == 2 else None)
