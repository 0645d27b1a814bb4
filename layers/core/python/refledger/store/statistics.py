"""Roll-ups: counters per dimension, day and stream shard; closed days are folded into the totals, and long ones into
one item.

A part remembers the highest stream sequence number it has seen, so a batch that comes again changes nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from refledger.store import keys
from refledger.store.table import Table
from refledger.store.transaction import Item, Moved, Write, delete, put, update

PART_IS_BEHIND = "the part has not seen these records"
TOTALS_ARE_CURRENT = "the totals are as they were read"
FOLD_PARTS = 90  # parts folded in one transaction
FOLDED_FROM = 8  # items of closed days: fewer are read with the open ones, which costs less than to write totals daily
FEW_PARTS = 3  # of a day, that stay as they are: to make one of them is two transactional writes for each, and more
EXPRESSION_LENGTH = 3_500  # DynamoDB takes 4 KB
SEPARATORS = 5  # beside the two names of a counter: number sign, blank, colon, comma, blank
NOT_COUNTERS = ("pk", "sk", "hw", "through", "step")


def add(table: Table, dimension: str, day: str, shard: str, changes: Sequence[tuple[str, str, int]]) -> bool:
    """Add (sequence number, counter, amount) in the order of the stream, each once. True when the part is new.

    Sequence numbers are text that compares like the numbers (`comparable`).
    """
    key = keys.statistics_part(dimension, day, shard)
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
        except Moved as moved:  # some of it is in already: add the rest
            seen = moved.found[PART_IS_BEHIND]["hw"]
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


def comparable(sequence_number: str) -> str:
    """A stream's sequence number as text that sorts like the number."""
    return f"{len(sequence_number):02d}{sequence_number}"


def totals(table: Table, dimension: str, *, strong: bool = False) -> Counter[str]:
    """Everything ever counted: the folded totals and the days since. Costs the same whatever was counted."""
    found = table.get(keys.statistics_totals(dimension), strong=strong) or {}
    return totals_since(table, dimension, found, strong=strong)


def totals_since(table: Table, dimension: str, found: Item, *, strong: bool = False) -> Counter[str]:
    """`totals`, for a caller who has read the totals' item ({} for none)."""
    sums = counters_in(found)
    for part in table.query(dimension, *keys.open_days(found.get("through", "")), strong=strong):
        sums.update(counters_in(part))
    return sums


def days(table: Table, dimension: str, first: str, last: str, *, strong: bool = False) -> dict[str, Counter[str]]:
    """What was counted on each day from `first` to `last` (`20261231`) on which something was: one query."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for item in table.query(dimension, *keys.days_between(first, last), strong=strong):
        found[keys.day_of_statistics(item["sk"])].update(counters_in(item))
    return dict(found)


def fold(table: Table, dimension: str, closed_day: str) -> None:
    """Add the days up to `closed_day`, which get no more records, to the totals, and make one item of each long one.

    Idempotent, and right when two do it at once: a part is counted by the write that puts the totals past its day, and
    whatever changes an item that was read for it moves the totals on.
    """
    found = table.get(keys.statistics_totals(dimension)) or {}
    if found.get("through", "") >= closed_day:
        return
    closed = list(table.query(dimension, *keys.days_until(found.get("through", ""), closed_day)))
    if len(closed) < FOLDED_FROM:
        return
    days: dict[str, list[Item]] = defaultdict(list)
    for item in closed:
        days[keys.day_of_statistics(item["sk"])].append(item)
    grand, step = counters_in(found), found.get("step", 0)
    try:
        for day, items in days.items():
            key = keys.statistics_day(dimension, day)
            parts = [item for item in items if item["sk"] != key["sk"]]
            grand.update(_summed(items))
            if len(parts) <= FEW_PARTS:
                continue
            sums = _summed(item for item in items if item["sk"] == key["sk"])
            for start in range(0, len(parts), FOLD_PARTS):
                folded = parts[start : start + FOLD_PARTS]
                sums.update(_summed(folded))
                table.commit(*_fold_parts({**key, **sums}, folded, step))
                step += 1
        left = {counter: amount for counter, amount in grand.items() if amount}  # 0: a day that rewards waited for
        totals = {**keys.statistics_totals(dimension), **left, "through": max(days), "step": step + 1}
        condition, values = _at_step(step)
        table.commit(put(TOTALS_ARE_CURRENT, totals, condition, **values))
    except Moved:
        return  # another one folds these days


def base(dimension: str, day: str, counters: Mapping[str, int]) -> Write:
    """What a dimension counts beside what the stream tells of it, as a part of an open day. To be written once."""
    return put("the base", {**keys.statistics_part(dimension, day, "base"), **counters, "hw": ""}, condition="")


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


def _summed(items: Iterable[Item]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for item in items:
        sums.update(counters_in(item))
    return sums


def counters_in(item: Item) -> Counter[str]:
    """What an item of a dimension counts."""
    return Counter({name: value for name, value in item.items() if name not in NOT_COUNTERS})
