"""What the approval workflow does with a withdrawal. The item is the truth: every task here may be repeated.

A decision is first written to the item and only then sent to the task that waits; a task first keeps its token and then
looks at the item. Whichever comes second sees the other, so no decision is ever missed.
"""

from __future__ import annotations

import logging
from typing import TypedDict

from botocore.exceptions import BotoCoreError, ClientError

from refledger.adapters.stepfunctions import Waker
from refledger.domain.errors import AlreadyDecided, Conflict
from refledger.domain.partners import PartnerStatus
from refledger.domain.times import SECOND_MS
from refledger.domain.withdrawals import Withdrawal, WithdrawalStatus
from refledger.operations.context import Context
from refledger.operations.withdrawals import step
from refledger.store import partners, programs, withdrawals

S = WithdrawalStatus
log = logging.getLogger(__name__)
SYSTEM = "system"
APPROVAL, SETTLEMENT = "APPROVAL", "SETTLEMENT"
# What each status decides. REQUESTED and PAYING decide nothing: a repeated request may find the withdrawal in them.
DECIDES = {
    S.APPROVED: APPROVAL, S.REJECTED: APPROVAL, S.CANCELLED: APPROVAL, S.EXPIRED: APPROVAL,
    S.PAID: SETTLEMENT, S.FAILED: SETTLEMENT,
}  # fmt: skip
SETTLEMENT_SECONDS = 30 * 86_400  # then the workflow asks the item again; the money is never released by time


class TaskResult(TypedDict):
    withdrawalId: str
    status: str


class Assessment(TaskResult):
    autoApprove: bool
    approvalSeconds: int
    settlementSeconds: int


def result(withdrawal: Withdrawal) -> TaskResult:
    return {"withdrawalId": withdrawal.id, "status": withdrawal.status.value}


def assess(context: Context, withdrawal_id: str) -> Assessment:
    """Where the withdrawal stands, whether it needs a person, and how long it may wait."""
    withdrawal = withdrawals.find(context.table, withdrawal_id)
    left_ms = withdrawal.expires_at_ms - context.now_ms()
    return {
        **result(withdrawal),
        "autoApprove": withdrawal.status is S.REQUESTED and _needs_no_person(context, withdrawal),
        "approvalSeconds": max(1, -(-left_ms // SECOND_MS)),
        "settlementSeconds": SETTLEMENT_SECONDS,
    }


def wait(context: Context, waker: Waker, withdrawal_id: str, kind: str, token: str) -> TaskResult:
    """Keep the token of a task that waits for a person; go on at once where there is nothing to wait for any more."""
    kept = withdrawals.keep_token(withdrawal_id, kind, token, context.now_ms())
    context.repeat(lambda: context.table.commit(kept))
    withdrawal = withdrawals.find(context.table, withdrawal_id)
    waits_in = S.REQUESTED if kind == APPROVAL else S.PAYING
    if withdrawal.status is not waits_in:
        waker.wake(token, withdrawal)
    return result(withdrawal)


def auto_approve(context: Context, withdrawal_id: str) -> TaskResult:
    """Approve by the program's own rule, which is asked again here."""
    if not _needs_no_person(context, withdrawals.find(context.table, withdrawal_id)):
        raise Conflict("the program wants a person to decide")
    return _unless_decided(context, withdrawal_id, S.APPROVED, "within the program's automatic limit")


def _needs_no_person(context: Context, withdrawal: Withdrawal) -> bool:
    """Within the program's limit, and of a partner against whom nothing was done since the request."""
    program = programs.find(context.table, withdrawal.program_id)
    if not program.approves_alone(withdrawal.amount, withdrawal.currency):
        return False
    return partners.find(context.table, withdrawal.partner_id).status is PartnerStatus.ACTIVE


def start_payout(context: Context, withdrawal_id: str) -> TaskResult:
    """APPROVED to PAYING. A bank transfer is made by a person, so nothing is sent from here."""
    return _unless_decided(context, withdrawal_id, S.PAYING, "")


def settle(context: Context, withdrawal_id: str) -> TaskResult:
    """The status and the settlement were booked together by whoever confirmed the transfer: look, and say so."""
    return result(withdrawals.find(context.table, withdrawal_id))


def release(context: Context, withdrawal_id: str, status: WithdrawalStatus) -> TaskResult:
    """Return the money, unless a decision was faster: then that one stands."""
    return _unless_decided(context, withdrawal_id, status, "")


def _unless_decided(context: Context, withdrawal_id: str, status: WithdrawalStatus, note: str) -> TaskResult:
    try:
        return result(step(context, withdrawal_id, status, SYSTEM, request=f"workflow-{status}", note=note))
    except AlreadyDecided:
        return result(withdrawals.find(context.table, withdrawal_id))


def wake(context: Context, waker: Waker, withdrawal: Withdrawal) -> bool:
    """Tell the workflow what was decided. False where nobody waits: the sweeper sets it going again if need be."""
    kind = DECIDES.get(withdrawal.status)
    token = withdrawals.token(context.table, withdrawal.id, kind) if kind else None
    return waker.wake(token, withdrawal) if token else False


def tell(context: Context, waker: Waker, withdrawal: Withdrawal) -> None:
    """`wake`, for callers who are done either way: the decision is written, so the sweeper would pass it on too."""
    try:
        wake(context, waker, withdrawal)
    except (ClientError, BotoCoreError) as error:
        log.warning("workflow not told of %s: %s", withdrawal.id, type(error).__name__)
