"""Payment events from the queue: payments become rewards, refunds and disputes take them back, each once.

What cannot be read goes to the DLQ with its reason.
"""

from __future__ import annotations

from typing import Any, assert_never

from refledger.domain import codes
from refledger.domain.errors import Refledger, Unreadable
from refledger.domain.payments import (
    CodeGiven,
    DisputeClosed,
    DisputeOpened,
    PaymentAlias,
    PaymentEvent,
    PaymentReceived,
    PaymentSkipped,
    RefundReceived,
    RefundTotal,
    Skipped,
)
from refledger.domain.referrals import MAX_LEAD_LENGTH
from refledger.domain.times import iso
from refledger.entry import config
from refledger.entry.events.body import parse_body
from refledger.entry.events.payments import read_event
from refledger.entry.metrics import count, counting
from refledger.entry.observability import logger
from refledger.operations import disputes, nobodys, payments, refunds
from refledger.operations.context import Context
from refledger.operations.payments import Outcome, Recorded

LIVEMODE = {"live": True, "test": False, "any": None}  # which of Stripe's modes counts in this deployment


def handler(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Returns the messages to be tried again; all others are done."""
    failed = []
    with counting() as metrics:
        for record in event["Records"]:
            try:
                count(metrics, _take(record["body"]))
            except Exception as error:
                known = isinstance(error, Refledger)
                logger().warning("event not taken", extra={"record": record["messageId"]}, exc_info=not known)
                count(metrics, "RETRIED")
                failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def _take(body: str) -> str:
    """What became of one event."""
    try:
        return _record(body)
    except Unreadable as error:
        logger().error("unreadable event", extra={"reason": error.detail})
        config.dead_letters().send(body, error.code, error.detail)
        return error.code


def _record(body: str) -> str:
    told = parse_body(body)
    if told.get("source") == nobodys.SOURCE:  # never from a bus: no rule lets it through
        detail = told["detail"]
        due = nobodys.take(config.context(), nobodys.Referred(detail["programId"], detail["customer"]))
        config.maturity_queue().send(due)
        return "REFERRED"
    livemode = LIVEMODE[config.environment()["STRIPE_MODE"]]
    event = read_event(told, now_ms=config.context().now_ms(), livemode=livemode)
    if isinstance(event, Skipped):
        logger().info("skipped event", extra={"reason": event.reason})
        return "SKIPPED"
    if isinstance(event, CodeGiven):
        _refer(event.system, event.given_in, event.customer_id, event.code)
        return "CODE"
    recorded = _enter(config.context(), event)
    if isinstance(event, PaymentReceived) and event.code and recorded.outcome is Outcome.UNREFERRED:
        _refer(event.system, event.payment_id, event.customer_id, event.code)
    named = {"payment": recorded.payment, "event": type(event).__name__}
    if recorded.outcome is Outcome.DIFFERENT:
        logger().error("an event came again with another content", extra=named)
    if recorded.outcome in (Outcome.EARLY, Outcome.FOREIGN):
        logger().warning("an event waits for its payment, or for a person", extra=named | {"reason": recorded.outcome})
    config.maturity_queue().send(recorded.due)
    return recorded.outcome


def _refer(system: str, given_in: str, customer_id: str, code: str) -> None:
    """Have the customer referred by the code they came with, as a lead would be; what they have paid is taken then.

    Idempotent by the lead, which is what the code was given in. What cannot be a code is none: a cart's id, say.
    """
    if codes.normalise(code) is None:
        return
    at = iso(config.context().now_ms())
    lead_id = f"{system} {given_in}"[:MAX_LEAD_LENGTH]
    detail = {"leadId": lead_id, "occurredAt": at, "referralCode": code, "customerId": customer_id}
    config.leads_queue().send("leads", "Lead Created", detail)


def _enter(context: Context, event: PaymentEvent) -> Recorded:
    match event:
        case PaymentReceived():
            return payments.record(context, event)
        case CodeGiven():
            raise AssertionError("it is no payment")
        case PaymentSkipped():
            logger().info("skipped event", extra={"reason": event.reason})
            return payments.skip(context, event)
        case RefundReceived() | RefundTotal():
            return refunds.refund(context, event)
        case DisputeOpened():
            return disputes.opened(context, event)
        case DisputeClosed():
            return disputes.closed(context, event)
        case PaymentAlias():
            return refunds.alias(context, event)
        case _:
            assert_never(event)
