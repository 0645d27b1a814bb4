"""What was refunded of a payment, and what staff enter of it, over HTTP."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field

from refledger.domain.payments import Payment, Refund
from refledger.domain.times import iso
from refledger.entry.events.checks import moment_ms
from refledger.entry.events.fields import Moment
from refledger.entry.models.common import Amount, Body, Currency, Note, View, in_major

if TYPE_CHECKING:
    from refledger.operations.earning.staff_refunds import RefundRequest

REASON_LIMIT, REFERENCE_LIMIT = 500, 140


class NewRefund(Body):
    """Money of a payment that went back to the customer, tax included, whatever told of the payment.

    `reference`: of the transfer or credit note. `occurredAt`: when it went back, now by default.
    """

    amount: Amount
    currency: Currency
    reason: Annotated[Note, Field(min_length=1, max_length=REASON_LIMIT)]
    reference: Annotated[Note, Field(max_length=REFERENCE_LIMIT)] = ""
    occurred_at: Moment | None = None

    def asked(self) -> RefundRequest:
        from refledger.operations.earning.staff_refunds import RefundRequest  # not for whoever only reads

        occurred_ms = moment_ms(self.occurred_at) if self.occurred_at else 0
        return RefundRequest(self.amount, self.currency, self.reason, self.reference, occurred_ms)


class RefundStatus(StrEnum):
    """Whether a refund takes of its payment."""

    COUNTS = "COUNTS"  # it takes of the payment, and of what partners earned of it
    FAILED = "FAILED"  # it did not go back to the customer, or was undone
    WAITING = "WAITING"  # for a second person
    OTHER_CURRENCY = "OTHER_CURRENCY"  # takes nothing: the payment is in another one
    OTHER_PAYMENT = "OTHER_PAYMENT"  # takes nothing: its sender told it for another payment first


class PaymentRefundView(View):
    """A refund of a payment. `by` is null where the payment's provider, or the owner's own system, told of it."""

    people = ("by", "confirmed_by", "undo_asked_by")

    id: str
    payment_id: str
    amount: int
    currency: str
    amount_decimal = in_major("amount")
    status: RefundStatus
    at: str
    by: str | None
    by_name: str | None = None
    reason: str | None
    reference: str | None
    confirmed_by: str | None
    confirmed_by_name: str | None = None
    undo_asked_by: str | None
    undo_asked_by_name: str | None = None

    @classmethod
    def of(cls, payment: Payment, refund: Refund) -> Self:
        return cls(
            id=refund.hash,
            payment_id=payment.id,
            amount=refund.amount,
            currency=refund.currency,
            status=_status(payment, refund),
            at=iso(refund.at_ms),
            by=refund.by or None,
            reason=refund.note or None,
            reference=refund.reference or None,
            confirmed_by=refund.confirmed_by or None,
            undo_asked_by=refund.undone_by or None,
        )


def _status(payment: Payment, refund: Refund) -> RefundStatus:
    if refund.failed:
        return RefundStatus.FAILED
    if refund.waits:
        return RefundStatus.WAITING
    if refund.stray:
        return RefundStatus.OTHER_PAYMENT
    return RefundStatus.COUNTS if refund.currency == payment.currency else RefundStatus.OTHER_CURRENCY


class RefundList(View):
    """`refunded`: what refunds have taken of the payment, sums that its provider told included."""

    payment_id: str
    refunded: int
    currency: str
    data: list[PaymentRefundView]

    @classmethod
    def of(cls, payment: Payment, refunds: list[Refund]) -> Self:
        found = sorted(refunds, key=lambda refund: (refund.at_ms, refund.hash))
        return cls(
            payment_id=payment.id,
            refunded=min(payment.back.refunded, payment.amount) if payment.amount else payment.back.refunded,
            currency=payment.currency,
            data=[PaymentRefundView.of(payment, each) for each in found],
        )
