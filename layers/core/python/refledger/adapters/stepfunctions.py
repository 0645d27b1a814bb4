"""The approval workflow: start it, wake it, ask how it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from refledger.domain.withdrawals import Withdrawal, WithdrawalStatus

UNFINISHED = "Unfinished"  # as the state machine's Catch has it


def execution_name(withdrawal: Withdrawal) -> str:
    """Return the withdrawal's id; with the number of the attempt when it was resumed."""
    return f"{withdrawal.id}-{withdrawal.attempt}" if withdrawal.attempt else withdrawal.id


def told(withdrawal: Withdrawal) -> dict[str, Any]:
    """Return what an execution is given: its id, and what a table that was put back would lack.

    What is known nowhere else once the table was put back to before it. The workflow itself reads the id alone. No
    account and no name.
    """
    method = withdrawal.method
    return {
        "withdrawalId": withdrawal.id, "partnerId": withdrawal.partner_id, "programId": withdrawal.program_id,
        "amount": withdrawal.amount, "currency": withdrawal.currency,
        "method": [method.id, method.version, method.type.value],
    }  # fmt: skip


class Workflow:
    """One state machine. An execution's name makes its start idempotent for 90 days."""

    def __init__(self, client: Any, machine_arn: str) -> None:
        self._client, self._arn = client, machine_arn

    def start(self, withdrawal: Withdrawal) -> None:
        """Start the withdrawal's current attempt; nothing happens where it runs or ran already."""
        try:
            self._client.start_execution(
                stateMachineArn=self._arn,
                name=execution_name(withdrawal),
                input=json.dumps(told(withdrawal)),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise

    def is_running(self, withdrawal: Withdrawal) -> bool:
        """Return whether the withdrawal's current attempt runs."""
        return self.status(withdrawal) == "RUNNING"

    def status(self, withdrawal: Withdrawal) -> str:
        """Return how the withdrawal's current attempt is, in Step Functions' words.

        NONE where it was never started.
        """
        arn = self._arn.replace(":stateMachine:", ":execution:", 1) + f":{execution_name(withdrawal)}"
        try:
            return str(self._client.describe_execution(executionArn=arn)["status"])
        except ClientError as error:
            if error.response["Error"]["Code"] == "ExecutionDoesNotExist":
                return "NONE"
            raise


class Waker:
    """Says to a task that waits how it ended. Needs no state machine, only the token."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def wake(self, token: str, withdrawal: Withdrawal, status: str = "") -> bool:
        """Send what became of the withdrawal, `status` where it is not its own.

        False where the token is used up, too old or unknown: then the withdrawal's item says it all.
        """
        output = json.dumps({"withdrawalId": withdrawal.id, "status": status or withdrawal.status.value})
        return self._sent(self._client.send_task_success, taskToken=token, output=output)

    def send_back(self, token: str) -> bool:
        """End the task with an error that the state machine catches, to begin again. False as with `wake`.

        Told with the token instead of raised: what a function raises is counted as a fault of it, and rings.
        """
        return self._sent(self._client.send_task_failure, taskToken=token, error=UNFINISHED, cause="it is not over")

    @staticmethod
    def _sent(send: Callable[..., Any], **given: str) -> bool:
        try:
            send(**given)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("TaskTimedOut", "TaskDoesNotExist", "InvalidToken"):
                return False
            raise
        return True


@dataclass(frozen=True)
class Execution:
    """One run of the workflow. `told`: its input. `states`: those that it entered. `ended_as`: how it ended, if so."""

    arn: str
    name: str
    is_running: bool
    started_at_ms: int
    told: Mapping[str, Any]
    states: frozenset[str]
    ended_as: WithdrawalStatus | None

    @property
    def withdrawal_id(self) -> str:
        return str(self.told.get("withdrawalId") or self.name.partition("-")[0])


class Executions:
    """All runs of one state machine, which Step Functions keeps for 90 days after their end."""

    def __init__(self, client: Any, machine_arn: str) -> None:
        self._client, self._arn = client, machine_arn

    def since(self, at_ms: int) -> Iterator[Execution]:
        """Yield those that ran at that moment, or since; the newest first."""
        pages = self._client.get_paginator("list_executions").paginate(stateMachineArn=self._arn)
        for listed in (each for page in pages for each in page["executions"]):
            ended = listed.get("stopDate")
            if listed["status"] == "RUNNING" or ended is None or _ms(ended) >= at_ms:
                yield self._read(listed)

    def _read(self, listed: Mapping[str, Any]) -> Execution:
        arn = listed["executionArn"]
        whole = self._client.describe_execution(executionArn=arn)
        pages = self._client.get_paginator("get_execution_history").paginate(
            executionArn=arn, includeExecutionData=False
        )
        entered = (each.get("stateEnteredEventDetails", {}).get("name") for page in pages for each in page["events"])
        output = json.loads(whole.get("output") or "{}")
        status = output.get("heard", output.get("now", {})).get("status")  # `now`: by an earlier definition
        return Execution(
            arn, listed["name"], listed["status"] == "RUNNING", _ms(listed["startDate"]), json.loads(whole["input"]),
            frozenset(filter(None, entered)), WithdrawalStatus(status) if status in set(WithdrawalStatus) else None,
        )  # fmt: skip

    def running(self) -> Iterator[str]:
        """Yield the names in AWS of those that have not ended."""
        pages = self._client.get_paginator("list_executions").paginate(
            stateMachineArn=self._arn, statusFilter="RUNNING"
        )
        return (each["executionArn"] for page in pages for each in page["executions"])

    def stop(self, arn: str) -> None:
        """End an execution; nothing happens where it has ended.

        The sweeper begins the next attempt from what the table says.
        """
        self._client.stop_execution(
            executionArn=arn, error="Restored", cause="the table was put back to an earlier moment"
        )


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
