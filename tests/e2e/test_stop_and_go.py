"""`refledger stop` and `go` on the whole system: what comes in waits, people are told so, and it is done after.

And the runbook that begins with one and ends with the other, where a journal was tampered with.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from refledger import cli
from refledger.adapters.archive import DayWriter
from refledger.adapters.ids import Ids
from refledger.adapters.signing import KmsKey
from refledger.domain.journal import seal
from refledger.operations.context import Context
from refledger.operations.proof import manifests
from refledger.operations.recovery.stopping import READERS
from refledger.store import keys, ledger
from refledger.store.attributes import pack
from refledger.store.table import Table
from scripts.demo import Client
from tests.e2e.conftest import ROOT, new_stack, verify
from tests.e2e.people import PROGRAM, People
from tests.e2e.test_crashes import impatient_copy
from tests.support import dynamodb, runbooks
from undocked.testing import Stack, wait_until

PAYMENTS, AMOUNT = 5, 1_000
TABLE, BEFORE, DAY = "refledger-Table", "refledger-Table-before", "2026-11-20"  # as the page calls them
PAGES_PARTNER = "63eijr50bc4iba3e"
Names = dict[str, str]
Refledger = Callable[..., list[str]]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One that tests may stop."""
    folder = tmp_path_factory.mktemp("stopped")
    with new_stack(folder / "data", impatient_copy(folder)) as running:
        Client(running.api, running.aws).post("admin", "/programs", PROGRAM)
        yield running


@pytest.fixture
def names(stack: Stack) -> Names:
    listed = stack.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName="refledger")
    return {r["LogicalResourceId"]: r["PhysicalResourceId"] for p in listed for r in p["StackResourceSummaries"]}


