"""What goes wrong with money, and how people put it right: debts, lost disputes, two people, foreign currencies."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from scripts.demo import Client, eventually
from tests.e2e.people import Json, People

LIMIT = 2_000  # above it two people are needed


class Shop(People):
    """A program of its own, whose partner Wanda gets half of what Fred pays; staff are Ann and Ben."""

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self.program, self.wanda, self.fred = (f"{name}-{self.run}" for name in ("shop", "wanda", "fred"))
        self.ann, self.ben = f"admin-ann-{self.run}", f"admin-ben-{self.run}"
        client.post(self.ann, "/programs", {"id": self.program, **self.terms()})
        partner = client.post("admin-2", "/partners", {  # who names her user does not pay her: neither Ann nor Ben
            "firstName": "Wanda", "lastName": "Example", "email": f"{self.wanda}@example.com", "sub": self.wanda,
            "programId": self.program,
        })  # fmt: skip
        self.partner = partner["id"]
        client.post(self.fred, f"/referrals/apply/{partner['referralCode']}")

    def terms(self, *more: str) -> Json:
        dollars = {"currency": "USD", "payoutMinimum": 500, "secondApprovalLimit": LIMIT, "adjustmentLimit": LIMIT}
        return {
            "name": "Shop", "currency": "USD", "tierRatesBps": [5000], "holdDays": 0, "coolingHours": 0,
            "currencies": [dollars, *({"currency": each} for each in more)],
        }  # fmt: skip

    def sells(self, amount: int = 10_000) -> Json:
        """Fred pays, and Wanda has half of it."""
        sale = self.pay(amount, customer=self.fred, programId=self.program)
        self.eventually_has(self.wanda, amount // 2)
        return sale

    def sells_on_debt(self, amount: int, available: int) -> None:
        """Fred pays, and half of it works off what Wanda owes."""
        self.pay(amount, customer=self.fred, programId=self.program)
        self.eventually_has(self.wanda, available)

    def told(self, kind: str, sale: Json, **detail: Any) -> None:
        """What happened to that payment."""
        about = {"paymentId": sale["paymentId"], "occurredAt": datetime.now(UTC).isoformat()}
        self.client.put_event({**about, **detail}, detail_type=kind)

    def paid_out(self, amount: int) -> None:
        """Wanda gets so much, by two who never gave her anything: one lets out no more than the limit in a day."""
        id = self.withdraw(self.wanda, amount)["id"]
        if self.approve("admin-3", id)["status"] == "REQUESTED":
            self.approve("admin-4", id)
        self.eventually_is(id, "PAYING")
        self.client.post("admin-4", f"/withdrawals/{id}/mark-paid", {"transactionId": "T"}, expect=200)

    def approve(self, who: str, id: str, expect: int = 200) -> Json:
        return self.client.post(who, f"/withdrawals/{id}/approve", {"note": "seen"}, expect=expect)

    def explained(self) -> Json:
        """Wanda's latest reward."""
        (latest, *_) = self.client.get(self.wanda, "/rewards")["data"]
        return self.client.get(self.wanda, f"/rewards/{latest['id']}/explain")

    def next(self) -> list[str]:
        return [each["what"] for each in self.explained()["next"]]


@pytest.fixture
def shop(client: Client) -> Shop:
    return Shop(client)


def test_a_refund_after_the_payout_is_a_debt_that_is_worked_off_or_written_off(shop: Shop) -> None:
    """20.00 are paid out, all 50.00 taken back: she owes 20.00 and can withdraw nothing, until it is gone."""
    sale = shop.sells()
    shop.paid_out(2_000)
    shop.told("Payment Refunded", sale, refundId=f"r1-{shop.run}", amount=5_000, currency="USD")
    shop.eventually_has(shop.wanda, 500)
    taken = shop.explained()["takenBack"]
    assert (taken["refunded"], taken["reversed"], taken["net"]) == (5_000, 2_500, 2_500)
    shop.told("Payment Refunded", sale, refundId=f"r2-{shop.run}", amount=5_000, currency="USD")
    shop.eventually_has(shop.wanda, -2_000)
    refused = shop.client.post(shop.wanda, "/referrals/withdraw", shop.wish(500), expect=422)
    assert (refused["code"], "20.00 USD" in refused["detail"]) == ("INSUFFICIENT_FUNDS", True)

    shop.sells_on_debt(2_000, -1_000)
    refused = shop.client.post(shop.wanda, "/referrals/withdraw", shop.wish(500), expect=422)
    assert "10.00 USD" in refused["detail"]
    ask = {"partnerId": shop.partner, "amount": 1_000, "currency": "USD", "kind": "WRITE_OFF", "reason": "goodwill"}
    assert shop.client.post(shop.ben, "/adjustments", ask, key="w")["status"] == "POSTED"
    too_much = shop.client.post(shop.ben, "/adjustments", ask, expect=422)
    assert too_much["code"] == "NO_DEBT"
    shop.sells_on_debt(10_000, 5_000)
    shop.paid_out(2_000)
    assert shop.balance(shop.wanda) == (3_000, 0, 4_000)


