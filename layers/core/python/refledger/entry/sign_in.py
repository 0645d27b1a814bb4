"""How long ago somebody signed in. Where money is at stake it must have been a moment ago.

A token that is refreshed keeps the time of its sign-in (`auth_time`, which is not `iat`), so a session that was left
open, or stolen, reads and does neither. https://datatracker.ietf.org/doc/html/rfc9470
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from refledger.domain.errors import FreshSignInNeeded
from refledger.domain.times import MINUTE_MS, SECOND_MS

CLAIM = "auth_time"
TOKEN_SKEW_MS = MINUTE_MS  # between clocks: who signs in "later" has a token that means something else
# A NumericDate of RFC 7519, as the gateway writes numbers: the seconds may have a fraction, or an exponent
_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?([eE]\+?[0-9]{1,2})?")


def moment(claims: dict[str, Any]) -> int | None:
    """Read the sign-in that a token tells of, in epoch milliseconds.

    None where it tells of none, or of no moment.
    """
    told = claims.get(CLAIM)
    text = "" if isinstance(told, bool) else str(told)
    return int(Decimal(text) * SECOND_MS) if _NUMBER.fullmatch(text) and text.isascii() else None


def check(at_ms: int | None, minutes: int, now_ms: int) -> None:
    """Raise FreshSignInNeeded unless the sign-in is at most so many minutes old.

    0: any will do.
    """
    if not minutes or (at_ms is not None and -TOKEN_SKEW_MS <= now_ms - at_ms <= minutes * MINUTE_MS):
        return
    last = f"the last {minutes} minutes" if minutes > 1 else "the last minute"
    raise FreshSignInNeeded(
        f"this needs a sign-in of {last}: sign in again and send the same request with the new token; "
        "one that was only refreshed keeps the time of the old sign-in",
        minutes * MINUTE_MS // SECOND_MS,
    )
