"""The owner's own events: payments, refunds and disputes, each with the model of its detail."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from refledger.domain import currencies
from refledger.domain.errors import Unreadable
from refledger.domain.payments import (
    DEFAULT_PROGRAM,
    DisputeClosed,
    DisputeOpened,
    DisputeOutcome,
    PaymentEvent,
    PaymentReceived,
    RefundReceived,
    Skipped,
)
from refledger.entry.events.checks import id_fault, moment_ms

SYSTEM: Final = "payments"
SOURCE: Final = "payments"
_MAX_FAULTS: Final = 3


def _identifier(text: str) -> str:
    if fault := id_fault(text):
        raise PydanticCustomError("identifier", "{fault}", {"fault": fault})
    return text


def _currency(code: str) -> str:
    if not currencies.is_currency(code):
        raise PydanticCustomError("unknown_currency", "not an ISO 4217 currency")
    return code


def _moment(text: str) -> str:
    try:
        moment_ms(text)
    except ValueError:
        raise PydanticCustomError("time_with_zone", "not an RFC 3339 time with a zone") from None
    return text


_Identifier = Annotated[str, AfterValidator(_identifier)]
_Currency = Annotated[str, AfterValidator(_currency)]
_Moment = Annotated[str, AfterValidator(_moment)]
_Money = Annotated[int, Field(ge=0, le=currencies.MAX_AMOUNT)]
_Some = Annotated[int, Field(gt=0, le=currencies.MAX_AMOUNT)]


class _Detail(BaseModel):
    """Amounts are whole ISO 4217 minor units."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, alias_generator=to_camel)


class _Payment(_Detail):
    payment_id: _Identifier
    customer_id: _Identifier
    program_id: _Identifier = DEFAULT_PROGRAM
    product_id: _Identifier = ""
    amount: _Money
    tax_amount: _Money = 0
    discount_amount: _Money = 0
    currency: _Currency
    occurred_at: _Moment

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


class _Refund(_Detail):
    refund_id: _Identifier
    payment_id: _Identifier
    amount: _Some
    currency: _Currency
    occurred_at: _Moment

    def event(self) -> RefundReceived:
        return RefundReceived(
            system=SYSTEM,
            refund_id=self.refund_id,
            payment_id=self.payment_id,
            amount=self.amount,
            currency=self.currency,
            occurred_at_ms=moment_ms(self.occurred_at),
        )


class _Dispute(_Detail):
    dispute_id: _Identifier
    payment_id: _Identifier
    amount: _Some
    currency: _Currency
    occurred_at: _Moment

    def event(self) -> DisputeOpened:
        return DisputeOpened(
            system=SYSTEM,
            dispute_id=self.dispute_id,
            payment_id=self.payment_id,
            amount=self.amount,
            currency=self.currency,
            occurred_at_ms=moment_ms(self.occurred_at),
        )


class _Closed(_Detail):
    dispute_id: _Identifier
    payment_id: _Identifier
    outcome: Literal["WON", "LOST"]
    occurred_at: _Moment

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
        raise Unreadable(_faults(error)) from None  # pydantic's own text quotes the values
    return valid.event()


def _faults(error: ValidationError) -> str:
    """Place and kind of fault: "detail.amount: int_type". Unknown fields are ignored: each name is ours."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    named = [f"detail.{'.'.join(map(str, each['loc']))}: {each['type']}" for each in faults[:_MAX_FAULTS]]
    return "; ".join(named + ["…"] * (len(faults) > _MAX_FAULTS))
