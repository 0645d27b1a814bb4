"""The part of the story in which staff enter referrals and move them along, and time ends what nothing came of."""

from __future__ import annotations

import json

import pytest

from refledger.adapters.ids import Ids
from refledger.domain.times import iso
from refledger.operations.earning import rating
from refledger.store import keys
from refledger.store.table import Table
from refledger.store.transaction import update
from tests.template.story import HASH_KEY, TABLE, Json, Story

MS_OF_TWO_DAYS = 2 * 86_400_000
ALL = "/api/v1/referrals"
ONE = f"{ALL}/{{referralId}}"
TERMS = {
    "name": "Timed",
    "currency": "USD",
    "tierRatesBps": [1000],
    "holdDays": 0,
    "coolingHours": 0,
    "attributionDays": 1,
    "monthlyCaps": [{"amount": 500_000, "currency": "USD"}],
}
PERSON = {"firstName": "Ida", "lastName": "Example", "email": "ida@example.com", "programId": "timed"}


def refer(story: Story) -> None:
    """Ida refers to a program in which referrals last for a day; Alice to one in which they last for ever."""
    story.clock.forward(MS_OF_TWO_DAYS)
    story.call("programs", "admin", "POST /api/v1/programs", {"id": "timed", **TERMS}, key="timed")
    ida = story.call("partners", "admin", "POST /api/v1/partners", PERSON, key="ida")
    move(story, ida["id"], ida["referralCode"])
    convert(story, ida["id"])
    convert_what_was_paid(story, ida["id"])
    of_alice = story.call("member_referrals", "alice", "GET /api/v1/referrals/code")["code"]
    made = enter(story, referralCode=of_alice, customerId="gus")
    story.pay("gus", "of gus", 1_000)
    pay_first(story, of_alice)
    as_paid_before(story, "gus")
    assert act(story, "expire", made)["status"] == "EXPIRED", "until the stream tells of the payment"
    assert story.call("referrals", "alice", f"GET {ONE}", referralId=made["id"])["leadId"] is None
    assert made["id"] in [each["id"] for each in story.call("referrals", "alice", f"GET {ALL}")["data"]]
    expire(story, ida["id"])
    lea = leave_to_the_schedule(story)
    convert_before_a_payment(story, lea)
    leave_a_conversion_to_the_schedule(story, lea)


def as_paid_before(story: Story, customer: str) -> None:
    """Their binding as it was when a payment did not write to it that they had paid."""
    key = keys.binding("default", Ids(HASH_KEY).user(customer))
    Table(story.client, TABLE).commit(update("a binding of before", key, "REMOVE #converted"))


def leave_to_the_schedule(story: Story) -> str:
    """Who paid in time is told of after who paid too late, and the worker dies: the next tick rates what is left.

    Returns the partner whose customers they are.
    """
    rules = {"tiers": [{"rateBps": 1000}], "firstPayment": {"tiers": [{"rateBps": 2000}]}, "limitMonths": 2}
    terms = {name: value for name, value in TERMS.items() if name != "tierRatesBps"} | {"rules": rules}
    story.call("programs", "admin", "POST /api/v1/programs", {"id": "counted", **terms}, key="counted")
    lea = {**PERSON, "email": "lea@example.com", "programId": "counted"}
    partner = story.call("partners", "admin", "POST /api/v1/partners", lea, key="lea")
    for customer in ("max", "mia"):
        enter(story, partnerId=partner["id"], customerId=customer)
    in_time = [
        story.event("Payment Succeeded", **paid(f"first of {customer}", customer)) for customer in ("max", "mia")
    ]
    story.clock.forward(1000)
    story.work("payment_events", story.event("Payment Succeeded", **paid("second of mia", "mia")))
    story.clock.forward(MS_OF_TWO_DAYS)
    story.sent.pop("PaymentsQueue", None)
    story.call("events", "server", "POST /api/v1/events/sale", paid("too late", "max"))
    story.work("payment_events", *[message["MessageBody"] for message in story.sent.pop("PaymentsQueue")])
    with pytest.MonkeyPatch.context() as patched:
        patched.delattr(rating, "rate_customer")
        records = [{"messageId": body, "body": body} for body in in_time]
        assert len(story.invoke("payment_events", {"Records": records})["batchItemFailures"]) == 2
    story.invoke("maturity", {})
    for name in ("too late", "second of mia"):  # the first was told by a server: its caller is marked
        id = Ids(HASH_KEY).payment("payments", name)
        found = story.call("payments", "admin", "GET /api/v1/payments/{paymentId}", paymentId=id)
        assert [each["amount"] for each in found["rewards"]] == [100], "no first one, any more"
    return str(partner["id"])


