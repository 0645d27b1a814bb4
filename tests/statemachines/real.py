"""The deployed state machine with the real tasks, on a real table, and a provider that does what a test tells it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from refledger.adapters.stepfunctions import Waker
from refledger.domain.partners import PartnerStatus
from refledger.domain.times import DAY_MS
from refledger.domain.withdrawals import Withdrawal, WithdrawalStatus
from refledger.operations.earning import reward_decisions
from refledger.operations.partners import partners
from refledger.operations.payouts import payouts, staff_remedies, withdrawals, workflow_callbacks, workflow_tasks
from refledger.operations.payouts.workflow_callbacks import APPROVAL, SETTLEMENT
from refledger.store import withdrawals as stored
from tests.statemachines.machine import LONG_SECONDS, Event, Execution, Machine
from tests.support.books import ACCOUNT, Books
from tests.support.payouts import STRIPE, Provider, start, verified

S = WithdrawalStatus


@dataclass
class Real(Execution):
    """A withdrawal of Bob's, its tasks and the people around it. `meanwhile`: happens before a task, once.

    Days are milliseconds here: on a busy machine a program's seven would be over before anybody decided.
    """

    books: Books = field(kw_only=True)
    provider: Provider = field(kw_only=True)
    approval_seconds: int = LONG_SECONDS
    meanwhile: dict[str, Callable[[], object]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.context, self.waker = self.books.context, Waker(self.client)

    def handle(self, event: Event) -> Event:
        """The workflow function."""
        action, id = event["action"], event["withdrawalId"]
        self.calls.append(action)
        self.meanwhile.pop(action, lambda: None)()
        match action:
            case "decide":
                return dict(workflow_tasks.decide(self.context, self.waker, id, event["token"]))
            case "pay":
                started = start(self.books, id, self.provider)
                return dict(payouts.wait_for_end(self.context, self.waker, started, event["token"]))
            case "finish":
                return dict(workflow_tasks.finish(self.context, self.waker, id, event["heard"], event["token"]))
            # of executions that began before
            case "admit" | "assess":
                assessed = (workflow_tasks.admit if action == "admit" else workflow_tasks.assess)(self.context, id)
                return {**assessed, "approvalSeconds": self.approval_seconds, "settlementSeconds": LONG_SECONDS}
            case "request-approval":
                return dict(workflow_callbacks.wait(self.context, self.waker, id, APPROVAL, event["token"]))
            case "release":
                return dict(workflow_tasks.release(self.context, id, S(event["as"])))
            case "auto-approve":
                return dict(workflow_tasks.auto_approve(self.context, id))
            case "start-payout":
                return dict(payouts.told(start(self.books, id, self.provider)))
            case "await-settlement":
                return dict(workflow_callbacks.wait(self.context, self.waker, id, SETTLEMENT, event["token"]))
            case "settle":
                return dict(workflow_tasks.settle(self.context, id))
        raise AssertionError(action)

    @property
    def found(self) -> Withdrawal:
        return stored.find(self.books.table, self.id)

    def approve(self, by: str = "ann", note: str = "") -> None:
        self._tell(withdrawals.decide(self.context, self.id, S.APPROVED, by, f"approval of {by}", note))

    def retry(self) -> None:
        self._tell(staff_remedies.retry(self.context, self.id, "ann", "retry", "topped up"))

    def says(self, said: str) -> withdrawals.Heard:
        """The provider's webhook."""
        key = self.found.provider_key
        heard = withdrawals.provider_says(self.context, self.id, said, f"tr-{key}", key=key)
        self._tell(heard.withdrawal)
        return heard

    def _tell(self, withdrawal: Withdrawal) -> None:
        workflow_callbacks.tell(self.context, self.waker, withdrawal)

    def waits(self, action: str, times: int = 1) -> None:
        """Until the machine is in a task that waits, so many times."""
        kind = APPROVAL if action in ("decide", "request-approval") else SETTLEMENT
        self.until(lambda: self.calls.count(action) == times and self._has_token(kind))

    def _has_token(self, kind: str) -> bool:
        return stored.token(self.books.table, self.id, kind) is not None


MakeReal = Callable[..., Real]


def making(books: Books, machine: Machine) -> MakeReal:
    """Bob has earned 50.00 in five rewards and is known for long; he asks for 20.00 to his Stripe account."""
    changes = {"auto_approve_limit": None, "second_approval_limit": None}

    def made(*fates: str, bank: bool = False, **terms: Any) -> Real:
        books.program(**{**changes, **terms})
        books.grant("bob", *[1000] * 5)
        books.mature("bob")
        method = verified(books, "bob", ACCOUNT if bank else STRIPE)
        books.clock.forward(60 * DAY_MS)
        id = books.withdraw("bob", 2000, payee=method).id
        real = Real(id, machine.client, machine.arn, books=books, provider=Provider(list(fates)))
        machine.handlers[id] = real.handle
        return real

    return made


def ended(real: Real, execution: Event, status: S, balance: tuple[int, int, int]) -> None:
    assert execution["status"] == "SUCCEEDED", execution
    assert real.found.status is status
    assert real.books.balance("bob") == balance
    assert real.books.faults() == []


def take_all_back(real: Real) -> None:
    """Everything that Bob ever earned is cancelled, also what has left."""
    for reward in real.books.rewards("bob"):
        reward_decisions.cancel(real.context, reward.id, "a mistake", "ann")


def known(real: Real) -> None:
    """Bob has been paid before: an execution of its own for an earlier withdrawal of 10.00."""
    earlier = real.books.withdraw("bob", 1000, payee=real.found.method.id)
    withdrawals.decide(real.context, earlier.id, S.APPROVED, "ann", "r", "")
    if start(real.books, earlier.id).status is S.PAYING:
        withdrawals.conclude(real.context, earlier.id, S.PAID, "eve", "r2", transaction_id="bank-0")
    real.books.clock.forward(DAY_MS)


def suspended(real: Real, status: PartnerStatus) -> None:
    partners.change_status(real.context, real.found.partner_id, status, "why", "root")
