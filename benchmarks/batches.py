"""How long a batch of ten payments waits at the service's latencies: the real handler over a client that sleeps.

The client answers from memory: what the SDK itself takes of the processor comes on top, some two milliseconds a call
on a whole one.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import time
from statistics import median
from typing import Any
from unittest.mock import patch

from refledger.adapters.queues import MaturityQueue
from refledger.domain.times import iso
from refledger.entry import config
from refledger.operations.context import Context
from refledger.store.table import Table
from tests.support import dynamodb
from tests.support.books import Books
from tests.support.functions import load
from tests.support.queues import Sqs

READ_MS, BATCH_READ_MS, TRANSACTION_MS = 4, 6, 12
CUSTOMERS, BATCHES, COLD = 10, 30, 3
BUDGET_MS = 60


class Slow:
    """As much of a DynamoDB client as payments of two tiers ask for."""

    def __init__(self, items: list[dict[str, Any]]) -> None:
        self._items = {(item["pk"]["S"], item["sk"]["S"]): item for item in items}

    def get_item(self, **call: Any) -> dict[str, Any]:
        time.sleep(READ_MS / 1000)
        item = self._items.get((call["Key"]["pk"]["S"], call["Key"]["sk"]["S"]))
        return {"Item": item} if item else {}

    def batch_get_item(self, **call: Any) -> dict[str, Any]:
        time.sleep(BATCH_READ_MS / 1000)
        ((table, asked),) = call["RequestItems"].items()
        found = [self._items.get((key["pk"]["S"], key["sk"]["S"])) for key in asked["Keys"]]
        return {"Responses": {table: [item for item in found if item]}}

    def transact_write_items(self, **_: Any) -> dict[str, Any]:
        time.sleep(TRANSACTION_MS / 1000)
        return {}


def measure(endpoint: str) -> float:
    """Milliseconds of a batch of ten payments of ten customers, warm: the median."""
    books = Books(dynamodb.new_database(endpoint))
    books.program(hold_days=30)
    books.chain("alice", "bob")
    names = [f"customer {number}" for number in range(CUSTOMERS)]
    for name in names:
        books.apply(name, "bob")
    items = books.client.scan(TableName=books.table_name)["Items"]
    context = Context(Table(Slow(items), books.table_name), books.ids, books.clock)
    taken: list[float] = []
    with (
        patch.object(config, "environment", lambda: config.Environment({"STRIPE_MODE": "any"})),
        patch.object(config, "context", lambda: context),
        patch.object(config, "maturity_queue", lambda: MaturityQueue(Sqs(), "queue")),
        patch.dict(os.environ, {"POWERTOOLS_METRICS_NAMESPACE": "bench", "POWERTOOLS_SERVICE_NAME": "bench"}),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        for number in range(BATCHES):
            batch = {"Records": [_record(books, number, name) for name in names]}
            begun = time.perf_counter()
            assert load("payment_events").handler(batch, None) == {"batchItemFailures": []}
            taken.append((time.perf_counter() - begun) * 1000)
    return median(taken[COLD:])


def _record(books: Books, batch: int, customer: str) -> dict[str, str]:
    detail = {
        "paymentId": f"{batch} of {customer}", "customerId": customer, "amount": 10_000, "currency": "USD",
        "occurredAt": iso(books.clock()),
    }  # fmt: skip
    body = {"source": "payments", "detail-type": "Payment Succeeded", "detail": detail}
    return {"messageId": customer, "body": json.dumps(body)}


def report(taken_ms: float) -> str:
    return f"A batch of {CUSTOMERS} payments: {taken_ms:.0f} ms, of {BUDGET_MS} at most"


def broken(taken_ms: float) -> list[str]:
    return [report(taken_ms)] if taken_ms > BUDGET_MS else []
