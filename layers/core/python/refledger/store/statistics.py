"""Roll-ups: counters per dimension, day and stream shard; closed days are folded into the totals, and long ones into
one item.

A part remembers the highest stream sequence number it has seen, so a batch that comes again changes nothing.

What is told of a day long after it, as by a rebuild, finds that day's parts folded and what they remember gone. It lies
in a *late part* of the day, named by the day on which it was told, and once more as `late_COUNTER` in the part of that
day: days are made of late parts, totals of `late_COUNTER`. A late part is folded into its day when nothing more is told
on the day of its name.

    DAY#20260301           the day, folded
    DAY#20260301#LATE#20261129#00000001  told of it on 2026-11-29
    DAY#20261129#00000001  a part of that day: what is of it, and late_… of what was told on it of days long before
    TOTALS                 totals of all days up to `through`
"""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from refledger.store import keys
from refledger.store.table import Table
from refledger.store.transaction import ConditionFailed, Item, Write, delete, put, update

PART_IS_BEHIND = "the part has not seen these records"
TOTALS_ARE_CURRENT = "the totals are as they were read"
FOLD_PARTS = 90  # parts folded in one transaction
FOLDED_FROM = 8  # items of closed days: fewer are read with the open ones, which costs less than to write totals daily
LOOKED_AT_EACH = 4  # times that it is asked: to look costs two reads, and mostly there is too little to fold
FEW_PARTS = 3  # of a day, that stay as they are: to make one of them is two transactional writes for each, and more
EXPRESSION_LENGTH = 3_500  # DynamoDB takes 4 KB
SEPARATORS = 5  # beside the two names of a counter: number sign, blank, colon, comma, blank
NOT_COUNTERS = ("pk", "sk", "hw", "through", "step", "late")
LATE = "late_"  # before the name of a counter: of a day long before, in which a late part has it


def add(
    table: Table, dimension: str, day: str, shard: str, changes: Sequence[tuple[str, str, int]], told: str = ""
) -> bool:
    """Add (sequence number, counter, amount) in the order of the stream, each once.

    True when the part is new.

    Sequence numbers are text that compares like the numbers (`comparable`). `told`: the day on which it was told, where
    that is long after: the same has to be added as LATE counters to that day.
    """
    key = keys.statistics_part(dimension, day, shard)
    if told:
        key = keys.statistics_late_part(dimension, day, told, shard)
    condition, values = "attribute_not_exists(#hw) OR #hw < :first", {"first": changes[0][0]}
    left, is_new = list(changes), False
    while left:
        now = _that_fits(left)
        sums: Counter[str] = Counter()
        for _, counter, amount in now:
            sums[counter] += amount
        change = "SET #hw = :last ADD " + ", ".join(f"#{counter} :{counter}" for counter in sums)
        try:
            old = table.update(update(PART_IS_BEHIND, key, change, condition, last=now[-1][0], **values, **sums))
        except ConditionFailed as failed:  # some of it is in already: add the rest
            seen = failed.items[PART_IS_BEHIND]["hw"]
        else:
            is_new, seen = is_new or not old, now[-1][0]
        condition, values = "#hw = :seen", {"seen": seen}
        left = [part for part in left if part[0] > seen]
    return is_new


def _that_fits(changes: Sequence[tuple[str, str, int]]) -> Sequence[tuple[str, str, int]]:
    """As many whole records from the beginning as one expression can hold, and one at least."""
    length, named = 0, set[str]()
    for place, (number, counter, _) in enumerate(changes):
        if counter not in named:
            named.add(counter)
            length += 2 * len(counter) + SEPARATORS
        if length > EXPRESSION_LENGTH and number != changes[0][0]:
            return [part for part in changes[:place] if part[0] < number]
    return changes


def totals(table: Table, dimension: str, *, strong: bool = False) -> Counter[str]:
    """Everything ever counted: the folded totals and the days since. Costs the same whatever was counted."""
    found = table.get(keys.statistics_totals(dimension), strong=strong) or {}
    return totals_since(table, dimension, found, strong=strong)


def totals_since(table: Table, dimension: str, found: Item, *, strong: bool = False) -> Counter[str]:
    """`totals`, for a caller who has read the totals' item ({} for none)."""
    through = found.get("through", "")
    return sum_up(found, table.query(dimension, *keys.open_days(through), strong=strong))


def totalled_until(totals: Item) -> str:
    """Return up to which day the totals go; "" where there are none."""
    return str(totals.get("through", ""))


def sum_up(totals: Item, items: Iterable[Item]) -> Counter[str]:
    """Everything ever counted, by the totals' item ({} for none) and at least the parts of all days since."""
    sums, through = counters_in(totals), totals.get("through", "")
    for item in items:
        if keys.day_of_statistics(item["sk"]) > through and not keys.day_of_late_part(item["sk"]):
            sums.update(_all_of(item))
    return sums


def days(table: Table, dimension: str, first: str, last: str, *, strong: bool = False) -> dict[str, Counter[str]]:
    """Return what was counted on each day from `first` to `last` (`20261231`): one query.

    Days on which nothing was are left out.
    """
    return by_day(parts(table, dimension, first, last, strong=strong))


def parts(table: Table, dimension: str, first: str, last: str, *, strong: bool = False) -> list[Item]:
    """Return the items of those days."""
    return list(table.query(dimension, *keys.days_between(first, last), strong=strong))


