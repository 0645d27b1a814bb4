"""The owner's own events: payments, refunds and disputes, each with the model of its detail."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationError

from refledger.domain import amounts, clicks, currencies
from refledger.domain.errors import Unreadable
from refledger.domain.payment_events import (
    DisputeClosed,
    DisputeOpened,
    DisputeOutcome,
    PaymentEvent,
    PaymentReceived,
    RefundReceived,
    Skipped,
)
from refledger.domain.programs import DEFAULT_PROGRAM
from refledger.domain.tellers import Sender
from refledger.entry.events.checks import moment_ms
from refledger.entry.events.fields import Currency, Detail, Identifier, Moment, faults_of

SYSTEM: Final = "payments"
SOURCE: Final = "payments"
MAX_ITEMS: Final = 100


_Money = Annotated[int, Field(ge=0, le=currencies.MAX_AMOUNT)]
_Some = Annotated[int, Field(gt=0, le=currencies.MAX_AMOUNT)]


class _Item(Detail):
    product_id: Identifier = ""
    amount: _Money


class _Payment(Detail):
    """`items`: what was bought, by which the base is divided among products; amounts in any one measure, tax and
    discount in or out.
    """

    payment_id: Identifier
    customer_id: Identifier
    program_id: Identifier = DEFAULT_PROGRAM
    product_id: Identifier = ""
    amount: _Money
    tax_amount: _Money = 0
    discount_amount: _Money = 0
    shipping_amount: _Money = 0
    items: Annotated[tuple[_Item, ...], Field(max_length=MAX_ITEMS, strict=False)] = ()
    referral_code: Annotated[str, Field(max_length=64)] = ""
    click_id: Annotated[str, Field(max_length=256)] = ""
    currency: Currency
    occurred_at: Moment

    def event(self) -> PaymentReceived | Skipped:
        paid = self.amount - self.discount_amount
        base = paid - self.tax_amount
        if base < 0:
            raise Unreadable("detail: tax and discount are more than the amount")
        if self.shipping_amount > base:
            raise Unreadable("detail.shippingAmount: more than what is left of the amount")
        if self.items and self.product_id:
            raise Unreadable("detail.productId: either this or items")
        if paid == 0:
            return Skipped("NOTHING_PAID")
        return PaymentReceived(
            system=SYSTEM,
            payment_id=self.payment_id,
            customer_id=self.customer_id,
            program_id=self.program_id,
            program_said="program_id" in self.model_fields_set,
            amount=paid,
            base=base,
            currency=self.currency,
            occurred_at_ms=moment_ms(self.occurred_at),
            product_id=self.product_id,
            lines=self._lines(base - self.shipping_amount),
            shipping=self.shipping_amount,
            code=self.referral_code,
            click=clicks.first([self.click_id]),
        )

    def _lines(self, goods: int) -> tuple[tuple[str, int], ...]:
        weights: dict[str, int] = defaultdict(int)
        for item in self.items:
            weights[item.product_id] += item.amount
        if not any(weights.values()):
            return ()
        products = sorted(weights)
        parts = amounts.spread(goods, [weights[product] for product in products])
        return tuple((product, part) for product, part in zip(products, parts, strict=True) if part)


# Who told of a payment that the owner's own system says something of. "conversion": a referral that converted, named by
# the referral's id.
Source = Literal[Sender, "conversion"]


def _teller(source: str) -> str:
    """Who says so of a payment that another system told of: the owner's own, whose ids are its own."""
    return "" if source == SYSTEM else SYSTEM


class _Refund(Detail):
    source: Source = SYSTEM
    refund_id: Identifier
    payment_id: Identifier
    amount: _Some
    currency: Currency
    occurred_at: Moment

    def event(self) -> RefundReceived:
        return RefundReceived(
            system=self.source,
            sender=_teller(self.source),
            refund_id=self.refund_id,
            payment_id=self.payment_id,
            amount=self.amount,
            currency=self.currency,
            occurred_at_ms=moment_ms(self.occurred_at),
        )


class _Dispute(Detail):
    source: Source = SYSTEM
    dispute_id: Identifier
    payment_id: Identifier
    amount: _Some
    currency: Currency
    occurred_at: Moment

    def event(self) -> DisputeOpened:
        return DisputeOpened(
            system=self.source,
            sender=_teller(self.source),
            dispute_id=self.dispute_id,
            payment_id=self.payment_id,
            amount=self.amount,
            currency=self.currency,
            occurred_at_ms=moment_ms(self.occurred_at),
        )


class _Closed(Detail):
    source: Source = SYSTEM
    dispute_id: Identifier
    payment_id: Identifier
    outcome: Literal["WON", "LOST"]
    occurred_at: Moment

    def event(self) -> DisputeClosed:
        return DisputeClosed(
            system=self.source,
            sender=_teller(self.source),
            dispute_id=self.dispute_id,
            payment_id=self.payment_id,
            outcome=DisputeOutcome(self.outcome),
            occurred_at_ms=moment_ms(self.occurred_at),
        )


PAID: Final = "Payment Succeeded"
MODELS: Final[Mapping[str, type[_Payment | _Refund | _Dispute | _Closed]]] = MappingProxyType({
    PAID: _Payment,
    "Payment Refunded": _Refund,
    "Payment Disputed": _Dispute,
    "Dispute Closed": _Closed,
})  # fmt: skip


def read(kind: str, detail: dict[str, Any]) -> PaymentEvent | Skipped:
    """Read what the detail of an event of the type `kind`, one of MODELS, says.

    Raises Unreadable.
    """
    try:
        valid = MODELS[kind].model_validate(detail)
    except ValidationError as error:
        raise Unreadable(faults_of(error)) from None  # pydantic's own text quotes the values
    return valid.event()
