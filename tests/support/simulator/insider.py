"""Mallory in the simulator: every role and tool of one person, over days, at once with herself, and faults.

What she may do is `WAYS`: all that changes something over HTTP (a test holds that none is left out),
a service's tokens, the CRM's way, imports, and the operators' commands. What nobody may do alone
is in insider_run.py.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from refledger.domain.api_keys import ApiKey, ApiKeyStatus
from refledger.domain.errors import Refledger
from refledger.domain.referrals import Referral
from refledger.domain.times import iso
from refledger.entry import access, config
from refledger.operations import api_keys
from refledger.operations.partners import anonymization
from refledger.operations.payouts import sweeper
from refledger.operations.recovery import backfill
from refledger.store import partners as stored_partners
from refledger.store import referrals as stored_referrals
from refledger.store import shards
from refledger.store.transaction import ConditionFailed
from tests.support.insider import LIMIT, MALLORY, OUT, PROGRAM, SIGN_INS, TOKEN, Insider, terms
from tests.support.simulator.deployment import Simulated

CURRENCIES = ("USD", "EUR", "JPY")  # yen are not taken, unless she changes that
SITE: dict[str, Any] = {  # the key of the shop's server
    "sub": "site", "groups": (), "claims": {"scope": "refledger/events:write", "client_id": "site"},
}  # fmt: skip
CRM: dict[str, Any] = {  # another service's token
    "sub": "crm", "groups": (), "claims": {"scope": "refledger/referrals:write refledger/partners:write"},
}  # fmt: skip
NEW = ("zoe", "yan", "xia", "wim")  # whom she lets in, each a sign-in of an accomplice
SIGN_IN = {"acme": "mal2"}  # of who is called otherwise
NOBODYS = "customer of nobody"
HOUR_MS = 3_600_000


def shop_key(maker: str) -> ApiKey:
    """Return an API key that tells of sales, which somebody made and another admin has confirmed."""
    return ApiKey("shop", "Shop", False, ("events:write",), ApiKeyStatus.ACTIVE, maker, 0, ())


@dataclass
class Mallory(Insider):
    """`paid`: ids of payments. `honest`: of those that customers made; what others bring, somebody let earn."""

    deployed: Simulated
    paid: list[str] = field(default_factory=list)
    honest: set[str] = field(default_factory=set)
    refunded: list[str] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)  # ids of payments that she told of
    events: int = 0
    keys: list[tuple[str, str]] = field(default_factory=list)  # ids and texts of API keys that she made

    # ---------------------------------------------------------------- what goes on without her

    def happens(self) -> None:
        """Messages, workflow, stream."""
        self.deployed.mature()
        self.deployed.work(10)
        for consumer in self.deployed.read:
            self.deployed.follow(consumer, 40)
        self.deployed.take(self.deployed.leads, "lead_events")
        self.deployed.take(self.deployed.payments, "payment_events")
        self.deployed.take(self.deployed.boards, "leaderboards")

    def schedules(self) -> None:
        for schedule in ("maturity", "expiry", "sweeper"):
            self.deployed.tick(schedule)

    def time_passes(self, hours: int) -> None:
        self.deployed.world.books.clock.forward(hours * HOUR_MS)

    def customer_pays(self, name: str, currency: str) -> None:
        """Who was referred long ago pays again."""
        self.pays(f"customer of {name}", currency)

    def pays(self, customer: str, currency: str, amount: int = 1_000) -> None:
        self.events += 1
        name = f"p{self.events}"
        id = self.deployed.world.books.ids.payment("payments", name)
        self.paid.append(id)
        if currency in ("USD", "EUR") and customer != NOBODYS and name not in self.taken:
            self.honest.add(id)
        self.deployed.send("Payment Succeeded", paymentId=name, customerId=customer, amount=amount, currency=currency)
        self.deployed.deliver(self.deployed.queue[:10])

    def sells(self, name: str, customer: str, amount: int, currency: str) -> None:
        """With the token of the shop's server, or an API key of hers that another admin has confirmed: a sign-up by an
        accomplice's code, and a sale of five times the amount, told to be of now or of an hour ago.

        To one of theirs, to one of nobody's, or to a new one; now and then the same sale again, as something else, and
        under the id that an order will have of which the bus tells next.
        """
        self.events += 1
        books = self.deployed.world.books
        site = SITE if self.events % 2 else {"sub": None, "api_key": shop_key(books.user("mallory"))}
        who = {"known": f"customer of {name}", "nobody": NOBODYS}.get(customer, f"sold {self.events % 7}")
        came = {"referralCode": self.partners[name].code}
        if customer in ("lead", "lead and sale"):
            self.ask("POST /api/v1/events/lead", {"customerId": who, **came}, site)
        if customer != "lead":
            order = f"p{self.events + 1}" if self.events % 5 == 0 else f"sale-{self.events % 30}"
            sale = {"paymentId": order, "customerId": who, "currency": currency, **came}
            if self.events % 3 == 0:
                sale["occurredAt"] = iso(books.clock() - HOUR_MS)
            self.taken.add(order)
            self.ask("POST /api/v1/events/sale", {**sale, "amount": 5 * abs(amount)}, site)
        self.happens()

    def again(self, place: int) -> None:
        """What was taken comes again: redriven, replayed, or because that happens."""
        if taken := self.deployed.taken:
            self.deployed.deliver([taken[place % len(taken)]])

    # ---------------------------------------------------------------- payments

    def of_payment(self, place: int, act: str) -> None:
        """`accept`, `dismiss`, `refund`, `confirm`, `undo`, ANOTHER or SAME."""
        those = self.refunded or self.paid if act in ("confirm", "undo") else self.paid
        those = sorted(self.honest) if act == "refund" else those
        path, route = {"paymentId": those[place % len(those)]}, "POST /api/v1/payments/{paymentId}"
        body: dict[str, Any] = {"note": "seen"}
        match act:
            case "refund":
                body = {"amount": 100, "currency": "USD", "reason": "by wire"}
                if self.ask(f"{route}/refunds", body, path=path).status == 201:
                    self.refunded.append(path["paymentId"])
            case "confirm" | "undo":
                for each in self.ask("GET /api/v1/payments/{paymentId}/refunds", path=path).body.get("data", ()):
                    one = {**path, "refundId": each["id"]}
                    self.ask(f"{route}/refunds/{{refundId}}/{act}", body if act == "undo" else None, path=one)
            case "ANOTHER" | "SAME":
                self.ask(f"{route}/duplicate", {"verdict": act, **body}, path=path)
            case _:
                self.ask(f"{route}/{act}", body, path=path)

    # ---------------------------------------------------------------- referrals

    def claims(self, name: str, many: bool) -> None:
        """Somebody who pays and was referred by nobody is said to be theirs."""
        one = {"partnerId": self.partners[name].id, "source": "PHONE", "customerId": NOBODYS}
        if many:
            self.ask("POST /api/v1/referrals/bulk", {"create": [one]})
        else:
            self.ask("POST /api/v1/referrals", one)

    def of_referral(self, place: int, act: str) -> None:
        """All that is done to one: an act, a change of it, a lead or a customer that it gets."""
        if not (mine := self._referrals()):
            return
        id, route = mine[place % len(mine)].id, "/api/v1/referrals/{referralId}"
        path, body = {"referralId": id}, {"reason": "why"}
        match act:
            case "delete":
                self.ask(f"DELETE {route}", path=path)
            case "customer":
                self._changed(f"PATCH {route}", f"GET {route}", path, {"customerId": NOBODYS})
            case "status":
                self._changed(f"PATCH {route}", f"GET {route}", path, {"status": "REJECTED", "reason": "why"})
            case "put":
                self._changed(f"PUT {route}", f"GET {route}", path, {"source": "PHONE", "customerId": NOBODYS})
            case "lead":
                self.ask(f"POST {route}/link-to-lead", {"leadId": f"lead-{place}"}, path=path)
            case "converted":
                told = {"referralId": id, "conversionValue": {"amount": 5 * LIMIT, "currency": "USD"}}
                self.ask("POST /api/v1/referrals/process-conversion", told)
            case "cancel":
                self.ask(f"POST {route}/close", {**body, "cancelUnpaid": True}, path=path)
            case "bulk":
                self.ask("POST /api/v1/referrals/bulk", {"accept": [id]})
            case "all expired":
                self.ask("POST /api/v1/referrals/check-expired")
            case _:
                self.ask(f"POST {route}/{act}", None if act == "accept" else body, path=path)

    def _referrals(self) -> list[Referral]:
        table = self.deployed.world.books.table
        those = (stored_referrals.of_partner(table, each.id, "", 100) for each in list(self.partners.values()))
        return [referral for found in those for _, referral in found]

    def closes_again(self) -> None:
        """Whoever was interrupted closes once more: what `verify` asks for."""
        for each in self._referrals():
            if each.ended_ms:
                path = {"referralId": each.id}
                self.ask("POST /api/v1/referrals/{referralId}/close", {"reason": "why"}, path=path)

    def crm(self, name: str, lead: int, kind: str, amount: int) -> None:
        """What a CRM tells; who has its secret tells what they like."""
        detail: dict[str, Any] = {"leadId": f"lead-{lead}", "occurredAt": iso(self.deployed.world.books.clock()),
                                  "referralCode": self.partners[name].code}  # fmt: skip
        if kind == "Lead Converted":
            detail["conversionValue"] = {"amount": 5 * abs(amount), "currency": "USD"}
        body = json.dumps({"source": "leads", "detail-type": kind, "detail": detail})
        self.deployed.invoke("lead_events", {"Records": [{"messageId": "1", "body": body}]})

    # ---------------------------------------------------------------- partners

    def _changed(
        self, route: str, read: str, path: dict[str, str] | None, body: Any, who: dict[str, Any] = MALLORY
    ) -> None:
        """A change of what was read just now."""
        seen = self.ask(read, None, who, path=path)
        tag = {"if-match": seen.headers["etag"]} if "etag" in seen.headers else {}
        self.ask(route, body, who, path=path, headers=tag)

    def profile(self, name: str, how: str) -> None:
        """What is known of a partner is changed: by her, or by themselves."""
        route, path = "/api/v1/partners/{partnerId}", {"partnerId": self.partners[name].id}
        person = {"firstName": "A", "lastName": "B", "email": f"{name}@example.org"}
        match how:
            case "status":
                self._changed(f"PATCH {route}", f"GET {route}", path, {"status": "ACTIVE", "reason": "why"})
            case "rates":
                rates = {"commissionRates": [{"rateBps": 9_000}], "reason": "a deal"}
                self._changed(f"PATCH {route}", f"GET {route}", path, rates)
            case "put":
                self._changed(f"PUT {route}", f"GET {route}", path, {**person, "tier": "gold"})
            case "own":
                own = {"sub": SIGN_IN.get(name, name)}
                self._changed("PATCH /api/v1/me", "GET /api/v1/me", None, {"firstName": "C"}, own)
                seen = "/api/v1/me/notifications"
                self._changed(f"PUT {seen}", f"GET {seen}", None, {"events": []}, own)
            case "tags":
                self._changed(f"PUT {route}/tags", f"GET {route}", path, {"tags": ["vip"]})
                self.ask(f"POST {route}/notes", {"text": "well known"}, path=path)
            case "bulk":
                status = {"id": path["partnerId"], "status": "ACTIVE", "reason": "why"}
                self.ask("POST /api/v1/partners/bulk", {"status": [status]})
            case "delete":
                self.ask(f"DELETE {route}", path=path)
            case _:
                self.ask(f"POST {route}/{how}", {"reason": "why"}, path=path)

    def comes_in(self, name: str, how: str) -> None:
        """A new accomplice: invited, applied, imported, by a token, or by asking for a code of their own."""
        person = {"firstName": name, "lastName": "Example", "email": f"{name}@example.com"}
        match how:
            case "invited":
                made = self.ask("POST /api/v1/invitations", {"email": person["email"]})
                if made.status == 201:
                    path = {"token": made.body["token"]}
                    self.ask("POST /api/v1/invitations/{token}/accept", {"firstName": name}, {"sub": name}, path=path)
                    taken = {"invitationId": made.body["id"]}
                    self.ask("DELETE /api/v1/invitations/{invitationId}", path=taken)
            case "applied":
                made = self.ask("POST /api/v1/applications", person, {"sub": name})
                path = {"applicationId": made.body.get("id", "none")}
                self.ask("POST /api/v1/applications/{applicationId}/approve", {"reason": "known"}, path=path)
                self.ask("POST /api/v1/applications/{applicationId}/reject", {"reason": "no"}, path=path)
            case "imported":
                text = f"firstName,lastName,email\r\n{name},Example,{name}@example.com\r\n"
                told = {"content-type": "text/csv; charset=utf-8"}
                self.ask("POST /api/v1/imports/partners", text=text, headers=told)
                self.deployed.take(self.deployed.jobs, "job_worker")
            case "by a token":
                self.ask("POST /api/v1/partners", {**person, "sub": name}, CRM)
            case _:
                self.ask("GET /api/v1/referrals/code", None, {"sub": name})
        self._meets(name)

    def _meets(self, name: str) -> None:
        books = self.deployed.world.books
        if found := stored_partners.of_user(books.table, books.user(name)):
            self.partners.setdefault(name, found)

    def key(self, place: int, act: str) -> None:
        """An API key of hers, with or without the scope that waits: confirmed by her, rotated, revoked."""
        route = "/api/v1/api-keys"
        if act in ("make", "make all") or not self.keys:
            scopes = sorted(access.SCOPES - (set() if act == "make all" else {"events:write"}))
            made = self.ask(f"POST {route}", {"name": "Shop", "scopes": scopes})
        else:
            path = {"apiKeyId": self.keys[place % len(self.keys)][0]}
            if act == "revoke":
                made = self.ask(f"DELETE {route}/{{apiKeyId}}", path=path)
            else:
                body = {"overlapHours": place % 3} if act == "rotate" else None
                made = self.ask(f"POST {route}/{{apiKeyId}}/{act}", body, path=path)
        if made.status < 300 and made.body.get("key"):
            self.keys.append((made.body["id"], made.body["key"]))

    def keyed(self, name: str, amount: int, currency: str, act: str) -> None:
        """What the token does, done with a key of hers: each answers as if she had done it herself."""
        if not self.keys:
            self.key(0, "make")
        for _, text in self.keys[-3:]:
            try:
                key = api_keys.authenticated(config.context(), text, live=config.is_live())
            except Refledger:
                continue
            who: dict[str, Any] = {"sub": None, "api_key": key}
            if act == "let in":
                person = {"firstName": name, "lastName": "Example", "email": f"{name}@example.com"}
                self.ask("POST /api/v1/partners", {**person, "sub": name}, who)
                self._meets(name)
                continue
            told = {"partnerId": self.partners[name].id, "source": "PHONE"}
            entered = self.ask("POST /api/v1/referrals", told, MALLORY if act == "told" else who)
            if entered.status == 201:
                value = {"conversionValue": {"amount": 5 * abs(amount), "currency": currency}}
                path = {"referralId": entered.body["id"]}
                by = TOKEN if act == "entered" else who
                self.ask("POST /api/v1/referrals/{referralId}/process-conversion", value, by, path=path)

    def code(self, name: str, act: str) -> None:
        route, path = "/api/v1/partners/{partnerId}/codes", {"partnerId": self.partners[name].id}
        if act in ("disable", "enable"):
            one = {**path, "code": self.partners[name].code}
            self.ask(f"POST {route}/{{code}}/{act}", path=one)
        else:
            self.ask(f"POST {route}{act}", {}, path=path)

    def applies_code(self, name: str, customer: int) -> None:
        """A customer types an accomplice's code, and pays: a real one, who brings what the program says."""
        path = {"code": self.partners[name].code}
        self.ask("POST /api/v1/partners/validate-referral-code", {"referralCode": path["code"]})
        self.ask("POST /api/v1/referrals/apply/{code}", None, {"sub": f"customer {customer}"}, path=path)
        self.pays(f"customer {customer}", "USD")

    # ---------------------------------------------------------------- money that goes out

    def method(self, name: str, act: str) -> None:
        """An account: entered by its partner, vouched for by her, paid to, taken away."""
        account = {"type": "BANK_TRANSFER", "accountHolder": "Friend Example", "iban": "NL91ABNA0417164300"}
        if act == "enter":
            self.ask("POST /api/v1/payout-methods", account, {"sub": name})
        for each in self.ask("GET /api/v1/payout-methods", None, {"sub": name}).body.get("data", ()):
            path = {"methodId": each["id"]}
            match act:
                case "verify":
                    whose = self.partners.get({"mal2": "acme"}.get(name, name))
                    of = {**path, "partnerId": whose.id if whose else "nobody"}
                    self.ask("POST /api/v1/partners/{partnerId}/payout-methods/{methodId}/verify", path=of)
                case "withdraw":
                    body = {"amount": OUT, "currency": "USD", "payoutMethodId": each["id"]}
                    self.ask("POST /api/v1/referrals/withdraw", body, {"sub": name})
                case "delete":
                    self.ask("DELETE /api/v1/payout-methods/{methodId}", None, {"sub": name}, path=path)

    def money_leaves(self, name: str, amount: int, times: int) -> None:
        """All that it takes, one after the other."""
        for _ in range(times):
            self.withdraw(name, amount, "USD")
        self.happens()
        for act in ("approve", "export", "mark-paid"):
            if act == "export":
                self.export()
            else:
                self.many_withdrawals(act)
            self.happens()

    def withdrawn(self, place: int, act: str) -> None:
        """`cancel` by who asked, `resolve`, or many rejected."""
        made = self.withdrawals()
        if not made:
            return
        one = made[place % len(made)]
        path = {"withdrawalId": one.id}
        if act == "cancel":
            for name in SIGN_INS:
                self.ask("POST /api/v1/referrals/withdrawals/{withdrawalId}/cancel", None, {"sub": name}, path=path)
        elif act == "bulk-reject":
            self.ask("POST /api/v1/withdrawals/bulk-reject", {"withdrawalIds": [one.id], "note": "no"})
        else:
            self.ask(f"POST /api/v1/withdrawals/{{withdrawalId}}/{act}", {"note": "seen"}, path=path)

    def reward(self, place: int, act: str) -> None:
        """What else is done to a reward: cancelled in four ways, changed, paid by its id in the body."""
        found = self.rewards()
        if not found:
            return
        id, route = found[place % len(found)].id, "/api/v1/rewards/{rewardId}"
        path, paid = {"rewardId": id}, {"paymentMethod": "CASH", "transactionId": "cash"}
        match act:
            case "delete":
                self.ask(f"DELETE {route}", path=path, query={"note": "odd"})
            case "cancel":
                self.ask(f"POST {route}/cancel", {"note": "odd"}, path=path)
            case "bulk-cancel":
                self.ask("POST /api/v1/rewards/bulk-cancel", {"rewardIds": [id], "note": "odd"})
            case "put":
                self._changed(f"PUT {route}", f"GET {route}", path, {"note": "odd"})
            case "paid":
                self.ask("POST /api/v1/rewards/process-payment", {"rewardId": id, **paid})
            case _:
                self._changed(f"PATCH {route}", f"GET {route}", path, {"status": act, "note": "seen"})

    # ---------------------------------------------------------------- programs

    def program(self, act: str) -> None:
        """`pause`, `resume`, `archive`, what other terms would bring; or what waits is rejected by who asked for it."""
        path = {"programId": "default"}
        if act == "preview":
            self.ask("POST /api/v1/programs/preview", {"terms": terms(tierRatesBps=[9_000])})
            return
        if act != "reject":
            self.ask(f"POST {PROGRAM}/{act}", {"reason": "why"}, path=path)
            return
        for each in self.ask(f"GET {PROGRAM}/changes", path=path).body["data"]:
            self.ask(
                f"POST {PROGRAM}/changes/{{changeId}}/reject", {"note": "no"}, path={**path, "changeId": each["id"]}
            )

    # ---------------------------------------------------------------- the operators' commands

    def command(self, name: str, place: int, what: str) -> None:
        """What `bin/refledger` does with these words, by somebody who may run it."""
        context, partner = config.context(), self.partners[name]
        try:
            match what:
                case "withdrawals resume --anyway":
                    found = self.withdrawals()
                    for made in found[place % len(found) :][:1] if found else ():
                        sweeper.resume(context, config.workflow(), made)
                case "forget partner":
                    if not anonymization.why_not(context, partner.id, anyway=True):
                        anonymization.partner(context, partner.id, years=0)
                case "forget customer":
                    anonymization.customer(context, f"customer of {name}")
                case "forget person":
                    anonymization.person(context, context.ids.user("mallory"))
                case "shards":
                    known = shards.read(context.table)
                    context.table.commit(shards.grow_rewards(known, partner.id, 2 + place % 3, context.now_ms()))
                case _:
                    backfill.catch_up(context, what.removeprefix("rebuild "), check=False)
        except (Refledger, ConditionFailed, ValueError):
            pass


COMMANDS = (
    "withdrawals resume --anyway", "forget partner", "forget customer", "forget person", "shards",
    "rebuild search", "rebuild progress", "rebuild leaderboards",
)  # fmt: skip