def convert_before_a_payment(story: Story, lea: str) -> None:
    """A shop whose clock is ahead tells of a payment; what converts now was before it. Its money is there already."""
    made = enter(story, partnerId=lea, customerId="ned")
    ahead = json.loads(story.event("Payment Succeeded", **paid("ahead", "ned")))
    ahead["detail"]["occurredAt"] = iso(story.clock() + 60_000)
    story.sent.clear()
    story.work("payment_events", json.dumps(ahead))
    later = Ids(HASH_KEY).payment("payments", "ahead")
    found = story.call("payments", "admin", "GET /api/v1/payments/{paymentId}", paymentId=later)
    for each in found["rewards"]:
        story.call("rewards", "admin", "POST /api/v1/rewards/{rewardId}/approve", {}, rewardId=each["id"])
    act(story, "process-conversion", made, {"conversionValue": 10.0})
    found = story.call("payments", "admin", "GET /api/v1/payments/{paymentId}", paymentId=later)
    assert [each["amount"] for each in found["rewards"]] == [100], "it was 200"


def leave_a_conversion_to_the_schedule(story: Story, lea: str) -> None:
    """What olga paid before she converted is told of after, and the worker dies: the next tick rates the conversion."""
    made = enter(story, partnerId=lea, customerId="olga")
    before = story.event("Payment Succeeded", **paid("before", "olga"))
    story.clock.forward(1_000)
    act(story, "process-conversion", made, {"conversionValue": 10.0})
    with pytest.MonkeyPatch.context() as patched:
        patched.delattr(rating, "rate_customer")
        story.invoke("payment_events", {"Records": [{"messageId": before, "body": before}]})
    story.invoke("maturity", {})


def paid(id: str, customer: str) -> Json:
    return {"paymentId": id, "customerId": customer, "amount": 1_000, "currency": "USD", "programId": "counted"}


def pay_first(story: Story, code: str) -> None:
    """Who is not referred pays; what they paid is looked for when one of the staff says that they are.

    Who pays with a code is referred by it.
    """
    sale = {"paymentId": "of nora", "customerId": "nora", "amount": 1_000, "currency": "USD"}
    coded = sale | {"paymentId": "of nick", "customerId": "nick", "referralCode": code}
    story.work("payment_events", story.event("Payment Succeeded", **coded))
    before = json.loads(story.event("Payment Succeeded", **sale))
    before["detail"]["occurredAt"] = iso(story.clock() - 1)
    story.work("payment_events", json.dumps(before))
    enter(story, referralCode=code, customerId="nora")
    detail = {"programId": "default", "customer": Ids(HASH_KEY).user("nora")}
    story.work(
        "payment_events", json.dumps({"source": "refledger", "detail-type": "Customer Referred", "detail": detail})
    )


def enter(story: Story, **told: str) -> Json:
    return story.call("referrals", "admin", f"POST {ALL}", {"source": "phone", **told}, key=f"enter {told}")


def act(story: Story, verb: str, referral: Json, body: Json | None = None) -> Json:
    return story.call("referrals", "admin", f"POST {ONE}/{verb}", body or {}, referralId=referral["id"])


