"""A partner's figures built anew: right while the consumer goes on, whoever is at work, and wherever it stops."""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from refledger.domain.times import DAY_MS, MINUTE_MS
from refledger.operations.context import Context
from refledger.operations.figures import rebuild as rebuilding
from refledger.operations.figures.projection import project
from refledger.operations.figures.rebuild import Rebuilt, rebuild
from refledger.store import generations, keys, statistics
from refledger.store.stream import Record, comparable
from refledger.store.table import Table
from refledger.store.transaction import Item, Write
from tests.support import streams
from tests.support.books import Books, Faulty
from tests.support.crashing_table import CrashingTable
from tests.support.figures import figures, told, truth

NAMES = ("ann", "ben", "cat", "dan", "eve", "fay")
LATER = ("gus", "hal", "ida")
WAIT_MS = 10 * MINUTE_MS


@dataclass
class Consumer:
    """Counts the stream, batch by batch, as far as it is let; `losing` says which records it gives up."""

    books: Books
    losing: Callable[[Record], bool] = lambda _: False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._tail, self._waiting = streams.Tail(self.books.client), deque[Record]()

    def count(self, limit: int = 10_000) -> int:
        """Up to so many records more; returns how many there were."""
        with self.lock:
            self._waiting.extend(self._tail.new())
            batch = [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]
            project(self.books.context, "shard-1", [record for record in batch if not self.losing(record)])
        return len(batch)


@pytest.fixture
def books(books: Books) -> Books:
    """A chain of six with three tiers; what they earned is pending and approved."""
    books.program(tier_rates_bps=(2000, 1000, 500), hold_days=1)
    books.chain(*NAMES)
    for number in range(4):
        books.pay(NAMES[2 + number], f"p{number}", 10_000)
    books.clock.forward(DAY_MS)
    for name in NAMES[:4]:
        books.mature(name)
    books.pay("fay", "pending", 500)
    books.partner("fay")  # has a code, and nobody who applied it
    return books


def waiting(books: Books, meanwhile: Callable[[], object]) -> Context:
    """The books' world, in which waiting lets time go on, and something happen."""

    def pause(milliseconds: int) -> None:
        books.clock.forward(milliseconds)
        meanwhile()

    return Context(books.table, books.ids, books.clock, pause)


def everybody(books: Books, names: tuple[str, ...] = NAMES) -> Callable[[], Iterator[str]]:
    return lambda: (books.partner(name).id for name in names)


def loses(share_percent: int, seed: int = 1) -> Callable[[Record], bool]:
    chosen = random.Random(seed)
    return lambda _: chosen.randrange(100) < share_percent


def right(books: Books, *names: str) -> bool:
    return all(told(figures(books, name)) == truth(books, name, (*NAMES, *LATER)) for name in names or NAMES)


def test_lost_records_are_mended(books: Books) -> None:
    """The consumer gave up half of what there was; afterwards all figures are those of the table, and stay so."""
    consumer = Consumer(books, loses(50))
    consumer.count()
    assert not right(books)
    consumer.losing = lambda _: False
    rebuilt = rebuild(waiting(books, consumer.count), everybody(books), WAIT_MS)
    assert rebuilt == Rebuilt(partners=6, stamped=rebuilt.stamped, waiting=0)
    assert rebuilt.stamped == 5 + 5 + sum(len(books.rewards(name)) for name in NAMES), "referrals, payments, rewards"
    assert right(books)
    books.pay("fay", "later", 10_000)
    books.mature("eve")
    consumer.count()
    assert right(books)
    for name in NAMES:
        assert list(books.table.query(keys.statistics(books.partner(name).id), "DAY#", "DAY#~")) == []


@pytest.mark.parametrize("seed", range(4))
def test_the_consumer_goes_on_meanwhile(books: Books, seed: int) -> None:
    """Payments, maturity, new referrals and a consumer that lags, between any two steps: each change counts once."""
    chosen, numbers = random.Random(seed), iter(range(1000))
    consumer = Consumer(books, loses(30, seed))
    consumer.count()
    consumer.losing = lambda _: False
    later = iter(LATER)

    def work() -> None:
        match chosen.randrange(4):
            case 0:
                books.pay(chosen.choice(NAMES[1:]), f"meanwhile {next(numbers)}", chosen.randrange(1, 9) * 1000)
            case 1:
                books.mature(chosen.choice(NAMES))
            case 2 if name := next(later, None):
                books.apply(name, chosen.choice(NAMES))
        consumer.count(chosen.randrange(12))

    class Busy(Table):
        """A table at which others are at work before and after each write."""

        def commit(self, *writes: Write) -> None:
            for step in (work, lambda: super(Busy, self).commit(*writes), work):
                if chosen.randrange(3) or step is not work:
                    step()

    context = waiting(books, work)
    busy = Context(Busy(books.client, books.table_name), books.ids, books.clock, context.pause)
    assert rebuild(busy, everybody(books), 60 * WAIT_MS).waiting == 0
    while consumer.count():
        pass
    assert right(books)


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("commits", [0, 2, 5, 8, 15, 20])
def test_wherever_it_dies_the_next_run_finishes(books: Books, commits: int, lost: bool) -> None:
    """The figures are the old ones or the right ones after the death, and the right ones after the next run."""
    consumer, partners = Consumer(books, loses(50)), everybody(books, NAMES[:3])
    consumer.count()
    consumer.losing = lambda _: False
    before = {name: told(figures(books, name)) for name in NAMES}
    context = waiting(books, consumer.count)
    dying = Context(CrashingTable(books.table, commits, lost), books.ids, books.clock, context.pause)
    with pytest.raises(TimeoutError):
        rebuild(dying, partners, WAIT_MS)
    consumer.count()
    assert all(told(figures(books, name)) == before[name] or right(books, name) for name in NAMES)
    assert rebuild(context, partners, WAIT_MS).waiting == 0
    assert right(books, *NAMES[:3])


