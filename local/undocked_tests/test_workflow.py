"""Step Functions in the running stack: task tokens, time limits, names of errors, the clock's scale."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from undocked.testing import Stack, wait_until
from undocked_tests.shop_client import table


def order(shop: Stack, **more: object) -> str:
    """A large order, whose execution has asked for approval."""
    ident: str = shop.post("/orders", json={"amount": 500, **more}, token=shop.token("u1")).json()["id"]
    key = {"PK": {"S": f"ORDER#{ident}"}, "SK": {"S": "META"}}
    wait_until(lambda: "token" in shop.client("dynamodb").get_item(TableName=table(shop), Key=key)["Item"])
    return ident


def status(shop: Stack, ident: str) -> str:
    """The status of an order, by the API."""
    found: str = shop.get(f"/orders/{ident}", token=shop.token("u1")).json()["status"]
    return found


def execution(shop: Stack, ident: str) -> dict[str, Any]:
    """The execution of an order."""
    states = shop.client("stepfunctions")
    arn = f"arn:aws:states:{shop.region}:123456789012:execution:local-ApprovalMachine:{ident}"
    found: dict[str, Any] = states.describe_execution(executionArn=arn)
    return found


def test_approval_wakes_the_execution(shop: Stack) -> None:
    """From HTTP through token, table, event bus and function to the end; a second approval is refused."""
    ident, boss = order(shop), shop.token("boss", ["admin"])
    assert shop.post(f"/orders/{ident}/approve", token=shop.token("u1")).status_code == 403
    assert shop.post(f"/orders/{ident}/approve", token=boss).status_code == 200
    wait_until(lambda: status(shop, ident) == "APPROVED")
    wait_until(lambda: execution(shop, ident)["status"] != "RUNNING")
    done = execution(shop, ident)
    assert done["status"] == "SUCCEEDED"
    assert json.loads(done["output"]) == {"answer": {"done": "finish"}}
    assert shop.post(f"/orders/{ident}/approve", token=boss).status_code == 500  # TaskTimedOut in the function


def test_a_time_limit_from_the_input_is_scaled_and_caught(shop: Stack) -> None:
    """TimeoutSecondsPath of 100 s at a scale of 0.01 expires the order after a second."""
    ident = order(shop, seconds=100)
    wait_until(lambda: status(shop, ident) == "EXPIRED")


def test_many_executions_at_a_time(shop: Stack) -> None:
    """Twelve are started and approved, four at a time."""
    boss = shop.token("boss", ["admin"])
    with ThreadPoolExecutor(4) as pool:
        idents = list(pool.map(lambda _: order(shop), range(12)))
        answers = list(pool.map(lambda ident: shop.post(f"/orders/{ident}/approve", token=boss).status_code, idents))
    assert answers == [200] * 12
    wait_until(lambda: all(status(shop, ident) == "APPROVED" for ident in idents))


@pytest.mark.parametrize(
    ("function", "kind", "error"),
    [
        ("local-OrdersFunction", "raise", "ValueError"),
        ("local-OrdersFunction", "exit", "Runtime.ExitError"),
        ("nope", "x", "Lambda.ResourceNotFoundException"),
    ],
)
def test_a_state_machine_sees_the_name_of_the_error(shop: Stack, function: str, kind: str, error: str) -> None:
    """The exception's class, or the service's own error, is what Retry and Catch can name."""
    states = shop.client("stepfunctions")
    event = {"rawPath": f"/plain/{kind}", "pathParameters": {"kind": kind}}
    task = {
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True,
        "Parameters": {"FunctionName": function, "Payload": event},
    }  # fmt: skip
    machine = states.create_state_machine(
        name=f"m{uuid.uuid4().hex[:8]}", roleArn="arn:aws:iam::123456789012:role/r",
        definition=json.dumps({"StartAt": "A", "States": {"A": task}}),
    )["stateMachineArn"]  # fmt: skip
    arn = states.start_execution(stateMachineArn=machine)["executionArn"]
    wait_until(lambda: states.describe_execution(executionArn=arn)["status"] == "FAILED")
    assert states.describe_execution(executionArn=arn)["error"] == error
