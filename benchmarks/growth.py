"""What a call takes when there are a thousand, ten thousand and a hundred thousand rewards, half of them one partner's.

Units are metered on a table in memory; the processor's time is that of real runtime clients on DynamoDB Local, which
holds the same rewards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any
from unittest.mock import patch

from benchmarks.bench import TABLE, Bench, Row
from benchmarks.handlers import call, serving
from benchmarks.peers.ours import person
from benchmarks.pipeline import payment_message
from benchmarks.tables import table
from benchmarks.workers import Deployment, Failed, deployment
from refledger.adapters.clock import now_ms
from refledger.domain.times import DAY_MS
from refledger.entry import config
from tests.support import dynamodb
from tests.support.books import Books
from tests.support.stepfunctions import StepFunctions

SIZES = (1_000, 10_000, 100_000)
BUSY, OTHERS, CUSTOMERS = 0, range(1, 21), 10  # partners by number, and how many customers the busy one has
BATCH, CALLS, ROUNDS = 25, 30, 3
GROWS_AT_MOST = 1.25  # times the first size's units: a page more of an index is no growth, a read of everything is
PAYMENT, STATISTICS, BALANCES, REWARDS, WITHDRAWAL = (
    "payment of two tiers", "GET referrals/stats", "GET ledger/balances", "GET rewards", "request of a withdrawal",
)  # fmt: skip


@dataclass
class Grown:
    """By operation, of one size."""

    rows: dict[str, Row] = field(default_factory=dict)
    cpu_ms: dict[str, list[float]] = field(default_factory=dict)


def measure(endpoint: str, sizes: tuple[int, ...] = SIZES, *, timed: bool = True) -> dict[int, Grown]:
    """`endpoint`: of a DynamoDB Local; without `timed` it is not asked."""
    found: dict[int, Grown] = {}
    for size in sizes:
        bench = Bench(dynamodb.MEMORY, [], {}, hold_days=0, payout_minimum=1)
        method = _grow(bench, size)
        grown = found[size] = Grown()
        if timed:
            with _copied(bench, endpoint) as deployed:
                grown.cpu_ms = _timed(deployed, method)
        grown.rows = {row.name: row for row in _metered(bench, method)}
    return found


def _grow(bench: Bench, size: int) -> str:
    """Rewards that have waited for up to a year, or will wait; money to withdraw; a payout method, whose id it is."""
    bench.books.clock.at_ms = now_ms()  # which is that of the runtime clients
    books = Books(bench.client, TABLE, bench.books.clock, ids=bench.books.ids)  # past the meter
    busy = person(BUSY)
    books.chain("top", busy)
    for number in range(CUSTOMERS):
        books.apply(f"customer-{number}", busy)
    books.earn("customer-0", "first", 10_000_000)
    per_other = size // 2 // len(OTHERS)
    for name, many in ((busy, size // 2), *((person(number), per_other) for number in OTHERS)):
        for share in range(10):
            books.grant(name, *([100] * (many // 10)), due_ms=books.clock() + (share - 5) * 30 * DAY_MS + DAY_MS)
    return books.method(busy).id


def _metered(bench: Bench, method: str) -> list[Row]:
    books, busy = bench.books, person(BUSY)
    asked = {"amount": 100, "currency": "USD", "payoutMethodId": method}
    with serving(books), patch.object(config, "workflow", lambda: StepFunctions().workflow):
        for name, act in _calls(lambda *told, **more: call(*told, **more), busy, asked):
            act()  # knows program and shards from now on
            with bench.measure(name):
                act()
    books.pay("customer-1", "known", 1000)
    with bench.measure(PAYMENT):
        books.pay("customer-1", "next", 1000)
    return bench.rows


def _calls(ask: Callable[..., Any], busy: str, asked: dict[str, Any]) -> Iterator[tuple[str, Callable[[], Any]]]:
    yield STATISTICS, lambda: ask("member_referrals", "GET /api/v1/referrals/stats", busy)
    yield BALANCES, lambda: ask("ledger", "GET /api/v1/ledger/balances", busy)
    yield REWARDS, lambda: ask("rewards", "GET /api/v1/rewards", busy)
    yield WITHDRAWAL, lambda: ask("member_withdrawals", "POST /api/v1/referrals/withdraw", busy, body=asked)


@contextmanager
def _copied(bench: Bench, endpoint: str) -> Iterator[Deployment]:
    """Functions on a database of DynamoDB Local that holds what the one in memory does."""
    client = copy(bench.client, endpoint)
    with deployment(endpoint, dynamodb.access_key(client)) as deployed:
        yield deployed


def copy(memory: Any, endpoint: str) -> Any:
    """A client of a new database of DynamoDB Local with everything that the one in memory holds."""
    client = dynamodb.new_database(endpoint, TABLE)
    pages = memory.get_paginator("scan").paginate(TableName=TABLE)
    items = [item for page in pages for item in page["Items"]]
    batches = [items[start : start + BATCH] for start in range(0, len(items), BATCH)]

    def put(batch: list[Any]) -> None:
        left = {TABLE: [{"PutRequest": {"Item": item}} for item in batch]}
        while left:
            left = client.batch_write_item(RequestItems=left)["UnprocessedItems"]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, batches))
    return client


def _timed(deployed: Deployment, method: str) -> dict[str, list[float]]:
    """Milliseconds of the processor for one call, a figure a round."""
    busy, found = person(BUSY), dict[str, list[float]]()
    functions = {
        name: deployed.function(name)
        for name in ("payment_events", "member_referrals", "ledger", "rewards", "member_withdrawals")
    }

    def ask(function: str, route: str, sub: str, body: Any = None) -> None:
        status, said = functions[function].call(route, sub, body)
        if status >= 400:
            raise Failed(f"{route}: {said}")

    def pay(batch: int) -> None:
        bodies = [payment_message(f"grown {batch}-{n}", f"customer-{n}", 1000, now_ms()) for n in range(CUSTOMERS)]
        functions["payment_events"].deliver(bodies)

    asked = {"amount": 100, "currency": "USD", "payoutMethodId": method}
    acts = [(name, act, 1 if name == WITHDRAWAL else CALLS) for name, act in _calls(ask, busy, asked)]
    for number in range(-1, ROUNDS):  # the first warms up
        for name, act, calls in acts:
            before = deployed.cpu_ms()
            for _ in range(calls):
                act()
            found.setdefault(name, []).append((deployed.cpu_ms() - before) / calls)
        before = deployed.cpu_ms()
        for batch in range(CALLS // CUSTOMERS):
            pay(number * CALLS + batch)
        found.setdefault(PAYMENT, []).append((deployed.cpu_ms() - before) / CALLS)
    return {name: figures[1:] for name, figures in found.items()}


def report(found: dict[int, Grown]) -> str:
    sizes = " / ".join(f"{size:,}" for size in found)
    rows = [["(so many)", sizes, sizes, sizes]]
    for name in next(iter(found.values())).rows:
        rows.append([
            name,
            " / ".join(f"{median(grown.cpu_ms[name]):.2f}" for grown in found.values() if name in grown.cpu_ms),
            " / ".join(f"{grown.rows[name].rru:.4g}" for grown in found.values()),
            " / ".join(f"{grown.rows[name].wru:.4g}" for grown in found.values()),
        ])  # fmt: skip
    return table(["with rewards, half of them one partner's", "CPU ms", "RRU", "WRU"], rows)


def broken(found: dict[int, Grown]) -> list[str]:
    """What takes more units the more rewards there are."""
    first, *others = found.values()
    return [
        f"{name}: {now} units of {len(others) + 1} sizes' last, {was} of the first"
        for name, row in first.rows.items()
        for grown in others[-1:]
        if (now := grown.rows[name].rru + grown.rows[name].wru) > GROWS_AT_MOST * float(was := row.rru + row.wru)
    ]
