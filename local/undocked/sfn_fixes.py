"""What moto's interpreter of the States Language gets wrong, mended; and a scale for its clock.

One function for each mended behaviour, all applied by `apply()`, each with a contract test in undocked_tests
that fails without it. They replace private names of moto: a new version of it needs another look at every one
of them, which is why its version is pinned. Reference:
https://docs.aws.amazon.com/step-functions/latest/apireference/
"""

from __future__ import annotations

import functools
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from moto.core.exceptions import AWSError
from moto.core.responses import ActionResult, EmptyResult
from moto.stepfunctions import models, responses
from moto.stepfunctions.parser import models as parser_models
from moto.stepfunctions.parser.api import HistoryEventType, InvalidToken
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.common.timeouts.heartbeat import Heartbeat
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import Timeout
from moto.stepfunctions.parser.asl.component.program import program
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_callback
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ResourceCondition
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.callback import callback
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.eval.program_state import ProgramStopped
from moto.stepfunctions.parser.asl.utils import boto_client

from undocked.replacing import replace

HISTORY_PAGE = 1000
STOP_LIMIT_SECONDS = 10.0

_backend: Any = parser_models.StepFunctionsParserBackend  # Any: moto's types are partial, and methods are assigned to
_responses: Any = responses.StepFunctionResponse
_clock_scale = 1.0


class TaskTimedOutError(AWSError):
    """A token whose task is over; moto's own class of the name is not an error of the API."""

    TYPE = "TaskTimedOut"
    STATUS = 400


@functools.cache  # once: every function keeps the original of what it replaces
def apply() -> None:
    """Mend the interpreter of this process. To be called after mock_aws has started."""
    execute_machines_of_cloudformation()
    reuse_lambda_clients()
    name_nameless_executions()
    abort_when_stopped()
    refuse_used_tokens()
    keep_the_cause_of_failed_tasks()
    renew_the_token_of_a_retry()
    report_missed_heartbeats()
    page_the_history()
    scale_the_clock()


def set_clock_scale(scale: float) -> None:
    """Multiply waits, time limits, heartbeats and retry intervals of state machines by this."""
    global _clock_scale
    _clock_scale = scale


def execute_machines_of_cloudformation() -> None:
    """A machine created by CloudFormation went to a backend that records executions and does not run them."""
    replace(models, "stepfunctions_backends", parser_models.stepfunctions_parser_backends)


def reuse_lambda_clients() -> None:
    """Every task made a boto3 client of its own, at 20 ms and some memory each."""
    make = functools.cache(lambda region, service: boto_client.boto_client_for(region, service))
    replace(lambda_eval_utils, "boto_client_for", lambda region, service, state_credentials=None: make(region, service))


def name_nameless_executions() -> None:
    """StartExecution without a name made an execution called None, and the second one collided with it."""
    original = _backend.start_execution

    def start_execution(
        self: Any,
        arn: str,
        name: str | None = None,
        execution_input: str | None = None,
        trace_header: Any = None,
    ) -> Any:
        return original(self, arn, name or str(uuid.uuid4()), execution_input, trace_header)

    replace(_backend, "start_execution", start_execution)


def abort_when_stopped() -> None:
    """StopExecution lost error and cause, left tasks waiting for their tokens, and could end as FAILED."""

    def stop_execution(self: Any) -> Any:
        execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
        error, cause = self._get_param("error"), self._get_param("cause")
        if execution.status == "RUNNING":
            give_up = time.monotonic() + STOP_LIMIT_SECONDS
            while not (execution.exec_worker and execution.exec_worker.env) and time.monotonic() < give_up:
                time.sleep(0.002)  # its thread has not begun yet
            execution.stop(datetime.now(UTC), error, cause)
            execution.error, execution.cause = error, cause
            for endpoint in list(execution.exec_worker.env.callback_pool_manager._pool.values()):
                endpoint.interrupt_all()
            while execution.status == "RUNNING" and time.monotonic() < give_up:
                time.sleep(0.002)
        return ActionResult({"stopDate": execution.stop_date or datetime.now(UTC)})

    original = Environment.set_error

    def set_error(self: Any, error: Any) -> None:
        """The task that was interrupted fails; that failure must not win over the stop."""
        if not isinstance(self._program_state, ProgramStopped):
            original(self, error)

    replace(_responses, "stop_execution", stop_execution)
    replace(Environment, "set_error", set_error)


def refuse_used_tokens() -> None:
    """An answer with the token of a task that is over was accepted, or the token was called invalid."""
    endpoint: Any = callback.CallbackEndpoint
    notify = endpoint.notify

    def notify_once(self: Any, outcome: Any) -> None:
        if self._outcome is not None or self._notify_event.is_set():
            raise _task_timed_out()
        notify(self, outcome)

    def distinguishing(original: Callable[..., Any]) -> Callable[..., Any]:
        def send(self: Any, task_token: str, *rest: Any, **named: Any) -> Any:
            try:
                return original(self, task_token, *rest, **named)
            except InvalidToken:
                if any(e.exec_worker.env.callback_pool_manager.get(task_token) for e in self._get_executions()):
                    raise _task_timed_out() from None
                raise

        return send

    replace(endpoint, "notify", notify_once)
    for name in ("send_task_success", "send_task_failure"):
        replace(_backend, name, distinguishing(getattr(_backend, name)))


