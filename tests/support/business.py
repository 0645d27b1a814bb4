"""Months of a company's life: all that happens is told to a deployment, by its real ways in, and to the model."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlsplit

import pytest

from refledger.adapters.bus import Bus
from refledger.adapters.queues import DeadLetters, JobQueue, LeaderboardQueue, PaymentsQueue
from refledger.domain.links import Links
from refledger.domain.programs import CurrencyTerms
from refledger.domain.rules import RuleSet
from refledger.entry import config
from refledger.operations.context import Context
from refledger.operations.figures.rebuild import everybody, rebuild
from refledger.store import keys
from tests.support import changes, functions
from tests.support.deployment import Deployment, Event, Time, deployment
from tests.support.model import (
    DAY,
    EVER,
    HOUR,
    History,
    Model,
    Partner,
    Payment,
    Program,
    Referral,
    Reward,
    Withdrawal,
    day_of,
    midnight,
)
from tests.support.programs import a_rule
from tests.support.queues import Sqs

CURRENCIES = ("USD", "JPY", "KWD")
OFFSETS = (0, 60, -300, 330, 840, -720)  # minutes
SOURCES = ("WEBSITE", "MOBILE_APP", "EMAIL", "PHONE", "IN_PERSON", "SOCIAL_MEDIA", "OTHER")
IBAN = "DE89370400440532013000"
COUNTED = {
    "REWARD",
    "REFERRAL",
    "JOURNAL",
    "PAYMENT",
    "PARTNER",
    "WITHDRAWAL",
}  # what stream_rollups is given, as the template's filter has it
BEGINS = int(datetime(2027, 12, 29, 9, 30, tzinfo=UTC).timestamp()) * 1000  # days before 2028, a leap year


def zoned(ms: int, minutes: int) -> str:
    """A moment as somebody writes it whose clock is so many minutes ahead of UTC."""
    return (datetime.fromtimestamp(0, timezone(timedelta(minutes=minutes))) + timedelta(milliseconds=ms)).isoformat(
        timespec="milliseconds"
    )


class Queue(Sqs):
    """Messages that wait for a function."""

    def take(self) -> list[str]:
        taken, self.dead = [each["MessageBody"] for each in self.dead], []
        return taken


@dataclass
class Business:
    """`chosen`: what chance decides. After each act everything that follows by itself has followed."""

    deployed: Deployment
    chosen: random.Random
    model: Model
    boards: Queue
    payments: Queue
    jobs: Queue
    tail: changes.Tail
    number: int = 0
    log: list[str] = field(default_factory=list)
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)  # all that were told

    @property
    def now(self) -> int:
        return self.deployed.world.books.clock()

    # ------------------------------------------------------------ what happens by itself

    def passes(self, ms: int) -> None:
        """Time; then the schedules tick."""
        self.deployed.world.books.clock.forward(ms)
        for schedule in ("maturity", "expiry", "sweeper"):
            self.deployed.tick(schedule)
        self.follows()
        self.model.tick(self.now)

    def follows(self) -> None:
        """Queues, workflow and stream, until all is quiet."""
        for _ in range(50):
            while self.deployed.mature():
                pass
            self.deployed.work()
            if not self._stream() | self._queues():
                return
        raise AssertionError("it never comes to rest")

    def _stream(self) -> bool:
        records = self.tail.new()
        for record in records:
            record["dynamodb"]["ApproximateCreationDateTime"] = self.now / 1000
        counted = [each for each in records if self._is_counted(each["dynamodb"]["Keys"])]
        for start in range(0, len(counted), 100):
            event = {"Records": counted[start : start + 100], "shardId": "shardId-000000000001"}
            functions.load("stream_rollups").handler(event, Time())
        for event in changes.batches(records, keys.AUDITED):
            functions.load("stream_projections").handler(event, Time())
        return bool(records)

    @staticmethod
    def _is_counted(key: dict[str, Any]) -> bool:
        kind = key["pk"]["S"].split("#")[0]
        return kind in COUNTED and (
            kind in ("REWARD", "REFERRAL", "JOURNAL") or key["sk"]["S"] == "ROOT" or key["sk"]["S"].startswith("CAP#")
        )

    def _queues(self) -> bool:
        worked = False
        for queue, function in (
            (self.boards, "leaderboards"),
            (self.payments, "payment_events"),
            (self.jobs, "job_worker"),
        ):
            if bodies := queue.take():
                records = [{"messageId": str(n), "body": body} for n, body in enumerate(bodies)]
                answer = functions.load(function).handler({"Records": records}, Time())
                assert not (answer or {}).get("batchItemFailures"), answer
                worked = True
        return worked

    # ------------------------------------------------------------ ways in

    def staff(self, route: str, who: str = "boss", **told: Any) -> Any:
        if not route.startswith("GET"):
            self.log.append(f"    {route} {told.get('path', '')} {told.get('body', '')}")
        answer = self.deployed.staff(route, who, **told)
        assert answer.status < 300, (route, told, answer, self.log[-8:])
        return answer.body

    def tell(self, kind: str, detail: dict[str, Any]) -> None:
        self.log.append(f"    {kind} {detail}")
        self.events.append((kind, detail))
        self.deployed.deliver([Event(kind, detail, self._next())])
        assert not self.deployed.sqs.dead, self.deployed.sqs.dead
        self.follows()

    def lead(self, kind: str, detail: dict[str, Any]) -> None:
        self.log.append(f"    {kind} {detail}")
        self.events.append((kind, detail))
        body = Event(kind, detail, 0).body.replace('"source": "payments"', '"source": "leads"', 1)
        answer = functions.load("lead_events").handler({"Records": [{"messageId": "1", "body": body}]}, Time())
        assert not answer["batchItemFailures"], answer
        assert not self.deployed.sqs.dead, self.deployed.sqs.dead
        self.follows()

    def _next(self) -> int:
        self.number += 1
        return self.number

    def _key(self) -> dict[str, str]:
        return {"idempotency-key": f"key-{self._next()}"}

    def at(self, ms: int) -> str:
        return zoned(ms, self.chosen.choice(OFFSETS))

    # ------------------------------------------------------------ partners and referrals

    def joins(self, name: str, program: str, label: str = "") -> Partner:
        body = {"firstName": name.title(), "lastName": "Example", "email": f"{name}@example.com", "programId": program,
                "sub": name, "companyName": f"{name} & Co", **({"tier": label} if label else {})}  # fmt: skip
        told = self.staff("POST /api/v1/partners", "admin", body=body)
        made = Partner(
            told["id"],
            name,
            self.model.programs[program],
            told["referralCode"],
            self.now,
            label,
            History(self.now, "ACTIVE"),
        )
        self.model.partners.append(made)
        self.follows()
        return made

    def becomes(self, partner: Partner, act: str, status: str) -> None:
        path = {"partnerId": partner.id}
        self.staff(f"POST /api/v1/partners/{{partnerId}}/{act}", "admin", path=path, body={"reason": "a test"})
        partner.status.becomes(self.now, status)
        self.follows()

    def applies(self, customer: str, partner: Partner) -> None:
        """A customer types the code in."""
        path = {"code": partner.code}
        self.log.append(f"    {customer} applies the code of {partner.name}")
        answer = self.deployed.call("POST /api/v1/referrals/apply/{code}", sub=customer, path=path)
        assert answer.status == 201, answer
        self.model.refer(
            self.now, answer.body["referralId"], partner, "ACCEPTED", "WEBSITE", partner.code, customer=customer
        )
        self.follows()

    def enters(self, partner: Partner, by_code: bool, customer: str = "", lead: str = "") -> None:
        """Staff enter a referral."""
        source = self.chosen.choice(SOURCES)
        body = {"source": source, **({"referralCode": partner.code} if by_code else {"partnerId": partner.id}),
                **({"customerId": customer} if customer else {}), **({"leadId": lead} if lead else {})}  # fmt: skip
        told = self.staff("POST /api/v1/referrals", body=body, headers=self._key())
        code = partner.code if by_code else ""
        self.model.refer(self.now, told["id"], partner, "PENDING", source, code, customer=customer, lead=lead)
        self.follows()

    def moves(self, referral: Referral, act: str) -> None:
        path = {"referralId": referral.id}
        if act == "delete":
            self.deployed.staff("DELETE /api/v1/referrals/{referralId}", "boss", path=path)
        else:
            body = {} if act == "accept" else {"reason": "a test"}
            self.staff(f"POST /api/v1/referrals/{{referralId}}/{act}", path=path, body=body)
        if act == "accept":
            referral.status.becomes(self.now, "ACCEPTED")
        else:
            self.model.close(self.now, referral, "EXPIRED" if act == "expire" else "REJECTED")
        self.follows()

    def converts(self, referral: Referral, amount: int, currency: str) -> None:
        self.staff(
            "POST /api/v1/referrals/{referralId}/process-conversion", "clerk", path={"referralId": referral.id},
            body={"conversionValue": {"amount": amount, "currency": currency}},
        )  # fmt: skip
        self.model.convert(self.now, referral, amount, currency)
        self.follows()

    def leads(self, partner: Partner) -> None:
        """A CRM tells of a lead with a code."""
        lead = f"lead-{self._next()}"
        self.lead("Lead Created", {
            "leadId": lead, "referralCode": partner.code, "occurredAt": self.at(self.now), "source": "EMAIL",
        })  # fmt: skip
        id = self.staff("GET /api/v1/referrals/by-lead/{leadId}", path={"leadId": lead})["id"]
        self.model.refer(self.now, id, partner, "PENDING", "EMAIL", partner.code, lead=lead)

    def lead_news(self, referral: Referral, step: str, amount: int, currency: str) -> None:
        detail: dict[str, Any] = {"leadId": referral.lead, "occurredAt": self.at(self.now)}
        if step == "Lead Converted":
            detail |= {"conversionValue": {"amount": amount, "currency": currency}}
        self.lead(step, detail)
        if step == "Lead Accepted":
            referral.status.becomes(self.now, "ACCEPTED")
        elif step == "Lead Rejected":
            self.model.close(self.now, referral, "REJECTED")
        else:
            self.model.convert(self.now, referral, amount, currency)

    def clicks(self, partner: Partner) -> None:
        source = self.chosen.choice(("", "EMAIL", "PHONE"))
        query = {"source": source} if source else {}
        answer = self.deployed.call("GET /r/{code}", sub=None, path={"code": partner.code}, query=query)
        assert answer.status == 302, answer
        partner.clicks[source or "UNKNOWN"] += 1

    # ------------------------------------------------------------ customers

    def pays(
        self, customer: str, program: Program, amount: int, currency: str, occurred: int, product: str = ""
    ) -> None:  # fmt: skip
        name, off = f"order-{self._next()}", self.chosen.choice((0, 0, amount // 10))
        tax = (amount - off) // self.chosen.choice((1_000_000_000, 6, 11))
        self.tell("Payment Succeeded", {
            "paymentId": name, "customerId": customer, "amount": amount, "discountAmount": off, "taxAmount": tax,
            "currency": currency, "occurredAt": self.at(occurred), "programId": program.id,
            **({"productId": product} if product else {}),
        })  # fmt: skip
        base = amount - off - tax
        self.model.pay(self.now, name, program, customer, amount - off, base, currency, occurred, product)

    def refunds(self, name: str, amount: int, currency: str) -> None:
        id = f"refund-{self._next()}"
        self.tell("Payment Refunded", {
            "refundId": id, "paymentId": name, "amount": amount, "currency": currency, "occurredAt": self.at(self.now),
        })  # fmt: skip
        self.model.refund(self.now, name, id, amount)

    def disputes(self, payment: Payment, amount: int) -> None:
        id = f"dispute-{self._next()}"
        self.tell("Payment Disputed", {
            "disputeId": id, "paymentId": payment.name, "amount": amount, "currency": payment.currency,
            "occurredAt": self.at(self.now),
        })  # fmt: skip
        self.model.dispute(self.now, payment.name, id, amount, "")

    def dispute_ends(self, payment: Payment, id: str, outcome: str) -> None:
        self.tell("Dispute Closed", {
            "disputeId": id, "paymentId": payment.name, "outcome": outcome, "occurredAt": self.at(self.now),
        })  # fmt: skip
        self.model.dispute(self.now, payment.name, id, payment.disputes[id][0], outcome)

    # ------------------------------------------------------------ rewards by staff

    def id_of(self, reward: Reward) -> str:
        """As the list of the partner's rewards says."""
        if not reward.id:
            route, path = "GET /api/v1/partners/{partnerId}/rewards", {"partnerId": reward.partner.id}
            for each in self.pages(route, path=path):
                if each["externalPaymentId"] == reward.payment.name and each["tier"] == reward.tier:
                    reward.id = each["id"]
        assert reward.id, (reward.payment, self.log[-9:])
        return reward.id

    def on_reward(self, reward: Reward, act: str) -> None:
        body = {"reason": "looks odd"} if act == "hold" else {"note": "looked at it"}
        self.staff(f"POST /api/v1/rewards/{{rewardId}}/{act}", path={"rewardId": self.id_of(reward)}, body=body)
        self.follows()
        if act == "cancel":
            self.model.cancel(self.now, reward)
        else:
            self.model.hold(self.now, reward, act == "hold")

    def gives(self, partner: Partner, amount: int, currency: str) -> None:
        body = {"partnerId": partner.id, "amount": amount, "currency": currency, "reason": "spoke for us"}
        told = self.staff("POST /api/v1/rewards", "giver", body=body, headers=self._key())
        self.follows()
        self.model.give(self.now, partner, amount, currency, told["paymentId"]).id = told["id"]

    def pays_reward(self, reward: Reward) -> None:
        body = {"paymentMethod": "CASH", "transactionId": f"cash-{self._next()}", "note": "as agreed"}
        route, path = "POST /api/v1/rewards/{rewardId}/process-payment", {"rewardId": self.id_of(reward)}
        self.staff(route, "cashier", path=path, body=body)
        self.follows()
        self.model.pay_reward(self.now, reward)

    def adjusts(self, partner: Partner, amount: int, currency: str, kind: str) -> None:
        body = {"partnerId": partner.id, "amount": amount, "currency": currency, "kind": kind, "reason": "corrected"}
        self.staff("POST /api/v1/adjustments", "giver", body=body, headers=self._key())
        entry = "WRITE_OFF" if kind == "WRITE_OFF" else "CREDIT" if amount > 0 else "DEBIT"
        self.model.enter(self.now, partner, currency, entry, abs(amount))
        self.follows()

    # ------------------------------------------------------------ withdrawals

    def asks(self, partner: Partner, currency: str, amount: int) -> None:
        body = {"amount": amount, "currency": currency,
                "payoutMethod": {"type": "BANK_TRANSFER", "accountHolder": "A Example", "iban": IBAN}}  # fmt: skip
        self.log.append(f"    {partner.name} asks for {amount} {currency}")
        answer = self.deployed.call(
            "POST /api/v1/referrals/withdraw", sub=partner.name, body=body, headers=self._key()
        )  # fmt: skip
        assert answer.status in (201, 202), answer
        self.follows()
        self.model.ask(self.now, answer.body["id"], partner, currency, amount, self.now + 7 * DAY)

    def decides(self, made: Withdrawal, act: str) -> None:
        """approve, reject, mark-paid, mark-failed, mark-returned, or the partner's own cancel."""
        path = {"withdrawalId": made.id}
        if act == "cancel":
            route = "POST /api/v1/referrals/withdrawals/{withdrawalId}/cancel"
            answer = self.deployed.call(route, sub=made.partner.name, path=path, body={})
            assert answer.status == 200, answer
        else:
            body = {"note": "seen"}
            if act in ("mark-paid", "mark-returned", "mark-failed"):
                body["transactionId"] = f"bank-{act}-{made.id}"
            self.staff(f"POST /api/v1/withdrawals/{{withdrawalId}}/{act}", "cashier", path=path, body=body)
        self.model.ends(self.now, made, {
            "approve": "PAYING", "reject": "REJECTED", "cancel": "CANCELLED", "mark-paid": "PAID",
            "mark-failed": "FAILED", "mark-returned": "RETURNED",
        }[act])  # fmt: skip
        self.follows()

    # ------------------------------------------------------------ what may happen to all of it

    def pauses(self, program: Program) -> None:
        """For an hour, in which a customer pays."""
        path, began = {"programId": program.id}, self.now

        def becomes(act: str) -> None:
            version = self.staff("GET /api/v1/programs/{programId}", path=path)["version"]
            route, match = f"POST /api/v1/programs/{{programId}}/{act}", {"if-match": f'"{version}"'}
            told = self.staff(route, path=path, headers=match, body={"reason": "a test"})
            assert told["pendingChange"] is None

        becomes("pause")
        program.pauses.append((began, EVER))
        self.restarts()
        self.passes(HOUR)
        bound = [each for each in self.model.referrals if each.customer and each.program is program]
        for referral in bound[:1]:
            self.pays(referral.customer, program, 12_345, "USD", self.now)
        becomes("resume")
        program.pauses[-1] = (began, self.now)
        self.restarts()

    def restarts(self) -> None:
        """Nothing is left in the memory of a worker."""
        books = self.deployed.world.books
        books.context = Context(books.table, books.ids, books.clock, pause=lambda _: None)

    def is_told_again(self) -> None:
        """All events once more, in any order, some of them together."""
        for kind, detail in self.chosen.sample(self.events, len(self.events)):
            if kind.startswith("Lead"):
                self.lead(kind, detail)
            else:
                self.tell(kind, detail)

    def statistics_are_rebuilt(self) -> None:
        """Everybody's and everything's, while the stream goes on."""

        def pause(ms: int) -> None:
            self.deployed.world.books.clock.forward(ms)
            self.follows()

        context = replace(self.deployed.world.books.context, pause=pause)
        done = rebuild(context, lambda: everybody(context), HOUR, whole=True)
        assert (done.waiting, done.programs_waiting) == (0, 0), done
        self.follows()

    def file(self, what: str, **filters: str) -> bytes:
        """An export, asked for and made."""
        body = {"what": what, "filters": filters}
        id = self.staff("POST /api/v1/exports", "accountant", body=body, headers=self._key())["id"]
        self.follows()
        told = self.staff("GET /api/v1/exports/{exportId}", "accountant", path={"exportId": id})
        assert told["status"] == "DONE", told
        return self.deployed.world.bucket.objects[urlsplit(told["link"]).path.lstrip("/")]

    # ------------------------------------------------------------ reading

    def read(self, path: str, **query: str) -> Any:
        return self.staff(f"GET /api/v1{path}", query=query)

    def pages(self, route: str, **told: Any) -> Iterator[dict[str, Any]]:
        """All rows of a list, page by page."""
        query = dict(told.pop("query", {}))
        while True:
            answer = self.staff(route, query=query, **told)
            yield from answer["data"]
            if not answer["nextCursor"]:
                return
            query["cursor"] = answer["nextCursor"]


