"""News of leads through the real functions: signed at the door, put into the queue, and taken from there."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from refledger.adapters import signed_webhooks
from refledger.adapters.queues import DeadLetters, LeadsQueue
from refledger.domain.errors import Busy
from refledger.domain.leads import LeadNews
from refledger.domain.referrals import ReferralStatus
from refledger.domain.times import iso
from refledger.entry import config
from refledger.operations.referring import leads, reads
from refledger.store import keys
from tests.support import functions
from tests.support.functions import Answer, World, assert_problem, load
from tests.support.queues import Sqs
from tests.support.secrets import LEADS

REFERRALS, HUBSPOT = "POST /api/v1/webhooks/referrals", "POST /api/v1/webhooks/hubspot"
SECRET, APP_SECRET = "whsec_of_the_tests_which_is_as_long_", "0b5c1d2e-0000-4000-8000-secretofapp0"
NEXT = "whsec_of_the_next_months_as_long_"
ADDRESS = "https://api.example.com/api/v1/webhooks/hubspot"
MAPPINGS = {
    "HUBSPOT_MAPPING": "object=contact;code=referral_code;accepted=lifecyclestage:opportunity",
    "SALESFORCE_MAPPING": "object=Lead;code=Referral_Code__c;accepted=Status:Working",
}


@pytest.fixture
def queue(world: World, monkeypatch: pytest.MonkeyPatch) -> Sqs:
    """What the door puts into the queue, and what is put aside (`dead`): one double keeps both."""
    made = Sqs()
    monkeypatch.setattr(config, "leads_queue", lambda: LeadsQueue(made, "leads"))
    monkeypatch.setattr(config, "lead_dead_letters", lambda: DeadLetters(made, "dead"))
    config.lead_mappings.cache_clear()
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "refledger")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "test")
    return made


@pytest.fixture(scope="module")
def world(dynamodb_endpoint: str) -> Iterator[World]:
    with functions.world(dynamodb_endpoint, **MAPPINGS) as made:
        made.secrets.put(LEADS, referrals=f"{NEXT}, {SECRET}", hubspot=APP_SECRET)
        made.books.program()
        made.books.partner("alice")
        yield made
    config.lead_mappings.cache_clear()


def created(world: World, lead: str, **more: Any) -> dict[str, Any]:
    code = world.books.partner("alice").code
    return {"leadId": lead, "referralCode": code, "occurredAt": iso(world.books.clock()), **more}


def send(world: World, event: Any, secret: str = SECRET, **headers: str) -> Answer:
    raw = event if isinstance(event, bytes) else json.dumps(event).encode()
    signed = {signed_webhooks.HEADER: signed_webhooks.sign(raw, secret, int(time.time()))} | headers
    return world.call(REFERRALS, sub=None, text=raw.decode(), headers=signed)


def send_hubspot(world: World, events: Any, secret: str = APP_SECRET, uri: str = ADDRESS) -> Answer:
    text, now = json.dumps(events), str(int(time.time() * 1000))
    digest = hmac.new(secret.encode(), f"POST{uri}{text}{now}".encode(), hashlib.sha256).digest()
    signed = {"x-hubspot-signature-v3": base64.b64encode(digest).decode(), "x-hubspot-request-timestamp": now}
    return world.call(HUBSPOT, sub=None, text=text, headers=signed)


def change(property: str, value: str, record: int) -> dict[str, Any]:
    return {"subscriptionType": "contact.propertyChange", "objectId": record, "occurredAt": 1_789_999_000_000,
            "propertyName": property, "propertyValue": value}  # fmt: skip


def work(queue: Sqs, *bodies: str) -> list[str]:
    """A batch of messages, else all that the queue has; the ids of those that come again."""
    told = list(bodies) or [message["MessageBody"] for message in queue.dead if message["QueueUrl"] == "leads"]
    records = [{"messageId": f"m{number}", "body": body} for number, body in enumerate(told)]
    answer = load("lead_events").handler({"Records": records}, None)
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def put_aside(queue: Sqs) -> list[str]:
    """The reasons in the dead-letter queue."""
    dead = [message for message in queue.dead if message["QueueUrl"] == "dead"]
    return [message["MessageAttributes"]["reason"]["StringValue"] for message in dead]


def status(world: World, lead: str) -> ReferralStatus:
    return reads.by_lead(world.books.context, lead).status


# ---------------------------------------------------------------- signed webhooks


def test_a_site_without_an_account_makes_a_referral(world: World, queue: Sqs) -> None:
    """Answered 202 once it is in the queue, and a referral when the queue is worked; sent twice, it is one."""
    event = {"type": "Lead Created", "detail": created(world, "form-1", source="website")}
    for _ in range(2):
        answer = send(world, event)
        assert (answer.status, answer.body) == (202, {"outcome": "QUEUED"})
    assert work(queue) == []
    assert status(world, "form-1") is ReferralStatus.PENDING
    converted = {"leadId": "form-1", "conversionValue": 0.1, "occurredAt": iso(world.books.clock())}
    assert send(world, {"type": "Lead Converted", "detail": converted}).status == 202
    assert work(queue) == []
    assert status(world, "form-1") is ReferralStatus.CONVERTED
    assert [reward.amount for reward in world.books.rewards("alice")] == [2], "0.10 exactly"


@pytest.mark.parametrize(
    "headers",
    [{signed_webhooks.HEADER: ""}, {signed_webhooks.HEADER: "t=1,v1=00"}, {signed_webhooks.HEADER: "nonsense"}],
)
def test_what_is_not_signed_is_not_taken(world: World, queue: Sqs, headers: dict[str, str]) -> None:
    """401, and nothing in the queue; nor signed with another secret, nor where there is no secret at all."""
    event = {"type": "Lead Created", "detail": created(world, "form-2")}
    for answer in (send(world, event, **headers), send(world, event, secret="another")):
        assert_problem(answer, 401)
        assert answer.code == "BAD_SIGNATURE"
    world.secrets.put(LEADS, referrals="")
    try:
        assert_problem(send(world, event, secret=""), 401)
    finally:
        world.secrets.put(LEADS, referrals=f"{NEXT}, {SECRET}")
    assert queue.dead == []


@pytest.mark.parametrize(
    "event",
    [
        b"",
        b"not JSON",
        b"[]",
        {"type": "Lead Created"},
        {"type": "Payment Succeeded", "detail": {}},
        {"type": "Lead Created", "detail": {"leadId": "x"}},
        {"type": "Lead Created", "detail": {"leadId": "x", "occurredAt": "2026-11-02T10:00:00Z", "source": "RADIO"}},
        {"type": ["Lead Created"], "detail": {}},
    ],
)
def test_what_can_never_be_read_is_refused_at_the_door(world: World, queue: Sqs, event: Any) -> None:
    """A developer reads the answer: it names the place, and repeats no value."""
    answer = send(world, event)
    assert_problem(answer, 422)
    assert answer.code == "UNREADABLE"
    assert "RADIO" not in answer.body["detail"]
    assert queue.dead == []


def test_too_large_a_body_is_refused(world: World, queue: Sqs) -> None:
    """Before anybody looks at its signature."""
    assert_problem(send(world, b" " * 70_000), 413)
    assert queue.dead == []


def test_a_queue_that_does_not_take_it_is_no_success(world: World, queue: Sqs, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sender is told to try again: nothing is answered for that is not kept."""

    def fail(**_: Any) -> None:
        raise TimeoutError

    monkeypatch.setattr(queue, "send_message", fail)
    assert send(world, {"type": "Lead Created", "detail": created(world, "form-3")}).status == 500
    assert send_hubspot(world, []).status == 500


