"""What staff reads of the roll-ups. Each report is one or two queries, however much was ever counted.

All of it follows the stream by a second or so. "In a period" is what counters changed by in it: what was created then
and is cancelled later is taken away on the day on which it was cancelled. Rates are in hundredths of a per cent.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from refledger.domain import periods
from refledger.domain.errors import NotCounted
from refledger.domain.partners import Partner
from refledger.domain.periods import Interval, Period, Span
from refledger.domain.programs import DATA_FORMAT, DEFAULT_PROGRAM
from refledger.domain.times import day
from refledger.operations.context import Context
from refledger.operations.figures import statistics
from refledger.operations.figures.counting import CLOSED, COHORT_MONTHS, TOOK_DAYS
from refledger.store import dimensions, generations, partners
from refledger.store.dimensions import Dimension

LAST_DAYS = 30
STEPS = ("CREATED", "ACCEPTED", "CONVERTED", "PAID")
COHORT = re.compile(r"m([0-9]{2})(?:k([0-9]{2}))?_(\w+)")
ENTERED = re.compile(r"d([0-9]{4})_([A-Z]+)")
EARNED = re.compile(r"t([0-9]+)_([A-Z]{3})")
Amounts = dict[str, int]  # by currency, in minor units


def amounts(counters: Mapping[str, int], prefix: str) -> Amounts:
    """The counters `<prefix>_USD`, by currency."""
    found = {
        name.removeprefix(f"{prefix}_"): n for name, n in sorted(counters.items()) if name.startswith(f"{prefix}_")
    }
    return {currency: n for currency, n in found.items() if len(currency) == 3 and currency.isupper() and n}


def negative(amounts: Amounts) -> Amounts:
    return {currency: -amount for currency, amount in amounts.items()}


def parts(counters: Mapping[str, int], prefix: str) -> dict[str, int]:
    """The counters `<prefix>_NAME`, by name."""
    found = sorted(
        (name.removeprefix(f"{prefix}_"), n) for name, n in counters.items() if name.startswith(f"{prefix}_")
    )
    return {name: n for name, n in found if n}


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
class Source:
    referrals: int
    converted: int


def check_counted(context: Context, program_id: str) -> None:
    """Raises ProgramNotFound; NotCounted where roll-ups came when the program was there, and were never made anew."""
    _check_counted(context, program_id, dimensions.program(program_id))


def check_books_counted(context: Context) -> None:
    """The same of the journals and withdrawals of all: they are as old as the program that is there by default."""
    if context.has_program(DEFAULT_PROGRAM):
        _check_counted(context, DEFAULT_PROGRAM, dimensions.JOURNAL)


def _check_counted(context: Context, program_id: str, dimension: Dimension) -> None:
    if context.program(program_id).data_format >= DATA_FORMAT:
        return
    if not generations.find(context.table, dimension.subject).current:
        raise NotCounted(
            "nobody knows since when these figures are counted: they may lack what was there before the upgrade; an"
            " operator has to run `bin/refledger rebuild statistics` once"
        )


def of_program(context: Context, program_id: str, period: Period | None) -> ProgramFigures:
    return program_figures(counted(context, dimensions.program(program_id), period))


def counted(context: Context, dimension: Dimension, period: Period | None) -> Counter[str]:
    """All that was ever counted, or in a period."""
    if period is None:
        return statistics.totals(context, dimension)
    return statistics.signed_sum(statistics.days(context, dimension, *period.days).values())


def overview(context: Context, program_id: str) -> tuple[ProgramFigures, ProgramFigures]:
    """Of all time, and of the last 30 days."""
    period = periods.until_today(context.now_ms(), LAST_DAYS)
    ever, days = statistics.totals_and_days(context, dimensions.program(program_id), *period.days)
    return program_figures(ever), program_figures(statistics.signed_sum(days.values()))


def program_figures(counters: Mapping[str, int]) -> ProgramFigures:
    states = sorted({name.split("_")[1] for name in counters if name.startswith("r_")})
    rewards = {state: _tally(counters, f"r_{state}") for state in states}
    return ProgramFigures(
        partners=parts(counters, "p"),
        labels=parts(counters, "pt"),
        referrals=referral_figures(counters),
        payments=counters.get("pay_n", 0),
        paid=amounts(counters, "pay"),
        gone=amounts(counters, "gone"),
        rewards={state: tally for state, tally in rewards.items() if tally.count or tally.amounts},
        held=_tally(counters, "held"),
        by_hand=_tally(counters, "hand"),
        idle=_tally(counters, "idle"),
        over=amounts(counters, "over"),
    )


def _tally(counters: Mapping[str, int], prefix: str) -> Tally:
    return Tally(counters.get(f"{prefix}_n", 0), amounts(counters, prefix))


def referral_figures(counters: Mapping[str, int]) -> ReferralFigures:
    return ReferralFigures(parts(counters, "f"), sum(each.converted for each in sources(counters).values()))


def sources(counters: Mapping[str, int]) -> dict[str, Source]:
    """Of referrals, by where they came from."""
    names = sorted({name[2:-2] for name in counters if name.startswith("s_")})
    found = {name: Source(counters.get(f"s_{name}_n", 0), counters.get(f"s_{name}_c", 0)) for name in names}
    return {name: source for name, source in found.items() if source.referrals or source.converted}


def funnel(context: Context, program_id: str, period: Period | None) -> dict[str, int]:
    """How many referrals have which status now: of all, or of those that were made in the period. Up to six reads."""
    if period is None:
        return parts(statistics.totals(context, dimensions.program(program_id)), "f")
    found: Counter[str] = Counter()
    for year in range(period.first.year, period.last.year + 1):
        for counter, n in statistics.totals(context, dimensions.cohorts(program_id, f"{year:04d}")).items():
            if (named := ENTERED.fullmatch(counter)) and period.days[0] <= f"{year:04d}{named[1]}" <= period.days[1]:
                found[named[2]] += n
    return {status: n for status, n in sorted(found.items()) if n}


def trend(
    context: Context, dimension: Dimension, period: Period, interval: Interval
) -> Iterator[tuple[Span, Counter[str]]]:
    """What was counted in each interval of the period, also of those in which nothing was."""
    days = statistics.days(context, dimension, *period.days)
    for span in period.intervals(interval):
        low, high = periods.name(span.first), periods.name(span.last)
        yield span, statistics.signed_sum(counters for when, counters in days.items() if low <= when <= high)


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
    counts = [counters.get(f"ttc_{days}", 0) for days in TOOK_DAYS]
    ends = [*(days - 1 for days in TOOK_DAYS[1:]), None]
    return TimeToConvert(sum(counts), counters.get("ttc_minutes", 0), list(zip(TOOK_DAYS, ends, counts, strict=True)))


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
    """One for each month of the year in which somebody was referred."""
    found = statistics.totals(context, dimensions.cohorts(program_id, f"{year:04d}"))
    heads: dict[str, Counter[str]] = defaultdict(Counter)
    later: dict[str, dict[int, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for counter, n in found.items():
        if named := COHORT.fullmatch(counter):
            month, after, what = named.groups()
            (later[month][int(after)] if after else heads[month])[what] += n
    return [
        Cohort(
            f"{year:04d}{month}", heads[month]["n"], heads[month]["c"],
            [_cohort_month(after, later[month][after]) for after in range(COHORT_MONTHS + 1) if after in later[month]],
        )
        for month in sorted({*heads, *later})
    ]  # fmt: skip


def _cohort_month(after: int, counters: Counter[str]) -> CohortMonth:
    revenue = {currency: n for currency, n in sorted(counters.items()) if currency != "n" and n}
    return CohortMonth(after, counters["n"], revenue)


@dataclass(frozen=True)
class Forecast:
    """What rewards that wait come to, by the day on which they are due. `overdue`: before today, held or to review."""

    overdue: Amounts
    days: dict[str, Amounts]


def forecast(context: Context, program_id: str) -> Forecast:
    days: dict[str, Counter[str]] = defaultdict(Counter)
    overdue: Counter[str] = Counter()
    today = day(context.now_ms())
    for counter, amount in statistics.totals(context, dimensions.forecast(program_id)).items():
        when, _, currency = counter.removeprefix("d").partition("_")
        if amount:
            (days[when] if when >= today else overdue)[currency] += amount
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
    tiers = {name[1:-2]: n for name, n in counters.items() if re.fullmatch(r"t[0-9]+_n", name) and n}
    earned: Counter[str] = Counter()
    for name, n in counters.items():
        if named := EARNED.fullmatch(name):
            earned[named[2]] += n
    return PartnerFigures(
        customers={int(tier): n for tier, n in sorted(tiers.items())},
        by_status=parts(counters, "f"),
        conversions=counters.get("conv", 0),
        payments=counters.get("pay_n", 0),
        revenue=amounts(counters, "rev"),
        earned=added(earned, negative(amounts(counters, "over"))),
        by_hand=amounts(counters, "hand"),
        pending=amounts(counters, "pending"),
    )


def of_partner(context: Context, partner_id: str, period: Period) -> tuple[PartnerFigures, dict[str, PartnerFigures]]:
    """Of all time, and of each day of the period on which there was something."""
    ever, days = statistics.totals_and_days(context, dimensions.partner(partner_id), *period.days)
    return partner_figures(ever), {when: partner_figures(counters) for when, counters in sorted(days.items())}


@dataclass(frozen=True)
class Scorecard:
    partner: Partner
    ever: PartnerFigures
    this_month: PartnerFigures
    last_month: PartnerFigures


def scorecard(context: Context, partner_id: str) -> Scorecard:
    """Raises PartnerNotFound."""
    partner = partners.find(context.table, partner_id, strong=False)
    today = periods.today(context.now_ms())
    this_month = periods.name(today)[:6]
    first = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    period = Period(first, today)
    ever, days = statistics.totals_and_days(context, dimensions.partner(partner_id), *period.days)
    return Scorecard(
        partner,
        partner_figures(ever),
        partner_figures(statistics.signed_sum(counters for when, counters in days.items() if when[:6] == this_month)),
        partner_figures(statistics.signed_sum(counters for when, counters in days.items() if when[:6] != this_month)),
    )
