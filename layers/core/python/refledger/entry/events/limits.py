"""What must hold of an event about a payment, whoever sent it."""

from __future__ import annotations

from typing import assert_never

from refledger.domain import currencies
from refledger.domain.errors import Unreadable
from refledger.domain.payment_events import (
    CodeGiven,
    DisputeClosed,
    DisputeOpened,
    PaymentAlias,
    PaymentEvent,
    PaymentReceived,
    PaymentSkipped,
    RefundReceived,
    RefundTotal,
)
from refledger.entry.events.checks import MAX_FUTURE_MS, id_fault


def checked(event: PaymentEvent, now_ms: int) -> PaymentEvent:
    """Return the event as it is, or refuse it.

    One limit serves a payment's amount and its base, which is never more. Raises Unreadable.
    """
    for name, text in _ids(event).items():
        if fault := id_fault(text):
            raise Unreadable(f"{name}: {fault}")
    if _amount(event) > currencies.MAX_AMOUNT:
        raise Unreadable("amount: too large")
    if not 0 <= event.occurred_at_ms <= now_ms + MAX_FUTURE_MS:
        raise Unreadable("time: before 1970, or more than a day in the future")
    return event


def _ids(event: PaymentEvent) -> dict[str, str]:
    if isinstance(event, CodeGiven):
        return {"id": event.given_in, "customer id": event.customer_id}
    ids = {"payment id": event.payment_id}
    match event:
        case PaymentReceived():
            ids |= {"customer id": event.customer_id, "program id": event.program_id}
            ids |= {f"name {number}": name for number, name in enumerate(event.names, 1)} | _products(event)
            return ids | ({"other customer id": event.other_customer_id} if event.other_customer_id else {})
        case RefundReceived():
            return ids | {"refund id": event.refund_id}
        case DisputeOpened() | DisputeClosed():
            return ids | {"dispute id": event.dispute_id}
        case PaymentAlias():
            return ids | {"alias id": event.alias_id}
        case PaymentSkipped():
            return ids | (_products(event.told) if event.told else {})
        case RefundTotal():
            return ids
        case _:
            assert_never(event)


def _products(event: PaymentReceived) -> dict[str, str]:
    named = {"product id": event.product_id} if event.product_id else {}
    return named | {f"product of line {number}": name for number, (name, _) in enumerate(event.lines, 1) if name}


def _amount(event: PaymentEvent) -> int:
    match event:
        case PaymentReceived():
            return event.amount + event.uncaptured
        case RefundReceived() | DisputeOpened() | PaymentSkipped():
            return event.amount
        case RefundTotal():
            return event.total
        case DisputeClosed() | PaymentAlias() | CodeGiven():
            return 0
        case _:
            assert_never(event)
