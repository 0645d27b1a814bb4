"""Roll-ups from the table's stream: what its records add, each once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from refledger.domain.leaderboards import ChangedMonth
from refledger.domain.times import DAY_MS, day
from refledger.operations.context import Context
from refledger.operations.figures.counter_names import parse
from refledger.operations.figures.counters import RANKED, Dated, dated, effects, stamped_in
from refledger.store import generations, statistics
from refledger.store.dimensions import Of
from refledger.store.stream import Record

CLOSED_AFTER_MS = 4 * DAY_MS  # a stream keeps a day, so a day that ended three days ago gets no more records
LATE_AFTER_MS = DAY_MS  # what is told the next day is told on time: of what was written about midnight
STAMPED = "stamped"  # counter: items that a rebuild told the stream of


def project(context: Context, shard: str, records: Sequence[Record]) -> list[ChangedMonth]:
    """Add a batch to the roll-ups; returns whose months have changed, also where they were added before.

    Idempotent: each part remembers how far it has counted this shard.
    """
    parts: dict[tuple[bool, str, str, str], list[tuple[str, str, int]]] = defaultdict(list)
    subjects = {record.sequence_number: subjects_of(record) for record in records}
    known = generations.of(context.table, sorted(set().union(*subjects.values())))
    changed: set[ChangedMonth] = set()
    for record in records:
        number, today = record.number, day(record.at_ms)
        on_time = day(record.at_ms - LATE_AFTER_MS)
        counted = {subject: known[subject].counted for subject in subjects[record.sequence_number]}
        for generation in sorted({each for those in counted.values() for each in those}):
            for when, dimension, counter, amount in effects_in(generation, record):
                if generation in counted[dimension.subject]:
                    where, told = (dimension.is_main, dimension.at(generation)), today if when < on_time else ""
                    parts[*where, when, told].append((number, counter, amount))
                    if told:
                        parts[*where, today, ""].append((number, statistics.LATE + counter, amount))
                if dimension.of is Of.PARTNER and (name := parse(counter)) and name.counts in RANKED:
                    changed.add(ChangedMonth(dimension.id, when[:6]))
    closed = day(context.now_ms() - CLOSED_AFTER_MS)
    stamps_last = sorted(parts.items(), key=lambda part: (any(name == STAMPED for _, name, _ in part[1]), part[0]))
    for (_, dimension_key, when, told), changes in stamps_last:
        if statistics.add(context.table, dimension_key, when, shard, changes, told) and not told:
            statistics.fold(context.table, dimension_key, closed)  # once a day: by the first record of a new one
    return sorted(changed)


def subjects_of(record: Record) -> set[str]:
    """Return everything in whose figures the item is: partners, a program, the books."""
    found = {dimension for days in (record.days_before, record.days_after) for _, dimension, _, _ in dated(days)}
    return {dimension.subject for dimension in found | stamped_in(record.before) | stamped_in(record.after)}


def effects_in(generation: int, record: Record) -> Iterator[Dated]:
    """Yield what a record adds in one generation.

    An item that does not count there yet is as good as not there.
    """
    before, after = (generations.counts_in(image, generation) for image in (record.old, record.new))
    yield from effects(record.days_before if before else (), record.days_after if after else ())
    if record.old and after and not before:
        yield from ((day(record.at_ms), dimension, STAMPED, 1) for dimension in stamped_in(record.after))
