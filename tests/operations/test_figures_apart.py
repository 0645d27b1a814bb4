"""What must not be taken for something else: gifts for earnings, changes for shares, what was never due for losses."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain import periods
from refledger.domain.amounts import BPS, share_bps, shares_bps
from refledger.domain.partners import PartnerStatus
from refledger.domain.periods import Interval, Period
from refledger.domain.times import DAY_MS
from refledger.entry.models.analytics import FunnelView, ReferralFiguresView, RewardPointView
from refledger.operations.earning import manual_rewards
from refledger.operations.earning.manual_rewards import Gift
from refledger.operations.figures import leaderboards, reports, rollups
from refledger.operations.figures.leaderboards import RankedBy
from refledger.operations.figures.reports import TimeToConvert
from refledger.operations.partners import partners
from refledger.store import dimensions, keys
from refledger.store.transaction import update
from tests.support.books import Books
from tests.support.rollups import Counting

PROGRAM = dimensions.program("default")


def counters(books: Books) -> dict[str, int]:
    return dict(rollups.totals(books.context, PROGRAM))


def test_a_gift_is_no_earning_from_customers(books: Books) -> None:
    """Of no tier, on no board of rewards, told as what staff gave; and it waits and is held like any reward."""
    books.program()
    books.chain("bob", "carol")
    books.earn("carol", "p", 10_000)
    manual_rewards.give(books.context, Gift(books.partner("bob").id, 2_500, "USD", "spoke for us"), "ann", None)
    Counting(books)()
    own = rollups.of_user(books.context, books.user("bob"))
    assert own.tiers[1].earnings == {"USD": 2_000}
    assert own.by_hand == {"USD": 2_500}
    found = reports.partner_figures(rollups.current_totals(books.context, books.partner("bob").id))
    assert (found.earned, found.by_hand) == ({"USD": 2_000}, {"USD": 2_500})
    board = leaderboards.top(books.context, "default", leaderboards.ALL_TIME, RankedBy.REWARDS, "USD")
    assert board.rows == ((books.partner("bob").id, 2_000),)
    program = reports.program_figures(counters(books))
    assert (program.by_hand.count, program.by_hand.amounts, program.made) == (1, {"USD": 2_500}, 2)


def test_a_gift_that_is_cancelled_was_none(books: Books) -> None:
    """It is among the cancelled, and nobody was given anything."""
    books.program()
    made = manual_rewards.give(books.context, Gift(books.partner("bob").id, 2_500, "USD", "why"), "ann", None)
    books.cancel(made)
    Counting(books)()
    assert rollups.of_user(books.context, books.user("bob")).by_hand == {"USD": 0}
    program = reports.program_figures(counters(books))
    assert (program.by_hand.count, program.rewards["CANCELLED"].count) == (0, 1)


def test_what_nobody_was_to_get_was_not_cancelled(books: Books) -> None:
    """The partner was suspended when the customer paid: no earning was taken away."""
    books.program(hold_days=1)
    books.chain("bob", "carol")
    partners.change_status(books.context, books.partner("bob").id, PartnerStatus.SUSPENDED, "", "x")
    books.pay("carol", "p", 10_000)
    books.clock.forward(2 * DAY_MS)
    partners.change_status(books.context, books.partner("bob").id, PartnerStatus.ACTIVE, "", "x")
    books.mature("bob")
    Counting(books)()
    program = reports.program_figures(counters(books))
    assert program.rewards == {}
    assert (program.idle.count, program.idle.amounts, program.made) == (1, {"USD": 2_000}, 1)
    (span,) = Period(date(2026, 9, 1), date(2026, 9, 30)).intervals(Interval.MONTH)
    point = RewardPointView.of(span, counters(books))
    assert (point.created, point.earned, point.cancelled) == (1, [], [])
    assert [(each.currency, each.amount) for each in point.never_due] == [("USD", 2_000)]


def today(books: Books) -> Period:
    return periods.until_today(books.clock(), 1)


def test_a_funnel_follows_those_who_entered_it(books: Books) -> None:
    """Three are made on one day, one converts on the next: it is the first day's, whose funnel it is in ever after."""
    books.program()
    count = Counting(books)
    for name in ("ann", "ben", "cid"):
        books.apply(name, "bob")
    first = today(books)
    count()
    books.clock.forward(DAY_MS)
    (item, *_) = books.table.query(keys.referrals(books.partner("bob").id))
    books.table.commit(update(
        "converts", {"pk": item["pk"], "sk": item["sk"]}, "SET #status = :status, #converted = :at",
        status="CONVERTED", at=books.clock(),
    ))  # fmt: skip
    count()

    def steps(period: Period | None) -> list[tuple[int, int | None]]:
        view = FunnelView.of("default", reports.funnel(books.context, "default", period), period)
        return [(step.count, step.of_first_bps) for step in view.steps]

    assert steps(first) == steps(None) == [(3, BPS), (3, BPS), (1, 3333), (0, 0)]
    assert steps(today(books)) == [(0, None)] * 4
    told = reports.referral_figures(reports.counted(books.context, PROGRAM, today(books)))
    assert (told.total, told.converted) == (0, 1)
    assert ReferralFiguresView.of(told, today(books)).conversion_rate_bps is None


