"""A withdrawal over HTTP, as its partner sees it."""

from __future__ import annotations

from typing import Any, Self

from refledger.domain.times import iso
from refledger.domain.withdrawals import Withdrawal, WithdrawalStatus, WithdrawalStep
from refledger.entry.models.common import View, in_major
from refledger.entry.models.payout_method_views import PayoutMethodView


class WithdrawalStepView(View):
    status: WithdrawalStatus
    at: str


class WithdrawalView(View):
    """What the partner sees of it."""

    id: str
    status: WithdrawalStatus
    amount: int
    currency: str
    amount_decimal = in_major("amount")
    created_at: str
    expires_at: str
    payout_method: PayoutMethodView
    transaction_id: str | None
    history: list[WithdrawalStepView]

    @classmethod
    def of(cls, withdrawal: Withdrawal) -> Self:
        return cls(
            **common_fields(withdrawal),
            history=[WithdrawalStepView(status=step.status, at=iso(step.at_ms)) for step in _changes(withdrawal)],
        )


def _changes(withdrawal: Withdrawal) -> list[WithdrawalStep]:
    """Its steps without words about problems, which change no status."""
    before = [WithdrawalStatus.REQUESTED, *(step.status for step in withdrawal.steps)]
    return [step for was, step in zip(before, withdrawal.steps, strict=False) if step.status is not was]


def common_fields(withdrawal: Withdrawal) -> dict[str, Any]:
    return {
        "id": withdrawal.id, "status": withdrawal.status.value, "amount": withdrawal.amount,
        "currency": withdrawal.currency, "created_at": iso(withdrawal.created_at_ms),
        "expires_at": iso(withdrawal.expires_at_ms), "payout_method": PayoutMethodView.of(withdrawal.method),
        "transaction_id": withdrawal.transaction_id or None,
    }  # fmt: skip
