"""Rewards whose time has come become their partner's money: found on a schedule, done from a queue, partner by partner."""

from __future__ import annotations

import json
from typing import Any

from refledger.entry import config
from refledger.entry.observability import logger
from refledger.operations import rewards


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
    """In the order of the queue: after a failure of a partner their later messages wait, too."""
    failed: list[dict[str, str]] = []
    stopped: set[str] = set()
    for record in records:
        message = json.loads(record["body"])
        partner_id = message["partnerId"]
        try:
            if partner_id in stopped or not _mature(partner_id, message["currency"], message["since"]):
                raise _Unfinished
        except Exception as error:
            unknown = not isinstance(error, _Unfinished)
            logger().warning("maturity goes on later", extra={"partner": partner_id}, exc_info=unknown)
            stopped.add(partner_id)
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


class _Unfinished(Exception):
    """More is due than one invocation should do."""


def _mature(partner_id: str, currency: str, since: str) -> bool:
    return rewards.mature_all(config.context(), partner_id, currency, since or "~", batches=20)
