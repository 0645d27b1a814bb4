"""A day's sums and marks as items: small, and always written under the version that was read."""

from __future__ import annotations

from refledger.domain.exposures import HOURS, Exposure, Mark, Marked
from refledger.domain.times import HOUR_MS, SECOND_MS
from refledger.store.keys import Key
from refledger.store.transaction import NOT_THERE, Item, Write, check, put

IS_AS_READ = "the day's sums are as they were read"


def from_item(owner: str, item: Item | None) -> Exposure:
    """Read what a day has seen of a partner or an actor.

    One of whom nothing was written yet has seen nothing.
    """
    if item is None:
        return Exposure(owner)
    return Exposure(
        owner,
        {int(hour): dict(sums) for hour, sums in item["hours"].items()},
        tuple(Mark(Marked(kind), actor, at_ms) for kind, actor, at_ms in item.get("marks", ())),
        item["version"],
    )


def keep(key: Key, old: Exposure, new: Exposure, now_ms: int) -> Write:
    """Write what it is now. One without marks goes by itself when its hours are over."""
    item: Item = {
        **key, "hours": {str(hour): dict(sums) for hour, sums in new.hours.items()}, "version": old.version + 1,
        **({"marks": [[mark.kind.value, mark.actor, mark.at_ms] for mark in new.marks]} if new.marks else {}),
        **({} if new.marks else {"ttl": (now_ms + (HOURS + 2) * HOUR_MS) // SECOND_MS}),
    }  # fmt: skip
    if not old.version:
        return put(IS_AS_READ, item)
    return put(IS_AS_READ, item, "#version = :was", was=old.version)


def unchanged(key: Key, old: Exposure) -> Write:
    """Demand that nobody wrote it since it was read."""
    if not old.version:
        return check(IS_AS_READ, key, NOT_THERE)
    return check(IS_AS_READ, key, "#version = :was", was=old.version)
