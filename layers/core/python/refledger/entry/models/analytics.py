"""Reports over HTTP: what can be asked, and what is answered. Rates are in hundredths of a per cent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, computed_field, model_validator

from refledger.domain.amounts import share_bps, shares_bps
from refledger.domain.currencies import decimal, exponent
from refledger.domain.partners import PartnerStatus
from refledger.domain.periods import Interval, Period, Span
from refledger.domain.programs import DEFAULT_PROGRAM
from refledger.entry.models.common import Capitals, Currency, DayView, Query, SumView, View, located
from refledger.entry.models.ids import ProgramId
from refledger.operations.figures import reports
from refledger.operations.figures.leaderboards import ALL_TIME, SHOWN, RankedBy
from refledger.operations.figures.reports import (
    Amounts,
    PartnerFigures,
    ProgramFigures,
    ReferralFigures,
    Tally,
)

FIRST_YEAR, LAST_YEAR = 1970, 2999


def _day(text: object) -> object:
    """Only as ISO 8601 writes it: a number would be taken for seconds."""
    if isinstance(text, str) and not re.fullmatch(r"(19[7-9][0-9]|2[0-9]{3})-[0-9]{2}-[0-9]{2}", text):
        raise ValueError("a day such as 2026-12-31")
    return text


def _period_name(text: str) -> str:
    if text != ALL_TIME and not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", text):
        raise ValueError("a month such as 2026-12, or ALL")
    return text


Day = Annotated[date, BeforeValidator(_day)]


class ProgramQuery(Query):
    program_id: ProgramId = DEFAULT_PROGRAM


class AnyPeriodQuery(Query):
    """`from`, `to`: days, both with them, in UTC, a year at most; without them all time."""

    first: Annotated[Day | None, Field(alias="from", examples=["2026-01-01"])] = None
    last: Annotated[Day | None, Field(alias="to", examples=["2026-01-31"])] = None

    @model_validator(mode="after")
    def _is_a_period(self) -> Self:
        if (self.first is None) != (self.last is None):
            raise ValueError("from and to go together")
        located(lambda: self.period)
        return self

    @property
    def period(self) -> Period | None:
        return Period(self.first, self.last) if self.first and self.last else None


class ProgramPeriodQuery(AnyPeriodQuery):
    program_id: ProgramId = DEFAULT_PROGRAM


class TrendQuery(ProgramPeriodQuery):
    """`from`, `to`: days, both with them, in UTC, a year at most; without them the last 30 days, 12 weeks or 12 months,
    today with them, are the default.
    """

    interval: Annotated[Interval, Capitals] = Interval.DAY


class TopQuery(ProgramQuery):
    """`by`: what partners are ranked by. `month`: such as 2026-12, or ALL. `currency`: the program's main one, if none
    is named.
    """

    by: Annotated[RankedBy, Capitals] = RankedBy.REVENUE
    month: Annotated[str, Capitals, AfterValidator(_period_name)] = ALL_TIME
    currency: Currency | None = None
    limit: Annotated[int, Field(ge=1, le=SHOWN)] = 25


class CohortQuery(ProgramQuery):
    """`year`: of the referrals; this one, if none is named."""

    year: Annotated[int, Field(ge=FIRST_YEAR, le=LAST_YEAR)] | None = None


class TrialBalanceQuery(Query):
    """`asOf`: without what was booked after that day; ten years ago at most."""

    as_of: Day | None = None


# ---------------------------------------------------------------- answers


def money(found: Mapping[str, int]) -> list[SumView]:
    return [SumView(currency=currency, amount=amount) for currency, amount in sorted(found.items())]


class TallyView(View):
    count: int
    amounts: list[SumView]

    @classmethod
    def of(cls, tally: Tally) -> Self:
        return cls(count=tally.count, amounts=money(tally.amounts))


class PeriodView(View):
    """The days asked for; null for all time. In a period every figure is what it changed by; dated by when refledger
    wrote the change, in UTC.
    """

    first: Annotated[DayView | None, Field(alias="from")] = None
    last: Annotated[DayView | None, Field(alias="to")] = None

    @classmethod
    def dates(cls, period: Period | None) -> dict[str, Any]:
        return {"from": period.first.isoformat(), "to": period.last.isoformat()} if period else {}


class ReferralFiguresView(View):
    """`accepted`: those that are, or went on from there. `conversionRateBps`: converted of all; null of none, and in a
    period, whose conversions are mostly those of earlier referrals: `/referrals/funnel` follows those made in it.
    """

    total: int
    by_status: dict[str, int]
    accepted: int
    converted: int
    conversion_rate_bps: int | None

    @classmethod
    def of(cls, found: ReferralFigures, period: Period | None) -> Self:
        return cls(
            total=found.total, by_status=found.by_status, accepted=found.accepted, converted=found.converted,
            conversion_rate_bps=None if period else share_bps(found.converted, found.total),
        )  # fmt: skip


class PartnerCountsView(View):
    total: int
    by_status: dict[str, int]
    by_tier: dict[str, int]

    @classmethod
    def of(cls, found: ProgramFigures) -> Self:
        return cls(total=sum(found.partners.values()), by_status=found.partners, by_tier=found.labels)


class PaymentFiguresView(View):
    """Payments that somebody may earn from. `gone`: refunded or disputed of `paid`; `net` is the rest."""

    count: int
    paid: list[SumView]
    gone: list[SumView]
    net: list[SumView]

    @classmethod
    def of(cls, found: ProgramFigures) -> Self:
        return cls(count=found.payments, paid=money(found.paid), gone=money(found.gone), net=money(found.net))


class RewardFiguresView(View):
    """`byStatus`: amounts are what refunds left; of CANCELLED ones what they were. `held`: those of them that people
    hold; `byHand`: that staff gave, and that are not cancelled. `neverDue`: what nobody was ever to get, because the
    partner was suspended or closed when the customer paid; it stands beside `byHand`. `total`: of both. `overCap`: what
    monthly caps take of those that are APPROVED or PAID.
    """

    total: int
    by_status: dict[str, TallyView]
    held: TallyView
    by_hand: TallyView
    never_due: TallyView
    over_cap: list[SumView]

    @classmethod
    def of(cls, found: ProgramFigures) -> Self:
        return cls(
            total=found.made,
            by_status={status: TallyView.of(tally) for status, tally in found.rewards.items()},
            held=TallyView.of(found.held),
            by_hand=TallyView.of(found.by_hand),
            never_due=TallyView.of(found.idle),
            over_cap=money(found.over),
        )


class ProgramFiguresView(PeriodView):
    partners: PartnerCountsView
    referrals: ReferralFiguresView
    payments: PaymentFiguresView
    rewards: RewardFiguresView

    @classmethod
    def of(cls, found: ProgramFigures, period: Period | None) -> Self:
        return cls(
            **cls.dates(period),
            partners=PartnerCountsView.of(found),
            referrals=ReferralFiguresView.of(found.referrals, period),
            payments=PaymentFiguresView.of(found),
            rewards=RewardFiguresView.of(found),
        )


class ProgramStatisticsView(ProgramFiguresView):
    """What a program's partners, referrals, payments and rewards come to; behind by a second or so."""

    program_id: str

    @classmethod
    def told(cls, program_id: str, found: ProgramFigures, period: Period | None) -> Self:
        figures = ProgramFiguresView.of(found, period)
        return cls(program_id=program_id, **figures.model_dump(by_alias=True))


