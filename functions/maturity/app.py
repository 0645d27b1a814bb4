"""Rewards whose time has come become their partner's money: found on a schedule, done partner by partner."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from refledger.adapters.queues import MaturityMessage
from refledger.entry import config
from refledger.entry.observability import logger
from refledger.operations import rewards

BATCHES = 20  # of 95 rewards: well within the time limit


def handler(event: dict[str, Any], _: object) -> dict[str, Any]:
    """A batch of the queue, or a tick of the schedule."""
    return _work(event["Records"]) if "Records" in event else _find()


def _find() -> dict[str, Any]:
    """Send one message per partner and currency with something due. Repeats are harmless."""
    context = config.context()
    until_ms = context.now_ms()
    found = rewards.find_due(context)
    config.maturity_queue().send(found)
    rewards.looked_until(context, until_ms)
    return {"found": len(found)}


def _work(records: list[dict[str, Any]]) -> dict[str, Any]:
    """What one partner's messages ask for is done at once; where that fails, all of them come again, in order."""
    asked: dict[tuple[str, str], list[tuple[str, MaturityMessage]]] = defaultdict(list)
    for record in records:
        message = MaturityMessage.read(record["body"])
        asked[message.partner_id, message.currency].append((record["messageId"], message))
    failed: list[dict[str, str]] = []
    for (partner_id, currency), messages in asked.items():
        if not _mature(partner_id, currency, [message for _, message in messages]):
            failed += [{"itemIdentifier": id} for id, _ in messages]
    return {"batchItemFailures": failed}


def _mature(partner_id: str, currency: str, messages: list[MaturityMessage]) -> bool:
    """False where it must be tried again: it failed, or more is due than one invocation should do."""
    since, exact = min(message.since for message in messages), all(message.exact for message in messages)
    try:
        return rewards.mature_all(config.context(), partner_id, currency, since, exact=exact, batches=BATCHES)
    except Exception:
        logger().warning("maturity goes on later", extra={"partner": partner_id}, exc_info=True)
        return False
