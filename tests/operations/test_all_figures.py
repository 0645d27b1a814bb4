"""Every roll-up is what the table says, item by item: whatever was delivered twice, late, lost or built anew."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from refledger.domain.partners import PartnerStatus
from refledger.domain.rules import RuleSet
from refledger.domain.times import DAY_MS, MINUTE_MS
from refledger.operations.context import Context
from refledger.operations.figures import rebuild as rebuilding
from refledger.operations.figures import rollups
from refledger.operations.figures.counters import figures
from refledger.operations.figures.projection import STAMPED, project
from refledger.operations.figures.rebuild import rebuild
from refledger.operations.partners import partners
from refledger.store import dimensions, generations, images, keys
from refledger.store.attributes import unpack
from refledger.store.dimensions import Dimension
from refledger.store.stream import Record
from refledger.store.transaction import update
from tests.support import streams
from tests.support.books import Books
from tests.support.crashing_table import CrashingTable
from tests.support.programs import a_rule

NAMES = ("ann", "ben", "cat", "dan", "eve")
Figures = dict[tuple[Dimension, str], int]


@pytest.fixture
def books(books: Books) -> Books:
    """A chain of five with three tiers in two currencies; refunds, a dispute, a payout, a suspension, a conversion."""
    books.program(rules=RuleSet(a_rule(2000, 1000, 500), monthly_cap=(("USD", 5_000),)), hold_days=1)
    books.chain(*NAMES)
    happen(books, "before")
    return books


def happen(books: Books, prefix: str) -> None:
    for number, name in enumerate(NAMES[1:]):
        books.pay(name, f"{prefix} {number}", 20_000)
        books.pay("eve", f"{prefix} yen {number}", 7_777, "JPY")
    books.pay("stranger", f"{prefix} unreferred", 10_000)
    books.refund(f"{prefix} 1", 5_000, f"{prefix} r")
    books.clock.forward(DAY_MS)
    for name in NAMES[:3]:
        books.mature(name)
    books.refund(f"{prefix} 2", 20_000, f"{prefix} r2")
    books.dispute(f"{prefix} 3", 4_000, f"{prefix} d")
    books.pay_out("ann", 1_000)
    books.withdraw("ben", 1_000)
    status = PartnerStatus.SUSPENDED if prefix == "before" else PartnerStatus.ACTIVE
    partners.change_status(books.context, books.partner("cat").id, status, "", "x")
    convert(books, "ann" if prefix == "before" else "ben")
    books.pay("eve", f"{prefix} waits", 500)


def convert(books: Books, of: str) -> None:
    (item,) = books.table.query(keys.referrals(books.partner(of).id))
    books.table.commit(update(
        "converts", {"pk": item["pk"], "sk": item["sk"]}, "SET #status = :status, #converted = :at",
        status="CONVERTED", at=item["created"] + 9 * DAY_MS,
    ))  # fmt: skip


def truth(books: Books) -> Figures:
    """The sum over all items of the table."""
    sums: Counter[tuple[Dimension, str]] = Counter()
    for page in books.client.get_paginator("scan").paginate(TableName=books.table_name):
        for item in map(unpack, page["Items"]):
            for dimension, counter, amount in figures(images.read(item)):
                sums[dimension, counter] += amount
    return {place: amount for place, amount in sums.items() if amount}


def told(books: Books, of: Figures) -> Figures:
    """What the roll-ups say of the same dimensions, in the generations that count."""
    return {
        (dimension, counter): amount
        for dimension in {dimension for dimension, _ in of}
        for counter, amount in rollups.totals(books.context, dimension).items()
        if amount and counter != STAMPED
    }


def records(books: Books) -> list[Record]:
    """As if all of it had happened at the books' time."""
    return [Record(each.sequence_number, books.clock(), each.old, each.new) for each in streams.records(books.client)]


def test_every_dimension_is_among_them(books: Books) -> None:
    """The world of these tests has something to count for each."""
    assert {dimension.of for dimension, _ in truth(books)} == set(dimensions.Of)
    assert any(counter.startswith("over_") for _, counter in truth(books))


@pytest.mark.parametrize("seed", range(3))
def test_batches_of_any_size_that_come_again_tell_the_same(books: Books, seed: int) -> None:
    """Cut anywhere, repeated from an earlier place on, over days that are closed and folded in between."""
    chosen, batch, done = random.Random(seed), records(books), 0
    wanted = truth(books)
    while done < len(batch):
        start = max(0, done - chosen.randrange(30)) if chosen.random() < 0.5 else done
        done = min(len(batch), done + chosen.randrange(1, 25))
        project(books.context, "shard-1", batch[start:done])
    assert told(books, wanted) == wanted


