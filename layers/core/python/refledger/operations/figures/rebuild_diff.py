"""Roll-ups held against the books, counter by counter and day by day: what a rebuild would change, and nothing else.

What every item says of its days (`counters.dated`) is summed up and held against what was counted. Neither reading is
of one moment, and the stream's reader is always a little behind; but what changes meanwhile changes the last two days
alone. So a difference of an earlier day is one, and one of the last two is looked at again a little later.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from refledger.domain import periods
from refledger.domain.times import DAY_MS, SECOND_MS, day
from refledger.operations.context import Context
from refledger.operations.figures import rollups
from refledger.operations.figures.counters import dated
from refledger.operations.figures.projection import STAMPED
from refledger.store import book_items, dimensions, images, programs
from refledger.store.dimensions import Dimension, Of
from refledger.store.transaction import Item

AGAIN_AFTER_MS = 30 * SECOND_MS  # longer than the stream's reader is behind while it works
ALL_DAYS = ("0", "99999999")
EVER = ""  # instead of a day: the totals

Tell = Callable[[str], None]
Partners = Callable[[], Iterable[str]]


@dataclass(frozen=True, order=True)
class Difference:
    """`day`: EVER for the totals of all days. Amounts in minor units where the counter ends in a currency."""

    dimension: Dimension
    day: str
    counter: str
    counted: int
    in_books: int

    @property
    def place(self) -> tuple[Dimension, str, str]:
        return self.dimension, self.day, self.counter

    @property
    def gap(self) -> int:
        """What a reader who is behind makes of it changes; what is lost stays."""
        return self.in_books - self.counted


def differences(context: Context, of_partners: Partners, tell: Tell = lambda _: None) -> list[Difference]:
    """Return all of them, sorted; nothing is written. `of_partners`: everybody.

    It holds what the books come to in memory: some hundred bytes for each counter and day.
    """
    first = _compared(context, of_partners, tell)
    recent = day(context.now_ms() - DAY_MS)
    if not any(each.day >= recent or each.day == EVER for each in first):
        return first
    tell("waiting for the stream's reader, to look once more at what differs of the last two days")
    context.pause(AGAIN_AFTER_MS)
    again = {each.place: each.gap for each in _compared(context, of_partners, tell)}
    return [each for each in first if EVER < each.day < recent or again.get(each.place) == each.gap]


def _compared(context: Context, of_partners: Partners, tell: Tell) -> list[Difference]:
    wanted: dict[Dimension, Counter[tuple[str, str]]] = defaultdict(Counter)
    for dimension in _all(context, of_partners):
        wanted[dimension]  # also where nothing of it is in the books
    for number, item in enumerate(everything(context, of_partners), start=1):
        for when, dimension, counter, amount in dated(images.days(item)):
            wanted[dimension][when, counter] += amount
        if number % 1_000 == 0:
            tell(f"{number} items looked at")
    found: list[Difference] = []
    for number, (dimension, sums) in enumerate(sorted(wanted.items()), start=1):
        found += _in(context, dimension, sums)
        tell(f"{number} of {len(wanted)} compared, {len(found)} differences")
    return sorted(found)


def _in(context: Context, dimension: Dimension, wanted: Counter[tuple[str, str]]) -> Iterator[Difference]:
    """Days first: where one is folded between the two reads, the totals say the same."""
    counted: Counter[tuple[str, str]] = Counter()
    for when, counters in rollups.days(context, dimension, *ALL_DAYS, strong=True).items():
        counted.update({(when, name): n for name, n in counters.items() if name != STAMPED})
    for (_, name), n in list(wanted.items()):
        wanted[EVER, name] += n
    totals = rollups.totals(context, dimension, strong=True)
    counted.update({(EVER, name): n for name, n in totals.items() if name != STAMPED})
    for place in {*wanted, *counted}:
        if wanted[place] != counted[place]:
            yield Difference(dimension, *place, counted[place], wanted[place])


def _all(context: Context, of_partners: Partners) -> Iterator[Dimension]:
    yield from map(dimensions.partner, of_partners())
    for _, program in programs.after(context.table, ""):
        main = dimensions.program(program.id)
        yield from (main, *beside(context, main))
    yield from (dimensions.WITHDRAWALS, dimensions.JOURNAL)


def everything(context: Context, of_partners: Partners) -> Iterator[Item]:
    """Yield every item of the books that is in any figures."""
    table = context.table
    for partner_id in of_partners():
        yield from book_items.of_partner(table, partner_id, context.reward_partitions(partner_id))
        yield from book_items.referrals_of(table, partner_id)
        yield from book_items.accounts_of(table, partner_id)
        yield from book_items.entries_of(table, partner_id)
    for _, program in programs.after(table, ""):
        yield from book_items.payments_of(table, program.id, context.shards())


def beside(context: Context, main: Dimension) -> list[Dimension]:
    """Return the dimensions that are built anew together with the main one of a subject."""
    match main.of:
        case Of.PROGRAM:
            first = periods.today(programs.find(context.table, main.id).created_at_ms).year
            years = range(first, periods.today(context.now_ms()).year + 1)
            return [dimensions.forecast(main.id), *(dimensions.cohorts(main.id, f"{year:04d}") for year in years)]
        case Of.WITHDRAWALS:
            return [dimensions.JOURNAL]
        case Of.PARTNER | Of.COHORT | Of.FORECAST | Of.JOURNAL:
            return []
