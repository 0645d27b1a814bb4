"""What staff and services read of the roll-ups: statistics, trends, leaderboards, the trial balance."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from refledger.domain import periods
from refledger.domain.errors import Invalid, NotCounted, PartnerNotFound, ProgramNotFound
from refledger.domain.periods import LONGEST_DAYS, Interval, Period
from refledger.domain.times import iso
from refledger.entry import config, own
from refledger.entry.http import Api, Request
from refledger.entry.models.analytics import (
    AnyPeriodQuery,
    CohortQuery,
    CohortsView,
    CohortView,
    ForecastView,
    FunnelView,
    OverviewView,
    OwnPerformanceView,
    PartnerCountsView,
    PartnerDayView,
    PartnerFiguresView,
    PartnersStatisticsView,
    PartnerStatisticsView,
    ProgramFiguresView,
    ProgramPeriodQuery,
    ProgramQuery,
    ProgramStatisticsView,
    ReferralFiguresView,
    ReferralPointView,
    ReferralStatisticsView,
    ReferralTrendsView,
    RewardFiguresView,
    RewardPointView,
    RewardStatisticsView,
    RewardTrendsView,
    ScorecardView,
    SourcesView,
    TimeToConvertView,
    TopQuery,
    TopRowView,
    TopView,
    TrendQuery,
    TrialBalanceQuery,
)
from refledger.entry.models.book_reports import PayoutsView, PayoutView, TrialBalancesView, TrialBalanceView
from refledger.entry.models.common import NoBody, NoQuery
from refledger.operations.figures import book_reports, leaderboards, reports
from refledger.operations.figures.availability import check_books_counted, check_counted
from refledger.operations.figures.leaderboards import ALL_TIME, RankedBy

api = handler = Api()

UNREADABLE = (NotCounted, ProgramNotFound)  # figures of a program
OLDEST_DAYS = 10 * LONGEST_DAYS  # of a trial balance, which reads a line for each day since: as long as books are kept


# ---------------------------------------------------------------- programs


@api.route(
    "GET /api/v1/programs/{programId}/statistics", query=AnyPeriodQuery, answer=ProgramStatisticsView,
    refuses=UNREADABLE,
)  # fmt: skip
def program_statistics(request: Request[NoBody, AnyPeriodQuery]) -> ProgramStatisticsView:
    """Say what a program's partners, referrals, payments and rewards come to, of all time or in a period."""
    period = request.query.period
    program_id = _program(request.id("programId"), period)
    found = reports.of_program(config.context(), program_id, period)
    return ProgramStatisticsView.told(program_id, found, period)


@api.route("GET /api/v1/analytics/overview", query=ProgramQuery, answer=OverviewView, refuses=UNREADABLE)
def overview(request: Request[NoBody, ProgramQuery]) -> OverviewView:
    """Say what a program comes to, of all time and in the last 30 days."""
    context, program_id = config.context(), _program(request.query.program_id)
    ever, lately = reports.overview(context, program_id)
    period = periods.until_today(context.now_ms(), reports.LAST_DAYS)
    return OverviewView(
        program_id=program_id,
        all_time=ProgramFiguresView.of(ever, None),
        last30_days=ProgramFiguresView.of(lately, period),
    )


@api.route("GET /api/v1/analytics/cohorts", query=CohortQuery, answer=CohortsView, refuses=UNREADABLE)
def cohorts(request: Request[NoBody, CohortQuery]) -> CohortsView:
    """Follow the customers who were referred in each month of a year: who converted, and what they paid when."""
    context = config.context()
    year = request.query.year or periods.today(context.now_ms()).year
    program_id = _program(request.query.program_id, Period(date(year, 1, 1), date(year, 12, 31)))
    found = reports.cohorts(context, program_id, year)
    return CohortsView(program_id=program_id, year=year, data=[CohortView.of(cohort) for cohort in found])


@api.route("GET /api/v1/analytics/forecast", query=ProgramQuery, answer=ForecastView, refuses=UNREADABLE)
def forecast(request: Request[NoBody, ProgramQuery]) -> ForecastView:
    """Say what rewards that wait come to, by the day on which they are due."""
    program_id = _program(request.query.program_id)
    return ForecastView.of(program_id, reports.forecast(config.context(), program_id))


# ---------------------------------------------------------------- partners


@api.route(
    "GET /api/v1/partners/statistics", query=ProgramPeriodQuery, answer=PartnersStatisticsView,
    refuses=UNREADABLE,
)  # fmt: skip
def partners_statistics(request: Request[NoBody, ProgramPeriodQuery]) -> PartnersStatisticsView:
    """Count a program's partners by status and label, or by what these numbers changed in a period."""
    period = request.query.period
    program_id = _program(request.query.program_id, period)
    counts = PartnerCountsView.of(reports.of_program(config.context(), program_id, period))
    return PartnersStatisticsView(
        program_id=program_id, **PartnersStatisticsView.dates(period), **counts.model_dump(by_alias=True)
    )


