"""What several systems told of one customer's payments, and which of those wait because they may be another one.

A small item for each lies with the customer's binding, from the moment when a second system tells of a payment of
theirs; of customers whom one system knows, which are nearly all, there is none.
"""

from __future__ import annotations

from collections.abc import Iterator

from refledger.domain.suspicion import Sighting
from refledger.domain.times import DAY_MS
from refledger.domain.uplines import Binding
from refledger.store import keys
from refledger.store.table import Table
from refledger.store.transaction import Item, Write, put, update

AROUND_MS = 3 * DAY_MS  # what is compared: more than any two that may be one lie apart


def keep(binding: Binding, sighting: Sighting) -> Write:
    """Written again without harm."""
    return put(
        "", {
            **keys.sighting(binding.program_id, binding.customer, sighting.at_ms, sighting.payment),
            "system": sighting.system, "currency": sighting.currency, "figures": sorted(sighting.figures),
            "twins": sorted(sighting.twins), "own": sighting.own,
        }, "",
    )  # fmt: skip


def speak_for(binding: Binding, sighting: Sighting) -> Write:
    """A person has said that it is no other one's money."""
    key = keys.sighting(binding.program_id, binding.customer, sighting.at_ms, sighting.payment)
    return update("", key, "SET #own = :yes", yes=True)


def joined(binding: Binding, at_ms: int, payment: str) -> Write:
    """Take off one that has turned out to be another payment, and is none by itself."""
    return update(
        "", keys.sighting(binding.program_id, binding.customer, at_ms, payment), "SET #joined = :yes", yes=True
    )


def around(table: Table, binding: Binding, at_ms: int) -> list[Sighting]:
    """Return those of the customer's payments that are compared with one of that moment."""
    bounds = max(0, at_ms - AROUND_MS), at_ms + AROUND_MS
    return list(_read(table, *keys.sightings(binding.program_id, binding.customer, *bounds)))


def of_customer(table: Table, binding: Binding) -> Iterator[Sighting]:
    """Yield all of a customer's, for the check of the books, not for a request."""
    return _read(table, *keys.sightings(binding.program_id, binding.customer, 0, keys.NEVER))


def some(table: Table, binding: Binding, places: list[tuple[int, str]]) -> list[Sighting]:
    """Return those of these (when, payment) that are there; up to 100."""
    which = [keys.sighting(binding.program_id, binding.customer, *place) for place in places]
    return [_from(item) for item in (table.get_many(which) if which else []) if item and not item.get("joined")]


def _read(table: Table, partition: str, low: str, high: str) -> Iterator[Sighting]:
    for item in table.query(partition, low, high):
        if not item.get("joined"):
            yield _from(item)


def _from(item: Item) -> Sighting:
    at_ms, payment = keys.payment_in(item)
    return Sighting(
        payment, item["system"], at_ms, item["currency"], frozenset(item["figures"]), frozenset(item.get("twins", ())),
        item.get("own", False),
    )  # fmt: skip


# ---------------------------------------------------------------- the list


def list_it(payment: str, twin: str, now_ms: int) -> Write:
    """Put a payment on the list of those that may be another one."""
    return put("", {
        **keys.possible_duplicate(payment), "twin": twin, "at": now_ms,
        **keys.waiting(keys.possible_duplicates(), now_ms, payment),
    }, "")  # fmt: skip


def take_off(payment: str) -> Write:
    """Take it off, whether it is on it or not."""
    return update("", keys.possible_duplicate(payment), "REMOVE #waits_in, #waits_at")


def listed(table: Table, after: str, page_size: int) -> Iterator[tuple[str, str]]:
    """Yield (position, payment) of those that wait for a person, oldest first, from just above `after`."""
    for item in table.query(keys.possible_duplicates(), after or keys.LOWEST, index="waiting", page_size=page_size):
        if item["waits_at"] != after:
            yield item["waits_at"], keys.owner_of(item)
