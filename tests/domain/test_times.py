"""Moments as milliseconds, and as text with a zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain import times

MOMENTS = st.integers(0, 253_402_300_799_999)  # until the end of the year 9999


@given(MOMENTS)
def test_text_and_back(ms: int) -> None:
    """A moment's text, read again, is the same moment, to the millisecond."""
    assert times.from_datetime(datetime.fromisoformat(times.iso(ms))) == ms


@given(MOMENTS, MOMENTS)
def test_text_sorts_like_time(a: int, b: int) -> None:
    """Text and day of two moments stand in the order of the moments."""
    assert (times.iso(a) < times.iso(b)) is (a < b)
    assert times.day(min(a, b)) <= times.day(max(a, b))


@pytest.mark.parametrize(
    ("ms", "text", "day"),
    [
        (0, "1970-01-01T00:00:00.000Z", "19700101"),
        (1_793_620_800_007, "2026-11-02T12:00:00.007Z", "20261102"),
        (1_793_663_999_999, "2026-11-02T23:59:59.999Z", "20261102"),
        (1_793_664_000_000, "2026-11-03T00:00:00.000Z", "20261103"),
    ],
)
def test_examples(ms: int, text: str, day: str) -> None:
    """Always three decimals and Z; a day begins at midnight UTC."""
    assert (times.iso(ms), times.day(ms)) == (text, day)


@given(MOMENTS.filter(lambda ms: times.DAY_MS < ms < 253_402_200_000_000), st.integers(-23, 23))
def test_the_zone_does_not_change_the_moment(ms: int, hours: int) -> None:
    """The same moment told in another zone is the same number."""
    told = datetime.fromtimestamp(0, timezone(timedelta(hours=hours))) + timedelta(milliseconds=ms)
    assert times.from_datetime(told) == ms


def test_parts_of_a_millisecond_are_dropped() -> None:
    """999 microseconds after the epoch are still millisecond 0."""
    assert times.from_datetime(datetime(1970, 1, 1, 0, 0, 0, 999, tzinfo=UTC)) == 0


def test_a_time_without_a_zone_is_refused() -> None:
    """Nobody can say which moment it is."""
    with pytest.raises(ValueError, match="zone"):
        times.from_datetime(datetime(2026, 1, 1))  # noqa: DTZ001
