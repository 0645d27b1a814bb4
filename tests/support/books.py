"""A small world for tests: a table, a clock that stands still until it is told, and the story's people."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import botocore.exceptions

from refledger.adapters.ids import LONG_ID_BYTES, Ids
from refledger.adapters.vault import Vault
from refledger.domain.journal import JournalEntry
from refledger.domain.methods import Account, BankAccount, PayoutMethod
from refledger.domain.partners import Partner
from refledger.domain.payment_events import (
    DisputeClosed,
    DisputeOpened,
    DisputeOutcome,
    PaymentAlias,
    PaymentReceived,
    RefundReceived,
    RefundTotal,
)
from refledger.domain.payments import Origin, Payment, PaymentKind, said
from refledger.domain.programs import Program
from refledger.domain.rewards import BY_HAND, Reward, RewardStatus
from refledger.domain.withdrawals import Withdrawal, WithdrawalStatus
from refledger.operations import program_changes, programs
from refledger.operations.context import Context
from refledger.operations.earning import disputes, maturity, parked, payments, refunds, reward_decisions
from refledger.operations.partners import partners
from refledger.operations.payouts import methods, settlement, withdrawals
from refledger.operations.proof.book_checks import Checked, Fault
from refledger.operations.proof.verification import verify
from refledger.operations.rate_limits import Limits, parse
from refledger.operations.referring import code_application
from refledger.store import keys, ledger
from refledger.store import payments as stored_payments
from refledger.store import programs as stored_programs
from refledger.store import rewards as stored_rewards
from refledger.store.table import Table
from tests.support.kms import KEY_ARN, Kms
from tests.support.programs import a_program

START_MS = 1_790_000_000_000
SECRET = "a secret of the tests"
ACCOUNT = BankAccount("Bob Example", iban="DE89370400440532013000")


@dataclass
class Clock:
    at_ms: int = START_MS

    def __call__(self) -> int:
        return self.at_ms

    def forward(self, milliseconds: int) -> None:
        self.at_ms += milliseconds


MANY = withdrawals.Bounds(open=10_000, a_day=10_000)  # most tests are about something else


@dataclass
class Books:
    """Operations as a test would say them; money in minor units."""

    client: Any
    table_name: str = "refledger"
    clock: Clock = field(default_factory=Clock)
    kms: Kms = field(default_factory=Kms)
    bounds: withdrawals.Bounds = MANY
    ids: Ids = field(default_factory=lambda: Ids(SECRET))

    def __post_init__(self) -> None:
        self.table = Table(self.client, self.table_name)
        self.vault = Vault(self.kms, KEY_ARN)
        self.context = Context(self.table, self.ids, self.clock, pause=lambda _: None)
        self.limits = Limits(parse("reads=1200,writes=600,heavy=60,withdrawals=120,unknown-codes=20"))

    def program(self, id: str = "default", **changes: Any) -> Program:
        """As two admins have agreed on it."""
        made = replace(a_program(id, **{"payout_minimum": 1000, **changes}), changed_by="admin")
        self.table.commit(*stored_programs.create(made))
        return made

    def change_program(self, id: str = "default", **changes: Any) -> Program:
        """The next version; what is not said is as in a new program. Workers notice it at once."""
        terms = a_program(id, **{"payout_minimum": 1000, **changes})
        made = self.set_terms(terms)
        self.context._programs.clear()
        return made

    def set_terms(self, terms: Program, version: int = 0, by: str = "admin") -> Program:
        """The terms, as one admin asks for them and, where they loosen, another confirms. `version`: 0 for now's."""
        made = programs.change(
            self.context, terms, version or stored_programs.find(self.table, terms.id).version, by
        )  # fmt: skip
        if made.waiting is None:
            return made.program
        program_changes.confirm(self.context, terms.id, made.waiting.id, "another admin")
        return stored_programs.find(self.table, terms.id)

    def user(self, name: str) -> str:
        return self.ids.user(name)

    def partner(self, name: str) -> Partner:
        return partners.of_member(self.context, self.user(name))

    def member(self, name: str, program_id: str) -> Partner:
        """A partner whose home is another program."""
        new = partners.NewPartner(name, name, f"{name}@example.com", program_id=program_id, user=self.user(name))
        return partners.create(self.context, new, "admin", None, "body")

    def apply(self, name: str, code_of: str) -> None:
        code_application.apply(self.context, self.limits, self.user(name), self.partner(code_of).code, name)

    def chain(self, *names: str) -> None:
        """The first refers the second, the second the third, …"""
        for upper, lower in pairwise(names):
            self.apply(lower, upper)

    def pay(
        self, customer: str, payment_id: str, base: int, currency: str = "USD", **changes: Any
    ) -> payments.Recorded:
        given: dict[str, Any] = {
            "system": "payments", "payment_id": payment_id, "customer_id": customer, "program_id": "default",
            "amount": base, "base": base, "currency": currency, "occurred_at_ms": self.clock(),
        }  # fmt: skip
        return payments.record(self.context, PaymentReceived(**{**given, **changes}))

    def refund(
        self, payment_id: str, amount: int, refund_id: str = "", currency: str = "USD", *, failed: bool = False,
        system: str = "payments", **told: Any,
    ) -> payments.Recorded:  # fmt: skip
        refund_id = refund_id or f"refund of {payment_id}"  # ids are the sender's, not the payment's
        event = RefundReceived(system, refund_id, payment_id, amount, currency, self.clock(), failed)
        return refunds.refund(self.context, replace(event, **told))

    def refund_total(
        self, payment_id: str, total: int, currency: str = "USD", system: str = "payments", **told: Any
    ) -> payments.Recorded:
        """A provider says how much is refunded of the payment, or of one of its charges, so far."""
        event = RefundTotal(system, payment_id, total, currency, self.clock())
        return refunds.refund(self.context, replace(event, **told))

    def dispute(
        self, payment_id: str, amount: int, dispute_id: str = "", currency: str = "USD", system: str = "payments",
        **changes: Any,
    ) -> payments.Recorded:  # fmt: skip
        told = DisputeOpened(
            system, dispute_id or f"dispute of {payment_id}", payment_id, amount, currency, self.clock()
        )
        return disputes.opened(self.context, replace(told, **changes))

    def close(
        self, payment_id: str, outcome: str = "LOST", dispute_id: str = "", system: str = "payments", **changes: Any
    ) -> payments.Recorded:
        """The end of a dispute: WON or LOST."""
        end = DisputeOutcome(outcome)
        told = DisputeClosed(system, dispute_id or f"dispute of {payment_id}", payment_id, end, self.clock())
        return disputes.closed(self.context, replace(told, **changes))

    def alias(self, alias_id: str, payment_id: str, system: str = "payments") -> payments.Recorded:
        return refunds.alias(self.context, PaymentAlias(system, alias_id, payment_id, self.clock()))

    def accept(self, payment_id: str) -> payments.Recorded:
        return parked.accept(self.context, self.ids.payment("payments", payment_id), "admin")

    def dismiss(self, payment_id: str, note: str = "a test") -> Payment:
        return parked.dismiss(self.context, self.ids.payment("payments", payment_id), note, "admin")

    def payment(self, payment_id: str, system: str = "payments") -> Payment:
        return stored_payments.find(self.table, self.ids.payment(system, payment_id))

    def parked(self) -> list[str]:
        """Our ids of the payments that wait, oldest first."""
        return [id for _, id in stored_payments.parked(self.table, "", 100)]

    def hold(self, reward: Reward, reason: str = "looks odd", by: str = "admin") -> Reward:
        return reward_decisions.hold(self.context, reward.id, reason, by)

    def release(self, reward: Reward, by: str = "admin") -> Reward:
        return reward_decisions.release(self.context, reward.id, "looked at it", by)

    def approve(self, reward: Reward, by: str = "admin") -> Reward:
        return reward_decisions.approve(self.context, reward.id, "looked at it", by)

    def cancel(self, reward: Reward, by: str = "admin") -> Reward:
        return reward_decisions.cancel(self.context, reward.id, "not deserved", by)

    def mature(self, name: str, currency: str = "USD") -> None:
        assert maturity.mature_all(self.context, self.partner(name).id, currency) == ""

    def earn(self, customer: str, payment_id: str, base: int, currency: str = "USD", **changes: Any) -> None:
        """A payment, and all that follows from it where nothing is held back."""
        for message in self.pay(customer, payment_id, base, currency, **changes).due:
            maturity.mature_from(self.context, message.partner_id, message.currency, message.since)

    def balance(self, name: str, currency: str = "USD") -> tuple[int, int, int]:
        """(available, reserved, paid)."""
        found = ledger.find_balance(self.table, self.partner(name).id, currency)
        return found.available, found.reserved, found.paid

    def withdraw(
        self, name: str, amount: int, key: str | None = None, currency: str = "USD", payee: Account | str = ACCOUNT
    ) -> Withdrawal:
        """`payee`: an account, or the id of a payout method."""
        body, user = f"{amount} {currency}", self.user(name)
        vault = lambda: self.vault  # noqa: E731
        return withdrawals.request(self.context, user, key, amount, currency, payee, body, vault, self.bounds)[0]

    def pay_out(self, name: str, amount: int, currency: str = "USD", note: str = "") -> Withdrawal:
        """A withdrawal that is asked for, approved and paid by bank transfer, and what follows from it."""
        paid = self.conclude_paid(self.withdraw(name, amount, currency=currency), note)
        self.cover(name, currency, paid.id)
        return paid

    def conclude_paid(self, made: Withdrawal, note: str = "") -> Withdrawal:
        """Approved, and paid by bank transfer."""
        withdrawals.decide(self.context, made.id, WithdrawalStatus.APPROVED, "ann", "r1", note)
        return withdrawals.conclude(self.context, made.id, WithdrawalStatus.PAID, "ann", "r2", "", f"bank-{made.id}")

    def cover(self, name: str, currency: str = "USD", withdrawal_id: str = "") -> int:
        return settlement.cover_all(self.context, self.partner(name).id, currency, withdrawal_id)

    def method(self, name: str, account: Account = ACCOUNT) -> PayoutMethod:
        """The account as a payout method of somebody."""
        return methods.add(self.context, lambda: self.vault, self.partner(name).id, account)

    def entries(self, name: str, currency: str = "USD") -> list[JournalEntry]:
        """A partner's journal."""
        return [entry for _, entry in ledger.entries(self.table, self.partner(name).id, currency)]

    def rewards(self, name: str) -> list[Reward]:
        """A partner's rewards, oldest due first."""
        return list(stored_rewards.all_of(self.table, self.context.reward_partitions(self.partner(name).id)))

    def grant(self, name: str, *amounts: int, due_ms: int | None = None, currency: str = "USD") -> None:
        """Rewards that wait, as one of the staff would have given them, many at a time."""
        partner_id, due_ms = self.partner(name).id, self.clock() if due_ms is None else due_ms
        writes = []
        for amount in amounts:
            payment = self.ids.new(LONG_ID_BYTES)
            reward = Reward(
                id=keys.reward_id(partner_id, due_ms, currency, payment, 1), partner_id=partner_id, tier=1,
                amount=amount, currency=currency, status=RewardStatus.PENDING, base=amount, rate_bps=0, rule=BY_HAND,
                rule_version=1, program_id="default", payment=payment, referral_id="", matures_at_ms=due_ms,
                earned_at_ms=due_ms,
            )  # fmt: skip
            paid = Payment(
                payment, PaymentKind.PAYMENT, currency, "default", amount, amount, occurred_at_ms=due_ms,
                created_at_ms=self.clock(), due_ms=due_ms, shares=((reward.id, amount),), origin=Origin.BY_HAND,
            )  # fmt: skip
            paid = replace(paid, body=said(paid))
            writes += [stored_rewards.create(reward, self.clock()), stored_payments.create(paid)]
        for start in range(0, len(writes), 100):
            self.table.commit(*writes[start : start + 100])

    def behind(self, client: Any) -> Context:
        """The same world through another client, for one that fails."""
        return Context(Table(client, self.table_name), self.ids, self.clock, pause=lambda _: None)

    def faults(self) -> list[Fault]:
        return list(verify(self.context, Checked()))


class Faulty:
    """A DynamoDB client whose writes now and then conflict, or are done and say nothing: what DynamoDB Local lacks."""

    def __init__(self, client: Any, chance_percent: int, seed: int) -> None:
        self._client, self._chance, self._random = client, chance_percent, random.Random(seed)
        self.injected = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        if name not in ("transact_write_items", "put_item", "update_item"):
            return method

        def call(**arguments: Any) -> Any:
            fate = self._random.randrange(100)
            if fate >= self._chance:
                return method(**arguments)
            self.injected += 1
            if fate % 2:  # refused before anything was done
                raise self._conflict(name)
            method(**arguments)
            raise self._conflict(name)  # done, but the caller is told to try again

        return call

    def _conflict(self, name: str) -> Exception:
        details = {"Error": {"Code": "TransactionConflictException", "Message": "injected"}}
        return botocore.exceptions.ClientError(details, name)  # type: ignore[no-any-return]