class OverviewView(View):
    program_id: str
    all_time: ProgramFiguresView
    last30_days: Annotated[ProgramFiguresView, Field(alias="last30Days")]


class PartnersStatisticsView(PartnerCountsView, PeriodView):
    program_id: str


class ReferralStatisticsView(ReferralFiguresView, PeriodView):
    program_id: str


class RewardStatisticsView(RewardFiguresView, PeriodView):
    program_id: str


class SourceView(View):
    """`shareBps`: of all referrals. `conversionRateBps`: null in a period, as in `/referrals/statistics`."""

    source: str
    referrals: int
    share_bps: int | None
    converted: int
    conversion_rate_bps: int | None


class SourcesView(PeriodView):
    """The source with the most referrals first."""

    program_id: str
    data: list[SourceView]

    @classmethod
    def of(cls, program_id: str, counters: Mapping[str, int], period: Period | None) -> Self:
        found = reports.sources(counters)
        shares = shares_bps({name: each.referrals for name, each in found.items()})
        rows = sorted(found.items(), key=lambda row: (-row[1].referrals, row[0]))
        return cls(program_id=program_id, **cls.dates(period), data=[
            SourceView(
                source=name, referrals=each.referrals, share_bps=shares[name], converted=each.converted,
                conversion_rate_bps=None if period else share_bps(each.converted, each.referrals),
            ) for name, each in rows
        ])  # fmt: skip


