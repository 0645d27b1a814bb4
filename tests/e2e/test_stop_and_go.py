"""`refledger stop` and `go` on the whole system: what comes in waits, people are told so, and it is done after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from refledger import cli
from refledger.operations.stopping import READERS
from scripts.demo import Client
from tests.e2e.conftest import new_stack, verify
from tests.e2e.people import PROGRAM, People
from tests.e2e.test_crashes import impatient_copy
from tests.local.harness import Stack, wait_until

PAYMENTS, AMOUNT = 5, 1_000


def waiting(stack: Stack, names: dict[str, str], queue: str) -> int:
    """How many messages lie in a queue, seen or not."""
    attributes = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    told = stack.client("sqs").get_queue_attributes(QueueUrl=names[queue], AttributeNames=attributes)["Attributes"]
    return sum(map(int, told.values()))


def test_all_that_came_while_it_was_stopped_is_done_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Payments wait in their queue, people are told to come again, a withdrawal on its way waits; then all go on."""
    with new_stack(tmp_path / "data", impatient_copy(tmp_path)) as stack:
        monkeypatch.setenv("AWS_PORT", str(stack.aws_port))

        def refledger(*arguments: str, status: int = 0) -> list[str]:
            assert cli.main([*arguments, "--local"]) == status
            return capsys.readouterr().out.splitlines()

        client = Client(stack.api, stack.aws)
        client.post("admin", "/programs", PROGRAM)
        people = People(client)
        people.rich_bob(3_000)
        on_its_way = people.withdraw(people.bob, 1_000)["id"]
        assert refledger("status")[0] == "it is not stopped"

        told = refledger("stop", "--reason", "an entry was edited")
        assert told[0].startswith("everything that books or pays is stopped, since ")
        assert told[0].endswith(": an entry was edited")
        lines = refledger("status", status=1)
        assert [line.split() for line in lines[2:]] == [[name, "Disabled"] for name in READERS]
        listed = stack.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName="refledger")
        names = {r["LogicalResourceId"]: r["PhysicalResourceId"] for p in listed for r in p["StackResourceSummaries"]}
        wait_until(lambda: refused(stack, people), step=1)  # every worker has heard of it
        for number in range(PAYMENTS):
            people.pay(AMOUNT, payment_id=f"{number}-{people.run}")
        wait_until(lambda: waiting(stack, names, "PaymentsQueue") == PAYMENTS)
        assert people.balance(people.bob) == (2_000, 1_000, 0)
        route = f"/api/v1/withdrawals/{on_its_way}/approve"
        token = stack.token("ann", groups=["finance"])
        answer = stack.post(route, token=token, json={})
        assert (answer.status_code, answer.json()["code"]) == (503, "STOPPED")
        stack.client("lambda").invoke(FunctionName="refledger-SweeperFunction", Payload=b"{}")
        assert people.status(on_its_way) == "REQUESTED"

        assert refledger("go", "--reason", "put back")[0].startswith("all goes on that was stopped at ")
        assert refledger("go", "--reason", "put back", status=1) == ["it is not stopped"]
        assert refledger("status")[0] == "it is not stopped"
        people.eventually_has(people.bob, 2_000 + PAYMENTS * AMOUNT // 5)
        assert wait_until(lambda: stack.post(route, token=token, json={}).status_code == 200, step=1)
        people.eventually_is(on_its_way, "PAYING", seconds=180)
        assert waiting(stack, names, "PaymentsDlq") == 0
        assert verify(stack)["faults"] == []


def refused(stack: Stack, people: People) -> bool:
    """Whether what people write is refused: asked without an account, so that nothing comes of it where it is not."""
    body: dict[str, Any] = {"amount": 1, "currency": "USD"}
    answer = stack.post("/api/v1/referrals/withdraw", token=stack.token(people.bob), json=body)
    return bool(answer.json()["code"] == "STOPPED")
