"""Refunds and disputes, from the bus to the books: our own and Stripe's, before their payment and after the payout."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scripts.demo import Client
from tests.e2e.people import Json, People
from tests.support.events import EXAMPLES


@pytest.fixture
def people(client: Client) -> People:
    return People(client)


def told(people: People, kind: str, payment: Json, **detail: Any) -> None:
    """One of our own events about that payment, over the bus."""
    about = {"paymentId": payment["paymentId"], "occurredAt": payment["occurredAt"]}
    people.client.put_event({**about, **detail}, detail_type=kind)


def stripe(people: People, name: str, **changes: Any) -> None:
    """One of Stripe's sample events over the bus, its ids made those of this test."""
    text = (EXAMPLES / f"{name}.json").read_text(encoding="utf-8").replace("Example000000000", f"{people.run}00")
    event: Json = json.loads(text)
    event["detail"]["data"]["object"] |= {"currency": "usd", **changes}  # what the program takes
    people.client.put_event(event["detail"], event["source"], event["detail-type"])


def test_a_refund_takes_back_what_was_earned(people: People) -> None:
    """In part, then the rest: both tiers lose the same share."""
    payment = people.pay(10_000)
    people.eventually_has(people.bob, 2_000)
    told(people, "Payment Refunded", payment, refundId=f"r1-{people.run}", amount=2_500, currency="USD")
    people.eventually_has(people.bob, 1_500)
    people.eventually_has(people.alice, 750)
    told(people, "Payment Refunded", payment, refundId=f"r2-{people.run}", amount=7_500, currency="USD")
    people.eventually_has(people.bob, 0)
    people.eventually_has(people.alice, 0)


def test_a_refund_that_overtakes_its_payment_is_not_lost(people: People) -> None:
    """The refund comes first and waits; the payment earns what is left of it."""
    payment = people.payment(10_000)
    told(people, "Payment Refunded", payment, refundId=f"r-{people.run}", amount=5_000, currency="USD")
    people.client.put_event(payment)
    people.eventually_has(people.bob, 1_000)


def test_a_dispute_holds_the_money_until_it_is_won(people: People) -> None:
    """Gone at once, and back when the owner keeps the money."""
    payment = people.pay(10_000)
    people.eventually_has(people.bob, 2_000)
    dispute = {"disputeId": f"d-{people.run}"}
    told(people, "Payment Disputed", payment, **dispute, amount=10_000, currency="USD")
    people.eventually_has(people.bob, 0)
    told(people, "Dispute Closed", payment, **dispute, outcome="WON")
    people.eventually_has(people.bob, 2_000)


def test_stripes_refund_of_an_invoice_from_basil_on(people: People) -> None:
    """The invoice is known by its id, the refund names the intent, and `invoice_payment.paid` joins them."""
    stripe(people, "stripe_invoice_paid_basil", metadata={"customerId": people.carol})
    people.eventually_has(people.bob, 2_000)
    stripe(people, "stripe_refund_created_basil")
    stripe(people, "stripe_invoice_payment_paid")
    people.eventually_has(people.bob, 0)


def test_stripes_dispute_that_is_lost(people: People) -> None:
    """20 % of 50.00 net are taken at once, and stay taken; the charge's refund of the same money takes no more."""
    stripe(people, "stripe_charge_succeeded", metadata={"customerId": people.carol, "taxAmount": "950"})
    people.eventually_has(people.bob, 1_000)
    stripe(people, "stripe_dispute_created")
    people.eventually_has(people.bob, 0)
    stripe(people, "stripe_dispute_closed_lost")
    stripe(people, "stripe_charge_refunded")
    people.pay(5_000)  # what follows is counted, and nothing more is gone
    people.eventually_has(people.bob, 1_000)
