"""Operations in any order that hypothesis can think of, held against a model of a few lines; books right after each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from refledger.domain.errors import (
    AlreadyDecided,
    AlreadyReferred,
    BelowMinimum,
    CodeClosesCircle,
    CodeNotActive,
    Conflict,
    InsufficientFunds,
    KeyReused,
    NotPayable,
    OwnCode,
    OwnWithdrawal,
    PartnerSuspended,
    Refledger,
)
from refledger.domain.partners import PartnerStatus
from refledger.domain.times import DAY_MS
from refledger.domain.withdrawals import TRANSITIONS, WithdrawalStatus
from refledger.operations.earning.payments import RecordOutcome
from refledger.operations.partners import partners
from refledger.operations.payouts import staff_remedies, withdrawals, workflow_tasks
from refledger.store import ledger
from refledger.store import withdrawals as stored
from tests.support import dynamodb
from tests.support.books import START_MS, Books
from tests.support.payouts import start

S = WithdrawalStatus
P = PartnerStatus
NAMES = ("ann", "ben", "cat", "dan")
CURRENCIES = ("USD", "JPY")
HOLD_MS, MINIMUM, RATES = DAY_MS, 100, (2000, 1000)
# by a retry, by a debt, and by a provider's late word: none of them is a decision of the kind that is made here
BY_OTHER_WAYS = ((S.PAYING, S.APPROVED), (S.APPROVED, S.REQUESTED), (S.REQUESTED, S.PAID), (S.FAILED, S.PAID))
names, currencies = st.sampled_from(NAMES), st.sampled_from(CURRENCIES)


@dataclass
class Waiting:
    amount: int
    due_ms: int
    earned_ms: int


@dataclass
class Person:
    """The model of a partner: who referred them, who earns from them, when they were what, and their money."""

    above: str = ""
    chain: list[str] = field(default_factory=list)  # as it was when they were bound
    history: list[tuple[int, P]] = field(default_factory=lambda: [(0, P.ACTIVE)])
    money: dict[str, list[int]] = field(default_factory=lambda: {c: [0, 0, 0] for c in CURRENCIES})
    waiting: dict[str, list[Waiting]] = field(default_factory=lambda: {c: [] for c in CURRENCIES})

    @property
    def status(self) -> P:
        return self.history[-1][1]

    def earned_at(self, at_ms: int) -> bool:
        return [status for since_ms, status in self.history if since_ms <= at_ms][-1] is P.ACTIVE


@dataclass
class Asked:
    """The model of a withdrawal."""

    name: str
    amount: int
    currency: str
    status: S = S.REQUESTED


class AnyOrder(RuleBasedStateMachine):
    def __init__(self, endpoint: str) -> None:
        super().__init__()
        self.books = Books(dynamodb.new_database(endpoint))
        self.books.program(currencies=CURRENCIES[1:], tier_rates_bps=RATES, hold_days=1, payout_minimum=MINIMUM)
        self.people = {name: Person() for name in NAMES}
        self.ids = {name: self.books.partner(name).id for name in NAMES}
        self.paid: dict[str, tuple[str, int, str]] = {}
        self.earned: set[str] = set()  # of these, those of a customer who was referred
        self.asked: dict[str, Asked] = {}  # by id
        self.keys: dict[tuple[str, str], tuple[str, int, str]] = {}

    def refused(self, error: type[Refledger] | None, act: Callable[[], Any]) -> Any:
        """Do it, and be refused as the model says, or not at all."""
        if error is None:
            return act()
        with pytest.raises(error):
            act()
        return None

    def above(self, name: str) -> list[str]:
        chain = []
        while name := self.people[name].above:
            chain.append(name)
        return chain

    # ------------------------------------------------------------ what may happen

    @rule(hours=st.integers(1, 40))
    def time_passes(self, hours: int) -> None:
        self.books.clock.forward(hours * DAY_MS // 24)

    @rule(name=names, code_of=names)
    def apply(self, name: str, code_of: str) -> None:
        who, partner = self.people[name], self.people[code_of]
        error: type[Refledger] | None = None
        if name == code_of:
            error = OwnCode
        elif who.above:
            error = None if who.above == code_of else AlreadyReferred
        elif partner.status is not P.ACTIVE:
            error = CodeNotActive
        elif name in self.above(code_of):
            error = CodeClosesCircle
        self.refused(error, lambda: self.books.apply(name, code_of))
        if not error and not who.above:
            who.above = code_of
            who.chain = self.above(name)

    @rule(name=names, status=st.sampled_from([P.ACTIVE, P.ACTIVE, P.INACTIVE, P.SUSPENDED, P.TERMINATED]))
    def change_status(self, name: str, status: P) -> None:
        who = self.people[name]
        ends = who.status is P.TERMINATED and status is not P.TERMINATED
        id, context = self.books.partner(name).id, self.books.context
        self.refused(Conflict if ends else None, lambda: partners.change_status(context, id, status, "", "x"))
        if not ends and status is not who.status:
            who.history.append((self.books.clock(), status))

    @rule(
        customer=names, id=st.sampled_from([f"p{n}" for n in range(12)]), base=st.integers(0, 100_000),
        currency=currencies, hours_ago=st.integers(0, 60),
    )  # fmt: skip
    def pay(self, customer: str, id: str, base: int, currency: str, hours_ago: int) -> None:
        now_ms = self.books.clock()
        earned_ms = max(START_MS, now_ms - hours_ago * DAY_MS // 24)
        recorded = self.books.pay(customer, id, base, currency, occurred_at_ms=earned_ms)
        told, chain = (customer, base, currency), self.people[customer].chain
        if id in self.earned:
            assert recorded.outcome is (RecordOutcome.REPEATED if self.paid[id] == told else RecordOutcome.DIFFERENT)
            return
        if not chain and self.paid.get(id) == told:
            assert recorded.outcome is RecordOutcome.REPEATED
            return
        self.paid[id] = told  # one that was nobody's is judged anew: a corrected event corrects
        if chain:
            self.earned.add(id)
        assert recorded.outcome is (RecordOutcome.RECORDED if chain else RecordOutcome.UNREFERRED)
        for name, rate in zip(chain, RATES, strict=False):
            if base * rate // 10_000:
                due_ms = max(earned_ms + HOLD_MS, now_ms)
                self.people[name].waiting[currency].append(Waiting(base * rate // 10_000, due_ms, earned_ms))

    @rule(name=names, currency=currencies)
    def mature(self, name: str, currency: str) -> None:
        self.books.mature(name, currency)
        self.matured(name, currency)

    def matured(self, name: str, currency: str) -> None:
        who, now_ms = self.people[name], self.books.clock()
        for each in [w for w in who.waiting[currency] if w.due_ms <= now_ms]:
            who.waiting[currency].remove(each)
            who.money[currency][0] += each.amount if who.earned_at(each.earned_ms) else 0

    @rule(
        name=names, currency=currencies, key=st.sampled_from(["k1", "k2", "k3", "k4"]),
        part=st.sampled_from([0, 25, 50, 100, 101]), extra=st.integers(0, 2),
    )  # fmt: skip
    def withdraw(self, name: str, currency: str, key: str, part: int, extra: int) -> None:
        """A part, in per cent, of what is available, and a few cents more."""
        who = self.people[name]
        asked = (name, who.money[currency][0] * part // 100 + extra or 1, currency)
        error: type[Refledger] | None = None
        if (name, key) in self.keys:
            error = None if self.keys[name, key] == asked else KeyReused
        elif who.status is P.SUSPENDED:
            error = PartnerSuspended
        else:
            if who.money[currency][0] < asked[1]:
                self.matured(name, currency)
            if who.money[currency][0] < asked[1]:
                error = InsufficientFunds
            elif currency == "USD" and asked[1] < MINIMUM:
                error = BelowMinimum
        made = self.refused(error, lambda: self.books.withdraw(name, asked[1], key, currency))
        if made and (name, key) not in self.keys:
            self.keys[name, key] = asked
            self.asked[made.id] = Asked(*asked)
            self.move(who.money[currency], asked[1], 0, 1)

    @staticmethod
    def move(money: list[int], amount: int, source: int, target: int) -> None:
        money[source] -= amount
        money[target] += amount

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), status=st.sampled_from([s for s in S if s is not S.REQUESTED]), own=st.booleans())
    def decide(self, data: st.DataObject, status: S, own: bool) -> None:
        """Somebody, or the workflow, wants a withdrawal to become something."""
        id = data.draw(st.sampled_from(sorted(self.asked)))
        asked, context = self.asked[id], self.books.context
        actor = self.books.user(asked.name) if own else "admin"
        possible, request = (asked.status, status) in TRANSITIONS, f"{self.books.clock()}-{len(self.keys)}-{status}"
        made = stored.find(self.books.table, id)
        if (asked.status, status) in BY_OTHER_WAYS:
            possible = False
        error: type[Refledger] | None = None if possible else AlreadyDecided
        match status:
            case S.RETURNED:
                error = OwnWithdrawal if own else error
                self.refused(
                    error, lambda: staff_remedies.mark_returned(context, id, actor, request, "it came back", "R-1")
                )
            case S.APPROVED | S.REJECTED:
                error = OwnWithdrawal if own else error
                self.refused(error, lambda: withdrawals.decide(context, id, status, actor, request, ""))
            case S.PAID | S.FAILED:
                early = NotPayable if asked.status is S.REQUESTED else error
                error = OwnWithdrawal if own else early
                self.refused(error, lambda: withdrawals.conclude(context, id, status, actor, request))
            case S.CANCELLED:
                self.refused(error, lambda: withdrawals.cancel(context, made, actor, request))
            case S.PAYING:
                stands = start(self.books, id).status
                assert stands == (status if possible else asked.status)
            case S.EXPIRED:
                stands = S(workflow_tasks.release(context, id, status)["status"])
                assert stands == (status if possible else asked.status)
        if error is None and possible:
            asked.status = status
            money = self.people[asked.name].money[asked.currency]
            if status is S.PAID:
                self.move(money, asked.amount, 1, 2)
            elif status is S.RETURNED:
                self.move(money, asked.amount, 2, 0)
            elif status not in (S.APPROVED, S.PAYING):
                self.move(money, asked.amount, 1, 0)

    # ------------------------------------------------------------ what must hold

    @invariant()
    def money_is_where_the_model_says(self) -> None:
        for name, who in self.people.items():
            found = ledger.balances(self.books.table, self.ids[name])
            money = {b.currency: [b.available, b.reserved, b.paid] for b in found}
            assert money == {currency: each for currency, each in who.money.items() if currency in money}, name
            assert all(currency in money for currency, each in who.money.items() if any(each)), name
            assert all(min(each) >= 0 for each in money.values())

    @invariant()
    def books_are_right(self) -> None:
        assert self.books.faults() == []

    def teardown(self) -> None:
        """In the end all that is due becomes money, and each withdrawal is what the model says."""
        self.books.clock.forward(10 * DAY_MS)
        for name in NAMES:
            for currency in CURRENCIES:
                self.mature(name, currency)
        self.money_is_where_the_model_says()
        self.books_are_right()
        for id, asked in self.asked.items():
            assert stored.find(self.books.table, id).status is asked.status


def test_any_order_of_operations_keeps_the_books_right(dynamodb_endpoint: str) -> None:
    """Bindings, payments, maturity, withdrawals, decisions and time, in sequences of 30: as the model says, always."""
    calm = settings(
        max_examples=3, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    machine: Any = lambda: AnyOrder(dynamodb_endpoint)  # noqa: E731
    run_state_machine_as_test(machine, settings=calm)