def test_a_dispute_lost_after_the_payout(shop: Shop) -> None:
    """Open it holds and takes; lost it keeps; the reward says both, and the debt needs a second person."""
    sale = shop.sells()
    shop.paid_out(2_000)
    dispute = {"disputeId": f"d-{shop.run}"}
    shop.told("Payment Disputed", sale, **dispute, amount=10_000, currency="USD")
    shop.eventually_has(shop.wanda, -2_000)
    assert "WAITS_FOR_DISPUTE" in shop.next()
    shop.told("Dispute Closed", sale, **dispute, outcome="LOST")
    eventually(lambda: shop.explained()["takenBack"]["lost"], 10_000, "lost")
    assert shop.explained()["reward"]["status"] == "CANCELLED"
    assert shop.balance(shop.wanda) == (-2_000, 0, 2_000)
    take = {"partnerId": shop.partner, "amount": -2_001, "currency": "USD", "reason": "booked twice"}
    waiting = shop.client.post(shop.ann, "/adjustments", take)
    assert waiting["status"] == "WAITING"
    alone = shop.client.post(shop.ann, f"/adjustments/{waiting['id']}/approve", {}, expect=409)
    assert alone["code"] == "SECOND_PERSON_NEEDED"
    shop.client.post(shop.ben, f"/adjustments/{waiting['id']}/approve", {"note": "seen"}, expect=200)
    assert shop.balance(shop.wanda) == (-4_001, 0, 2_000)


def test_two_people_above_the_limit_and_many_at_once(shop: Shop) -> None:
    """One approval is enough up to the limit; above it the second must be somebody else's; each id has its answer."""
    shop.sells()
    small, large = shop.withdraw(shop.wanda, LIMIT)["id"], shop.withdraw(shop.wanda, LIMIT + 1)["id"]
    wish = {"withdrawalIds": [small, large, "nosuchthing"], "note": "friday"}

    def bulk(who: str) -> list[tuple[str | None, str | None]]:
        answer = shop.client.post(who, "/withdrawals/bulk-approve", wish, expect=200)
        return [(each["status"], each["code"]) for each in answer["results"]]

    assert bulk(shop.ann) == [("APPROVED", None), ("REQUESTED", None), (None, "WITHDRAWAL_NOT_FOUND")]
    assert bulk(shop.ann)[1] == (None, "SECOND_PERSON_NEEDED")
    found = shop.client.get(shop.ben, f"/withdrawals/{large}")
    assert [each["note"] for each in found["approvals"]] == ["friday"]
    assert shop.approve(shop.ben, large)["status"] == "APPROVED"
    for id in (small, large):
        shop.eventually_is(id, "PAYING")
    items = [{"withdrawalId": id, "transactionId": f"T-{id}"} for id in (small, large)]
    paid = shop.client.post(shop.ben, "/withdrawals/bulk-mark-paid", {"items": items}, expect=200)
    assert [each["status"] for each in paid["results"]] == ["PAID", "PAID"]
    told = {"note": "closed account", "transactionId": "R-1"}
    for who, status in ((shop.ann, "PAID"), (shop.ben, "RETURNED")):  # above what one person may put back
        back = shop.client.post(who, f"/withdrawals/{large}/mark-returned", told, expect=200)
        assert back["status"] == status
    assert shop.balance(shop.wanda) == (3_000, 0, 2_000)


