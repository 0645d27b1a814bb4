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

from refledger.domain.adjustments import AdjustmentKind, AdjustmentRequest
from refledger.domain.errors import Refledger
from refledger.domain.rewards import Reward, RewardStatus
from refledger.domain.rules import RuleSet
from refledger.domain.times import DAY_MS
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.operations import adjustments
from refledger.operations.payouts import withdrawals
from refledger.store import adjustments as stored_adjustments
from refledger.store import ledger
from refledger.store import payments as stored_payments
from refledger.store import withdrawals as stored_withdrawals
from refledger.store.transaction import RetryableConflict
from tests.support import dynamodb, seeds
from tests.support.books import Books
from tests.support.faults import Death, FaultInjectingClient, conflict, die
from tests.support.programs import a_rule

log = logging.getLogger(__name__)
HOLD_MS = 30 * DAY_MS
PAIRS = os.environ.get("INTERRUPTED_PAIRS", "40")  # how many of some 9,000 are tried, each at each call, or "all"


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
    def other(self) -> str:
        """Another payment of the same customer."""
        return f"other{self.number}"

    @property
    def reward(self) -> Reward:
        """Before there is one, any reward that is not there."""
        found = self.books.rewards(self.partner)
        return found[0] if found else replace(NOBODYS, partner_id=self.books.partner(self.partner).id)

    @property
    def user(self) -> str:
        return self.books.user(self.partner)

    @property
    def withdrawal(self) -> str:
        """The id of one that there may be."""
        return self.books.ids.withdrawal(self.books.partner(self.partner).id, f"w{self.number}")

    @property
    def adjustment(self) -> str:
        """The id of one that waits for a second person, "" where there is none."""
        found = stored_adjustments.of_partner(self.books.table, self.books.partner(self.partner).id, "", 1)
        return next((id for _, id in found), "")

    def decided(self, status: WithdrawalStatus) -> None:
        withdrawals.decide(self.books.context, self.withdrawal, status, "ann", f"{status} {self.number}", "seen")

    def asked(self) -> None:
        """A correction that needs a second person."""
        wanted = AdjustmentRequest(
            self.books.partner(self.partner).id, "USD", 5_000, AdjustmentKind.ADJUSTMENT, "a test"
        )  # fmt: skip
        adjustments.request(self.books.context, wanted, "ann", "route", f"adjust {self.number}", "body")

    def since(self, at_ms: int) -> int:
        """Stories happen at different times, and are the same otherwise."""
        return at_ms - self.paid_ms if at_ms else 0

    def picture(self) -> tuple[Any, ...]:
        """Where it has come to: the payment, its reward, the partner's money."""
        books, partner_id = self.books, self.books.partner(self.partner).id
        found = books.rewards(self.partner)
        names = (self.payment, self.alias, self.other)
        known = stored_payments.many(books.table, [books.ids.payment("payments", name) for name in names])
        balance = ledger.find_balance(books.table, partner_id, "USD")
        made = stored_withdrawals.many(books.table, [self.withdrawal])
        corrected = [stored_adjustments.find(books.table, self.adjustment).status] if self.adjustment else []
        return (
            [(p.kind, p.currency, replace(p.back, total_at_ms=self.since(p.back.total_at_ms))) for p in known],
            sorted((r.amount, r.reversed, r.status, r.held, str(r.cancelled), bool(r.entry)) for r in found),
            (balance.available, balance.reserved, balance.paid, balance.unpaid),
            [each.status for each in made], corrected,
        )  # fmt: skip


