"""What partners have in common, by keyed hash: a row for each partner who has it. Written without being read."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from refledger.domain.likeness import TraitKind
from refledger.domain.times import DAY_MS, SECOND_MS
from refledger.store import keys
from refledger.store.table import Table
from refledger.store.transaction import Write, put, update

MOST = 100  # partners that are looked at; whoever shares with more shares with enough
FORMER_KEPT_MS = 400 * DAY_MS  # an address or a name that a partner had: longer than anybody waits


@dataclass(frozen=True)
class TraitRow:
    """`since_ms`: when it was last said to be theirs. `until_ms`: when they changed it, 0 while they have it."""

    partner_id: str
    since_ms: int
    until_ms: int = 0


def has(kind: TraitKind, hashed: str, partner_id: str, now_ms: int) -> Write:
    return put("the partner has it", {**keys.alike(kind, hashed, partner_id), "at": now_ms}, condition="")


def has_had(kind: TraitKind, hashed: str, partner_id: str, now_ms: int) -> Write:
    """Write the row of a partner from before there were rows; whoever writes one meanwhile knows better."""
    return put(f"nobody wrote {kind}", {**keys.alike(kind, hashed, partner_id), "at": now_ms})


def had(kind: TraitKind, hashed: str, partner_id: str, now_ms: int) -> Write:
    """Note that they do not have it any more; that they did is forgotten some day."""
    return update(
        "the partner had it", keys.alike(kind, hashed, partner_id),
        "SET #at = if_not_exists(#at, :now), #until = :now, #ttl = :ttl", now=now_ms,
        ttl=(now_ms + FORMER_KEPT_MS) // SECOND_MS,
    )  # fmt: skip


def rows(table: Table, kind: TraitKind, hashed: str) -> list[TraitRow]:
    """Return all who have or had it, newest first; MOST at most.

    Strong: who comes last sees all.
    """
    found = islice(table.query(keys.all_alike(kind, hashed), page_size=MOST), MOST)
    read = [TraitRow(item["sk"], item["at"], item.get("until", 0)) for item in found]
    return sorted(read, key=lambda row: row.since_ms, reverse=True)
