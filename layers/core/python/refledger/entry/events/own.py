"""The owner's own events: payments, refunds and disputes, each with the model of its detail."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationError

from refledger.domain import currencies
from refledger.domain.errors import Unreadable
from refledger.domain.payments import (
    DisputeClosed,
    DisputeOpened,
    DisputeOutcome,
    PaymentEvent,
    PaymentReceived,
    RefundReceived,
    Skipped,
)
from refledger.domain.programs import DEFAULT_PROGRAM
from refledger.entry.events.checks import moment_ms
from refledger.entry.events.fields import Currency, Detail, Identifier, Moment, faults_of

SYSTEM: Final = "payments"
SOURCE: Final = "payments"


_Money = Annotated[int, Field(ge=0, le=currencies.MAX_AMOUNT)]
_Some = Annotated[int, Field(gt=0, le=currencies.MAX_AMOUNT)]


class _Payment(Detail):
    payment_id: Identifier
    customer_id: Identifier
    program_id: Identifier = DEFAULT_PROGRAM
    product_id: Identifier = ""
    amount: _Money
    tax_amount: _Money = 0
    discount_amount: _Money = 0
    currency: Currency
    occurred_at: Moment

    def event(self) -> PaymentReceived | Skipped:
        paid = self.amount - self.discount_amount
        base = paid - self.tax_amount
        if base < 0:
            raise Unreadable("detail: tax and discount are more than the amount")
        if paid == 0:
            return Skipped("NOTHING_PAID")
        return PaymentReceived(
            system=SYSTEM,
            payment_id=self.payment_id,
            customer_id=self.customer_id,
            program_id=self.program_id,
            amount=paid,
            base=base,
            currency=self.currency,
            occurred_at_ms=moment_ms(self.occurred_at),
            product_id=self.product_id,
        )


class _Refund(Detail):
    refund_id: Identifier
    payment_id: Identifier
    amount: _Some
    currency: Currency
    occurred_at: Moment

    def event(self) -> RefundReceived:
        return RefundReceived(
            system=SYSTEM,
            refund_id=self.refund_id,
            payment_id=self.payment_id,
            amount=self.amount,
            currency=self.currency,
            occurred_at_ms=moment_ms(self.occurred_at),
        )


class _Dispute(Detail):
    dispute_id: Identifier
    payment_id: Identifier
    amount: _Some
    currency: Currency
    occurred_at: Moment

    def event(self) -> DisputeOpened:
        return DisputeOpened(
            system=SYSTEM,
            dispute_id=self.dispute_id,
            payment_id=self.payment_id,
            amount=self.amount,
            currency=self.currency,
            occurred_at_ms=moment_ms(self.occurred_at),
        )


class _Closed(Detail):
    dispute_id: Identifier
    payment_id: Identifier
    outcome: Literal["WON", "LOST"]
    occurred_at: Moment

    def event(self) -> DisputeClosed:
        return DisputeClosed(
            system=SYSTEM,
            dispute_id=self.dispute_id,
            payment_id=self.payment_id,
            outcome=DisputeOutcome(self.outcome),
            occurred_at_ms=moment_ms(self.occurred_at),
        )


MODELS: Final[Mapping[str, type[_Payment | _Refund | _Dispute | _Closed]]] = MappingProxyType({
    "Payment Succeeded": _Payment,
    "Payment Refunded": _Refund,
    "Payment Disputed": _Dispute,
    "Dispute Closed": _Closed,
})  # fmt: skip


def read(kind: str, detail: dict[str, Any]) -> PaymentEvent | Skipped:
    """What the detail of an event of the type `kind`, one of MODELS, says. Raises Unreadable."""
    try:
        valid = MODELS[kind].model_validate(detail)
    except ValidationError as error:
        raise Unreadable(faults_of(error)) from None  # pydantic's own text quotes the values
    return valid.event()
