"""The tasks of the withdrawal workflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from refledger.domain.withdrawals import Withdrawal, WithdrawalStatus
from refledger.entry import config
from refledger.entry.metrics import count, counting
from refledger.entry.observability import logger
from refledger.entry.stopping import stops
from refledger.operations.context import busy_on_conflict
from refledger.operations.payouts import payouts, workflow_callbacks, workflow_tasks
from refledger.operations.payouts.workflow_callbacks import APPROVAL, SETTLEMENT


@stops(pays=True)
def handler(event: dict[str, Any], _: object) -> Mapping[str, Any]:
    """`action` says which task; Step Functions sees an error by the name of its class."""
    logger().info("task", extra={"action": event["action"], "withdrawal": event["withdrawalId"]})
    with busy_on_conflict():  # a name that the workflow knows and retries
        return _task(event)


def _start_payout(withdrawal_id: str) -> Withdrawal:
    """A payout that a person has to look at is counted: an alarm hangs on it."""
    withdrawal = payouts.start(config.context(), config.payouts, config.vault, withdrawal_id)
    if withdrawal.problem:
        with counting() as metrics:
            count(metrics, "PAYOUT_PROBLEM")
    return withdrawal


def _task(event: dict[str, Any]) -> Mapping[str, Any]:
    context, action, id = config.context(), event["action"], event["withdrawalId"]
    match action:
        case "decide":
            return workflow_tasks.decide(context, config.waker(), id, event["token"])
        case "pay":
            return payouts.wait_for_end(context, config.waker(), _start_payout(id), event["token"])
        case "finish":
            return workflow_tasks.finish(context, config.waker(), id, event["heard"], event["token"])
        case _:
            return _former_task(event)


def _former_task(event: dict[str, Any]) -> Mapping[str, Any]:
    """What executions ask for that began before decision 99 or 90: each lives up to a year, by its own definition."""
    context, id = config.context(), event["withdrawalId"]
    match event["action"]:
        case "admit":
            return workflow_tasks.admit(context, id)
        case "request-approval":
            return workflow_callbacks.wait(context, config.waker(), id, APPROVAL, event["token"])
        case "release":
            return workflow_tasks.release(context, id, WithdrawalStatus(event["as"]))
        case "assess":
            return workflow_tasks.assess(context, id)
        case "auto-approve":
            return workflow_tasks.auto_approve(context, id)
        case "start-payout":
            return payouts.told(_start_payout(id))
        case "await-settlement":
            return workflow_callbacks.wait(context, config.waker(), id, SETTLEMENT, event["token"])
        case "settle":
            return workflow_tasks.settle(context, id)
        case action:
            raise ValueError(f"no task {action}")