NOBODYS = Reward(
    id="0" * 48, partner_id="", tier=1, amount=1, currency="USD", status=RewardStatus.PENDING, base=1, rate_bps=1,
    rule_version=1, program_id="default", payment="", referral_id="", matures_at_ms=0, earned_at_ms=0,
)  # fmt: skip
Act = Callable[[Story], object]
Pictures = dict[tuple[str, ...], tuple[Any, ...]]
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
    "other payment": lambda s: s.books.pay(s.payment, s.other, 10_000, occurred_at_ms=s.paid_ms + 1),
    "alias back": lambda s: s.books.alias(s.payment, s.alias),
    "withdraw": lambda s: s.books.withdraw(s.partner, 3_000, f"w{s.number}"),
    "withdraw more": lambda s: s.books.withdraw(s.partner, 1_000, f"more{s.number}"),
    "say yes": lambda s: s.decided(WithdrawalStatus.APPROVED),
    "say no": lambda s: s.decided(WithdrawalStatus.REJECTED),
    "is paid": lambda s: withdrawals.conclude(
        s.books.context, s.withdrawal, WithdrawalStatus.PAID, "ann", "paid", "", f"bank{s.number}"
    ),
    "adjust": lambda s: s.asked(),
    "adjust: yes": lambda s: adjustments.approve(s.books.context, s.adjustment, "eve", "yes", ""),
    "adjust: no": lambda s: adjustments.reject(s.books.context, s.adjustment, "joe", "no", ""),
}
# how far a story is when something happens in it; None: 30 days go by
WORLDS: dict[str, list[str | None]] = {
    "nothing": [],
    "waiting": ["payment"],
    "due": ["payment", None],
    "approved": ["payment", None, "maturity"],
    "disputed": ["payment", "dispute", None],
    "refunded": ["payment", "refund of all", "refund", None, "maturity"],
    "refunded early": ["refund"],
    "asked for": ["payment", "other payment", None, "maturity", "withdraw"],
    "paid out": ["payment", "other payment", None, "maturity", "withdraw", "say yes", "is paid"],
    "corrected": ["adjust"],
}
# Guards that nothing else protects: each of these is tried at each call, always
GUARDED = (
    ("refunded early", "payment", "refund of all"),
    ("waiting", "refund", "refund of all"),
    ("waiting", "refund", "refund failed"),
    ("waiting", "dispute", "refund"),
    ("disputed", "won", "lost"),
    ("due", "hold", "approve"),
    ("waiting", "hold", "refund"),
    ("waiting", "refund", "hold"),
    ("disputed", "hold", "won"),
    ("disputed", "won", "hold"),
    ("nothing", "payment", "other payment"),
    ("nothing", "alias", "alias back"),
    ("waiting", "alias", "alias back"),
    ("refunded early", "alias back", "payment"),
    ("paid out", "withdraw more", "cover"),
    ("paid out", "cover", "withdraw more"),
    ("paid out", "cover", "cancel"),
    ("paid out", "cancel", "cover"),
    ("paid out", "adjust: yes", "cover"),
    ("asked for", "say no", "say yes"),
    ("asked for", "is paid", "say no"),
    ("corrected", "adjust: no", "adjust: yes"),
    ("corrected", "adjust: yes", "adjust: no"),
)


@pytest.fixture(scope="module")
def books(dynamodb_endpoint: str) -> Books:
    """For all stories: each has people and payments of its own."""
    made = Books(dynamodb.new_database(dynamodb_endpoint))
    made.program(
        hold_days=30, rules=RuleSet(a_rule(2_000, first=(3_000,))), adjustment_limit=1_000, maker_window_days=0
    )
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
                books.clock.forward(HOLD_MS + 1)
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
        with suppress(Refledger, RetryableConflict):  # or told to try again
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


def _serial(stories: Callable[[str], Story], known: Pictures, world: str, *names: str) -> tuple[Any, ...]:
    """One after the other."""
    if (world, *names) not in known:
        story = stories(world)
        for name in names:
            done(story, name)
        known[world, *names] = story.picture()
    return known[world, *names]


def _overtaken(
    books: Books, stories: Callable[[str], Story], known: Pictures, world: str, slow: str, fast: str,
    to_the_last: bool = False,
) -> None:  # fmt: skip
    """Before each call of the slow one, up to its first write or its last, the fast one runs to its end.

    What writes several times, as a withdrawal does that lets rewards mature first, is two acts to who comes between.
    """
    counted = calls_of(stories(world), slow)
    end = counted.last_write if to_the_last else min(counted.first_write, counted.last_write)
    orders = _serial(stories, known, world, slow, fast), _serial(stories, known, world, fast, slow)
    for at in range(1, end + 1):
        story = stories(world)
        done(story, slow, FaultInjectingClient(books.client, at, before=lambda s=story: done(s, fast)))  # type: ignore[misc]
        assert story.picture() in orders, (world, slow, fast, at, counted.calls)


def test_who_is_overtaken_comes_to_one_of_both_orders(books: Books, stories: Callable[[str], Story]) -> None:
    """Between what an operation reads, or before it writes, another one runs to its end: as if one had come first."""
    seed = seeds.seed("RACE_SEED")
    log.warning("RACE_SEED=%d", seed)
    every = [(world, a, b) for world in WORLDS for a in ACTS for b in ACTS if a != b]
    chosen = every if PAIRS == "all" else random.Random(seed).sample(every, int(PAIRS))
    known: Pictures = {}
    for world, slow, fast in chosen:
        _overtaken(books, stories, known, world, slow, fast)


@pytest.mark.parametrize(("world", "slow", "fast"), GUARDED)
def test_a_guard_that_stands_alone(
    books: Books, stories: Callable[[str], Story], world: str, slow: str, fast: str
) -> None:
    """The same where only one condition keeps two from both writing."""
    _overtaken(books, stories, {}, world, slow, fast, to_the_last=True)
