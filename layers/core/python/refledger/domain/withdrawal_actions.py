"""What one of the staff can do about a withdrawal as it stands, so that a screen need not guess.

It looks at what the acts themselves look at first: who they are to it, its state, and what stands against paying it.
What a person's day has seen (domain/duties) is looked at when they act.
"""

from __future__ import annotations

from enum import StrEnum

from refledger.domain.errors import Conflict
from refledger.domain.payout_gate import Blockers, stops
from refledger.domain.withdrawals import (
    CAN_BE_SETTLED_ELSEWHERE,
    PayoutProblem,
    Withdrawal,
    WithdrawalStatus,
    check_can_be_paid,
    movement,
)


class WithdrawalAction(StrEnum):
    """What can be done, each by the route of its name."""

    APPROVE = "APPROVE"  # it may be paid
    REJECT = "REJECT"  # it may not: the money is available again
    MARK_PAID = "MARK_PAID"  # the transfer was made
    MARK_FAILED = "MARK_FAILED"  # the transfer was not made: the money is available again
    RETRY = "RETRY"  # the provider declined, and is asked again
    MARK_RETURNED = "MARK_RETURNED"  # the money came back
    RESOLVE = "RESOLVE"  # the problem was put right elsewhere


def open_to(actor: str, withdrawal: Withdrawal, blockers: Blockers, partner_user: str) -> tuple[WithdrawalAction, ...]:
    """Return what `actor` can do now. Actor and partner's user: keyed hashes."""
    if actor in (withdrawal.requester, partner_user):  # as `check_decider` has it; nothing is decided here
        return ()
    return tuple(action for action in WithdrawalAction if _is_open(action, withdrawal, blockers))


def _is_open(action: WithdrawalAction, withdrawal: Withdrawal, blockers: Blockers) -> bool:
    status, is_stopped = withdrawal.status, stops(blockers)
    match action:
        case WithdrawalAction.APPROVE:
            is_late = status in (WithdrawalStatus.APPROVED, WithdrawalStatus.PAYING) and bool(blockers)
            return (status is WithdrawalStatus.REQUESTED or is_late) and not is_stopped
        case WithdrawalAction.REJECT:
            return _can_become(withdrawal, WithdrawalStatus.REJECTED)
        case WithdrawalAction.MARK_PAID:
            return _can_be_paid(withdrawal) and (not is_stopped or bool(withdrawal.batch_id))
        case WithdrawalAction.MARK_FAILED:
            return _can_become(withdrawal, WithdrawalStatus.FAILED)
        case WithdrawalAction.RETRY:
            return withdrawal.problem is PayoutProblem.DECLINED and not is_stopped
        case WithdrawalAction.MARK_RETURNED:
            return _can_become(withdrawal, WithdrawalStatus.RETURNED)
        case WithdrawalAction.RESOLVE:
            return withdrawal.problem in CAN_BE_SETTLED_ELSEWHERE


def _can_become(withdrawal: Withdrawal, status: WithdrawalStatus) -> bool:
    try:
        movement(withdrawal.status, status)
    except Conflict:
        return False
    return True


def _can_be_paid(withdrawal: Withdrawal) -> bool:
    try:
        check_can_be_paid(withdrawal)
    except Conflict:
        return False
    return True
