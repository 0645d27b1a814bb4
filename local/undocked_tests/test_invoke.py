"""The Lambda API on the endpoint of all services: results, errors, time limits, asynchronous invocations."""

from __future__ import annotations

import uuid

import pytest

from undocked.testing import Stack, wait_until
from undocked_tests.shop_client import invoke, noted, take


def plain(kind: str) -> dict[str, object]:
    """An event for a path that answers in this way."""
    return {"rawPath": f"/plain/{kind}", "pathParameters": {"kind": kind}}


def test_a_result_comes_back(shop: Stack) -> None:
    """By name, by ARN, and with a qualifier."""
    event = {"action": "finish", "id": "1"}
    arn = "arn:aws:lambda:eu-central-1:123456789012:function:local-StepsFunction"
    for name in ("StepsFunction", arn, f"{arn}:$LATEST"):
        answer = invoke(shop, name, event)
        assert answer["Payload"] == {"done": "finish"}
        assert "FunctionError" not in answer


def test_an_exception_has_its_shape_and_is_on_the_terminal(shop: Stack) -> None:
    """Class, message and stack go to the caller; function and request id are printed."""
    answer = invoke(shop, "StepsFunction", {"action": "x", "id": "1", "decline": True})
    error = answer["Payload"]
    assert answer["FunctionError"] == "Unhandled"
    assert (error["errorType"], error["errorMessage"]) == ("Declined", "no")
    assert error["stackTrace"]
    line = wait_until(
        lambda: next((each for each in shop.output.splitlines() if "Declined: no" in each and "RequestId" in each), "")
    )
    assert line.startswith(f"[local-StepsFunction] RequestId: {error['requestId']} ")


def test_a_function_is_stopped_at_its_time_limit(shop: Stack) -> None:
    """A handler that hangs answers with the service's error, and its process is replaced."""
    error = invoke(shop, "HastyFunction", plain("hang"))["Payload"]
    assert error["errorType"] == "Sandbox.Timedout"
    assert "Task timed out after 1.00 seconds" in error["errorMessage"]
    # a busy machine may need more than a second for that, too
    wait_until(lambda: invoke(shop, "HastyFunction", plain("dict"))["Payload"] == {"hello": "world"})


def test_a_process_that_exits_is_an_error_of_the_runtime(shop: Stack) -> None:
    """os._exit in a handler."""
    error = invoke(shop, "OrdersFunction", plain("exit"))["Payload"]
    assert error["errorType"] == "Runtime.ExitError"
    assert "exit status 3" in error["errorMessage"]


def test_an_unknown_function_is_not_found(shop: Stack) -> None:
    """The error that the SDK has a class for."""
    client = shop.client("lambda")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.invoke(FunctionName="nope", Payload=b"{}")


def test_an_event_runs_in_the_background(shop: Stack) -> None:
    """202 at once, the work afterwards."""
    ident = str(uuid.uuid4())
    assert invoke(shop, "PaymentsFunction", {"id": ident}, InvocationType="Event")["StatusCode"] == 202
    wait_until(lambda: noted(shop, "refund", ident))


def test_an_event_that_fails_is_retried_and_then_told(shop: Stack) -> None:
    """One retry as the template says, then the OnFailure destination gets the event and the error."""
    ident = str(uuid.uuid4())
    invoke(shop, "StepsFunction", {"action": "x", "id": ident, "decline": True}, InvocationType="Event")

    def told() -> dict[str, object] | None:
        found = [body for body in take(shop, "AuditDlq") if body.get("requestPayload", {}).get("id") == ident]
        return found[0] if found else None

    record = wait_until(told)
    assert record is not None
    assert record["requestContext"]["condition"] == "RetriesExhausted"  # type: ignore[index]
    assert record["requestContext"]["approximateInvokeCount"] == 2  # type: ignore[index]
    assert record["responsePayload"]["errorType"] == "Declined"  # type: ignore[index]
