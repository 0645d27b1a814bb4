"""That everything which books and pays is stopped: one item, which every function that does so looks at."""

from __future__ import annotations

from dataclasses import dataclass

from refledger.store import keys
from refledger.store.table import Table
from refledger.store.transaction import Item, Write, delete, put

NOT_STOPPED = "it is not stopped"
AS_READ = "it is stopped as it was read"


@dataclass(frozen=True)
class Stop:
    """`by`: who stopped it, as AWS names them. `readers`: of queues, by their names in the template, that read until
    then. `stamp`: of who said so last. `only_payouts`: bookings go on already.
    """

    since_ms: int
    by: str
    reason: str
    readers: tuple[str, ...]
    stamp: str
    only_payouts: bool = False


def read(table: Table) -> Stop | None:
    """None where the deployment is not stopped."""
    item = table.get(keys.stopped())
    return from_item(item) if item else None


def from_item(item: Item) -> Stop:
    return Stop(item["since"], item["by"], item["reason"], tuple(item["readers"]), item["stamp"], item["payouts"])


def write(stop: Stop) -> Write:
    """Refused where it is stopped already."""
    return put(NOT_STOPPED, _to_item(stop))


def _to_item(stop: Stop) -> Item:
    item = {**keys.stopped(), "since": stop.since_ms, "by": stop.by, "reason": stop.reason}
    return {**item, "readers": list(stop.readers), "stamp": stop.stamp, "payouts": stop.only_payouts}


def change(old: Stop, new: Stop) -> Write:
    """Refused where somebody else was faster."""
    return put(AS_READ, _to_item(new), "#stamp = :was", was=old.stamp)


def end(stop: Stop) -> Write:
    """Refused where it has been stopped again since, or is not stopped any more."""
    return delete(AS_READ, keys.stopped(), "#stamp = :was", was=stop.stamp)