@contextmanager
def business(endpoint: str, seed: int) -> Iterator[Business]:
    """Two programs, and ten partners who refer each other."""
    with deployment(endpoint) as deployed, pytest.MonkeyPatch.context() as patch:
        boards, payments, jobs, leads = Queue(), Queue(), Queue(), deployed.sqs
        patch.setattr(config, "bus", lambda: Bus(changes.EventsClient(), "bus"))
        patch.setattr(config, "leaderboard_queue", lambda: LeaderboardQueue(boards, "boards"))
        patch.setattr(config, "payments_queue", lambda: PaymentsQueue(payments, "payments"))
        patch.setattr(config, "job_queue", lambda: JobQueue(jobs, "jobs"))
        patch.setattr(config, "lead_dead_letters", lambda: DeadLetters(leads, "dead"))
        deployed.world.variables |= {"NOTICES": "chosen", "HUBSPOT_MAPPING": "object=contact;code=c",
                                     "SALESFORCE_MAPPING": "object=Lead;code=c"}  # fmt: skip
        books = deployed.world.books
        books.clock.at_ms = BEGINS
        others = {each: CurrencyTerms(payout_minimum=1) for each in CURRENCIES[1:]}
        products = (("course", a_rule(3500)), ("gold", a_rule(100, 900)))
        shop = Links("https://shop.example.com/", ("shop.example.com",))
        books.program(
            "default", rules=RuleSet(a_rule(2000, 1000, 500, 250), products), hold_days=0, attribution_days=None,
            currencies=others, payout_minimum=1, links=shop, bind_within_hours=0,
        )  # fmt: skip
        books.program(
            "slow", rules=RuleSet(a_rule(3000, 1500), monthly_cap=(("USD", 10_000),)), hold_days=10,
            attribution_days=20, currencies=others, payout_minimum=1, links=shop, bind_within_hours=0,
        )  # fmt: skip
        programs = {
            "default": Program("default", (2000, 1000, 500, 250), products={"course": (3500,), "gold": (100, 900)}),
            "slow": Program("slow", (3000, 1500), 10, 20, {"USD": 10_000}),
        }
        made = Business(
            deployed, random.Random(seed), Model(programs), boards, payments, jobs, changes.Tail(books.client)
        )
        found(made)
        yield made
        config.lead_mappings.cache_clear()


