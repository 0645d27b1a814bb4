"""Account numbers as they are typed: what can be checked without asking a bank is, and a refusal says what is odd.

Which accounts and banks there are is not known here. Where a country's rule is not known, its numbers pass.
"""

from __future__ import annotations

import re
from typing import Final

# What a bank code must be in a country without IBANs, or beside them, and how its owner would call it. Sources: ABA
# routing numbers (python-stdnum has their check digit), UK sort codes, Australian BSB, Payments Canada's standard 006,
# the Reserve Bank of India's IFSC, New Zealand's bank and branch numbers
_BANK_CODES: Final = {
    "US": (r"\d{9}", "a routing number of nine digits"),
    "GB": (r"\d{6}", "a sort code of six digits"),
    "AU": (r"\d{6}", "a BSB of six digits"),
    "CA": (r"0?\d{8}", "institution and transit number, eight digits or nine with a leading 0"),
    "IN": (r"[A-Z]{4}0[A-Z0-9]{6}", "an IFSC of eleven characters, the fifth of them 0"),
    "NZ": (r"\d{6}", "bank and branch, two and four digits"),
}
_NUMBERS: Final = {
    "US": (r"[A-Z0-9]{4,17}", "an account number of 4 to 17 digits or letters"),
    "GB": (r"\d{8}", "an account number of eight digits; a shorter one begins with zeros"),
    "AU": (r"\d{5,9}", "an account number of five to nine digits"),
    "CA": (r"\d{7,12}", "an account number of seven to twelve digits"),
    "IN": (r"\d{9,18}", "an account number of nine to eighteen digits"),
    "NZ": (r"\d{9,10}", "account and suffix, seven and two or three digits"),
}


def iban(text: str) -> str:
    """Checked by its country's length and form, and by its check digits (ISO 13616)."""
    from stdnum import exceptions, iban  # only those who enter an account have to wait for it

    given = text.replace(" ", "").upper()
    try:
        return str(iban.validate(given, check_country=False))
    except exceptions.InvalidLength:
        raise ValueError("not an IBAN: too long or too short for its country") from None
    except exceptions.ValidationError:
        raise ValueError("not an IBAN: a mistyped character, or a country that has none") from None


def bic(text: str) -> str:
    """Checked by its form and country (ISO 9362)."""
    from stdnum import bic, exceptions

    try:
        return str(bic.validate(text.replace(" ", "").upper()))
    except exceptions.InvalidLength:
        raise ValueError("not a BIC: it has eight or eleven characters") from None
    except exceptions.ValidationError:
        raise ValueError("not a BIC: four letters, a country, and two or five letters or digits") from None


def number(country: str, text: str) -> str:
    """Return an account number, where the country's rule is known. Blanks and dashes do not count."""
    _check(_NUMBERS, country, text)
    return text


def bank_code(country: str, text: str, number: str) -> str:
    """Return a bank code with the account number beside it, where the country's rule is known."""
    _check(_BANK_CODES, country, text)
    if country == "US":
        from stdnum.us import rtn

        if not rtn.is_valid(_plain(text)):
            raise ValueError("not a routing number: its check digit is another one")
    if country == "NZ" and number:
        _check_new_zealand(_plain(text) + _plain(number))
    return text


def _check_new_zealand(whole: str) -> None:
    from stdnum import exceptions
    from stdnum.nz import bankaccount

    try:
        bankaccount.validate(whole)
    except exceptions.InvalidComponent:
        return  # a branch that the library does not know may be a new one
    except exceptions.ValidationError:
        raise ValueError("no account in New Zealand has this number: a digit is mistyped") from None


def _check(rules: dict[str, tuple[str, str]], country: str, text: str) -> None:
    form, words = rules.get(country, ("", ""))
    if form and not re.fullmatch(form, _plain(text)):
        raise ValueError(f"in {country} it is {words}")


def _plain(text: str) -> str:
    return text.replace(" ", "").replace("-", "").upper()
