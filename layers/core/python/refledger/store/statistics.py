"""Roll-ups: counters per dimension, day and stream shard; closed days folded into one item and into the totals.

A part remembers the highest stream sequence number it has seen, so a batch that comes again changes nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from refledger.store import keys
from refledger.store.table import Table
from refledger.store.transaction import Item, Moved, Write, delete, put, update

PART_IS_BEHIND = "the part has not seen these records"
TOTALS_ARE_CURRENT = "the totals are as they were read"
FOLD_PARTS = 90  # parts folded in one transaction
NOT_COUNTERS = ("pk", "sk", "hw", "through", "step")


def add(table: Table, dimension: str, day: str, shard: str, changes: Sequence[tuple[str, str, int]]) -> bool:
    """Add (sequence number, counter, amount) in the order of the stream, each once. True when the part is new.

    Sequence numbers are text that compares like the numbers (`comparable`).
    """
    key = keys.statistics_part(dimension, day, shard)
    condition, values = "attribute_not_exists(#hw) OR #hw < :first", {"first": changes[0][0]}
    left = list(changes)
    while left:
        sums: Counter[str] = Counter()
        for _, counter, amount in left:
            sums[counter] += amount
        change = "SET #hw = :last ADD " + ", ".join(f"#{counter} :{counter}" for counter in sums)
        try:
            old = table.update(update(PART_IS_BEHIND, key, change, condition, last=left[-1][0], **values, **sums))
        except Moved as moved:  # some of it is in already: add the rest
            seen = moved.found[PART_IS_BEHIND]["hw"]
            condition, values = "#hw = :seen", {"seen": seen}
            left = [part for part in left if part[0] > seen]
        else:
            return not old
    return False


def comparable(sequence_number: str) -> str:
    """A stream's sequence number as text that sorts like the number."""
    return f"{len(sequence_number):02d}{sequence_number}"


def totals(table: Table, dimension: str) -> Counter[str]:
    """Everything ever counted: the folded totals and the days since. Costs the same whatever was counted."""
    return totals_since(table, dimension, table.get(keys.statistics_totals(dimension), strong=False) or {})


def totals_since(table: Table, dimension: str, found: Item) -> Counter[str]:
    """`totals`, for a caller who has read the totals' item ({} for none)."""
    sums = _counters(found)
    for part in table.query(dimension, *keys.open_days(found.get("through", "")), strong=False):
        sums.update(_counters(part))
    return sums


def fold(table: Table, dimension: str, closed_day: str) -> None:
    """Make one item of each day up to `closed_day`, which gets no more records, and add it to the totals.

    Idempotent, and right when two do it at once: a part is counted by the transaction that deletes it.
    """
    found = table.get(keys.statistics_totals(dimension)) or {}
    if found.get("through", "") >= closed_day:
        return
    days: dict[str, list[Item]] = defaultdict(list)
    for item in table.query(dimension, *keys.days_until(found.get("through", ""), closed_day)):
        days[keys.day_of_statistics(item["sk"])].append(item)
    grand, step = _counters(found), found.get("step", 0)
    try:
        for day, items in days.items():
            parts = [item for item in items if item["sk"] != keys.statistics_day(dimension, day)["sk"]]
            for start in range(0, len(parts), FOLD_PARTS):
                table.commit(*_fold_parts(dimension, day, parts[start : start + FOLD_PARTS], step))
                step += 1
            for item in items:
                grand.update(_counters(item))
        if days:
            totals = {**keys.statistics_totals(dimension), **grand, "through": max(days), "step": step + 1}
            condition, values = _at_step(step)
            table.commit(put(TOTALS_ARE_CURRENT, totals, condition, **values))
    except Moved:
        return  # another one folds these days


def forget(table: Table, dimension: str) -> None:
    """Delete all of a dimension that nobody reads any more."""
    for item in table.query(dimension):
        table.commit(delete("what is forgotten", {"pk": item["pk"], "sk": item["sk"]}, condition=""))


def _at_step(step: int) -> tuple[str, dict[str, int]]:
    """Each transaction of a fold counts on the totals: whoever read anything before it must read it all again."""
    return ("#step = :was", {"was": step}) if step else ("attribute_not_exists(#step)", {})


def _fold_parts(dimension: str, day: str, parts: list[Item], step: int) -> list[Write]:
    sums: Counter[str] = Counter()
    for part in parts:
        sums.update(_counters(part))
    change = "ADD " + ", ".join(f"#{counter} :{counter}" for counter in sums)
    condition, values = _at_step(step)
    totals = keys.statistics_totals(dimension)
    return [
        update(TOTALS_ARE_CURRENT, totals, "SET #step = :next", condition, next=step + 1, **values),
        update("the day", keys.statistics_day(dimension, day), change, "", **sums),
        *[delete(f"part {part['sk']}", {"pk": part["pk"], "sk": part["sk"]}, "attribute_exists(pk)") for part in parts],
    ]


def _counters(item: Item) -> Counter[str]:
    return Counter({name: value for name, value in item.items() if name not in NOT_COUNTERS})
