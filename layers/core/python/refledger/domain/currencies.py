"""The currencies that a customer can pay in and a partner can be paid in, with their minor units.

Source: ISO 4217, list one (current currencies and funds), maintenance agency SIX, as published on 2026-01-01:
https://www.six-group.com/en/products-services/financial-information/market-reference-data/data-standards.html

Left out of that list, because no bank account holds them and no payout can have them: funds codes and units
of account (BOV CHE CHW CLF COU MXV USN UYI UYW XAD XDR XSU XUA and the bond units XBA to XBD), precious
metals (XAG XAU XPD XPT), and the codes for tests and for no currency (XTS XXX). So exponents are 0, 2 and 3;
4 exists only among funds.
"""

from __future__ import annotations

from decimal import Context, Decimal
from types import MappingProxyType
from typing import Final

from refledger.domain.errors import Invalid, UnknownCurrency

# The largest amount of money anywhere, in minor units: sums of thousands of them still fit 64 bits, and a
# number that some client reads as a double (exact to 2**53, about 9 * 10**15) is still the same number.
MAX_AMOUNT: Final = 10**15

_EXACT: Final = Context(prec=100)  # whatever the thread's own is: nothing is rounded that can be asked for

_CODES_BY_EXPONENT: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: """
        AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY
        COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF
        IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR
        MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG
        SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES
        WST XCD XCG YER ZAR ZMW ZWG
    """,
    3: "BHD IQD JOD KWD LYD OMR TND",
}

# Code -> number of decimals of its major unit. Read-only.
EXPONENTS: Final = MappingProxyType(
    {code: digits for digits, codes in _CODES_BY_EXPONENT.items() for code in codes.split()}
)


def is_currency(code: str) -> bool:
    """Return whether `code` is one of ours, in capitals as ISO writes it."""
    return code in EXPONENTS


def exponent(code: str) -> int:
    """Return how many decimals the major unit has: 2 for EUR, 0 for JPY, 3 for KWD.

    Raises UnknownCurrency for everything else, "eur" included: a code is compared, never guessed.
    """
    try:
        return EXPONENTS[code]
    except KeyError:
        # What was given is repeated only where it looks like a code; it may be anything.
        named = f": {code}" if len(code) == 3 and code.isascii() and code.isalpha() else ""
        raise UnknownCurrency(f"not an ISO 4217 currency that money can be paid in{named}") from None


def minor(major: Decimal, currency: str) -> int:
    """Convert an amount in major units, as people write it, to minor ones: 12.5 USD is 1250.

    Raises UnknownCurrency, and Invalid for what the currency has no unit for, or is beyond all amounts.
    """
    digits = exponent(currency)
    if not major.is_finite() or abs(major) > MAX_AMOUNT:
        raise Invalid("amount: too large")
    places = major.as_tuple().exponent  # as it was written: 1.000 USD may have been meant as a thousand
    if isinstance(places, str) or places < -digits:
        raise Invalid(f"amount: {currency} has {digits} decimals")
    amount = int(major.scaleb(digits, _EXACT))
    if abs(amount) > MAX_AMOUNT:
        raise Invalid("amount: too large")
    return amount


def major(amount: int, currency: str) -> Decimal:
    """Convert an amount in minor units to major ones, with the decimals of the currency.

    Raises UnknownCurrency.
    """
    return Decimal(amount).scaleb(-exponent(currency))


def decimal(amount: int, digits: int, least: int | None = None) -> str:
    """Write `amount` with so many of its digits behind the point.

    Trailing zeros are left out down to `least` of them.
    """
    sign, number = "-" if amount < 0 else "", str(abs(amount)).rjust(digits + 1, "0")
    whole, part = number[: len(number) - digits], number[len(number) - digits :]
    if least is not None:
        part = part[:least] + part[least:].rstrip("0")
    return sign + whole + ("." + part if part else "")


def money(amount: int, currency: str) -> str:
    """Write an amount in minor units as `19.99 USD`, `1999 JPY`."""
    return f"{decimal(amount, exponent(currency))} {currency}"
