"""The proof: everything that can happen to the deployment, in any order, twice, at once and half done.

After each step every invariant of the books holds (`verify`), and what was sent explains what is there. A long run:
`make simulate` (SIMULATE_RUNS sequences of SIMULATE_STEPS steps each, on top of what the tests run).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from refledger.domain.errors import Busy
from refledger.domain.rewards import RewardStatus
from refledger.domain.withdrawals import OPEN
from refledger.store.transaction import RetryableConflict
from tests.support.actors import CURRENCIES, DISPUTES, PARTNERS, PAYMENTS, REFUNDS, STAFF, Actors, program
from tests.support.books import Books, Faulty
from tests.support.deployment import deployment
from tests.support.expectations import Expectations
from tests.support.faults import Death, FaultInjectingClient, die

RUNS, STEPS = int(os.environ.get("SIMULATE_RUNS", "2")), int(os.environ.get("SIMULATE_STEPS", "30"))
Action = tuple[Any, ...]

numbers, places = st.integers(0, PAYMENTS - 1), st.integers(0, 11)
names, currencies, staff = st.sampled_from(PARTNERS), st.sampled_from(CURRENCIES), st.sampled_from(STAFF)


def action(name: str, *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Action]:
    return st.tuples(st.just(name), *arguments)


EVENTS = (
    action("pay", numbers, st.just(0)),
    action("refund", numbers, st.integers(0, REFUNDS - 1)),
    action("dispute", numbers, st.integers(0, DISPUTES - 1)),
    action("close", numbers, st.integers(0, DISPUTES - 1)),
)
DELIVERIES = (
    action("deliver", places, st.integers(1, 10)),
    action("redeliver", places, st.integers(1, 4)),
    action("mature"),
    action("find_due"),
)
WITHDRAWALS = (
    action("withdraw", names, currencies, st.sampled_from([10, 50, 100, 101]), st.integers(0, 20), st.booleans()),
    action("take_back", places),
    action("decide", places, st.sampled_from(["approve", "approve", "reject"]), staff),
    action("settle", places, st.booleans(), staff),
    action("mend", places, st.sampled_from(["retry", "resolve"]), staff),
    action("come_back", places, staff),
    action("provider_tells", places),
    action("provider_takes_back", places),
    action("work", st.integers(1, 6)),
    action("sweep"),
)
BY_HAND = (
    action("by_hand", names, places, st.sampled_from(["hold", "release", "approve", "cancel"]), staff),
    action("give", names, currencies, st.sampled_from([1, 4_999, 5_001]), staff),
    action("pay_reward", names, places, staff),
    action("many", names, places, st.sampled_from(["approve", "cancel", "pay"]), staff),
    action("refer", names, st.integers(0, 2)),
    action("convert", names, places, st.sampled_from([100, 9_999, 10_000]), staff),
    action("program_becomes", st.sampled_from(["pause", "resume", "resume"])),
    action("adjust", names, currencies, st.integers(-9_000, 9_000).filter(bool), st.booleans(), staff),
    action("decide_adjustment", names, places, st.sampled_from(["approve", "reject"]), staff),
    action("parked", places, st.sampled_from(["accept", "dismiss"]), staff),
    action("partner_becomes", names, st.sampled_from(["activate", "activate", "deactivate", "suspend"])),
)
REFERRALS = (
    action("move", names, places, st.sampled_from(["accept", "accept", "reject", "expire"]), staff),
    action("expire"),
)
ANYTHING = st.one_of(*EVENTS, *DELIVERIES, *DELIVERIES, *WITHDRAWALS, *BY_HAND, *REFERRALS)
SAME = st.one_of(
    st.tuples(st.just("refund"), st.integers(0, REFUNDS - 1)),
    st.tuples(st.sampled_from(["dispute", "close"]), st.integers(0, DISPUTES - 1)),
    st.tuples(st.sampled_from(["hold", "release", "approve", "cancel"]), st.integers(0, 1)),
    st.tuples(st.sampled_from(["mature", "withdraw"]), st.integers(0, 1)),
)


class Simulation(RuleBasedStateMachine):
    endpoint = ""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.deployed = self.stack.enter_context(deployment(self.endpoint))
        self.books: Books = self.deployed.world.books
        self.books.context = replace(self.books.context, pause=lambda ms: time.sleep(min(ms, 8) / 1000))
        self.sound = self.books.context
        self.actors = Actors(self.deployed)
        self.expected = Expectations(self.actors)
        self.begun, self.payouts = False, 0

    @initialize(terms=st.integers(0, 20))
    def begin(self, terms: int) -> None:
        """A program, and people who refer each other: Ann, Ben, Cat, Dan, Eve, Fay; the last two earn from nobody."""
        body = program(terms)
        self.books.program(
            currencies=("JPY",), tier_rates_bps=body["tierRatesBps"], hold_days=body["holdDays"],
            attribution_days=None if terms % 4 else 3,
        )  # fmt: skip
        self.books.chain("ann", "ben", "cat", "dan", "eve", "fay")
        self.actors.change_program(terms)
        for number in range(PAYMENTS // 2):
            self.actors.pay(number, 0)
        self.all_matures(24)
        self.begun = True

    # ---------------------------------------------------------------- what happens

    def act(self, chosen: Action) -> None:
        name, *arguments = chosen
        getattr(self.actors, name)(*arguments)

    @rule(chosen=ANYTHING)
    def once(self, chosen: Action) -> None:
        self.act(chosen)

    @rule(chosen=st.lists(st.one_of(*EVENTS), min_size=3, max_size=10))
    def many_events(self, chosen: list[Action]) -> None:
        """A busy day: one batch of what was sent is delivered."""
        for each in chosen:
            self.act(each)
        self.actors.deliver(0, 10)

    @rule(hours=st.sampled_from([0, 1, 25]))
    def all_matures(self, hours: int) -> None:
        """A day on which everything works: what was sent is delivered, what is due becomes money."""
        while self.deployed.queue:
            self.actors.deliver(0, 10)
        self.actors.time_passes(hours)
        self.actors.find_due()
        while self.deployed.mature():
            pass

    @rule(
        name=names, currency=currencies, stripe=st.booleans(), percent=st.sampled_from([30, 100]),
        far=st.integers(1, 4),
        fate=st.sampled_from(["", "", "LOST", "DOWN", "DECLINED", "NO FUNDS"]),
    )  # fmt: skip
    def is_paid_out(self, name: str, currency: str, stripe: bool, percent: int, far: int, fate: str) -> None:
        """A withdrawal that nobody disturbs, so that there is something to be disturbed later; or so far of it."""
        self.payouts += 1
        self.actors.partner_becomes(name, "activate")
        self.actors.withdraw(name, currency, percent, 100 + self.payouts, stripe)
        if fate and stripe:
            self.actors.fate(fate)
        mine = self.actors.id_of(name)
        for place, made in enumerate(self.actors.withdrawals()):
            if made.status in OPEN and made.partner_id == mine:
                for who in ("admin", "boss")[: far - 1]:
                    self.actors.work(10)
                    self.actors.decide(place, "approve", who)
                if far == 4:
                    self.actors.work(10)
                    self.actors.time_passes(1)  # the workflow's own retries come first
                    self.actors.work(10)
                    self.actors.settle(place, True, "boss")
        self.actors.work(10)

    @rule(number=numbers, dispute=st.integers(0, DISPUTES - 1), hours=st.sampled_from([1, 30, 300]))
    def long_dispute(self, number: int, dispute: int, hours: int) -> None:
        """A payment that is in dispute when its time comes, and the end of it, maybe long after."""
        self.actors.pay(number, 0)
        self.actors.dispute(number, dispute)
        self.all_matures(hours)
        self.all_matures(hours)
        self.actors.close(number, dispute)
        self.actors.deliver(0, 10)

    @rule(number=numbers, slow=SAME, fast=st.lists(SAME, min_size=1, max_size=2), at=st.integers(1, 5))
    def overtaken(self, number: int, slow: Action, fast: list[Action], at: int) -> None:
        """Something about one payment, and between two of its calls others about the same, to their end."""
        self.actors.pay(number, 0)
        self.actors.deliver(0, 10)

        def others() -> None:
            self.books.context = self.sound
            for each in fast:
                self.actors.about(number, *each)

        self.books.context = self.through(FaultInjectingClient(self.books.client, at, before=others))
        try:
            with suppress(Busy, RetryableConflict):
                self.actors.about(number, *slow)
        finally:
            self.books.context = self.sound

    @rule(chosen=ANYTHING)
    def twice(self, chosen: Action) -> None:
        """A client that did not hear the answer, an invocation that came again."""
        self.act(chosen)
        self.act(chosen)

    @rule(chosen=ANYTHING, seed=st.integers(0, 99))
    def shaky(self, chosen: Action, seed: int) -> None:
        """Writes that are refused, or done without an answer."""
        self.books.context = self.through(Faulty(self.books.client, 30, seed))
        try:
            with suppress(Busy, RetryableConflict):  # what has nobody to answer to is tried again by who calls it
                self.act(chosen)
        finally:
            self.books.context = self.sound

    @rule(chosen=ANYTHING, at=st.integers(0, 9), done=st.booleans())
    def dying(self, chosen: Action, at: int, done: bool) -> None:
        """The process ends before or after one of its calls to the table."""
        end: dict[str, Callable[[], None]] = {"after": die} if done else {"before": die}
        self.books.context = self.through(FaultInjectingClient(self.books.client, at, **end))
        try:
            with suppress(Death):
                self.act(chosen)
        finally:
            self.books.context = self.sound

    @rule(chosen=st.lists(ANYTHING, min_size=2, max_size=6))
    def together(self, chosen: list[Action]) -> None:
        """In threads. The workflow is one thread's: Step Functions runs an execution's states one after the other."""
        alone = {"work", "settle", "time_passes", "deliver", "redeliver", "mature"}
        jobs = [each for each in chosen if each[0] not in alone]
        jobs += [each for each in chosen if each[0] in alone][:1]
        with ThreadPoolExecutor(len(jobs)) as pool:
            list(pool.map(partial(self.patiently), jobs))

    def patiently(self, chosen: Action) -> None:
        with suppress(Busy, RetryableConflict):
            self.act(chosen)

    @rule(hours=st.sampled_from([0, 1, 13, 24, 24, 200]))
    def time_passes(self, hours: int) -> None:
        self.actors.time_passes(hours)

    @rule(terms=st.integers(0, 20))
    def change_program(self, terms: int) -> None:
        self.actors.change_program(terms)

    @rule(what=st.sampled_from(["LOST", "DOWN", "DECLINED", "NO FUNDS"]))
    def fate(self, what: str) -> None:
        self.actors.fate(what)

    def through(self, client: Any) -> Any:
        return replace(self.books.behind(client), pause=self.sound.pause)

    # ---------------------------------------------------------------- what must hold

    @invariant()
    def books_are_right(self) -> None:
        assert self.books.faults() == []

    @invariant()
    def what_was_sent_explains_what_is_there(self) -> None:
        self.expected.check()

    def teardown(self) -> None:
        """When all is quiet, nothing that could go on has stopped; then the world ends."""
        try:
            if self.begun:
                self.settle_down()
        finally:
            self.stack.close()

    def settle_down(self) -> None:
        """Everything is delivered, time goes by, schedules tick: what waits then waits for a person, or for nothing."""
        self.deployed.stripe.fates.clear()
        for _ in range(3):
            while self.deployed.queue:
                self.actors.deliver(0, 10)
            self.books.clock.forward(3 * 24 * 3_600_000)
            self.actors.find_due()
            while self.deployed.mature():
                pass
            self.actors.sweep()
            self.deployed.work()
        assert not any(self.deployed.groups.values())
        for name in PARTNERS:
            for reward in self.actors.rewards(name):
                assert reward.status is not RewardStatus.PENDING or reward.held, reward
        running = {run.name.split("-")[0] for run in self.deployed.machine.running()}
        for made in self.actors.withdrawals():
            assert made.status not in OPEN or made.problem or made.id in running, made
        self.books_are_right()
        self.what_was_sent_explains_what_is_there()


def test_anything_in_any_order(dynamodb_endpoint: str) -> None:
    """Payments, refunds, disputes, maturity, withdrawals, decisions, payouts, holds, adjustments, programs, time."""
    calm = settings(
        max_examples=RUNS, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck),
        database=None, print_blob=True,
    )  # fmt: skip
    machine: Any = type("Here", (Simulation,), {"endpoint": dynamodb_endpoint})
    run_state_machine_as_test(machine, settings=calm)
