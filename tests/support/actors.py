"""Everybody who does something to a deployment: customers, banks, partners, staff, schedules, each by its real way in.

What an event says follows from its number, so that the same event is the same however often it is sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from refledger.domain.adjustments import Adjustment
from refledger.domain.caps import CappedMonth
from refledger.domain.journal import Balance, JournalEntry
from refledger.domain.payments import Payment, PaymentKind
from refledger.domain.rewards import Reward
from refledger.domain.withdrawals import Withdrawal, WithdrawalStatus
from refledger.operations.earning.maturity import mature_all
from refledger.operations.payouts import withdrawals, workflow_callbacks
from refledger.store import adjustments as stored_adjustments
from refledger.store import caps as stored_caps
from refledger.store import ledger
from refledger.store import payments as stored_payments
from refledger.store import referrals as stored_referrals
from refledger.store import rewards as stored_rewards
from refledger.store import withdrawals as stored_withdrawals
from tests.support.deployment import Deployment, Event
from tests.support.payouts import verified

S = WithdrawalStatus
PARTNERS = ("ann", "ben", "cat", "dan")
CUSTOMERS = ("dan", "eve", "fay", "gus")  # nobody referred Gus
STAFF = ("admin", "boss", "ann")  # Ann is a partner as well: nobody decides about their own
CURRENCIES = ("USD", "JPY", "EUR")
PAYMENTS, REFUNDS, DISPUTES = 10, 4, 2
PRICES = (10_000, 9_999, 7, 123_457, 1_000_000)
IBAN = "DE89370400440532013000"
REFUSED = (403, 409, 422)  # by a rule; not 400 and 404, which would be this file's fault


def price(number: int) -> tuple[int, int, str]:
    """What a payment comes to, tax in it, and its currency."""
    amount = PRICES[number % len(PRICES)]
    return amount, amount // 6, CURRENCIES[(0, 0, 1, 0, 2)[number % 5]]


def refunded(number: int, refund: int) -> int:
    return max(1, price(number)[0] * (1, 3, 5, 10)[refund] // 10)


def disputed(number: int, dispute: int) -> int:
    return max(1, price(number)[0] * (5, 10)[dispute] // 10)


def outcome(number: int, dispute: int) -> str:
    return "WON" if (number + dispute) % 2 else "LOST"


@dataclass
class Actors:
    """`requests`: counts keys, so that each request is one of its own unless it says otherwise."""

    deployed: Deployment
    requests: int = 0
    returned: set[str] = field(default_factory=set)  # payouts, by key, that the provider took back
    ids: dict[str, str] = field(default_factory=dict)  # of partners, by name

    def id_of(self, name: str) -> str:
        if name not in self.ids:
            self.ids[name] = self.deployed.world.books.partner(name).id
        return self.ids[name]

    # ---------------------------------------------------------------- what customers and banks do

    def pay(self, number: int, days_ago: int) -> None:
        amount, tax, currency = price(number)
        product = {"productId": "gold"} if number % 3 == 0 else {}
        self._send(
            "Payment Succeeded", number, customerId=CUSTOMERS[number % len(CUSTOMERS)], amount=amount, taxAmount=tax,
            currency=currency, **product,
        )  # fmt: skip

    def refund(self, number: int, refund: int) -> None:
        amount = refunded(number, refund)
        self._send("Payment Refunded", number, refundId=f"r{number}-{refund}", amount=amount, currency=price(number)[2])

    def dispute(self, number: int, dispute: int) -> None:
        amount = disputed(number, dispute)
        self._send(
            "Payment Disputed", number, disputeId=f"d{number}-{dispute}", amount=amount, currency=price(number)[2]
        )

    def close(self, number: int, dispute: int) -> None:
        self._send("Dispute Closed", number, disputeId=f"d{number}-{dispute}", outcome=outcome(number, dispute))

    def _send(self, kind: str, number: int, **detail: Any) -> None:
        self.deployed.send(kind, paymentId=f"p{number}", **detail)

    # ---------------------------------------------------------------- what happens by itself

    def deliver(self, first: int, many: int) -> None:
        """Some events of the queue, in an order of their own: SQS promises none."""
        queue = self.deployed.queue
        if queue:
            at = first % len(queue)
            self.deployed.deliver((queue[at:] + queue[:at])[:many])

    def redeliver(self, first: int, many: int) -> None:
        """Some that were taken before: SQS promises only that each comes at least once."""
        taken: list[Event] = self.deployed.taken
        if taken:
            self.deployed.deliver([taken[(first + place) % len(taken)] for place in range(many)])

    def mature(self) -> None:
        self.deployed.mature()

    def find_due(self) -> None:
        self.deployed.tick("maturity")

    def sweep(self) -> None:
        self.deployed.tick("sweeper")

    def work(self, states: int) -> None:
        self.deployed.work(states)

    def time_passes(self, hours: int) -> None:
        self.deployed.world.books.clock.forward(hours * 3_600_000)

    def fate(self, what: str) -> None:
        """What becomes of the next payout at the provider."""
        self.deployed.stripe.fates.append(what)

    # ---------------------------------------------------------------- partners

    def withdraw(self, name: str, currency: str, percent: int, key: int, stripe: bool) -> None:
        """A part of what is there; a key that was used before may come with another amount."""
        books = self.deployed.world.books
        available = ledger.find_balance(books.table, self.id_of(name), currency).available
        if stripe:
            payee: dict[str, Any] = {"payoutMethodId": verified(books, name)}
        else:
            payee = {"payoutMethod": {"type": "BANK_TRANSFER", "accountHolder": name, "iban": IBAN}}
        body = {"amount": max(1, available * percent // 100), "currency": currency, **payee}
        headers = {"idempotency-key": f"withdraw-{name}-{key}"}
        self._allowed(self.deployed.call("POST /api/v1/referrals/withdraw", sub=name, body=body, headers=headers))

    def take_back(self, place: int) -> None:
        if made := self._withdrawal(place):
            path, sub = {"withdrawalId": made.id}, self._who(made.partner_id)
            self._allowed(self.deployed.call(f"{OWN}/cancel", sub=sub, path=path, body={}))

    # ---------------------------------------------------------------- staff

    def decide(self, place: int, act: str, who: str) -> None:
        """`approve` or `reject`."""
        self._about(place, act, who, {"note": "decided"})

    def settle(self, place: int, paid: bool, who: str) -> None:
        """How a transfer ended, as the one knows who made it; of a provider's only what is true there."""
        made = self._withdrawal(place)
        if made is None:
            return
        if made.is_sent and paid is not (made.provider_key in self.deployed.stripe.paid):
            return
        if paid:
            self._about(place, "mark-paid", who, {"transactionId": f"bank-{made.id}"})
        else:
            self._about(place, "mark-failed", who, {"note": "it was not made", "transactionId": "B-1"})

    def mend(self, place: int, act: str, who: str) -> None:
        """`retry`, `resolve`."""
        self._about(place, act, who, {"note": "put right"})

    def come_back(self, place: int, who: str) -> None:
        """A bank transfer is returned days later, and one of the staff says so."""
        made = self._withdrawal(place)
        if made and not made.is_sent:
            self._about(place, "mark-returned", who, {"note": "account closed", "transactionId": "R-1"})

    def provider_tells(self, place: int) -> None:
        """Once more that it paid; or that it came back, where it did."""
        made = self._withdrawal(place)
        if made and made.is_sent and made.provider_key in self.deployed.stripe.paid:
            said = "RETURNED" if made.provider_key in self.returned else "PAID"
            self._tell(made, said)

    def provider_takes_back(self, place: int) -> None:
        made = self._withdrawal(place)
        if made and made.is_sent and made.provider_key in self.deployed.stripe.paid:
            self.returned.add(made.provider_key)
            self._tell(made, "RETURNED")

    def _tell(self, made: Withdrawal, said: str) -> None:
        context, key = self.deployed.world.books.context, made.provider_key
        heard = withdrawals.provider_says(context, made.id, said, f"tr-{key}", key=key)
        workflow_callbacks.tell(context, self.deployed.world.machine.waker, heard.withdrawal)

    def by_hand(self, name: str, place: int, act: str, who: str) -> None:
        """`hold`, `release`, `approve`, `cancel` of a reward."""
        if found := self.rewards(name):
            self._of_reward(found[place % len(found)], act, who)

    def _of_reward(self, reward: Reward, act: str, who: str) -> None:
        body = {"reason": "looks odd"} if act == "hold" else {"note": "looked at it"}
        path = {"rewardId": reward.id}
        self._allowed(self.deployed.staff(f"POST /api/v1/rewards/{{rewardId}}/{act}", who, path=path, body=body))

    def give(self, name: str, currency: str, amount: int, who: str) -> None:
        """A reward by hand; above the program's limit another of the staff must release it."""
        body = {"partnerId": self.id_of(name), "amount": amount, "currency": currency, "reason": "spoke for us"}
        self._allowed(self.deployed.staff("POST /api/v1/rewards", who, body=body, headers=self._key()))

    def pay_reward(self, name: str, place: int, who: str) -> None:
        """One reward by itself; told again with the same number, for it follows from the reward."""
        if found := self.rewards(name):
            reward = found[place % len(found)]
            body = {"paymentMethod": "CASH", "transactionId": f"cash-{reward.id}"}
            route = "POST /api/v1/rewards/{rewardId}/process-payment"
            self._allowed(self.deployed.staff(route, who, path={"rewardId": reward.id}, body=body))

    def many(self, name: str, place: int, act: str, who: str) -> None:
        """Three rewards at once: `approve`, `cancel` or `pay`."""
        if found := self.rewards(name):
            ids = [reward.id for reward in (found + found)[place % len(found) :][: min(3, len(found))]]
            more = {"paymentMethod": "CASH", "transactionId": "cash"} if act == "pay" else {"note": "looked at them"}
            route, body = f"POST /api/v1/rewards/bulk-{act}", {"rewardIds": ids, **more}
            self._allowed(self.deployed.staff(route, who, body=body, headers=self._key()))

    def refer(self, name: str, key: int) -> None:
        """A referral that somebody enters for a lead; nobody is known to pay for it yet."""
        body, headers = {"partnerId": self.id_of(name), "source": "PHONE"}, {"idempotency-key": f"refer-{name}-{key}"}
        self._allowed(self.deployed.staff("POST /api/v1/referrals", body=body, headers=headers))

    def convert(self, name: str, place: int, value: int, who: str) -> None:
        """One of somebody's referrals converts, for a value that another time may be another."""
        query = {"partnerId": self.id_of(name)}
        found = self.deployed.staff("GET /api/v1/referrals", query=query).body["data"]
        if found:
            route = "POST /api/v1/referrals/{referralId}/process-conversion"
            path = {"referralId": found[place % len(found)]["id"]}
            body = {"conversionValue": {"amount": value, "currency": "USD"}}
            self._allowed(self.deployed.staff(route, who, path=path, body=body))

    def move(self, name: str, place: int, act: str, who: str) -> None:
        """`accept`, `reject`, `expire` of a referral, also of one whose customer pays."""
        body = {} if act == "accept" else {"reason": "a test"}
        books, partner_id = self.deployed.world.books, self.id_of(name)
        found = [each.id for _, each in stored_referrals.of_partner(books.table, partner_id, "", 100)]
        if found:
            route, path = f"POST /api/v1/referrals/{{referralId}}/{act}", {"referralId": found[place % len(found)]}
            self._allowed(self.deployed.staff(route, who, path=path, body=body))

    def expire(self) -> None:
        self.deployed.tick("expiry")

    def program_becomes(self, act: str) -> None:
        """`pause`, `resume`."""
        route, path = f"POST /api/v1/programs/{{programId}}/{act}", {"programId": "default"}
        self._allowed(self.deployed.staff(route, path=path, body={"reason": "a test"}))

    def adjust(self, name: str, currency: str, amount: int, write_off: bool, who: str) -> None:
        partner_id = self.id_of(name)
        body = {"partnerId": partner_id, "amount": abs(amount) if write_off else amount, "currency": currency,
                "kind": "WRITE_OFF" if write_off else "ADJUSTMENT", "reason": "a correction"}  # fmt: skip
        self._allowed(self.deployed.staff("POST /api/v1/adjustments", who, body=body, headers=self._key()))

    def decide_adjustment(self, name: str, place: int, act: str, who: str) -> None:
        books = self.deployed.world.books
        ids = [id for _, id in stored_adjustments.of_partner(books.table, self.id_of(name), "", 100)]
        if ids:
            path = {"adjustmentId": ids[place % len(ids)]}
            route = f"POST /api/v1/adjustments/{{adjustmentId}}/{act}"
            self._allowed(self.deployed.staff(route, who, path=path, body={"note": "seen"}))

    def parked(self, place: int, act: str, who: str) -> None:
        """`accept`, `dismiss` what waits."""
        ids = self.deployed.world.books.parked()
        if ids:
            path, body = {"paymentId": ids[place % len(ids)]}, {"note": "seen"}
            self._allowed(self.deployed.staff(f"POST /api/v1/payments/{{paymentId}}/{act}", who, path=path, body=body))

    def change_program(self, terms: int) -> None:
        """One of a few programs; the workers notice within a minute, as they do."""
        path = {"programId": "default"}
        version = self.deployed.staff("GET /api/v1/programs/{programId}", path=path).headers["etag"]
        body, headers = program(terms), {"if-match": version}
        self._allowed(
            self.deployed.staff("PUT /api/v1/programs/{programId}", path=path, body=body, headers=headers), 412
        )

    def partner_becomes(self, name: str, act: str) -> None:
        """`activate`, `deactivate`, `suspend`."""
        path = {"partnerId": self.id_of(name)}
        self._allowed(
            self.deployed.staff(f"POST /api/v1/partners/{{partnerId}}/{act}", path=path, body={"reason": "a test"})
        )

    def about(self, number: int, act: str, which: int) -> None:
        """Something about one payment and who earned from it, done at once: its event is delivered alone."""
        queue = self.deployed.queue
        if act in ("refund", "dispute", "close"):
            getattr(self, act)(number, which)
            self.deployed.deliver(queue[-1:])
            return
        earned = [
            (name, r) for name in PARTNERS for r in self.rewards(name) if r.payment == self._id_of_payment(number)
        ]
        if not earned:
            return
        name, reward = earned[which % len(earned)]
        match act:
            case "mature":
                mature_all(self.deployed.world.books.context, reward.partner_id, reward.currency)
            case "withdraw":
                self.requests += 1
                self.withdraw(name, reward.currency, 100, 1_000 + self.requests, False)
            case _:
                self._of_reward(reward, act, "admin")

    # ---------------------------------------------------------------- what they find

    def rewards(self, name: str) -> list[Reward]:
        books = self.deployed.world.books
        return list(stored_rewards.all_of(books.table, books.context.reward_partitions(self.id_of(name))))

    def withdrawals(self) -> list[Withdrawal]:
        """All of everybody's."""
        return [made for name in PARTNERS for made in self.withdrawals_of(name)]

    def withdrawals_of(self, name: str) -> list[Withdrawal]:
        table = self.deployed.world.books.table
        ids = islice(stored_withdrawals.of_partner(table, self.id_of(name), "", 100), 100)
        return stored_withdrawals.many(table, [id for _, id in ids])

    def balances(self, name: str) -> list[Balance]:
        return ledger.balances(self.deployed.world.books.table, self.id_of(name))

    def journal(self, name: str, currency: str) -> list[JournalEntry]:
        return self.deployed.world.books.entries(name, currency)

    def adjustments(self, name: str) -> list[Adjustment]:
        table = self.deployed.world.books.table
        found = stored_adjustments.of_partner(table, self.id_of(name), "", 100)
        return stored_adjustments.many(table, [id for _, id in found])

    def months(self, name: str) -> list[CappedMonth]:
        """Those that have a cap."""
        return list(stored_caps.of_partner(self.deployed.world.books.table, self.id_of(name)))

    def payment(self, number: int) -> Any:
        """The payment as it is kept, None where it has not come."""
        found = stored_payments.many(self.deployed.world.books.table, [self._id_of_payment(number)])
        return found[0] if found and found[0].kind is not PaymentKind.EARLY else None

    def payment_of(self, reward: Reward) -> Payment:
        return stored_payments.find(self.deployed.world.books.table, reward.payment)

    def _id_of_payment(self, number: int) -> str:
        return self.deployed.world.books.ids.payment("payments", f"p{number}")

    def _withdrawal(self, place: int) -> Withdrawal | None:
        found = self.withdrawals()
        return found[place % len(found)] if found else None

    def _who(self, partner_id: str) -> str:
        return next(name for name in PARTNERS if self.id_of(name) == partner_id)

    def _about(self, place: int, act: str, who: str, body: dict[str, Any]) -> None:
        if made := self._withdrawal(place):
            path = {"withdrawalId": made.id}
            self._allowed(self.deployed.staff(f"{ALL}/{act}", who, path=path, body=body))

    def _key(self) -> dict[str, str]:
        self.requests += 1
        return {"idempotency-key": f"request-{self.requests}"}

    @staticmethod
    def _allowed(answer: Any, *others: int) -> None:
        assert answer.status in (200, 201, 503, *REFUSED, *others), answer


