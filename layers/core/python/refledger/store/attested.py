"""What the table has of what a manifest says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from refledger.domain.manifest import ManifestRow
from refledger.store import keys
from refledger.store.table import BATCH_LIMIT, Table

ROWS_LIMIT = BATCH_LIMIT // 3  # of one call: an entry, a balance and a partner for each


@dataclass(frozen=True)
class AttestedRow:
    """`hash`: of the entry with the row's version, `version`: of the balance; None where it is not there.
    `is_listed`: whether the partner is found by whoever walks through all of them.
    """

    hash: str | None
    version: int | None
    is_listed: bool


def look_up(table: Table, rows: Sequence[ManifestRow]) -> list[AttestedRow]:
    """In the order of the rows, of which there may be `ROWS_LIMIT`."""
    wanted = [
        (
            keys.entry(row.partner_id, row.currency, row.at_ms, row.version),
            keys.balance(row.partner_id, row.currency),
            keys.partner(row.partner_id),
        )
        for row in rows
    ]
    asked = list({(key["pk"], key["sk"]): key for each in wanted for key in each}.values())
    items = {(item["pk"], item["sk"]): item for item in table.get_many(asked) if item}
    found = []
    for each in wanted:
        entry, balance, partner = (items.get((key["pk"], key["sk"]), {}) for key in each)
        found.append(
            AttestedRow(entry.get("hash"), balance.get("ver"), partner.get("listed_in") == keys.all_partners())
        )
    return found
