"""The part of the story in which staff put things right: parked payments, held rewards, adjustments."""

from __future__ import annotations

import json

from refledger.adapters.ids import Ids
from refledger.domain.times import DAY_MS, MINUTE_MS, iso
from tests.template.story import HASH_KEY, Story

PROGRAM = "/api/v1/programs/{programId}"
ADJUSTMENTS = "/api/v1/adjustments"


def correct(story: Story) -> None:
    """Carol pays in a currency that the program does not take yet; Bob's reward for it is looked at, and corrected."""
    story.clock.forward(2 * MINUTE_MS)
    accepted, dismissed, later = parked(story)
    take_euros(story)
    for each in (accepted, later):
        story.call("payments", "admin", "POST /api/v1/payments/{paymentId}/accept", {}, paymentId=each)
    why = {"note": "paid again in dollars"}
    story.call("payments", "admin", "POST /api/v1/payments/{paymentId}/dismiss", why, paymentId=dismissed)
    paid = story.call("payments", "admin", "GET /api/v1/payments/{paymentId}", paymentId=accepted)
    refunds(story, accepted)
    duplicates(story)
    look_and_decide(story, paid["rewards"][0]["id"])
    story.call("payments", "admin", "GET /api/v1/disputes")
    adjust(story, paid["rewards"][0]["partnerId"])
    give_and_pay(story, paid["rewards"][0]["partnerId"])
    pause(story)


def parked(story: Story) -> list[str]:
    """Our ids of three payments in euros, which wait."""
    ids = Ids(HASH_KEY)
    names = ("e1", "e2", "e5")
    for name in names:
        detail = {"paymentId": name, "customerId": "carol", "amount": 10_000, "currency": "EUR"}
        event = json.loads(story.event("Payment Succeeded", **detail))
        # before all others: it is the first, once it is accepted
        event["detail"]["occurredAt"] = iso(story.clock() - 60 * DAY_MS)
        story.work("payment_events", json.dumps(event))
    waiting = story.call("payments", "admin", "GET /api/v1/payments/parked")["data"]
    made = [ids.payment("payments", name) for name in names]
    assert set(made) <= {each["id"] for each in waiting}
    return made


def take_euros(story: Story) -> None:
    """The program's next version takes euros, and wants two people for more than 50.00 in dollars."""
    old = story.call("programs", "admin", f"GET {PROGRAM}", programId="default")
    terms = {
        "name": old["name"], "currency": "USD", "tierRatesBps": old["tierRatesBps"], "holdDays": 0, "coolingHours": 0,
        "currencies": [{"currency": "EUR"}, {"currency": "USD", "adjustmentLimit": 5_000}], "attributionDays": None,
    }  # fmt: skip
    told = story.call("programs", "admin", "POST /api/v1/programs/preview", {"terms": terms, "amount": 10_000})
    assert told["first"][0]["amount"] > 0
    asked = story.call("programs", "admin", f"PUT {PROGRAM}", terms, programId="default", match=str(old["version"]))
    waiting, changes = asked["pendingChange"]["id"], f"{PROGRAM}/changes"
    assert story.call("programs", "admin", f"GET {changes}", programId="default", query="status=pending")["data"]
    one = f"{changes}/{{changeId}}"
    assert story.call("programs", "admin", f"GET {one}", programId="default", changeId=waiting)["terms"]
    agreed = story.call("programs", "admin2", f"POST {one}/confirm", {}, programId="default", changeId=waiting)
    assert agreed["status"] == "CONFIRMED"
    looser = {**terms, "makerWindowDays": 0}
    again = story.call("programs", "admin", f"PUT {PROGRAM}", looser, programId="default", match=str(agreed["version"]))
    ids_of = {"programId": "default", "changeId": again["pendingChange"]["id"]}
    assert story.call("programs", "admin2", f"POST {one}/reject", {"note": "no"}, **ids_of)["status"] == "REJECTED"