def found(business: Business) -> None:
    for name, program, label in (
        ("ann", "default", "GOLD"), ("ben", "default", ""), ("cat", "default", "SILVER"), ("dan", "default", ""),
        ("eve", "default", "GOLD"), ("fay", "slow", ""), ("gus", "slow", "GOLD"), ("hal", "slow", ""),
    ):  # fmt: skip
        business.joins(name, program, label)
        business.passes(1000)
    by_name = {each.name: each for each in business.model.partners}
    for lower, upper in (("ben", "ann"), ("cat", "ben"), ("dan", "cat"), ("gus", "fay"), ("hal", "gus")):
        business.applies(lower, by_name[upper])
        business.passes(1000)


# ---------------------------------------------------------------- chance


def live(business: Business, steps: int) -> None:
    """So many things happen, over some months."""
    for _ in range(steps):
        business.passes(_pause(business))
        act = business.chosen.choice(ACTS)
        business.log.append(f"{zoned(business.now, 0)} {act.__name__}")
        act(business, business.chosen)


def _pause(business: Business) -> int:
    """Moments, hours, days; often just before midnight or at it, often at the end of a month."""
    chosen, now = business.chosen, business.now
    kind = chosen.randrange(10)
    if kind < 4:
        return chosen.randrange(1, 100_000)
    if kind < 6:
        return chosen.randrange(1, 30) * HOUR
    if kind < 8:
        return midnight(day_of(now) + timedelta(days=1)) - chosen.choice((0, 1)) - now or 1
    if kind == 8:
        return chosen.randrange(2, 8) * DAY
    first = (day_of(now).replace(day=1) + timedelta(days=32)).replace(day=1)
    return midnight(first) - chosen.choice((0, 1)) - now or 1


