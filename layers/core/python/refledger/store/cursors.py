"""How far each schedule has looked, in its own words: it goes on from there the next time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from refledger.store import keys
from refledger.store.table import Table
from refledger.store.transaction import ConditionFailed, Item, Write, put, update

EVENTS, PAYOUTS, OVERDUE, COVERED = "COMPARED-EVENTS", "COMPARED-PAYOUTS", "OVERDUE", "COVERED"
HEARD = "HEARD"  # the filters of both event source mappings let it through
PLACE_IS_THAT = "the place is as it was read"


def position(table: Table, name: str) -> str:
    """Return where a schedule that goes along one list goes on; "" at the beginning."""
    return str((table.get(keys.cursor(name)) or {}).get("at", ""))


def keep_position(name: str, position: str) -> Write:
    return _keep(name, {"at": position})


def heard(now_ms: int) -> Write:
    """Change the one item of which both readers of the stream are told."""
    return _keep(HEARD, {"at": now_ms})


def _keep(name: str, state: Item) -> Write:
    return put("the cursor", {**keys.cursor(name), **state}, condition="")


# ---------------------------------------------------------------- what is due


@dataclass(frozen=True)
class DuePlace:
    """`place`: as a look keeps it, "" where an earlier version kept `begin` alone, or only the moment `at_ms`."""

    place: str
    begin: str
    at_ms: int


def due_place(table: Table, name: str) -> DuePlace | None:
    """Return where a look for what is due stands; None for one that is new."""
    item = table.get(keys.cursor(name))
    return _due_place_from(item) if item else None


def move_due_place(name: str, old: str, new: str) -> Write:
    """Write the place of a look, if nobody has moved it since; `old`: "" where none is kept."""
    unmoved, was = ("#place = :was", {"was": old}) if old else ("attribute_not_exists(#place)", {})
    at_ms = keys.moment_at(new.rstrip(keys.HIGHEST))
    return update(
        PLACE_IS_THAT, keys.cursor(name), "SET #place = :place, #at = :at", unmoved, place=new, at=at_ms, **was
    )  # fmt: skip


def moved_to(failed: ConditionFailed) -> str:
    """Return the place to which somebody else has moved the look meanwhile."""
    return _due_place_from(failed.items[PLACE_IS_THAT]).place


def _due_place_from(item: Item) -> DuePlace:
    place = item.get("place", "")
    return DuePlace(place, place or min(item.get("places", {"": ""}).values()), item.get("at", 0))  # places: by shard


@dataclass(frozen=True)
class OverdueRound:
    """`place`: of the last partner who was looked at whole, "" before the first. `within`: up to which sort key the
    next one was, "" where that has not begun. `ended_ms`: 0 while it goes on. `sent`: messages.
    """

    began_ms: int
    place: str = ""
    within: str = ""
    ended_ms: int = 0
    sent: int = 0


def overdue_round(table: Table, now_ms: int) -> OverdueRound:
    """Return the round that goes on or was the last; where there is none, the first, which begins now."""
    item = table.get(keys.cursor(OVERDUE))
    if item is None:
        return OverdueRound(now_ms)
    return OverdueRound(item["began_ms"], item["place"], item["within"], item["ended_ms"], item["sent"])


def keep_overdue_round(round: OverdueRound) -> Write:
    return _keep(OVERDUE, vars(round))


# ---------------------------------------------------------------- what was paid


@dataclass(frozen=True)
class CoveredPlace:
    """How far payouts are looked at again. `aside`: by withdrawal, how often it was tried and when to try again."""

    position: str = ""
    aside: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def covered_place(table: Table) -> CoveredPlace:
    item = table.get(keys.cursor(COVERED)) or {}
    return CoveredPlace(item.get("at", ""), {id: (tries, at_ms) for id, tries, at_ms in item.get("aside", ())})


def keep_covered_place(place: CoveredPlace) -> Write:
    aside = [[id, tries, at_ms] for id, (tries, at_ms) in place.aside.items()]
    return _keep(COVERED, {"at": place.position, "aside": aside})


# ---------------------------------------------------------------- what Stripe says


@dataclass(frozen=True)
class EventsPlace:
    """Epoch seconds. Events up to `through` were compared; of a slice that goes on to `until` (0: none) those up to the
    event `after`.
    """

    through: int
    until: int = 0
    after: str = ""


@dataclass(frozen=True)
class PayoutsPlace:
    """When the last look at transfers began, and the transfer up to which it has come; "" where it has ended."""

    began_ms: int
    after: str = ""


def events_place(table: Table) -> EventsPlace | None:
    return _events_from(table.get(keys.cursor(EVENTS)))


def payouts_place(table: Table) -> PayoutsPlace | None:
    return _payouts_from(table.get(keys.cursor(PAYOUTS)))


def stripe_places(table: Table) -> tuple[EventsPlace | None, PayoutsPlace | None]:
    """Return both, in one read."""
    events, payouts = table.get_many([keys.cursor(EVENTS), keys.cursor(PAYOUTS)])
    return _events_from(events), _payouts_from(payouts)


def keep_events_place(place: EventsPlace) -> Write:
    return _keep(EVENTS, vars(place))


def keep_payouts_place(place: PayoutsPlace) -> Write:
    return _keep(PAYOUTS, {"began": place.began_ms, "after": place.after})


def _events_from(item: Item | None) -> EventsPlace | None:
    return EventsPlace(item["through"], item.get("until", 0), item.get("after", "")) if item else None


def _payouts_from(item: Item | None) -> PayoutsPlace | None:
    return PayoutsPlace(item["began"], item["after"]) if item else None
