"""Batches of bank transfers as items, and who was given their files."""

from __future__ import annotations

from collections.abc import Iterator

from refledger.domain.batches import Batch, Download, TransferLine
from refledger.domain.errors import BatchNotFound
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.store import keys
from refledger.store.table import Table
from refledger.store.transaction import Item, Write, put, update

IS_NEW = "the batch is new"
DOWNLOADS_SHOWN = 100


def create(batch: Batch) -> list[Write]:
    """The batch, and its name on each of its withdrawals, none of which may have one or have moved on."""
    return [put(IS_NEW, _to_item(batch)), *(_claim(line, batch.id) for line in batch.lines)]


def _claim(line: TransferLine, batch_id: str) -> Write:
    return update(
        f"withdrawal {line.withdrawal_id} waits to be exported", keys.withdrawal(line.withdrawal_id),
        "SET #batch = :batch", "#status = :paying AND #batch = :none AND #problem = :none",
        batch=batch_id, paying=WithdrawalStatus.PAYING.value, none="",
    )  # fmt: skip


def unclaim(withdrawal_id: str, batch_id: str) -> Write:
    """The withdrawal waits to be exported again: no file had it yet."""
    return update(
        "the withdrawal waits in the batch", keys.withdrawal(withdrawal_id), "SET #batch = :none",
        "#status = :paying AND #batch = :batch", batch=batch_id, paying=WithdrawalStatus.PAYING.value, none="",
    )  # fmt: skip


def downloaded(batch_id: str, download: Download, request: str) -> Write:
    """Note who is about to be given the file.

    `request` tells two of the same millisecond apart.
    """
    item = {**keys.batch_download(batch_id, download.at_ms, request), "by": download.by, "at": download.at_ms}
    return put("the download is written down", item, condition="")


def find(table: Table, batch_id: str) -> Batch:
    """Find it by its id.

    Raises BatchNotFound.
    """
    batch = find_or_none(table, batch_id)
    if batch is None:
        raise BatchNotFound("there is no such batch")
    return batch


def find_or_none(table: Table, batch_id: str) -> Batch | None:
    item = table.get(keys.batch(batch_id))
    return from_item(item) if item else None


def downloads(table: Table, batch_id: str) -> list[Download]:
    """Return the newest hundred, newest first."""
    found: list[Download] = []
    partition, low, high = keys.batch_downloads(batch_id)
    for item in table.query(partition, low, high, page_size=DOWNLOADS_SHOWN, newest_first=True):
        found.append(Download(item["by"], item["at"]))
        if len(found) == DOWNLOADS_SHOWN:
            break
    return found


def newest(table: Table, before: str, page_size: int) -> Iterator[tuple[str, str]]:
    """Yield (position, id), newest first, from just below the position `before`."""
    high = before or keys.HIGHEST
    found = table.query(keys.all_batches(), high=high, index="listed", page_size=page_size, newest_first=True)
    for item in found:
        if item["listed_at"] != before:
            yield item["listed_at"], keys.owner_of(item)


def many(table: Table, ids: list[str]) -> list[Batch]:
    found = table.get_many([keys.batch(id) for id in ids], strong=False)
    return [from_item(item) for item in found if item]


def from_item(item: Item) -> Batch:
    return Batch(
        id=keys.owner_of(item),
        created_at_ms=item["created"],
        created_by=item["by"],
        body=item["body"],
        lines=tuple(TransferLine(*line) for line in item["lines"]),
    )


def _to_item(batch: Batch) -> Item:
    lines = [
        [each.withdrawal_id, each.partner_id, each.method_id, each.method_version, each.amount, each.currency]
        for each in batch.lines
    ]
    return {
        **keys.batch(batch.id), "created": batch.created_at_ms, "by": batch.created_by, "body": batch.body,
        "lines": lines, **keys.listed(keys.all_batches(), batch.created_at_ms, batch.id),
    }  # fmt: skip
