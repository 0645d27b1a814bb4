"""Whatever dies, repeats or overtakes at any call: the end is that of one order, and the books are right."""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import pytest

from refledger.domain.errors import Refledger
from refledger.domain.rewards import Reward, RewardStatus
from refledger.domain.times import DAY_MS
from refledger.store import payments as stored_payments
from tests.support import dynamodb
from tests.support.books import Books
from tests.support.faults import Death, FaultInjectingClient, conflict, die

log = logging.getLogger(__name__)
HOLD_MS = 30 * DAY_MS
PAIRS = int(os.environ.get("INTERRUPTED_PAIRS", "12"))  # how many of some 1,200 races are run


@dataclass
class Story:
    """One customer's payment, `number`, with a partner, refund, dispute and other name of its own."""

    books: Books
    number: int
    paid_ms: int

    @property
    def partner(self) -> str:
        return f"partner{self.number}"

    @property
    def payment(self) -> str:
        return f"in{self.number}"

    @property
    def alias(self) -> str:
        return f"pi{self.number}"

    @property
    def reward(self) -> Reward:
        """Before there is one, any reward that is not there."""
        found = self.books.rewards(self.partner)
        return found[0] if found else replace(NOBODYS, partner_id=self.books.partner(self.partner).id)

    def since(self, at_ms: int) -> int:
        """Stories happen at different times, and are the same otherwise."""
        return at_ms - self.paid_ms if at_ms else 0

    def picture(self) -> tuple[Any, ...]:
        """Where it has come to: the payment, its reward, the partner's money."""
        found = self.books.rewards(self.partner)
        known = stored_payments.many(self.books.table, [
            self.books.ids.payment("payments", name) for name in (self.payment, self.alias)
        ])  # fmt: skip
        return (
            [(p.kind, p.currency, replace(p.back, total_at_ms=self.since(p.back.total_at_ms))) for p in known],
            [(r.amount, r.reversed, r.status, r.held, r.cancelled, bool(r.entry)) for r in found],
            self.books.balance(self.partner),
        )


NOBODYS = Reward(
    id="0" * 48, partner_id="", tier=1, amount=1, currency="USD", status=RewardStatus.PENDING, base=1, rate_bps=1,
    rule_version=1, program_id="default", payment="", referral_id="", matures_at_ms=0, earned_at_ms=0,
)  # fmt: skip
Act = Callable[[Story], object]
ACTS: dict[str, Act] = {
    "payment": lambda s: s.books.pay(s.payment, s.payment, 10_000, occurred_at_ms=s.paid_ms),
    "refund": lambda s: s.books.refund(s.payment, 4_000, f"r{s.number}"),
    "refund failed": lambda s: s.books.refund(s.payment, 4_000, f"r{s.number}", failed=True),
    "refund of all": lambda s: s.books.refund(s.payment, 10_000, f"all{s.number}"),
    "refund by alias": lambda s: s.books.refund(s.alias, 1_000, f"a{s.number}"),
    "sum": lambda s: s.books.refund_total(s.payment, 6_000),
    "dispute": lambda s: s.books.dispute(s.payment, 3_000, f"d{s.number}"),
    "won": lambda s: s.books.close(s.payment, "WON", f"d{s.number}"),
    "lost": lambda s: s.books.close(s.payment, "LOST", f"d{s.number}"),
    "won by alias": lambda s: s.books.close(s.alias, "WON", f"d{s.number}"),
    "alias": lambda s: s.books.alias(s.alias, s.payment),
    "dismiss": lambda s: s.books.dismiss(s.payment),
    "maturity": lambda s: s.books.mature(s.partner),
    "hold": lambda s: s.books.hold(s.reward),
    "release": lambda s: s.books.release(s.reward),
    "approve": lambda s: s.books.approve(s.reward),
    "cancel": lambda s: s.books.cancel(s.reward),
    "cover": lambda s: s.books.cover(s.partner),
}
# how far a story is when something happens in it; None: 30 days go by
WORLDS: dict[str, list[str | None]] = {
    "nothing": [],
    "waiting": ["payment"],
    "due": ["payment", None],
    "approved": ["payment", None, "maturity"],
    "disputed": ["payment", "dispute", None],
    "refunded": ["payment", "refund of all", "refund", None, "maturity"],
}


@pytest.fixture(scope="module")
def books(dynamodb_endpoint: str) -> Books:
    """For all stories: each has people and payments of its own."""
    made = Books(dynamodb.new_database(dynamodb_endpoint))
    made.program(hold_days=30)
    return made


@pytest.fixture(scope="module")
def stories(books: Books) -> Iterator[Callable[[str], Story]]:
    """Begins a new one in a world; the books are right when all are done."""
    begun: list[Story] = []

    def begin(world: str) -> Story:
        story = Story(books, len(begun), books.clock())
        begun.append(story)
        books.apply(story.payment, story.partner)
        for step in WORLDS[world]:
            if step is None:
                books.clock.forward(HOLD_MS)
            else:
                ACTS[step](story)
        return story

    yield begin
    assert books.faults() == []


def done(story: Story, name: str, client: Any = None) -> None:
    """One act, through another client if one is given; refused by a rule is done, too."""
    sound = story.books.context
    if client is not None:
        story.books.context = story.books.behind(client)
    try:
        with suppress(Refledger):
            ACTS[name](story)
    finally:
        story.books.context = sound


def calls_of(story: Story, name: str) -> FaultInjectingClient:
    """The calls that an act makes where nothing happens."""
    counted = FaultInjectingClient(story.books.client, None)
    done(story, name, counted)
    return counted


@pytest.mark.parametrize("world", WORLDS)
def test_a_death_at_any_call_leaves_what_a_repeat_completes(
    books: Books, stories: Callable[[str], Story], world: str
) -> None:
    """Before and after each call of each operation the process ends; the repeat comes to what one try comes to."""
    for name in ACTS:
        undisturbed = stories(world)
        counted = calls_of(undisturbed, name)
        wanted = undisturbed.picture()
        for at in range(counted.first_write, len(counted.calls)):
            for what in ({"before": die}, {"after": die}, {"after": conflict}):
                story = stories(world)
                with suppress(Death):
                    done(story, name, FaultInjectingClient(books.client, at, **what))
                done(story, name)
                assert story.picture() == wanted, (name, counted.calls, at, what)


def test_who_is_overtaken_comes_to_one_of_both_orders(books: Books, stories: Callable[[str], Story]) -> None:
    """Between what an operation reads, or before it writes, another one runs to its end: as if one had come first."""
    seed = int(os.environ.get("RACE_SEED", random.randrange(10**6)))
    log.warning("RACE_SEED=%d", seed)
    every = [(world, a, b) for world in WORLDS for a in ACTS for b in ACTS if a != b]
    known: dict[tuple[str, ...], tuple[Any, ...]] = {}

    def serial(world: str, *names: str) -> tuple[Any, ...]:
        if (world, *names) not in known:
            story = stories(world)
            for name in names:
                done(story, name)
            known[world, *names] = story.picture()
        return known[world, *names]

    chosen = random.Random(seed)
    for world, slow, fast in chosen.sample(every, min(PAIRS, len(every))):
        counted = calls_of(stories(world), slow)
        if counted.first_write == len(counted.calls):
            continue  # it writes nothing here
        story, at = stories(world), chosen.randint(1, counted.first_write)
        done(story, slow, FaultInjectingClient(books.client, at, before=lambda s=story, f=fast: done(s, f)))  # type: ignore[misc]
        assert story.picture() in (serial(world, slow, fast), serial(world, fast, slow)), (world, slow, fast)
