"""A seed from its beginning to its end."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from refledger.domain.errors import Busy, PartnerSuspended
from refledger.domain.programs import CurrencyTerms
from refledger.domain.rewards import RewardStatus
from refledger.domain.rules import RuleSet
from refledger.domain.withdrawals import OPEN
from refledger.operations.proof.book_checks import Checked
from refledger.operations.proof.verification import verify
from refledger.store.transaction import RetryableConflict
from tests.support.actors import PARTNERS, Actors, program
from tests.support.expectations import Expectations
from tests.support.programs import rule_of
from tests.support.simulator import actions, witness
from tests.support.simulator.actions import Action
from tests.support.simulator.checks import Recalling, verified
from tests.support.simulator.deployment import WORKERS, Rig, Simulated, restarted, rig
from tests.support.simulator.faults import Faults
from tests.support.simulator.invariants import Invariants
from tests.support.simulator.remembered import Reader, Remembered
from tests.support.simulator.scheduler import Scheduler, Task, Wrong

KINDS = 21  # of programs: see actors.program
DRAINED_WITHIN = 3  # times three days on which everything works
DAY_MS = 24 * 3_600_000
MOST_BEFORE = 25  # calls of whoever is overtaken
MOST_BEHIND = 12  # writes that an index does not know yet
BEGUN = (0, 1, 2, 8)  # payments that have come before
STAGE = 8  # actions, one after the other and without faults, from one stage of a company to the next


@dataclass(frozen=True)
class Length:
    """How much is in a seed. `stages`: at which its company may be; `days`: whether nine of them go by in the end."""

    name: str
    rounds: tuple[int, ...]
    at_once: tuple[int, ...]
    groups: tuple[dict[str, actions.Draw], ...]
    stages: int
    days: bool

    def __reduce__(self) -> tuple[Any, ...]:
        """For other processes, by its name."""
        return length_called, (self.name,)


LONG = Length("long", (1, 3, 6, 10, 15), (1, 2, 3, WORKERS, WORKERS), actions.GROUPS, 1, days=True)
SHORT = Length("short", (1,), (2, 2, 2, 3), actions.STEPS, 5, days=False)
LENGTHS = {each.name: each for each in (LONG, SHORT)}


def length_called(name: str) -> Length:
    return LENGTHS[name]


@dataclass
class Outcome:
    """What a run was: how many calls, commits and choices it had, and which faults struck where."""

    seed: int
    length: Length = LONG
    calls: int = 0
    commits: int = 0
    actions: list[str] = field(default_factory=list)
    choices: list[int] = field(default_factory=list)
    sites: Counter[tuple[str, str]] = field(default_factory=Counter)
    injected: Counter[tuple[str, str]] = field(default_factory=Counter)


class Failed(AssertionError):
    """A seed whose run was not right."""

    def __init__(self, outcome: Outcome, error: BaseException, command: str = "") -> None:
        told = "\n    ".join(outcome.actions)
        command = command or again(outcome.seed, outcome.length)
        super().__init__(f"{command}\n{type(error).__name__}: {error}\nafter\n    {told}")
        self.outcome = outcome


def again(seed: int, length: Length = LONG) -> str:
    """The command that repeats it."""
    return f'make simulate ARGS="--{length.name} --seed {seed}"'


@dataclass(frozen=True)
class Beginning:
    """What is there when a run begins: it is made once, and copied. `remembered`: what was found of it."""

    deployed: Simulated
    actors: Actors
    invariants: Invariants
    remembered: Remembered = field(default_factory=dict)


@cache
def beginning(terms: int, stage: int = 0) -> Beginning:
    """A company. At first: a program, and people who refer each other: Ann, Ben, Cat, Dan, Eve, Fay; Gus comes from
    nobody. With each stage it has lived a little more, and something is always going on.
    """
    chosen = random.Random(f"{terms} {stage}")
    scheduler, faults = Scheduler(lambda _: 0), Faults(chosen)
    state = random.getstate()
    try:
        with rig() as here:
            if stage == 0:
                deployed = here.begin(here.empty(scheduler, faults), scheduler, faults, terms)
                return _begun(deployed, terms)
            before = beginning(terms, stage - 1)
            deployed = here.begin(before.deployed, scheduler, faults, terms)
            run = Run(deployed, before, chosen, Outcome(terms), terms, Turns(chosen), SHORT)
            run.lives(STAGE)
            return Beginning(deployed, run.actors, run.invariants)
    finally:
        random.setstate(state)


def _begun(deployed: Simulated, terms: int) -> Beginning:
    books, actors, body = deployed.world.books, Actors(deployed), program(terms)
    caps = tuple((each["currency"], each["amount"]) for each in body["monthlyCaps"])
    products = tuple((each["productId"], rule_of(each)) for each in body["productRules"])
    own, *others = body["currencies"]
    books.program(
        currencies={each["currency"]: CurrencyTerms() for each in others}, hold_days=body["holdDays"],
        rules=RuleSet(rule_of(body["rules"]), products, monthly_cap=caps),
        reviews_rewards=body["reviewRewards"],
        payout_minimum=own["payoutMinimum"], adjustment_limit=own["adjustmentLimit"],
        auto_approve_limit=own.get("autoApproveLimit"), second_approval_limit=own.get("secondApprovalLimit"),
        maker_window_days=0,
    )  # fmt: skip
    books.chain("ann", "ben", "cat", "dan", "eve", "fay")
    for number in BEGUN:
        actors.pay(number, 0)
    rest(deployed)
    books.clock.forward(2 * DAY_MS)
    actors.find_due()
    rest(deployed)
    for name in witness.CHAIN:
        actors.id_of(name)
    invariants = Invariants(deployed.table, deployed.stripe)
    invariants.check()
    return Beginning(deployed, actors, invariants)


def simulate(seed: int, length: Length = LONG, here: Rig | None = None) -> Outcome:
    """One run. `here`: where others have taken place. Raises Failed."""
    chosen = random.Random(seed)
    faults = Faults.drawn(chosen)
    turns = Turns(chosen)
    scheduler, outcome = Scheduler(turns.choose), Outcome(seed, length)
    state = random.getstate()
    try:
        terms = chosen.randrange(KINDS)
        before = beginning(terms, chosen.randrange(length.stages) if length.stages > 1 else 0)
        with nullcontext(here) if here else rig() as place:
            deployed = place.begin(before.deployed, scheduler, faults, seed)
            Run(deployed, before, chosen, outcome, terms, turns, length).live()
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
    before: Beginning
    chosen: random.Random
    outcome: Outcome
    terms: int  # of the program
    turns: Turns
    length: Length
    has_model: bool = True

    def __post_init__(self) -> None:
        known = self.before.actors
        self.actors = Actors(self.deployed, known.requests, set(known.returned), dict(known.ids))
        self.invariants = self.before.invariants.copy(self.deployed.table, self.deployed.stripe)
        self.deployed.workers[0].table.client.done = self.committed

    def committed(self) -> None:
        self.invariants.check()
        if self.deployed.faults.strikes("late index", 0.1):
            self.deployed.table.behind = self.chosen.randrange(MOST_BEHIND)

    def live(self) -> None:
        faults, chosen = self.deployed.faults, self.chosen
        faults.quiet = False
        draw = self._draws(0.7)
        for _ in range(chosen.choice(self.length.rounds)):
            self._at_once([draw() for _ in range(chosen.choice(self.length.at_once))])
        faults.quiet = True
        self.outcome.commits = self.invariants.commits
        self.outcome.actions.append("all is quiet")
        self._drains()
        self._is_right()

    def lives(self, steps: int) -> None:
        """What happens before a run: one thing after the other, and nothing goes wrong."""
        draw = self._draws(1.0)
        for _ in range(steps):
            self._at_once([draw()])
        while sum(self.deployed.follow(each, 100) for each in self.deployed.read):
            self.deployed.take(self.deployed.boards, "leaderboards")
        self.invariants.check()

    def _draws(self, likely: float) -> Callable[[], Action]:
        """What happens next. Where a model is held against the run, nothing happens that it does not know.

        `likely`: that it is.
        """
        chance = actions.Chance.drawn(self.chosen)
        weights = {name: self.chosen.choice((0.01, 1.0, 1.0, 4.0)) for name in actions.ALL} | {"comes": 1.0}
        self.has_model = self.chosen.random() < likely
        if self.has_model:
            weights |= dict.fromkeys(witness.LEFT_OUT, 0.0)
        return lambda: actions.draw(chance, weights, self.length.groups)

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
        """No more faults: everything is delivered; where days go by, schedules tick, and nothing is left to do."""
        deployed = self.deployed
        deployed.table.behind = 0
        deployed.table.catch_up()
        deployed.stripe.fates.clear()
        deployed.stripe.deaf = 0
        rest(deployed)
        for _ in range(DRAINED_WITHIN if self.length.days else 0):
            deployed.world.books.clock.forward(3 * DAY_MS)
            for schedule in ("maturity", "expiry", "sweeper"):
                deployed.tick(schedule)
            rest(deployed)
        self.invariants.check()

    def _is_right(self) -> None:
        deployed, books = self.deployed, self.deployed.world.books
        assert not any(deployed.groups.values()), "messages of the maturity queue are never done"
        begun = len(self.before.deployed.table.changes)
        reader = Reader(books.client, deployed.table, begun, self.before.remembered)
        actors = Recalling(deployed, ids=dict(self.actors.ids), reader=reader)
        with reader.reads(books.table):
            if self.length.days:
                self._nothing_is_left(actors)
                found = list(verify(books.context, Checked()))
            else:
                found = verified(books.context, deployed.table, reader)
            assert not found, found
            Expectations(actors).check()
            if self.has_model:
                differences = witness.differences(actors, self.terms)
                assert not differences, "the model does not agree:\n" + "\n".join(differences)

    def _nothing_is_left(self, actors: Actors) -> None:
        now_ms, machine = self.deployed.world.books.clock(), self.deployed.machine
        for name in PARTNERS:
            for reward in actors.rewards(name):
                waits = reward.status is RewardStatus.PENDING and not reward.held
                assert not waits or reward.matures_at_ms > now_ms, f"never matures: {reward}"
        running = {run.name.split("-")[0] for run in machine.running()}
        for made in actors.withdrawals():
            assert made.status not in OPEN or made.problem or made.id in running, f"stands still: {made}"


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
        moved.append(deployed.take(deployed.leads, "lead_events"))
        if not any(moved):
            return
    raise AssertionError("it never comes to rest")