def test_a_foreign_payment_earns_once_the_program_takes_its_currency(shop: Shop) -> None:
    """Parked, refused, taken, accepted: half of 80.00 EUR; accepted again it is the same, and dollars are untouched."""
    sale = shop.payment(8_000, customer=shop.fred, programId=shop.program, currency="EUR")
    shop.client.put_event(sale)
    place = f"/payments/{sale['paymentId']}"

    def kind() -> str | None:
        status, answer = shop.client.call(shop.ann, "GET", place, source="payments")
        return str(answer["kind"]) if status == 200 else None

    eventually(kind, "FOREIGN", "the parked payment")
    id = shop.client.get(shop.ann, place, source="payments")["id"]
    assert id in [each["id"] for each in shop.client.get(shop.ann, "/payments/parked", limit=100)["data"]]
    refused = shop.client.post(shop.ann, f"/payments/{id}/accept", {}, expect=422)
    assert refused["code"] == "CURRENCY_NOT_TAKEN"
    headers = {"authorization": f"Bearer {shop.client.token(shop.ann, 'admin')}", "if-match": '"1"'}
    changed = shop.client.http.put(f"/api/v1/programs/{shop.program}", json=shop.terms("EUR"), headers=headers)
    assert changed.status_code == 200
    waiting = changed.json()["pendingChange"]["id"]  # what one person may do in euros
    shop.client.post("admin-2", f"/programs/{shop.program}/changes/{waiting}/confirm", {}, expect=200)
    for _ in range(2):
        accepted = shop.client.post(shop.ann, f"/payments/{id}/accept", {}, expect=200)
        assert [each["amount"] for each in accepted["rewards"]] == [4_000]
    shop.eventually_has(shop.wanda, 4_000, "EUR")  # the worker is told behind the call
    assert shop.balance(shop.wanda) == (0, 0, 0)
    assert id not in [each["id"] for each in shop.client.get(shop.ann, "/payments/parked", limit=100)["data"]]


def test_a_held_reward_waits_for_a_person(shop: Shop) -> None:
    """No time releases it; the partner sees that it is looked at, not why; released, it is in the balance at once."""
    reviewed = {"id": f"held-{shop.run}", "name": "Held", "currency": "USD", "tierRatesBps": [5000], "holdDays": 1}
    shop.client.post(shop.ann, "/programs", reviewed)
    partner = shop.client.post(shop.ann, "/partners", {
        "firstName": "Hal", "lastName": "Example", "email": f"hal-{shop.run}@example.com", "sub": f"hal-{shop.run}",
        "programId": reviewed["id"],
    })  # fmt: skip
    hal, friend = f"hal-{shop.run}", f"friend-{shop.run}"
    shop.client.post(friend, f"/referrals/apply/{partner['referralCode']}")
    shop.pay(10_000, customer=friend, programId=reviewed["id"])
    eventually(lambda: len(shop.client.get(hal, "/rewards")["data"]), 1, "Hal's reward")
    id = shop.client.get(hal, "/rewards")["data"][0]["id"]
    shop.client.post(shop.ann, f"/rewards/{id}/hold", {"reason": "same card"}, expect=200)
    assert shop.client.get(hal, f"/rewards/{id}")["held"] == ["REVIEW"]
    held = shop.client.get(shop.ben, "/rewards", programId=str(reviewed["id"]), state="HELD")["data"]
    assert [(each["id"], each["held"]) for each in held] == [(id, ["same card"])]
    shop.client.post(shop.ben, f"/rewards/{id}/approve", {}, expect=409)
    shop.client.post(shop.ben, f"/rewards/{id}/release", {"note": "a family"}, expect=200)
    shop.client.post(shop.ben, f"/rewards/{id}/approve", {"note": "paid early"}, expect=200)
    assert shop.balance(hal) == (5_000, 0, 0)
    shop.client.post(shop.ben, f"/rewards/{id}/cancel", {"note": "not a family"}, expect=200)
    assert shop.balance(hal) == (0, 0, 0)


def test_after_all_that_the_books_are_right(client: Client, verified: Callable[[], dict[str, Any]]) -> None:
    """Whatever the tests before this one did to the stack: `verify` finds no fault, and has looked."""
    assert client
    report = verified()
    assert report["faults"] == []
    assert report["checked"]["entries"] > 0
