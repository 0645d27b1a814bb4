"""Whose money a batch of the stream is about, for the schedule that verifies it (`continuous_verification.py`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from refledger.batched import batched
from refledger.domain.times import MINUTE_MS
from refledger.operations.context import Context
from refledger.store import changed_partners

if TYPE_CHECKING:
    from refledger.store.stream import Record

SETTLED_MS = MINUTE_MS  # what was noted is looked at later than that, and then sees all that came in between
FEW = 25  # partners in one word: they are looked at together
NAMES_KEPT = 10_000  # in the memory of a worker


def note(context: Context, shard: str, records: Sequence[Record]) -> None:
    """Write down whose money these change; nobody twice within a minute. May be repeated."""
    now_ms, noted = context.now_ms(), context.noted
    images = (image for record in records for image in (record.old, record.new))
    found = {id for image in images for id in changed_partners.partners_of(image)}
    new = {id for id in found if now_ms - noted.get(id, 0) >= SETTLED_MS}
    if not new:
        return
    for part, few in enumerate(batched(sorted(new), FEW)):
        number = f"{records[0].sequence_number}-{part}"
        context.table.commit(changed_partners.note(shard, number, few, now_ms))
    if len(noted) > NAMES_KEPT:
        noted.clear()
    noted.update(dict.fromkeys(new, now_ms))
