"""That everything which books and pays is stopped: one item, which every function that does so looks at."""

from __future__ import annotations

from dataclasses import dataclass

from refledger.store import keys
from refledger.store.table import Table
from refledger.store.transaction import Item, Write, delete, put, update

NOT_STOPPED = "it is not stopped"
AS_READ = "it is stopped as it was read"


@dataclass(frozen=True)
class Stop:
    """`by`: who stopped it, as AWS names them. `readers`: of queues, by their names in the template, that read until
    then. `stamp`: of who said so last.
    """

    since_ms: int
    by: str
    reason: str
    readers: tuple[str, ...]
    stamp: str


def read(table: Table) -> Stop | None:
    """None where the deployment is not stopped."""
    item = table.get(keys.stopped())
    return from_item(item) if item else None


def from_item(item: Item) -> Stop:
    return Stop(item["since"], item["by"], item["reason"], tuple(item["readers"]), item["stamp"])


def write(stop: Stop) -> Write:
    """Refused where it is stopped already."""
    item = {**keys.stopped(), "since": stop.since_ms, "by": stop.by, "reason": stop.reason}
    return put(NOT_STOPPED, {**item, "readers": list(stop.readers), "stamp": stop.stamp})


def say_again(stop: Stop, readers: tuple[str, ...], stamp: str) -> Write:
    """With the readers that are to read again. Refused where somebody else was faster."""
    change = "SET #readers = :readers, #stamp = :stamp"
    return update(AS_READ, keys.stopped(), change, "#stamp = :was", readers=list(readers), stamp=stamp, was=stop.stamp)


def end(stop: Stop) -> Write:
    """Refused where it has been stopped again since, or is not stopped any more."""
    return delete(AS_READ, keys.stopped(), "#stamp = :was", was=stop.stamp)
