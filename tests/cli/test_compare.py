"""`refledger compare`: names what Stripe sent and is not here, and takes it in where it is told to."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from refledger.adapters import stripe as adapter
from refledger.cli.target import Target
from refledger.domain.payment_events import PaymentReceived
from refledger.domain.times import MINUTE_MS
from refledger.operations.earning import payments
from tests.cli.conftest import Command
from tests.support import stripe, stripe_server
from tests.support.books import SECRET, Books
from tests.support.stripe_server import KEY, Json, StripeServer
from undocked.testing import Stack

Names = dict[str, str]
AN_HOUR = 3_600


@pytest.fixture
def books(books: Books) -> Books:
    """Bob referred Carol."""
    books.clock.at_ms = time.time_ns() // 1_000_000 - 90 * MINUTE_MS
    books.program()
    books.chain("bob", "carol")
    return books


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[StripeServer]:
    """Stripe, where things happened an hour ago; the stack was deployed to ask it, and the key is the operator's."""
    with stripe_server.running() as running:
        running.clock = lambda: time.time() - AN_HOUR
        monkeypatch.setattr(Target, "parameters", {"StripeMode": "test", "StripeApiBase": running.base})
        monkeypatch.setenv("STRIPE_READ_KEY", KEY)
        monkeypatch.setenv("HASH_KEY", SECRET)
        yield running


def charge(server: StripeServer, number: int, **changes: Any) -> Json:
    """Carol paid 100.00, an hour ago."""
    told = stripe.example(
        "stripe_charge_succeeded",
        **{"id": f"ch_{number}", "payment_intent": f"pi_{number}", "amount": 10_000, "amount_captured": 10_000,
           "currency": "usd", "metadata": {"customerId": "carol"}, **changes},
    )  # fmt: skip
    return server.happen("charge.succeeded", told["data"]["object"])


def hear(books: Books, event: Json) -> None:
    """It is recorded as the function of payments does it."""
    told = adapter.read(event, livemode=False)
    assert isinstance(told, PaymentReceived)
    payments.record(books.context, told)


def test_what_is_missing_is_named_and_nothing_is_changed(
    refledger: Command, books: Books, server: StripeServer, stack: Stack, names: Names
) -> None:
    """1, with the event's id and type; what is here is not named, and no message is sent."""
    hear(books, charge(server, 1))
    missing = charge(server, 2)
    done = refledger("compare")
    assert (done.status, done.err) == (1, "")
    assert done.lines[0] == f"{missing['id']}  charge.succeeded"
    assert done.lines[1].startswith("1 of 2 events since ")
    assert done.lines[1].endswith(" are not here")
    assert waiting(stack, names) == []


def test_it_is_taken_in_on_demand(
    refledger: Command, books: Books, server: StripeServer, stack: Stack, names: Names
) -> None:
    """0; the function of payments finds them in its queue as the bus would have brought them, unreadable ones too."""
    missing, broken = charge(server, 2), charge(server, 3, amount_captured="a lot")
    done = refledger("compare", "--take")
    assert done.status == 0
    assert {*done.lines[:-2]} == {f"{missing['id']}  charge.succeeded"}
    assert done.lines[-2].startswith("1 of 2 events since ")
    assert done.lines[-2].endswith(" were not here, and are taken in")
    assert done.lines[-1] == "1 cannot be read; they are on their way to PaymentsDlq"
    told = waiting(stack, names)
    assert {each["detail"]["id"] for each in told} == {missing["id"], broken["id"]}
    assert {each["detail-type"] for each in told} == {"charge.succeeded"}
    hear(books, missing)
    assert len(books.rewards("bob")) == 1
    server.events.remove(broken)
    done = refledger("compare")
    assert done.status == 0
    assert done.lines[0].startswith("0 of 1 events since ")


@pytest.mark.usefixtures("books")
def test_how_far_back_is_said(refledger: Command, server: StripeServer) -> None:
    """Two days, or as many as Stripe lists at most; what cannot be read is a reason to look."""
    server.clock = lambda: time.time() - 5 * 24 * AN_HOUR
    charge(server, 1, amount_captured="a lot")
    began = int(time.time())
    refledger("compare")
    ended = time.time()
    refledger("compare", "--days", "400")
    first, second = (int(form["created[gte]"]) for _, path, form in server.requests if path == "/v1/events")
    assert began <= first + 2 * 24 * AN_HOUR <= ended
    assert -AN_HOUR <= time.time() - second - 30 * 24 * AN_HOUR < 0, "what Stripe forgets meanwhile is not asked for"
    done = refledger("compare", "--days", "30")
    assert done.status == 1
    assert done.lines[-1] == "1 cannot be read"


@pytest.mark.usefixtures("books")
def test_a_key_is_needed_and_stripe_must_answer(
    refledger: Command, server: StripeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2, and what to do; no key is ever printed."""
    monkeypatch.setenv("STRIPE_READ_KEY", "rk_test_" + "revoked" * 4)
    done = refledger("compare")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("refledger: Stripe: ")
    assert "revoked" not in done.err
    monkeypatch.delenv("STRIPE_READ_KEY")
    done = refledger("compare")
    assert done.status == 2
    assert "the stack has no StripeReadSecretArn: give a key that may read events in STRIPE_READ_KEY" in done.err


def waiting(stack: Stack, names: Names) -> list[Json]:
    """What the function of payments will take; it is gone afterwards."""
    sqs, url, found = stack.client("sqs"), names["PaymentsQueue"], list[Json]()
    while told := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in told:
            found.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found