def test_a_funnel_over_the_turn_of_a_year(books: Books) -> None:
    """Those of both years, each once, and nobody of the days before and after."""
    books.program()
    count, days = Counting(books), Period(date(2026, 12, 31), date(2027, 1, 1))
    ahead = date(2026, 12, 30) - periods.today(books.clock())
    books.clock.forward(ahead.days * DAY_MS)
    for name in ("ann", "ben", "cid", "dan"):
        books.apply(name, "bob")
        books.clock.forward(DAY_MS)
    count()
    assert reports.funnel(books.context, "default", days) == {"ACCEPTED": 2}
    assert reports.funnel(books.context, "default", None) == {"ACCEPTED": 4}


STATUSES = st.dictionaries(st.sampled_from(["PENDING", *reports.STEPS[1:], "REJECTED", "EXPIRED"]), st.integers(0, 99))


@given(STATUSES)
def test_a_funnel_never_widens(by_status: dict[str, int]) -> None:
    """Whatever the referrals are, each step is a part of the one before; its rates lie between nothing and all."""
    steps = FunnelView.of("default", by_status, None).steps
    assert [step.count for step in steps] == sorted((step.count for step in steps), reverse=True)
    rates = [rate for step in steps for rate in (step.of_first_bps, step.of_previous_bps)]
    assert all(rate is None or 0 <= rate <= BPS for rate in rates)


@given(st.integers(-9, 99), st.integers(-9, 99))
def test_a_share_is_of_what_it_is_a_part_of(part: int, whole: int) -> None:
    """None of nothing and of what it is no part of; never below nothing, or above all."""
    share = share_bps(part, whole)
    assert share == (part * BPS // whole if 0 <= part <= whole and whole else None)
    assert share is None or 0 <= share <= BPS


def test_shares_are_of_one_whole_or_none_is_said() -> None:
    """Where a part went below zero the others would come to more than all."""
    assert shares_bps({"a": 1, "b": 3}) == {"a": 2500, "b": 7500}
    assert shares_bps({"a": -1, "b": 3}) == {"a": None, "b": None}
    assert shares_bps({"a": 0}) == {"a": None}
    assert shares_bps({}) == {}


@pytest.mark.parametrize(
    ("converted", "minutes", "hours"),
    [(3, 3 * 59, 1), (2, 59, 0), (2, 60, 1), (1, 89, 1), (1, 90, 2), (0, 0, None), (-1, -60, None), (1, -5, None)],
)
def test_minutes_are_summed_and_then_rounded(converted: int, minutes: int, hours: int | None) -> None:
    """To the nearest hour, once: three of 59 minutes took an hour each."""
    assert TimeToConvert(converted, minutes, []).average_hours == hours
