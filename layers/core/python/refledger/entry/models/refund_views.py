"""What went back of a payment, over HTTP, as it is shown beside it."""

from __future__ import annotations

from typing import Self

from refledger.domain.payments import Dispute, DisputeStatus, Refund
from refledger.domain.times import iso
from refledger.entry.models.common import View, in_major


class RefundView(View):
    amount: int
    at: str
    failed: bool

    @classmethod
    def of(cls, refund: Refund) -> Self:
        return cls(amount=refund.amount, at=iso(refund.at_ms), failed=refund.failed)


class DisputeView(View):
    """`status`: OPEN, WON or LOST; `amount` is 0 as long as only the end of it is known."""

    payment_id: str
    amount: int
    currency: str
    amount_decimal = in_major("amount")
    status: DisputeStatus
    at: str

    @classmethod
    def of(cls, dispute: Dispute) -> Self:
        return cls(
            payment_id=dispute.payment,
            amount=dispute.amount,
            currency=dispute.currency,
            status=dispute.status,
            at=iso(dispute.at_ms),
        )
