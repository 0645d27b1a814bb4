"""The run: every side does the same in turns, some rounds long; then many clients at once, and a look at the books."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from statistics import median

from benchmarks.peers import ours, theirs
from benchmarks.peers.side import PARTNERS, TOPS, Books, Payment, Side
from benchmarks.tables import table

ROUNDS, CALLS, CLIENTS = 5, 60, 16
AMOUNT = 10_000  # cents of a payment: 20.00 and 10.00 for its tiers
ASKED = 100  # cents of a withdrawal
RACED = 10  # partners whose whole balance all clients ask for at once
TEN, ALONE, MATURED, COUNTED = (
    "payment of two tiers, ten at once", "payment of two tiers, each alone", "… and in the balances",
    "… and in statistics and audit",
)  # fmt: skip
STATISTICS, WITHDRAWAL = "statistics of a partner", "request of a withdrawal"
ROWS = (TEN, ALONE, MATURED, COUNTED, STATISTICS, WITHDRAWAL)


@dataclass
class Figures:
    """Of one side. By row: milliseconds of the processor for one, of application and database; one figure a round."""

    application: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    database: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    a_second: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    books: Books = field(default_factory=Books)
    granted_twice: int = 0  # withdrawals of a balance that one had taken whole
    repeated: int = 0  # withdrawals that one key made more than one of


class Work:
    """What is asked for: the same of every side, each thing once. Partners who have a customer come in turn."""

    def __init__(self) -> None:
        self._keys, self._payments, self._readers, self._askers = (itertools.count() for _ in range(4))

    def payments(self, number: int) -> list[Payment]:
        numbers = itertools.islice(self._payments, number)
        return [Payment(f"payment-{each}", _in_turn(each), AMOUNT) for each in numbers]

    def reader(self) -> int:
        return _in_turn(next(self._readers))

    def asker(self) -> int:
        """Whose customer has paid: there are as many payments before."""
        return _in_turn(next(self._askers))

    def key(self) -> str:
        return f"key-{next(self._keys)}"


def _in_turn(number: int) -> int:
    return TOPS + number % (PARTNERS - TOPS)


def measure(rounds: int = ROUNDS, calls: int = CALLS, clients: int = CLIENTS) -> dict[str, Figures]:
    """By the side's name, refledger first."""
    with ours.running(clients) as first, theirs.running(clients) as others:
        sides: list[Side] = [first, *others]
        work = {side.name: Work() for side in sides}
        found = {side.name: Figures() for side in sides}
        for side in sides:
            _alone(side, work[side.name], Figures(), calls)  # warm
            _together(side, work[side.name], Figures(), clients, clients)
        for _ in range(rounds):
            for side in sides:
                _alone(side, work[side.name], found[side.name], calls)
            for side in sides:
                _together(side, work[side.name], found[side.name], calls, clients)
        for side in sides:
            _race(side, work[side.name], found[side.name], clients)
            side.settle()
            found[side.name].books = side.books()
    return found


def _alone(side: Side, work: Work, found: Figures, calls: int) -> None:
    """One call after another: what each takes of the processor."""

    @contextmanager
    def taking(row: str) -> Iterator[None]:
        before = side.application_ms(), side.database_ms()
        yield
        found.application[row].append((side.application_ms() - before[0]) / calls)
        found.database[row].append((side.database_ms() - before[1]) / calls)

    with taking(COUNTED):
        with taking(MATURED):
            with taking(TEN):
                for some in _parts(work.payments(calls), side.batch):
                    side.pay(some)
            side.mature()
        side.settle()
    if side.batch > 1:
        with taking(ALONE):
            for each in work.payments(calls):
                side.pay([each])
        side.settle()
    with taking(STATISTICS):
        for _ in range(calls):
            side.statistics(work.reader())
    with taking(WITHDRAWAL):
        for _ in range(calls):
            assert side.withdraw(work.asker(), ASKED, work.key()), f"{side.name}: nothing to withdraw"


def _together(side: Side, work: Work, found: Figures, calls: int, clients: int) -> None:
    """All clients at once: how much is done in a second. Every payment comes twice, as queues may tell them."""
    paid = work.payments(calls)
    sent = [*paid, *paid]
    random.Random(calls).shuffle(sent)
    payments = [partial(side.pay, some) for some in _parts(sent, side.batch)]
    found.a_second[TEN].append(len(sent) / _at_once(payments, clients))
    side.settle()
    reads = [partial(side.statistics, work.reader()) for _ in range(calls)]
    found.a_second[STATISTICS].append(calls / _at_once(reads, clients))
    asks = [partial(side.withdraw, work.asker(), ASKED, work.key()) for _ in range(calls)]
    found.a_second[WITHDRAWAL].append(calls / _at_once(asks, clients))