def move(story: Story, ida: str, code: str) -> None:
    """One is accepted and then refused, one is a mistake, one is given up."""
    first = enter(story, referralCode=code, customerId="hugo")
    assert act(story, "accept", first)["status"] == "ACCEPTED"
    assert act(story, "reject", first, {"reason": "no fit"})["status"] == "REJECTED"
    wrong = act(story, "link-to-lead", enter(story, partnerId=ida), {"leadId": "L-1"})
    assert story.call("referrals", "admin", f"GET {ALL}/by-lead/{{leadId}}", leadId="L-1")["id"] == wrong["id"]
    assert story.call("referrals", "admin", f"GET {ALL}/by-customer/{{customerId}}", customerId="hugo",
                      query="programId=timed")["id"] == first["id"]  # fmt: skip
    change = {"campaign": "autumn", "tags": ["fair"]}
    assert story.call("referrals", "admin", f"PATCH {ONE}", change, referralId=wrong["id"], match="2")["version"] == 3
    whole = {"source": "EMAIL", "campaign": "winter", "tags": ["fair"]}
    story.call("referrals", "admin", f"PUT {ONE}", whole, referralId=wrong["id"], match="3")
    accepted = {"status": "ACCEPTED"}
    story.call("referrals", "admin", f"PATCH {ONE}", accepted, referralId=wrong["id"], match="4")
    assert story.call("referrals", "admin", f"DELETE {ONE}", referralId=wrong["id"])["reason"] == "DELETED"
    assert act(story, "expire", enter(story, partnerId=ida, campaign="spring"))["status"] == "EXPIRED"
    many = {"create": [{"partnerId": ida, "source": "email"}], "accept": [wrong["id"]]}
    for _ in range(2):
        made, refused = story.call("referrals", "admin", f"POST {ALL}/bulk", many, key="bulk")["results"]
        assert (made["status"], refused["code"]) == ("PENDING", "REFERRAL_CLOSED")
    assert story.call("referrals", "admin", f"GET {ALL}", query="programId=timed")["data"]
    assert story.call("referrals", "admin", f"GET {ALL}", query="programId=timed&status=pending")["data"]
    assert story.call("referrals", "admin", f"GET {ALL}", query=f"partnerId={ida}")["data"]


def convert(story: Story, ida: str) -> None:
    """The same twice is booked once."""
    made = enter(story, partnerId=ida, customerId="iris")
    for _ in range(2):
        done = act(story, "process-conversion", made, {"conversionValue": 400.0})
        assert [each["amount"] for each in done["rewards"]] == [4_000]
    named = {"referralId": enter(story, partnerId=ida, customerId="irma")["id"], "conversionValue": 0.5}
    assert story.call("referrals", "admin", f"POST {ALL}/process-conversion", named)["status"] == "CONVERTED"
    for cancelled in (1, 0):
        closed = story.call("referrals", "admin", f"POST {ONE}/close", {"reason": "why", "cancelUnpaid": True},
                            referralId=made["id"])  # fmt: skip
        assert (closed["cancelled"], closed["complete"], closed["status"]) == (cancelled, True, "CONVERTED")


def convert_what_was_paid(story: Story, ida: str) -> None:
    """Ivy has paid what her referral then converts for: it waits until a person has looked."""
    made = enter(story, partnerId=ida, customerId="ivy")
    paid = {"paymentId": "of ivy", "customerId": "ivy", "programId": "timed", "amount": 5_000, "currency": "USD"}
    story.work("payment_events", story.event("Payment Succeeded", **paid))
    story.clock.forward(1_000)
    done = act(story, "process-conversion", made, {"conversionValue": 50.0})
    assert [each["held"] for each in done["rewards"]] == [["POSSIBLE_DUPLICATE"]]


def expire(story: Story, ida: str) -> None:
    """By the schedule, and when somebody asks for it; what was paid in time is told of after, and converts them."""
    late = {"jo": enter(story, partnerId=ida, customerId="jo"), "joe": enter(story, partnerId=ida, customerId="joe")}
    foreign = paid("of joe", "joe") | {"programId": "timed", "currency": "EUR"}
    story.work("payment_events", story.event("Payment Succeeded", **foreign))
    in_time = story.event("Payment Succeeded", **paid("of jo", "jo") | {"programId": "timed"})
    story.clock.forward(MS_OF_TWO_DAYS)
    assert story.invoke("expiry", {})["expired"] == 3, "these, and that of the many"
    story.work("payment_events", in_time)
    takes = TERMS | {"currencies": [{"currency": "USD"}, {"currency": "EUR"}]}
    story.call("programs", "admin", "PUT /api/v1/programs/{programId}", takes, programId="timed", match="1")
    waiting = Ids(HASH_KEY).payment("payments", "of joe")
    story.call("payments", "admin", "POST /api/v1/payments/{paymentId}/accept", {}, paymentId=waiting)
    for each in late.values():
        found = story.call("referrals", "admin", f"GET {ONE}", referralId=each["id"])
        assert found["status"] == "CONVERTED"
    enter(story, partnerId=ida, customerId="kim")
    story.clock.forward(MS_OF_TWO_DAYS)
    assert story.call("referrals", "admin", f"POST {ALL}/check-expired", {})["expired"] == 1
