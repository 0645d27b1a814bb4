"""How the books stand: what the deployment's own check came to, since when, and which manifest was signed last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from refledger.domain.times import DAY_MS, iso
from refledger.operations.context import Context
from refledger.store import findings
from refledger.store.findings import Finding

MANIFEST_DAYS = 7  # within which the last manifest is looked for; an alarm rings after one and a half


class Manifests(Protocol):
    def newest_signed(self, after: str) -> tuple[str, int] | None: ...


@dataclass(frozen=True)
class BookStanding:
    """`swept_ms`: when the last whole sweep ended, None before the first did. `sweeping_ms`: when the one began that
    goes on now. `clean_ms`: since when no fault counts, 0 while one does. `left_out`: partners whose books are too long
    for it. `manifest`: day, and when it was signed, in epoch milliseconds.
    """

    swept_ms: int | None
    sweeping_ms: int | None
    changed_ms: int | None
    clean_ms: int
    found: list[Finding]
    left_out: tuple[str, ...]
    manifest: tuple[str, int] | None


def standing(context: Context, manifests: Manifests) -> BookStanding:
    """Return how they stand."""
    round = findings.last_round(context.table)
    after = iso(context.now_ms() - MANIFEST_DAYS * DAY_MS)[:10]
    return BookStanding(
        swept_ms=round.whole_ms if round and round.has_swept else None,
        sweeping_ms=round.began_ms if round and not round.is_over else None,
        changed_ms=round.changed_ms if round else None,
        clean_ms=round.clean_ms if round else 0,
        found=list(findings.all_of(context.table)),
        left_out=round.left_out if round else (),
        manifest=manifests.newest_signed(after),
    )