@api.route("GET /api/v1/partners/top", query=TopQuery, answer=TopView, refuses=UNREADABLE)
def top(request: Request[NoBody, TopQuery]) -> TopView:
    """List the partners with the most revenue, conversions or rewards, of a month or of all time."""
    context, query = config.context(), request.query
    program_id, month = query.program_id, query.month.replace("-", "")
    check_counted(context, program_id, "" if month == ALL_TIME else f"{month}01")
    currency = query.currency or context.program(program_id).currency
    board = leaderboards.top(context, program_id, month, query.by, currency)
    rows = enumerate(board.rows[: query.limit], start=1)
    of_money = None if query.by is RankedBy.CONVERSIONS else currency
    return TopView(
        program_id=program_id,
        by=query.by,
        month=query.month,
        currency=of_money,
        updated_at=iso(board.at_ms) if board.version else None,
        data=[TopRowView(rank=rank, partner_id=id, currency=of_money, value=value) for rank, (id, value) in rows],
    )


@api.route(
    "GET /api/v1/partners/{partnerId}/statistics", query=AnyPeriodQuery, answer=PartnerStatisticsView,
    refuses=(PartnerNotFound, NotCounted),
)  # fmt: skip
def partner_statistics(request: Request[NoBody, AnyPeriodQuery]) -> PartnerStatisticsView:
    """Say what a partner's referrals and rewards come to, and day by day: the last 30 days, or a period."""
    context, partner_id = config.context(), request.id("partnerId")
    period = request.query.period or periods.until_today(context.now_ms(), reports.LAST_DAYS)
    ever, days = reports.of_partner(context, partner_id, period)
    return PartnerStatisticsView(
        partner_id=partner_id,
        **PartnerStatisticsView.dates(period),
        all_time=PartnerFiguresView.of(ever, ever=True),
        days=[PartnerDayView.of(day, found) for day, found in days.items()],
    )


@api.route(
    "GET /api/v1/embed/performance", query=AnyPeriodQuery, answer=OwnPerformanceView,
    refuses=(PartnerNotFound, NotCounted),
)  # fmt: skip
@api.route(
    "GET /api/v1/me/performance", query=AnyPeriodQuery, answer=OwnPerformanceView,
    refuses=(PartnerNotFound, NotCounted),
)  # fmt: skip
def own_performance(request: Request[NoBody, AnyPeriodQuery]) -> OwnPerformanceView:
    """Say what the caller's own referrals and rewards come to, and day by day: the last 30 days, or a period."""
    context = config.context()
    partner_id = own.partner_id(request.caller)
    period = request.query.period or periods.until_today(context.now_ms(), reports.LAST_DAYS)
    return OwnPerformanceView.of(period, *reports.of_partner(context, partner_id, period))


@api.route("GET /api/v1/analytics/scorecards/{partnerId}", answer=ScorecardView, refuses=(PartnerNotFound, NotCounted))
def scorecard(request: Request[NoBody, NoQuery]) -> ScorecardView:
    """Say how a partner does: of all time, this month and last month."""
    found = reports.scorecard(config.context(), request.id("partnerId"))
    return ScorecardView(
        partner_id=found.partner.id,
        program_id=found.partner.program_id,
        status=found.partner.status,
        tier=found.partner.tier or None,
        partner_since=iso(found.partner.created_at_ms),
        all_time=PartnerFiguresView.of(found.ever, ever=True),
        this_month=PartnerFiguresView.of(found.this_month, ever=False),
        last_month=PartnerFiguresView.of(found.last_month, ever=False),
    )


# ---------------------------------------------------------------- referrals


@api.route(
    "GET /api/v1/referrals/statistics", query=ProgramPeriodQuery, answer=ReferralStatisticsView,
    refuses=UNREADABLE,
)  # fmt: skip
def referral_statistics(request: Request[NoBody, ProgramPeriodQuery]) -> ReferralStatisticsView:
    """Count a program's referrals by status, and those that converted."""
    period = request.query.period
    program_id = _program(request.query.program_id, period)
    counts = ReferralFiguresView.of(reports.of_program(config.context(), program_id, period).referrals, period)
    return ReferralStatisticsView(
        program_id=program_id, **ReferralStatisticsView.dates(period), **counts.model_dump(by_alias=True)
    )


@api.route("GET /api/v1/referrals/sources", query=ProgramPeriodQuery, answer=SourcesView, refuses=UNREADABLE)
def sources(request: Request[NoBody, ProgramPeriodQuery]) -> SourcesView:
    """Say where a program's referrals come from, and how many of each source convert."""
    period = request.query.period
    program_id = _program(request.query.program_id, period)
    counters = reports.counted_of_program(config.context(), program_id, period)
    return SourcesView.of(program_id, counters, period)