# ---------------------------------------------------------------- HubSpot


def test_hubspot_makes_and_moves_a_referral(world: World, queue: Sqs) -> None:
    """The stage before the code, in one request with what tells nothing."""
    code = world.books.partner("alice").code
    told = [change("lifecyclestage", "opportunity", 77), change("email", "x@example.com", 77),
            change("referral_code", code.lower(), 77)]  # fmt: skip
    assert send_hubspot(world, told).status == 202
    assert work(queue) == []
    assert status(world, "77") is ReferralStatus.ACCEPTED


def test_hubspot_signs_the_address_that_its_settings_have(world: World, queue: Sqs) -> None:
    """The API's own, or the one that the deployment names; signed for another one, or by another app, it is refused."""
    for answer in (send_hubspot(world, [], secret="another"), send_hubspot(world, [], uri="https://x.example.com/")):
        assert_problem(answer, 401)
    world.variables["HUBSPOT_WEBHOOK_URL"] = "https://own.example.com/crm"
    try:
        assert_problem(send_hubspot(world, []), 401)
        assert send_hubspot(world, [], uri="https://own.example.com/crm").status == 202
    finally:
        world.variables["HUBSPOT_WEBHOOK_URL"] = ""
    assert len(queue.dead) == 1
    assert_problem(send_hubspot(world, {"no": "list"}), 422)


