"""Days as roll-ups name them (`20261231`), and the intervals that reports are made of. All of it in UTC."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from refledger.domain.errors import Invalid

LONGEST_DAYS = 366
LATEST_DAYS, LATEST = 30, 12  # days; weeks or months


class Interval(StrEnum):
    """How long a point of a trend is."""

    DAY = "DAY"  # a calendar day
    WEEK = "WEEK"  # begins on Monday
    MONTH = "MONTH"  # a calendar month


@dataclass(frozen=True)
class Period:
    """From the beginning of the first day to the end of the last."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if not 0 <= (self.last - self.first).days < LONGEST_DAYS:
            raise Invalid(f"to: not before `from`, and at most {LONGEST_DAYS} days with it")

    @property
    def days(self) -> tuple[str, str]:
        return name(self.first), name(self.last)

    def intervals(self, interval: Interval) -> Iterator[Span]:
        """Yield each interval in the period, cut where the period begins and ends."""
        first = self.first
        while first <= self.last:
            whole = _last(first, interval)
            last = min(whole, self.last)
            yield Span(first, last, cut=last < whole or first > beginning(first, interval))
            first = last + timedelta(days=1)


@dataclass(frozen=True)
class Span:
    """An interval, both days with it. `cut`: it is not the whole of its week or month."""

    first: date
    last: date
    cut: bool


def beginning(day: date, interval: Interval) -> date:
    """Return the first day of the interval in which the day lies."""
    match interval:
        case Interval.DAY:
            return day
        case Interval.WEEK:
            return day - timedelta(days=day.weekday())
        case Interval.MONTH:
            return day.replace(day=1)


def _last(day: date, interval: Interval) -> date:
    match interval:
        case Interval.DAY:
            return day
        case Interval.WEEK:
            return day + timedelta(days=6 - day.weekday())
        case Interval.MONTH:
            after = day.replace(day=28) + timedelta(days=4)  # some day of the next month
            return after - timedelta(days=after.day)


def name(day: date) -> str:
    return day.strftime("%Y%m%d")


def today(now_ms: int) -> date:
    return datetime.fromtimestamp(now_ms // 1000, UTC).date()


def until_today(now_ms: int, days: int) -> Period:
    """Return a period of so many days, of which today is the last."""
    last = today(now_ms)
    return Period(last - timedelta(days=days - 1), last)


def latest(now_ms: int, interval: Interval) -> Period:
    """Return the last 30 days, 12 weeks or 12 months.

    Whole ones, and as much as there is of the one that runs.
    """
    last = today(now_ms)
    match interval:
        case Interval.DAY:
            return until_today(now_ms, LATEST_DAYS)
        case Interval.WEEK:
            return Period(beginning(last, interval) - timedelta(weeks=LATEST - 1), last)
        case Interval.MONTH:
            month = last.year * 12 + last.month - LATEST
            return Period(date(month // 12, month % 12 + 1, 1), last)