def _partner(business: Business, *states: str) -> Partner:
    return business.chosen.choice([p for p in business.model.partners if p.status.now in states])


def _amount(chosen: random.Random) -> int:
    return chosen.choice((7, 999, 10_000, 12_345, 33_333, 100_000))


def a_payment(business: Business, chosen: random.Random) -> None:
    bound = [each for each in business.model.referrals if each.customer]
    referral = chosen.choice(bound)
    late = chosen.choice((0, 0, 0, 1, HOUR, DAY, 40 * DAY))
    occurred = max(business.now - late, referral.made) if chosen.random() < 0.9 else business.now - late
    customer = referral.customer if chosen.random() < 0.95 else "a stranger"
    product = chosen.choice(("", "", "", "course", "gold", "a product without a rule"))
    business.pays(customer, referral.program, _amount(chosen), chosen.choice(CURRENCIES), occurred, product)


def a_refund(business: Business, chosen: random.Random) -> None:
    told = [each for each in business.model.payments.values() if each.origin == "PAYMENT"]
    told += business.model.nobodys.values()
    if told:
        payment = chosen.choice(told)
        amount = max(1, payment.amount // chosen.choice((1, 1, 2, 3, 10)))
        business.refunds(payment.name, amount, payment.currency)


def an_early_refund(business: Business, chosen: random.Random) -> None:
    business.refunds(f"order-{business.number + 2}", chosen.choice((3, 999)), "USD")
    referral = chosen.choice([each for each in business.model.referrals if each.customer])
    business.pays(referral.customer, referral.program, 20_000, "USD", business.now)


def a_dispute(business: Business, chosen: random.Random) -> None:
    told = [each for each in business.model.payments.values() if each.origin == "PAYMENT"]
    if told:
        payment = chosen.choice(told)
        business.disputes(payment, max(1, payment.amount // chosen.choice((1, 2))))


def the_end_of_a_dispute(business: Business, chosen: random.Random) -> None:
    for payment in business.model.payments.values():
        for id, (_, end) in payment.disputes.items():
            if not end:
                business.dispute_ends(payment, id, chosen.choice(("WON", "LOST")))
                return


def a_customer(business: Business, chosen: random.Random) -> None:
    business.applies(f"customer-{business._next()}", _partner(business, "ACTIVE"))


def a_referral(business: Business, chosen: random.Random) -> None:
    number = business._next()
    customer = f"customer-{number}" if chosen.random() < 0.6 else ""
    business.enters(_partner(business, "ACTIVE"), chosen.random() < 0.5, customer, f"lead-{number}")


def news_of_a_referral(business: Business, chosen: random.Random) -> None:
    waiting = [each for each in business.model.referrals if each.status.now in ("PENDING", "ACCEPTED") and each.lead]
    if waiting:
        referral, act = chosen.choice(waiting), chosen.choice(("accept", "accept", "reject", "expire", "delete"))
        if act != "accept" or referral.status.now == "PENDING":
            business.moves(referral, act)


def a_conversion(business: Business, chosen: random.Random) -> None:
    waiting = [each for each in business.model.referrals if each.status.now in ("PENDING", "ACCEPTED") and each.lead]
    if waiting:
        business.converts(chosen.choice(waiting), _amount(chosen), chosen.choice(CURRENCIES))


def a_lead(business: Business, chosen: random.Random) -> None:
    business.leads(_partner(business, "ACTIVE"))


def news_of_a_lead(business: Business, chosen: random.Random) -> None:
    waiting = [each for each in business.model.referrals if each.status.now in ("PENDING", "ACCEPTED") and each.lead]
    if waiting:
        step = chosen.choice(("Lead Accepted", "Lead Rejected", "Lead Converted", "Lead Converted"))
        business.lead_news(chosen.choice(waiting), step, _amount(chosen), chosen.choice(CURRENCIES))


def a_click(business: Business, chosen: random.Random) -> None:
    business.clicks(_partner(business, "ACTIVE"))


def a_hold(business: Business, chosen: random.Random) -> None:
    waiting = [each for each in business.model.rewards if each.state.now.status == "PENDING"]
    if waiting:
        reward = chosen.choice(waiting)
        business.on_reward(reward, "release" if "STAFF" in reward.state.now.held else "hold")


def a_cancellation(business: Business, chosen: random.Random) -> None:
    mine = [each for each in business.model.rewards if each.state.now.status in ("PENDING", "APPROVED")]
    if mine:
        business.on_reward(chosen.choice(mine), "cancel")


def a_gift(business: Business, chosen: random.Random) -> None:
    business.gives(_partner(business, "ACTIVE"), chosen.choice((2_500, 333)), chosen.choice(CURRENCIES))


def an_adjustment(business: Business, chosen: random.Random) -> None:
    partner, currency = chosen.choice(business.model.partners), chosen.choice(CURRENCIES)
    available = business.model.holds(partner, currency)["available"]
    if available < 0:
        business.adjusts(partner, chosen.choice((-available, 1)), currency, "WRITE_OFF")
    else:
        business.adjusts(partner, chosen.choice((700, -300, -5_000)), currency, "ADJUSTMENT")


def a_withdrawal(business: Business, chosen: random.Random) -> None:
    places = [
        (partner, currency, available)
        for partner in business.model.partners
        for currency in CURRENCIES
        if partner.status.now != "SUSPENDED" and (available := business.model.holds(partner, currency)["available"]) > 0
        and sum(w.status.now in ("REQUESTED", "PAYING") for w in business.model.withdrawals
                if w.partner is partner and w.currency == currency) < 5
    ]  # fmt: skip
    if places:
        partner, currency, available = chosen.choice(places)
        business.asks(partner, currency, max(1, available // chosen.choice((1, 1, 2))))


def a_decision(business: Business, chosen: random.Random) -> None:
    waiting = [each for each in business.model.withdrawals if each.status.now == "REQUESTED"]
    if waiting:
        made = chosen.choice(waiting)
        sound = made.partner.status.now != "SUSPENDED" and not business.model.debt(made.partner)
        business.decides(made, chosen.choice(("reject", "cancel", *(("approve",) * 4 if sound else ()))))


def a_transfer(business: Business, chosen: random.Random) -> None:
    for made in business.model.withdrawals:
        sound = made.partner.status.now != "SUSPENDED" and not business.model.debt(made.partner)
        if made.status.now == "PAYING" and sound:
            business.decides(made, chosen.choice(("mark-paid", "mark-paid", "mark-paid", "mark-failed")))
            return


def a_return(business: Business, chosen: random.Random) -> None:
    paid = [each for each in business.model.withdrawals if each.status.now == "PAID" and each.id]
    if paid:
        business.decides(chosen.choice(paid), "mark-returned")


def a_reward_is_paid(business: Business, chosen: random.Random) -> None:
    model = business.model
    for reward in model.rewards:
        partner, currency = reward.partner, reward.currency
        if reward.state.now.status == "APPROVED" and partner.status.now != "SUSPENDED" and not model.debt(partner):
            sums = model.holds(partner, currency)
            if model._needs(reward) and not sums["reserved"] and model.unpaid(partner, currency) <= sums["available"]:
                business.pays_reward(reward)
                return


def a_change_of_status(business: Business, chosen: random.Random) -> None:
    partner = chosen.choice(business.model.partners)
    if partner.status.now == "ACTIVE":
        act, status = chosen.choice((("suspend", "SUSPENDED"), ("deactivate", "INACTIVE"), ("terminate", "TERMINATED")))
        if status != "TERMINATED" or sum(p.status.now == "ACTIVE" for p in business.model.partners) > 4:
            business.becomes(partner, act, status)
    elif partner.status.now != "TERMINATED":
        business.becomes(partner, "activate", "ACTIVE")


def a_pause(business: Business, chosen: random.Random) -> None:
    business.pauses(chosen.choice(list(business.model.programs.values())))


def a_restart(business: Business, chosen: random.Random) -> None:
    assert chosen
    business.restarts()


ACTS: list[Callable[[Business, random.Random], None]] = [
    *(a_payment,) * 12, a_refund, a_refund, an_early_refund, a_dispute, a_dispute, the_end_of_a_dispute,
    the_end_of_a_dispute, *(a_customer,) * 3, *(a_referral,) * 3, news_of_a_referral, a_conversion, a_lead, a_lead,
    news_of_a_lead, a_click, a_click, a_hold, a_hold, a_cancellation, a_gift, an_adjustment, *(a_withdrawal,) * 3,
    *(a_decision,) * 3, *(a_transfer,) * 3, a_return, a_reward_is_paid, a_change_of_status, a_pause, a_restart,
]  # fmt: skip
