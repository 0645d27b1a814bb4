"""Payment events from the queue: each becomes rewards, once; what cannot be read goes to the DLQ with its reason."""

from __future__ import annotations

from typing import Any

from refledger.domain.errors import Refledger, Unreadable
from refledger.domain.payments import Skipped
from refledger.entry import config
from refledger.entry.events import parse_body, read_payment
from refledger.entry.metrics import count, counting
from refledger.entry.observability import logger
from refledger.operations import payments
from refledger.operations.payments import Outcome

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
                logger().warning("payment not taken", extra={"record": record["messageId"]}, exc_info=not known)
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
    payment = read_payment(parse_body(body), now_ms=config.context().now_ms(), livemode=livemode)
    if isinstance(payment, Skipped):
        logger().info("skipped event", extra={"reason": payment.reason})
        return "SKIPPED"
    recorded = payments.record(config.context(), payment)
    if recorded.outcome is Outcome.DIFFERENT:
        logger().error("a payment came again with another content", extra={"payment": recorded.payment})
    config.maturity_queue().send(recorded.due)
    return recorded.outcome
