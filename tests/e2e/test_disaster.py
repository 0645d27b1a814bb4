"""The rehearsal of docs/disaster.md: a table is put back, thrown away, and at the end everybody has what they had."""

from __future__ import annotations

import argparse
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from refledger import cli
from refledger.adapters import aws
from refledger.cli import restore, target
from scripts.demo import Client
from tests.e2e.conftest import ROOT, new_stack
from tests.e2e.people import PROGRAM, People
from tests.e2e.test_crashes import impatient_copy
from tests.support import runbooks
from tests.support.recovery import Recoverable
from undocked.testing import Stack

LONGEST_PAUSE_SECONDS = 6  # a function looks at the stop every five seconds


class Operator:
    """Somebody at a terminal. What DynamoDB Local cannot do, backups, is beside it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._patch, self._said = monkeypatch, capsys
        self.transcript: list[runbooks.Step] = []

    def sits_at(self, stack: Stack, dynamodb: Any) -> None:
        self._patch.setenv("AWS_PORT", str(stack.aws_port))
        self._patch.delenv("TABLE_NAME", raising=False)
        client_of = aws.patient_clients(stack.aws, stack.region)
        made = lambda *_: lambda service: dynamodb if service == "dynamodb" else client_of(service)  # noqa: E731
        self._patch.setattr(target, "aws", SimpleNamespace(patient_clients=made))

    def restore(self, *words: str) -> tuple[int, str]:
        parser = argparse.ArgumentParser()
        restore.add_to(parser.add_subparsers())
        options = parser.parse_args(["restore", *words, "--local"])
        status = restore.run(options, pause=lambda seconds: time.sleep(min(seconds, LONGEST_PAUSE_SECONDS)))
        return status, self._heard(["restore", *words])

    def types(self, *words: str) -> tuple[int, str]:
        status = cli.main([*words, "--local"])
        return status, self._heard(list(words))

    def _heard(self, words: list[str]) -> str:
        said = self._said.readouterr().out
        self.transcript.append(runbooks.Step(tuple(words), tuple(said.splitlines())))
        return said


def test_a_table_is_put_back_and_everybody_has_what_they_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Payments, a transfer that was paid, and one that was given to the bank come after the backup."""
    operator, template, data = Operator(monkeypatch, capsys), impatient_copy(tmp_path, seconds=20), tmp_path / "data"
    with new_stack(data, template) as stack:
        recovery = Recoverable(stack.client("dynamodb"))
        people, exported, paid, at, since = the_story(stack, recovery)
        everybody = (people.alice, people.bob, people.carol)
        before = {who: people.balance(who) for who in everybody}
        assert before[people.bob] == (1_400, 1_000, 1_600)
        operator.sits_at(stack, recovery)

        status, said = operator.restore("--at", at, "--plan")
        assert (status, recovery.restores) == (0, [])
        status, said = operator.restore("--at", at, "--without-former")
        assert status == 1, said
        assert f"withdrawal {paid}" in said
        assert f"withdrawal {exported}" in said
        assert "verify: 0 faults" in said
        (copy,) = recovery.restores
        again_status, again = operator.restore("--at", at, "--without-former")
        assert (again_status, recovery.restores) == (1, [copy])  # nothing is done a second time
        line = re.search(r'SET="(.+?)"', again)
        assert line
        given = dict(word.split("=", 1) for word in line[1].split())
        assert given.pop("Rollout") == "AllAtOnce"
    assert set(given) == {"ExistingTable", "ExistingTableStreamArn"}
    # DynamoDB needs longer than the five minutes for which a queue knows what came before
    (data / "queues.sqlite").unlink()
    with new_stack(data, template, given=given) as stack:
        people.client = Client(stack.api, stack.aws)
        stack.client("dynamodb").delete_table(TableName="refledger-Table")  # thrown away
        operator.sits_at(stack, stack.client("dynamodb"))
        for event in since:  # as the archive has kept it, which this stack forgets when it ends
            people.client.put_event(event)
        status, said = operator.restore("--at", at, "--without-former")  # and once more, by a replay
        assert status == 1, said
        assert "Archive: what came since" in said
        assert "COMPLETED" in said
        assert "verify: 0 faults" in said
        refused = people.client.call(people.bob, "POST", "/referrals/withdraw", people.wish(1_000))
        assert refused[0] == 503
        assert operator.types("go", "--reason", "rehearsed")[0] == 0

        assert (
            people.client.call(people.admin, "POST", "/payout-batches", {"currency": "USD"})[0] == 409
        )  # nothing waits
        told = {"transactionId": f"T-{paid}", "note": "seen at the bank"}
        people.client.post(people.admin, f"/withdrawals/{paid}/mark-paid", told, expect=200)
        people.eventually_has(people.bob, before[people.bob][0])
        people.eventually_has(people.alice, before[people.alice][0])
        assert {who: people.balance(who) for who in everybody} == before
        told = {"transactionId": f"T-{exported}", "note": "seen at the bank"}
        people.client.post(people.admin, f"/withdrawals/{exported}/mark-paid", told, expect=200)
        assert people.balance(people.bob) == (1_400, 0, 2_600)
        status, said = operator.types("verify")
        assert status == 0, said
    (ROOT / ".local" / "rehearsal.txt").write_text(runbooks.transcript(operator.transcript), encoding="utf-8")
    printed = [runbooks.shape(step) for step in runbooks.steps("disaster.md", "The table has wrong contents")]
    _, first, _, second, *_ = map(
        runbooks.shape, operator.transcript
    )  # the plan; done; nothing twice; the stack has it
    assert [first, second] == printed


def the_story(stack: Stack, recovery: Recoverable) -> tuple[People, str, str, str, list[Any]]:
    """A transfer that waits when the backup is made; then payments, its export, and another one from wish to paid."""
    client = Client(stack.api, stack.aws)
    client.post("admin", "/programs", PROGRAM)
    people = People(client)
    people.rich_bob(3_000)
    exported = people.withdraw(people.bob, 1_000)["id"]
    client.post(people.admin, f"/withdrawals/{exported}/approve", {}, expect=200)
    people.eventually_is(exported, "PAYING")
    now = datetime.now(UTC).replace(microsecond=0)
    recovery.remember("refledger-Table", now)
    since = [people.pay(2_500), people.pay(2_500)]
    people.eventually_has(people.bob, 3_000)
    client.post(people.admin, "/payout-batches", {"currency": "USD"}, expect=201)
    paid = people.withdraw(people.bob, 1_600)["id"]
    client.post(people.admin, f"/withdrawals/{paid}/approve", {}, expect=200)
    people.eventually_is(paid, "PAYING")
    client.post(people.admin, f"/withdrawals/{paid}/mark-paid", {"transactionId": f"T-{paid}"}, expect=200)
    return people, exported, paid, f"{now:%Y-%m-%dT%H:%M:%SZ}", since
