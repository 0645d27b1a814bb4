"""What the ticks of a stack that nobody calls read and write: each by its function's own handler."""

from __future__ import annotations

import importlib
from collections import Counter
from contextlib import ExitStack
from decimal import Decimal
from typing import Any
from unittest.mock import MagicMock, patch

from benchmarks.bench import MIRROR, TABLE
from benchmarks.meter import Meter
from refledger.domain.times import MINUTE_MS
from refledger.entry import config
from tests.support import dynamodb
from tests.support.books import Books

SCHEDULES = {  # minutes between two ticks
    "sweeper": 1, "maturity": 5, "job_worker": 5, "expiry": 15, "manifest": 15, "verifier": 5,
}  # fmt: skip
ANSWERED = ("workflow", "waker", "maturity_queue", "manifest_writer", "manifest_key", "job_queue")
FIRST, MINUTES = 10, 60  # the first ticks find that there is nothing; places are written once an hour


class _Time:
    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def measure(endpoint: str) -> tuple[Decimal, Decimal]:
    """Read and write units of one tick, on average over an hour."""
    client = dynamodb.new_database(endpoint, TABLE)
    client.create_table(TableName=MIRROR, **dynamodb.table_properties())
    meter = Meter(client, MIRROR)
    books = Books(meter, TABLE)
    books.program(hold_days=30)
    books.chain("alice", "bob", "carol")
    books.pay("carol", "p", 10_000)
    ticks = Counter[str]()
    before = (Decimal(0), Decimal(0))
    with ExitStack() as stack:
        stack.enter_context(patch.object(config, "context", lambda: books.context))
        stack.enter_context(patch.object(config, "environment", lambda: config.Environment({})))
        for name in ANSWERED:
            stack.enter_context(patch.object(config, name, MagicMock()))
        for minute in range(1 - FIRST, MINUTES + 1):
            if minute == 1:
                before = (meter.used.rru, meter.used.wru)
                ticks.clear()
            books.clock.forward(MINUTE_MS)
            for function in (name for name, every in SCHEDULES.items() if minute % every == 0):
                handler: Any = importlib.import_module(f"functions.{function}.app").handler
                handler({}, _Time())
                ticks[function] += 1
    count = sum(ticks.values())
    return (meter.used.rru - before[0]) / count, (meter.used.wru - before[1]) / count
