"""Over how many shards payments are spread, and the rewards of busy partners: one small item, kept for a minute.

Both numbers only grow, and shards are numbered from 0: whoever reads all of them finds what was put into fewer, so
nothing is moved when they do. A worker that does not know of more payments' shards goes on putting them where everybody
looks; whoever reads a program's payments asks for the number with each tick, or is a minute behind with a list.

Of a partner's rewards none may be missed by who makes them money. So a new number counts for readers as soon as it is
written, and for who makes rewards not before `SPREAD_AFTER_MS`: when the first lies in a new shard, everybody who may
still be at work has read the number after it was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from refledger.domain.times import HOUR_MS
from refledger.store import keys
from refledger.store.table import Table
from refledger.store.transaction import Write, update

MOST = 256  # a tick asks each of them for what is due
GROWS = "there are fewer shards"
IS_UNCHANGED = "the partners whose rewards are spread are those that were read"
MOST_SPREAD = 6  # as a power of two: every list and every batch of maturity asks 64 shards
MOST_PARTNERS = 100
# More than the minute for which it is kept, the quarter of an hour for which a function may run, and the five minutes
# by which a clock may differ from the service's, which refuses requests otherwise, together.
SPREAD_AFTER_MS = HOUR_MS

Step = tuple[int, int]  # from which moment on rewards are made with which spread


@dataclass(frozen=True)
class Shards:
    """What the item says. `count`: of payments. `partners`: by id, their steps in the order of time."""

    count: int = keys.DUE_SHARDS
    partners: Mapping[str, tuple[Step, ...]] = field(default_factory=dict)

    def spread(self, partner_id: str, now_ms: int) -> int:
        """Return with which spread a reward is made now."""
        return max((spread for from_ms, spread in self.partners.get(partner_id, ()) if from_ms <= now_ms), default=0)

    def partitions(self, partner_id: str) -> tuple[str, ...]:
        """Return where rewards of the partner are looked for: wherever any may be now or is put later."""
        return keys.rewards(partner_id, max((spread for _, spread in self.partners.get(partner_id, ())), default=0))


def read(table: Table) -> Shards:
    """Strongly: who looks for what is due must not miss one."""
    item = table.get(keys.shards())
    if item is None:
        return Shards()
    partners = {id: tuple((at_ms, spread) for at_ms, spread in steps) for id, steps in item.get("partners", {}).items()}
    return Shards(max(keys.DUE_SHARDS, item.get("count", 0)), partners)


def count(table: Table) -> int:
    """Return the number of shards over which payments are spread."""
    return read(table).count


def grow(to: int) -> Write:
    """Refused where there are as many already. Raises ValueError for a number that is none of shards."""
    if not keys.DUE_SHARDS < to <= MOST:
        raise ValueError(f"from {keys.DUE_SHARDS + 1} to {MOST}")
    return update(
        GROWS, keys.shards(), "SET #count = :count", "attribute_not_exists(#count) OR #count < :count", count=to
    )


def grow_rewards(old: Shards, partner_id: str, to: int, now_ms: int) -> Write:
    """Rewards of a partner that are made from `SPREAD_AFTER_MS` on are spread over `to` shards.

    `old`: as it was read.

    Raises ValueError for a number that is no power of two, or not more than there are, and for too many partners.
    """
    spread, steps = to.bit_length() - 1, old.partners.get(partner_id, ())
    if not 1 <= spread <= MOST_SPREAD or to != 1 << spread:
        raise ValueError(f"a power of two, from 2 to {1 << MOST_SPREAD}")
    if spread <= max((earlier for _, earlier in steps), default=0):
        raise ValueError(f"there are {len(old.partitions(partner_id))} already, and their number only grows")
    if not steps and len(old.partners) >= MOST_PARTNERS:
        raise ValueError(f"{MOST_PARTNERS} partners have shards already: one item names them all")
    partners = {**old.partners, partner_id: (*steps, (now_ms + SPREAD_AFTER_MS, spread))}
    return update(
        IS_UNCHANGED, keys.shards(), "SET #partners = :partners",
        "#partners = :was" if old.partners else "attribute_not_exists(#partners)",
        partners=_stored(partners), **({"was": _stored(old.partners)} if old.partners else {}),
    )  # fmt: skip


def _stored(partners: Mapping[str, tuple[Step, ...]]) -> dict[str, list[list[int]]]:
    return {id: [list(step) for step in steps] for id, steps in partners.items()}
