"""Referral codes: what the system makes, what a person may choose, and what they may have typed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from refledger.domain.errors import CodeNotAllowed

# Crockford's alphabet: no I, L, O, U, so that nothing is misread. https://www.crockford.com/base32.html
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 10  # 50 bits: not to be guessed at twenty tries a minute
MAX_CODES = 50  # of one partner beside the main one, in all: none is ever given to somebody else
_ASCII = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_")
_CHOSEN = re.compile("[A-Z0-9]+([-_][A-Z0-9]+)*")
# What is taken for something else when it is read or heard off a flyer, in capitals and in small letters
_LOOKS = str.maketrans(
    {"O": "0", "Q": "0", "I": "1", "L": "1", "U": "V", "S": "5", "Z": "2", "B": "8", "G": "6", "-": "", "_": ""}
)
_PAIRS = (("VV", "W"), ("RN", "M"))
_RESERVED = (
    "ADMIN", "ADMINISTRATOR", "API", "BILLING", "CHECKOUT", "CODE", "COUPON", "DEFAULT", "DISCOUNT", "FREE", "HELP",
    "HELPDESK", "HTTP", "HTTPS", "INFO", "LOGIN", "LOGOUT", "MODERATOR", "NONE", "NULL", "OFFICIAL", "PARTNER",
    "PARTNERS", "PAYMENT", "PAYMENTS", "PAYOUT", "PROMO", "REFERRAL", "REFERRALS", "REFLEDGER", "REFUND", "ROOT",
    "SECURITY", "SERVICE", "SIGNIN", "SIGNUP", "STAFF", "SUPPORT", "SYSTEM", "TEAM", "TEST", "TRUE", "FALSE",
    "UNDEFINED", "VOUCHER", "WEBMASTER", "WITHDRAW",
    "ACCEPT", "REJECT", "EXPIRE",  # last words of routes beside the one that applies a code
)  # fmt: skip


class CodeStatus(StrEnum):
    """Whether a code refers anybody."""

    ACTIVE = "ACTIVE"  # binds whoever applies it
    DISABLED = "DISABLED"  # binds nobody any more, and stays the partner's


@dataclass(frozen=True)
class PartnerCode:
    """A code of a partner's. `vanity`: somebody chose it. The main one is on every link, and always active."""

    partner_id: str
    code: str
    created_at_ms: int
    label: str = ""
    campaign: str = ""
    status: CodeStatus = CodeStatus.ACTIVE
    vanity: bool = False
    main: bool = False


def make(digest: bytes) -> str:
    """Make the code that a keyed digest of at least 10 bytes stands for."""
    return "".join(ALPHABET[byte % 32] for byte in digest[:LENGTH])


def is_made(code: str) -> bool:
    """Return whether the system makes codes like this one."""
    return len(code) == LENGTH and frozenset(ALPHABET).issuperset(code)


def normalise(typed: str) -> str | None:
    """Return a code as it is stored, or None where no code can look like that."""
    code = typed.strip().upper() if typed.isascii() else ""
    return code if 4 <= len(code) <= 32 and _ASCII.issuperset(code) else None


def fold(code: str) -> str:
    """Return what a code looks like: two that fold to the same could be taken for each other."""
    seen = code.translate(_LOOKS)
    for pair, one in _PAIRS:
        seen = seen.replace(pair, one)
    return seen


_RESERVED_LOOKS = frozenset(map(fold, _RESERVED))


def chosen(typed: str) -> str:
    """Return a code that somebody wishes for, as it is stored.

    Whether it looks like another one, its guard says.

    Raises CodeNotAllowed.
    """
    code = normalise(typed)
    if code is None or not _CHOSEN.fullmatch(code):
        raise CodeNotAllowed("a code has 4 to 32 letters and digits, and single - or _ between them")
    if fold(code) in _RESERVED_LOOKS:
        raise CodeNotAllowed("this code could be taken for something official")
    if len(set(fold(code))) < 2:
        raise CodeNotAllowed("a code has at least two different characters")
    return code
