"""The project's state machine on moto's interpreter, with a small workflow function made of plain fields.

The definition is the deployed one. Its clock is scaled, so that days pass in milliseconds; only the time
limit of a single call, which is seconds and meant as such, is left at real seconds.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws
from moto.awslambda_simple.models import LambdaSimpleBackend

from refledger.adapters.stepfunctions import UNFINISHED
from refledger.domain.journal import EntryKind
from refledger.domain.withdrawals import OPEN, WithdrawalStatus, movement
from refledger.operations.payouts.workflow_callbacks import HELD
from undocked import sfn_fixes
from undocked.testing import PATIENCE_SECONDS

DEFINITION = Path(__file__).parents[2] / "statemachines" / "withdrawal_approval.asl.yaml"
REGION, ACCOUNT = "eu-central-1", "123456789012"
CLOCK_SCALE = 1e-6
DAY_SECONDS = 86_400
LONG_SECONDS = 3000 * DAY_SECONDS  # four minutes by the scaled clock: no busy machine makes a test wait that long

S = WithdrawalStatus
Event = dict[str, Any]
Handler = Callable[[Event], Event]


@dataclass
class Execution:
    """One withdrawal's way through the machine."""

    id: str
    client: Any
    machine_arn: str
    calls: list[str] = field(default_factory=list)

    def start(self, attempt: int = 0) -> str:
        """Begin an execution; returns its ARN."""
        name = f"{self.id}-{attempt}" if attempt else self.id
        given = json.dumps({"withdrawalId": self.id})
        answer = self.client.start_execution(stateMachineArn=self.machine_arn, name=name, input=given)
        return str(answer["executionArn"])

    def finish(self, execution_arn: str) -> Event:
        """The execution's description when it is over."""
        ended: list[Event] = []

        def over() -> bool:
            found = self.client.describe_execution(executionArn=execution_arn)
            if found["status"] != "RUNNING":
                ended.append(found)
            return bool(ended)

        self.until(over)
        return ended[0]

    def run(self) -> Event:
        return self.finish(self.start())

    def entered(self, execution_arn: str) -> list[str]:
        """The states in the order in which they were entered: what Step Functions bills."""
        events = self.client.get_execution_history(executionArn=execution_arn)["events"]
        return [e["stateEnteredEventDetails"]["name"] for e in events if "stateEnteredEventDetails" in e]

    def until(self, condition: Callable[[], bool]) -> None:
        give_up = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < give_up, f"nothing happens any more; calls so far: {self.calls}"
            time.sleep(0.002)


@dataclass
class World(Execution):
    """One withdrawal, what the tasks do to it, and what was done. `faults`: errors to raise, by action.

    An error in `before` is raised before the task has done anything, one in `after` when all is done and only
    the answer is lost.
    """

    status: WithdrawalStatus = S.REQUESTED
    auto_approve: bool = False
    before: dict[str, list[Exception]] = field(default_factory=dict)
    after: dict[str, list[Exception]] = field(default_factory=dict)
    on: dict[str, Callable[[], None]] = field(default_factory=dict)
    answer: str = ""  # what the payout ends with at once, instead of the truth
    tokens: dict[str, str] = field(default_factory=dict)
    moves: Counter[EntryKind] = field(default_factory=Counter)

    def handle(self, event: Event) -> Event:
        """The workflow function."""
        action = event["action"]
        self.calls.append(action)
        self._fail(self.before, action)
        self.on.pop(action, lambda: None)()
        match action:
            case "decide":
                self.tokens[action] = event["token"]
                if self.auto_approve and self.status is S.REQUESTED:
                    self.move(S.APPROVED)
                if self.status is not S.REQUESTED:
                    self.wake(action)
            case "pay":
                self.tokens[action] = event["token"]
                if self.status is S.APPROVED:
                    self.move(S.PAYING)
                if self.status is not S.PAYING or self.answer:
                    self.wake(action, self.answer)
            case "finish":
                self._finish(event)
            case _:
                raise AssertionError(f"no such task: {action}")
        self._fail(self.after, action)
        return {"withdrawalId": self.id, "status": str(self.status)}

    def _finish(self, event: Event) -> None:
        self.tokens["finish"] = event["token"]
        if self.status in OPEN and event["heard"] != HELD:
            self.client.send_task_failure(taskToken=event["token"], error=UNFINISHED)
        else:
            self.wake("finish")

    def move(self, status: WithdrawalStatus) -> None:
        """One change of status with its money, by the project's own table. Raises AlreadyDecided."""
        kind = movement(self.status, status)
        self.status = status
        if kind:
            self.moves[kind] += 1

    def decide(self, status: WithdrawalStatus, action: str = "decide") -> None:
        """What a person does: first the item, then the task that waits for it."""
        self.until(lambda: action in self.tokens)
        self.move(status)
        self.wake(action)

    def wake(self, action: str, status: str = "") -> None:
        output = json.dumps({"withdrawalId": self.id, "status": status or str(self.status)})
        self.client.send_task_success(taskToken=self.tokens[action], output=output)

    @staticmethod
    def _fail(faults: dict[str, list[Exception]], action: str) -> None:
        if faults.get(action):
            raise faults[action].pop(0)


