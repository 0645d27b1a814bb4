"""News of leads from the queue: they make referrals, and move them along, each once.

What cannot be read goes to the DLQ with its reason.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from refledger.domain.errors import Refledger, Unreadable
from refledger.domain.leads import LeadNews
from refledger.domain.payment_events import Skipped
from refledger.entry import config, maturing
from refledger.entry.events.body import parse_body
from refledger.entry.events.leads import parts, read
from refledger.entry.metrics import count, counting
from refledger.entry.observability import logger
from refledger.entry.stopping import stops
from refledger.operations.referring import leads
from refledger.operations.referring.leads import LeadOutcome

if TYPE_CHECKING:
    from aws_lambda_powertools import Metrics

REPORTED = (LeadOutcome.UNPAID, LeadOutcome.DIFFERENT, LeadOutcome.REFUSED, LeadOutcome.UNKNOWN_CODE)


@stops()
def handler(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Returns the messages to be tried again; all others are done."""
    failed = []
    with counting() as metrics:
        for record in event["Records"]:
            try:
                _take(metrics, record["messageId"], record["body"])
            except Exception as error:
                known = isinstance(error, Refledger)
                logger().warning("news not taken", extra={"record": record["messageId"]}, exc_info=not known)
                count(metrics, "LEAD_RETRIED")
                failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def _take(metrics: Metrics, message_id: str, body: str) -> None:
    """All that one message tells. Idempotent, so that the rest of one that failed halfway is met by its repeat."""
    try:
        event = parse_body(body)
    except Unreadable as error:
        _put_aside(metrics, body, error)
        return
    for part in parts(event):
        try:
            told = read(part, config.lead_mappings(), config.context().now_ms())
        except Unreadable as error:
            _put_aside(metrics, json.dumps(part, default=str), error)
            continue
        if isinstance(told, Skipped):
            logger().info("skipped news", extra={"reason": told.reason})
            count(metrics, "LEAD_SKIPPED")
            continue
        with leads.told_by(_system(part), message_id, str(part["detail-type"])):
            for news in told:
                outcome = _follow(news)
                count(metrics, f"LEAD_{outcome}")
                if outcome in (LeadOutcome.UNPAID, LeadOutcome.DIFFERENT):
                    count(metrics, "TO_LOOK_AT")


def _follow(news: LeadNews) -> LeadOutcome:
    taken = leads.take(config.context(), news)
    maturing.send_due(taken.earned, taken.due)
    if taken.outcome in REPORTED:
        told = {"outcome": taken.outcome, "referral": taken.referral_id, "why": taken.why}
        logger().warning("news of a lead that nobody earns from, or nothing more", extra=told)
    return taken.outcome


def _system(event: dict[str, Any]) -> str:
    """What the audit calls the sender: `aws.partner/salesforce.com/…` has an account in it."""
    source = str(event["source"])
    return "salesforce" if "salesforce" in source else source


def _put_aside(metrics: Metrics, body: str, error: Unreadable) -> None:
    logger().error("unreadable event", extra={"reason": error.detail})
    config.lead_dead_letters().send(body, error.code, error.detail)
    count(metrics, "LEAD_UNREADABLE")
