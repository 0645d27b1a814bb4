"""Clicks on partners' links: how many on a day, from which source, of which campaign. Never who clicked.

They are roll-ups like the others, but counted where they happen: one write a click, into one of a few lanes of the day,
so that a link that everybody clicks at once is not one hot item. A lost answer may count a click twice: nobody is paid
by clicks. Closed days are folded as those of all roll-ups, by the first click of a new one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from refledger.domain.referrals import ReferralSource
from refledger.domain.times import day
from refledger.store import keys, statistics
from refledger.store.table import Table
from refledger.store.transaction import update

LANES = 4
_ALL, _SOURCE, _CAMPAIGN = "n", "s_", "c_"


@dataclass(frozen=True)
class Clicks:
    """`by_campaign`: of the campaigns that the program knew at the time; the others are in `total` alone."""

    total: int
    by_source: dict[str, int]
    by_campaign: dict[str, int]


def count(
    table: Table, code: str, at_ms: int, lane: int, source: ReferralSource, campaign: str, closed_day: str
) -> None:
    """Count one click on a code's link. `campaign`: one that the program knows, or "".

    `closed_day`: the last one that gets no more clicks. Not idempotent: a RetryableConflict has counted nothing.
    """
    dimension = keys.clicks(code)
    counters = [_ALL, _SOURCE + source, *([_campaign_counter(campaign)] if campaign else [])]
    change = "ADD " + ", ".join(f"#{counter} :one" for counter in counters)
    before = table.update(update("the click", keys.statistics_part(dimension, day(at_ms), str(lane)), change, one=1))
    if not before:
        statistics.fold(table, dimension, closed_day)


def of_code(table: Table, code: str) -> Clicks:
    """Return all that were ever counted.

    Costs the same however many there were.
    """
    return _clicks(statistics.totals(table, keys.clicks(code)))


def of_partner(table: Table, codes: Iterable[str], first_day: str, last_day: str) -> dict[str, Clicks]:
    """The clicks on all these codes (a partner's), by day (`20261121`), from the first day to the last.

    One query a code; a year of days is at most some 370 small items of each.
    """
    days: dict[str, Counter[str]] = defaultdict(Counter)
    for code in codes:
        for when, counters in statistics.days(table, keys.clicks(code), first_day, last_day).items():
            days[when].update(counters)
    return {when: _clicks(counters) for when, counters in sorted(days.items())}


def _campaign_counter(campaign: str) -> str:
    """A name of an attribute has no dashes where an expression writes it out, and a campaign's has no capitals."""
    return _CAMPAIGN + campaign.replace("-", "Z")


def _clicks(counters: Counter[str]) -> Clicks:
    named = sorted(counters.items())
    return Clicks(
        counters[_ALL],
        {name.removeprefix(_SOURCE): n for name, n in named if name.startswith(_SOURCE)},
        {name.removeprefix(_CAMPAIGN).replace("Z", "-"): n for name, n in named if name.startswith(_CAMPAIGN)},
    )
