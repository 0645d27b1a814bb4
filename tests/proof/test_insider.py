"""One person with every role and any number of friends: however they go about it, a day brings them the limit.

A long run: `make simulate` (SIMULATE_RUNS sequences of SIMULATE_STEPS steps each, on top of what the tests run).
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from refledger.store.table import Table
from tests.support.deployment import deployment
from tests.support.insider import FRIENDS, LIMIT, LOOSER, OUT, SIGN_INS, TOLD, Insider
from tests.support.memory.client import Client
from tests.support.simulator.deployment import TABLE_CALLS
from tests.support.simulator.faults import Faults, Seam
from tests.support.simulator.scheduler import Scheduler, Task

RUNS, STEPS = int(os.environ.get("SIMULATE_RUNS", "6")), int(os.environ.get("SIMULATE_STEPS", "20"))
# to make a failure short takes minutes: the long runs do
PHASES = (Phase.generate, Phase.shrink) if "SIMULATE_RUNS" in os.environ else (Phase.generate,)
HOURS = 20  # that go by in a run: all of it is one day
Action = tuple[Any, ...]
NEW = ("zoe", "yan")  # whom she lets in
places = st.integers(0, 30)
names, currencies = st.sampled_from(FRIENDS), st.sampled_from(["USD", "USD", "EUR"])
amounts = st.sampled_from([1, LIMIT // 3, LIMIT, LIMIT, LIMIT + 1, 20 * LIMIT, -1, -LIMIT])


def action(name: str, *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Action]:
    return st.tuples(st.just(name), *arguments)


WAYS_IN = (
    action("adjust", names, amounts, currencies),
    action("write_off", names, amounts, currencies),
    action("decide_adjustment", places, st.sampled_from(["approve", "reject"])),
    action("give", names, amounts, currencies),
    action("convert", names, amounts, currencies),
    action("tell", names, amounts, currencies),
    action("release_all"),
    action("of_reward", places, st.sampled_from(["hold", "release", "approve", "process-payment"])),
    action("many_rewards", st.sampled_from(["approve", "pay"])),
)
PROTECTIONS = (
    action("link"),
    action("let_in", st.sampled_from(NEW), st.booleans()),
    action("rate", names, st.sampled_from([2001, 9000, 1000])),
    action("new_program"),
    action("change_program", st.integers(0, len(LOOSER) - 1)),
    action("partner_becomes", names, st.sampled_from(["suspend", "activate", "deactivate"])),
)
OUTS = st.sampled_from([1, OUT // 3, OUT, OUT, OUT + 1, 20_000])
WAYS_OUT = (
    action("withdraw", st.sampled_from(SIGN_INS), OUTS, currencies),
    action("of_withdrawal", places, st.sampled_from(["approve", "approve", "mark-paid", "reject"])),
    action("of_withdrawal", places, st.sampled_from(["mark-failed", "mark-returned", "retry"])),
    action("many_withdrawals", st.sampled_from(["approve", "mark-paid"])),
    action("export"),
)
ANYTHING = st.one_of(*WAYS_IN, *WAYS_OUT, *PROTECTIONS, action("happens"), action("read"))
AT_ONCE = st.one_of(*WAYS_IN, *WAYS_OUT, action("link"))  # the workflow is one thread's


class OnePerson(RuleBasedStateMachine):
    endpoint = ""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.insider = Insider(self.stack.enter_context(deployment(self.endpoint)))
        if isinstance(client := self.insider.deployed.world.books.client, Client):
            client.scheduled = True
        self.hours = 0

    @initialize()
    def begin(self) -> None:
        self.insider.begin()
        assert self.insider.made() == 0

    def act(self, chosen: Action) -> None:
        name, *arguments = chosen
        getattr(self.insider, name)(*arguments)

    @rule(chosen=ANYTHING)
    def once(self, chosen: Action) -> None:
        self.act(chosen)

    @rule(chosen=st.lists(ANYTHING, min_size=3, max_size=8))
    def some(self, chosen: list[Action]) -> None:
        for each in chosen:
            self.act(each)

    @rule(chosen=ANYTHING, times=st.integers(3, 12))
    def in_pieces(self, chosen: Action, times: int) -> None:
        """The same again and again, each time as a request of its own."""
        for _ in range(times):
            self.act(chosen)
        self.insider.happens()

    @rule(chosen=st.lists(AT_ONCE, min_size=2, max_size=6), turns=st.lists(st.integers(0, 5), max_size=60))
    def at_once(self, chosen: list[Action], turns: list[int]) -> None:
        """Side by side; whose turn it is at each call to the table the numbers say, after them the first one's."""
        left, books = iter(turns), self.insider.deployed.world.books
        scheduler = Scheduler(lambda below: next(left, 0) % below)
        alone = books.context
        at_table = Seam(books.client, scheduler, Faults(Random(0)), TABLE_CALLS)
        books.context = replace(alone, table=Table(at_table, books.table_name), pause=lambda _: scheduler.switch())
        try:
            scheduler.run([Task(str(each), partial(self.act, each)) for each in chosen])
        finally:
            books.context = alone

    @rule(name=st.sampled_from(SIGN_INS), amount=OUTS, many=st.integers(1, 6))
    def pay_out(self, name: str, amount: int, many: int) -> None:
        """All that it takes, one after the other."""
        for _ in range(many):
            self.insider.withdraw(name, amount, "USD")
        self.insider.happens()
        self.insider.many_withdrawals("approve")
        self.insider.happens()
        self.insider.export()
        self.insider.many_withdrawals("mark-paid")
        self.insider.happens()

    @rule(hours=st.integers(0, 6))
    def time_passes(self, hours: int) -> None:
        hours = min(hours, HOURS - self.hours)
        self.hours += hours
        self.insider.deployed.world.books.clock.forward(hours * 3_600_000)
        self.insider.happens()

    @invariant()
    def nobody_made_more_than_the_limit(self) -> None:
        """Over all friends, ways and currencies; what the token tells has a limit of its own, once."""
        if self.insider.partners:
            assert self.insider.made() <= LIMIT + TOLD

    @invariant()
    def no_more_has_left_than_one_may_let_out(self) -> None:
        """Over all friends, ways and currencies, whatever was called failed or returned afterwards."""
        assert self.insider.received() <= OUT

    def teardown(self) -> None:
        """The books are right; then the world ends."""
        try:
            if self.insider.partners:
                assert self.insider.deployed.world.books.faults() == []
        finally:
            self.stack.close()


def test_what_one_person_may_do_goes_through(dynamodb_endpoint: str) -> None:
    """Up to both limits: the machine's ways are ways."""
    with deployment(dynamodb_endpoint) as deployed:
        insider = Insider(deployed)
        insider.begin()
        insider.withdraw("bob", OUT, "USD")
        insider.happens()
        insider.many_withdrawals("approve")
        insider.happens()
        insider.export()
        insider.many_withdrawals("mark-paid")
        assert insider.received() == OUT
        insider.give("eve", LIMIT - 1, "USD")
        insider.convert("eve", 1, "EUR")
        insider.happens()
        assert insider.made() == LIMIT


def test_one_person_gets_no_more_than_the_limit(dynamodb_endpoint: str) -> None:
    """Adjustments, gifts, conversions, releases, links, terms, withdrawals, files, marks, pieces, overtakings."""
    calm = settings(
        max_examples=RUNS, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck),
        database=None, print_blob=True, phases=PHASES,
    )  # fmt: skip
    machine: Any = type("Here", (OnePerson,), {"endpoint": dynamodb_endpoint})
    run_state_machine_as_test(machine, settings=calm)