def _task_timed_out() -> TaskTimedOutError:
    return TaskTimedOutError("Task Timed Out: 'Provided task does not exist anymore'")


def keep_the_cause_of_failed_tasks() -> None:
    """SendTaskFailure dropped its cause."""

    def send_task_failure(self: Any) -> Any:
        token, error, cause = (self._get_param(name) for name in ("taskToken", "error", "cause"))
        self.stepfunction_backend.send_task_failure(token, error=error, cause=cause)
        return EmptyResult()

    replace(_responses, "send_task_failure", send_task_failure)


def renew_the_token_of_a_retry() -> None:
    """A task retried after it had waited got its old, closed token: every retry failed at once."""
    task: Any = state_task_service_callback.StateTaskServiceCallback
    original = task._evaluate_with_timeout

    def evaluate_with_timeout(self: Any, env: Any) -> None:
        if self.resource.condition == ResourceCondition.WaitForTaskToken:
            used = env.callback_pool_manager.get(env.states.context_object.context_object_data["Task"]["Token"])
            if used and (used._outcome is not None or used._notify_event.is_set()):
                env.callback_pool_manager.add(env.states.context_object.update_task_token())
        original(self, env)

    replace(task, "_evaluate_with_timeout", evaluate_with_timeout)


def report_missed_heartbeats() -> None:
    """A missed heartbeat was an unknown error, which a Catch of States.HeartbeatTimeout did not catch."""
    task: Any = state_task_service_callback.StateTaskServiceCallback
    original = task._from_error

    def from_error(self: Any, env: Any, ex: Exception) -> Any:
        if not isinstance(ex, callback.HeartbeatTimeoutError):
            return original(self, env, ex)
        name = StatesErrorNameType.StatesHeartbeatTimeout
        details = {
            "resourceType": self._get_sfn_resource_type(),
            "resource": self._get_sfn_resource(),
            "error": name.to_name(),
        }
        return FailureEvent(
            env=env,
            error_name=StatesErrorName(typ=name),
            event_type=HistoryEventType.TaskTimedOut,
            event_details=cast(EventDetails, {"taskTimedOutEventDetails": details}),
        )

    replace(task, "_from_error", from_error)


def page_the_history() -> None:
    """GetExecutionHistory ignored maxResults, nextToken and reverseOrder."""

    def get_execution_history(self: Any) -> Any:
        history = self.stepfunction_backend.get_execution_history(self._get_param("executionArn"))
        events = list(history["events"])
        if self._get_param("reverseOrder"):
            events.reverse()
        start, size = int(self._get_param("nextToken") or 0), self._get_param("maxResults") or HISTORY_PAGE
        more = {"nextToken": str(start + size)} if start + size < len(events) else {}
        return ActionResult({"events": events[start : start + size], **more})

    replace(_responses, "get_execution_history", get_execution_history)


def scale_the_clock() -> None:
    """Not a fix: lets a time limit of days be tested in seconds.

    What is not given (no time limit) is not scaled.
    """

    def timeout_body(self: Any, env: Any) -> None:
        seconds = self._eval_seconds(env=env)
        env.stack.append(seconds if self.is_default_value() else seconds * _clock_scale)

    def heartbeat_body(self: Any, env: Any) -> None:
        env.stack.append(self._eval_seconds(env=env) * _clock_scale)

    def wait_interval(self: Any, env: Any, wait_seconds: float) -> None:
        """As moto's, which counts whole seconds only and so waits for ever for a part of one."""
        until = time.monotonic() + wait_seconds * _clock_scale
        while env.is_running() and (left := until - time.monotonic()) > 0:
            env.program_state_event.wait(left)

    evaluate = program.Program.eval

    def evaluate_program(self: Any, env: Any) -> None:
        """The time limit of the whole machine is read off the component, not evaluated."""
        limit = self.timeout_seconds
        if limit is not None and not isinstance(limit, SimpleNamespace):  # once: a program may be evaluated again
            self.timeout_seconds = SimpleNamespace(timeout_seconds=limit.timeout_seconds * _clock_scale)
        evaluate(self, env)

    replaced: list[tuple[Any, str, Any]] = [
        (Timeout, "_eval_body", timeout_body),
        (Heartbeat, "_eval_body", heartbeat_body),
        (WaitFunction, "_wait_interval", wait_interval),
        (program.Program, "eval", evaluate_program),
        (retrier_decl, "time", SimpleNamespace(sleep=lambda seconds: time.sleep(seconds * _clock_scale))),
    ]
    for owner, name, replacement in replaced:
        replace(owner, name, replacement)