def test_days_that_are_folded_tell_the_same(books: Books) -> None:
    """Two shards, a batch a day, twenty days, of which all but the last three are folded; the sums stay."""
    batch, wanted = records(books), truth(books)
    size = len(batch) // 20 + 1
    for start in range(0, len(batch), size):
        books.clock.forward(DAY_MS)
        for shard in (0, 1):
            those = [
                Record(each.sequence_number, books.clock(), each.old, each.new)
                for each in batch[start : start + size]
                if sum((each.new or each.old)["pk"].encode()) % 2 == shard
            ]
            for _ in range(2):
                project(books.context, f"shard-{shard}", those)
    assert told(books, wanted) == wanted
    assert (books.table.get(keys.statistics_totals(dimensions.program("default").at(0))) or {})["through"]


def test_a_record_with_more_counters_than_one_expression_holds(books: Books) -> None:
    """Rewards due on two hundred days, in one batch: the part takes them in more than one update, each once."""
    days = [books.clock() + day * DAY_MS for day in range(200)]
    for due_ms in days:
        books.grant("ben", 10, due_ms=due_ms)
    batch, wanted = records(books), truth(books)
    for _ in range(2):
        project(books.context, "shard-1", batch)
    assert told(books, wanted) == wanted
    assert len([counter for where, counter in wanted if where == dimensions.forecast("default")]) >= 200


def waiting(books: Books, meanwhile: Callable[[], object]) -> Context:
    def pause(milliseconds: int) -> None:
        books.clock.forward(milliseconds)
        meanwhile()

    return Context(books.table, books.ids, books.clock, pause)


class Consumer:
    """Counts the stream; gives up `losing` of a hundred records."""

    def __init__(self, books: Books, losing: int, seed: int = 1) -> None:
        self.books, self.losing, self.chosen = books, losing, random.Random(seed)
        self.tail = streams.Tail(books.client)

    def __call__(self) -> None:
        kept = [each for each in self.tail.new() if self.chosen.randrange(100) >= self.losing]
        project(self.books.context, "shard-1", kept)


@pytest.mark.parametrize("seed", range(2))
def test_what_was_lost_is_mended_while_everything_goes_on(books: Books, seed: int) -> None:
    """Half of all records were given up. A rebuild of everything, in the middle of which as much happens once more."""
    consumer = Consumer(books, 50, seed)
    consumer()
    consumer.losing = 0
    assert told(books, truth(books)) != truth(books)
    happened: list[Any] = []

    def meanwhile() -> None:
        if len(happened) == 30:  # beyond the moment of the generation
            happen(books, "after")
        happened.append(1)
        consumer()

    rebuilt = rebuild(
        waiting(books, meanwhile), lambda: rebuilding.everybody(books.context), 60 * MINUTE_MS, whole=True
    )
    if len(happened) <= 30:
        happen(books, "after")
    consumer()
    assert (rebuilt.waiting, rebuilt.programs_waiting) == (0, 0)
    assert (rebuilt.partners, rebuilt.programs) == (4, 2)
    assert told(books, truth(books)) == truth(books)
    assert generations.find(books.table, dimensions.JOURNAL.subject).current > 0
    for dimension in (dimensions.program("default"), dimensions.JOURNAL, dimensions.forecast("default")):
        assert list(books.table.query(dimension.at(0), "DAY#", "DAY#~")) == [], "the old generation is gone"


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("commits", [1, 6, 9, 30, 45, 50, 52])
def test_wherever_a_rebuild_of_everything_dies_the_next_one_finishes(books: Books, commits: int, lost: bool) -> None:
    """Before or after any commit: journals are summed up once, stamps counted once."""
    consumer = Consumer(books, 50)
    consumer()
    consumer.losing = 0
    context = waiting(books, consumer)
    dying = Context(CrashingTable(books.table, commits, lost), books.ids, books.clock, context.pause)

    def everybody() -> Any:
        return rebuilding.everybody(books.context)

    with pytest.raises(TimeoutError):
        rebuild(dying, everybody, 10 * MINUTE_MS, whole=True)
    rebuilt = rebuild(context, everybody, 10 * MINUTE_MS, whole=True)
    assert (rebuilt.waiting, rebuilt.programs_waiting) == (0, 0)
    consumer()
    assert told(books, truth(books)) == truth(books)
