"""A partner's request to be paid: its states, who may move it, and what money moves with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from refledger.domain.errors import AlreadyDecided, OwnWithdrawal
from refledger.domain.journal import Kind


class WithdrawalStatus(StrEnum):
    REQUESTED = "REQUESTED"
    APPROVED = "APPROVED"
    PAYING = "PAYING"
    PAID = "PAID"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    FAILED = "FAILED"


S = WithdrawalStatus
OPEN = (S.REQUESTED, S.APPROVED, S.PAYING)  # their money is reserved
RELEASED = (S.REJECTED, S.CANCELLED, S.EXPIRED, S.FAILED)

# (from, to) → the movement that goes with it, in the same transaction. What is not here cannot happen.
TRANSITIONS: dict[tuple[WithdrawalStatus, WithdrawalStatus], Kind | None] = {
    (S.REQUESTED, S.APPROVED): None,
    (S.REQUESTED, S.REJECTED): Kind.RELEASE,
    (S.REQUESTED, S.CANCELLED): Kind.RELEASE,
    (S.REQUESTED, S.EXPIRED): Kind.RELEASE,
    (S.APPROVED, S.PAYING): None,
    (S.APPROVED, S.PAID): Kind.SETTLE,  # the admin confirmed the transfer before the workflow had moved on
    (S.APPROVED, S.FAILED): Kind.RELEASE,
    (S.PAYING, S.PAID): Kind.SETTLE,
    (S.PAYING, S.FAILED): Kind.RELEASE,
}


class MethodType(StrEnum):
    BANK_TRANSFER = "BANK_TRANSFER"


@dataclass(frozen=True)
class PayoutMethod:
    """Where the money goes. Either an IBAN, or an account number and a bank code."""

    type: MethodType
    account_holder: str
    iban: str = ""
    account_number: str = ""
    bank_code: str = ""


@dataclass(frozen=True)
class Step:
    """One change of status: what it became, who did it and when, and with which request."""

    status: WithdrawalStatus
    by: str  # keyed hash of the actor's `sub`, or "system"
    at_ms: int
    note: str = ""
    request: str = ""  # hash of the request that did it, so that its repeat is recognised


@dataclass(frozen=True)
class Withdrawal:
    """`amount` in minor units. `attempt` counts the workflow's executions; `steps` is its history."""

    id: str
    partner_id: str
    program_id: str
    amount: int
    currency: str
    status: WithdrawalStatus
    method: PayoutMethod
    requester: str  # keyed hash of the user's `sub`
    created_at_ms: int
    expires_at_ms: int
    body: str  # hash of the request's body
    attempt: int = 0
    resumed_at_ms: int = 0
    transaction_id: str = ""
    steps: tuple[Step, ...] = field(default=())

    @property
    def changed_at_ms(self) -> int:
        """When it last moved, or was last set going again."""
        return max([self.created_at_ms, self.resumed_at_ms, *(step.at_ms for step in self.steps)])


def movement(old: WithdrawalStatus, new: WithdrawalStatus) -> Kind | None:
    """The movement of money that goes with a change of status. Raises AlreadyDecided where there is no such change."""
    try:
        return TRANSITIONS[old, new]
    except KeyError:
        raise AlreadyDecided(f"the withdrawal is {old}; it cannot become {new}") from None


def check_decider(withdrawal: Withdrawal, actor: str) -> None:
    """Nobody decides about a withdrawal that they asked for themselves. Raises OwnWithdrawal."""
    if actor == withdrawal.requester:
        raise OwnWithdrawal("somebody else must decide about this withdrawal")