def test_a_consumer_that_stands_still_changes_nothing(books: Books) -> None:
    """Readers keep the old figures; a later run goes on with what the first one stamped."""
    consumer = Consumer(books, loses(50))
    consumer.count()
    consumer.losing = lambda _: False
    before = {name: told(figures(books, name)) for name in NAMES}
    first = rebuild(waiting(books, lambda: None), everybody(books), WAIT_MS)
    assert (first.partners, first.waiting) == (1, 5), "there is nothing to count for Fay"
    assert {name: told(figures(books, name)) for name in NAMES} == before
    again = rebuild(waiting(books, consumer.count), everybody(books), WAIT_MS)
    assert (again.partners, again.stamped) == (6, 0)
    assert right(books)


def test_stamps_that_are_lost_too_are_noticed(books: Books) -> None:
    """While the consumer gives up records nothing is believed; a generation begun afresh mends it."""
    consumer = Consumer(books, loses(50))
    context = waiting(books, consumer.count)
    assert rebuild(context, everybody(books), WAIT_MS).waiting > 0
    consumer.losing = lambda _: False
    assert rebuild(context, everybody(books), WAIT_MS).waiting > 0, "what is lost does not come back"
    assert rebuild(context, everybody(books), WAIT_MS, afresh=True).waiting == 0
    assert right(books)


def test_one_partner(books: Books) -> None:
    """Only the partner who was named gets new figures, down to the customers of the third tier."""
    consumer = Consumer(books, lambda record: True)
    consumer.count()
    consumer.losing = lambda _: False
    rebuild(waiting(books, consumer.count), everybody(books, ("ann",)), WAIT_MS)
    assert right(books, "ann")
    assert [tier.referrals for tier in figures(books, "ann").tiers.values()] == [1, 1, 1]
    assert not right(books, "ben")
    rebuild(waiting(books, consumer.count), everybody(books, ("ben",)), WAIT_MS)
    assert right(books, "ann", "ben")


def test_twice_is_as_good_as_once(books: Books) -> None:
    """Each run builds another generation and forgets the one before, also where the one before died before that."""
    consumer = Consumer(books)
    context = waiting(books, consumer.count)
    ann = books.partner("ann").id
    seen: list[int] = []
    for _ in range(3):
        assert rebuild(context, everybody(books), WAIT_MS).waiting == 0
        known = generations.find(books.table, ann)
        seen.append(known.current)
        late = keys.statistics(ann, known.old or 0)  # a batch that began before the change
        statistics.add(books.table, late, "20260101", "shard-1", [(comparable("1"), "t1_n", 1)])
    assert seen == sorted(set(seen))
    assert right(books)
    assert [item["sk"] for item in books.table.query(keys.statistics(ann, seen[0]))] == []


def test_two_at_once_and_conflicts(books: Books) -> None:
    """Two operators rebuild everything at the same time, every fifth write conflicts: both finish, all is right."""
    consumer = Consumer(books, loses(50))
    consumer.count()
    consumer.losing = lambda _: False
    ended: list[Rebuilt] = []

    def run(seed: int) -> None:
        context = waiting(books, consumer.count)
        table = Table(Faulty(books.client, 20, seed), books.table_name)
        ended.append(rebuild(Context(table, books.ids, books.clock, context.pause), everybody(books), WAIT_MS))

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(each.partners, each.waiting) for each in ended] == [(6, 0), (6, 0)]
    consumer.count()
    assert right(books)


def test_everybody_is_in_the_list_of_partners(books: Books) -> None:
    """Without a name, the partners are all that there are."""
    assert sorted(rebuilding.everybody(books.context)) == sorted(books.partner(name).id for name in NAMES)


def test_an_item_without_a_stamp_counts_from_its_creation(books: Books) -> None:
    """The rule that writers, stamps and the consumer share."""
    item: Item = {"created": 10}
    assert [generations.counts_in(item, g) for g in (0, 10, 11)] == [True, True, False]
    assert generations.counts_in({**item, "stamp": 11}, 11)
    assert not generations.counts_in({}, 0)
