"""Referral codes: what the system makes, and what a person may have typed."""

from __future__ import annotations

# Crockford's alphabet: no I, L, O, U, so that nothing is misread. https://www.crockford.com/base32.html
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 10  # 50 bits: not to be guessed at twenty tries a minute
_ASCII = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_")


def make(digest: bytes) -> str:
    """The code that a keyed digest of at least 10 bytes stands for."""
    return "".join(ALPHABET[byte % 32] for byte in digest[:LENGTH])


def normalise(typed: str) -> str | None:
    """A code as it is stored, or None where no code can look like that."""
    code = typed.strip().upper() if typed.isascii() else ""
    return code if 4 <= len(code) <= 32 and _ASCII.issuperset(code) else None