@pytest.fixture
def refledger(stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refledger:
    monkeypatch.setenv("AWS_PORT", str(stack.aws_port))
    monkeypatch.delenv("TABLE_NAME", raising=False)

    def run(*arguments: str, status: int | None = 0) -> list[str]:
        ended = cli.main([*arguments, "--local"])
        told = capsys.readouterr()
        assert ended in (status, 0, 1) if status is None else ended == status, told
        return told.out.splitlines()

    return run


def waiting(stack: Stack, names: dict[str, str], queue: str) -> int:
    """How many messages lie in a queue, seen or not."""
    attributes = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    told = stack.client("sqs").get_queue_attributes(QueueUrl=names[queue], AttributeNames=attributes)["Attributes"]
    return sum(map(int, told.values()))


def test_the_runbook_for_tampering_can_be_finished(stack: Stack, names: Names, refledger: Refledger) -> None:
    """Step by step as the page prints it, with its commands and its answers: found, stopped, put back, anchored, green.

    Somebody with the right to write raised an entry, and computed balance and chain anew; then something was booked.
    """
    people, table = People(Client(stack.api, stack.aws)), Table(stack.client("dynamodb"), TABLE)
    people.rich_bob(2_000)
    bob = str(people.client.get(people.bob, "/referrals/code")["partnerId"])
    sign(stack, names, table)
    was = copied(stack, BEFORE)
    forge(stack, table, bob)
    people.pay(5_000)
    people.eventually_has(people.bob, 9_000 + 1_000)
    printed = list(runbooks.steps("operations.md", "When `verify` names an entry"))
    done: list[runbooks.Step] = []
    for step in printed:
        verb, *words = (bob if word == PAGES_PARTNER else word for word in step.words)
        if [each.words[0] for each in done].count(verb) == 1 and verb == "anchor":
            put_back(stack, table, was, bob)  # it said that this comes first
        answer = refledger(verb, *words, status=None)
        done.append(runbooks.Step((verb, *words), tuple(answer)))
        if answer[-1].startswith("{"):
            anchored_by_two(stack, json.loads(answer[-1]))
    (ROOT / ".local" / "tampering.txt").write_text(runbooks.transcript(done), encoding="utf-8")
    assert [runbooks.shape(each) for each in done] == [runbooks.shape(each) for each in printed]
    assert people.balance(people.bob) == (2_000 + 1_000, 0, 0)
    assert refledger("status")[0] == "it is not stopped"
    people.pay(5_000)
    people.eventually_has(people.bob, 2_000 + 2 * 1_000)
    assert verify(stack)["faults"] == []


def anchored_by_two(stack: Stack, anchor: dict[str, Any]) -> None:
    """What the page says of step 5: both of finance, while all is stopped."""

    def sent(who: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = stack.post(f"/api/v1/adjustments{path}", token=stack.token(who, groups=["finance"]), json=body)
        assert answer.status_code in (200, 201), answer.text
        return dict(answer.json())

    waiting_one = sent("ann", "", anchor)
    assert waiting_one["status"] == "WAITING"
    assert sent("eve", f"/{waiting_one['id']}/approve", {"note": "as in the manifest"})["status"] == "POSTED"


def sign(stack: Stack, names: Names, table: Table) -> None:
    """The manifest of a day, as the function writes it."""
    writer = DayWriter(stack.client("s3"), names["ManifestBucket"], DAY)
    key = KmsKey(stack.client("kms"), names["ManifestKey"])
    assert manifests.write(Context(table, Ids("")), writer, key, DAY, lambda: True) is manifests.ManifestOutcome.WRITTEN


def copied(stack: Stack, name: str) -> list[dict[str, Any]]:
    """A table restored to now, under another name; returns what is in it."""
    client = stack.client("dynamodb")
    client.create_table(TableName=name, **dynamodb.table_properties())
    pages = client.get_paginator("scan").paginate(TableName=TABLE, ConsistentRead=True)
    items = [item for page in pages for item in page["Items"]]
    for item in items:
        client.put_item(TableName=name, Item=item)
    return items


def forge(stack: Stack, table: Table, partner_id: str) -> None:
    """The first entry gives 90.00, the chain and the balance are as if it always had."""
    client, previous = stack.client("dynamodb"), ""
    for place, (_, entry) in enumerate(ledger.entries(table, partner_id, "USD")):
        forged = replace(entry, previous=previous, amount=entry.amount if place else 9_000)
        previous = seal(forged)
        change(client, keys.entry(partner_id, "USD", entry.at_ms, entry.version),
               amount=forged.amount, prev=forged.previous, hash=previous)  # fmt: skip
    change(client, keys.balance(partner_id, "USD"), available=9_000, head=previous)


def put_back(stack: Stack, table: Table, was: list[dict[str, Any]], partner_id: str) -> None:
    """Entries as the restored table has them; what there was after later ones, and the balance, as it follows."""
    client, restored = stack.client("dynamodb"), 0
    for item in was:
        if item["pk"]["S"] == keys.journal(partner_id, "USD"):
            client.put_item(TableName=TABLE, Item=item)
            restored += 1
    available = 0
    for place, (_, entry) in enumerate(ledger.entries(table, partner_id, "USD")):
        available += entry.amount
        if place >= restored:
            change(client, keys.entry(partner_id, "USD", entry.at_ms, entry.version), after=[available, 0, 0])
    change(client, keys.balance(partner_id, "USD"), available=available)


def change(client: Any, key: dict[str, str], **attributes: Any) -> None:
    """Attributes of an item, past the system."""
    client.update_item(
        TableName=TABLE, Key=pack(dict(key)),
        UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in attributes),
        ExpressionAttributeNames={f"#{name}": name for name in attributes},
        ExpressionAttributeValues=pack({f":{name}": value for name, value in attributes.items()}),
    )  # fmt: skip


def test_all_that_came_while_it_was_stopped_is_done_after(stack: Stack, names: Names, refledger: Refledger) -> None:
    """Payments wait in their queue, people are told to come again, a withdrawal on its way waits; then all go on."""
    client = Client(stack.api, stack.aws)
    people = People(client)
    people.rich_bob(3_000)
    on_its_way = people.withdraw(people.bob, 1_000)["id"]
    assert refledger("status")[0] == "it is not stopped"

    told = refledger("stop", "--reason", "an entry was edited")
    assert told[0].startswith("everything that books or pays is stopped, since ")
    assert told[0].endswith(": an entry was edited")
    lines = refledger("status", status=1)
    assert [line.split() for line in lines[2:]] == [[name, "Disabled"] for name in READERS]
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
