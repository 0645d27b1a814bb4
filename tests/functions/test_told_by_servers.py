"""Sign-ups and sales that servers tell over HTTP, and Stripe by a webhook: from the queue on like the bus."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from refledger.adapters import signed_webhooks
from refledger.adapters.queues import LeadsQueue, PaymentsQueue
from refledger.domain.api_keys import ApiKey, ApiKeyStatus
from refledger.domain.errors import ReferralNotFound
from refledger.domain.rewards import SECOND_PERSON
from refledger.domain.times import SECOND_MS, iso
from refledger.entry import config
from refledger.operations.earning import unattributed
from refledger.operations.referring import reads
from tests.functions.test_came_by import CUSTOMER, SHOP, click, earned, session
from tests.functions.test_payment_batches import records
from tests.support.functions import Answer, World, assert_problem, load
from tests.support.queues import Sqs
from tests.support.stripe_server import SECRET

LEAD, SALE = "POST /api/v1/events/lead", "POST /api/v1/events/sale"
STRIPE = "POST /api/v1/webhooks/stripe-payments"
SERVICE = {"scope": "refledger/events:write", "client_id": "site"}
ORDER = {"paymentId": "order-1", "customerId": CUSTOMER, "amount": 10_000, "currency": "USD"}


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Sqs:
    """Both queues in one double."""
    made = Sqs()
    monkeypatch.setattr(config, "leads_queue", lambda: LeadsQueue(made, "leads"))
    monkeypatch.setattr(config, "payments_queue", lambda: PaymentsQueue(made, "payments"))
    return made


@pytest.fixture
def shop(fresh: World, queue: Sqs, sqs: Sqs, monkeypatch: pytest.MonkeyPatch) -> World:
    fresh.books.change_program(links=SHOP)
    monkeypatch.setattr(config, "lead_mappings", dict)
    return fresh


def tell(world: World, route: str, body: Any, **more: Any) -> Answer:
    return world.call(route, **{"sub": "site", "claims": SERVICE, "body": body, **more})


def stripe(world: World, body: bytes, secret: str = SECRET, age_seconds: int = 0) -> Answer:
    headers = {"stripe-signature": signed_webhooks.sign(body, secret, int(time.time()) - age_seconds)}
    return world.call(STRIPE, sub=None, text=body.decode(), headers=headers)


def event_of(body: str) -> bytes:
    """Stripe's own Event inside of what EventBridge delivers."""
    return json.dumps(json.loads(body)["detail"]).encode()


def work(queue: Sqs) -> None:
    """All that is in the queues, once."""
    for name, function in (("leads", "lead_events"), ("payments", "payment_events")):
        bodies = [message["MessageBody"] for message in queue.dead if message["QueueUrl"] == name]
        assert load(function).handler(records(*bodies), None) == {"batchItemFailures": []}
    queue.dead.clear()


# ---------------------------------------------------------------- sign-ups and sales


def test_a_sign_up_and_a_sale_earn(shop: World, queue: Sqs) -> None:
    """Answered once it is in the queue; what comes again, later and without a time too, is the same."""
    id = click(shop)
    for _ in range(2):
        told = tell(shop, LEAD, {"customerId": CUSTOMER, "clickId": id})
        assert (told.status, told.body) == (202, {"outcome": "QUEUED", "id": f"customer {CUSTOMER}"})
        paid = tell(shop, SALE, ORDER)
        assert (paid.status, paid.body) == (202, {"outcome": "QUEUED", "id": "order-1"})
        assert queue.dead[-2]["MessageBody"] != queue.dead[-1]["MessageBody"]
        shop.books.clock.forward(90 * SECOND_MS)
    times = {json.loads(message["MessageBody"])["detail"]["occurredAt"] for message in queue.dead}
    assert len(times) == 1, "of a repeat it is when it was first told"
    work(queue)
    assert earned(shop) == 2_000
    assert shop.books.faults() == []


