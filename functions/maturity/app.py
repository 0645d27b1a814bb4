"""Rewards whose time has come become their partner's money: found on a schedule, done partner by partner."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from refledger.domain.maturity import MaturityMessage
from refledger.domain.times import MINUTE_MS
from refledger.entry import config
from refledger.entry.metrics import count, counting
from refledger.entry.observability import logger
from refledger.entry.stopping import stops
from refledger.operations.context import Context
from refledger.operations.earning import due_scan, maturity, overdue, parked, rating
from refledger.operations.payouts import settlement

LEFT_MS = 10_000  # stop in time, and let a message of its own go on
SHARE_MS = 5_000  # of a tick that the look for what is overdue has, however much is due


@stops()
def handler(event: dict[str, Any], lambda_context: Any) -> dict[str, Any]:
    """A batch of the queue, or a tick of the schedule."""

    def go_on() -> bool:
        return bool(lambda_context.get_remaining_time_in_millis() > LEFT_MS)

    if "Records" in event:
        return _work(event["Records"], go_on)
    return _tick(go_on, lambda_context.get_remaining_time_in_millis)


def _tick(go_on: Callable[[], bool], left_ms: Callable[[], int]) -> dict[str, Any]:
    context = config.context()
    _rate_again(context, go_on)
    until_ms = left_ms() - SHARE_MS
    lost = _look_for_overdue(context, lambda: go_on() and left_ms() > until_ms)
    found = _find(context, go_on)
    with counting() as metrics:
        count(metrics, "DUE_BEHIND_MINUTES", found.behind_ms // MINUTE_MS)
        late = lost + _look_for_overdue(context, go_on)
        for name, number in (("PARKED_OVERDUE", parked.overdue(context)), ("REWARDS_OVERDUE", late)):
            if number:  # a metric that always says 0 costs as much as one that says something
                count(metrics, name, number)
    return found.sent


def _find(context: Context, go_on: Callable[[], bool]) -> due_scan.ScanResult:
    """What is due; where there is more than time, a message lets another worker go on at once, and not with the next
    tick.
    """
    queue = config.maturity_queue()
    found = due_scan.find_due(context, queue.send, go_on)
    if found.left:
        queue.go_on(f"schedule-{context.now_ms()}")
    return found


def _look_for_overdue(context: Context, go_on: Callable[[], bool]) -> int:
    """How many messages were sent for what the schedule has lost. Nothing that is due waits for this to go well."""
    try:
        return overdue.find_overdue(context, config.maturity_queue().send, go_on)
    except Exception:
        logger().error("the look for what is overdue goes on later", exc_info=True)
        return 0


def _rate_again(context: Context, go_on: Callable[[], bool]) -> None:
    """What is left of customers whose payments came out of order; one that fails is tried again by the next tick."""
    for program_id, customer in rating.waiting(context):
        if not go_on():
            return
        try:
            config.maturity_queue().send(rating.rate_customer(context, program_id, customer, go_on).due)
        except Exception:
            logger().warning("payments are rated again later", extra={"customer": customer}, exc_info=True)


def _work(records: list[dict[str, Any]], go_on: Callable[[], bool]) -> dict[str, Any]:
    """What one partner's messages ask for is done at once; where that fails, all of them come again, in order."""
    asked: dict[tuple[str, str], list[tuple[str, MaturityMessage]]] = defaultdict(list)
    queue = config.maturity_queue()
    looks = [record["messageId"] for record in records if queue.is_go_on(record["body"])]
    for record in records:
        if record["messageId"] in looks:
            continue
        message = MaturityMessage.read(record["body"])
        asked[message.partner_id, message.currency].append((record["messageId"], message))
    failed: list[dict[str, str]] = []
    for (partner_id, currency), messages in asked.items():
        try:
            _mature(partner_id, currency, [message for _, message in messages], go_on)
        except Exception:
            logger().warning("maturity goes on later", extra={"partner": partner_id}, exc_info=True)
            failed += [{"itemIdentifier": id} for id, _ in messages]
    try:
        if looks:
            _find(config.context(), go_on)
    except Exception:
        logger().warning("the schedule goes on later", exc_info=True)
        failed += [{"itemIdentifier": id} for id in looks]
    if failed:
        with counting() as metrics:
            count(metrics, "RETRIED", len(failed))
    return {"batchItemFailures": failed}


def _mature(partner_id: str, currency: str, messages: list[MaturityMessage], go_on: Callable[[], bool]) -> None:
    context, since = config.context(), min(message.since for message in messages)
    if all(message.exact for message in messages):
        stopped = maturity.mature_from(context, partner_id, currency, since, go_on)
    else:
        stopped = maturity.mature_all(context, partner_id, currency, since, go_on)
    settlement.cover_all(context, partner_id, currency)  # a debt that was worked off
    if stopped:
        rest = MaturityMessage(partner_id, currency, stopped, True, f"{stopped}-{partner_id}")
        config.maturity_queue().send([rest])
