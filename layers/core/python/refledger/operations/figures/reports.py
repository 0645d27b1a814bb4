"""What staff reads of the roll-ups. Each report is one or two queries, however much was ever counted.

All of it follows the stream by a second or so. "In a period" is what counters changed by in it: what was created then
and is cancelled later is taken away on the day on which it was cancelled. Rates are in hundredths of a per cent.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from refledger.domain import periods
from refledger.domain.partners import Partner
from refledger.domain.periods import Interval, Period, Span
from refledger.domain.referrals import CLOSED
from refledger.domain.times import day
from refledger.operations.context import Context
from refledger.operations.figures import rollups
from refledger.operations.figures.availability import check_partner_counted
from refledger.operations.figures.counter_names import TOOK_DAYS, Counts, by_currency, by_key, select
from refledger.store import dimensions, partners
from refledger.store.dimensions import Dimension

LAST_DAYS = 30
STEPS = ("CREATED", "ACCEPTED", "CONVERTED", "PAID")
Amounts = dict[str, int]  # by currency, in minor units


def negative(amounts: Amounts) -> Amounts:
    return {currency: -amount for currency, amount in amounts.items()}


def added(*sums: Amounts) -> Amounts:
    total: Counter[str] = Counter()
    for each in sums:
        total.update(each)
    return {currency: n for currency, n in sorted(total.items()) if n}


# ---------------------------------------------------------------- of a program


@dataclass(frozen=True)
class Tally:
    """So many, and what they come to."""

    count: int
    amounts: Amounts


@dataclass(frozen=True)
class ReferralFigures:
    by_status: dict[str, int]
    converted: int

    @property
    def total(self) -> int:
        return sum(self.by_status.values())

    @property
    def accepted(self) -> int:
        """Those that are accepted now, or went on from there."""
        return sum(self.by_status.get(status, 0) for status in STEPS[1:])

    @property
    def closed(self) -> int:
        return sum(self.by_status.get(status, 0) for status in CLOSED)


@dataclass(frozen=True)
class ProgramFigures:
    """`rewards`: by status. `held`: those of them that wait, and that people hold. `by_hand`: those of them that staff
    gave, and that are not cancelled. `idle`: beside them, what nobody was ever to get, because the partner earned
    nothing when the customer paid. `over`: what monthly caps take of those in balances.
    """

    partners: dict[str, int]
    labels: dict[str, int]
    referrals: ReferralFigures
    payments: int
    paid: Amounts
    gone: Amounts
    rewards: dict[str, Tally]
    held: Tally
    by_hand: Tally
    idle: Tally
    over: Amounts

    @property
    def made(self) -> int:
        """Rewards of whatever became of them."""
        return sum(tally.count for tally in self.rewards.values()) + self.idle.count

    @property
    def net(self) -> Amounts:
        return added(self.paid, negative(self.gone))


@dataclass(frozen=True)
class SourceFigures:
    referrals: int
    converted: int


def of_program(context: Context, program_id: str, period: Period | None) -> ProgramFigures:
    return program_figures(counted(context, dimensions.program(program_id), period))


def counted(context: Context, dimension: Dimension, period: Period | None) -> Counter[str]:
    """Return all that was ever counted, or in a period."""
    if period is None:
        return rollups.totals(context, dimension)
    return rollups.signed_sum(rollups.days(context, dimension, *period.days).values())


def counted_of_program(context: Context, program_id: str, period: Period | None) -> Counter[str]:
    """Return all that was ever counted of a program, or in a period."""
    return counted(context, dimensions.program(program_id), period)


def overview(context: Context, program_id: str) -> tuple[ProgramFigures, ProgramFigures]:
    """Return the figures of all time, and of the last 30 days."""
    period = periods.until_today(context.now_ms(), LAST_DAYS)
    ever, days = rollups.totals_and_days(context, dimensions.program(program_id), *period.days)
    return program_figures(ever), program_figures(rollups.signed_sum(days.values()))


def program_figures(counters: Mapping[str, int]) -> ProgramFigures:
    numbers, sums = by_key(counters, Counts.REWARDS), defaultdict[str, Amounts](dict)
    for name, n in select(counters, Counts.REWARDS_AMOUNT):
        if n:
            sums[name.key][name.currency] = n
    return ProgramFigures(
        partners=by_key(counters, Counts.PARTNERS),
        labels=by_key(counters, Counts.LABELLED),
        referrals=referral_figures(counters),
        payments=counters.get(Counts.PAYMENTS.named(), 0),
        paid=by_currency(counters, Counts.PAID),
        gone=by_currency(counters, Counts.GONE),
        rewards={state: Tally(numbers.get(state, 0), sums[state]) for state in sorted({*numbers, *sums})},
        held=_tally(counters, Counts.HELD, Counts.HELD_AMOUNT),
        by_hand=_tally(counters, Counts.BY_HAND, Counts.BY_HAND_AMOUNT),
        idle=_tally(counters, Counts.IDLE, Counts.IDLE_AMOUNT),
        over=by_currency(counters, Counts.OVER_CAPS),
    )


def _tally(counters: Mapping[str, int], number: Counts, amounts: Counts) -> Tally:
    return Tally(counters.get(number.named(), 0), by_currency(counters, amounts))


def referral_figures(counters: Mapping[str, int]) -> ReferralFigures:
    return ReferralFigures(
        by_key(counters, Counts.REFERRALS), sum(each.converted for each in sources(counters).values())
    )


def sources(counters: Mapping[str, int]) -> dict[str, SourceFigures]:
    """Return the figures of referrals, by where they came from."""
    referrals, converted = by_key(counters, Counts.SOURCE_REFERRALS), by_key(counters, Counts.SOURCE_CONVERSIONS)
    return {
        key: SourceFigures(referrals.get(key, 0), converted.get(key, 0)) for key in sorted({*referrals, *converted})
    }


def funnel(context: Context, program_id: str, period: Period | None) -> dict[str, int]:
    """Return how many referrals have which status now: of all, or of those that were made in the period.

    Up to six reads.
    """
    if period is None:
        return by_key(rollups.totals(context, dimensions.program(program_id)), Counts.REFERRALS)
    found: Counter[str] = Counter()
    for year in range(period.first.year, period.last.year + 1):
        counters = rollups.totals(context, dimensions.cohorts(program_id, f"{year:04d}"))
        for name, n in select(counters, Counts.MADE_ON):
            if period.days[0] <= f"{year:04d}{name.when}" <= period.days[1]:
                found[name.key] += n
    return {status: n for status, n in sorted(found.items()) if n}


def trend_of_program(
    context: Context, program_id: str, period: Period, interval: Interval
) -> Iterator[tuple[Span, Counter[str]]]:
    """Yield what was counted of a program in each interval of the period, empty ones too."""
    return trend(context, dimensions.program(program_id), period, interval)


def trend(
    context: Context, dimension: Dimension, period: Period, interval: Interval
) -> Iterator[tuple[Span, Counter[str]]]:
    """Yield what was counted in each interval of the period, also of those in which nothing was."""
    days = rollups.days(context, dimension, *period.days)
    for span in period.intervals(interval):
        low, high = periods.name(span.first), periods.name(span.last)
        yield span, rollups.signed_sum(counters for when, counters in days.items() if low <= when <= high)


@dataclass(frozen=True)
class TimeToConvert:
    """`buckets`: (from day, to day or None, how many)."""

    converted: int
    minutes: int
    buckets: list[tuple[int, int | None, int]]

    @property
    def average_hours(self) -> int | None:
        """To the nearest hour, rounded once; None of none, and where a period took more away than came."""
        if self.converted <= 0 or self.minutes < 0:
            return None
        return (2 * self.minutes + 60 * self.converted) // (120 * self.converted)


def time_to_convert(counters: Mapping[str, int]) -> TimeToConvert:
    counts = [counters.get(Counts.TOOK_DAYS.named(key=f"{days}"), 0) for days in TOOK_DAYS]
    ends = [*(days - 1 for days in TOOK_DAYS[1:]), None]
    return TimeToConvert(
        sum(counts), counters.get(Counts.TOOK_MINUTES.named(), 0), list(zip(TOOK_DAYS, ends, counts, strict=True))
    )


# ---------------------------------------------------------------- cohorts, forecast


@dataclass(frozen=True)
class CohortMonth:
    """The payments of a cohort in a month: `after` 0 is that of the referral, 12 also stands for all later ones."""

    after: int
    payments: int
    revenue: Amounts


@dataclass(frozen=True)
class Cohort:
    """Customers who were referred in a month (`202612`)."""

    month: str
    referrals: int
    converted: int
    months: list[CohortMonth]


def cohorts(context: Context, program_id: str, year: int) -> list[Cohort]:
    """Return one for each month of the year in which somebody was referred."""
    found = rollups.totals(context, dimensions.cohorts(program_id, f"{year:04d}"))
    heads: dict[str, Counter[Counts]] = defaultdict(Counter)
    later: dict[str, dict[int, CohortMonth]] = defaultdict(dict)
    for name, n in select(found, Counts.COHORT, Counts.COHORT_CONVERSIONS):
        heads[name.when][name.counts] += n
    for name, n in select(found, Counts.COHORT_PAYMENTS, Counts.COHORT_REVENUE):
        known = later[name.when].get(name.after, CohortMonth(name.after, 0, {}))
        if name.counts is Counts.COHORT_PAYMENTS:
            known = replace(known, payments=n)
        elif n:
            known = replace(known, revenue={**known.revenue, name.currency: n})
        later[name.when][name.after] = known
    return [
        Cohort(
            f"{year:04d}{month}", heads[month][Counts.COHORT], heads[month][Counts.COHORT_CONVERSIONS],
            [each for _, each in sorted(later[month].items())],
        )
        for month in sorted({*heads, *later})
    ]  # fmt: skip


@dataclass(frozen=True)
class Forecast:
    """What rewards that wait come to, by the day on which they are due. `overdue`: before today, held or to review."""

    overdue: Amounts
    days: dict[str, Amounts]


def forecast(context: Context, program_id: str) -> Forecast:
    days: dict[str, Counter[str]] = defaultdict(Counter)
    overdue: Counter[str] = Counter()
    today = day(context.now_ms())
    for name, amount in select(rollups.totals(context, dimensions.forecast(program_id)), Counts.DUE_ON):
        if amount:
            (days[name.when] if name.when >= today else overdue)[name.currency] += amount
    return Forecast(added(overdue), {when: added(sums) for when, sums in sorted(days.items())})


# ---------------------------------------------------------------- of a partner


@dataclass(frozen=True)
class PartnerFigures:
    """`customers`: by tier. `earned`: all tiers together, less what monthly caps take; `by_hand`: what staff gave them
    beside it; `revenue`: what customers whom they referred paid, net.
    """

    customers: dict[int, int]
    by_status: dict[str, int]
    conversions: int
    payments: int
    revenue: Amounts
    earned: Amounts
    by_hand: Amounts
    pending: Amounts

    @property
    def referrals(self) -> int:
        return sum(self.by_status.values())


def partner_figures(counters: Mapping[str, int]) -> PartnerFigures:
    earned: Counter[str] = Counter()
    for name, n in select(counters, Counts.EARNED):
        earned[name.currency] += n
    return PartnerFigures(
        customers={int(tier): n for tier, n in sorted(by_key(counters, Counts.CUSTOMERS).items())},
        by_status=by_key(counters, Counts.REFERRALS),
        conversions=counters.get(Counts.CONVERSIONS.named(), 0),
        payments=counters.get(Counts.PAYMENTS.named(), 0),
        revenue=by_currency(counters, Counts.REVENUE),
        earned=added(earned, negative(by_currency(counters, Counts.OVER_CAPS))),
        by_hand=by_currency(counters, Counts.BY_HAND_AMOUNT),
        pending=by_currency(counters, Counts.PENDING),
    )


def of_partner(context: Context, partner_id: str, period: Period) -> tuple[PartnerFigures, dict[str, PartnerFigures]]:
    """Return the figures of all time, and of each day of the period that had any.

    Raises PartnerNotFound, NotCounted.
    """
    check_partner_counted(context, partner_id, partners.find(context.table, partner_id, strong=False).program_id)
    ever, days = rollups.totals_and_days(context, dimensions.partner(partner_id), *period.days)
    return partner_figures(ever), {when: partner_figures(counters) for when, counters in sorted(days.items())}


@dataclass(frozen=True)
class Scorecard:
    partner: Partner
    ever: PartnerFigures
    this_month: PartnerFigures
    last_month: PartnerFigures


def scorecard(context: Context, partner_id: str) -> Scorecard:
    """Return the figures of a partner: ever, this month, and the last.

    Raises PartnerNotFound, NotCounted.
    """
    partner = partners.find(context.table, partner_id, strong=False)
    check_partner_counted(context, partner.id, partner.program_id)
    today = periods.today(context.now_ms())
    this_month = periods.name(today)[:6]
    first = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    period = Period(first, today)
    ever, days = rollups.totals_and_days(context, dimensions.partner(partner_id), *period.days)
    return Scorecard(
        partner,
        partner_figures(ever),
        partner_figures(rollups.signed_sum(counters for when, counters in days.items() if when[:6] == this_month)),
        partner_figures(rollups.signed_sum(counters for when, counters in days.items() if when[:6] != this_month)),
    )
