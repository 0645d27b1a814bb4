"""When schedules fire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from undocked.schedule_times import next_time
from undocked.schedules import Schedule, due_times

NOW = datetime(2026, 2, 27, 10, 7, 30, tzinfo=UTC)  # a Friday


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("rate(1 minute)", "2026-02-27T10:08:30"),
        ("rate(5 minutes)", "2026-02-27T10:12:30"),
        ("rate(1 day)", "2026-02-28T10:07:30"),
        ("at(2026-03-01T00:00:00)", "2026-03-01T00:00:00"),
        ("cron(0/15 * * * ? *)", "2026-02-27T10:15:00"),
        ("cron(0 3 * * ? *)", "2026-02-28T03:00:00"),
        ("cron(30 10 ? * MON-FRI *)", "2026-02-27T10:30:00"),
        ("cron(0 8 ? * MON,WED *)", "2026-03-02T08:00:00"),
        ("cron(0 8 ? * 1 *)", "2026-03-01T08:00:00"),
        ("cron(0 0 L * ? *)", "2026-02-28T00:00:00"),
        ("cron(0 12 29 FEB ? *)", "2028-02-29T12:00:00"),
        ("cron(0 0 1 1 ? 2030)", "2030-01-01T00:00:00"),
    ],
)
def test_the_next_time(expression: str, expected: str) -> None:
    """The first moment after now that the expression names."""
    assert next_time(expression, NOW) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize("expression", ["at(2020-01-01T00:00:00)", "cron(0 0 1 1 ? 2020)"])
def test_what_is_past_never_comes(expression: str) -> None:
    """None, instead of a moment."""
    assert next_time(expression, NOW) is None


@pytest.mark.parametrize(
    "expression",
    [
        "rate(0 minutes)", "rate(5 minute)", "rate(1 hours)", "rate(1 week)", "rate(x minutes)", "every day",
        "cron(0 0 * * ?)", "cron(0 0 ? * ? *)", "cron(0 0 1 * MON *)", "cron(0 0 ? * 2#1 *)", "cron(0 0 15W * ? *)",
        "cron(0 0 ? * 5L *)", "cron(60 0 * * ? *)", "cron(0 0 * * ? 5)", "cron(0 0 0 * ? *)", "cron(0/x 0 * * ? *)",
        "at(tomorrow)",
    ],
)  # fmt: skip
def test_what_is_not_understood_is_an_error(expression: str) -> None:
    """Rather than a guess: a schedule that fires at another time than the deployed one is worse than none."""
    with pytest.raises(ValueError):  # noqa: PT011 every part of the grammar has its own text
        next_time(expression, NOW)


def test_a_zone_counts() -> None:
    """Three in the morning of Berlin, in winter and in summer."""
    berlin = ZoneInfo("Europe/Berlin")
    for month, hour in ((1, 2), (7, 1)):
        due = next_time("cron(0 3 * * ? *)", datetime(2026, month, 10, tzinfo=berlin))
        assert due is not None
        assert due.astimezone(UTC).hour == hour


class Clock:
    """A clock that stands at each moment it is asked to wait for."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def fires(self, schedule: Schedule, count: int) -> list[float]:
        """The first times that a schedule fires, in seconds from the start."""
        fired = []
        for due in islice(due_times(schedule, self), count):
            self.now = max(self.now, due)
            fired.append((due - NOW).total_seconds())
        return fired


def schedule(expression: str = "rate(1 minute)", **more: object) -> Schedule:
    """A schedule of nothing."""
    return Schedule("s", expression, {}, "{}", **more)  # type: ignore[arg-type]


def test_a_rate_of_scheduler_begins_at_once() -> None:
    """And of a rule after its first period."""
    assert Clock().fires(schedule(at_once=True), 3) == [0, 60, 120]
    assert Clock().fires(schedule(), 3) == [60, 120, 180]


def test_start_and_end_are_kept_to() -> None:
    """A rate begins at its start date; nothing fires after the end date."""
    begin, end = NOW + timedelta(seconds=90), NOW + timedelta(seconds=220)
    assert Clock().fires(schedule(at_once=True, begin=begin), 2) == [90, 150]
    assert Clock().fires(schedule(at_once=True, begin=begin, end=end), 9) == [90, 150, 210]
    assert Clock().fires(schedule("cron(* * * * ? *)", begin=begin, end=end), 9) == [150, 210]


def test_missed_periods_are_not_made_up() -> None:
    """A machine that slept for ten minutes fires once, and keeps the rhythm."""
    clock = Clock()
    times = due_times(schedule(at_once=True), clock)
    assert next(times) == NOW
    clock.now = NOW + timedelta(seconds=615)
    assert next(times) == NOW + timedelta(seconds=660)
