"""Mallory: every role of the staff in one person, with accomplices' sign-ins; and Grace, who is honest and reads.

Each of her ways is one request through the real functions, whatever comes of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from refledger.domain.partners import Partner
from refledger.domain.rewards import Reward
from refledger.domain.withdrawals import Withdrawal, WithdrawalStatus
from refledger.operations.earning.maturity import mature_all
from refledger.operations.partners import partners
from refledger.operations.partners.partners import NewPartner
from refledger.operations.referring import code_application
from refledger.store import adjustments, ledger
from refledger.store import partners as stored_partners
from refledger.store import referrals as stored_referrals
from refledger.store import rewards as stored_rewards
from refledger.store import withdrawals as stored_withdrawals
from tests.support.deployment import Deployment
from tests.support.functions import Answer

LIMIT = 5_000  # of what one person makes in a day
TOLD = LIMIT  # of what one token tells in a day
SOLD = LIMIT  # of what the key of a shop's server makes sales earn in a day of UTC
OUT = 4_000  # of what one person lets out
EARNED = 20_000  # what customers brought each of them, honestly
MALLORY: dict[str, Any] = {"sub": "mallory", "groups": ("admin", "finance", "support")}
TOKEN: dict[str, Any] = {  # of a service; nobody knows that Mallory made it
    "sub": "shop", "groups": (), "claims": {"scope": "refledger/referrals:write refledger/partners:write"},
}  # fmt: skip
GRACE: dict[str, Any] = {"sub": "grace", "groups": ("finance",)}
FRIENDS = ("bob", "eve", "acme")  # acme has no user yet: Mallory may name a second sign-in of her own
SIGN_INS = ("bob", "eve", "mal2")
IBANS = {"bob": "DE89370400440532013000", "eve": "GB29NWBK60161331926819", "mal2": "FR1420041010050500013M02606"}
NEW_IBAN = "NL91ABNA0417164300"
PROGRAM = "/api/v1/programs/{programId}"
REFUSED = (400, 403, 404, 409, 412, 422, 428, 429, 503)


def terms(**loose: Any) -> dict[str, Any]:
    """The program; `loose`: what of it is to be different."""
    limits = {"payoutMinimum": 1, "adjustmentLimit": LIMIT, "secondApprovalLimit": OUT, **loose.pop("limits", {})}
    return {
        "name": "Friends", "currency": "USD", "tierRatesBps": [2000], "holdDays": 0, "coolingHours": 0,
        "newCustomersOnly": False, "makerWindowDays": 30,
        "currencies": [{"currency": "USD", **limits}, {"currency": "EUR", **limits}],
        "exposure": {"currency": "USD", "weights": [{"currency": "EUR", "perThousand": 1000}]}, **loose,
    }  # fmt: skip


LOOSER: tuple[dict[str, Any], ...] = (
    {"limits": {"adjustmentLimit": None}}, {"limits": {"secondApprovalLimit": None}},
    {"limits": {"adjustmentLimit": 10**9, "secondApprovalLimit": 10**9}}, {"limits": {"conversionLimit": 10**9}},
    {"limits": {"salesLimit": 10**9}}, {"limits": {"autoApproveLimit": 10**9}}, {"makerWindowDays": 0},
    {"exposure": None}, {"tierRatesBps": [9000]},
)  # fmt: skip


@dataclass
class Insider:
    """`left`: withdrawals whose money has left: they were called paid, or stood in a file that was handed out."""

    deployed: Deployment
    partners: dict[str, Partner] = field(default_factory=dict)
    left: dict[str, tuple[str, int]] = field(default_factory=dict)
    requests: int = 0

    def begin(self) -> None:
        """The program, and three friends who have earned something from customers who paid."""
        books = self.deployed.world.books
        self.ask("POST /api/v1/programs", {"id": "default", **terms()}, who={"sub": "owner", "groups": ("admin",)})
        new = NewPartner("A", "B", "acme@example.com")
        self.partners = {
            "bob": books.partner("bob"), "eve": books.partner("eve"),
            "acme": partners.create(books.context, new, "owner", None, "body"),
        }  # fmt: skip
        for name, partner in self.partners.items():
            customer = f"customer of {name}"
            code_application.apply(books.context, books.limits, books.user(customer), partner.code)
            self.deployed.send(
                "Payment Succeeded", paymentId=f"p-{name}", customerId=customer, amount=5 * EARNED, currency="USD"
            )  # fmt: skip
        self.deployed.deliver(list(self.deployed.queue))
        self.happens()

    def ask(self, route: str, body: Any = None, who: dict[str, Any] = MALLORY, **told: Any) -> Answer:
        """One request, answered or refused; nothing is a fault of ours."""
        self.requests += 1
        headers = {"idempotency-key": f"key-{self.requests}", **told.pop("headers", {})}
        answer = self.deployed.call(route, body=body, headers=headers, **who, **told)
        assert answer.status < 400 or answer.status in REFUSED, (route, body, answer)
        return answer

    # ---------------------------------------------------------------- ways in

    def adjust(self, name: str, amount: int, currency: str) -> None:
        body = {"partnerId": self.partners[name].id, "amount": amount, "currency": currency, "reason": "goodwill"}
        self.ask("POST /api/v1/adjustments", body)

    def write_off(self, name: str, amount: int, currency: str) -> None:
        body = {"partnerId": self.partners[name].id, "amount": abs(amount), "currency": currency, "kind": "WRITE_OFF",
                "reason": "goodwill"}  # fmt: skip
        self.ask("POST /api/v1/adjustments", body)

    def decide_adjustment(self, place: int, act: str) -> None:
        table = self.deployed.world.books.table
        ids = [id for each in self.partners.values() for _, id in adjustments.of_partner(table, each.id, "", 100)]
        if ids:
            path = {"adjustmentId": ids[place % len(ids)]}
            self.ask(f"POST /api/v1/adjustments/{{adjustmentId}}/{act}", {"note": "seen"}, path=path)

    def give(self, name: str, amount: int, currency: str) -> None:
        body = {"partnerId": self.partners[name].id, "amount": abs(amount), "currency": currency, "reason": "why"}
        self.ask("POST /api/v1/rewards", body)

    def convert(self, name: str, amount: int, currency: str) -> None:
        """A referral of theirs that she enters, and says to have converted for five times the amount."""
        made = self.ask("POST /api/v1/referrals", {"partnerId": self.partners[name].id, "source": "PHONE"})
        if made.status == 201:
            body = {"conversionValue": {"amount": 5 * abs(amount), "currency": currency}}
            path = {"referralId": made.body["id"]}
            self.ask("POST /api/v1/referrals/{referralId}/process-conversion", body, path=path)

    def tell(self, name: str, amount: int, currency: str) -> None:
        """The same with the token; the referral is entered by herself, or by the token, too."""
        who = TOKEN if self.requests % 2 else MALLORY
        made = self.ask("POST /api/v1/referrals", {"partnerId": self.partners[name].id, "source": "PHONE"}, who)
        if made.status == 201:
            body = {"conversionValue": {"amount": 5 * abs(amount), "currency": currency}}
            path = {"referralId": made.body["id"]}
            self.ask("POST /api/v1/referrals/{referralId}/process-conversion", body, TOKEN, path=path)

    def release_all(self) -> None:
        """Whatever is held, each by itself."""
        for each in self.rewards():
            if each.held:
                self.ask("POST /api/v1/rewards/{rewardId}/release", {"note": "seen"}, path={"rewardId": each.id})
        self.look()

    def of_reward(self, place: int, act: str) -> None:
        """`hold`, `release`, `approve`, `process-payment` of one."""
        if found := self.rewards():
            path, body = {"rewardId": found[place % len(found)].id}, self._said(act)
            self.ask(f"POST /api/v1/rewards/{{rewardId}}/{act}", body, path=path)
            self.look()

    def many_rewards(self, act: str) -> None:
        """`approve`, `pay`: as many as there are."""
        if found := self.rewards():
            body = {"rewardIds": [each.id for each in found[:50]], **self._said(act)}
            self.ask(f"POST /api/v1/rewards/bulk-{act}", body)
            self.look()

    @staticmethod
    def _said(act: str) -> dict[str, Any]:
        if act in ("pay", "process-payment"):
            return {"paymentMethod": "CASH", "transactionId": "cash"}
        return {"reason": "odd"} if act == "hold" else {"note": "looked at it"}

    # ---------------------------------------------------------------- protections

    def link(self) -> None:
        path = {"partnerId": self.partners["acme"].id}
        self.ask("POST /api/v1/partners/{partnerId}/link-user", {"sub": "mal2"}, path=path)

    def let_in(self, name: str, many: bool) -> None:
        """A partner with a user of hers, singly or in bulk: known to the others from then on."""
        person = {"firstName": name, "lastName": "Example", "email": f"{name}@example.com", "sub": name}
        if many:
            self.ask("POST /api/v1/partners/bulk", {"create": [person]})
        else:
            self.ask("POST /api/v1/partners", person)
        books = self.deployed.world.books
        if found := stored_partners.of_user(books.table, books.user(name)):
            self.partners.setdefault(name, found)

    def rate(self, name: str, bps: int) -> None:
        """Higher rates for a friend, whose next customer pays at once."""
        path = {"partnerId": self.partners[name].id}
        tag = self.ask("GET /api/v1/partners/{partnerId}", path=path).headers["etag"]
        body = {"rates": [{"rateBps": bps}], "reason": "a deal"}
        self.ask("PUT /api/v1/partners/{partnerId}/commission", body, path=path, headers={"if-match": tag})

    def new_program(self) -> None:
        """A program of her own with terms as loose as can be, and an accomplice who is a partner of it."""
        id = f"own-{self.requests}"
        loose = {"autoApproveLimit": 10**9, "adjustmentLimit": 10**9, "secondApprovalLimit": 10**9}
        made = self.ask("POST /api/v1/programs", {"id": id, **terms(makerWindowDays=0, limits=loose)})
        if made.status == 201:
            person = {"firstName": id, "lastName": "Example", "email": f"{id}@example.com", "sub": id, "programId": id}
            self.ask("POST /api/v1/partners", person)
            books = self.deployed.world.books
            self.partners[id] = partners.of_member(books.context, books.user(id))

    def partner_becomes(self, name: str, act: str) -> None:
        path = {"partnerId": self.partners[name].id}
        self.ask(f"POST /api/v1/partners/{{partnerId}}/{act}", {"reason": "why"}, path=path)

    def change_program(self, which: int) -> None:
        """Looser terms, and whatever confirms them."""
        path = {"programId": "default"}
        tag = self.ask(f"GET {PROGRAM}", path=path).headers["etag"]
        body = terms(**dict(LOOSER[which % len(LOOSER)]))
        self.ask(f"PUT {PROGRAM}", body, path=path, headers={"if-match": tag})
        for each in self.ask(f"GET {PROGRAM}/changes", path=path).body["data"]:
            if each["status"] == "PENDING":
                place = {**path, "changeId": each["id"]}
                assert self.ask(f"POST {PROGRAM}/changes/{{changeId}}/confirm", {}, path=place).status >= 400

    # ---------------------------------------------------------------- ways out

    def withdraw(self, name: str, amount: int, currency: str) -> None:
        account = {"type": "BANK_TRANSFER", "accountHolder": "Friend Example", "iban": IBANS.get(name, NEW_IBAN)}
        body = {"amount": abs(amount), "currency": currency, "payoutMethod": account}
        self.ask("POST /api/v1/referrals/withdraw", body, {"sub": name})

    def of_withdrawal(self, place: int, act: str) -> None:
        """`approve`, `reject`, `mark-paid`, `mark-failed`, `mark-returned`, `retry`."""
        if found := self.withdrawals():
            made = found[place % len(found)]
            body: dict[str, Any] = {"note": "looked at it"}
            if act in ("mark-paid", "mark-returned", "mark-failed"):
                body = {"transactionId": f"bank-{act}-{made.id}"} | ({} if act == "mark-paid" else body)
            path = {"withdrawalId": made.id}
            self.ask(f"POST /api/v1/withdrawals/{{withdrawalId}}/{act}", body, path=path)
            self.look()

    def many_withdrawals(self, act: str) -> None:
        """`approve`, `mark-paid`: all that there are."""
        if found := [each.id for each in self.withdrawals()[:50]]:
            body: dict[str, Any] = {"withdrawalIds": found, "note": "all well known"}
            if act == "mark-paid":
                body = {"items": [{"withdrawalId": id, "transactionId": f"bank-{id}"} for id in found]}
            self.ask(f"POST /api/v1/withdrawals/bulk-{act}", body)
            self.look()

    def export(self) -> None:
        """A file for the bank, which pays what is in it."""
        made = self.ask("POST /api/v1/payout-batches")
        if made.status == 201:
            id = made.body["id"]
            for each in self.withdrawals():
                if each.batch_id == id:
                    self._leaves(each)

    def happens(self) -> None:
        """All that goes on by itself: rewards mature, workflows run."""
        books = self.deployed.world.books
        books.clock.forward(1_000)
        for each in self.partners.values():
            for currency in ("USD", "EUR"):
                mature_all(books.context, each.id, currency)
        self.deployed.work()
        self.look()

    # ---------------------------------------------------------------- what they have

    def rewards(self) -> list[Reward]:
        context, table = self.deployed.world.books.context, self.deployed.world.books.table
        return [
            r
            for each in list(self.partners.values())
            for r in stored_rewards.all_of(table, context.reward_partitions(each.id))
        ]

    def withdrawals(self) -> list[Withdrawal]:
        table, found = self.deployed.world.books.table, []
        for each in list(self.partners.values()):
            ids = [id for _, id in islice(stored_withdrawals.of_partner(table, each.id, "", 100), 100)]
            found += stored_withdrawals.many(table, ids)
        return found

    def referrals(self) -> int:
        table = self.deployed.world.books.table
        return sum(
            1 for each in self.partners.values() for _ in stored_referrals.of_partner(table, each.id, "", 100)
        )  # fmt: skip

    def look(self) -> None:
        """Notes what has left: what is PAID now has, whatever is said of it later."""
        for each in self.withdrawals():
            if each.status is WithdrawalStatus.PAID:
                self._leaves(each)

    def _leaves(self, made: Withdrawal) -> None:
        self.left[made.id] = (made.currency, made.amount)

    def received(self) -> int:
        """What has left to any of them; both currencies count the same."""
        return sum(amount for _, amount in self.left.values())

    def made(self) -> int:
        """What their balances have seen beside what customers brought; both currencies count the same."""
        table, total = self.deployed.world.books.table, -len(FRIENDS) * EARNED
        for each in self.partners.values():
            for currency in ("USD", "EUR"):
                found = ledger.find_balance(table, each.id, currency)
                total += found.available + found.reserved + found.paid
        return total

    def read(self) -> None:
        """Grace looks at all that waits; her looking decides nothing."""
        for route, query in (
            ("GET /api/v1/adjustments", {}), ("GET /api/v1/withdrawals", {"status": "ALL"}),
            ("GET /api/v1/rewards", {"programId": "default", "state": "held"}),
        ):  # fmt: skip
            assert self.ask(route, None, GRACE, query=query).status == 200
