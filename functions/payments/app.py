"""Payment events from the queue: payments become rewards, refunds and disputes take them back, each once.

What cannot be read goes to the DLQ with its reason.
"""

from __future__ import annotations

from typing import Any, assert_never

from refledger.domain.errors import Refledger, Unreadable
from refledger.domain.payments import (
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
from refledger.entry import config
from refledger.entry.events.body import parse_body
from refledger.entry.events.payments import read_event
from refledger.entry.metrics import count, counting
from refledger.entry.observability import logger
from refledger.operations import disputes, payments, refunds
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
    livemode = LIVEMODE[config.environment()["STRIPE_MODE"]]
    event = read_event(parse_body(body), now_ms=config.context().now_ms(), livemode=livemode)
    if isinstance(event, Skipped):
        logger().info("skipped event", extra={"reason": event.reason})
        return "SKIPPED"
    recorded = _enter(config.context(), event)
    told = {"payment": recorded.payment, "event": type(event).__name__}
    if recorded.outcome is Outcome.DIFFERENT:
        logger().error("an event came again with another content", extra=told)
    if recorded.outcome in (Outcome.EARLY, Outcome.FOREIGN):
        logger().warning("an event waits for its payment, or for a person", extra=told | {"reason": recorded.outcome})
    config.maturity_queue().send(recorded.due)
    return recorded.outcome


def _enter(context: Context, event: PaymentEvent) -> Recorded:
    match event:
        case PaymentReceived():
            return payments.record(context, event)
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