def _race(side: Side, work: Work, found: Figures, clients: int) -> None:
    """Every client asks for all that a partner has, each with a key of its own; and then for a little, all with one."""

    def ask(partner: int, amount: int, keys: Sequence[str]) -> int:
        granted: list[bool] = []

        def one(key: str) -> None:
            granted.append(side.withdraw(partner, amount, key))

        _at_once([partial(one, key) for key in keys], clients)
        return sum(granted)

    for _ in range(RACED):
        payments = work.payments(2)
        for payment in payments:
            side.pay([payment])
        side.settle()
        first, second = (each.partner for each in payments)
        granted = ask(first, side.available(first), [work.key() for _ in range(clients)])
        found.granted_twice += max(0, granted - 1)
        if side.has_keys:
            before = side.available(second)
            ask(second, ASKED, [work.key()] * clients)
            found.repeated += (before - side.available(second)) // ASKED - 1


def _parts(payments: Sequence[Payment], size: int) -> list[Sequence[Payment]]:
    return [payments[start : start + size] for start in range(0, len(payments), size)]


def _at_once(calls: Sequence[Callable[[], object]], clients: int) -> float:
    """Seconds until all are done by so many threads. Raises what one of them raised."""
    waiting, failures = iter(calls), []
    lock, begin = threading.Lock(), threading.Barrier(clients + 1)

    def client() -> None:
        begin.wait()
        while True:
            with lock:
                call = next(waiting, None)
            if call is None:
                return
            try:
                call()
            except Exception as error:
                failures.append(error)
                return

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    begin.wait()
    begun = time.perf_counter()
    for thread in threads:
        thread.join()
    taken = time.perf_counter() - begun
    if failures:
        raise failures[0]
    return taken


def report(found: dict[str, Figures]) -> str:
    """Tables of the processor's time, of requests in a second, and of the books."""
    first, beside, *_ = found.values()
    rows = [
        [row, *(_two(side, row) for side in found.values()), f"{_ratio(beside, first, row):.2f}"] for row in ROWS
    ]  # fmt: skip
    a_second = [
        [row, *(f"{median(side.a_second[row]):.0f}" for side in found.values())]
        for row in (TEN, STATISTICS, WITHDRAWAL)
    ]
    return "\n\n".join([
        table(["CPU ms, application + database", *found, f"{[*found][1]} takes … times ours"], rows),
        table([f"a second, {CLIENTS} clients at once", *found], a_second),
        table([f"the books after {CLIENTS} clients at once", *found], _books(list(found.values()))),
    ])  # fmt: skip


def broken(found: dict[str, Figures]) -> list[str]:
    """Whether our own books balance, and nothing was granted twice."""
    name, side = next(iter(found.items()))
    fine = side.books.balance and not side.granted_twice and not side.repeated
    return [] if fine else [f"{name}: the books do not balance after {CLIENTS} clients at once: {side.books}"]


def _row(side: Figures, row: str) -> str:
    """A peer's payments are always alone."""
    return row if row in side.application else TEN


def _two(side: Figures, row: str) -> str:
    row = _row(side, row)
    return f"{median(side.application[row]):.2f} + {median(side.database[row]):.2f}"


def _ratio(beside: Figures, first: Figures, row: str) -> float:
    """Of the applications' time alone: databases are compared by what they are paid for."""
    return median(beside.application[_row(beside, row)]) / median(first.application[row])


def _books(sides: Sequence[Figures]) -> list[list[str]]:
    def line(name: str, figure: Callable[[Figures], object]) -> list[str]:
        return [name, *(str(figure(side)) for side in sides)]

    return [
        line("payments, most of them sent twice", lambda side: side.books.payments),
        line("counted twice", lambda side: side.books.counted_twice),
        line("what rewards and balances differ by, $", lambda side: f"{side.books.off / 100:.2f}"),
        line("withdrawn and never earned, $", lambda side: f"{side.books.beyond / 100:.2f}"),
        line("withdrawals of a balance that another had taken", lambda side: side.granted_twice),
        line("withdrawals that were repeated with their key", lambda side: side.repeated),
        line("the books balance", lambda side: "yes" if side.books.balance else "NO"),
    ]
