"""Over how many shards of the indexes payments are spread: what the table says, and as many as there are to begin with.

The number only grows, and shards are numbered from 0: whoever reads all of them finds what was put into fewer, so
nothing is moved when it does. A worker that does not know of it yet goes on putting payments where everybody looks.
"""

from __future__ import annotations

from refledger.store import keys
from refledger.store.table import Table
from refledger.store.transaction import Write, update

MOST = 256  # a tick asks each of them for what is due
GROWS = "there are fewer shards"


def count(table: Table) -> int:
    """Strongly read: who looks for what is due must not miss one."""
    item = table.get(keys.shards())
    return max(keys.DUE_SHARDS, item["count"] if item else 0)


def grow(to: int) -> Write:
    """Refused where there are as many already. Raises ValueError for a number that is none of shards."""
    if not keys.DUE_SHARDS < to <= MOST:
        raise ValueError(f"from {keys.DUE_SHARDS + 1} to {MOST}")
    return update(
        GROWS, keys.shards(), "SET #count = :count", "attribute_not_exists(#count) OR #count < :count", count=to
    )
