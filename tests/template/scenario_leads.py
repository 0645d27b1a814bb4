"""The part of the story in which CRMs tell of leads, at the door and through the queue."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

from refledger.adapters import signed_webhooks
from refledger.domain.times import iso
from tests.support import stripe_server
from tests.template.story import LEAD_SECRETS, Json, Story

ROUTES = {name: f"POST /api/v1/webhooks/{name}" for name in ("referrals", "hubspot")}


def hear(story: Story) -> None:
    """A site tells of a lead, HubSpot of another; of some the code comes last, or the customer, or none at all."""
    alices, bobs = (
        story.call("member_referrals", who, "GET /api/v1/referrals/code")["code"] for who in ("alice", "bob")
    )
    story.sent.clear()
    body = json.dumps({"type": "Lead Created", "detail": detail(story, "lead-1", referralCode=alices)}).encode()
    signed = signed_webhooks.sign(body, LEAD_SECRETS["referrals"], int(time.time()))
    deliver(story, "referrals", body, {signed_webhooks.HEADER: signed})
    deliver_hubspot(story, bobs)
    work(story, *[message["MessageBody"] for message in story.sent.pop("LeadsQueue")], "not JSON")
    assert story.sent["LeadsDlq"]

    converted = event(story, "Lead Converted", "lead-1", conversionValue=100, customerId="leo")
    work(story, converted)
    work(story, converted)  # the second time it finds what the first one booked
    rejected = event(story, "Lead Rejected", "lead-2", reason="no budget", customerId="lea")
    work(story, rejected, event(story, "Lead Created", "lead-2", referralCode=bobs), rejected)
    found = story.call("referrals", "admin", "GET /api/v1/referrals/by-lead/{leadId}", leadId="lead-1")
    assert (found["status"], found["leadId"]) == ("CONVERTED", "lead-1")
    grow(story, alices)
    convert_before_a_payment(story, alices)
    fall_through(story, found)
    found = story.call("referrals", "admin", "GET /api/v1/referrals/by-lead/{leadId}", leadId="lead-2")
    assert found["status"] == "REJECTED"
    tell_what_was_paid(story, alices)
    tell_by_servers(story, alices)


def tell_by_servers(story: Story, code: str) -> None:
    """A server tells of a sign-up and a sale, the same sale twice, and Stripe of a payment by its webhook."""
    story.call("events", "server", "POST /api/v1/events/lead", {"customerId": "lin", "referralCode": code})
    sale = {"paymentId": "of lin", "customerId": "lin", "amount": 1_000, "currency": "USD"}
    story.sent.pop("PaymentsQueue", None)
    for _ in range(2):
        story.call("events", "server", "POST /api/v1/events/sale", sale)
    work(story, *[message["MessageBody"] for message in story.sent.pop("LeadsQueue")])
    for message in story.sent.pop("PaymentsQueue"):
        records = {"Records": [{"messageId": "sale", "body": message["MessageBody"]}]}
        assert story.invoke("payment_events", records) == {"batchItemFailures": []}
    body = json.dumps(json.loads(story.example("stripe_session_completed"))["detail"]).encode()
    signed = signed_webhooks.sign(body, stripe_server.SECRET, int(time.time()))
    answer = story.invoke("events", {
        "routeKey": "POST /api/v1/webhooks/stripe-payments", "headers": {"stripe-signature": signed},
        "body": body.decode(), "isBase64Encoded": False, "requestContext": {"requestId": "stripe's payment"},
    })  # fmt: skip
    assert json.loads(answer["body"]) == {"outcome": "QUEUED"}


def tell_what_was_paid(story: Story, code: str) -> None:
    """What Lou paid is told as a deal, too, that was closed before: the deal earns, and what is paid waits."""
    entered = story.call("referrals", "admin", "POST /api/v1/referrals", {
        "source": "phone", "referralCode": code, "customerId": "lou", "leadId": "lead-9", "externalId": "deal-9",
        "metadata": {"stage": "won"}}, key="lou")  # fmt: skip
    (found,) = story.call("referrals", "admin", "GET /api/v1/referrals", query="externalId=deal-9")["data"]
    assert found["id"] == entered["id"]
    story.clock.forward(5_000)
    before = iso(story.clock() - 1_000)
    story.pay("lou", "of lou", 10_000)
    work(story, event(story, "Lead Converted", "lead-9", conversionValue=100, occurredAt=before))
    story.invoke("maturity", {})
    waiting = story.call("payments", "admin", "GET /api/v1/payments/duplicates")["data"]
    pairs = [(each["payment"]["toldBy"], each["mayBe"]["referralId"], each["mayBe"]["toldBy"]) for each in waiting]
    assert ("payments", entered["id"], "conversion") in pairs


def grow(story: Story, code: str) -> None:
    """A deal of which nobody knows who pays turns out to be worth more."""
    told = (event(story, "Lead Created", "lead-3", referralCode=code),
            event(story, "Lead Converted", "lead-3", conversionValue=100))  # fmt: skip
    story.clock.forward(1000)
    work(story, *told, event(story, "Lead Converted", "lead-3", conversionValue=110))


def convert_before_a_payment(story: Story, code: str) -> None:
    """A deal of whose customer a payment is known already was won before that: it was their first."""
    work(story, event(story, "Lead Created", "lead-4", referralCode=code, customerId="lia"))
    won = event(story, "Lead Converted", "lead-4", conversionValue=100)
    story.clock.forward(1000)
    story.pay("lia", "of lia", 1_000)
    work(story, won)


def fall_through(story: Story, referral: Json) -> None:
    """A deal that has become Alice's money turns out to be worth more, and is lost."""
    of = f"partnerId={referral['partnerId']}"
    for reward in story.call("rewards", "admin", "GET /api/v1/rewards", query=of)["data"]:
        if reward["referralId"] == referral["id"]:
            story.call("rewards", "admin", "POST /api/v1/rewards/{rewardId}/approve", {}, rewardId=reward["id"])
    story.clock.forward(1000)
    work(story, event(story, "Lead Converted", "lead-1", conversionValue=110))
    story.clock.forward(1000)
    work(story, event(story, "Lead Rejected", "lead-1", reason="fell through"))
    found = story.call("referrals", "admin", "GET /api/v1/referrals/by-lead/{leadId}", leadId="lead-1")
    assert (found["status"], found["reason"]) == ("CONVERTED", "fell through")


