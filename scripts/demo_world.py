"""A business to look at on a local stack: partners of a studio, their customers, and what happened in a month.

All of it comes by the calls that a customer of refledger would make, and repeats change nothing. `make run` tells it
when its stack answers; `make run ARGS=--empty` leaves it out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from scripts.demo import Client, Json, check, eventually, say

ID = "studio"
PROGRAM: Json = {
    "id": ID, "name": "Studio partners", "currency": "EUR", "tierRatesBps": [3000, 500], "holdDays": 7,
    "coolingHours": 0, "bindWithinHours": 720, "payoutMinimum": {"amount": 5000, "currency": "EUR"},
    "currencies": [{"currency": "USD", "payoutMinimum": 5000}],
    "links": {"defaultUrl": "https://www.example.com/studio", "allowedDomains": ["www.example.com"], "parameter": "ref",
              "cookieDays": 30, "campaigns": ["spring", "webinar"]},
}  # fmt: skip
# Who lets partners in is none of those who sign in: nobody pays whom they let in themselves.
ONBOARDING, FIRST, SECOND = "admin-olga", "admin", "admin-boris"
STAFF = {ONBOARDING: "Olga Onboarding", SECOND: "Boris Berg"}


@dataclass(frozen=True)
class Person:
    """A partner, what their customers paid (days ago, major units, currency), and what they ask for."""

    sub: str
    first: str
    last: str
    company: str
    paid: tuple[tuple[int, int, str], ...] = ()
    asks: tuple[int, ...] = ()
    tags: tuple[str, ...] = ()

    @property
    def email(self) -> str:
        return f"{self.first}.{self.last}@example.com".lower()


BROWSER = {
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
    "sec-fetch-dest": "document", "sec-fetch-mode": "navigate",
}  # fmt: skip
EUR, USD = "EUR", "USD"
PARTNERS = (
    Person("lena", "Lena", "Hofmann", "Hofmann Consulting",
           ((28, 490, EUR), (24, 1290, EUR), (19, 490, EUR), (15, 890, EUR), (11, 490, EUR), (5, 1290, EUR),
            (1, 490, EUR)), (600, 250), ("agency",)),
    Person("marco", "Marco", "Rossi", "Rossi Digitale",
           ((27, 890, EUR), (20, 890, EUR), (13, 490, EUR), (6, 490, EUR), (2, 1290, EUR)), (400,), ("agency",)),
    Person("sofia", "Sofia", "Lindqvist", "Nordljus",
           ((26, 290, EUR), (18, 490, EUR), (9, 290, EUR), (3, 490, EUR)), (150,)),
    Person("tomas", "Tomas", "Pereira", "Pereira & Filhos", ((22, 490, USD), (16, 890, USD), (4, 490, USD)), (300,)),
    Person("aisha", "Aisha", "Khan", "Khan Media",
           ((25, 1990, EUR), (12, 1990, EUR), (2, 490, EUR)), (1000,), ("vip",)),
    Person("emma", "Emma", "Dubois", "Atelier Dubois", ((17, 290, EUR), (8, 290, EUR))),
    Person("yuki", "Yuki", "Tanaka", "Tanaka Works", ((14, 890, USD), (10, 290, USD), (0, 290, USD)), (200,)),
    Person("noah", "Noah", "Smit", "", ((6, 290, EUR), (1, 290, EUR))),
    Person("priya", "Priya", "Nair", "Nair Learning"),
)  # fmt: skip
FRIENDS = ((9, 120), (6, 80), (4, 45), (2, 150), (1, 60))  # of Ida, in the program `default`: days ago, USD
LEADS = (
    ("lena", "Brandt GmbH", "WEBSITE"), ("lena", "Kiosk 24", "EMAIL"), ("marco", "Bianchi Srl", "WEBSITE"),
    ("aisha", "Orchard Ltd", "PHONE"), ("sofia", "Fjell AS", "EMAIL"), ("yuki", "Hoshi KK", "WEBSITE"),
)  # fmt: skip


@dataclass
class World:
    client: Client
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    ids: dict[str, str] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)

    def tell(self, ida: str) -> None:
        """Make it, unless it is there. `ida`: her code in the program `default`. Raises Failed."""
        if self._is_told():
            return
        status, answer = self.client.call(FIRST, "POST", "/programs", PROGRAM)
        check(status in (201, 409), f"POST /programs: {status} {answer}")  # 409: a run before was cut off
        for sub, name in STAFF.items():
            self.client.named(sub, name)
        steps: dict[str, Callable[[], None]] = {
            "partners": self.partners, "clicks": self.clicks, "customers": lambda: self.customers(ida),
            "leads": self.leads, "withdrawals": self.money, "a refund and a dispute": self.exceptions,
        }  # fmt: skip
        for number, (name, step) in enumerate(steps.items(), start=1):
            step()
            say(f"demo world: {number} of {len(steps)}: {name}")
        say(f"demo world: ready: {len(PARTNERS)} partners in the program {ID}, and what waits for you in the console")

    def partners(self) -> None:
        for person in PARTNERS:
            body = {"firstName": person.first, "lastName": person.last, "email": person.email, "programId": ID,
                    "companyName": person.company, "tags": list(person.tags), "sub": person.sub}  # fmt: skip
            made = self.client.post(ONBOARDING, "/partners", body, key=f"world-{person.sub}")
            self.ids[person.sub], self.codes[person.sub] = made["id"], made["referralCode"]
        apply = {"firstName": "Lucas", "lastName": "Moreau", "email": "lucas.moreau@example.com", "programId": ID,
                 "companyName": "Moreau Formation", "message": "I teach design and would like to say so"}  # fmt: skip
        self.client.post("lucas", "/applications", apply, key="world-lucas")
        invite = {"email": "kim.park@example.com", "firstName": "Kim", "lastName": "Park", "programId": ID}
        self.client.post(ONBOARDING, "/invitations", invite, key="world-kim")

    def clicks(self) -> None:
        """Visitors of the partners' links, as browsers come; about ten a minute count on each."""
        for place, person in enumerate(PARTNERS[:6]):
            for number in range(9 - place):
                query = {
                    "source": ("email", "website", "social_media")[number % 3],
                    "campaign": ("spring", "webinar")[place % 2],
                }
                self.client.http.get(f"/r/{self.codes[person.sub]}", params=query, headers=BROWSER)

    def customers(self, ida: str) -> None:
        """Each customer comes by a code, which their first payment told of late, as a checkout may."""
        events = []
        for person in PARTNERS:
            for number, (days, amount, currency) in enumerate(person.paid):
                customer = f"{person.sub}-customer-{number}"
                self.client.post(customer, f"/referrals/apply/{self.codes[person.sub]}")
                events.append(self._payment(customer, days, amount, currency, ID))
        for number, (days, amount) in enumerate(FRIENDS):
            self.client.post(f"friend-{number}", f"/referrals/apply/{ida}")
            events.append(self._payment(f"friend-{number}", days, amount, USD, "default"))
        self.client.put_events("Payment Succeeded", sorted(events, key=lambda each: str(each["occurredAt"])))
        eventually(lambda: self._earned("noah"), True, "what customers paid is rewarded")

    def leads(self) -> None:
        for number, (sub, company, source) in enumerate(LEADS):
            lead = {"partnerId": self.ids[sub], "source": source, "leadId": f"LEAD-{number + 1:03d}", "note": company}
            made = self.client.post(FIRST, "/referrals", lead, key=f"world-lead-{number}")
            if number in (2, 3):
                self.client.post(FIRST, f"/referrals/{made['id']}/accept", {}, expect=200)
            if number == 3:
                value = {"conversionValue": {"amount": 40_000, "currency": EUR}}
                self.client.post(SECOND, f"/referrals/{made['id']}/process-conversion", value, expect=200)
            if number == 4:
                reason = {"reason": "no budget this year"}
                self.client.post(FIRST, f"/referrals/{made['id']}/reject", reason, expect=200)

    def money(self) -> None:
        """Partners ask for what is theirs; the first ones are paid, the others wait."""
        for place, person in enumerate(PARTNERS):
            for number, amount in enumerate(person.asks):
                self._withdraw(person, number, amount, paid=place < 2 and not number)
        bonus = {"partnerId": self.ids["priya"], "amount": 7500, "currency": EUR, "reason": "spoke at our conference"}
        self.client.post(FIRST, "/rewards", bonus, key="world-bonus")
        correction = {"partnerId": self.ids["emma"], "amount": 60_000, "currency": EUR, "reason": "a deal of last year"}
        self.client.post(FIRST, "/adjustments", correction, key="world-correction")

    def exceptions(self) -> None:
        """A refund, a dispute that is open, and a payment of which nobody knows whose customer it is."""
        back = {"refundId": "world-refund", "paymentId": "marco-customer-1-paid", "amount": 44_500, "currency": EUR}
        self.client.put_events("Payment Refunded", [{**back, "occurredAt": self._ago(10)}])
        doubt = {"disputeId": "world-dispute", "paymentId": "yuki-customer-1-paid", "amount": 29_000, "currency": USD}
        self.client.put_events("Payment Disputed", [{**doubt, "occurredAt": self._ago(1)}])
        self.client.put_events("Payment Succeeded", [self._payment("a-stranger", 1, 490, EUR, ID)])
        note = {"text": "Wants to be paid in one sum at the end of the quarter."}
        self.client.post(FIRST, f"/partners/{self.ids['aisha']}/notes", note)

    # ------------------------------------------------------------

    def _is_told(self) -> bool:
        """Whether its last line is there."""
        known = self.client.get(FIRST, "/partners", programId=ID, q=PARTNERS[4].email)["data"]
        return bool(known) and bool(self.client.get(FIRST, f"/partners/{known[0]['id']}/notes")["data"])

    def _payment(self, customer: str, days: int, amount: int, currency: str, program: str) -> Json:
        return {
            "paymentId": f"{customer}-paid", "customerId": customer, "amount": amount * 100, "currency": currency,
            "programId": program, "occurredAt": self._ago(days),
        }  # fmt: skip

    def _ago(self, days: int) -> str:
        return (self.now - timedelta(days=days, minutes=17 * days + 5)).isoformat(timespec="milliseconds")

    def _earned(self, sub: str) -> bool:
        rewards: list[Any] = self.client.get(FIRST, f"/partners/{self.ids[sub]}/rewards")["data"]
        return bool(rewards)

    def _withdraw(self, person: Person, number: int, amount: int, *, paid: bool) -> None:
        currency, key = person.paid[0][2], f"world-{person.sub}-{number}"
        holder = f"{person.first} {person.last}"
        account = {"type": "BANK_TRANSFER", "accountHolder": holder, "iban": "DE89370400440532013000"}
        body = {"amount": amount * 100, "currency": currency, "payoutMethod": account}
        made = self.client.post(person.sub, "/referrals/withdraw", body, key=key)
        if not paid:
            return
        path = f"/withdrawals/{made['id']}"
        for who in (FIRST, SECOND):
            self.client.call(who, "POST", f"{path}/approve", {"note": "known well"})
        eventually(lambda: self.client.get(FIRST, path)["status"], "PAYING", "the workflow")
        self.client.post(SECOND, f"{path}/mark-paid", {"transactionId": f"TX-{person.sub}"}, expect=200)
