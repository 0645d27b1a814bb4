"""What of two names or addresses is the same to a reader, or to a mail server: to find people who are one person.

Folded texts are never shown, kept or written to: they are only compared, as keyed hashes. Nobody is refused because of
one, for two people may have the same name and even addresses that fold alike. They are a reason to look.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# By each Latin letter those of Cyrillic, Greek, Armenian and Latin that look like it, in small: those that are used in
# words, a part of the list in Unicode TS 39.
_LOOKS: Final = {
    "a": "\u0430\u03b1\u0251", "b": "\u0432\u03b2", "c": "\u0441\u03f2", "d": "\u0501\u0111", "e": "\u0435\u03b5",
    "g": "\u0261", "h": "\u04bb\u043d\u0570", "i": "\u0456\u0457\u03b9\u0131\u0269", "j": "\u0458\u03f3\u0237",
    "k": "\u043a\u03ba", "l": "\u04cf\u0142", "m": "\u043c", "n": "\u03b7\u0578", "o": "\u043e\u03bf\u00f8\u0585",
    "p": "\u0440\u03c1", "q": "\u051b", "s": "\u0455", "t": "\u0442\u03c4", "u": "\u03c5\u057d", "v": "\u0475\u03bd",
    "w": "\u051d\u03c9", "x": "\u0445\u03c7", "y": "\u0443",
}  # fmt: skip
_LOOK_ALIKES: Final = {ord(c): latin for latin, alike in _LOOKS.items() for c in alike}
_SCRIPTS: Final = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE")
_GONE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Me", "Zl", "Zp"})
FILLERS: Final = frozenset(
    "\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
)  # that are no controls: letters, marks, a symbol
DOTLESS_I: Final = "\u0131"
_DOTS: Final = re.compile("[\u3002\uff0e\uff61]")  # which RFC 3490 takes for dots of a domain
_COMMENT: Final = re.compile(r"\([^()]*\)")
_QUOTED: Final = re.compile(r'\\(.)|"')
GMAIL: Final = "gmail.com"
_IS_GMAIL: Final = frozenset({GMAIL, "googlemail.com"})  # where dots in an address mean nothing
PHONE_DIGITS: Final = 8  # the last ones: those before are the country and the area, written or not
LEAST_PHONE_DIGITS: Final = 6


def plain(text: str) -> str:
    """Fold what one text may be written in: widths, capitals, accents, what shows nothing.

    Look-alikes are kept.
    """
    text = "".join(c for c in text if c not in FILLERS)
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(c for c in text if unicodedata.category(c) not in _GONE)


def skeleton(text: str) -> str:
    """Fold a text to what it looks like in Latin letters, where its letters look like some."""
    return plain(text).translate(_LOOK_ALIKES)


def is_mixed(name: str) -> bool:
    """Return whether a word of the name has letters of two scripts that look alike.

    Such as a Cyrillic A in Alice.
    """
    return any(len(_scripts(word)) > 1 for word in name.split())


def _scripts(word: str) -> set[str]:
    first = {unicodedata.name(c, "").split(" ")[0] for c in word if c.isalpha()}
    return first & set(_SCRIPTS)


def email(address: str) -> str:
    """Fold an e-mail address to the mailbox that it probably is; "" where it is none.

    Without comments, quotes, `+tags` (of any domain), and dots where the provider ignores them; look-alike letters are
    folded where a part mixes scripts. Two addresses of two people may fold alike: this is a signal.
    """
    local, at, domain = _COMMENT.sub("", unicodedata.normalize("NFKC", address)).rpartition("@")
    if not at:
        return ""
    local, domain = plain(_QUOTED.sub(lambda found: found[1] or "", local)).strip(), _domain(domain)
    if "+" in local[1:]:
        local = local[: local.index("+", 1)]
    if domain in _IS_GMAIL:
        domain, local = GMAIL, local.replace(".", "") or local
    if is_mixed(local) or DOTLESS_I in local:
        local = local.translate(_LOOK_ALIKES)
    return f"{local}@{domain}" if local and domain else ""


def _domain(text: str) -> str:
    shown = (c for c in text.casefold() if c not in FILLERS and unicodedata.category(c) not in _GONE - {"Mn"})
    labels = _DOTS.sub(".", "".join(shown)).strip(". ").split(".")
    return unicodedata.normalize("NFKC", ".".join(map(_unicode, labels)))


def _unicode(label: str) -> str:
    """A label of a domain as people read it: `xn--` and what it stands for are one. Source: RFC 5890."""
    if label.startswith("xn--"):
        try:
            return label[4:].encode("ascii").decode("punycode").casefold()
        except UnicodeError:
            return label
    return label


def person(first_name: str, last_name: str, phone: str) -> str:
    """Fold a name and a phone number to who it probably is; "" where one of both is missing.

    Words of the name in any order; of the number the last digits.
    """
    words = sorted(re.findall(r"\w+", skeleton(f"{first_name} {last_name}")))
    digits = "".join(re.findall(r"[0-9]", unicodedata.normalize("NFKC", phone)))
    if not words or len(digits) < LEAST_PHONE_DIGITS:
        return ""
    return f"{' '.join(words)} {digits[-PHONE_DIGITS:]}"
