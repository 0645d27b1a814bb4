"""The tasks of the withdrawal workflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from refledger.domain.errors import Busy
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.entry import config
from refledger.entry.observability import logger
from refledger.operations import workflow
from refledger.operations.workflow import APPROVAL, SETTLEMENT
from refledger.store.transaction import Again


def handler(event: dict[str, Any], _: object) -> Mapping[str, Any]:
    """`action` says which task; Step Functions sees an error by the name of its class."""
    logger().info("task", extra={"action": event["action"], "withdrawal": event["withdrawalId"]})
    try:
        return _task(event)
    except Again as error:  # a name that the workflow knows and retries
        raise Busy("the table is busy") from error


def _task(event: dict[str, Any]) -> Mapping[str, Any]:
    context, action, id = config.context(), event["action"], event["withdrawalId"]
    match action:
        case "assess":
            return workflow.assess(context, id)
        case "request-approval":
            return workflow.wait(context, config.waker(), id, APPROVAL, event["token"])
        case "auto-approve":
            return workflow.auto_approve(context, id)
        case "start-payout":
            return workflow.start_payout(context, id)
        case "await-settlement":
            return workflow.wait(context, config.waker(), id, SETTLEMENT, event["token"])
        case "settle":
            return workflow.settle(context, id)
        case "release":
            return workflow.release(context, id, WithdrawalStatus(event["as"]))
        case _:
            raise ValueError(f"no task {action}")
