"""What people may write: texts that show everything that is in them, and names that look like nothing but names.

Staff read these next to accounts and amounts. So a text has no characters that show nothing, turn the direction of
others or pile up on them; and a name has nothing that could be taken for a mark of ours, such as a tick or
`[VERIFIED]`. Names of all scripts are kept as they are written. Look-alike letters are a signal, see `folding`.

Source of what shows nothing: Unicode, Default_Ignorable_Code_Point, and U+2800, a braille pattern without dots.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from typing import Final

from refledger.domain.normalization import FILLERS, skeleton

JOINERS: Final = "\u200c\u200d"  # part of names in Persian, Hindi and others, and of emoji
MARKS_AT_ONCE: Final = 4  # on one letter: Tibetan and Burmese have three, rarely four
_SELECTORS: Final = frozenset("\u034f\u180b\u180c\u180d\u180f")  # marks that show nothing
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_IN_NAMES: Final = frozenset("\u00ae\u00a9\u2122\u2117\u2120\u2116\u00b0\u00d7\u00f7\u00b1")  # registered, degrees, ...
_BRACKETS: Final = frozenset("()\uff08\uff09\u300c\u300d\u300e\u300f\u201a\u201e")  # the last two are quotes
_NOT_OF_A_PAYEE: Final = frozenset(";=|@`\\")  # what splits a line, begins a formula, or is in no account's name
_OFFICE: Final = frozenset({
    "verified", "approved", "trusted", "official", "staff", "admin", "administrator", "support", "paid", "checked",
    "confirmed",
})  # fmt: skip
_SET_APART: Final = re.compile(r"[()*:/\u2022\u00b7]|\s[-\u2010-\u2015]+(?=\s)")
_BLANKS: Final = re.compile(r"\s+")


def exact(text: str) -> str:
    """Return an id or another text that is compared as it is.

    Raises ValueError where it has invisible characters.
    """
    if any(_is_invisible(c) and c not in JOINERS for c in text):
        raise ValueError("no control characters, nor others that show nothing or turn the direction of writing")
    return text


def address(text: str) -> str:
    """Return an e-mail address.

    Raises ValueError where a character of it does not show, which no mailbox has.
    """
    if any(_is_invisible(c) for c in text):
        raise ValueError("no characters that show nothing")
    return text


def line(text: str) -> str:
    """Return a text of one line, normalised: NFC, single blanks.

    Raises ValueError like `exact`, and for marks that pile up.
    """
    text = unicodedata.normalize("NFC", exact(text))
    _check_marks(text)
    _check_joiners(text)
    return _BLANKS.sub(" ", text).strip()


def name(text: str) -> str:
    """Return the name of a person or company, normalised like a `line`; "" stays "".

    Raises ValueError for what no name has, or what could be taken for a mark of the staff's.
    """
    text = line(text)
    for c in text:
        if _is_a_sign(c):
            raise ValueError("a name has no brackets, ticks, pictures or other signs")
    if text and not any(unicodedata.category(c)[0] in "LN" for c in text):
        raise ValueError("a name has a letter or a digit")
    for before, c in itertools.pairwise(text):
        if c in JOINERS and "LATIN" in unicodedata.name(before, ""):
            raise ValueError("no invisible characters between Latin letters")
    parts = [part.strip(" .!-") for part in _SET_APART.split(skeleton(text))]
    if len(parts) > 1 and _OFFICE & set(parts):
        raise ValueError("a name does not say what staff would say of it")
    return text


def holder(text: str) -> str:
    """Return the name of a payee, a `name` that no file of a bank's takes apart. Raises ValueError."""
    text = name(text)
    plain = unicodedata.normalize("NFKC", text)
    if found := _NOT_OF_A_PAYEE & set(plain):
        raise ValueError(f"the name of an account's holder has no {min(found)}")
    if plain[:1] in ("+", "-"):
        raise ValueError("the name of an account's holder begins with no + or -")
    return text


def _is_invisible(c: str) -> bool:
    return unicodedata.category(c) in _INVISIBLE or c in FILLERS | _SELECTORS or (ord(c) & 0xFFFE) == 0xFFFE


def _is_a_sign(c: str) -> bool:
    if c in _IN_NAMES or c in _BRACKETS:
        return False
    match unicodedata.category(c):
        case "So" | "Me" | "Ps" | "Pe":
            return True
        case "Sm":
            return not c.isascii() or c in "<>"
        case "Sk":
            return ord(c) > 0xFFFF  # shades of emoji; others are accents, also those that serve as apostrophes
        case _:
            return False


def _check_marks(text: str) -> None:
    run = MARKS_AT_ONCE  # a text begins with no mark
    for c in text:
        run = run + 1 if unicodedata.category(c)[0] == "M" else 0
        if run > MARKS_AT_ONCE:
            raise ValueError(f"at most {MARKS_AT_ONCE} marks on a letter, and none without one")


def _check_joiners(text: str) -> None:
    """One between two characters that show something, as writing needs it."""
    for place, c in enumerate(text):
        if c in JOINERS:
            around = text[max(place - 1, 0) : place] + text[place + 1 : place + 2]
            if len(around) < 2 or any(other.isspace() or other in JOINERS for other in around):
                raise ValueError("invisible characters only where they join two others")
