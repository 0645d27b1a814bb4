"""A day's sums and marks as items: small, and always written under the version that was read."""

from __future__ import annotations

from refledger.domain.exposures import HOURS, Exposure, ExposureTally, Mark, Marked
from refledger.domain.times import DAY_MS, HOUR_MS, SECOND_MS
from refledger.store.keys import Key
from refledger.store.transaction import NOT_THERE, Item, Write, check, put, update

IS_AS_READ = "the day's sums are as they were read"
HAS_ROOM = "the service's day has room for the sale"
SOLD_KEPT_MS = 2 * DAY_MS


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


def sold_from(caller: str, item: Item | None, now_ms: int) -> Exposure:
    """Read what today has seen of a service's sales: sums by currency, of which each is an attribute."""
    if item is None:
        return Exposure(caller)
    seen = Exposure(caller, version=item["version"])
    for currency in filter(str.isupper, item):
        seen = seen.plus(ExposureTally.SOLD, currency, item[currency], now_ms)
    return seen


def sell(key: Key, old: Exposure, currency: str, amount: int, room: int | None, now_ms: int) -> Write:
    """Add what a sale makes to its service's day, where the sum was at most `room` before.

    None for `room`: where nothing was added since it was read. Added, and not written under a version: a service tells
    of many at once.
    """
    change = f"SET #ttl = :ttl ADD #{currency} :amount, #version :one"
    values = {"ttl": (now_ms + SOLD_KEPT_MS) // SECOND_MS, "amount": amount, "one": 1}
    if room is not None:
        condition = f"attribute_not_exists(#{currency}) OR #{currency} <= :room"
        return update(HAS_ROOM, key, change, condition, room=room, **values)
    if not old.version:
        return update(HAS_ROOM, key, change, NOT_THERE, **values)
    return update(HAS_ROOM, key, change, "#version = :was", was=old.version, **values)


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
