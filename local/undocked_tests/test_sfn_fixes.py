"""Contract tests of what undocked/sfn_fixes.py mends in moto's interpreter: each fails where the mend is left out.

In process, with moto's own stand-in for Lambda replaced by Python functions.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.awslambda_simple.models import LambdaSimpleBackend

from undocked import sfn_fixes
from undocked.testing import wait_until

FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:"
DAY = 86_400
Handler = Callable[[dict[str, Any]], Any]


class Bench:
    """A Step Functions client, functions to call, and the task tokens that they got."""

    def __init__(self, handlers: dict[str, Handler]) -> None:
        self.client = boto3.client("stepfunctions", region_name="eu-central-1")
        self.tokens: list[str] = []
        self.handlers = handlers
        handlers["ask"] = lambda event: self.tokens.append(event["token"])

    def machine(self, states: dict[str, Any], start: str = "A", **more: Any) -> str:
        """Make a state machine; returns its ARN."""
        definition = json.dumps({"StartAt": start, "States": states, **more})
        name = f"m{len(self.client.list_state_machines()['stateMachines'])}"
        role = "arn:aws:iam::123456789012:role/r"
        made = self.client.create_state_machine(name=name, definition=definition, roleArn=role)
        return str(made["stateMachineArn"])

    def start(self, machine: str, event: dict[str, Any] | None = None, **more: Any) -> str:
        """Start an execution; returns its ARN."""
        started = self.client.start_execution(stateMachineArn=machine, input=json.dumps(event or {}), **more)
        return str(started["executionArn"])

    def end(self, execution: str) -> dict[str, Any]:
        """Wait for the end of an execution; returns its description."""
        wait_until(lambda: self.client.describe_execution(executionArn=execution)["status"] != "RUNNING", step=0.005)
        described: dict[str, Any] = self.client.describe_execution(executionArn=execution)
        return described

    def token(self, number: int = 0) -> str:
        """The token of that task, as soon as the function has it."""
        wait_until(lambda: len(self.tokens) > number, step=0.005)
        return self.tokens[number]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """moto with the mends, at the true speed of the clock."""
    for name, value in {
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
    }.items():
        monkeypatch.setenv(name, value)
    handlers: dict[str, Handler] = {}

    def invoke(
        self: Any, function_name: str, qualifier: Any, body: Any, headers: Any, response_headers: dict[str, str]
    ) -> bytes:
        try:
            answer = handlers[function_name.split(":function:")[-1]](json.loads(body or "{}"))
        except Exception as error:  # as the service reports a handler's exception
            response_headers["x-amz-function-error"] = "Unhandled"
            answer = {"errorType": type(error).__name__, "errorMessage": str(error)}
        return json.dumps(answer).encode()

    monkeypatch.setattr(LambdaSimpleBackend, "invoke", invoke)
    config: Any = {"stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}}
    with mock_aws(config=config):
        sfn_fixes.apply()
        sfn_fixes.set_clock_scale(1.0)
        yield Bench(handlers)
        sfn_fixes.set_clock_scale(1.0)


def ask(**more: Any) -> dict[str, Any]:
    """A task that hands its token out and waits."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {"FunctionName": f"{FUNCTION}ask", "Payload": {"token.$": "$$.Task.Token"}},
        "End": True,
        **more,
    }


