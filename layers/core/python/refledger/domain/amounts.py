"""Numbers that come from outside as text, read by one grammar; amounts divided without losing a unit; shares.

What is read: ASCII digits, and a point with digits after it. No sign, no exponent, no separators, no spaces, no digits
of other scripts: Python's own `Decimal` and `int` take all of these, and a mistyped separator would become money.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, TypeVar

from refledger.domain.errors import Invalid

K = TypeVar("K")
BPS: Final = 10_000  # shares and rates are in hundredths of a per cent
MAX_DIGITS: Final = 15  # before the point
MAX_DECIMALS: Final = 4  # no currency has more

WHOLE: Final = re.compile(rf"-?[0-9]{{1,{MAX_DIGITS + 1}}}")
_MAJOR: Final = re.compile(rf"[0-9]{{1,{MAX_DIGITS}}}(?:\.[0-9]{{1,{MAX_DECIMALS}}})?")
GRAMMAR: Final = "digits 0 to 9, and at most one point with decimals after it"


def major(text: str) -> Decimal:
    """Parse an amount in major units as a person writes it: `1250` or `12.50`.

    It keeps the decimals that were written: `currencies.minor` holds them against the currency's. Raises Invalid for
    everything else.
    """
    if not _MAJOR.fullmatch(text):
        raise Invalid(f"amount: not a number ({GRAMMAR})")
    return Decimal(text)


def plain(number: Decimal | int) -> str:
    """Write a number of a JSON text as the grammar has it.

    What cannot be written so stays as it is, and is refused there.
    """
    if not isinstance(number, Decimal):
        return str(number)
    if not number.is_finite() or not -MAX_DECIMALS <= number.adjusted() <= MAX_DIGITS:
        return str(number)
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def spread(amount: int, weights: Sequence[int]) -> list[int]:
    """Divide `amount` in proportion to `weights`, by the largest remainder.

    The parts sum to it exactly.

    Weights are 0 or more and not all 0; among equal remainders the first gets the unit.
    """
    total = sum(weights)
    parts = [amount * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda place: (-(amount * weights[place] % total), place))
    for place in by_remainder[: amount - sum(parts)]:
        parts[place] += 1
    return parts


def share_bps(part: int, whole: int) -> int | None:
    """Return the share of a part in the whole, in basis points, rounded down.

    None of nothing, and of what is no part of the whole: changes of a period may go beyond it, or below zero.
    """
    return part * BPS // whole if 0 <= part <= whole and whole else None


def shares_bps(parts: Mapping[K, int]) -> dict[K, int | None]:
    """Return the share of each part in all of them together, in basis points.

    None for all where a period took more of one away than came.
    """
    whole = sum(parts.values()) if min(parts.values(), default=0) >= 0 else 0
    return {name: share_bps(part, whole) for name, part in parts.items()}
