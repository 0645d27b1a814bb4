"""The tasks of the withdrawal workflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from refledger.domain.withdrawals import WithdrawalStatus
from refledger.entry import config
from refledger.entry.observability import logger
from refledger.operations import workflow
from refledger.operations.workflow import APPROVAL, SETTLEMENT


def handler(event: dict[str, Any], _: object) -> Mapping[str, Any]:
    """`action` says which task; Step Functions sees an error by the name of its class."""
    context, action, id = config.context(), event["action"], event["withdrawalId"]
    logger().info("task", extra={"action": action, "withdrawal": id})
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
