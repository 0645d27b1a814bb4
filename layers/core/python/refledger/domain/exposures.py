"""What a day has seen of a partner or an actor, in sums by the hour, and who did what for a partner."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from refledger.domain.programs import Program
from refledger.domain.times import DAY_MS, HOUR_MS

HOURS: Final = 24  # before the one that is going on: a sum is of the last 24 to 25 hours
MARKS_KEPT: Final = 200
LONGEST_WINDOW_MS: Final = 400 * DAY_MS  # no mark is asked for after this
LASTS_MS: Final = 253_402_300_799_000  # the time of what never becomes old


class ExposureTally(StrEnum):
    """Sums that are kept apart: the same money is made, let out and marked one after the other."""

    MADE = "MADE"  # money that people made, or put back
    TOLD = "TOLD"  # money that machines made by what they told
    SOLD = "SOLD"  # money that a service made by what it told of customers' payments
    OUT = "OUT"  # money that one person let out
    MARKED = "MARKED"  # money of which the same person says that it was paid


class Marked(StrEnum):
    """What somebody did for a partner, which keeps them from letting the partner's money out."""

    CREDITED = "CREDITED"
    LINKED = "LINKED"
    ACCOUNT = "ACCOUNT"  # entered or verified
    LIFTED = "LIFTED"
    RATED = "RATED"  # raised what their customers bring, as long as they bring it
    SOLD = "SOLD"  # told of sales from which they earn, with an API key


LASTING: Final = frozenset({Marked.RATED})


@dataclass(frozen=True)
class Mark:
    """Who did it (keyed hash), and when last; `LASTS_MS` of what lasts."""

    kind: Marked
    actor: str
    at_ms: int


Sums = Mapping[str, int]  # minor units by currency


@dataclass(frozen=True)
class Exposure:
    """Of one partner, or of one actor. `hours`: hour since the epoch → "TALLY#CUR" → minor units.

    `version`: 0 where nothing was written yet.
    """

    owner: str
    hours: Mapping[int, Sums] = field(default_factory=dict)
    marks: tuple[Mark, ...] = ()
    version: int = 0

    def sums(self, tally: ExposureTally, now_ms: int) -> dict[str, int]:
        """Sum up what the last day has seen, by currency, in minor units.

        Hours that have not come yet count: clocks differ.
        """
        first, total = now_ms // HOUR_MS - HOURS, Counter[str]()
        for hour, amounts in self.hours.items():
            for place, amount in amounts.items() if hour >= first else ():
                kind, _, currency = place.partition("#")
                if kind == tally:
                    total[currency] += amount
        return dict(total)

    def plus(self, tally: ExposureTally, currency: str, amount: int, now_ms: int) -> Exposure:
        """Add an amount; what is older than a day is left out."""
        hour = now_ms // HOUR_MS
        kept = {at: sums for at, sums in self.hours.items() if at >= hour - HOURS}
        place = f"{tally}#{currency}"
        kept[hour] = {**kept.get(hour, {}), place: kept.get(hour, {}).get(place, 0) + amount}
        return replace(self, hours=kept)

    def marked(self, kind: Marked, actor: str, now_ms: int) -> Exposure:
        """Add what somebody did now.

        The last time counts; what no window reaches is left out.
        """
        others = [
            mark for mark in self.marks
            if (mark.kind, mark.actor) != (kind, actor) and now_ms - mark.at_ms < LONGEST_WINDOW_MS
        ]  # fmt: skip
        at_ms = LASTS_MS if kind in LASTING else now_ms
        return replace(self, marks=(*others, Mark(kind, actor, at_ms))[-MARKS_KEPT:])


def passes(program: Program, limit: str, sums: Sums, currency: str, amount: int) -> bool:
    """Return whether a sum passes a limit of the program with this amount more.

    Minor units of `currency`; nothing more passes nothing. With weights all currencies count together, too, in the
    currency that the program says.
    """
    if amount <= 0:
        return False
    total = {**sums, currency: sums.get(currency, 0) + amount}
    most = program.limit(limit, currency)
    if most is not None and total[currency] > most:
        return True
    weights = program.exposure
    if weights is None:
        return False
    most = program.limit(limit, weights.currency)
    return most is not None and sum(weights.weigh(of, by) for of, by in total.items()) > most