class FunnelStepView(View):
    """`ofFirstBps`: how many of the first step's came so far. `ofPreviousBps`: how many of the step's before it came so
    far.
    """

    step: str
    count: int
    of_first_bps: int | None
    of_previous_bps: int | None


class FunnelView(PeriodView):
    """From referral to reward paid, of those that were made in the period, however long each step took: the steps of a
    month go on growing after it. `rejected` and `expired` left it on the way.
    """

    program_id: str
    steps: list[FunnelStepView]
    rejected: int
    expired: int

    @classmethod
    def of(cls, program_id: str, by_status: Mapping[str, int], period: Period | None) -> Self:
        """Each step counts those of the one before it that came further, so it is never more."""
        counts = [sum(by_status.values())]
        counts += [sum(by_status.get(each, 0) for each in reports.STEPS[n:]) for n in range(1, len(reports.STEPS))]
        before = [counts[0], *counts]
        steps = [
            FunnelStepView(
                step=step, count=count, of_first_bps=share_bps(count, counts[0]), of_previous_bps=share_bps(count, prev)
            )
            for step, count, prev in zip(reports.STEPS, counts, before, strict=False)
        ]
        return cls(
            program_id=program_id, **cls.dates(period), steps=steps, rejected=by_status.get("REJECTED", 0),
            expired=by_status.get("EXPIRED", 0),
        )  # fmt: skip


class PointView(View):
    """`from`, `to`: days, both with them. `cut`: the point is not the whole of its week or month, because the period
    begins or ends within it, or it is not over.
    """

    first: Annotated[DayView, Field(alias="from")]
    last: Annotated[DayView, Field(alias="to")]
    cut: bool

    @classmethod
    def dates(cls, span: Span) -> dict[str, Any]:
        return {"from": span.first.isoformat(), "to": span.last.isoformat(), "cut": span.cut}


class ReferralPointView(PointView):
    """What happened in these days, to whatever referrals: `created` minus all others is nobody's number."""

    created: int
    accepted: int
    converted: int
    rejected: int
    expired: int

    @classmethod
    def of(cls, span: Span, counters: Mapping[str, int]) -> Self:
        found = reports.referral_figures(counters)
        return cls(
            **cls.dates(span), created=found.total, accepted=found.accepted, converted=found.converted,
            rejected=found.by_status.get("REJECTED", 0), expired=found.by_status.get("EXPIRED", 0),
        )  # fmt: skip


class ReferralTrendsView(View):
    program_id: str
    interval: Interval
    data: list[ReferralPointView]