def duplicates(story: Story) -> None:
    """Carol's payments are told by an event and by Stripe: of one it is said that they are two, of another that not."""
    one = "/api/v1/payments/{paymentId}/duplicate"
    for number, verdict in enumerate(("ANOTHER", "SAME")):
        story.pay("carol", f"twice {number}", 7_350)  # an amount that nothing else in the story has
        charge = json.loads(story.example("stripe_charge_succeeded"))
        told: dict[str, str | int] = {
            "id": f"ch_twice{number}",
            "payment_intent": f"pi_twice{number}",
            "currency": "usd",
        }
        told |= {"amount": 7_350, "amount_captured": 7_350}
        charge["detail"]["data"]["object"] |= {**told, "metadata": {"customerId": "carol"}}
        story.work("payment_events", json.dumps(charge))
        waiting = story.call("payments", "admin", "GET /api/v1/payments/duplicates")["data"]
        [pair] = waiting
        said = {"verdict": verdict, "note": "asked her"}
        done = story.call("payments", "admin", f"POST {one}", said, paymentId=pair["payment"]["id"])
        assert done["id"] == pair["payment" if verdict == "ANOTHER" else "mayBe"]["id"]
        story.clock.forward(2 * DAY_MS)


def refunds(story: Story, payment: str) -> None:
    """A small one is entered and undone; a wrong one that came before its payment is found, and dismissed."""
    of, body = "/api/v1/payments/{paymentId}/refunds", {"amount": 100, "currency": "EUR", "reason": "by wire"}
    made = story.call("payments", "admin", f"POST {of}", body, paymentId=payment, key="wire")
    assert made["status"] == "COUNTS"
    assert story.call("payments", "admin", f"GET {of}", paymentId=payment)["refunded"] == 100
    named = {"paymentId": payment, "refundId": made["id"]}
    why = {"note": "another payment's"}
    assert story.call("payments", "admin", f"POST {of}/{{refundId}}/undo", why, **named)["status"] == "FAILED"
    story.work(
        "payment_events", story.event("Payment Refunded", refundId="odd", paymentId="e3", amount=1, currency="JPY")
    )
    story.work(
        "payment_events", story.event("Payment Succeeded", paymentId="e3", customerId="carol", amount=1, currency="EUR")
    )
    odd = Ids(HASH_KEY).payment("payments", "e3")
    story.call("payments", "admin", "POST /api/v1/payments/{paymentId}/dismiss", why, paymentId=odd)
    dollars = Ids(HASH_KEY).payment("payments", "e4")
    story.work(
        "payment_events",
        story.event("Payment Succeeded", paymentId="e4", customerId="carol", amount=90_000, currency="USD"),
    )
    large = {"amount": 60_000, "currency": "USD", "reason": "the deal fell through"}
    waits = story.call("payments", "admin", f"POST {of}", large, paymentId=dollars)
    assert waits["status"] == "WAITING"
    named = {"paymentId": dollars, "refundId": waits["id"]}
    assert story.call("payments", "admin2", f"POST {of}/{{refundId}}/confirm", **named)["status"] == "COUNTS"


def look_and_decide(story: Story, reward: str) -> None:
    """Bob sees his reward and why; staff hold it, find it in their list, and release it into his balance."""
    one = "/api/v1/rewards/{rewardId}"
    assert reward in [each["id"] for each in story.call("rewards", "bob", "GET /api/v1/rewards")["data"]]
    assert story.call("rewards", "bob", f"GET {one}", rewardId=reward)["amount"] == 2_000
    assert story.call("rewards", "bob", f"GET {one}/explain", rewardId=reward)["next"]
    story.call("rewards", "admin", f"POST {one}/hold", {"reason": "looks odd"}, rewardId=reward)
    held = story.call("rewards", "admin", "GET /api/v1/rewards", query="programId=default&state=HELD")["data"]
    assert reward in [each["id"] for each in held]
    released = story.call("rewards", "admin", f"POST {one}/release", {}, rewardId=reward)
    assert released["status"] == "APPROVED"


