"""Payment events from the queue: payments become rewards, refunds and disputes take them back, each once.

What cannot be read goes to the DLQ with its reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, assert_never

from refledger.domain import codes
from refledger.domain.errors import Refledger, Unreadable
from refledger.domain.leads import LeadNews
from refledger.domain.maturity import MaturityMessage
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
    Skipped,
)
from refledger.domain.referrals import MAX_LEAD_LENGTH
from refledger.entry import config, maturing
from refledger.entry.events import batch
from refledger.entry.events.batch import Message
from refledger.entry.metrics import count, counting
from refledger.entry.observability import logger
from refledger.entry.stopping import stops
from refledger.operations.context import Context
from refledger.operations.earning import disputes, payments, refunds, unattributed
from refledger.operations.earning.payments import Recorded, RecordOutcome
from refledger.operations.earning.rewards import due_now
from refledger.operations.earning.unattributed import Referred
from refledger.threads import side_by_side

SIDE_BY_SIDE = 10  # transactions at once: as many as a client has connections
RETRIED = "RETRIED"
OTHER_MODE = "OTHER_MODE"  # of Stripe's other mode: some of them mean that StripeMode is wrong, and ring
MODES = ("TEST_MODE", "LIVE_MODE")  # the reasons for it
NOT_TAKEN = (RETRIED, OTHER_MODE, "SKIPPED", "REFERRED", Unreadable.code)
FOR_A_PERSON = (RecordOutcome.DIFFERENT, RecordOutcome.FOREIGN)
OTHERWISE = "another service told of this payment before, and otherwise"


@stops()
def handler(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Returns the messages to be tried again; all others are done."""
    context = config.context()
    messages = batch.read(event["Records"], context.now_ms(), config.stripe_livemode())
    groups = batch.in_order(messages, context.ids)
    if len(groups) > 1:
        config.maturity_queue()  # clients are made by one thread
    ahead = batch.reading_ahead(context, messages)
    done = [each for group in side_by_side(partial(_take_all, ahead), groups, SIDE_BY_SIDE) for each in group]
    failed = {each.message.id for each in done if each.outcome == RETRIED} | _send(done)
    with counting() as metrics:
        for name, number in Counter(_counted(done, failed)).items():
            count(metrics, name, number)
    return {"batchItemFailures": [{"itemIdentifier": each.id} for each in messages if each.id in failed]}


def _counted(done: list[MessageResult], failed: set[str]) -> Iterator[str]:
    """What the metrics are told of each message."""
    for each in done:
        outcome = RETRIED if each.message.id in failed else each.outcome
        yield outcome
        if outcome not in NOT_TAKEN:
            yield "TAKEN"  # an alarm rings where this is not heard for QuietHours
        if outcome in FOR_A_PERSON:
            yield "TO_LOOK_AT"


@dataclass(frozen=True)
class MessageResult:
    """What became of a message, and what may mature because of it."""

    message: Message
    outcome: str
    due: list[MaturityMessage] = field(default_factory=list)


def _take_all(context: Context, messages: list[Message]) -> list[MessageResult]:
    return [_take(context, message) for message in messages]


def _take(context: Context, message: Message) -> MessageResult:
    try:
        return _record(context, message)
    except Unreadable as error:
        logger().error("unreadable event", extra={"reason": error.detail})
        return _put_aside(message, error.code, error.detail)
    except Exception as error:
        return _again(message, error)


def _put_aside(message: Message, code: str, why: str) -> MessageResult:
    try:
        config.dead_letters().send(message.body, code, why)
    except Exception as error:
        return _again(message, error)
    return MessageResult(message, code)


def _again(message: Message, error: Exception) -> MessageResult:
    known = isinstance(error, Refledger)
    logger().warning("event not taken", extra={"record": message.id}, exc_info=None if known else error)
    return MessageResult(message, RETRIED)


def _send(done: list[MessageResult]) -> set[str]:
    """Send what may mature at once, of the whole batch together; ids of messages that come again because of it."""
    left = maturing.send_whole([each for one in done for each in one.due])
    return {one.message.id for one in done if any(each in left for each in one.due)}


def _record(context: Context, message: Message) -> MessageResult:
    event = message.told
    if isinstance(event, Exception):
        raise event
    if isinstance(event, Skipped):
        logger().info("skipped event", extra={"reason": event.reason})
        return MessageResult(message, OTHER_MODE if event.reason in MODES else "SKIPPED")
    if isinstance(event, Referred):
        return MessageResult(message, "REFERRED", unattributed.take(context, event))
    if isinstance(event, CodeGiven):
        return MessageResult(message, "CODE", _refer(context, message.id, event))
    due = _refer(context, message.id, event) if isinstance(event, PaymentReceived) else []
    recorded = _enter(context, event)
    named = {"payment": recorded.payment, "event": type(event).__name__}
    if recorded.outcome is RecordOutcome.CONTRADICTED:
        logger().error(OTHERWISE, extra=named)
        return _put_aside(message, RecordOutcome.DIFFERENT, OTHERWISE)
    if recorded.outcome is RecordOutcome.DIFFERENT:
        logger().error("an event came again with another content", extra=named)
    if recorded.outcome in (RecordOutcome.EARLY, RecordOutcome.FOREIGN):
        logger().warning("an event waits for its payment, or for a person", extra=named | {"reason": recorded.outcome})
    return MessageResult(message, recorded.outcome, [*due, *recorded.due])


def _refer(context: Context, message_id: str, event: PaymentReceived | CodeGiven) -> list[MaturityMessage]:
    """Have the customer referred by the click or the code that they came with, as a lead would be, before they pay.

    Idempotent by the lead, which is what it was given in: who dies behind this finds the customer referred. What cannot
    be a code is none: a cart's id, say. What the rules allow no referral of is paid for all the same.

    Returns what may mature at once.
    """
    code = codes.normalise(event.code) or ""
    if not (code or event.click) or (isinstance(event, PaymentReceived) and payments.is_referred(context, event)):
        return []
    from refledger.operations.referring import leads  # few payments come with a code

    given_in = event.given_in if isinstance(event, CodeGiven) else event.payment_id
    lead = f"{event.system} {given_in}"
    news = LeadNews(
        lead if len(lead) <= MAX_LEAD_LENGTH else f"{event.system} {context.ids.hash('lead', given_in)}",
        event.occurred_at_ms,
        codes=(code,) if code else (),
        customer=event.customer_id,
        click=event.click,
        by=event.caller if isinstance(event, PaymentReceived) else "",
    )
    with leads.told_by(event.system, message_id, type(event).__name__):
        taken = leads.take(context, news)
    if taken.why or taken.outcome is leads.LeadOutcome.UNKNOWN_CODE:
        logger().warning("nobody refers who came with a code", extra={"outcome": taken.outcome, "why": taken.why})
    return [*due_now(taken.earned, context.now_ms()), *taken.due]


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