@pytest.mark.parametrize("sale_first", [True, False])
def test_a_sale_alone_refers_by_its_click(shop: World, queue: Sqs, sale_first: bool) -> None:
    """In either order, and though nobody told of the sign-up before."""
    told = [(SALE, ORDER | {"clickId": click(shop)}), (LEAD, {"customerId": CUSTOMER, "clickId": click(shop)})]
    for route, body in told if sale_first else reversed(told):
        assert tell(shop, route, body).status == 202
        work(queue)
    unattributed.take(shop.books.context, unattributed.Referred("default", shop.books.user(CUSTOMER)))
    assert earned(shop) == 2_000


def test_other_products_names_are_understood(shop: World, queue: Sqs) -> None:
    """Dub's and FirstPromoter's, and what they say beside them; who the customer is by name is in no message."""
    dub = {"clickId": click(shop), "eventName": "Sign up", "customerExternalId": CUSTOMER, "customerName": "Carol Who",
           "customerEmail": "carol@example.com", "mode": "async", "metadata": {"plan": "pro"}}  # fmt: skip
    assert tell(shop, LEAD, dub).status == 202
    sale = {"customerExternalId": CUSTOMER, "amount": 10_000, "currency": "usd", "paymentProcessor": "stripe",
            "invoiceId": "in_1", "eventName": "Purchase"}  # fmt: skip
    assert tell(shop, SALE, sale).status == 202
    promoter = {"uid": "user-2", "tid": click(shop), "event_id": "e-2", "amount": 5_000, "currency": "USD", "plan": "p"}
    assert tell(shop, SALE, promoter).status == 202
    assert [word for word in ("Carol", "carol@") if word in json.dumps(queue.dead)] == []
    work(queue)
    assert earned(shop) == 3_000
    refused = tell(shop, SALE, sale | {"customerId": "another"})
    assert_problem(refused, 422)
    assert refused.body["errors"] == [{"field": "customerExternalId", "message": "another than customerId"}]


