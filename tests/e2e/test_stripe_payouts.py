"""Payouts through Stripe on the whole system: its own template, workers, workflow, and a stub of Stripe beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from scripts.demo import Client, eventually
from tests.e2e.conftest import new_stack, verify
from tests.e2e.people import People
from tests.support import stripe_server
from tests.support.stripe_server import ACCOUNT, KEY, SECRET, Failure, StripeServer
from undocked.testing import Stack

NAME = "refledger/stripe"
ARN = f"arn:aws:secretsmanager:eu-central-1:123456789012:secret:{NAME}-Local0"
PROGRAM = {
    "id": "default", "name": "Friends", "currency": "USD", "tierRatesBps": [2000, 1000], "holdDays": 0,
    "coolingHours": 0, "payoutMinimum": {"amount": 1000, "currency": "USD"},
}  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[StripeServer]:
    with stripe_server.running() as running:
        yield running


@pytest.fixture(scope="module")
def paying_stack(server: StripeServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that pays at the stub, whose secret is the owner's own and in no template."""
    folder = tmp_path_factory.mktemp("paying")
    secrets = folder / "own.json"
    secrets.write_text(json.dumps({NAME: {"apiKey": KEY, "webhookSecrets": f"{SECRET[::-1]},{SECRET}"}}))
    parameters = {"StripeMode": "test", "StripePayoutsSecretArn": ARN, "StripeApiBase": server.base}
    with new_stack(folder / "data", options=["--secrets", str(secrets)], given=parameters) as running:
        Client(running.api, running.aws).post("admin", "/programs", PROGRAM)
        yield running


@pytest.fixture
def people(paying_stack: Stack, server: StripeServer) -> People:
    """Bob has 100.00; Stripe tells the stack of what happens."""
    found = People(Client(paying_stack.api, paying_stack.aws))
    found.rich_bob(10_000)

    def deliver(body: bytes, headers: dict[str, str]) -> None:
        answer = httpx.post(f"{paying_stack.api}/api/v1/webhooks/stripe", content=body, headers=headers, timeout=120)
        assert answer.status_code == 200, answer.text

    server.deliver = deliver
    return found


def approved(people: People, amount: int) -> str:
    """The id of a withdrawal to Bob's account at Stripe, which staff vouched for and approved."""
    method = people.client.post(
        people.bob, "/payout-methods", {"type": "STRIPE", "accountHolder": "Bob Example", "stripeAccountId": ACCOUNT}
    )
    partner = people.client.get(people.bob, "/referrals/code")["partnerId"]
    verified = people.client.post(
        f"{people.admin}-vouches", f"/partners/{partner}/payout-methods/{method['id']}/verify", {}, expect=200
    )
    assert verified["verifiedAt"]
    wish = {"amount": amount, "currency": "USD", "payoutMethodId": method["id"]}
    id = str(people.client.post(people.bob, "/referrals/withdraw", wish)["id"])
    people.client.post(people.admin, f"/withdrawals/{id}/approve", {"note": "known"}, expect=200)
    return id


def test_a_withdrawal_is_paid_by_stripe_and_comes_back(
    people: People, paying_stack: Stack, server: StripeServer
) -> None:
    """Approved by a person, paid by the workflow, confirmed by a signed event; reversed at Stripe, available again."""
    id = approved(people, 2_000)
    people.eventually_is(id, "PAID")
    assert server.paid(id) == 2_000
    assert people.balance(people.bob) == (8_000, 0, 2_000)
    (transfer,) = [each for each in server.transfers if each["metadata"]["withdrawalId"] == id]
    server.reverse(transfer["id"])
    people.eventually_is(id, "RETURNED")
    assert people.balance(people.bob) == (10_000, 0, 0)
    assert verify(paying_stack)["faults"] == []


@pytest.mark.parametrize("failure", [Failure(reset=True, after=True), Failure(reset=True), Failure(500, after=True)])
def test_a_lost_answer_is_paid_once(people: People, server: StripeServer, failure: Failure) -> None:
    """Whether the transfer was made or not: the workflow finds out, and it is there once."""
    server.fail(failure)
    id = approved(people, 1_500)
    people.eventually_is(id, "PAID", 60)
    assert server.paid(id) == 1_500
    assert len([each for each in server.transfers if each["metadata"]["withdrawalId"] == id]) == 1


def test_a_payout_that_the_owner_cannot_pay_waits_for_them(people: People, server: StripeServer) -> None:
    """No balance at Stripe: it is on the list of problems, its money reserved; topped up and retried, it is paid."""
    had, server.balance["usd"] = server.balance["usd"], 0
    id = approved(people, 1_500)

    def problem() -> str | None:
        listed = people.client.get(people.admin, "/withdrawals", problem="true", limit=100)["data"]
        return next((each["problem"] for each in listed if each["id"] == id), None)

    eventually(problem, "DECLINED", "the problem")
    assert people.balance(people.bob) == (8_500, 1_500, 0)
    server.balance["usd"] = had
    again = people.client.post(people.admin, f"/withdrawals/{id}/retry", {"note": "topped up"}, expect=200)
    assert (again["status"], again["problem"]) == ("APPROVED", None)
    people.eventually_is(id, "PAID", 60)
    assert server.paid(id) == 1_500
    assert problem() is None


def test_neither_key_nor_account_is_printed(people: People, paying_stack: Stack) -> None:
    """All that the functions logged while they paid."""
    id = approved(people, 1_000)
    people.eventually_is(id, "PAID")
    eventually(lambda: id in paying_stack.output, True, "the log")
    for secret in (KEY, SECRET, ACCOUNT):
        assert secret not in paying_stack.output
