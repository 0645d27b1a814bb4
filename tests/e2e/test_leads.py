"""Leads on the whole system: on the bus, at the signed doors, through the queue, and what their partner sees."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from refledger.adapters import signed_webhooks
from scripts.demo import Client, eventually
from tests.e2e.conftest import new_stack, verify
from tests.e2e.people import PROGRAM
from undocked.testing import Stack

NAME, ADDRESS = "refledger/leads", "https://hooks.example.com/crm"
ARN = f"arn:aws:secretsmanager:eu-central-1:123456789012:secret:{NAME}-Local0"
SECRET, APP_SECRET = "whsec_of_the_tests_which_is_as_long_", "0b5c1d2e-0000-4000-8000-secretofapp0"
SALESFORCE = "aws.partner/salesforce.com/00D5f000005KcCnEAK/0YL5f000000CabWGAS"
NOW = datetime.now(UTC)

Json = dict[str, Any]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose doors have secrets, which are the owner's own and in no template."""
    folder = tmp_path_factory.mktemp("leads")
    own = folder / "own.json"
    own.write_text(json.dumps({NAME: {"referrals": SECRET, "hubspot": APP_SECRET}}))
    parameters = {"LeadWebhooksSecretArn": ARN, "HubSpotWebhookUrl": ADDRESS}
    with new_stack(folder / "data", options=["--secrets", str(own)], given=parameters) as started:
        yield started


@pytest.fixture(scope="module")
def client(running: Stack) -> Client:
    made = Client(running.api, running.aws)
    made.post("admin", "/programs", PROGRAM)
    return made


@pytest.fixture(scope="module")
def code(client: Client) -> str:
    return str(client.get("alice", "/referrals/code")["code"])


def told(lead: str, hour: int, **more: Any) -> Json:
    """Of one of the last hours."""
    return {"leadId": lead, "occurredAt": (NOW - timedelta(hours=9 - hour)).isoformat(), **more}


def eventually_is(client: Client, lead: str, status: str) -> Json:
    """The referral of the lead, as staff see it."""

    def probe() -> str:
        answer, found = client.call("admin", "GET", f"/referrals/by-lead/{lead}")
        return str(found["status"]) if answer == 200 else str(answer)

    eventually(probe, status, f"referral of {lead}")
    return client.get("admin", f"/referrals/by-lead/{lead}")


def test_a_lead_goes_its_way_over_the_bus_in_the_wrong_order(client: Client, running: Stack, code: str) -> None:
    """Converted before it was accepted, and created last of all: the partner has earned from it, once."""
    lead = f"crm-{secrets.token_hex(4)}"
    life = [
        ("Lead Converted", told(lead, 3, conversionValue=1000.0)),
        ("Lead Accepted", told(lead, 2)),
        ("Lead Created", told(lead, 1, message=f"Alice gave me her code: {code.lower()}", source="phone")),
    ]
    for _ in range(2):
        for kind, detail in life:
            client.put_event(detail, source="leads", detail_type=kind)
    referral = eventually_is(client, lead, "CONVERTED")
    assert (referral["source"], referral["leadId"]) == ("PHONE", lead)
    (reward,) = [each for each in client.get("alice", "/rewards")["data"] if each["referralId"] == referral["id"]]
    assert (reward["amount"], reward["currency"]) == (20_000, "USD")
    assert verify(running)["faults"] == []


def test_a_site_and_hubspot_and_salesforce_tell_of_leads(client: Client, running: Stack, code: str) -> None:
    """Each in its own way: signed by the site, signed by HubSpot for the address in its settings, and over the bus."""
    form = f"form-{secrets.token_hex(4)}"
    body = json.dumps({"type": "Lead Created", "detail": told(form, 1, referralCode=code)}).encode()
    signed = {"refledger-signature": signed_webhooks.sign(body, SECRET, int(time.time()))}
    door = f"{running.api}/api/v1/webhooks"
    assert httpx.post(f"{door}/referrals", content=body, headers=signed, timeout=120).status_code == 202
    assert httpx.post(f"{door}/referrals", content=body + b" ", headers=signed, timeout=120).status_code == 401

    contact = secrets.randbelow(10**11)
    change = {
        "subscriptionType": "contact.propertyChange",
        "objectId": contact,
        "occurredAt": int(NOW.timestamp() * 1000),
    }
    changes = [
        change | {"propertyName": "lifecyclestage", "propertyValue": "opportunity"},
        change | {"propertyName": "referral_code", "propertyValue": code},
    ]
    assert send_to_hubspots_door(door, json.dumps(changes).encode()).status_code == 202

    header = {
        "entityName": "Lead",
        "recordIds": [f"00Q{contact}"],
        "changeType": "CREATE",
        "commitTimestamp": 1_790_000_000_000,
    }
    client.put_event(
        {"payload": {"ChangeEventHeader": header, "Referral_Code__c": code, "Status": "Closed - Not Converted"}},
        source=SALESFORCE, detail_type="LeadChangeEvent",
    )  # fmt: skip
    eventually_is(client, form, "PENDING")
    eventually_is(client, str(contact), "ACCEPTED")
    eventually_is(client, f"00Q{contact}", "REJECTED")


def send_to_hubspots_door(door: str, body: bytes) -> httpx.Response:
    now = str(int(time.time() * 1000))
    digest = hmac.new(APP_SECRET.encode(), b"POST" + ADDRESS.encode() + body + now.encode(), hashlib.sha256).digest()
    signed = {"x-hubspot-signature-v3": base64.b64encode(digest).decode(), "x-hubspot-request-timestamp": now}
    return httpx.post(f"{door}/hubspot", content=body, headers=signed, timeout=120)
