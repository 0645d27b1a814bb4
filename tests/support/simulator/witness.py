"""What each partner must have, by the independent model (tests/support/model.py), from what was sent to the deployment.

It is told every event that was taken, once, and what people decided: which rewards wait for somebody or were cancelled
by hand, what was adjusted and withdrawn. What follows from all that is its own: who earns, how much, what refunds and
disputes leave, what a month's cap takes. That does not depend on the order, so the run's order is not asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

from refledger.domain.adjustments import AdjustmentStatus
from refledger.domain.payments import Origin, PaymentKind
from refledger.domain.rewards import IN_BALANCE, Cancelled, Reward, RewardStatus
from refledger.domain.withdrawals import OPEN, WithdrawalStatus
from tests.support import model
from tests.support.actors import CURRENCIES, PARTNERS, PAYMENTS, Actors, program
from tests.support.model import EVER, History, Model, Partner, Program

CHAIN = ("ann", "ben", "cat", "dan", "eve", "fay")  # each referred the next one
LEFT_OUT = (  # acts after which it matters what came first
    "change_program", "program_becomes", "partner_becomes", "move", "parked", "convert", "refer",
)  # fmt: skip


@dataclass
class Facts(Model):
    """The model, where some rewards wait for somebody: `waits`, by the name of their payment and their partner."""

    waits: set[tuple[str, str]] = field(default_factory=set)

    def _reward(
        self, now: int, payment: model.Payment, partner: Partner, tier: int, amount: int, due: int
    ) -> model.Reward:  # fmt: skip
        """People may approve it before its time; what waits for that is among those that wait."""
        return super()._reward(now, payment, partner, tier, amount, min(due, now))

    def mature(self, now: int, rewards: Iterable[model.Reward], covers: bool = True) -> None:
        super().mature(now, [r for r in rewards if (r.payment.name, r.partner.id) not in self.waits], covers)


def differences(actors: Actors, terms: int) -> list[str]:
    """Where the deployment and the model do not agree, when all is quiet."""
    there = {name: actors.rewards(name) for name in PARTNERS}
    known = _model(actors, terms, there)
    told = {(r.payment.name, r.partner.name, r.tier): r for r in known.rewards}
    found: list[str] = []
    names = {actors._id_of_payment(number): f"p{number}" for number in range(PAYMENTS)}
    for name, rewards in there.items():
        for reward in rewards:
            wanted = told.pop((names.get(reward.payment, reward.payment), name, reward.tier), None)
            is_in = reward.status in IN_BALANCE
            got = reward.amount, reward.amount - reward.reversed, (reward.amount - reward.reversed) * is_in
            due = wanted and (wanted.amount, wanted.state.now.net, wanted.kept(EVER))
            if got != (due or (0, 0, 0)):  # one that turned out to earn nothing stays, of nothing
                found.append(f"a reward of {name} from {names.get(reward.payment)}: {got}, not {due}")
    found += [f"{name} earned nothing of {payment}" for payment, name, _ in told if name in PARTNERS]
    for name in PARTNERS:
        balances = {each.currency: (each.available, each.reserved, each.paid) for each in actors.balances(name)}
        for currency in CURRENCIES:
            got, due = balances.get(currency, (0, 0, 0)), _due(actors, known, name, currency)
            if got != due:
                found.append(f"{name} has {got} {currency}, not {due}")
    return found


def _due(actors: Actors, known: Facts, name: str, currency: str) -> tuple[int, int, int]:
    """(available, reserved, paid): what was earned and adjusted, less what goes out and went out."""
    (partner,) = [each for each in known.partners if each.name == name]
    made = [each for each in actors.withdrawals_of(name) if each.currency == currency]
    reserved = sum(each.amount for each in made if each.status in OPEN)
    paid = sum(each.amount for each in made if each.status is WithdrawalStatus.PAID)
    booked = sum(
        each.asked.amount
        for each in actors.adjustments(name)
        if each.asked.currency == currency and each.status is AdjustmentStatus.POSTED
    )
    return known.worth(partner, currency) + booked - reserved - paid, reserved, paid


def _model(actors: Actors, terms: int, there: dict[str, list[Reward]]) -> Facts:
    books = actors.deployed.world.books
    body, now = program(terms), books.clock()
    caps = {each["currency"]: each["amount"] for each in body["monthlyCaps"]}
    friends = Program(
        "default", _pays(body["rules"]), body["holdDays"], None, caps,
        products={each["productId"]: _pays(each) for each in body["productRules"]},
        first=_pays(body["rules"].get("firstPayment", {"tiers": ()})),
        limit_payments=body["rules"].get("limitPayments"), limit_months=body["rules"].get("limitMonths"),
    )  # fmt: skip
    known = Facts({"default": friends})
    for name in CHAIN:
        known.partners.append(Partner(actors.id_of(name), name, friends, name, 0, "", History(0, "ACTIVE")))
    for upper, lower in pairwise(CHAIN):
        above = next(each for each in known.partners if each.name == upper)
        known.refer(0, lower, above, "ACCEPTED", "WEBSITE", upper, customer=lower)
    names = {actors._id_of_payment(number): f"p{number}" for number in range(PAYMENTS)}
    by_hand = []
    for name, rewards in there.items():
        for reward in rewards:
            if reward.status in (RewardStatus.PENDING, RewardStatus.CALCULATED):
                known.waits.add((names.get(reward.payment, reward.payment), reward.partner_id))
            if reward.payment not in names:
                by_hand.append((name, reward))
    _events(actors, known, friends, now)
    for name, reward in by_hand:
        assert actors.payment_of(reward).origin is Origin.BY_HAND, reward
        (partner,) = [each for each in known.partners if each.name == name]
        known.give(now, partner, reward.amount, reward.currency, reward.payment)
    cancelled = {
        (names.get(r.payment, r.payment), r.partner_id)
        for rewards in there.values() for r in rewards if r.cancelled is Cancelled.BY_HAND
    }  # fmt: skip
    for made in known.rewards:
        if (made.payment.name, made.partner.id) in cancelled:
            known.cancel(now, made)
    return known


def _pays(rule: dict[str, Any]) -> tuple[model.Pay, ...]:
    """As a request says them."""
    return tuple(
        {flat["currency"]: flat["amount"] for flat in pay["flat"]} if "flat" in pay else pay["rateBps"]
        for pay in rule["tiers"]
    )


def _events(actors: Actors, known: Facts, friends: Program, now: int) -> None:
    """All that were taken, each once."""
    told: dict[tuple[str, str], dict[str, Any]] = {}
    for event in actors.deployed.taken:
        detail = event.detail
        about = detail.get("refundId") or detail.get("disputeId") or detail["paymentId"]
        told.setdefault((event.kind, about), detail)
    for (kind, _), detail in sorted(told.items(), key=lambda each: _when(actors, each[1])):
        if kind == "Payment Succeeded" and _counts(actors, detail["paymentId"]):
            occurred, _ = _when(actors, detail)
            base = detail["amount"] - detail["taxAmount"]
            known.pay(
                now, detail["paymentId"], friends, detail["customerId"], detail["amount"], base, detail["currency"],
                occurred, detail.get("productId", ""),
            )  # fmt: skip
    ends = {about: detail["outcome"] for (kind, about), detail in told.items() if kind == "Dispute Closed"}
    for (kind, about), detail in told.items():
        name = detail["paymentId"]
        if kind == "Payment Refunded":
            known.refund(now, name, about, detail["amount"])
        elif kind == "Payment Disputed" and (name in known.payments or name in known.nobodys):
            known.dispute(now, name, about, detail["amount"], ends.get(about, ""))


def _when(actors: Actors, detail: dict[str, Any]) -> tuple[int, str]:
    """What orders payments: when they were made, and of one moment their ids."""
    occurred = int(datetime.fromisoformat(detail["occurredAt"]).timestamp() * 1000)
    return occurred, actors._id_of_payment(int(detail["paymentId"].removeprefix("p")))


def _counts(actors: Actors, name: str) -> bool:
    """Whether the program takes the payment's currency; what it does not take waits for a person."""
    found = actors.payment(int(name.removeprefix("p")))
    return found is None or found.kind is not PaymentKind.FOREIGN