class RewardPointView(PointView):
    """`created`: how many rewards were made. `earned`: what they come to, less what was reversed or cancelled
    meanwhile, and what caps took; `byHand`: what staff gave of `earned`. `approved`: what came into balances, less what
    left them. `paid`: of rewards that were paid out, caps aside. `neverDue`: what nobody was ever to get; it is in none
    of the others.
    """

    created: int
    earned: list[SumView]
    by_hand: list[SumView]
    approved: list[SumView]
    paid: list[SumView]
    cancelled: list[SumView]
    never_due: list[SumView]

    @classmethod
    def of(cls, span: Span, counters: Mapping[str, int]) -> Self:
        figures = reports.program_figures(counters)
        rewards, over = figures.rewards, reports.negative(figures.over)

        def come_to(*statuses: str, less: Amounts | None = None) -> list[SumView]:
            found = (rewards[status].amounts for status in statuses if status in rewards)
            return money(reports.added(*found, less or {}))

        return cls(
            **cls.dates(span),
            created=figures.made,
            earned=come_to("PENDING", "CALCULATED", "APPROVED", "PAID", less=over),
            approved=come_to("APPROVED", "PAID", less=over),
            by_hand=money(figures.by_hand.amounts),
            paid=come_to("PAID"),
            cancelled=come_to("CANCELLED"),
            never_due=money(figures.idle.amounts),
        )


class RewardTrendsView(View):
    program_id: str
    interval: Interval
    data: list[RewardPointView]


class TopRowView(View):
    """`value`: in minor units of the board's currency, or a number of conversions, which have none."""

    of_partner = True

    rank: int
    partner_id: str
    partner_name: str | None = None
    partner_company: str | None = None
    currency: str | None
    value: int

    @computed_field(description="An amount in major units; null for conversions.")  # type: ignore[prop-decorator]
    @property
    def value_decimal(self) -> str | None:
        return decimal(self.value, exponent(self.currency)) if self.currency else None


class TopView(View):
    """`by`: what partners are ranked by. `currency`: of the values; null for conversions. `updatedAt`: null for a board
    that nobody is on yet.
    """

    program_id: str
    by: str
    month: str
    currency: str | None
    updated_at: str | None
    data: list[TopRowView]


class PartnerFiguresView(View):
    """`customers`: by tier. `revenue`: what customers whom the partner referred paid, less what is gone of it.
    `earned`: by tiers, from payments; `givenByHand`: by staff; `pending`: of what was earned and what was given.
    `conversionRateBps`: null in a period.
    """

    customers: dict[int, int]
    referrals: int
    by_status: dict[str, int]
    conversions: int
    conversion_rate_bps: int | None
    payments: int
    revenue: list[SumView]
    earned: list[SumView]
    given_by_hand: list[SumView]
    pending: list[SumView]

    @classmethod
    def of(cls, found: PartnerFigures, *, ever: bool) -> Self:
        return cls(
            customers=found.customers, referrals=found.referrals, by_status=found.by_status,
            conversions=found.conversions,
            conversion_rate_bps=share_bps(found.conversions, found.referrals) if ever else None,
            payments=found.payments, revenue=money(found.revenue), earned=money(found.earned),
            given_by_hand=money(found.by_hand), pending=money(found.pending),
        )  # fmt: skip


class PartnerDayView(View):
    date: DayView
    referrals: int
    conversions: int
    payments: int
    revenue: list[SumView]
    earned: list[SumView]
    given_by_hand: list[SumView]

    @classmethod
    def of(cls, day: str, found: PartnerFigures) -> Self:
        return cls(
            date=dashed(day), referrals=found.referrals, conversions=found.conversions, payments=found.payments,
            revenue=money(found.revenue), earned=money(found.earned), given_by_hand=money(found.by_hand),
        )  # fmt: skip


class PartnerStatisticsView(PeriodView):
    """Of all time, and of the days of the period on which anything changed."""

    partner_id: str
    all_time: PartnerFiguresView
    days: list[PartnerDayView]


