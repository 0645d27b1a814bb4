"""What one of the staff does where a payout did not go as it should: each ends a problem, and says why."""

from __future__ import annotations

from refledger.domain.errors import NotPayable
from refledger.domain.withdrawals import CAN_BE_SETTLED_ELSEWHERE, Withdrawal
from refledger.operations.context import Context
from refledger.operations.payouts import decisions
from refledger.operations.payouts.transitions import by_person


def retry(context: Context, withdrawal_id: str, actor: str, request: str, note: str) -> Withdrawal:
    """Try a payout again that was for certain not made: PAYING → APPROVED.

    Its next start has a new provider key.

    Idempotent by the request. Raises NotPayable unless the problem is DECLINED: only then is another key no second
    payout. OwnWithdrawal, PartnerSuspended, SecondPersonNeeded, WithdrawalNotFound, Busy.
    """
    return decisions.retry(context, withdrawal_id, actor, request, note)


def mark_returned(
    context: Context, withdrawal_id: str, actor: str, request: str, note: str, transaction_id: str = ""
) -> Withdrawal:
    """The whole payout came back: PAID → RETURNED, and the money is available again.

    See `decisions.mark_returned`.
    """
    return decisions.mark_returned(context, withdrawal_id, actor, request, note, transaction_id)


def resolve(context: Context, withdrawal_id: str, actor: str, request: str, note: str) -> Withdrawal:
    """The problem is none any more, and the status is right as it is. No money moves.

    Idempotent by the request. Raises NotPayable where there is no such problem, OwnWithdrawal, WithdrawalNotFound,
    Busy.
    """

    def check(withdrawal: Withdrawal) -> None:
        if withdrawal.problem not in CAN_BE_SETTLED_ELSEWHERE:
            raise NotPayable("there is no problem that a note could end")

    return by_person(context, withdrawal_id, None, actor, request, note, check)
