"""What partners and reports read of the roll-ups. `projection.py` writes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from refledger.domain.journal import Balance
from refledger.operations.context import Context
from refledger.operations.figures.availability import check_partner_counted
from refledger.operations.figures.counter_names import Counts, select
from refledger.store import dimensions, generations, keys, ledger, partners, statistics
from refledger.store.dimensions import Dimension
from refledger.store.transaction import Item
from refledger.threads import side_by_side

FAR = "99991231"
AT_ONCE = 10  # queries: as many as a client has connections


@dataclass(frozen=True)
class Tier:
    """How many customers a partner has in a tier, and what they earned from them, by currency, in minor units."""

    referrals: int
    earnings: dict[str, int]


@dataclass(frozen=True)
class PartnerStatistics:
    """Amounts by currency. `by_hand`: what staff gave them, which no customer of theirs brought."""

    tiers: dict[int, Tier]
    pending: dict[str, int]
    over: dict[str, int]  # what monthly caps take of what the tiers earned
    balances: list[Balance]
    by_hand: dict[str, int] = field(default_factory=dict)


def signed_sum(parts: Iterable[Mapping[str, int]]) -> Counter[str]:
    """Add counters up, those below zero too: `+` between two Counters forgets them."""
    sums: Counter[str] = Counter()
    for each in parts:
        sums.update(each)
    return sums


def of_user(context: Context, user: str) -> PartnerStatistics:
    """Return the caller's own figures; zeros for somebody who is no partner yet. Raises NotCounted.

    Who they are is read together with what most of them are, whose partner id is made of the user's.
    """
    guess = context.ids.partner(user)
    guard, *read = context.table.get_many([keys.user(user), *_first_keys(dimensions.partner(guess))], strong=False)
    if guard is None:
        return PartnerStatistics({}, {}, {}, [])
    whose = partners.guard_from(guard)
    partner_id, is_guessed = whose.partner_id, whose.partner_id == guess
    check_partner_counted(context, partner_id, whose.program_id)
    sums = _summed(context, dimensions.partner(guess), *read) if is_guessed else current_totals(context, partner_id)
    return _statistics(context, partner_id, sums)


def of_partner(context: Context, partner_id: str) -> PartnerStatistics:
    """Return a partner's figures by their id. Raises PartnerNotFound, NotCounted."""
    check_partner_counted(context, partner_id, partners.find(context.table, partner_id, strong=False).program_id)
    return _statistics(context, partner_id, current_totals(context, partner_id))


def _statistics(context: Context, partner_id: str, sums: Counter[str]) -> PartnerStatistics:
    by_hand, pending, over = (
        {name.currency: amount for name, amount in select(sums, counts)}
        for counts in (Counts.BY_HAND_AMOUNT, Counts.PENDING, Counts.OVER_CAPS)
    )
    tiers: dict[int, Tier] = {}
    for name, amount in select(sums, Counts.CUSTOMERS, Counts.EARNED):
        was = tiers.get(int(name.key), Tier(0, {}))
        is_earned = name.counts is Counts.EARNED
        tiers[int(name.key)] = (
            Tier(was.referrals, {**was.earnings, name.currency: amount}) if is_earned else Tier(amount, was.earnings)
        )
    balances = ledger.balances(context.table, partner_id)
    earned = signed_sum([by_hand, *(tier.earnings for tier in tiers.values())])
    earned.subtract(over)
    return PartnerStatistics(tiers, {**pending, **_not_in(balances, pending, earned)}, over, balances, by_hand)


def _not_in(balances: Iterable[Balance], pending: Mapping[str, int], earned: Counter[str]) -> dict[str, int]:
    """What waits, by currency, beside balances that were read after it and that rewards have reached meanwhile.

    Nobody can read both at one moment, as a reward's record and its journal entry are told apart. But what was ever
    earned is either waiting or in the balance, and the balance knows how much of it is there: so what waits is at most
    the rest of it. It was read first, so it may say too much, and never too little.
    """
    return {
        balance.currency: min(pending.get(balance.currency, 0), max(0, earned[balance.currency] - balance.earned))
        for balance in balances
        if balance.earned is not None
    }


