"""Step Functions as far as refledger uses it: executions with names, tokens that work once. A double of the client."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from refledger.adapters.stepfunctions import Waker, Workflow

MACHINE_ARN = "arn:aws:states:eu-central-1:000000000000:stateMachine:withdrawals"


@dataclass
class StepFunctions:
    """What `Workflow` and `Waker` call. `down`: the code of an error that every call answers with."""

    executions: dict[str, str] = field(default_factory=dict)  # name → status
    inputs: list[dict[str, Any]] = field(default_factory=list)
    waiting: set[str] = field(default_factory=set)  # tokens that a task waits with
    woken: list[tuple[str, dict[str, str]]] = field(default_factory=list)  # (token, output), those that counted
    failed: list[tuple[str, str]] = field(default_factory=list)  # (token, error), those that counted
    tried: list[str] = field(default_factory=list)  # tokens that somebody tried to use
    down: str = ""

    def __post_init__(self) -> None:
        self.workflow, self.waker = Workflow(self, MACHINE_ARN), Waker(self)

    def start_execution(self, **given: str) -> dict[str, str]:
        self._check_up("StartExecution")
        assert given["stateMachineArn"] == MACHINE_ARN
        if given["name"] in self.executions:
            raise _error("ExecutionAlreadyExists", "StartExecution")
        self.executions[given["name"]] = "RUNNING"
        self.inputs.append(json.loads(given["input"]))
        return {"executionArn": given["name"]}

    def describe_execution(self, **given: str) -> dict[str, str]:
        self._check_up("DescribeExecution")
        prefix = MACHINE_ARN.replace(":stateMachine:", ":execution:") + ":"
        assert given["executionArn"].startswith(prefix)
        name = given["executionArn"].removeprefix(prefix)
        if name not in self.executions:
            raise _error("ExecutionDoesNotExist", "DescribeExecution")
        return {"status": self.executions[name]}

    def send_task_success(self, **given: str) -> dict[str, str]:
        self.woken.append((self._used(given["taskToken"], "SendTaskSuccess"), json.loads(given["output"])))
        return {}

    def send_task_failure(self, **given: str) -> dict[str, str]:
        self.failed.append((self._used(given["taskToken"], "SendTaskFailure"), given["error"]))
        return {}

    def _used(self, token: str, operation: str) -> str:
        self._check_up(operation)
        self.tried.append(token)
        if token not in self.waiting:
            raise _error("TaskTimedOut", operation)
        self.waiting.remove(token)
        return token

    def _check_up(self, operation: str) -> None:
        if self.down:
            raise _error(self.down, operation)


def _error(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "told"}}, operation)
