"""What must hold of a deployment beside what `verify` finds in its books: held against what was sent to it."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from refledger.domain.journal import Account, EntryKind
from refledger.domain.payments import Origin, PaymentKind
from refledger.domain.rewards import BY_HAND, Reward, cap_key, worth
from refledger.domain.withdrawals import WithdrawalStatus
from tests.support.actors import MOST_BPS, PARTNERS, PAYMENTS, Actors, price

Rewards = dict[str, list[Reward]]  # by partner
FROZEN = (
    "id", "partner_id", "tier", "amount", "currency", "base", "rate_bps", "rule_version", "rule", "program_id",
    "payment", "referral_id", "matures_at_ms", "earned_at_ms", "review", "cap",
)  # fmt: skip


@dataclass
class Expectations:
    """Remembers what it has seen: what was true of the past stays true."""

    actors: Actors
    journals: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    frozen: dict[str, tuple[Any, ...]] = field(default_factory=dict)

    def check(self) -> None:
        rewards = {name: self.actors.rewards(name) for name in PARTNERS}
        self._refunds_are_what_was_sent(rewards)
        self._caps_hold(rewards)
        self._rewards_stay(rewards)
        self._journals_stay()
        self._nobody_is_paid_twice()

    # ---------------------------------------------------------------- payments

    def gone(self, number: int) -> int | None:
        """What of a payment is gone, by all that was taken of it; None while something of it waits in the queue."""
        mine = f"p{number}"
        if any(event.detail["paymentId"] == mine for event in self.actors.deployed.queue):
            return None
        known: dict[tuple[str, str], dict[str, Any]] = {}
        for event in self.actors.deployed.taken:
            if event.detail["paymentId"] == mine:
                known.setdefault(
                    (event.kind, event.detail.get("refundId") or event.detail.get("disputeId", "")), event.detail
                )
        gone: int = sum(detail["amount"] for (kind, _), detail in known.items() if kind == "Payment Refunded")
        for (kind, id), detail in known.items():
            end = known.get(("Dispute Closed", id), {}).get("outcome")
            if kind == "Payment Disputed" and end != "WON":
                gone += detail["amount"]
        return min(gone, price(number)[0])

    def _refunds_are_what_was_sent(self, rewards: Rewards) -> None:
        """Every reward keeps its share of what was not given back, rounded for the owner, and all of them no more."""
        by_payment: dict[str, list[Reward]] = defaultdict(list)
        for reward in chain.from_iterable(rewards.values()):
            by_payment[reward.payment].append(reward)
        for number in range(PAYMENTS):
            payment, (paid, tax, _) = self.actors.payment(number), price(number)
            if payment is None or payment.kind is not PaymentKind.PAYMENT:
                continue
            made = by_payment.pop(payment.id, [])
            assert sum(r.amount for r in made) * 10_000 <= (paid - tax) * MOST_BPS
            assert len({r.tier for r in made}) == len({r.partner_id for r in made}) == len(made)
            gone = self.gone(number)
            if gone is None:
                continue
            left = [r.amount - r.reversed for r in made]
            assert left == [r.amount * (paid - gone) // paid for r in made], (number, gone, made)
            assert sum(left) * paid * 10_000 <= (paid - tax) * (paid - gone) * MOST_BPS
        self._others_were_told(by_payment)

    def _others_were_told(self, by_payment: dict[str, list[Reward]]) -> None:
        """What is of no payment that was sent is of a conversion, or was given by hand."""
        for made in by_payment.values():
            payment = self.actors.payment_of(made[0])
            assert payment.origin is not Origin.PAYMENT, "rewards of a payment that was not sent"
            assert {reward.reversed for reward in made} == {0}
            if payment.origin is Origin.BY_HAND:
                assert [(r.rule, r.amount, r.rate_bps) for r in made] == [(BY_HAND, payment.amount, 0)]
            else:
                assert sum(r.amount for r in made) * 10_000 <= payment.base * MOST_BPS

    # ---------------------------------------------------------------- journals

    def _rewards_stay(self, rewards: Rewards) -> None:
        """What was frozen on a reward never changes, and none goes away."""
        now = {r.id: tuple(getattr(r, part) for part in FROZEN) for r in chain.from_iterable(rewards.values())}
        assert now == now | self.frozen
        self.frozen = now

    def _journals_stay(self) -> None:
        """Entries are only added; reserving never made debt, and no write-off gave more than was owed."""
        for name in PARTNERS:
            for balance in self.actors.balances(name):
                entries = self.actors.journal(name, balance.currency)
                hashes, known = [e.hash for e in entries], self.journals.get((name, balance.currency), [])
                assert hashes[: len(known)] == known, "the past was rewritten"
                self.journals[name, balance.currency] = hashes
                available = 0
                for entry in entries:
                    available += entry.amount * (
                        (entry.credit is Account.AVAILABLE) - (entry.debit is Account.AVAILABLE)
                    )
                    if entry.kind is EntryKind.RESERVE:
                        assert available >= 0, "more was asked for than was available"
                    if entry.kind is EntryKind.WRITE_OFF:
                        assert available <= 0, "more was forgiven than was owed"

    def _caps_hold(self, rewards: Rewards) -> None:
        """A month of payments comes to what was kept, up to its cap: the greatest where customers have several."""
        for name, mine in rewards.items():
            kept: Counter[tuple[str, str]] = Counter()
            most: dict[tuple[str, str], int] = {}
            for reward in mine:
                if reward.cap is not None:
                    key = reward.currency, cap_key(reward)
                    kept[key] += worth(reward)
                    most[key] = max(most.get(key, 0), reward.cap)
            found = {(m.currency, m.name): m for m in self.actors.months(name)}
            for key in kept.keys() & found.keys():
                assert found[key].worth == min(most[key], kept[key]), (key, found[key])
            assert {key for key in kept if kept[key]} <= found.keys()

    # ---------------------------------------------------------------- payouts

    def _nobody_is_paid_twice(self) -> None:
        """The provider has at most one payout of each withdrawal, of its amount, and only of those that may."""
        stripe = self.actors.deployed.stripe
        made: dict[str, list[str]] = defaultdict(list)
        for key, order in stripe.paid.items():
            made[order.withdrawal_id].append(key)
        for withdrawal in self.actors.withdrawals():
            keys = made.pop(withdrawal.id, [])
            assert len(keys) <= 1
            if keys:
                order = stripe.paid[keys[0]]
                assert (order.amount, order.currency) == (withdrawal.amount, withdrawal.currency)
                assert withdrawal.status in (
                    WithdrawalStatus.PAYING, WithdrawalStatus.PAID, WithdrawalStatus.RETURNED,
                )  # fmt: skip
            elif withdrawal.is_sent:
                assert withdrawal.status is not WithdrawalStatus.PAID
        assert not made, "payouts of withdrawals that are not there"
