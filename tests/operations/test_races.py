"""Everything at once, with conflicts and lost answers: after each round the books are right, to the cent."""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from refledger.domain.errors import Busy, Conflict, Forbidden, Refledger, Unprocessable
from refledger.domain.rewards import RewardStatus
from refledger.domain.withdrawals import OPEN, Withdrawal, WithdrawalStatus
from refledger.operations.payouts import withdrawals, workflow_tasks
from refledger.store import withdrawals as stored
from refledger.store.transaction import RetryableConflict
from tests.support import seeds
from tests.support.books import Books, Faulty
from tests.support.payouts import start

pytestmark = pytest.mark.dynamodb_local  # its transactions, with others at the same items
log = logging.getLogger(__name__)
S = WithdrawalStatus
THREADS, ROUNDS, FAULTS_PERCENT = 16, 2, 15
CUSTOMERS = [f"customer{number}" for number in range(6)]
PARTNERS = ("alice", "bob")
BASES = (10_000, 9_999, 3, 123_456)
Job = Callable[[], object]


@pytest.fixture
def seed() -> int:
    """RACE_SEED, or another one each time with NEW_SEEDS; the log of a failed test says which."""
    chosen = seeds.seed("RACE_SEED")
    log.warning("RACE_SEED=%d", chosen)
    return chosen


def surely(job: Job) -> object:
    """The job until it was done or refused by a rule: what a queue, or a caller who was told Busy, would do."""
    for _ in range(50):
        try:
            return job()
        except (Busy, RetryableConflict):
            continue
        except (Conflict, Unprocessable, Forbidden) as refused:
            return type(refused)
    raise AssertionError("never done")


def together(chosen: random.Random, jobs: list[Job]) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(surely, chosen.sample(jobs, len(jobs))))


def payments(books: Books, round: int) -> list[tuple[str, str, int]]:
    """Customer, payment id, base."""
    return [
        (customer, f"{round}-{customer}-{number}", base) for customer in CUSTOMERS for number, base in enumerate(BASES)
    ]


def jobs_about(books: Books, made: Withdrawal) -> list[Job]:
    """Everything that anybody might do to a withdrawal, some of it twice."""
    context, id = books.context, made.id
    return [
        *[partial(withdrawals.decide, context, id, S.APPROVED, "ann", "r1", "")] * 2,
        partial(withdrawals.decide, context, id, S.REJECTED, "eve", "r2", ""),
        partial(withdrawals.decide, context, id, S.APPROVED, made.requester, "r3", ""),
        partial(withdrawals.cancel, context, made, made.requester, "r4"),
        partial(start, books, id, context=context),
        *[partial(workflow_tasks.release, context, id, status) for status in (S.EXPIRED, S.FAILED)],
        *[partial(withdrawals.conclude, context, id, S.PAID, "ann", "r5", "", "T")] * 2,
        partial(withdrawals.conclude, context, id, S.FAILED, "eve", "r6"),
    ]  # fmt: skip


def check(books: Books, paid: list[tuple[str, str, int]]) -> None:
    """A quiet moment: the journal, balances, rewards and withdrawals agree, and nothing is negative."""
    assert books.faults() == []
    for name in PARTNERS:
        assert min(books.balance(name)) >= 0
    for name, rate in zip(PARTNERS, (1000, 2000), strict=True):
        expected = Counter(base * rate // 10_000 for _, _, base in paid if base * rate // 10_000)
        assert Counter(reward.amount for reward in books.rewards(name)) == expected, "each payment earned once"


def test_everything_at_once(books: Books, seed: int) -> None:
    """Payments three times each, maturity, withdrawals, decisions, releases, settlements: 16 threads, two rounds.

    In the end every reward is in the balance, and what left it are exactly the withdrawals that are paid or open.
    """
    chosen = random.Random(seed)
    books.program(payout_minimum=1)
    books.chain("alice", "bob")
    for customer in CUSTOMERS:
        books.apply(customer, "bob")
    sound, faulty = books.context, Faulty(books.client, FAULTS_PERCENT, seed)
    shaky = books.behind(faulty)
    paid: list[tuple[str, str, int]] = []
    made: set[str] = set()

    def ask(name: str, amount: int, key: str) -> None:
        made.add(books.withdraw(name, amount, key).id)

    for round in range(ROUNDS):
        books.context = shaky
        coming = payments(books, round)
        jobs: list[Job] = [*(partial(books.pay, *each) for each in coming)] * 3
        jobs += [partial(books.mature, name) for name in PARTNERS for _ in range(12)]
        keys = [f"{round}-{number}" for number in range(8)]
        jobs += [partial(ask, n, chosen.choice((1, 700, 5000, 30_000)), k) for n in PARTNERS for k in keys]
        jobs += [partial(ask, n, 900, f"twice-{k}") for n in PARTNERS for k in keys[:3]] * 2
        for id in sorted(made):
            jobs += chosen.sample(jobs_about(books, stored.find(books.table, id)), 4)
        together(chosen, jobs)
        books.context = sound
        paid += coming
        books.clock.forward(1000)
        check(books, paid)
        for id in chosen.sample(sorted(made), len(made) // 2):  # the next round begins with every status
            surely(partial(withdrawals.decide, sound, id, S.APPROVED, "ann", "r1", ""))
            surely(partial(start, books, id))
    for name in PARTNERS:
        books.mature(name)
    check(books, paid)
    found = [stored.find(books.table, id) for id in sorted(made)]
    assert faulty.injected > 10
    assert {S.PAID, S.FAILED} & {each.status for each in found}, "the race reached the end of some"
    for name, rate in zip(PARTNERS, (1000, 2000), strict=True):
        mine = [each for each in found if each.partner_id == books.partner(name).id]
        gone, held = (sum(e.amount for e in mine if e.status in these) for these in ((S.PAID,), OPEN))
        earned = sum(base * rate // 10_000 for _, _, base in paid)
        assert books.balance(name) == (earned - gone - held, held, gone)
        assert {reward.status for reward in books.rewards(name)} == {RewardStatus.APPROVED}


def test_refusals_are_rules_and_not_accidents() -> None:
    """What the race takes for an answer are errors of the domain, never those of DynamoDB."""
    assert issubclass(Busy, Refledger)
    assert not issubclass(RetryableConflict, Refledger)
