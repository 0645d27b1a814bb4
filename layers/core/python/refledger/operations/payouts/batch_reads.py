"""Batches of bank transfers as they are found and listed; positions are text, "" the beginning."""

from __future__ import annotations

from refledger.domain.batches import Batch, Download
from refledger.domain.withdrawals import Withdrawal
from refledger.operations.context import Context, of_table
from refledger.store import batches, withdrawals

newest = of_table(batches.newest)
many = of_table(batches.many)


def find(context: Context, batch_id: str) -> tuple[Batch, list[Withdrawal], list[Download]]:
    """Find a batch of bank transfers with its withdrawals and who was given its file.

    Raises BatchNotFound.
    """
    found = batches.find(context.table, batch_id)
    lines = withdrawals.many(context.table, [line.withdrawal_id for line in found.lines])
    return found, lines, batches.downloads(context.table, found.id)
