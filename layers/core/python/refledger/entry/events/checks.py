"""What must hold of ids and times, whoever sent them."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import Final

from refledger.domain import times

MAX_ID_CHARACTERS: Final = 256
MAX_FUTURE_MS: Final = times.DAY_MS  # clocks differ; a payment of next month is a mistake

# RFC 3339, with a zone always. `fromisoformat` alone would take week dates, spaces and no zone at all.
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
    r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)
# Control characters, and lone halves of a surrogate pair: no store can encode those.
_UNPRINTABLE: Final = frozenset(("Cc", "Cs"))


def id_fault(text: str) -> str | None:
    """Return what is wrong with an id, None where nothing is."""
    if not 1 <= len(text) <= MAX_ID_CHARACTERS:
        return "not 1 to 256 characters"
    if not text.isprintable() and any(unicodedata.category(character) in _UNPRINTABLE for character in text):
        return "a control character"
    return None


def moment_ms(text: str) -> int:
    """Parse an RFC 3339 text to epoch milliseconds.

    Raises ValueError, also for the 30th of February.
    """
    if not _MOMENT.fullmatch(text):
        raise ValueError("not a time with a zone")
    return times.from_datetime(datetime.fromisoformat(text))
