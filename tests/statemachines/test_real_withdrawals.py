"""The deployed state machine with the real tasks, on a real table, and a provider that does what a test tells it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from refledger.adapters.stepfunctions import Waker
from refledger.domain.partners import PartnerStatus
from refledger.domain.rewards import RewardStatus
from refledger.domain.times import DAY_MS
from refledger.domain.withdrawals import Problem, Withdrawal, WithdrawalStatus
from refledger.operations import mending, partners, payouts, rewards, tasks, withdrawals, workflow
from refledger.operations.workflow import APPROVAL, SETTLEMENT
from refledger.store import withdrawals as stored
from tests.statemachines.machine import LONG_SECONDS, Event, Execution, Machine
from tests.support.books import Books
from tests.support.payouts import IDEMPOTENT_MS, Provider, start, verified

S = WithdrawalStatus
P = Problem


@dataclass
class Real(Execution):
    """A withdrawal of Bob's, its tasks and the people around it. `meanwhile`: happens before a task, once."""

    books: Books = field(kw_only=True)
    provider: Provider = field(kw_only=True)
    meanwhile: dict[str, Callable[[], object]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.context, self.waker = self.books.context, Waker(self.client)

    def handle(self, event: Event) -> Event:
        """The workflow function."""
        action, id = event["action"], event["withdrawalId"]
        self.calls.append(action)
        self.meanwhile.pop(action, lambda: None)()
        match action:
            case "assess":
                # days are milliseconds here: on a busy machine a program's seven would be over before anybody decided
                return {**tasks.assess(self.context, id), "approvalSeconds": LONG_SECONDS,
                        "settlementSeconds": LONG_SECONDS}  # fmt: skip
            case "auto-approve":
                return dict(tasks.auto_approve(self.context, id))
            case "request-approval" | "await-settlement":
                kind = APPROVAL if action == "request-approval" else SETTLEMENT
                return dict(workflow.wait(self.context, self.waker, id, kind, event["token"]))
            case "start-payout":
                return dict(payouts.told(start(self.books, id, self.provider)))
            case "settle":
                return dict(tasks.settle(self.context, id))
            case "release":
                return dict(tasks.release(self.context, id, S(event["as"])))
        raise AssertionError(action)

    @property
    def found(self) -> Withdrawal:
        return stored.find(self.books.table, self.id)

    def approve(self, by: str = "ann", note: str = "") -> None:
        self._tell(withdrawals.decide(self.context, self.id, S.APPROVED, by, f"approval of {by}", note))

    def retry(self) -> None:
        self._tell(mending.retry(self.context, self.id, "ann", "retry", "topped up"))

    def says(self, said: str) -> withdrawals.Heard:
        """The provider's webhook."""
        key = self.found.provider_key
        heard = withdrawals.provider_says(self.context, self.id, said, f"tr-{key}", key=key)
        self._tell(heard.withdrawal)
        return heard

    def _tell(self, withdrawal: Withdrawal) -> None:
        workflow.tell(self.context, self.waker, withdrawal)

    def waits(self, action: str, times: int = 1) -> None:
        """Until the machine is in a task that waits, so many times."""
        kind = APPROVAL if action == "request-approval" else SETTLEMENT
        self.until(lambda: self.calls.count(action) == times and self._has_token(kind))

    def _has_token(self, kind: str) -> bool:
        return stored.token(self.books.table, self.id, kind) is not None


MakeReal = Callable[..., Real]


@pytest.fixture
def make(books: Books, make_world: Machine) -> MakeReal:
    """Bob has earned 50.00 in five rewards and is known for long; he asks for 20.00 to his Stripe account."""
    changes = {"auto_approve_limit": None, "second_approval_limit": None}

    def made(*fates: str, **terms: Any) -> Real:
        books.program(**{**changes, **terms})
        books.grant("bob", *[1000] * 5)
        books.mature("bob")
        method = verified(books, "bob")
        books.clock.forward(60 * DAY_MS)
        id = books.withdraw("bob", 2000, payee=method).id
        real = Real(id, make_world.client, make_world.arn, books=books, provider=Provider(list(fates)))
        make_world.handlers[id] = real.handle
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
        rewards.cancel(real.context, reward.id, "a mistake", "ann")


def test_approved_paid_and_covered(make: MakeReal) -> None:
    """From the request to the rewards that the payout covered: the two oldest."""
    real = make()
    arn = real.start()
    real.waits("request-approval")
    real.approve()
    ended(real, real.finish(arn), S.PAID, (3000, 0, 2000))
    assert real.calls == ["assess", "request-approval", "start-payout", "settle"]
    earned = real.books.rewards("bob")
    assert [reward.status for reward in earned].count(RewardStatus.PAID) == 2
    assert {reward.paid_by for reward in earned} == {real.id, ""}


def test_a_provider_that_is_down_five_times(make: MakeReal) -> None:
    """Asked again each time, first for what it knows; one key, one payment."""
    real = make(*["DOWN"] * 5)
    arn = real.start()
    real.waits("request-approval")
    real.approve()
    ended(real, real.finish(arn), S.PAID, (3000, 0, 2000))
    assert real.calls.count("start-payout") == 6
    assert real.provider.sent == [f"{real.id}-1"] * 6
    assert real.provider.looked_up == [f"{real.id}-1"] * 5


def test_declined_for_good(make: MakeReal) -> None:
    """The money is available again, once; the reason is in the history."""
    real = make("DECLINED")
    arn = real.start()
    real.waits("request-approval")
    real.approve()
    ended(real, real.finish(arn), S.FAILED, (5000, 0, 0))
    assert real.calls[-2:] == ["start-payout", "release"]
    assert "account_closed" in real.found.steps[-1].note


def test_declined_and_tried_again(make: MakeReal) -> None:
    """The machine waits with the problem; a person's retry goes on with another key, in the same execution."""
    real = make("NO FUNDS")
    arn = real.start()
    real.waits("request-approval")
    real.approve()
    real.waits("await-settlement")
    assert real.found.problem is P.DECLINED
    real.retry()
    ended(real, real.finish(arn), S.PAID, (3000, 0, 2000))
    assert real.calls[2:] == ["start-payout", "await-settlement", "start-payout", "settle"]
    assert list(real.provider.paid) == [f"{real.id}-2"]


def test_unknown_for_good_waits_for_a_person(make: MakeReal) -> None:
    """Down for longer than the machine asks: it fails and is resumed.

    When the provider has forgotten the key nothing is sent any more, and the person says that it was paid.
    """
    real = make(*["DOWN"] * 8)
    arn = real.start()
    real.waits("request-approval")
    real.approve()
    assert real.finish(arn)["error"] == "PayoutUnavailable"
    assert (real.found.status, real.books.balance("bob")) == (S.PAYING, (3000, 2000, 0))
    real.books.clock.forward(IDEMPOTENT_MS)
    resumed = real.start(attempt=1)
    real.waits("await-settlement")
    assert real.found.problem is P.UNKNOWN
    assert len(real.provider.sent) == 8
    paid = withdrawals.conclude(real.context, real.id, S.PAID, "ann", "r", transaction_id="found-by-hand")
    workflow.tell(real.context, real.waker, paid)
    ended(real, real.finish(resumed), S.PAID, (3000, 0, 2000))


def test_a_function_that_dies_after_the_send(make: MakeReal) -> None:
    """Paid, and the answer lost for good: the resumed execution asks, and sends nothing."""
    real = make("LOST")
    real.provider.deaf = 7
    arn = real.start()
    real.waits("request-approval")
    real.approve()
    assert real.finish(arn)["error"] == "PayoutUnavailable"
    ended(real, real.finish(real.start(attempt=1)), S.PAID, (3000, 0, 2000))
    assert len(real.provider.sent) == 1


def test_paid_late(make: MakeReal) -> None:
    """Accepted at first; days later the webhook says paid, and the machine goes on to settle."""
    real = make("AWAITING")
    arn = real.start()
    real.waits("request-approval")
    real.approve()
    real.waits("await-settlement")
    real.books.clock.forward(5 * DAY_MS)
    assert not real.says("PAID").reported
    ended(real, real.finish(arn), S.PAID, (3000, 0, 2000))
    assert real.calls[-1] == "settle"


def test_paid_after_failed(make: MakeReal) -> None:
    """The machine has ended, the money is available; the provider's late word is a problem, and a person books it."""
    real = make("AWAITING")
    arn = real.start()
    real.waits("request-approval")
    real.approve()
    real.waits("await-settlement")
    real.says("FAILED")
    ended(real, real.finish(arn), S.FAILED, (5000, 0, 0))
    assert real.says("PAID").reported
    assert real.found.problem is P.PAID_AFTER_FAILED
    withdrawals.conclude(real.context, real.id, S.PAID, "ann", "r", transaction_id="t")
    assert real.books.balance("bob") == (3000, 0, 2000)
    assert real.books.faults() == []


def test_returned_days_later(make: MakeReal) -> None:
    """Paid and settled; the money comes back by a journal entry; an execution begun for it has nothing to do."""
    real = make()
    arn = real.start()
    real.waits("request-approval")
    real.approve()
    ended(real, real.finish(arn), S.PAID, (3000, 0, 2000))
    real.books.clock.forward(5 * DAY_MS)
    real.says("RETURNED")
    ended(real, real.finish(real.start(attempt=1)), S.RETURNED, (5000, 0, 0))


def test_paid_and_returned_before_the_machine_heard(make: MakeReal) -> None:
    """Both while it waits for the settlement: it ends."""
    real = make("AWAITING")
    arn = real.start()
    real.waits("request-approval")
    real.approve()
    real.waits("await-settlement")
    real.says("RETURNED")
    ended(real, real.finish(arn), S.RETURNED, (5000, 0, 0))


def test_two_people(make: MakeReal) -> None:
    """The first approval leaves the machine waiting, the second one lets it go on."""
    real = make(second_approval_limit=1999)
    arn = real.start()
    real.waits("request-approval")
    real.approve("ann")
    assert (real.found.status, len(real.provider.sent)) == (S.REQUESTED, 0)
    real.approve("eve")
    ended(real, real.finish(arn), S.PAID, (3000, 0, 2000))
    assert real.calls.count("request-approval") == 1


def known(real: Real) -> None:
    """Bob has been paid before: an execution of its own for an earlier withdrawal of 10.00."""
    earlier = real.books.withdraw("bob", 1000, payee=real.found.method.id)
    withdrawals.decide(real.context, earlier.id, S.APPROVED, "ann", "r", "")
    start(real.books, earlier.id)
    real.books.clock.forward(DAY_MS)


def test_automatic_approval_and_its_risks(make: MakeReal) -> None:
    """The first withdrawal needs a person, who reads why; where he was paid before, it needs nobody."""
    first = make(auto_approve_limit=5000)
    arn = first.start()
    first.waits("request-approval")
    assert [risk.value for risk in first.found.risks] == ["FIRST_WITHDRAWAL"]
    known(first)
    second = first.start(attempt=1)
    ended(first, first.finish(second), S.PAID, (2000, 0, 3000))
    assert first.found.steps[0].by == "system"
    first.client.stop_execution(executionArn=arn)


def test_a_debt_between_automatic_approval_and_payout(make: MakeReal) -> None:
    """Back to people, and no loop: assessed again, it waits for two, who approve in spite of the debt and say why."""
    real = make(auto_approve_limit=5000)
    known(real)
    real.meanwhile["start-payout"] = lambda: take_all_back(real)
    arn = real.start()
    real.waits("request-approval")
    assert real.calls == ["assess", "auto-approve", "start-payout", "assess", "request-approval"]
    assert (real.found.status, real.provider.sent) == (S.REQUESTED, [])
    for by in ("ann", "eve"):
        real.approve(by, "they pay it back")
    ended(real, real.finish(arn), S.PAID, (-3000, 0, 3000))


def suspended(real: Real, status: PartnerStatus) -> None:
    partners.change_status(real.context, real.found.partner_id, status, "why", "root")


@pytest.mark.parametrize("fates", [(), ("DOWN",)])
def test_suspended_between_approval_and_payout(make: MakeReal, fates: tuple[str, ...]) -> None:
    """The machine ends, nothing is lost and nothing sent; a later attempt, when that is over, pays once."""
    real = make(*fates)
    at = 1 + len(fates)  # before the first try, or between two of them
    tries = iter(range(1, 10))

    def meanwhile() -> None:
        if next(tries) == at:
            suspended(real, PartnerStatus.SUSPENDED)
        elif fates:
            real.meanwhile["start-payout"] = meanwhile

    real.meanwhile["start-payout"] = meanwhile
    arn = real.start()
    real.waits("request-approval")
    real.approve()
    before = S.PAYING if fates else S.APPROVED
    ended(real, real.finish(arn), before, (3000, 2000, 0))
    assert (real.found.blocked, real.provider.paid, len(real.provider.sent)) == (("SUSPENDED",), {}, len(fates))
    suspended(real, PartnerStatus.ACTIVE)
    ended(real, real.finish(real.start(attempt=1)), S.PAID, (3000, 0, 2000))
    assert list(real.provider.paid) == [f"{real.id}-1"]
