"""Every way of a withdrawal: where it ends, and how many states were entered, which is what Step Functions bills.

By the deployed definition, and by those that executions go on by which began before it: each lives up to a year.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from refledger.adapters.stepfunctions import Workflow
from refledger.domain.partners import PartnerStatus
from refledger.domain.rewards import RewardStatus
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.operations.payouts import withdrawals
from refledger.operations.payouts.sweeper import sweep
from tests.statemachines.machine import DAY_SECONDS, DEFINITION, Machine, running
from tests.statemachines.real import MakeReal, Real, ended, known, making, suspended, take_all_back
from tests.support.books import Books

S = WithdrawalStatus
FORMER = DEFINITION.parents[1] / "tests" / "statemachines" / "former"
FILES = {
    "deployed": DEFINITION,
    "four states": FORMER / "withdrawal_approval_four_states.asl.yaml",
    "78e5482": FORMER / "withdrawal_approval_78e5482.asl.yaml",
}
MOST = 3  # of a usual way: 25 $ per million each


def by_hand(real: Real) -> None:
    real.approve()


def nobody(real: Real) -> None:
    """The program's rule decides, or time does."""


def decided(status: WithdrawalStatus) -> Callable[[Real], None]:
    def decide(real: Real) -> None:
        if status is S.CANCELLED:
            real._tell(withdrawals.cancel(real.context, real.found, real.books.user("bob"), "r"))
        else:
            real._tell(withdrawals.decide(real.context, real.id, status, "ann", "r", "not now"))

    return decide


def marked_paid(real: Real) -> None:
    real._tell(withdrawals.conclude(real.context, real.id, S.PAID, "eve", "r2", transaction_id="bank-1"))


def by_webhook(real: Real) -> None:
    real.says("PAID")


@dataclass(frozen=True)
class Way:
    """What happens, how it ends, and the states that are entered: by the deployed definition, by the former ones.

    `usual`: one that withdrawals take every day.
    """

    decide: Callable[[Real], None]
    status: WithdrawalStatus
    entered: tuple[int, int, int]  # as in FILES
    then: Callable[[Real], None] = nobody  # once it waits for the payout's end
    fates: tuple[str, ...] = ()
    bank: bool = False
    rule: bool = False  # the program's rule approves it
    before: Callable[[Real], None] = nobody
    usual: bool = True


def expires(real: Real) -> None:
    real.approval_seconds = DAY_SECONDS  # so many microseconds


def time_is_over(real: Real) -> None:
    """The deployed definition leaves it to the sweeper; in former ones time is over by itself."""
    if "decide" not in real.calls:
        return
    real.books.clock.forward(real.found.expires_at_ms - real.books.clock())
    swept = sweep(real.context, Workflow(real.client, real.machine_arn), real.waker, lambda: True)
    assert (swept.expired, swept.failed) == (1, 0)


def owes(real: Real) -> None:
    for task in ("pay", "start-payout"):
        real.meanwhile[task] = lambda: take_all_back(real)


def is_suspended(real: Real) -> None:
    for task in ("pay", "start-payout"):
        real.meanwhile[task] = lambda: suspended(real, PartnerStatus.SUSPENDED)


WAYS = {
    "a bank transfer, approved by hand": Way(by_hand, S.PAID, (3, 4, 9), marked_paid, bank=True),
    "a bank transfer, approved by rule": Way(nobody, S.PAID, (3, 4, 9), marked_paid, bank=True, rule=True),
    "a provider's, approved by hand": Way(by_hand, S.PAID, (3, 4, 7)),
    "a provider's, approved by rule": Way(nobody, S.PAID, (3, 4, 7), rule=True),
    "a provider's, paid later": Way(by_hand, S.PAID, (3, 4, 9), by_webhook, fates=("AWAITING",)),
    "rejected": Way(decided(S.REJECTED), S.REJECTED, (3, 4, 7)),
    "cancelled": Way(decided(S.CANCELLED), S.CANCELLED, (3, 4, 7)),
    "expired": Way(time_is_over, S.EXPIRED, (3, 5, 7), before=expires),
    "declined for good": Way(by_hand, S.FAILED, (3, 4, 9), fates=("DECLINED",)),
    "declined, and tried again": Way(
        by_hand, S.PAID, (6, 8, 11), lambda real: real.retry(), fates=("NO FUNDS",), usual=False
    ),
    "back to people, who say no": Way(by_hand, S.REJECTED, (6, 8, 13), before=owes, usual=False),
    "held": Way(by_hand, S.APPROVED, (3, 4, 7), before=is_suspended),
}


@pytest.fixture(scope="module", params=FILES)
def machine(request: pytest.FixtureRequest) -> Iterator[tuple[str, Machine]]:
    with pytest.MonkeyPatch.context() as monkeypatch, running(monkeypatch, FILES[request.param]) as made:
        yield request.param, made


@pytest.fixture
def make(books: Books, machine: tuple[str, Machine]) -> MakeReal:
    return making(books, machine[1])


@pytest.mark.parametrize("name", WAYS)
def test_each_way_ends_as_it_must(machine: tuple[str, Machine], make: MakeReal, name: str) -> None:
    """Status, money and books, and the states that were entered."""
    way, (definition, _) = WAYS[name], machine
    asks = "decide" if definition == "deployed" else "request-approval"
    waits = "await-settlement" if definition == "78e5482" else "pay"
    terms: dict[str, Any] = {"auto_approve_limit": 5000} if way.rule else {}
    real = make(*way.fates, bank=way.bank, **terms)
    if way.rule:
        known(real)
    way.before(real)
    arn = real.start()
    if way.decide is not nobody:
        real.waits(asks)
        way.decide(real)
    if way.then is not nobody:
        real.until(lambda: real.found.status is S.PAYING)
        real.waits(waits)
        way.then(real)
    if way.before is owes:
        real.waits(asks, times=2)
        decided(S.REJECTED)(real)
    execution = real.finish(arn)
    assert real.found.status is way.status
    ended(real, execution, way.status, real.books.balance("bob"))
    entered = real.entered(arn)
    assert len(entered) == way.entered[[*FILES].index(definition)], entered
    paid = sum(reward.amount for reward in real.books.rewards("bob") if reward.status is RewardStatus.PAID)
    assert paid == real.books.balance("bob")[2], "all of it is marked, whole rewards as they are"


def test_usual_ways_enter_three_states() -> None:
    """And what is above it is named: nothing else is."""
    assert all(way.entered[0] <= MOST for way in WAYS.values() if way.usual)
    assert all(way.entered[0] > MOST for way in WAYS.values() if not way.usual)