@api.route("GET /api/v1/referrals/funnel", query=ProgramPeriodQuery, answer=FunnelView, refuses=UNREADABLE)
def funnel(request: Request[NoBody, ProgramPeriodQuery]) -> FunnelView:
    """Say how far referrals have got: all of them, or those that were made in a period."""
    period = request.query.period
    program_id = _program(request.query.program_id, period)
    return FunnelView.of(program_id, reports.funnel(config.context(), program_id, period), period)


@api.route("GET /api/v1/referrals/trends", query=TrendQuery, answer=ReferralTrendsView, refuses=UNREADABLE)
def referral_trends(request: Request[NoBody, TrendQuery]) -> ReferralTrendsView:
    """Follow a program's referrals by day, week or month."""
    program_id, interval, period = _trend(request)
    points = reports.trend_of_program(config.context(), program_id, period, interval)
    data = [ReferralPointView.of(span, counters) for span, counters in points]
    return ReferralTrendsView(program_id=program_id, interval=interval, data=data)


@api.route(
    "GET /api/v1/analytics/time-to-convert", query=ProgramPeriodQuery, answer=TimeToConvertView,
    refuses=UNREADABLE,
)  # fmt: skip
def time_to_convert(request: Request[NoBody, ProgramPeriodQuery]) -> TimeToConvertView:
    """Say how long referrals take to convert."""
    period = request.query.period
    program_id = _program(request.query.program_id, period)
    counters = reports.counted_of_program(config.context(), program_id, period)
    return TimeToConvertView.of(program_id, reports.time_to_convert(counters), period)


# ---------------------------------------------------------------- rewards, money


@api.route(
    "GET /api/v1/rewards/statistics", query=ProgramPeriodQuery, answer=RewardStatisticsView,
    refuses=UNREADABLE,
)  # fmt: skip
def reward_statistics(request: Request[NoBody, ProgramPeriodQuery]) -> RewardStatisticsView:
    """Sum up a program's rewards by status."""
    period = request.query.period
    program_id = _program(request.query.program_id, period)
    counts = RewardFiguresView.of(reports.of_program(config.context(), program_id, period))
    return RewardStatisticsView(
        program_id=program_id, **RewardStatisticsView.dates(period), **counts.model_dump(by_alias=True)
    )


@api.route("GET /api/v1/rewards/trends", query=TrendQuery, answer=RewardTrendsView, refuses=UNREADABLE)
def reward_trends(request: Request[NoBody, TrendQuery]) -> RewardTrendsView:
    """Follow a program's rewards by day, week or month."""
    program_id, interval, period = _trend(request)
    points = reports.trend_of_program(config.context(), program_id, period, interval)
    data = [RewardPointView.of(span, counters) for span, counters in points]
    return RewardTrendsView(program_id=program_id, interval=interval, data=data)


@api.route("GET /api/v1/payouts/summary", query=AnyPeriodQuery, answer=PayoutsView, refuses=(NotCounted,))
def payouts(request: Request[NoBody, AnyPeriodQuery]) -> PayoutsView:
    """Sum up what was paid out, and withdrawals by status, of all programs."""
    period = request.query.period
    check_books_counted(config.context(), period.days[0] if period else "")
    found = book_reports.payouts(config.context(), period)
    return PayoutsView(**PayoutsView.dates(period), data=[PayoutView.of(each) for each in found])


@api.route("GET /api/v1/ledger/trial-balance", query=TrialBalanceQuery, answer=TrialBalancesView, refuses=(NotCounted,))
def trial_balance(request: Request[NoBody, TrialBalanceQuery]) -> TrialBalancesView:
    """Sum up all journals by account, for each currency."""
    context, as_of = config.context(), request.query.as_of
    if as_of and as_of < periods.today(context.now_ms()) - timedelta(days=OLDEST_DAYS):
        raise Invalid("asOf: ten years ago at most")
    check_books_counted(context)
    found = book_reports.trial_balance(context, as_of)
    return TrialBalancesView(
        as_of=as_of.isoformat() if as_of else None, data=[TrialBalanceView.of(each) for each in found]
    )


def _program(program_id: str, period: Period | None = None) -> str:
    """Raises ProgramNotFound where there is none with this id, NotCounted where it is older than its figures."""
    check_counted(config.context(), program_id, period.days[0] if period else "")
    return program_id


def _trend(request: Request[Any, TrendQuery]) -> tuple[str, Interval, Period]:
    query = request.query
    period = query.period or periods.latest(config.context().now_ms(), query.interval)
    return _program(query.program_id, period), query.interval, period