class OwnFiguresView(View):
    """`revenue`: what customers whom the partner referred paid, less what is gone of it. `earned`: of all tiers."""

    referrals: int
    conversions: int
    payments: int
    revenue: list[SumView]
    earned: list[SumView]

    @classmethod
    def of(cls, found: PartnerFigures, **more: Any) -> Self:
        return cls(
            referrals=found.referrals, conversions=found.conversions, payments=found.payments,
            revenue=_sums(found.revenue), earned=_sums(found.earned), **more,
        )  # fmt: skip


class OwnDayView(OwnFiguresView):
    date: DayView


class OwnPerformanceView(PeriodView):
    """Of all time, and of the days of the period on which anything changed."""

    all_time: OwnFiguresView
    days: list[OwnDayView]

    @classmethod
    def of(cls, period: Period, ever: PartnerFigures, days: Mapping[str, PartnerFigures]) -> Self:
        return cls(
            **cls.dates(period),
            all_time=OwnFiguresView.of(ever),
            days=[OwnDayView.of(found, date=dashed(day)) for day, found in days.items()],
        )


def _sums(found: Mapping[str, int]) -> list[SumView]:
    return [SumView(currency=currency, amount=amount) for currency, amount in sorted(found.items())]


class ScorecardView(View):
    """`averagePayment`: revenue by payment, rounded down, for each currency."""

    partner_id: str
    program_id: str
    status: PartnerStatus
    tier: str | None
    partner_since: str
    all_time: PartnerFiguresView
    this_month: PartnerFiguresView
    last_month: PartnerFiguresView


class CohortMonthView(View):
    month: int
    payments: int
    revenue: list[SumView]


class CohortView(View):
    """Customers whose referral was written in `month`. `months`: their payments by when they happened, less what is
    gone of them by now: 0 for that month, 1 for the next, …; 12 also stands for all later ones. So past cohorts change.
    """

    month: str
    referrals: int
    converted: int
    conversion_rate_bps: int | None
    months: list[CohortMonthView]

    @classmethod
    def of(cls, cohort: reports.Cohort) -> Self:
        return cls(
            month=f"{cohort.month[:4]}-{cohort.month[4:]}", referrals=cohort.referrals, converted=cohort.converted,
            conversion_rate_bps=share_bps(cohort.converted, cohort.referrals),
            months=[
                CohortMonthView(month=each.after, payments=each.payments, revenue=money(each.revenue))
                for each in cohort.months
            ],
        )  # fmt: skip


class CohortsView(View):
    program_id: str
    year: int
    data: list[CohortView]


class BucketView(View):
    """Referrals that converted `fromDays` to `toDays` whole days after they were made; null: no end."""

    from_days: int
    to_days: int | None
    count: int
    share_bps: int | None


class TimeToConvertView(PeriodView):
    program_id: str
    converted: int
    average_hours: int | None
    data: list[BucketView]

    @classmethod
    def of(cls, program_id: str, found: reports.TimeToConvert, period: Period | None) -> Self:
        shares = shares_bps({first: count for first, _, count in found.buckets})
        return cls(
            program_id=program_id, **cls.dates(period), converted=found.converted,
            average_hours=found.average_hours,
            data=[
                BucketView(from_days=first, to_days=last, count=count, share_bps=shares[first])
                for first, last, count in found.buckets
            ],
        )  # fmt: skip


class ForecastDayView(View):
    date: DayView
    amounts: list[SumView]


class ForecastView(View):
    """What rewards that wait come to, by the day on which they are due. `overdue`: held, or to be approved by hand."""

    program_id: str
    overdue: list[SumView]
    total: list[SumView]
    data: list[ForecastDayView]

    @classmethod
    def of(cls, program_id: str, found: reports.Forecast) -> Self:
        return cls(
            program_id=program_id,
            overdue=money(found.overdue),
            total=money(reports.added(found.overdue, *found.days.values())),
            data=[ForecastDayView(date=dashed(day), amounts=money(sums)) for day, sums in found.days.items()],
        )


def dashed(day: str) -> str:
    """Write `20261231` as `2026-12-31`."""
    return f"{day[:4]}-{day[4:6]}-{day[6:]}"
