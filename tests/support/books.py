"""A small world for tests: a table, a clock that stands still until it is told, and the story's people."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import botocore.exceptions

from refledger.adapters.ids import LONG_ID_BYTES, Ids
from refledger.domain.journal import Entry
from refledger.domain.partners import Partner
from refledger.domain.payments import PaymentReceived
from refledger.domain.programs import Program
from refledger.domain.rewards import Reward, RewardStatus
from refledger.domain.withdrawals import MethodType, PayoutMethod, Withdrawal
from refledger.operations import partners, payments, programs, referrals, rewards, withdrawals
from refledger.operations.context import Context
from refledger.operations.limits import LimitKind, Limits
from refledger.operations.verification import Checked, Fault, verify
from refledger.store import keys, ledger
from refledger.store import rewards as stored_rewards
from refledger.store.table import Table

START_MS = 1_790_000_000_000
SECRET = "a secret of the tests"
METHOD = PayoutMethod(MethodType.BANK_TRANSFER, "Bob Example", iban="DE89370400440532013000")


@dataclass
class Clock:
    at_ms: int = START_MS

    def __call__(self) -> int:
        return self.at_ms

    def forward(self, milliseconds: int) -> None:
        self.at_ms += milliseconds


@dataclass
class Books:
    """Operations as a test would say them; money in minor units."""

    client: Any
    table_name: str = "refledger"
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.table = Table(self.client, self.table_name)
        self.ids = Ids(SECRET)
        self.context = Context(self.table, self.ids, self.clock, pause=lambda _: None)
        self.limits = Limits({LimitKind.REQUESTS: 1200, LimitKind.WITHDRAWALS: 120, LimitKind.UNKNOWN_CODES: 20})

    def program(self, id: str = "default", **changes: Any) -> Program:
        given: dict[str, Any] = {
            "id": id, "name": "Friends", "currency": "USD", "tier_rates_bps": (2000, 1000), "hold_days": 0,
            "payout_minimum": 1000,
        }  # fmt: skip
        made = Program(**{**given, **changes})
        return programs.create(self.context, made, "admin", None, "body")

    def user(self, name: str) -> str:
        return self.ids.user(name)

    def partner(self, name: str) -> Partner:
        return partners.of_member(self.context, self.user(name))

    def apply(self, name: str, code_of: str) -> None:
        referrals.apply(self.context, self.limits, self.user(name), self.partner(code_of).code)

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

    def mature(self, name: str, currency: str = "USD") -> None:
        assert rewards.mature_all(self.context, self.partner(name).id, currency) == ""

    def earn(self, customer: str, payment_id: str, base: int, currency: str = "USD") -> None:
        """A payment, and all that follows from it where nothing is held back."""
        for message in self.pay(customer, payment_id, base, currency).due:
            rewards.mature_from(self.context, message.partner_id, message.currency, message.since)

    def balance(self, name: str, currency: str = "USD") -> tuple[int, int, int]:
        """(available, reserved, paid)."""
        found = ledger.find_balance(self.table, self.partner(name).id, currency)
        return found.available, found.reserved, found.paid

    def withdraw(self, name: str, amount: int, key: str | None = None, currency: str = "USD") -> Withdrawal:
        return withdrawals.request(
            self.context, self.user(name), key, amount, currency, METHOD, f"{amount} {currency}"
        )[0]

    def entries(self, name: str, currency: str = "USD") -> list[Entry]:
        """A partner's journal."""
        return [entry for _, entry in ledger.entries(self.table, self.partner(name).id, currency)]

    def rewards(self, name: str) -> list[Reward]:
        """A partner's rewards, oldest due first."""
        return list(stored_rewards.all_of(self.table, self.partner(name).id))

    def grant(self, name: str, *amounts: int, due_ms: int | None = None, currency: str = "USD") -> None:
        """Rewards that wait, as payments would have made them, many at a time."""
        partner_id, due_ms = self.partner(name).id, self.clock() if due_ms is None else due_ms
        writes = []
        for amount in amounts:
            payment = self.ids.new(LONG_ID_BYTES)
            writes.append(stored_rewards.create(Reward(
                id=keys.reward_id(partner_id, due_ms, currency, payment, 1), partner_id=partner_id, tier=1,
                amount=amount, currency=currency, status=RewardStatus.PENDING, base=5 * amount, rate_bps=2000,
                rule_version=1, program_id="default", payment=payment, referral_id="", matures_at_ms=due_ms,
                earned_at_ms=due_ms,
            )))  # fmt: skip
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
