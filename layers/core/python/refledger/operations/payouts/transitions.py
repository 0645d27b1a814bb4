"""One step of a withdrawal, by whoever takes it: its status, its money and what was written move in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from refledger.domain.journal import Balance, post
from refledger.domain.partners import Partner
from refledger.domain.withdrawals import (
    PayoutProblem,
    Withdrawal,
    WithdrawalStatus,
    WithdrawalStep,
    check_decider,
    movement,
)
from refledger.operations.context import Context, retry_on_conflict
from refledger.store import keys, ledger, partners, withdrawals
from refledger.store.transaction import Item, Write

Check = Callable[[Withdrawal], None]


def book(
    context: Context,
    old: Withdrawal,
    status: WithdrawalStatus | None,
    by: str,
    request: str,
    note: str = "",
    *,
    problem: PayoutProblem | None = None,
    balance: Item | Balance | None = None,
    also: Sequence[Write] = (),
    **changes: Any,
) -> Withdrawal:
    """Commit one step from the withdrawal as it was read.

    `balance`: of its currency, where it was read already.

    `also`: what goes into the same transaction.

    `status`: None for the one that it has: a word about it. A problem ends with the step that answers it.
    Raises AlreadyDecided, and RetryableConflict where somebody was faster.
    """
    kind = movement(old.status, status) if status else None
    now_ms, become = context.now_ms(), status or old.status
    step = WithdrawalStep(become, by, now_ms, note, request)
    new = replace(old, status=become, steps=(*old.steps, step), problem=problem, **changes)
    writes = withdrawals.change(old, new)
    if kind:
        before = balance if isinstance(balance, Balance) else _balance(context, old, balance)
        after, entry = post(before, kind, old.amount, old.id, now_ms)
        writes += ledger.post(before, after, entry)
    context.table.commit(*writes, *also)
    return new


def _balance(context: Context, old: Withdrawal, item: Item | None) -> Balance:
    item = item or context.table.get(keys.balance(old.partner_id, old.currency))
    return ledger.balance_from(item, old.partner_id, old.currency)


def is_repeat(withdrawal: Withdrawal, by: str, request: str) -> bool:
    """Return whether this request of theirs has done its part already."""
    return bool(request) and any((done.by, done.request) == (by, request) for done in _done(withdrawal))


def _done(withdrawal: Withdrawal) -> list[WithdrawalStep]:
    approvals = [WithdrawalStep(withdrawal.status, a.by, a.at_ms, a.note, a.request) for a in withdrawal.approvals]
    return [*withdrawal.steps, *approvals]


@retry_on_conflict
def step(
    context: Context,
    withdrawal_id: str,
    status: WithdrawalStatus,
    by: str,
    *,
    request: str = "",
    note: str = "",
    check: Check = lambda _: None,
) -> Withdrawal:
    """Return one change of status by the partner or the workflow, with the money that goes with it.

    Idempotent by `request`: the same actor's same request finds its own step and changes nothing.
    Raises WithdrawalNotFound, AlreadyDecided, Busy, and what `check` raises.
    """
    old = withdrawals.find(context.table, withdrawal_id)
    if is_repeat(old, by, request):
        return old
    check(old)
    return book(context, old, status, by, request, note)


@retry_on_conflict
def by_person(
    context: Context,
    /,
    withdrawal_id: str,
    status: WithdrawalStatus | None,
    actor: str,
    request: str,
    note: str,
    check: Check,
    **changes: Any,
) -> Withdrawal:
    """`step` by one of the staff, who must not be who gets the money.

    The partner is read with the balance.

    `status`: None for the one that it has: a word about its problem.

    Raises OwnWithdrawal, and what `step` raises.
    """
    old = withdrawals.find(context.table, withdrawal_id)
    if is_repeat(old, actor, request):
        return old
    partner, balance = context.table.get_many(
        [keys.partner(old.partner_id), keys.balance(old.partner_id, old.currency)]
    )
    check_decider(old, actor, user_of(partner))
    check(old)
    return book(context, old, status, actor, request, note, balance=balance, **changes)


def user_of(item: Item | None) -> str:
    """Return the user behind a partner, "" for one who never signs in."""
    partner: Partner | None = partners.from_item(item) if item else None
    return partner.customer if partner else ""
