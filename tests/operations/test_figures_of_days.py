"""Every counter of every day is what the books gained on that day: as the stream told it, late, in part, or built anew.

What is right is found without any of the code that dates: the sum of all items as they are at the end of a day, less
that of the day before.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from refledger.domain.errors import Refledger
from refledger.domain.partners import PartnerStatus
from refledger.domain.referrals import ReferralSource
from refledger.domain.rules import RuleSet
from refledger.domain.times import DAY_MS, HOUR_MS, MINUTE_MS, day
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.operations.context import Context
from refledger.operations.figures import rebuild as rebuilding
from refledger.operations.figures.counters import figures
from refledger.operations.figures.projection import STAMPED, project
from refledger.operations.figures.rebuild import rebuild
from refledger.operations.figures.rollups import days, totals
from refledger.operations.partners import partner_profile, partners
from refledger.operations.partners.partner_profile import ProfileChanges
from refledger.operations.payouts import withdrawals
from refledger.operations.referring import lifecycle, progress_projection
from refledger.store import images, keys, referrals
from refledger.store import statistics as rolled_up
from refledger.store.attributes import unpack
from refledger.store.dimensions import Dimension
from refledger.store.stream import Record
from refledger.store.stream import Record as Told
from refledger.store.transaction import Item
from tests.support import dynamodb, streams
from tests.support.books import Books
from tests.support.programs import a_rule

NAMES = ("ann", "ben", "cat", "dan", "eve")
CURRENCIES = ("USD", "JPY")
Sums = Counter[tuple[Dimension, str]]
ByDay = dict[tuple[str, Dimension, str], int]


def items(books: Books) -> Iterator[Item]:
    for page in books.client.get_paginator("scan").paginate(TableName=books.table_name):
        yield from map(unpack, page["Items"])


@dataclass
class World:
    """Some partners, to whom something happens on most days, and what the books came to at the end of each."""

    books: Books
    chosen: random.Random
    paid: list[str] = field(default_factory=list)
    before: Sums = field(default_factory=Counter)
    wanted: ByDay = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tail = streams.Tail(self.books.client)
        self.waiting: list[Record] = []
        rules = RuleSet(a_rule(2000, 1000, 500), monthly_cap=(("USD", 5_000),))
        self.books.program(rules=rules, currencies=CURRENCIES[1:], hold_days=1, payout_minimum=1)
        self.books.chain(*NAMES)

    def take_stock(self) -> None:
        """At the end of a day: what it has added is what the books have more."""
        sums: Sums = Counter()
        for item in items(self.books):
            for dimension, counter, amount in figures(images.read(item)):
                sums[dimension, counter] += amount
        today = day(self.books.clock())
        for place in {*sums, *self.before}:
            if amount := sums[place] - self.before[place]:
                self.wanted[today, *place] = self.wanted.get((today, *place), 0) + amount
        self.before = sums

    def tomorrow(self) -> None:
        self.listen()
        self.take_stock()
        self.books.clock.at_ms = (self.books.clock() // DAY_MS + 1) * DAY_MS + self.chosen.randrange(HOUR_MS)

    def listen(self) -> None:
        """What the stream has told so far, at this time of the books; referrals follow it at once."""
        for _ in range(2):  # the second time what the first led to
            new = [Record(each.sequence_number, self.books.clock(), each.old, each.new) for each in self.tail.new()]
            self.waiting += new
            progress_projection.follow(
                self.books.context, [Told(r.sequence_number, r.at_ms, r.old, r.new) for r in new]
            )

    def count(self, limit: int = 10_000, losing: int = 0) -> None:
        """Some records more, of which `losing` of a hundred are given up; some batches come twice."""
        batch, self.waiting = self.waiting[:limit], self.waiting[limit:]
        kept = [each for each in batch if self.chosen.randrange(100) >= losing]
        for _ in range(self.chosen.randrange(1, 3)):
            project(self.books.context, "shard-1", kept)

    def happen(self) -> None:
        """One thing, or none where it is not allowed."""
        act = self.chosen.choice((
            self.pay, self.pay, self.pay, self.refund, self.dispute, self.mature, self.mature, self.withdraw,
            self.decide, self.status, self.label, self.source, self.hold, self.join, self.correct, self.reject,
        ))  # fmt: skip
        with suppress(Refledger):
            act()
        self.books.clock.forward(self.chosen.randrange(HOUR_MS))

    def name(self) -> str:
        return self.chosen.choice(NAMES)

    def pay(self) -> None:
        id = f"p{len(self.paid)}"
        currency, ago = self.chosen.choice(CURRENCIES), self.chosen.choice((0, 0, 3 * DAY_MS))
        at_ms = max(self.books.clock() - ago, self.books.clock.at_ms - DAY_MS)
        self.books.pay(self.chosen.choice((*NAMES, "nobody")), id, 20_000, currency, occurred_at_ms=at_ms)
        self.paid.append(id)

    def refund(self) -> None:
        self.books.refund(self.chosen.choice(self.paid or [""]), 5_000, f"r{self.chosen.randrange(9)}")

    def dispute(self) -> None:
        id = self.chosen.choice(self.paid or [""])
        if self.chosen.randrange(2):
            self.books.dispute(id, 3_000)
        else:
            self.books.close(id, self.chosen.choice(("WON", "LOST")))

    def mature(self) -> None:
        for currency in CURRENCIES:
            self.books.mature(self.name(), currency)

    def withdraw(self) -> None:
        made = self.books.withdraw(self.name(), 100 * self.chosen.randrange(1, 9))
        if self.chosen.randrange(2):
            self.books.conclude_paid(made)
            self.books.cover(self.name(), "USD", made.id)

    def decide(self) -> None:
        for item in items(self.books):
            if (
                keys.kind_of(item) == "WITHDRAWAL"
                and keys.is_root(item)
                and item["status"] == WithdrawalStatus.REQUESTED
            ):
                withdrawals.decide(self.books.context, keys.owner_of(item), WithdrawalStatus.REJECTED, "ann", "r", "no")
                return

    def status(self) -> None:
        status = self.chosen.choice((PartnerStatus.ACTIVE, PartnerStatus.INACTIVE, PartnerStatus.SUSPENDED))
        partners.change_status(self.books.context, self.books.partner(self.name()).id, status, "", "x")

    def label(self) -> None:
        partner = self.books.partner(self.name())
        changes = ProfileChanges(tier=self.chosen.choice(("", "GOLD", "SILVER")))
        partner_profile.change(self.books.context, partner.id, changes, partner.version)

    def referral(self) -> str:
        found = [keys.owner_of(item) + item["sk"] for item in items(self.books) if keys.kind_of(item) == "REFERRAL"]
        return str(self.chosen.choice(sorted(found)))

    def source(self) -> None:
        changes = lifecycle.ReferralUpdate(source=self.chosen.choice(tuple(ReferralSource)))
        id = self.referral()
        lifecycle.update(self.books.context, id, changes, referrals.find(self.books.table, id).version)

    def reject(self) -> None:
        lifecycle.reject(self.books.context, self.referral(), "no fit")

    def hold(self) -> None:
        waits = [each for each in self.books.rewards(self.name()) if not each.held]
        if waits:
            reward = self.chosen.choice(waits)
            self.chosen.choice((self.books.hold, self.books.cancel))(reward)
        elif held := [each for each in self.books.rewards(self.name()) if each.held]:
            self.books.release(held[0])

    def join(self) -> None:
        """Two payments are one."""
        first, second = self.chosen.sample(self.paid, 2) if len(self.paid) > 1 else ("", "")
        self.books.alias(first, second)

    def correct(self) -> None:
        """A payment is told again, and better."""
        if self.paid:
            self.books.pay(self.name(), self.chosen.choice(self.paid), 15_000)

    # ------------------------------------------------------------ what is read

    def told(self) -> ByDay:
        found: ByDay = {}
        for dimension in {dimension for _, dimension, _ in self.wanted}:
            for when, counters in days(self.books.context, dimension, "0", "99999999").items():
                found |= {(when, dimension, name): n for name, n in counters.items() if n and name != STAMPED}
        return found

    def agrees(self) -> None:
        """Day by day, and in all."""
        told, wanted = self.told(), {place: n for place, n in self.wanted.items() if n}
        assert {place: (told.get(place, 0), n) for place, n in wanted.items() if told.get(place, 0) != n} == {}
        assert told == wanted
        ever: Sums = Counter()
        for (_, *place), n in wanted.items():
            ever[tuple(place)] += n  # type: ignore[index]
        for dimension in {dimension for dimension, _ in ever}:
            sums = totals(self.books.context, dimension)
            wrong = {(where, name): (sums[name], n) for (where, name), n in ever.items() if where == dimension}
            assert {place: each for place, each in wrong.items() if each[0] != each[1]} == {}

    def waiting_context(self) -> Context:
        """In which waiting lets time go on, a little happen, and the stream be counted."""

        def pause(milliseconds: int) -> None:
            if day(self.books.clock() + milliseconds + HOUR_MS) != day(self.books.clock()):
                self.tomorrow()
            self.books.clock.forward(milliseconds)
            if self.chosen.randrange(8) == 0:
                self.happen()
            self.listen()
            self.count(self.chosen.randrange(1, 200))

        return Context(self.books.table, self.books.ids, self.books.clock, pause)


def live(world: World, days_number: int, losing: int) -> None:
    for _ in range(days_number):
        for _ in range(world.chosen.randrange(6)):
            world.happen()
        world.tomorrow()
        if world.chosen.randrange(3):
            world.count(losing=losing)


@pytest.mark.parametrize("seed", range(4))
def test_every_day_is_what_it_was(dynamodb_endpoint: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamed with delays; then with losses, and built anew while everything goes on; then as if nothing had been.

    Days are folded now and then, or whenever they are closed.
    """
    if seed % 2:
        monkeypatch.setattr(rolled_up, "FOLDED_FROM", 1)
        monkeypatch.setattr(rolled_up, "FEW_PARTS", 0)
    world = World(Books(dynamodb.new_database(dynamodb_endpoint)), random.Random(seed))
    live(world, 8, losing=0)
    world.listen()
    world.count()
    world.agrees()
    live(world, 6, losing=50)
    world.count()
    world.books.clock.forward(world.chosen.randrange(5) * DAY_MS)
    found = rebuild(
        world.waiting_context(), lambda: rebuilding.everybody(world.books.context), 60 * MINUTE_MS, whole=True
    )
    assert (found.waiting, found.programs_waiting) == (0, 0)
    world.tomorrow()
    world.count()
    world.agrees()
    live(world, 7, losing=0)
    world.count()
    world.agrees()
    assert world.books.faults() == []
