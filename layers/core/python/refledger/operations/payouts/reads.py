"""Withdrawals, payout methods and batches as they are found and listed; positions are text, "" the beginning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from refledger.domain.batches import Batch, Download
from refledger.domain.methods import PayoutMethod
from refledger.domain.withdrawals import Withdrawal, WithdrawalStatus
from refledger.operations.context import Context
from refledger.store import batches, keys, methods, withdrawals

Rows = Iterator[tuple[str, str]]  # (position, id), newest first


def find(context: Context, withdrawal_id: str) -> Withdrawal:
    """Find a withdrawal with what people wrote about it. Raises WithdrawalNotFound."""
    return withdrawals.find(context.table, withdrawal_id)


def many(context: Context, ids: list[str], *, strong: bool = False) -> list[Withdrawal]:
    """Read those withdrawals of these ids that there are."""
    return withdrawals.many(context.table, ids, strong=strong)


def statuses(context: Context, ids: Iterable[str]) -> dict[str, WithdrawalStatus]:
    """Say how withdrawals stand, by id; "" and what is no withdrawal are left out."""
    return withdrawals.statuses(context.table, ids)


def of_partner(context: Context, partner_id: str, before: str, limit: int) -> Rows:
    """List a partner's withdrawals."""
    return withdrawals.of_partner(context.table, partner_id, before, limit)


def listed(
    context: Context, before: str, limit: int, from_ms: int | None, until_ms: int | None, *,
    partner_id: str | None, status: WithdrawalStatus | None, problem: bool,
) -> Rows:  # fmt: skip
    """List withdrawals by the shortest list that has all that are asked for.

    It may have others: the page looks at each.
    """
    table, bounds = context.table, keys.positions(from_ms, until_ms)
    if partner_id:
        return withdrawals.of_partner(table, partner_id, before, limit, *bounds)
    if status:
        return withdrawals.with_status(table, status, before, limit, *bounds)
    if problem:
        return withdrawals.with_problem(table, before, limit, *bounds)
    return withdrawals.newest(table, before, limit, *bounds)


def methods_of(context: Context, partner_id: str) -> list[PayoutMethod]:
    """List a partner's payout methods, also those that are out of use."""
    return methods.of_partner(context.table, partner_id)


def batch(context: Context, batch_id: str) -> tuple[Batch, list[Withdrawal], list[Download]]:
    """Find a batch of bank transfers with its withdrawals and who was given its file.

    Raises BatchNotFound.
    """
    found = batches.find(context.table, batch_id)
    lines = withdrawals.many(context.table, [line.withdrawal_id for line in found.lines])
    return found, lines, batches.downloads(context.table, found.id)


def batches_listed(context: Context, before: str, limit: int) -> Rows:
    """List batches of bank transfers."""
    return batches.newest(context.table, before, limit)


def many_batches(context: Context, ids: list[str]) -> list[Batch]:
    """Read those batches of these ids that there are, a little behind."""
    return batches.many(context.table, ids)
