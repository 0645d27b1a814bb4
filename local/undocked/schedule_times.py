"""When a schedule expression fires: rate(), cron() and at().

Grammar: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html (six fields,
one of the two day fields is "?"). L is understood as the last day of a month; L of a weekday, W and # are
refused rather than misread.
"""

from __future__ import annotations

import calendar
import re
from datetime import datetime, timedelta

MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
DAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), start=1)}
UNITS = ("minute", "minutes", "hour", "hours", "day", "days")
YEARS_AHEAD = 8  # far enough for a 29 February


def period(expression: str) -> timedelta | None:
    """The period of a rate(), None for what is not a rate.

    Raises ValueError for a rate that AWS would refuse.
    """
    if not expression.startswith("rate("):
        return None
    found = re.fullmatch(r"rate\((\d+) (\w+)\)", expression)
    number = int(found[1]) if found else 0
    if not found or found[2] not in UNITS or number < 1 or (number == 1) != (not found[2].endswith("s")):
        raise ValueError(f"not a rate: {expression}")
    return timedelta(**{found[2].rstrip("s") + "s": number})


def next_time(expression: str, now: datetime) -> datetime | None:
    """The first moment after `now` (aware; its zone counts) that the expression names, or None.

    Raises ValueError.
    """
    if every := period(expression):
        return now + every
    found = re.fullmatch(r"(at|cron)\((.*)\)", expression)
    if not found:
        raise ValueError(f"not a schedule: {expression}")
    if found[1] == "at":
        moment = datetime.fromisoformat(found[2]).replace(tzinfo=now.tzinfo)
        return moment if moment > now else None
    return _next_cron(found[2], now)


def _next_cron(fields: str, now: datetime) -> datetime | None:
    if len(fields.split()) != 6:
        raise ValueError(f"not the six fields of a cron expression: {fields}")
    minute, hour, day, month, weekday, year = fields.split()
    if (day == "?") == (weekday == "?"):
        raise ValueError(f"one of day and weekday must be ?, not both: cron({fields})")
    minutes, hours = _values(minute, 0, 59), _values(hour, 0, 23)
    months, years = _values(month, 1, 12, MONTHS), _values(year, 1970, 2199)
    days = None if day in ("?", "*", "L") else _values(day, 1, 31)
    weekdays = None if weekday in ("?", "*") else _values(weekday, 1, 7, DAYS)
    date = now.date()
    for _ in range(366 * YEARS_AHEAD):
        is_last = date.day == calendar.monthrange(date.year, date.month)[1]
        fits = date.year in years and date.month in months and (days is None or date.day in days)
        if fits and (day != "L" or is_last) and (weekdays is None or date.isoweekday() % 7 + 1 in weekdays):
            times = ((h, m) for h in sorted(hours) for m in sorted(minutes))
            for moment in (datetime(date.year, date.month, date.day, h, m, tzinfo=now.tzinfo) for h, m in times):
                if moment > now:
                    return moment
        date += timedelta(days=1)
    return None


def _values(text: str, low: int, high: int, names: dict[str, int] | None = None) -> set[int]:
    """`*`, `1,2`, `1-5`, `0/15`, `MON-FRI` as a set of numbers."""
    found: set[int] = set()
    for part in text.upper().split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        start = low if first == "*" else _number(first, names or {})
        end = _number(last, names or {}) if dash else high if slash or first == "*" else start
        if not low <= start <= end <= high or (slash and not step.isdigit()):
            raise ValueError(f"schedule field not understood: {text}")
        found.update(range(start, end + 1, int(step or 1)))
    return found


def _number(word: str, names: dict[str, int]) -> int:
    number = names.get(word)
    if number is None and not word.isdigit():
        raise ValueError(f"schedule field not understood: {word}")
    return int(word) if number is None else number