def call(function: str, **more: Any) -> dict[str, Any]:
    """A task that calls a function."""
    parameters = {"FunctionName": FUNCTION + function, "Payload.$": "$"}
    return {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": parameters, "End": True, **more}


def caught(error: str) -> dict[str, Any]:
    """Catch one error and end well."""
    return {"Catch": [{"ErrorEquals": [error], "ResultPath": "$.error", "Next": "Caught"}]}


CAUGHT = {"Caught": {"Type": "Pass", "End": True}}


def test_an_execution_may_have_no_name(bench: Bench) -> None:
    """name_nameless_executions: two of them run side by side."""
    machine = bench.machine({"A": {"Type": "Pass", "End": True}})
    first, second = bench.start(machine), bench.start(machine)
    assert first != second
    assert "None" not in first
    assert bench.end(second)["status"] == "SUCCEEDED"


def test_a_name_is_used_once(bench: Bench) -> None:
    """The same name and input return the running execution, another input is refused: what the project relies on."""
    machine = bench.machine({"A": ask()})
    first = bench.start(machine, {"n": 1}, name="one")
    assert bench.start(machine, {"n": 1}, name="one") == first
    with pytest.raises(bench.client.exceptions.ExecutionAlreadyExists):
        bench.start(machine, {"n": 2}, name="one")
    bench.client.stop_execution(executionArn=first)


def test_a_machine_made_by_cloudformation_runs(bench: Bench) -> None:
    """execute_machines_of_cloudformation: it does not only record its executions."""
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": {"ran": True}, "End": True}}})
    properties = {"DefinitionString": definition, "RoleArn": "arn:aws:iam::123456789012:role/r"}
    template = {"Resources": {"M": {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}}}
    boto3.client("cloudformation").create_stack(StackName="s", TemplateBody=json.dumps(template))
    machine = bench.client.list_state_machines()["stateMachines"][0]["stateMachineArn"]
    assert json.loads(bench.end(bench.start(machine))["output"]) == {"ran": True}


def test_a_stopped_execution_is_aborted_with_its_reason(bench: Bench) -> None:
    """abort_when_stopped: error and cause are kept, the waiting task ends, its token is dead, ABORTED wins."""
    execution = bench.start(bench.machine({"A": ask(TimeoutSeconds=3600)}))
    token = bench.token()
    bench.client.stop_execution(executionArn=execution, error="Operator", cause="cancelled")
    end = bench.end(execution)
    assert (end["status"], end["error"], end["cause"]) == ("ABORTED", "Operator", "cancelled")
    with pytest.raises(ClientError):
        bench.client.send_task_success(taskToken=token, output="{}")
    time.sleep(0.05)  # the task that was interrupted has failed by now
    assert bench.end(execution)["status"] == "ABORTED"
    bench.client.stop_execution(executionArn=execution, error="Again", cause="later")
    assert bench.end(execution)["error"] == "Operator"


def test_a_token_is_good_for_one_answer(bench: Bench) -> None:
    """refuse_used_tokens: the second answer is TaskTimedOut, before and after the end; an unknown token is invalid."""
    execution = bench.start(
        bench.machine(
            {
                "A": ask(),
            }
        )
    )
    token, client = bench.token(), bench.client
    client.send_task_success(taskToken=token, output='{"n": 1}')
    with pytest.raises(client.exceptions.TaskTimedOut):
        client.send_task_success(taskToken=token, output='{"n": 2}')
    assert json.loads(bench.end(execution)["output"]) == {"n": 1}
    with pytest.raises(client.exceptions.TaskTimedOut):
        client.send_task_success(taskToken=token, output='{"n": 3}')
    with pytest.raises(client.exceptions.TaskTimedOut):
        client.send_task_failure(taskToken=token, error="E", cause="c")
    with pytest.raises(client.exceptions.InvalidToken):
        client.send_task_success(taskToken="unknown", output="{}")


def test_an_answer_after_the_time_limit_is_refused(bench: Bench) -> None:
    """refuse_used_tokens: what came too late is not taken for an approval."""
    machine = bench.machine({"A": ask(TimeoutSeconds=1, **caught("States.Timeout")), **CAUGHT})
    execution = bench.start(machine)
    token = bench.token()
    assert json.loads(bench.end(execution)["output"])["error"]["Error"] == "States.Timeout"
    with pytest.raises(bench.client.exceptions.TaskTimedOut):
        bench.client.send_task_success(taskToken=token, output="{}")


def test_the_cause_of_a_failed_task_is_kept(bench: Bench) -> None:
    """keep_the_cause_of_failed_tasks: SendTaskFailure's error and cause reach Catch, and the description."""
    machine = bench.machine({"A": ask(**caught("Rejected")), **CAUGHT})
    execution = bench.start(machine)
    bench.client.send_task_failure(taskToken=bench.token(), error="Rejected", cause="no money")
    assert json.loads(bench.end(execution)["output"])["error"] == {"Error": "Rejected", "Cause": "no money"}
    execution = bench.start(machine)
    bench.client.send_task_failure(taskToken=bench.token(1), error="Other", cause="else")
    assert (bench.end(execution)["error"], bench.end(execution)["cause"]) == ("Other", "else")


def test_a_retry_gets_a_token_of_its_own(bench: Bench) -> None:
    """renew_the_token_of_a_retry: after the time limit the task waits anew, and its new token works."""
    retry = [{"ErrorEquals": ["States.Timeout"], "IntervalSeconds": 1, "BackoffRate": 1, "MaxAttempts": 1000}]
    sfn_fixes.set_clock_scale(0.1)
    execution = bench.start(bench.machine({"A": ask(TimeoutSeconds=5, Retry=retry)}))
    assert bench.token(1) != bench.token(0)

    def answered() -> bool:
        """With the newest token, which a slow machine may be too late for: then there is another one."""
        with suppress(bench.client.exceptions.TaskTimedOut):
            bench.client.send_task_success(taskToken=bench.tokens[-1], output='{"again": true}')
            return True
        return False

    assert wait_until(answered)
    assert json.loads(bench.end(execution)["output"]) == {"again": True}
    assert len(set(bench.tokens)) == len(bench.tokens)


def test_a_missed_heartbeat_can_be_caught(bench: Bench) -> None:
    """report_missed_heartbeats: by its name, long before the time limit; a heartbeat puts it off."""
    sfn_fixes.set_clock_scale(0.5)
    states = {"A": ask(TimeoutSeconds=1000, HeartbeatSeconds=4, **caught("States.HeartbeatTimeout")), **CAUGHT}
    machine = bench.machine(states)

    def seconds_until_missed() -> float:
        """0 where a beat came too late because this machine stood still itself: that says nothing."""
        began = last = time.monotonic()
        number, execution = len(bench.tokens), bench.start(machine)
        token = bench.token(number)
        for _ in range(3):
            time.sleep(0.7)
            with suppress(bench.client.exceptions.TaskTimedOut):
                bench.client.send_task_heartbeat(taskToken=token)
            if time.monotonic() - last > 1.9:
                return 0
            last = time.monotonic()
        assert json.loads(bench.end(execution)["output"])["error"]["Error"] == "States.HeartbeatTimeout"
        return time.monotonic() - began

    assert wait_until(seconds_until_missed) > 3.9


def test_the_history_comes_in_pages(bench: Bench) -> None:
    """page_the_history: maxResults, nextToken and reverseOrder."""
    execution = bench.start(bench.machine({"A": {"Type": "Pass", "End": True}}))
    bench.end(execution)
    history = bench.client.get_execution_history
    every = [event["type"] for event in history(executionArn=execution)["events"]]
    first = history(executionArn=execution, maxResults=2)
    second = history(executionArn=execution, maxResults=2, nextToken=first["nextToken"])
    assert [event["type"] for event in first["events"] + second["events"]] == every
    assert "nextToken" not in second
    backwards = history(executionArn=execution, reverseOrder=True, maxResults=1)["events"]
    assert backwards[0]["type"] == every[-1] == "ExecutionSucceeded"


def test_tasks_share_a_client(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """reuse_lambda_clients: the second task makes none (a client takes 20 ms and some memory)."""
    made: list[str] = []
    original = boto3.client

    def client(*positional: Any, **named: Any) -> Any:
        made.append(named.get("service_name", ""))
        return original(*positional, **named)

    monkeypatch.setattr(boto3, "client", client)
    bench.handlers["echo"] = lambda event: event
    states = {"A": {**call("echo"), "End": False, "Next": "B"}, "B": call("echo")}
    del states["A"]["End"]
    assert bench.end(bench.start(bench.machine(states)))["status"] == "SUCCEEDED"
    assert made.count("lambda") <= 1


@pytest.mark.parametrize(
    ("task", "event"),
    [({"TimeoutSeconds": 3 * DAY}, {}), ({"TimeoutSecondsPath": "$.limit"}, {"limit": 3 * DAY})],
    ids=["constant", "path"],
)
def test_a_time_limit_of_days_is_scaled(bench: Bench, task: dict[str, Any], event: dict[str, Any]) -> None:
    """scale_the_clock: three days in a quarter of a second, given as a constant or in the input."""
    sfn_fixes.set_clock_scale(1e-6)
    machine = bench.machine({"A": ask(**task, **caught("States.Timeout")), **CAUGHT})
    assert json.loads(bench.end(bench.start(machine, event))["output"])["error"]["Error"] == "States.Timeout"


def test_waits_retries_and_the_machines_own_limit_are_scaled(bench: Bench) -> None:
    """scale_the_clock: an hour's wait and three retries of a minute and more; a machine that may take a day."""
    sfn_fixes.set_clock_scale(1e-5)
    tries: list[float] = []

    def flaky(event: dict[str, Any]) -> None:
        tries.append(time.monotonic())
        raise RuntimeError("not now")

    bench.handlers["flaky"] = flaky
    retry = [{"ErrorEquals": ["RuntimeError"], "IntervalSeconds": 60, "BackoffRate": 2, "MaxAttempts": 3}]
    states = {"W": {"Type": "Wait", "Seconds": 3600, "Next": "A"}, "A": call("flaky", Retry=retry)}
    end = bench.end(bench.start(bench.machine(states, "W")))
    assert (end["status"], end["error"], len(tries)) == ("FAILED", "RuntimeError", 4)
    limited = bench.machine({"A": {"Type": "Wait", "Seconds": 30 * DAY, "End": True}}, TimeoutSeconds=DAY)
    assert bench.end(bench.start(limited))["status"] == "TIMED_OUT"


def test_what_has_no_time_limit_waits_on(bench: Bench) -> None:
    """scale_the_clock: the default limit is not scaled into a short one."""
    sfn_fixes.set_clock_scale(1e-9)
    execution = bench.start(bench.machine({"A": ask()}))
    token = bench.token()
    time.sleep(0.3)
    bench.client.send_task_success(taskToken=token, output="{}")
    assert bench.end(execution)["status"] == "SUCCEEDED"