@pytest.mark.parametrize(
    ("route", "body"),
    [
        (LEAD, {}), (LEAD, {"clickId": "x"}), (LEAD, {"customerId": ""}), (LEAD, {"customerId": "a\x00b"}),
        (LEAD, {"customerId": "c", "occurredAt": "yesterday"}), (LEAD, {"customerId": "c", "colour": "red"}),
        (LEAD, {"customerId": "c", "occurredAt": "2030-01-01T00:00:00Z"}), (LEAD, []),
        (SALE, {}), (SALE, ORDER | {"amount": -1}), (SALE, ORDER | {"amount": 1.0}), (SALE, ORDER | {"amount": "1"}),
        (SALE, ORDER | {"currency": "XXQ"}), (SALE, ORDER | {"taxAmount": 10_001}), (SALE, ORDER | {"paymentId": ""}),
        (SALE, ORDER | {"amount": 10**30}), (SALE, ORDER | {"occurredAt": "2030-01-01T00:00:00Z"}),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_at_once(shop: World, queue: Sqs, route: str, body: Any) -> None:
    """The caller hears of it; nothing of it is in the queue."""
    assert_problem(tell(shop, route, body), 400, 422)
    assert queue.dead == []


@pytest.mark.parametrize("route", [LEAD, SALE])
def test_only_a_service_with_the_scope_tells(shop: World, queue: Sqs, route: str) -> None:
    """No partner, no admin, no service of another scope, nobody without a token."""
    body = ORDER if route == SALE else {"customerId": CUSTOMER}
    answers = [
        shop.call(route, sub="bob", body=body), shop.call(route, groups=("admin",), body=body),
        shop.call(route, sub=None, body=body),
        shop.call(route, sub="crm", claims=SERVICE | {"scope": "refledger/referrals:write"}, body=body),
    ]  # fmt: skip
    assert [answer.status for answer in answers] == [403, 403, 401, 403]
    assert queue.dead == []


def test_a_customer_id_is_no_lead_of_another_kind(shop: World, queue: Sqs) -> None:
    """Who is called like a lead's id is not taken for that lead."""
    tell(shop, LEAD, {"leadId": "L-1", "customerId": "one", "referralCode": shop.books.partner("bob").code})
    tell(shop, LEAD, {"customerId": "L-1", "referralCode": shop.books.partner("eve").code})
    work(queue)
    assert reads.by_lead(shop.books.context, "L-1").upline[0].partner_id == shop.books.partner("bob").id
    assert reads.by_lead(shop.books.context, "customer L-1").upline[0].partner_id == shop.books.partner("eve").id


@pytest.mark.parametrize("blank", [" ", "\u00a0", "\u2003"])
@pytest.mark.parametrize("field", ["paymentId", "customerId"])
def test_an_id_is_the_same_by_both_ways(shop: World, queue: Sqs, field: str, blank: str) -> None:
    """A blank at its end is part of it on the bus, and so it is here: or one payment would earn twice."""
    told = ORDER | {"clickId": click(shop), "occurredAt": iso(shop.books.clock()), field: f"{ORDER[field]}{blank}"}
    assert tell(shop, SALE, told).status == 202
    event = {"source": "payments", "detail-type": "Payment Succeeded", "detail": told}
    queue.dead.append({"QueueUrl": "payments", "MessageBody": json.dumps(event)})
    work(queue)
    assert earned(shop) == 2_000


def test_long_ids_that_begin_alike_are_two(shop: World, queue: Sqs) -> None:
    """Each customer comes by the click in their own sale."""
    for name in ("one", "two"):
        told = ORDER | {"paymentId": "x" * 250 + name, "customerId": name, "clickId": click(shop)}
        assert tell(shop, SALE, told).status == 202
        work(queue)
    assert earned(shop) == 4_000


@pytest.mark.parametrize(
    "amount", ["1e4", "10000.0", "true", "null", '"1e4"', '"\u0661\u0662"', "NaN", "1e400", "9" * 5000]
)
def test_only_a_whole_number_is_an_amount(shop: World, queue: Sqs, amount: str) -> None:
    """As it stands in the text of the body: no exponent, no other digits, none without end."""
    text = json.dumps(ORDER | {"amount": "?"}).replace('"?"', amount)
    assert_problem(tell(shop, SALE, None, text=text), 400, 422)
    assert queue.dead == []


def test_what_was_refused_was_not_told(shop: World, queue: Sqs) -> None:
    """Who corrects it an hour later tells of then."""
    assert_problem(tell(shop, SALE, ORDER | {"taxAmount": 10_001}), 422)
    shop.books.clock.forward(3600 * SECOND_MS)
    assert tell(shop, SALE, ORDER).status == 202
    assert json.loads(queue.dead[0]["MessageBody"])["detail"]["occurredAt"] == iso(shop.books.clock())


# ---------------------------------------------------------------- API keys


def with_key(world: World, of: str, route: str, body: Any) -> Answer:
    """A call with a key that somebody made."""
    key = ApiKey("k1", "Shop", False, ("events:write",), ApiKeyStatus.ACTIVE, world.books.user(of), 0, ())
    return world.call(route, sub=None, api_key=key, body=body)


@pytest.mark.parametrize("later", [False, True])
def test_nobodys_key_refers_customers_to_themselves(shop: World, queue: Sqs, later: bool) -> None:
    """Who made the key is the partner, or above them: also where the code is told by others behind it."""
    code = {"referralCode": shop.books.partner("bob").code}
    if later:
        assert with_key(shop, "bob", LEAD, {"leadId": "L", "customerId": CUSTOMER}).status == 202
        work(queue)
        assert tell(shop, LEAD, {"leadId": "L", **code}).status == 202
    else:
        assert with_key(shop, "bob", LEAD, {"leadId": "L", "customerId": CUSTOMER, **code}).status == 202
    work(queue)
    with pytest.raises(ReferralNotFound):
        reads.by_lead(shop.books.context, "L")
    assert with_key(shop, "bob", SALE, ORDER | code).status == 202
    work(queue)
    assert earned(shop) == 0


def test_who_made_the_key_made_its_referrals(shop: World, queue: Sqs) -> None:
    """So what a CRM tells of them later bars them; a service's token is nobody's."""
    code = {"referralCode": shop.books.partner("bob").code}
    assert with_key(shop, "ann", LEAD, {"leadId": "by a key", **code}).status == 202
    assert tell(shop, LEAD, {"leadId": "by a token", **code}).status == 202
    work(queue)
    makers = [reads.by_lead(shop.books.context, lead).makers for lead in ("by a key", "by a token")]
    assert makers == [(shop.books.user("ann"),), ()]


def test_what_the_bus_says_otherwise_is_kept(shop: World, queue: Sqs, sqs: Sqs) -> None:
    """In the dead letters with its reason, while what the service told waits for a person."""
    told = ORDER | {"clickId": click(shop), "occurredAt": iso(shop.books.clock())}
    assert tell(shop, SALE, told).status == 202
    work(queue)
    event = {"source": "payments", "detail-type": "Payment Succeeded", "detail": told | {"customerId": "another"}}
    queue.dead.append({"QueueUrl": "payments", "MessageBody": json.dumps(event)})
    work(queue)
    (kept,) = sqs.dead
    assert json.loads(kept["MessageBody"]) == event
    (waiting,) = shop.books.rewards("bob")
    assert waiting.held == (SECOND_PERSON,)


# ---------------------------------------------------------------- Stripe's webhook


def test_what_stripe_signs_is_what_eventbridge_brings(shop: World, queue: Sqs) -> None:
    """The same event by both ways, and by the webhook twice: one payment, of whom it was referred by in it."""
    body = session(client_reference_id=click(shop), livemode=True)
    for _ in range(2):
        answer = stripe(shop, event_of(body))
        assert (answer.status, answer.body) == (200, {"outcome": "QUEUED"})
    assert json.loads(queue.dead[0]["MessageBody"])["detail"] == json.loads(body)["detail"]
    queue.dead.append({"QueueUrl": "payments", "MessageBody": body})
    work(queue)
    assert earned(shop) == 2_000


def test_what_stripe_did_not_sign_is_not_believed(shop: World, queue: Sqs) -> None:
    """Another secret, another body, an old signature, none at all."""
    body = event_of(session())
    assert_problem(stripe(shop, body, "whsec_of_somebody_else_entirely_long"), 401)
    assert_problem(stripe(shop, body, age_seconds=310), 401)
    assert_problem(stripe(shop, body, age_seconds=-310), 401)
    assert_problem(shop.call(STRIPE, sub=None, text=body.decode()), 401)
    signed = {"stripe-signature": signed_webhooks.sign(body, SECRET, int(time.time()))}
    assert_problem(shop.call(STRIPE, sub=None, text=body.decode() + " ", headers=signed), 401)
    assert queue.dead == []


def test_events_of_other_kinds_are_taken_and_left(shop: World, queue: Sqs) -> None:
    """Whoever subscribes to all of Stripe's events gets 200 for each, and nothing waits for nobody."""
    for kind in ("customer.created", "transfer.created", "invoice.created"):
        told = json.dumps({"object": "event", "type": kind}).encode()
        assert (stripe(shop, told).status, stripe(shop, told).body) == (200, {"outcome": "OTHER_KIND"})
    for body in (b"[]", b"{}", b"x", b'{"object": "event"}', b'{"object": "event", "type": 1}'):
        assert_problem(stripe(shop, body), 400, 422)
    assert queue.dead == []


def test_an_invoice_of_many_lines_fits(shop: World, queue: Sqs) -> None:
    """Stripe's events may be larger than a body of the API; beyond EventBridge's limit there is none."""
    event = json.loads(event_of(session()))
    assert stripe(shop, json.dumps(event | {"note": "x" * 200_000}).encode()).status == 200
    assert_problem(stripe(shop, json.dumps(event | {"note": "x" * 270_000}).encode()), 413)
    assert len(queue.dead) == 1


def test_a_queue_that_does_not_answer_has_stripe_send_again(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is answered 2xx that is not in the queue."""

    class Away:
        def send_message(self, **_: Any) -> None:
            raise EndpointConnectionError(endpoint_url="https://sqs.example.com")

    monkeypatch.setattr(config, "payments_queue", lambda: PaymentsQueue(Away(), "payments"))
    assert_problem(stripe(shop, event_of(session())), 503)
    assert_problem(tell(shop, SALE, ORDER | {"occurredAt": iso(shop.books.clock())}), 503)