def detail(story: Story, lead: str, **more: Any) -> Json:
    return {"leadId": lead, "occurredAt": iso(story.clock()), **more}


def event(story: Story, kind: str, lead: str, **more: Any) -> str:
    return json.dumps({"source": "leads", "detail-type": kind, "detail": detail(story, lead, **more)})


def work(story: Story, *bodies: str) -> None:
    story.work("lead_events", *bodies)


def deliver_hubspot(story: Story, code: str) -> None:
    change = {"subscriptionType": "contact.propertyChange", "objectId": 77, "occurredAt": story.clock()}
    told = [change | {"propertyName": "referral_code", "propertyValue": code}]
    body, now = json.dumps(told).encode(), str(int(time.time() * 1000))
    text = b"POSThttps://api.example.com/api/v1/webhooks/hubspot" + body + now.encode()
    digest = hmac.new(LEAD_SECRETS["hubspot"].encode(), text, hashlib.sha256).digest()
    headers = {"x-hubspot-signature-v3": base64.b64encode(digest).decode(), "x-hubspot-request-timestamp": now}
    deliver(story, "hubspot", body, headers)


def deliver(story: Story, name: str, body: bytes, headers: dict[str, str]) -> None:
    """A signed message without a token, which must be taken."""
    answer = story.invoke("lead_webhooks", {
        "routeKey": ROUTES[name], "headers": headers | {"host": "api.example.com"}, "body": body.decode(),
        "isBase64Encoded": False, "requestContext": {"requestId": "delivery"},
    })  # fmt: skip
    assert answer["statusCode"] == 202, answer
