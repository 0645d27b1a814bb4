"""What the approval workflow does with a withdrawal. Every task may be repeated, and finds what is left to do."""

from __future__ import annotations

from refledger.adapters.stepfunctions import Waker
from refledger.domain.errors import AlreadyDecided, Conflict
from refledger.domain.times import SECOND_MS
from refledger.domain.withdrawals import SYSTEM, Withdrawal, WithdrawalStatus, check_waiting
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.payouts import risks
from refledger.operations.payouts.settlement import cover_all
from refledger.operations.payouts.transitions import book, step
from refledger.operations.payouts.workflow_callbacks import APPROVAL, HELD, Assessment, TaskResult, keep, result
from refledger.store import withdrawals

SETTLEMENT_SECONDS = 30 * 86_400  # then the workflow asks the item again; the money is never released by time


def decide(context: Context, waker: Waker, withdrawal_id: str, token: str) -> TaskResult:
    """Approve what the program's own rule lets go, or give back, or wait for people.

    Given back is what nobody decided about in time.

    The token is kept first: whoever decides from then on finds it, and who was faster is found on the item. Goes on at
    once where there is nothing to wait for any more. Raises WithdrawalNotFound, Busy.
    """
    keep(context, withdrawal_id, APPROVAL, token)
    withdrawal = end_in_time(context, _by_rule(context, withdrawal_id))
    if withdrawal.status is not WithdrawalStatus.REQUESTED:
        waker.wake(token, withdrawal)
    return result(withdrawal)


def end_in_time(context: Context, withdrawal: Withdrawal) -> Withdrawal:
    """Return the withdrawal, EXPIRED and its money returned where nobody decided in the program's time.

    A decision that was faster stands, and so does a new time that it was given. Idempotent.
    """
    now_ms = context.now_ms()

    def check(asked: Withdrawal) -> None:
        check_waiting(asked)
        if now_ms < asked.expires_at_ms:
            raise AlreadyDecided("it may still wait")

    try:
        check(withdrawal)
        return step(
            context,
            withdrawal.id,
            WithdrawalStatus.EXPIRED,
            SYSTEM,
            request=f"workflow-{WithdrawalStatus.EXPIRED}",
            check=check,
        )
    except AlreadyDecided:
        return (
            withdrawal
            if withdrawal.status is not WithdrawalStatus.REQUESTED
            else withdrawals.find(context.table, withdrawal.id)
        )


def assess(context: Context, withdrawal_id: str) -> Assessment:
    """Return where the withdrawal stands, whether it needs a person and why, and how long it may wait."""
    assessed = risks.assess(context, withdrawal_id)
    return _assessment(context, assessed.withdrawal, auto_approve=assessed.needs_no_person)


def admit(context: Context, withdrawal_id: str) -> Assessment:
    """Assess a withdrawal, and approve at once what the program's own rule lets go.

    The answer says where it stands then.
    """
    return _assessment(context, _by_rule(context, withdrawal_id), auto_approve=False)


def _assessment(context: Context, withdrawal: Withdrawal, *, auto_approve: bool) -> Assessment:
    left_ms = withdrawal.expires_at_ms - context.now_ms()
    return {
        **result(withdrawal),
        "autoApprove": auto_approve,
        "approvalSeconds": max(1, -(-left_ms // SECOND_MS)),
        "settlementSeconds": SETTLEMENT_SECONDS,
    }


def auto_approve(context: Context, withdrawal_id: str) -> TaskResult:
    """Approve by the program's own rule: all of it is asked again here.

    Raises Conflict where a person must decide.
    """
    withdrawal = _by_rule(context, withdrawal_id)
    if withdrawal.status is WithdrawalStatus.REQUESTED:
        raise Conflict("the program wants a person to decide")
    return result(withdrawal)


@retry_on_conflict
def _by_rule(context: Context, withdrawal_id: str) -> Withdrawal:
    """The withdrawal, approved if it waited and the program's rule lets it go. Raises RetryableConflict."""
    assessed = risks.assess(context, withdrawal_id)
    asked, seen = assessed.withdrawal, assessed.by_rule
    if asked.status is not WithdrawalStatus.REQUESTED or seen is None:
        return asked
    why = "within the program's automatic limit"
    return book(
        context,
        asked,
        WithdrawalStatus.APPROVED,
        SYSTEM,
        f"workflow-{WithdrawalStatus.APPROVED}",
        why,
        also=seen.guards(),
    )


def settle(context: Context, withdrawal_id: str) -> TaskResult:
    """Mark the rewards that the payout covered.

    Status and money were booked together by whoever heard of it.
    """
    return result(_settled(context, withdrawal_id))


def finish(context: Context, waker: Waker, withdrawal_id: str, heard: str, token: str) -> TaskResult:
    """`settle`, and end the execution; or send it back to its beginning while the withdrawal is open.

    `heard`: what the payout ended with. HELD ends it, although the withdrawal is open: the sweeper begins anew.
    """
    withdrawal = _settled(context, withdrawal_id)
    if withdrawal.is_open and heard != HELD:
        waker.send_back(token)
    else:
        waker.wake(token, withdrawal)
    return result(withdrawal)


def _settled(context: Context, withdrawal_id: str) -> Withdrawal:
    withdrawal = withdrawals.find(context.table, withdrawal_id)
    if withdrawal.status is WithdrawalStatus.PAID:
        cover_all(context, withdrawal.partner_id, withdrawal.currency, withdrawal.id)
    return withdrawal


def release(context: Context, withdrawal_id: str, status: WithdrawalStatus) -> TaskResult:
    """Return the money of a request whose time is over, unless a decision was faster: then that stands.

    Every other end was booked with its money by whoever decided. Above all a payout is never released from here: only
    who knows that it was not made may do that.
    """
    if status is WithdrawalStatus.EXPIRED:
        return _unless_decided(context, withdrawal_id, status, "")
    return result(withdrawals.find(context.table, withdrawal_id))


def _unless_decided(context: Context, withdrawal_id: str, status: WithdrawalStatus, note: str) -> TaskResult:
    """A step that only a request can take."""
    request = f"workflow-{status}"
    try:
        return result(step(context, withdrawal_id, status, SYSTEM, request=request, note=note, check=check_waiting))
    except AlreadyDecided:
        return result(withdrawals.find(context.table, withdrawal_id))
