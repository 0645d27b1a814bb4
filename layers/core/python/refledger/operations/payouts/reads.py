"""Withdrawals and payout methods as they are found and listed; positions are text, "" the beginning."""

from __future__ import annotations

from collections.abc import Iterator

from refledger.domain.withdrawals import Withdrawal, WithdrawalStatus
from refledger.operations.context import Context, of_table
from refledger.store import keys, methods, withdrawals

Rows = Iterator[tuple[str, str]]  # (position, id), newest first


find = of_table(withdrawals.find)
statuses = of_table(withdrawals.statuses)
of_partner = of_table(withdrawals.of_partner)
methods_of = of_table(methods.of_partner)


def many(context: Context, ids: list[str], *, strong: bool = False) -> list[Withdrawal]:
    """Read those withdrawals of these ids that there are."""
    return withdrawals.many(context.table, ids, strong=strong)


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
