"""What one person did alone, held against the limits of that moment: what older versions let through is named, too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from refledger.domain.adjustments import Adjustment, AdjustmentStatus
from refledger.domain.programs import Program
from refledger.domain.times import DAY_MS, MINUTE_MS
from refledger.operations.context import Context
from refledger.store import programs

VERSIONS = 100  # of a program that are read in one page


def adjustment_faults(context: Context, partner_user: str, asked: Sequence[Adjustment]) -> Iterator[tuple[str, str]]:
    """Yield (currency, reason) of what one person may not have posted alone.

    It is above the limit at once, or in pieces within a day.
    """
    alone: list[Adjustment] = []
    terms: dict[str, list[Program]] = {}
    for each in sorted(asked, key=lambda adjustment: adjustment.created_at_ms):
        if each.status is not AdjustmentStatus.POSTED:
            continue
        currency = each.asked.currency
        if each.approver:
            if each.approver == each.requester:
                yield currency, f"adjustment {each.id}: who asked for it posted it"
            continue
        if partner_user and each.requester == partner_user:
            yield currency, f"adjustment {each.id}: who asked for it is the partner"
        alone.append(each)
        if each.program_id not in terms:
            terms[each.program_id] = [
                version for _, version in programs.versions(context.table, each.program_id, "", VERSIONS)
            ]
        limit = _limit(terms[each.program_id], currency, each.created_at_ms)
        total = sum(
            abs(other.asked.amount)
            for other in alone
            if other.asked.currency == currency and other.created_at_ms > each.created_at_ms - DAY_MS
        )
        if limit is not None and total > limit:
            yield currency, f"adjustment {each.id}: one person posted {total} in a day, the limit was {limit}"


def _limit(versions: Sequence[Program], currency: str, at_ms: int) -> int | None:
    """The loosest within the minute: who changes the program meets who reads it. Newest version first."""
    limits: list[int | None] = []
    for version in versions:
        if (version.changed_at_ms or version.created_at_ms) > at_ms:
            continue
        limits.append(version.limit("adjustmentLimit", currency))
        if (version.changed_at_ms or version.created_at_ms) <= at_ms - MINUTE_MS:
            break
    known = [limit for limit in limits if limit is not None]
    return max(known) if known and len(known) == len(limits) else None
