"""Search rows: one item for each text by which a partner is found, in the partition of their home program.

They follow the partner by way of the table's stream. A reader looks at the partner as well, so that a row that is late,
or was left behind, finds nobody who is not called so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from refledger.domain.partners import Partner
from refledger.domain.search import terms
from refledger.store import keys
from refledger.store.table import Table
from refledger.store.transaction import Write, delete, put


def follow(old: Partner | None, new: Partner | None) -> list[Write]:
    """Return what makes the rows those of `new` after they were those of `old`; up to 8."""
    return settle(old, new, new)


def settle(old: Partner | None, new: Partner | None, now: Partner | None) -> list[Write]:
    """Return what makes the rows those of the partner as they are `now`.

    Once they were changed from `old` to `new`: whichever change this is, and whichever of them were followed before. Up
    to 12.
    """
    before, after, right = _rows(old), _rows(new), _rows(now)
    gone = [delete("the row may be gone", keys.search_row(*row), "") for row in sorted((before | after) - right)]
    return gone + [put("the row may be there", {**keys.search_row(*row)}, "") for row in sorted(right - before)]


def _rows(partner: Partner | None) -> set[tuple[str, str, str]]:
    return {(partner.program_id, term, partner.id) for term in terms(partner)} if partner else set()


def missing(table: Table, rows: Sequence[Write]) -> list[Write]:
    """Return those of the rows that are not there, a little behind."""
    wanted = [{"pk": row.target["pk"], "sk": row.target["sk"]} for row in rows]
    there = table.get_many(wanted, strong=False) if wanted else []
    return [row for row, item in zip(rows, there, strict=True) if item is None]


def beginning_with(
    table: Table, program_id: str, start: str, after: str, page_size: int
) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield (position, (term, partner id)) of rows that begin with the folded `start`, above `after`.

    They are a program's, in the order of their terms.
    """
    partition, low, high = keys.search_rows(program_id, start)
    for item in table.query(partition, after or low, high, page_size=page_size, strong=False):
        if item["sk"] != after:
            yield item["sk"], keys.found_in(item)