def by_day(items: Iterable[Item]) -> dict[str, Counter[str]]:
    """Return what the items say of each day."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for item in items:
        found[keys.day_of_statistics(item["sk"])].update(counters_in(item))
    return {when: counters for when, counters in found.items() if counters}


def fold(table: Table, dimension: str, closed_day: str) -> None:
    """Add the days up to `closed_day` to the totals, and make one item of each long one.

    They get no more records.

    Idempotent, and right when two do it at once: a part is counted by the write that puts the totals past its day, and
    whatever changes an item that was read for it moves the totals on. On most days nothing is looked at: which ones are
    not, hangs on the dimension and the day, so that no rhythm of payments misses them all.
    """
    if zlib.crc32(f"{dimension} {closed_day}".encode()) % LOOKED_AT_EACH:
        return
    found = table.get(keys.statistics_totals(dimension)) or {}
    through = found.get("through", "")
    if through >= closed_day:
        return
    items = table.query(dimension, *keys.days_until(through, closed_day))
    closed = [item for item in items if not keys.day_of_late_part(item["sk"])]
    if len(closed) < FOLDED_FROM:
        return
    grand, step = counters_in(found), found.get("step", 0)
    for item in closed:
        grand.update(_all_of(item))
    try:
        if "late" in found:  # told on the days that the last fold has closed
            step = _fold_late(table, dimension, through, step)
        for day, those in _by_day_itself(closed).items():
            step = _fold_day(table, keys.statistics_day(dimension, day), those, step)
        left = {counter: amount for counter, amount in grand.items() if amount}  # 0: a day that rewards waited for
        late = {"late": 1} if any(name.startswith(LATE) for item in closed for name in item) else {}
        through = keys.day_of_statistics(closed[-1]["sk"])
        totals = {**keys.statistics_totals(dimension), **left, **late, "through": through, "step": step + 1}
        condition, values = _at_step(step)
        table.commit(put(TOTALS_ARE_CURRENT, totals, condition, **values))
    except ConditionFailed:
        return  # another one folds these days


def _by_day_itself(items: Iterable[Item]) -> dict[str, list[Item]]:
    days: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        days[keys.day_of_statistics(item["sk"])].append(item)
    return days


def _fold_day(table: Table, key: keys.Key, items: Sequence[Item], step: int) -> int:
    """Make one item of a day's item and these parts, where they are many; returns the next step."""
    parts = [item for item in items if item["sk"] != key["sk"]]
    if len(parts) <= FEW_PARTS:
        return step
    sums: Counter[str] = Counter()
    for item in items:
        if item["sk"] == key["sk"]:
            sums.update(_told_in(item))
    for start in range(0, len(parts), FOLD_PARTS):
        folded = parts[start : start + FOLD_PARTS]
        for item in folded:
            sums.update(_told_in(item))
        table.commit(*_fold_parts({**key, **sums}, folded, step))
        step += 1
    return step


def _fold_late(table: Table, dimension: str, through: str, step: int) -> int:
    """Late parts that were told on days up to `through` go into the items of their days: totals have them already."""
    late = (
        item
        for item in table.query(dimension, *keys.days_until("", through))
        if keys.is_folded_day(item["sk"]) or "" < keys.day_of_late_part(item["sk"]) <= through
    )
    for day, those in _by_day_itself(late).items():
        step = _fold_day(table, keys.statistics_day(dimension, day), those, step)
    return step


def base(dimension: str, told: str, today: str, by_day: Mapping[str, Mapping[str, int]]) -> tuple[list[Write], Write]:
    """Return what a dimension counts beside what the stream tells of it.

    Late parts of its days, told on the day `told`, and what they come to, as a part of `today`. The first may be
    written again as they are, the other one once, after them.
    """
    late = [
        put("the base", {**keys.statistics_late_part(dimension, day, told, "base"), **counters, "hw": ""}, condition="")
        for day, counters in sorted(by_day.items())
    ]
    sums: Counter[str] = Counter()
    for counters in by_day.values():
        sums.update({f"{LATE}{counter}": amount for counter, amount in counters.items()})
    return late, put("the base", {**keys.statistics_part(dimension, today, "base"), **sums, "hw": ""}, condition="")


def forget(table: Table, dimension: str) -> None:
    """Delete all of a dimension that nobody reads any more."""
    for item in table.query(dimension):
        table.commit(delete("what is forgotten", {"pk": item["pk"], "sk": item["sk"]}, condition=""))


def _at_step(step: int) -> tuple[str, dict[str, int]]:
    """Each transaction of a fold counts on the totals: whoever read anything before it must read it all again."""
    return ("#step = :was", {"was": step}) if step else ("attribute_not_exists(#step)", {})


def _fold_parts(day: Item, parts: list[Item], step: int) -> list[Write]:
    """`day`: its item with these parts in it. Only folds write it, so it is as it was read if the totals are."""
    condition, values = _at_step(step)
    totals = keys.statistics_totals(day["pk"])
    return [
        update(TOTALS_ARE_CURRENT, totals, "SET #step = :next", condition, next=step + 1, **values),
        put("the day", day, condition=""),
        *[delete(f"part {part['sk']}", {"pk": part["pk"], "sk": part["sk"]}, "attribute_exists(pk)") for part in parts],
    ]


def _told_in(item: Item) -> Counter[str]:
    """What an item of a dimension has: counters, and LATE ones."""
    return Counter({name: value for name, value in item.items() if name not in NOT_COUNTERS})


def _all_of(item: Item) -> Counter[str]:
    """What an item adds to totals."""
    sums: Counter[str] = Counter()
    for name, amount in _told_in(item).items():
        sums[name.removeprefix(LATE)] += amount
    return sums


def counters_in(item: Item) -> Counter[str]:
    """Return what an item of a dimension counts on its day."""
    return Counter({name: value for name, value in _told_in(item).items() if not name.startswith(LATE)})
