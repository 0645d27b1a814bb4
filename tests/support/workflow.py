"""The deployed state machine, run one state at a time, so that anything may happen between two of them.

As much of the Amazon States Language as statemachines/withdrawal_approval.asl.yaml uses; a word not known here is
an error. Waiting, timeouts and retries go by the clock that it is given, not by the time that a test takes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.support.stepfunctions import StepFunctions

DEFINITION = Path(__file__).parents[2] / "statemachines" / "withdrawal_approval.asl.yaml"
Json = dict[str, Any]
KNOWN = {
    "Type", "Comment", "Next", "End", "Resource", "TimeoutSeconds", "TimeoutSecondsPath", "Parameters",
    "ResultSelector", "ResultPath", "Retry", "Catch",
}  # fmt: skip


@cache
def definition() -> Json:
    read: Json = yaml.safe_load(DEFINITION.read_text(encoding="utf-8"))
    for name, state in read["States"].items():
        unknown = set(state) - KNOWN
        assert (state["Type"], unknown) == ("Task", set()), name
    return read


@dataclass
class Execution:
    """One run. `token`: what the task waits with, until `until_ms`; `tries`: of this state, by the retrier's place."""

    name: str
    data: Json
    state: str
    token: str = ""
    until_ms: int = 0
    not_before_ms: int = 0
    tries: dict[int, int] = field(default_factory=dict)
    ended: str = ""  # SUCCEEDED, FAILED
    error: str = ""


@dataclass
class StateMachine:
    """Runs what the double of Step Functions was asked to start. `task`: the workflow function."""

    steps: StepFunctions
    task: Callable[[Json, object], Json]
    now_ms: Callable[[], int]
    executions: dict[str, Execution] = field(default_factory=dict)
    tokens: int = 0

    def running(self) -> list[Execution]:
        """Those that have not ended, new ones among them."""
        for name, told in zip(self.steps.executions, self.steps.inputs, strict=True):
            if name not in self.executions:
                self.executions[name] = Execution(name, told, definition()["StartAt"])
        return [each for each in self.executions.values() if not each.ended]

    def advance(self, run: Execution) -> bool:
        """One state further; False where it waits for somebody or for a time."""
        if run.ended or self.now_ms() < run.not_before_ms:
            return False
        state = definition()["States"][run.state]
        return self._waits(run, state) if run.token else self._invoke(run, state)

    def _invoke(self, run: Execution, state: Json) -> bool:
        waits = state["Resource"].endswith(".waitForTaskToken")
        if waits:
            self.tokens += 1
            run.token = f"token-{self.tokens}"
            path = state.get("TimeoutSecondsPath")
            seconds = _at(path, run.data) if path else state["TimeoutSeconds"]
            run.until_ms = self.now_ms() + 1000 * seconds
            self.steps.waiting.add(run.token)
        given = _made(state["Parameters"]["Payload"], run.data | {"$$": {"Task": {"Token": run.token}}})
        try:
            answer = self.task(json.loads(json.dumps(given)), None)
        except Exception as error:
            self._stop_waiting(run)
            self._failed(run, state, type(error).__name__)
            return True
        if not waits:
            self._leave(run, state, {"Payload": json.loads(json.dumps(answer))})
        return True

    def _waits(self, run: Execution, state: Json) -> bool:
        output, error = dict(self.steps.woken).get(run.token), dict(self.steps.failed).get(run.token)
        if output is None and error is None and self.now_ms() < run.until_ms:
            return False
        self._stop_waiting(run)
        if output is None:
            self._failed(run, state, error or "States.Timeout")
        else:
            self._leave(run, state, output)
        return True

    def _stop_waiting(self, run: Execution) -> None:
        self.steps.waiting.discard(run.token)
        run.token = ""

    def _failed(self, run: Execution, state: Json, error: str) -> None:
        for place, retrier in enumerate(state.get("Retry", [])):
            if error in retrier["ErrorEquals"]:
                tries = run.tries[place] = run.tries.get(place, 0) + 1
                if tries > retrier["MaxAttempts"]:
                    break
                pause = min(
                    retrier["IntervalSeconds"] * retrier["BackoffRate"] ** (tries - 1), retrier["MaxDelaySeconds"]
                )
                run.not_before_ms = self.now_ms() + int(1000 * pause)
                return
        for catcher in state.get("Catch", []):
            if error in catcher["ErrorEquals"]:
                assert catcher["ResultPath"] is None
                self._go(run, catcher["Next"])
                return
        run.error = error
        self._end(run, "FAILED")

    def _leave(self, run: Execution, state: Json, result: Json) -> None:
        if "ResultSelector" in state:
            result = _made(state["ResultSelector"], result)
        if path := state.get("ResultPath", "$"):  # null: what it answers is not kept
            run.data = result if path == "$" else run.data | {path.removeprefix("$."): result}
        if state.get("End"):
            self._end(run, "SUCCEEDED")
        else:
            self._go(run, state["Next"])

    def _go(self, run: Execution, state: str) -> None:
        run.state, run.tries, run.not_before_ms = state, {}, 0

    def _end(self, run: Execution, status: str) -> None:
        run.ended = self.steps.executions[run.name] = status


def _at(path: str, data: Json) -> Any:
    found: Any = data
    for name in path.removeprefix("$.").split("."):
        found = found[name]
    return found


def _made(template: Json, data: Json) -> Json:
    """The template with what its paths lead to."""
    made: Json = {}
    for name, value in template.items():
        if isinstance(value, dict):
            made[name] = _made(value, data)
        elif name.endswith(".$"):
            made[name.removesuffix(".$")] = _at(value, data)
        else:
            made[name] = value
    return made
