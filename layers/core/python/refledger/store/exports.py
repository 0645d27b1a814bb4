"""What exports walk along: lists as the table's index has them, from a position on, to the end."""

from __future__ import annotations

from collections.abc import Iterator

from refledger.store import keys, merge
from refledger.store.table import Table
from refledger.store.transaction import Item

PAGE = 100


def newest(table: Table, partition: str, before: str, low: str, high: str) -> Iterator[tuple[str, Item]]:
    """Yield (position, keys) of a list, newest first, from below the position `before` ("" for the end).

    `low`, `high`: bounds of the positions, see `keys.positions`.
    """
    below = min(before or keys.HIGHEST, high)
    for item in table.query(partition, low, below, index="listed", page_size=PAGE, newest_first=True):
        if item["listed_at"] != before:
            yield item["listed_at"], item


def partners(table: Table, before: str) -> Iterator[tuple[str, str]]:
    """Yield (position, id) of all partners, newest first."""
    for position, item in newest(table, keys.all_partners(), before, *keys.positions(None, None)):
        yield position, keys.owner_of(item)


def payments(
    table: Table, program_id: str, shards: int, before: str, low: str, high: str
) -> Iterator[tuple[str, str, list[str]]]:
    """Yield (position, payment id, ids of its rewards) of a program's payments, newest first."""
    below, partitions = min(before or keys.HIGHEST, high), keys.payment_shards(program_id, shards)
    for item in merge.newest_first(table, partitions, low, below, len(partitions) * PAGE // 2):
        if item["listed_at"] != before:
            yield item["listed_at"], keys.owner_of(item), [id for id, _ in item["rewards"]]


def withdrawals(table: Table, partner_id: str, before: str, low: str, high: str) -> Iterator[tuple[str, str]]:
    """Yield (position, id) of a partner's withdrawals, newest first."""
    for position, item in newest(table, keys.withdrawals_of_partner(partner_id), before, low, high):
        yield position, keys.owner_of(item)


def referrals(table: Table, program_id: str, before: str, low: str, high: str) -> Iterator[tuple[str, str]]:
    """Yield (position, id) of a program's referrals, newest first."""
    for position, item in newest(table, keys.referrals_of_program(program_id), before, low, high):
        yield position, keys.owner_of(item) + item["sk"]


def referrals_of_partner(table: Table, partner_id: str, before: str) -> Iterator[tuple[str, str]]:
    """Yield the same of those of a partner."""
    partition, high = keys.referrals(partner_id), before or keys.HIGHEST
    for item in table.query(partition, high=high, page_size=PAGE, newest_first=True, strong=False):
        if item["sk"] != before:
            yield item["sk"], keys.owner_of(item) + item["sk"]
