"""The approval workflow: start it, wake it, ask how it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from refledger.domain.withdrawals import Withdrawal

UNFINISHED = "Unfinished"  # as the state machine's Catch has it


def execution_name(withdrawal: Withdrawal) -> str:
    """The withdrawal's id; with the number of the attempt when it was resumed."""
    return f"{withdrawal.id}-{withdrawal.attempt}" if withdrawal.attempt else withdrawal.id


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
                input=json.dumps({"withdrawalId": withdrawal.id}),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise

    def is_running(self, withdrawal: Withdrawal) -> bool:
        """Whether the withdrawal's current attempt runs."""
        return self.status(withdrawal) == "RUNNING"

    def status(self, withdrawal: Withdrawal) -> str:
        """How the withdrawal's current attempt is, in Step Functions' words; NONE where it was never started."""
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
