"""A seed from its beginning to its end."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from functools import cache

from refledger.domain.errors import Busy, PartnerSuspended
from refledger.domain.programs import CurrencyTerms
from refledger.domain.rewards import RewardStatus
from refledger.domain.rules import RuleSet
from refledger.domain.withdrawals import OPEN
from refledger.operations.proof.book_checks import Checked
from refledger.operations.proof.verification import verify
from refledger.store.transaction import RetryableConflict
from tests.support.actors import PARTNERS, Actors, program
from tests.support.deployment import deployment
from tests.support.dynamodb import MEMORY
from tests.support.expectations import Expectations
from tests.support.programs import a_rule
from tests.support.simulator import actions, witness
from tests.support.simulator.actions import Action
from tests.support.simulator.deployment import WORKERS, Beginning, Simulated, restarted, simulated
from tests.support.simulator.faults import Faults
from tests.support.simulator.invariants import Invariants
from tests.support.simulator.scheduler import Scheduler, Task, Wrong

ROUNDS = (1, 3, 6, 10, 15)
AT_ONCE = (1, 2, 3, WORKERS, WORKERS)
KINDS = 21  # of programs: see actors.program
DRAINED_WITHIN = 3  # times three days on which everything works
DAY_MS = 24 * 3_600_000
MOST_BEFORE = 25  # calls of whoever is overtaken
BEGUN = (0, 1, 2, 8)  # payments that have come before


@dataclass
class Outcome:
    """What a run was: how many calls, commits and choices it had, and which faults struck where."""

    seed: int
    calls: int = 0
    commits: int = 0
    actions: list[str] = field(default_factory=list)
    choices: list[int] = field(default_factory=list)
    sites: Counter[tuple[str, str]] = field(default_factory=Counter)
    injected: Counter[tuple[str, str]] = field(default_factory=Counter)


class Failed(AssertionError):
    """A seed whose run was not right."""

    def __init__(self, outcome: Outcome, error: BaseException) -> None:
        told = "\n    ".join(outcome.actions)
        super().__init__(f"{again(outcome.seed)}\n{type(error).__name__}: {error}\nafter\n    {told}")
        self.outcome = outcome


def again(seed: int) -> str:
    """The command that repeats it."""
    return f'make simulate ARGS="--seed {seed}"'


@cache
def beginning(terms: int) -> Beginning:
    """A program, and people who refer each other: Ann, Ben, Cat, Dan, Eve, Fay; Gus comes from nobody."""
    with deployment(MEMORY) as deployed:
        books, actors = deployed.world.books, Actors(deployed)
        body = program(terms)
        caps = tuple((each["currency"], each["amount"]) for each in body["monthlyCaps"])
        own, *others = body["currencies"]
        books.program(
            currencies={each["currency"]: CurrencyTerms() for each in others}, hold_days=body["holdDays"],
            rules=RuleSet(a_rule(*body["tierRatesBps"]), monthly_cap=caps), reviews_rewards=body["reviewRewards"],
            payout_minimum=own["payoutMinimum"], adjustment_limit=own["adjustmentLimit"],
            auto_approve_limit=own.get("autoApproveLimit"), second_approval_limit=own.get("secondApprovalLimit"),
            maker_window_days=0,
        )  # fmt: skip
        books.chain("ann", "ben", "cat", "dan", "eve", "fay")
        for number in BEGUN:
            actors.pay(number, 0)
        deployed.deliver(list(deployed.queue))
        books.clock.forward(2 * DAY_MS)
        actors.find_due()
        while deployed.mature():
            pass
        begun = Beginning(books.client, books.clock(), tuple(deployed.taken))
    scheduler, faults = Scheduler(lambda _: 0), Faults(random.Random(terms))
    with simulated(begun, scheduler, faults, terms) as deployed:
        rest(deployed)
        books = deployed.world.books
        return Beginning(books.client, books.clock(), tuple(deployed.taken), tuple(deployed.read.items()))


def simulate(seed: int) -> Outcome:
    """One run. Raises Failed."""
    chosen = random.Random(seed)
    faults = Faults.drawn(chosen)
    turns = Turns(chosen)
    scheduler, outcome = Scheduler(turns.choose), Outcome(seed)
    state = random.getstate()
    try:
        terms = chosen.randrange(KINDS)
        with simulated(beginning(terms), scheduler, faults, seed) as deployed:
            Run(deployed, chosen, outcome, terms, turns).live()
    except (Exception, Wrong) as error:
        raise Failed(outcome, error) from error
    finally:
        random.setstate(state)
        outcome.calls, outcome.choices = scheduler.calls, scheduler.choices
        outcome.sites, outcome.injected = faults.sites, faults.injected
    return outcome


class Turns:
    """Whose turn it is: anybody's at each call; or one is overtaken by all others between two of its calls, which is
    what most faults of concurrency need, and what many small steps of everybody seldom come to.
    """

    def __init__(self, chosen: random.Random) -> None:
        self._chosen, self._left, self._anybody = chosen, 0, True

    def begin(self) -> None:
        self._anybody, self._left = self._chosen.random() < 0.3, self._chosen.randrange(MOST_BEFORE)

    def choose(self, below: int) -> int:
        if self._anybody:
            return self._chosen.randrange(below)
        self._left -= 1
        return 0 if self._left >= 0 else below - 1


@dataclass
class Run:
    deployed: Simulated
    chosen: random.Random
    outcome: Outcome
    terms: int  # of the program
    turns: Turns

    def __post_init__(self) -> None:
        self.actors = Actors(self.deployed)
        self.invariants = Invariants(self.deployed.table, self.deployed.stripe)
        self.deployed.workers[0].table.client.done = self.committed
        self.committed()

    def committed(self) -> None:
        self.invariants.check()
        if self.deployed.faults.strikes("late index", 0.1):
            self.deployed.table.behind = self.chosen.randrange(MOST_BEHIND)

    def live(self) -> None:
        faults, chosen = self.deployed.faults, self.chosen
        faults.quiet = False
        chance = actions.Chance.drawn(chosen)
        weights = {name: chosen.choice((0.01, 1.0, 1.0, 4.0)) for name in actions.ALL}
        has_model = chosen.random() < 0.7
        if has_model:
            weights |= dict.fromkeys(witness.LEFT_OUT, 0.0)
        for _ in range(chosen.choice(ROUNDS)):
            self._at_once([actions.draw(chance, weights) for _ in range(chosen.choice(AT_ONCE))])
        faults.quiet = True
        self.outcome.commits = self.invariants.commits
        self.outcome.actions.append("all is quiet")
        self._drains()
        self._is_right()
        if has_model:
            found = witness.differences(self.actors, self.terms)
            assert not found, "the model does not agree:\n" + "\n".join(found)

    def _at_once(self, happening: list[Action]) -> None:
        self.outcome.actions.append(" | ".join(map(str, happening)))
        workers = self.chosen.sample(range(WORKERS), len(happening))
        tasks = [
            Task(str(each), lambda one=each: self._patiently(one), worker)  # type: ignore[misc]
            for each, worker in zip(happening, workers, strict=True)
        ]
        self.turns.begin()
        self.deployed.scheduler.run(tasks)
        for task in tasks:
            if task.dead:
                restarted(self.deployed, task.worker)

    def _patiently(self, action: Action) -> None:
        """What has nobody to answer to is tried again by who calls it."""
        try:
            actions.act(action, self.actors, self.deployed)
        except (Busy, RetryableConflict, PartnerSuspended):  # who is suspended has no new account to be paid to
            pass
        except Exception:
            task = self.deployed.scheduler.current
            if not (task and task.process.hurt):
                raise

    # ---------------------------------------------------------------- the end

    def _drains(self) -> None:
        """No more faults: everything is delivered, days go by, schedules tick, and nothing is left to do."""
        deployed = self.deployed
        deployed.table.behind = 0
        deployed.table.catch_up()
        deployed.stripe.fates.clear()
        deployed.stripe.deaf = 0
        for _ in range(DRAINED_WITHIN):
            rest(self.deployed)
            deployed.world.books.clock.forward(3 * DAY_MS)
            for schedule in ("maturity", "expiry", "sweeper"):
                deployed.tick(schedule)
            rest(self.deployed)
        self.invariants.check()

    def _is_right(self) -> None:
        deployed, books = self.deployed, self.deployed.world.books
        assert not any(deployed.groups.values()), "messages of the maturity queue are never done"
        for name in PARTNERS:
            for reward in self.actors.rewards(name):
                waits = reward.status is RewardStatus.PENDING and not reward.held
                assert not waits or reward.matures_at_ms > books.clock(), f"never matures: {reward}"
        running = {run.name.split("-")[0] for run in deployed.machine.running()}
        for made in self.actors.withdrawals():
            assert made.status not in OPEN or made.problem or made.id in running, f"stands still: {made}"
        found = list(verify(books.context, Checked()))
        assert not found, found
        Expectations(self.actors).check()


MOST_BEHIND = 12  # writes that an index does not know yet


def rest(deployed: Simulated) -> None:
    """Queues, workflow and stream, until all is quiet."""
    for _ in range(100):
        while deployed.queue:
            deployed.deliver(deployed.queue[:10])
        while deployed.mature():
            pass
        deployed.work()
        moved = [deployed.follow(each, 100) for each in deployed.read]
        moved += [deployed.take(deployed.boards, "leaderboards"), deployed.take(deployed.payments, "payment_events")]
        if not any(moved):
            return
    raise AssertionError("it never comes to rest")
