"""A running stack with one of everything in it, so that every route has something to answer with."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from undocked.testing import Stack, wait_until

EARNED = 1_000_000
PROGRAM = {
    "id": "default", "name": "Friends", "currency": "USD", "tierRatesBps": [2000, 1000], "holdDays": 0,
    "coolingHours": 0, "payoutMinimum": {"amount": 1000, "currency": "USD"},
    "links": {"defaultUrl": "https://shop.example.com/", "allowedDomains": ["shop.example.com"]},
}  # fmt: skip
METHOD = {"type": "BANK_TRANSFER", "accountHolder": "Alice", "iban": "DE89370400440532013000"}
PERSON = {"firstName": "Ada", "lastName": "Example"}
CSV = "firstName,lastName,email\r\nAda,Example,nobody@example.com\r\n"
Json = dict[str, Any]


@dataclass
class Seeded:
    """`known`: the values of path parameters. What could not be made is missing: its routes are not measured."""

    stack: Stack
    known: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    def call(self, who: str, method: str, path: str, body: Json | None = None, **options: Any) -> httpx.Response:
        """`path` with its version; see `sign_in`."""
        if who:
            self.sign_in(who)
        given = {"json": body} if body is not None else {}
        return self.stack.request(method, path, token=self.tokens.get(who), **given, **options)

    def sign_in(self, who: str) -> str:
        """Have a token ready; an admin is one whose name begins with "admin"."""
        if who not in self.tokens:
            self.tokens[who] = self.stack.token(who, ["admin"] if who.startswith("admin") else [])
        return who

    def earner(self, who: str, earned: int) -> str:
        """A partner of that name who refers somebody, and has so much available."""
        code = self.api(self.sign_in(who), "GET", "/referrals/code")["code"]
        self.api(f"{who}s-friend", "POST", f"/referrals/apply/{code}")
        pay(self, f"{who}s-friend", 5 * earned)
        wait_until(lambda: [b for b in self.api(who, "GET", "/ledger/balances")["data"] if b["available"] == earned])
        return who

    def api(self, who: str, method: str, path: str, body: Json | None = None, **options: Any) -> Json:
        answer: Json = self.call(who, method, f"/api/v1{path}", body, **options).raise_for_status().json()
        return answer


def seed(stack: Stack) -> Seeded:
    """Alice refers Bob, who pays; she has earned, withdrawn and is paid; and one of all the rest."""
    made = Seeded(stack)
    made.api("admin", "POST", "/programs", PROGRAM)
    code = made.api("alice", "GET", "/referrals/code")
    made.known |= {"programId": "default", "version": "1", "code": code["code"], "partnerId": code["partnerId"]}
    made.known["month"] = datetime.now(UTC).strftime("%Y-%m")
    made.api("bob", "POST", f"/referrals/apply/{code['code']}")
    made.known["customerId"] = "bob"
    pay(made, "bob", 5 * EARNED)
    wait_until(lambda: [b for b in made.api("alice", "GET", "/ledger/balances")["data"] if b["available"] == EARNED])
    for step in (_reward, _withdrawal, _referral, _people, _jobs, _adjustment):
        _try(step, made)
    return made


def pay(made: Seeded, customer: str, amount: int) -> None:
    """One payment, the only one of this customer."""
    detail = {
        "paymentId": f"payment of {customer}", "customerId": customer, "amount": amount, "currency": "USD",
        "occurredAt": datetime.now(UTC).isoformat(),
    }  # fmt: skip
    event = {"EventBusName": "refledger", "Source": "payments", "DetailType": "Payment Succeeded"}
    made.stack.client("events").put_events(Entries=[{**event, "Detail": json.dumps(detail)}])


def _try(step: Callable[[Seeded], None], made: Seeded) -> None:
    """Where one thing cannot be made the others still can."""
    try:
        step(made)
    except (httpx.HTTPStatusError, KeyError, AssertionError) as error:
        print(f"{step.__name__.strip('_')}: {error}")


def _reward(made: Seeded) -> None:
    reward = made.api("alice", "GET", "/rewards")["data"][0]
    made.known |= {"rewardId": reward["id"], "paymentId": reward["paymentId"]}


def _withdrawal(made: Seeded) -> None:
    """One that is approved, and waits for a bank in a batch."""
    body = {"amount": 1000, "currency": "USD", "payoutMethod": METHOD}
    id = made.api("alice", "POST", "/referrals/withdraw", body)["id"]
    made.known["withdrawalId"] = id
    made.known["methodId"] = made.api("alice", "GET", "/payout-methods")["data"][0]["id"]
    made.api("admin", "POST", f"/withdrawals/{id}/approve", {"note": "known well"})
    wait_until(lambda: made.api("admin", "GET", f"/withdrawals/{id}")["status"] == "PAYING")
    made.known["batchId"] = made.api("admin", "POST", "/payout-batches", {})["id"]


def _referral(made: Seeded) -> None:
    body = {"partnerId": made.known["partnerId"], "source": "WEBSITE", "leadId": "lead-1"}
    made.known |= {"referralId": made.api("admin", "POST", "/referrals", body)["id"], "leadId": "lead-1"}


def _people(made: Seeded) -> None:
    """A partner with an address, somebody who is invited, and somebody who applied."""
    email = "seed@example.com"
    made.api("admin", "POST", "/partners", {**PERSON, "email": email})
    made.known["email"] = email
    made.known["invitationId"] = made.api("admin", "POST", "/invitations", {"email": "guest@example.com"})["id"]
    applied = made.api("zoe", "POST", "/applications", {**PERSON, "email": "zoe@example.com"})
    made.known["applicationId"] = applied["id"]


def _jobs(made: Seeded) -> None:
    export = made.api("admin", "POST", "/exports", {"what": "REWARDS"})["id"]
    wait_until(lambda: made.api("admin", "GET", f"/exports/{export}")["status"] == "DONE")
    sent: Json = {"content": CSV.encode(), "headers": {"content-type": "text/csv"}, "params": {"dryRun": "true"}}
    imported = made.api("admin", "POST", "/imports/partners", **sent)["id"]
    wait_until(lambda: made.api("admin", "GET", f"/imports/{imported}")["status"] == "DONE")
    made.known |= {"exportId": export, "importId": imported}


def _adjustment(made: Seeded) -> None:
    body = {"partnerId": made.known["partnerId"], "amount": 100, "currency": "USD", "reason": "a measurement"}
    made.known["adjustmentId"] = made.api("admin", "POST", "/adjustments", body)["id"]
