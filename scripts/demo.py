"""The story of refledger against a running stack, step by step, and the journal that explains every cent.

    make run          # in one terminal
    make demo         # in another

Each run has people of its own, so it can be told again and again on the same data. Every step checks what it says.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import httpx

REGION = os.environ.get("AWS_DEFAULT_REGION", "eu-central-1")
A_DAY = 24 * 3600  # seconds that a token is good for: longer than any story or test takes
IBAN = "DE89370400440532013000"  # the example of the Bundesbank
Json = dict[str, Any]
PROGRAM: Json = {
    "id": "default", "name": "Friends", "currency": "USD", "tierRatesBps": [2000, 1000], "holdDays": 0,
    "coolingHours": 0, "payoutMinimum": {"amount": 1000, "currency": "USD"},
}  # fmt: skip


def say(text: str = "") -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@dataclass
class Client:
    """The API and the bus, as a stranger would use them."""

    api: str
    aws: str
    tokens: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.api, timeout=60)

    @cached_property
    def events(self) -> Any:
        """A client of the bus; imported late, since who only seeds needs none."""
        import boto3

        credentials = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
        return boto3.client("events", endpoint_url=self.aws, region_name=REGION, **credentials)

    def token(self, sub: str, *groups: str) -> str:
        """A development token; only the local stack gives them away."""
        if sub not in self.tokens:
            answer = self.http.post(
                "/_local/token", json={"sub": sub, "groups": list(groups), "scope": "", "expiresIn": A_DAY}
            )
            answer.raise_for_status()
            self.tokens[sub] = answer.json()["accessToken"]
        return self.tokens[sub]

    def named(self, sub: str, name: str) -> None:
        """Sign in an admin who has a name."""
        answer = self.http.post("/_local/token", json={"sub": sub, "groups": ["admin"], "claims": {"name": name}})
        answer.raise_for_status()
        self.tokens[sub] = answer.json()["accessToken"]

    def call(
        self, who: str, method: str, path: str, body: Json | None = None, *, key: str | None = None, **query: str | int
    ) -> tuple[int, Json]:
        """Status and answer. `who` is a `sub`; an admin is one whose name begins with "admin"."""
        token = self.token(who, "admin") if who.startswith("admin") else self.token(who)
        headers = {"authorization": f"Bearer {token}", **({"idempotency-key": key} if key else {})}
        answer = self.http.request(method, f"/api/v1{path}", json=body, headers=headers, params=query)
        return answer.status_code, answer.json() if answer.content else {}

    def get(self, who: str, path: str, **query: str | int) -> Json:
        status, answer = self.call(who, "GET", path, None, key=None, **query)
        check(status == 200, f"GET {path}: {status} {answer}")
        return answer

    def post(self, who: str, path: str, body: Json | None = None, expect: int = 201, key: str | None = None) -> Json:
        status, answer = self.call(who, "POST", path, body, key=key)
        check(status == expect, f"POST {path}: {status} {answer}, expected {expect}")
        return answer

    def put_event(self, detail: Json, source: str = "payments", detail_type: str = "Payment Succeeded") -> None:
        self.put_events(detail_type, [detail], source)

    def put_events(self, detail_type: str, details: list[Json], source: str = "payments") -> None:
        """Put them on the bus in their order, ten at once as it takes them."""
        head = {"EventBusName": "refledger", "Source": source, "DetailType": detail_type}
        for place in range(0, len(details), 10):
            entries = [{**head, "Detail": json.dumps(each)} for each in details[place : place + 10]]
            answer = self.events.put_events(Entries=entries)
            check(answer["FailedEntryCount"] == 0, f"the bus refused an event: {answer}")


class Failed(AssertionError):
    """The story went otherwise than it should."""


def check(good: bool, otherwise: str) -> None:
    if not good:
        raise Failed(otherwise)


def eventually(probe: Callable[[], Any], wanted: Any, what: str, seconds: int = 120) -> Any:
    """Events take a moment: ask until it is so."""
    for _ in range(seconds * 10):
        found = probe()
        if found == wanted:
            return found
        time.sleep(0.1)
    raise Failed(f"{what}: {found!r}, expected {wanted!r}")


def money(amount: int) -> str:
    return f"{amount // 100}.{amount % 100:02d}"


@dataclass
class Story:
    """Alice refers Bob, Bob refers Carol, Carol pays, two people earn, an admin approves, money goes out."""

    client: Client
    run: str = field(default_factory=lambda: secrets.token_hex(3))

    def __post_init__(self) -> None:
        self.admin = f"admin-{self.run}"
        self.alice, self.bob, self.carol = (f"{name}-{self.run}" for name in ("alice", "bob", "carol"))

    def tell(self) -> None:
        for step in (
            self.program_and_partner, self.codes, self.payment, self.statistics, self.withdrawal, self.decision,
            self.rejection, self.refund, self.explanation, self.journal,
        ):  # fmt: skip
            say(f"\n── {(step.__doc__ or '').strip()}")
            step()
        say("\nEvery cent is explained.")

    def program_and_partner(self) -> None:
        """1. An admin sees to it that there is a program, and onboards Insurance Partners."""
        status, answer = self.client.call(self.admin, "POST", "/programs", PROGRAM)
        check(status in (201, 409), f"POST /programs: {status} {answer}")
        say(f"   program default: {'made' if status == 201 else 'is there already'}")
        partner = self.client.post(self.admin, "/partners", {
            "firstName": "Ida", "lastName": "Partner", "email": f"ida-{self.run}@example.com", "phone": "+49 30 123456",
            "companyName": "Insurance Partners",
        })  # fmt: skip
        say(f"   Insurance Partners: {partner['status']}, code {partner['referralCode']}")

    def codes(self) -> None:
        """2. Alice asks for her code, Bob applies it, Carol applies Bob's."""
        hers = self.client.get(self.alice, "/referrals/code")
        check(self.client.get(self.alice, "/referrals/code") == hers, "the code changed")
        applied = self.client.post(self.bob, f"/referrals/apply/{hers['code']}")
        his = self.client.get(self.bob, "/referrals/code")
        self.client.post(self.carol, f"/referrals/apply/{his['code']}")
        say(f"   Alice {hers['code']} → Bob ({applied['status']}) {his['code']} → Carol")

    def payment(self) -> None:
        """3. Carol pays 100.00; the event comes three times."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        detail = {"paymentId": f"pay-{self.run}", "customerId": self.carol, "amount": 10_000, "currency": "USD",
                  "occurredAt": now}  # fmt: skip
        for _ in range(3):
            self.client.put_event(detail)
        self._eventually_available(self.bob, 2_000)
        self._eventually_available(self.alice, 1_000)
        say("   Bob earned 20.00, Alice 10.00, once")

    def statistics(self) -> None:
        """4. Each of them looks at their figures."""
        usd = {"currency": "USD", "amount": 0}
        bob = self._figures(self.bob, {"referrals": 1, "earnings": [{**usd, "amount": 2_000}]})
        alice = self._figures(self.alice, None, {"referrals": 1, "earnings": [{**usd, "amount": 1_000}]})
        for name, figures in (("Bob", bob), ("Alice", alice)):
            say(f"   {name}: {json.dumps(figures)}")

    def withdrawal(self) -> None:
        """5. Bob asks for 15.00, and then for 11.00, of 5.00 that are left."""
        body = {"amount": 1_500, "currency": "USD",
                "payoutMethod": {"type": "BANK_TRANSFER", "accountHolder": "Bob Example", "iban": IBAN}}  # fmt: skip
        key = f"key-{self.run}"
        made = self.client.post(self.bob, "/referrals/withdraw", body, key=key)
        check(made["status"] == "REQUESTED", str(made))
        again = self.client.post(self.bob, "/referrals/withdraw", body, key=key)
        check(again["id"] == made["id"], "the same key made two withdrawals")
        too_much = self.client.post(self.bob, "/referrals/withdraw", {**body, "amount": 1_100}, expect=422)
        check(too_much["code"] == "INSUFFICIENT_FUNDS", str(too_much))
        check(self._balance(self.bob) == (500, 1_500, 0), "the wrong amount is reserved")
        listed = self.client.get(self.bob, "/referrals/withdrawals")["data"]
        check([w["id"] for w in listed] == [made["id"]], str(listed))
        self.id = made["id"]
        say(f"   {made['id']}: {made['status']}, 15.00 reserved; 11.00 of 5.00: {too_much['code']}, nothing changed")

    def decision(self) -> None:
        """6. An admin sees what waits, approves, transfers the money, and marks it paid."""
        self._eventually_listed()
        approved = self.client.post(self.admin, f"/withdrawals/{self.id}/approve", {"note": "known well"}, expect=200)
        check(approved["status"] == "APPROVED", str(approved))
        second = self.client.post(self.admin, f"/withdrawals/{self.id}/reject", {"note": "no"}, expect=409)
        timeline = f"/withdrawals/{self.id}/timeline"
        eventually(lambda: self.client.get(self.admin, timeline)["events"][-1]["status"], "PAYING", "the workflow")
        account = self.client.get(self.admin, f"/withdrawals/{self.id}")["account"]["iban"]
        paid = self.client.post(self.admin, f"/withdrawals/{self.id}/mark-paid", {"transactionId": "TX-1"}, expect=200)
        check(paid["status"] == "PAID", str(paid))
        check(self._balance(self.bob) == (500, 0, 1_500), "the money did not go out")
        say(f"   approved (a second decision: {second['code']}), transferred to {account}, marked paid with TX-1")

    def rejection(self) -> None:
        """7. Alice asks for 10.00; the admin rejects, and the money is hers again."""
        body = {"amount": 1_000, "currency": "USD",
                "payoutMethod": {"type": "BANK_TRANSFER", "accountHolder": "Alice Example", "accountNumber": "12345678",
                                 "bankCode": "10020030"}}  # fmt: skip
        made = self.client.post(self.alice, "/referrals/withdraw", body, key=f"a-{self.run}")
        rejected = self.client.post(self.admin, f"/withdrawals/{made['id']}/reject", {"note": "call me"}, expect=200)
        check(rejected["status"] == "REJECTED", str(rejected))
        check(self._balance(self.alice) == (1_000, 0, 0), "the money did not come back")
        say(f"   {made['id']}: REJECTED, 10.00 available again")

    def refund(self) -> None:
        """8. Carol gets 25.00 of her 100.00 back; the event comes twice."""
        detail = {"refundId": f"refund-{self.run}", "paymentId": f"pay-{self.run}", "amount": 2_500, "currency": "USD",
                  "occurredAt": datetime.now(UTC).isoformat(timespec="milliseconds")}  # fmt: skip
        for _ in range(2):
            self.client.put_event(detail, detail_type="Payment Refunded")
        self._eventually_available(self.bob, 0)
        self._eventually_available(self.alice, 750)
        say("   a quarter of each reward is taken back, once: 5.00 from Bob, 2.50 from Alice")

    def explanation(self) -> None:
        """9. Bob asks why his reward is what it is."""
        (reward,) = self.client.get(self.bob, "/rewards")["data"]
        why = self.client.get(self.bob, f"/rewards/{reward['id']}/explain")
        check((why["earned"]["amount"], why["takenBack"]["reversed"], why["worth"]) == (2_000, 500, 1_500), str(why))
        say(f"   {why['earned']['text']} ({why['rule']['text']}, version {why['rule']['version']})")
        say(f"   {why['takenBack']['text']}")
        for step in why["next"]:
            say(f"   {why['reward']['status']}: {step['text']}")

    def journal(self) -> None:
        """10. The journal explains it all."""
        for name, who in (("Bob", self.bob), ("Alice", self.alice)):
            say(f"   {name}")
            entries = self.client.get(who, "/ledger/entries")["data"]
            folded = {"available": 0, "reserved": 0, "paid": 0, "rewards": 0}
            for number, entry in enumerate(entries, start=1):
                check(entry["version"] == number, "the journal has a gap")
                folded[entry["debit"]] -= entry["amount"]
                folded[entry["credit"]] += entry["amount"]
                say(f"     {entry['version']:>3}  {entry['kind']:<8} {money(entry['amount']):>10}  "
                    f"{entry['debit']:>9} → {entry['credit']:<9}  {entry['reference']}")  # fmt: skip
            now = self._balance(who)
            check(now == (folded["available"], folded["reserved"], folded["paid"]), "journal and balance differ")
            say(f"     available {money(now[0])}, reserved {money(now[1])}, paid {money(now[2])}")

    # ------------------------------------------------------------

    def _balance(self, who: str) -> tuple[int, int, int]:
        found = self.client.get(who, "/referrals/stats")["balances"]
        usd = next((b for b in found if b["currency"] == "USD"), {"available": 0, "reserved": 0, "paid": 0})
        return usd["available"], usd["reserved"], usd["paid"]

    def _eventually_available(self, who: str, amount: int) -> None:
        eventually(lambda: self._balance(who)[0], amount, f"available to {who}")

    def _figures(self, who: str, tier1: Json | None, tier2: Json | None = None) -> Json:
        """The statistics, once they have caught up with the events."""
        wanted = {name: tier for name, tier in (("tier1", tier1), ("tier2", tier2)) if tier}

        def probe() -> Json:
            figures = self.client.get(who, "/referrals/stats")
            return {name: figures[name] for name in wanted}

        eventually(probe, wanted, f"statistics of {who}")
        eventually(lambda: self.client.get(who, "/referrals/stats")["balances"][0]["pending"], 0, "pending")
        return self.client.get(who, "/referrals/stats")

    def _eventually_listed(self) -> None:
        def waiting() -> bool:
            page = self.client.get(self.admin, "/withdrawals", status="REQUESTED", limit=100)
            return any(w["id"] == self.id for w in page["data"])

        eventually(waiting, True, "the list of what waits")


def connect() -> Client:
    """The stack at API_PORT and AWS_PORT. Raises httpx.HTTPError when nothing answers, Failed when it is another's."""
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"  # a proxy of the user's does not know this machine
    api = f"http://127.0.0.1:{os.environ.get('API_PORT', '3000')}"
    aws = f"http://127.0.0.1:{os.environ.get('AWS_PORT', '4566')}"
    answer = httpx.get(f"{api}/_local/about", timeout=60)
    about = answer.json() if answer.status_code == 200 else {}
    check(about.get("stack") == "refledger", f"{api} is not a local stack of refledger: set API_PORT and AWS_PORT")
    return Client(api, aws)


def main() -> int:
    try:
        Story(connect()).tell()
    except httpx.TransportError as error:
        say(f"nothing answers ({error}): type `make run` in another terminal first, with the same ports")
        return 2
    except Failed as error:
        say(f"\nthe story went wrong: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