@dataclass
class Machine:
    """Called, it makes a world of the fields that are given. `handlers`: who does the tasks of a withdrawal."""

    client: Any
    arn: str
    handlers: dict[str, Handler]

    def __call__(self, **given: Any) -> World:
        made = World(f"withdrawal{len(self.handlers)}", self.client, self.arn, **given)
        self.handlers[made.id] = made.handle
        return made


def definition(file: Path, limit_seconds: int | None = None) -> dict[str, Any]:
    """A definition with the function's ARN filled in. `limit_seconds`: of every wait that is one of days."""
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:workflow"
    found: dict[str, Any] = yaml.safe_load(file.read_text().replace("${WorkflowFunctionArn}", arn))
    for state in (found, *found["States"].values()):
        if limit_seconds and "Type" in state and state.get("TimeoutSeconds", 0) > DAY_SECONDS:
            state["TimeoutSeconds"] = limit_seconds
        elif "TimeoutSeconds" in state:
            state["TimeoutSeconds"] = round(state["TimeoutSeconds"] / CLOCK_SCALE)
    return found


@contextmanager
def running(
    monkeypatch: pytest.MonkeyPatch, file: Path = DEFINITION, limit_seconds: int | None = None
) -> Iterator[Machine]:
    """The machine is the same for all worlds, and tells them apart by the withdrawal's id. `file`: its definition."""
    worlds: dict[str, Handler] = {}

    def invoke(
        _: LambdaSimpleBackend, name: str, qualifier: str, body: Any, headers: Any, response_headers: Any
    ) -> bytes:
        event = json.loads(body)
        try:
            return json.dumps(worlds[event["withdrawalId"]](event)).encode()
        except Exception as error:
            response_headers["x-amz-function-error"] = "Unhandled"
            kind = getattr(error, "error_type", type(error).__name__)
            return json.dumps({"errorType": kind, "errorMessage": str(error)}).encode()

    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_LAMBDA", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setattr(LambdaSimpleBackend, "invoke", invoke)
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}}):
        sfn_fixes.apply()
        sfn_fixes.set_clock_scale(CLOCK_SCALE)
        client = boto3.client("stepfunctions")
        machine = client.create_state_machine(
            name="withdrawal-approval",
            definition=json.dumps(definition(file, limit_seconds)),
            roleArn=f"arn:aws:iam::{ACCOUNT}:role/r",
        )

        try:
            yield Machine(client, machine["stateMachineArn"], worlds)
        finally:
            sfn_fixes.set_clock_scale(1.0)


class LambdaError(Exception):
    """What Step Functions sees of a function that ran out of time or memory, under Lambda's own names."""

    def __init__(self, error_type: str) -> None:
        super().__init__(error_type)
        self.error_type = error_type
