"""A table with keys of before becomes another one with today's, item by item. See docs/decisions/0116.

What a pass has written the next one finds as it should be, so whoever dies is gone on with, and what somebody writes
meanwhile is written again: it is over once a pass has found nothing to do, and the other table holds nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from refledger.domain.times import SECOND_MS
from refledger.operations.context import Context
from refledger.operations.recovery import stopping
from refledger.store import copies, keys, stops
from refledger.store.attributes import unpack
from refledger.store.keys import former
from refledger.store.stops import Stop
from refledger.store.table import Table

RawItem = dict[str, Any]  # as DynamoDB has it
RawPages = Callable[[], Iterable[list[RawItem]]]
# What goes on being written while all is stopped: copied as it is met, and no sign that anybody books
_GOES_ON = ("SYSTEM", "FINDINGS", "TOUCHED")


@dataclass(frozen=True)
class Pass:
    """Once through the whole table. `kept`: what there is to move; `written`: what was missing, or was another.

    `at_s`: when, in epoch seconds: what has run out by then is not worth moving.
    """

    kept: int
    written: int
    at_s: int


def is_of_before(table: Table) -> bool:
    """Return whether there is anything under keys of before."""
    return any(list(table.query(partition, page_size=1)) for partition in former.PARTITIONS_OF_ANY)


def stop_of(table: Table) -> Stop | None:
    """Return how the deployment of a table of before is stopped; None where it is not."""
    item = table.get(former.STOPPED)
    return stops.from_item(item) if item else None


def is_still(stop: Stop | None, now_ms: int) -> bool:
    """Return whether all stands still that books and pays, and what had begun before has ended."""
    return stop is not None and not stop.only_payouts and stopping.settled_at_ms(stop) <= now_ms


def move(context: Context, into: Table, pages: RawPages, tell: Callable[[Pass], None] = lambda _: None) -> Pass:
    """Write what is missing in `into`, or is another there.

    Returns how much that was, but for what goes on all the time. `context`: of the table `into`. Raises UnknownKey
    before anything of its page is written.
    """
    now_s, kept, written = context.now_ms() // SECOND_MS, 0, 0
    for page in pages():
        items = [former.item_today(item) for item in page if former.is_kept(item, now_s)]
        wrong = copies.differing(into, items)
        copies.write(into, wrong)
        kept += _counted(items)
        written += _counted(wrong)
        tell(Pass(kept, written, now_s))
    return Pass(kept, written, now_s)


def count(pages: RawPages, at_s: int) -> int:
    """Return how much of a table of today was worth moving at that moment, whoever wrote it."""
    return sum(_counted([item for item in page if former.is_kept(item, at_s)]) for page in pages())


def _counted(items: list[RawItem]) -> int:
    return sum(keys.kind_of(unpack({"pk": item["pk"]})) not in _GOES_ON for item in items)