def give_and_pay(story: Story, partner: str) -> None:
    """Two rewards by hand: amended, approved together, paid by themselves, once and told again; and found by date."""
    one, rewards = "/api/v1/rewards/{rewardId}", "/api/v1/rewards"
    body = {"partnerId": partner, "amount": 700, "currency": "USD", "reason": "spoke for us"}
    ids = [story.call("rewards", "admin", f"POST {rewards}", body, key=f"given{number}")["id"] for number in range(6)]
    noted = story.call("rewards", "admin", f"PATCH {one}", {"note": "fine"}, rewardId=ids[0], match="1")
    assert noted["version"] == 2
    named = {"rewardIds": ids[:2]}
    for _ in range(2):
        done = story.call("rewards", "admin", f"POST {rewards}/bulk-approve", named, key="many")["results"]
        assert [each["status"] for each in done] == ["APPROVED", "APPROVED"]
    how = {"paymentMethod": "PAYPAL", "transactionId": "TX-1"}
    for _ in range(2):
        paid = story.call("rewards", "admin2", f"POST {one}/process-payment", how, rewardId=ids[0])
    done = story.call("rewards", "admin2", f"POST {rewards}/bulk-pay", {**how, "rewardIds": ids[1:2]})["results"]
    assert [each["status"] for each in done] == ["PAID"]
    alone = {**how, "rewardId": ids[3]}
    story.call("rewards", "admin", f"PATCH {one}", {"status": "APPROVED"}, rewardId=ids[3], match="1")
    story.call("rewards", "admin2", f"POST {rewards}/process-payment", alone)
    story.call("rewards", "admin", f"PUT {one}", {"note": "seen"}, rewardId=ids[4], match="1")
    story.call("rewards", "admin", f"DELETE {one}", rewardId=ids[4])
    gone = {"status": "CANCELLED", "note": "twice the same"}
    story.call("rewards", "admin", f"PATCH {one}", gone, rewardId=ids[5], match="1")
    why = {"rewardIds": ids[2:3], "note": "twice the same"}
    done = story.call("rewards", "admin", f"POST {rewards}/bulk-cancel", why)["results"]
    assert [each["status"] for each in done] == ["CANCELLED"]
    listed = story.call("rewards", "admin", f"GET {rewards}", query="programId=default&status=PAID")["data"]
    assert ids[0] in [each["id"] for each in listed]
    by_hand = story.call("payments", "admin", "GET /api/v1/payments/{paymentId}", paymentId=paid["paymentId"])
    assert [each["payoutStatus"] for each in by_hand["rewards"]] == ["PAID"]
    assert story.call("payments", "admin", "GET /api/v1/payments", query="programId=default&origin=BY_HAND")["data"]
    timeline = "GET /api/v1/withdrawals/{withdrawalId}/timeline"
    assert story.call("withdrawals", "admin", timeline, withdrawalId=paid["paidBy"])["events"]
    for query in (f"partnerId={partner}", "status=ALL"):
        found = story.call("withdrawals", "admin", "GET /api/v1/withdrawals", query=query)["data"]
        assert paid["paidBy"] in [each["id"] for each in found]


def pause(story: Story) -> None:
    """A program that nobody uses is paused, goes on, and ends."""
    body = {"id": "short", "name": "Short", "currency": "USD", "tierRatesBps": [1000]}
    story.call("programs", "admin", "POST /api/v1/programs", body, key="short")
    for verb, status in (("pause", "PAUSED"), ("resume", "ACTIVE"), ("archive", "ARCHIVED")):
        became = story.call("programs", "admin", f"POST {PROGRAM}/{verb}", {"reason": "why"}, programId="short")
        assert became["status"] == status


def adjust(story: Story, partner: str) -> None:
    """A small correction by one, a large one by two."""
    body = {"partnerId": partner, "amount": 100, "currency": "USD", "reason": "counted wrong"}
    small = story.call("adjustments", "admin", f"POST {ADJUSTMENTS}", body, key="k9")
    assert small["status"] == "POSTED"
    large = story.call("adjustments", "admin", f"POST {ADJUSTMENTS}", {**body, "amount": -5_001})
    assert large["id"] in [each["id"] for each in story.call("adjustments", "admin2", f"GET {ADJUSTMENTS}")["data"]]
    of_partner = story.call("adjustments", "admin2", f"GET {ADJUSTMENTS}", query=f"partnerId={partner}")["data"]
    assert len(of_partner) == 2
    done = "/api/v1/adjustments/{adjustmentId}"
    story.call("adjustments", "admin2", f"POST {done}/approve", {}, adjustmentId=large["id"])
    assert story.call("adjustments", "admin", f"GET {done}", adjustmentId=large["id"])["status"] == "POSTED"
