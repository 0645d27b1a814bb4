"""What the world outside knows of withdrawals, and the table that was put back does not: whose money may have left.

A payout that was made after the moment that the table was put back to must never be made again. What tells of it is
the table before, where it can still be read, or the workflow's executions, which are kept outside the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from refledger.domain.withdrawals import MethodUsed, PayoutProblem, Withdrawal, WithdrawalStatus

# States of the workflow in which money may leave, or has left; the first two are those of an earlier definition
BEGUN = ("StartPayout", "AwaitSettlement", "PayOut", "Settle")
GIVEN_BACK = (WithdrawalStatus.REJECTED, WithdrawalStatus.CANCELLED, WithdrawalStatus.EXPIRED, WithdrawalStatus.FAILED)


@dataclass(frozen=True)
class Trace:
    """One withdrawal as it was last known outside the table that was put back. `amount` in minor units.

    `partner_id`: "" where only the id is known. `has_left`: whether its money has left, or may have. `batch_id`: the
    bank's file that it is in; None where nobody can say. `payout`: how often one was begun, 0 where nobody can say.
    """

    id: str
    partner_id: str
    program_id: str
    amount: int
    currency: str
    method: MethodUsed
    created_at_ms: int
    status: WithdrawalStatus | None
    has_left: bool
    batch_id: str | None
    transaction_id: str = ""
    payout: int = 0


class RestoreAction(StrEnum):
    """What is done about one withdrawal in the table that was put back."""

    NOTHING = "nothing"
    HOLD = "hold"  # it is there and open: nobody pays it, and nobody gives its money back, before it is known
    ENTER = "enter"  # it is not there: its money is reserved, and it is held
    PROVIDER = "provider"  # it is there, and its provider is asked before anything is sent
    PERSON = "person"  # nothing can be done here: a person has to


def trace_of(was: Withdrawal) -> Trace:
    """Return what the table before says of it."""
    return Trace(
        was.id, was.partner_id, was.program_id, was.amount, was.currency, was.method, was.created_at_ms, was.status,
        has_left=_has_left(was), batch_id=was.batch_id, transaction_id=was.transaction_id, payout=was.payout,
    )  # fmt: skip


def _has_left(was: Withdrawal) -> bool:
    match was.status:
        case WithdrawalStatus.PAID | WithdrawalStatus.RETURNED:
            return True
        case WithdrawalStatus.PAYING:
            return (was.is_sent and was.problem is not PayoutProblem.DECLINED) or bool(was.batch_id)
        case (
            WithdrawalStatus.REQUESTED
            | WithdrawalStatus.APPROVED
            | WithdrawalStatus.REJECTED
            | WithdrawalStatus.CANCELLED
            | WithdrawalStatus.EXPIRED
            | WithdrawalStatus.FAILED
        ):
            return was.problem is PayoutProblem.PAID_AFTER_FAILED


def may_have_left(states: set[str], ended_as: WithdrawalStatus | None) -> bool:
    """Return whether money may have left.

    By the `states` that executions went through, and how the last one ended, if so.
    """
    return ended_as in (WithdrawalStatus.PAID, WithdrawalStatus.RETURNED) or (
        ended_as not in GIVEN_BACK and bool(states & set(BEGUN))
    )


def act(now: Withdrawal | None, trace: Trace) -> RestoreAction:
    """Return what has to be done in the table that was put back.

    `now`: as it is there; None where it is not.
    """
    if now is None:
        if not trace.has_left:
            return RestoreAction.NOTHING  # it was asked for, and nothing came of it: the partner asks again
        return RestoreAction.ENTER if trace.partner_id else RestoreAction.PERSON
    if not now.is_open:
        came_back = now.status is WithdrawalStatus.PAID and trace.status is WithdrawalStatus.RETURNED
        return (
            RestoreAction.PERSON
            if came_back or (trace.has_left and now.status in GIVEN_BACK)
            else RestoreAction.NOTHING
        )
    if now.problem is PayoutProblem.DECLINED and trace.has_left:
        return RestoreAction.HOLD  # somebody tried it again since: it is not "for certain not paid" any more
    if now.problem:
        return RestoreAction.NOTHING  # a person looks at it already
    if now.is_sent:
        if not trace.has_left:
            return RestoreAction.NOTHING
        return (
            RestoreAction.PROVIDER
            if now.status is WithdrawalStatus.PAYING and now.payout >= trace.payout
            else RestoreAction.HOLD
        )
    was_exported = trace.batch_id is None or trace.batch_id != now.batch_id
    is_payable = now.status is not WithdrawalStatus.REQUESTED and not now.batch_id and was_exported
    return RestoreAction.HOLD if trace.has_left or is_payable else RestoreAction.NOTHING
