"""Moments are whole milliseconds since 1970 in UTC; text is ISO 8601 with a zone. No naive time exists here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso(ms: int) -> str:
    """Write epoch milliseconds as `2026-11-21T09:30:00.000Z`."""
    return (EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_datetime(moment: datetime) -> int:
    """Return the epoch milliseconds of an aware moment.

    Raises ValueError for a naive one.
    """
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return (moment - EPOCH) // timedelta(milliseconds=1)


def day(ms: int) -> str:
    """Write the UTC day of epoch milliseconds as `20261121`."""
    return (EPOCH + timedelta(milliseconds=ms)).strftime("%Y%m%d")


def day_begins(text: str) -> int:
    """Return when a UTC day (`20261121`) begins, in epoch milliseconds.

    Raises ValueError for what is no day.
    """
    return from_datetime(datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC))


def months_after(ms: int, months: int) -> int:
    """Return the same day and time of day so many calendar months later, in UTC, in epoch milliseconds.

    From 31 January one month ends on 28 or 29 February, because a month that has no such day ends with its last one.
    """
    from calendar import monthrange  # it loads all that is known of locales

    moment = EPOCH + timedelta(milliseconds=ms)
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    last = monthrange(year, month + 1)[1]
    return from_datetime(moment.replace(year=year, month=month + 1, day=min(moment.day, last)))
