"""How the workflow hears what became of a withdrawal. The item is the truth, the workflow only waits for it.

A decision is first written to the item and only then sent to the task that waits; a task first keeps its token and then
looks at the item. Whichever comes second sees the other, so no decision is ever missed.
"""

from __future__ import annotations

import logging
from typing import TypedDict

from botocore.exceptions import BotoCoreError, ClientError

from refledger.adapters.stepfunctions import Waker
from refledger.domain.withdrawals import Withdrawal, WithdrawalStatus
from refledger.operations.context import Context, commit
from refledger.store import withdrawals
from refledger.store.transaction import RetryableConflict

log = logging.getLogger(__name__)
APPROVAL, SETTLEMENT = "APPROVAL", "SETTLEMENT"
HELD = "HELD"  # a status for the workflow alone: nothing waits for anybody's word, and nothing is paid now
# What each status decides. REQUESTED and PAYING decide nothing: a repeated request may find the withdrawal in them.
DECIDES = {
    WithdrawalStatus.APPROVED: APPROVAL, WithdrawalStatus.REJECTED: APPROVAL, WithdrawalStatus.CANCELLED: APPROVAL,
    WithdrawalStatus.EXPIRED: APPROVAL,
    WithdrawalStatus.PAID: SETTLEMENT, WithdrawalStatus.FAILED: SETTLEMENT, WithdrawalStatus.RETURNED: SETTLEMENT,
}  # fmt: skip


class TaskResult(TypedDict):
    withdrawalId: str
    status: str


class Assessment(TaskResult):
    autoApprove: bool
    approvalSeconds: int
    settlementSeconds: int


def result(withdrawal: Withdrawal) -> TaskResult:
    return {"withdrawalId": withdrawal.id, "status": withdrawal.status.value}


def keep(context: Context, withdrawal_id: str, kind: str, token: str) -> None:
    """Keep the token of a task that may have to wait, before anything is looked at."""
    kept = withdrawals.keep_token(withdrawal_id, kind, token, context.now_ms())
    commit(context, kept)


def wait(context: Context, waker: Waker, withdrawal_id: str, kind: str, token: str) -> TaskResult:
    """Keep the token of a task that waits for a person.

    Go on at once where there is nothing to wait for any more.
    """
    keep(context, withdrawal_id, kind, token)
    withdrawal = withdrawals.find(context.table, withdrawal_id)
    waits_in = WithdrawalStatus.REQUESTED if kind == APPROVAL else WithdrawalStatus.PAYING
    if withdrawal.status is not waits_in:
        waker.wake(token, withdrawal)
    return result(withdrawal)


def wake(context: Context, waker: Waker, withdrawal: Withdrawal) -> bool:
    """Tell the workflow what was decided.

    False where nobody waits: the sweeper sets it going again if need be.

    Behind a payout it may wait for either word, and is told where it waits: the next state looks at the item anyway.
    """
    kind = DECIDES.get(withdrawal.status)
    # to be tried again: what waits is the settlement
    if withdrawal.status is WithdrawalStatus.APPROVED and withdrawal.payout:
        kind = SETTLEMENT
    token = withdrawals.token(context.table, withdrawal.id, kind) if kind else None
    if not token or waker.wake(token, withdrawal):
        return bool(token)
    other = APPROVAL if kind is SETTLEMENT else SETTLEMENT
    token = withdrawals.token(context.table, withdrawal.id, other) if withdrawal.payout else None
    return waker.wake(token, withdrawal) if token else False


def tell(context: Context, waker: Waker, withdrawal: Withdrawal) -> None:
    """Wake the workflow, for callers who are done either way.

    The decision is written, so the sweeper would pass it on too.
    """
    try:
        wake(context, waker, withdrawal)
    except (ClientError, BotoCoreError, RetryableConflict) as error:
        log.warning("workflow not told of %s: %s", withdrawal.id, type(error).__name__)