# ---------------------------------------------------------------- the queue


def test_what_cannot_be_read_is_put_aside_while_its_neighbours_are_done(world: World, queue: Sqs) -> None:
    """Of HubSpot's many the unreadable one alone, with its reason and without its values."""
    code = world.books.partner("alice").code
    told = [change("referral_code", code, 78), {"subscriptionType": 1}, change("lifecyclestage", "opportunity", 78)]
    body = json.dumps({"source": "hubspot", "detail-type": "webhook", "detail": {"events": told}})
    assert work(queue, body, "not JSON", '{"source": "leads", "detail-type": "Lead Gone", "detail": {}}') == []
    assert put_aside(queue) == ["subscriptionType: missing", "body: not JSON", "unknown source or detail-type"]
    assert json.loads(queue.dead[0]["MessageBody"])["detail"] == {"events": {"subscriptionType": 1}}
    assert status(world, "78") is ReferralStatus.ACCEPTED
    queue.dead.clear()
    alone = json.dumps({"source": "hubspot", "detail-type": "webhook", "detail": {"events": told[1]}})
    assert work(queue, alone) == []
    assert put_aside(queue) == ["subscriptionType: missing"], "what was put aside may be sent back as it lies there"


def test_one_that_fails_comes_again_alone(world: World, queue: Sqs, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table is busy for one of three."""
    take = leads.take

    def once(context: Any, news: LeadNews) -> leads.LeadResult:
        if news.lead_id == "bad":
            raise Busy("x")
        return take(context, news)

    monkeypatch.setattr(leads, "take", once)
    bodies = [
        json.dumps({"source": "leads", "detail-type": "Lead Created", "detail": created(world, lead)})
        for lead in ("good-1", "bad", "good-2")
    ]
    assert work(queue, *bodies) == ["m1"]
    assert status(world, "good-1") is status(world, "good-2") is ReferralStatus.PENDING
    assert put_aside(queue) == []


def test_a_mapping_that_cannot_be_read_loses_nothing(world: World, queue: Sqs) -> None:
    """The messages stay in the queue until the deployment is mended."""
    config.lead_mappings.cache_clear()
    world.variables["HUBSPOT_MAPPING"] = "nonsense"
    body = json.dumps({"source": "leads", "detail-type": "Lead Created", "detail": created(world, "form-9")})
    try:
        assert work(queue, body) == ["m0"]
    finally:
        world.variables["HUBSPOT_MAPPING"] = MAPPINGS["HUBSPOT_MAPPING"]
    assert work(queue, body) == []


def test_nothing_personal_is_logged(world: World, queue: Sqs, caplog: pytest.LogCaptureFixture) -> None:
    """Neither lead, customer, campaign nor message: of a code that is nobody's, and of a lead that nobody sent."""
    secret = {
        "leadId": "ida@example.com",
        "customerId": "carol@example.com",
        "message": "code: SECRET-1",
        "campaign": "Spy",
    }
    event = {
        "source": "leads",
        "detail-type": "Lead Created",
        "detail": {**secret, "occurredAt": iso(world.books.clock())},
    }
    assert work(queue, json.dumps(event)) == []
    assert caplog.records
    told = "".join(str(record.__dict__) for record in caplog.records)
    assert [word for word in ("ida", "carol", "SECRET", "Spy") if word in told] == []


def test_the_audit_is_told_which_system_it_was(world: World, queue: Sqs) -> None:
    """A referral that HubSpot made is signed by it, with the message that did."""
    code = world.books.partner("alice").code
    body = {"source": "hubspot", "detail-type": "webhook", "detail": {"events": [change("referral_code", code, 79)]}}
    assert work(queue, json.dumps(body)) == []
    item = world.books.table.get(keys.referral(reads.by_lead(world.books.context, "79").id))
    assert item is not None
    who = item["who"]
    assert (who["by"], who["kind"], who["request"], who["what"]) == ("", "hubspot", "m0", "webhook")