OWN = "POST /api/v1/referrals/withdrawals/{withdrawalId}"
ALL = "POST /api/v1/withdrawals/{withdrawalId}"
RATES: tuple[list[int], ...] = ([2000, 1000], [1500, 1000, 500], [3000])
MOST_BPS = 3000  # of a payment, over all tiers and programs


MORE: tuple[dict[str, Any], ...] = (  # than rates, of the program and of one product
    {}, {"firstPayment": {"tiers": [{"rateBps": 2500}, {"rateBps": 500}]}}, {},
    {"limitPayments": 1, "limitMonths": 1},
)  # fmt: skip
GOLD = {"productId": "gold", "tiers": [{"flat": [{"amount": 1500, "currency": "USD"}]}, {"rateBps": 1000}]}


def program(terms: int) -> dict[str, Any]:
    """Held for a day or not, other rates and rules, a cap, reviewed or not, with euros and limits or without."""
    return {
        "name": "Friends", "currency": "USD", "holdDays": terms % 2,
        "rules": {"tiers": [{"rateBps": rate} for rate in RATES[terms % 3]], **MORE[terms % 4]},
        "productRules": [GOLD] if terms % 4 == 2 else [],
        "reviewRewards": terms % 7 == 3, "coolingHours": 0, "newCustomersOnly": False,
        "monthlyCaps": [{"currency": "USD", "amount": 20_000}] if terms % 5 == 1 else [],
        "currencies": [
            {"currency": "USD", "payoutMinimum": 10, "adjustmentLimit": 5_000,
             **({"autoApproveLimit": 3_000, "secondApprovalLimit": 50_000} if terms % 2 else {})},
            {"currency": "JPY"}, *([{"currency": "EUR"}] if terms % 3 else []),
        ],
    }  # fmt: skip
