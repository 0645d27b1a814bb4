"""Days, weeks and months of reports."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain.errors import Invalid
from refledger.domain.periods import LONGEST_DAYS, Interval, Period, name, today, until_today
from refledger.domain.times import DAY_MS, day

DAYS = st.dates(date(1970, 1, 1), date(2999, 1, 1))


@given(DAYS, st.integers(0, LONGEST_DAYS - 1), st.sampled_from(Interval))
def test_intervals_are_the_period(first: date, length: int, interval: Interval) -> None:
    """One after another without a gap, each day once, from the first day to the last."""
    period = Period(first, first + timedelta(days=length))
    found = list(period.intervals(interval))
    assert found[0][0] == period.first
    assert found[-1][1] == period.last
    assert all(begin <= end for begin, end in found)
    assert all(begin == before + timedelta(days=1) for (_, before), (begin, _) in pairwise(found))


def test_weeks_begin_on_monday_and_months_on_the_first() -> None:
    """Only the first and the last interval are cut."""
    period = Period(date(2026, 1, 30), date(2026, 3, 3))
    weeks = [first for first, _ in period.intervals(Interval.WEEK)]
    assert weeks[0] == period.first
    assert {first.weekday() for first in weeks[1:]} == {0}
    months = list(period.intervals(Interval.MONTH))
    assert months == [
        (date(2026, 1, 30), date(2026, 1, 31)), (date(2026, 2, 1), date(2026, 2, 28)),
        (date(2026, 3, 1), date(2026, 3, 3)),
    ]  # fmt: skip


@pytest.mark.parametrize("days", [-1, LONGEST_DAYS])
def test_a_period_is_at_most_a_year_and_ends_after_it_begins(days: int) -> None:
    """Anything else is refused, by the name of the field."""
    with pytest.raises(Invalid, match=r"^to: "):
        Period(date(2026, 1, 1), date(2026, 1, 1) + timedelta(days=days))


def test_days_are_named_as_roll_ups_name_them() -> None:
    """The same day for the same moment, whoever names it; today is the last of the last days."""
    moment = 1_790_000_000_000
    assert name(today(moment)) == day(moment)
    period = until_today(moment, 30)
    assert (name(period.last), (period.last - period.first).days) == (day(moment), 29)
    assert name(today(moment - DAY_MS)) == name(period.last - timedelta(days=1))
