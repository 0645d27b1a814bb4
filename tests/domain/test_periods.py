"""Days, weeks and months of reports."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain.errors import Invalid
from refledger.domain.periods import LONGEST_DAYS, Interval, Period, Span, beginning, latest, name, today, until_today
from refledger.domain.times import DAY_MS, day

DAYS = st.dates(date(1970, 1, 1), date(2999, 1, 1))


@given(DAYS, st.integers(0, LONGEST_DAYS - 1), st.sampled_from(Interval))
def test_intervals_are_the_period(first: date, length: int, interval: Interval) -> None:
    """One after another without a gap, each day once, from the first day to the last."""
    period = Period(first, first + timedelta(days=length))
    found = list(period.intervals(interval))
    assert found[0].first == period.first
    assert found[-1].last == period.last
    assert all(span.first <= span.last for span in found)
    assert all(later.first == span.last + timedelta(days=1) for span, later in pairwise(found))
    assert not any(span.cut for span in found[1:-1])


@given(DAYS, st.sampled_from(Interval))
def test_a_span_is_cut_where_it_is_not_the_whole(day: date, interval: Interval) -> None:
    """A day never is; a week of seven days and a month of all its days are not."""
    (span,) = Period(beginning(day, interval), day).intervals(interval)
    assert beginning(span.first, interval) == span.first
    assert span.cut == (beginning(day + timedelta(days=1), interval) == span.first)


@given(DAYS, st.sampled_from(Interval))
def test_the_latest_are_as_many_every_day_and_begin_whole(today: date, interval: Interval) -> None:
    """30 days, 12 weeks, 12 months, on whatever day: also after a leap day. Only the one that runs may be cut."""
    found = list(latest(1_000 * 86_400 * (today - date(1970, 1, 1)).days, interval).intervals(interval))
    assert len(found) == {Interval.DAY: 30, Interval.WEEK: 12, Interval.MONTH: 12}[interval]
    assert found[-1].last == today
    assert not any(span.cut for span in found[:-1])


def test_weeks_begin_on_monday_and_months_on_the_first() -> None:
    """Only the first and the last interval are cut."""
    period = Period(date(2026, 1, 30), date(2026, 3, 3))
    weeks = [span.first for span in period.intervals(Interval.WEEK)]
    assert weeks[0] == period.first
    assert {first.weekday() for first in weeks[1:]} == {0}
    months = list(period.intervals(Interval.MONTH))
    assert months == [
        Span(date(2026, 1, 30), date(2026, 1, 31), cut=True), Span(date(2026, 2, 1), date(2026, 2, 28), cut=False),
        Span(date(2026, 3, 1), date(2026, 3, 3), cut=True),
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