def current_totals(context: Context, partner_id: str) -> Counter[str]:
    """Return a partner's counters, in the generation that counts."""
    return totals(context, dimensions.partner(partner_id))


def totals(context: Context, dimension: Dimension, *, strong: bool = False) -> Counter[str]:
    """Return all that was ever counted of a dimension: two reads, three where it was built anew."""
    pointer, known = context.table.get_many(_first_keys(dimension), strong=strong)
    return _summed(context, dimension, pointer, known, strong=strong)


def _first_keys(dimension: Dimension) -> list[keys.Key]:
    """Which generation counts, and the totals of the first one, which mostly does."""
    return [keys.statistics_generations(dimension.subject), keys.statistics_totals(dimension.at(0))]


def _summed(
    context: Context, dimension: Dimension, pointer: Item | None, known: Item | None, *, strong: bool = False
) -> Counter[str]:
    """All that was ever counted, by what `_first_keys` led to: one query, or another read where it was built anew."""
    if current := generations.from_item(pointer).current:
        return statistics.totals(context.table, dimension.at(current), strong=strong)
    return statistics.totals_since(context.table, dimension.at(0), known or {}, strong=strong)


def totals_and_days(
    context: Context, dimension: Dimension, first: str, last: str
) -> tuple[Counter[str], dict[str, Counter[str]]]:
    """Both: all that was ever counted, and by day from one day to another.

    Two reads, three where it was built anew.
    """
    before, table = dimension.at(0), context.table
    pointer, known = table.get_many(_first_keys(dimension), strong=False)
    current = generations.from_item(pointer).current
    if current:
        before = dimension.at(current)
        known = table.get(keys.statistics_totals(before), strong=False)
    found = known or {}
    # one query from the earlier of the two places: what is not in the totals yet is a few days
    through = statistics.totalled_until(found)
    items = statistics.parts(table, before, min(first, day_after(through)), max(last, FAR))
    by_day = statistics.by_day(items)
    return statistics.sum_up(found, items), {day: sums for day, sums in by_day.items() if first <= day <= last}


def of_many(
    context: Context, since: Mapping[Dimension, str]
) -> dict[Dimension, tuple[Counter[str], dict[str, Counter[str]]]]:
    """Return for each what `totals_and_days` says from its day in `since` on, strongly read.

    All totals are read together, and their days side by side: one query for each.
    """
    wanted = list(since)
    pointers = context.table.get_many([keys.statistics_generations(each.subject) for each in wanted])
    current = {each: generations.from_item(item).current for each, item in zip(wanted, pointers, strict=True)}
    totals = context.table.get_many([keys.statistics_totals(each.at(current[each])) for each in wanted])

    def one(which: tuple[Dimension, Item | None]) -> tuple[Counter[str], dict[str, Counter[str]]]:
        dimension, found = which
        at, through = dimension.at(current[dimension]), statistics.totalled_until(found or {})
        items = statistics.parts(context.table, at, min(since[dimension], day_after(through)), FAR, strong=True)
        by_day = statistics.by_day(items)
        return statistics.sum_up(found or {}, items), {
            day: counters for day, counters in by_day.items() if day >= since[dimension]
        }

    return dict(zip(wanted, side_by_side(one, list(zip(wanted, totals, strict=True)), AT_ONCE), strict=True))


def day_after(day: str) -> str:
    """Any text that sorts after the day, and before the next one; "" for no day."""
    return f"{day}!" if day else ""


def days(
    context: Context, dimension: Dimension, first: str, last: str, *, strong: bool = False
) -> dict[str, Counter[str]]:
    """Return what was counted of a dimension from one day to another (`20261231`), by day: two reads."""
    pointer = context.table.get(keys.statistics_generations(dimension.subject), strong=strong)
    current = generations.from_item(pointer).current
    return statistics.days(context.table, dimension.at(current), first, last, strong=strong)
