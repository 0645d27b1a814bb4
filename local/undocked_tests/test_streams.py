"""The table's stream: delivery, bisection, reported failures, tumbling windows."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from undocked.testing import Stack, wait_until
from undocked_tests.shop_client import notes, put, put_together, take


def audited(shop: Stack, ident: str) -> list[dict[str, Any]]:
    """Notes of the records of an order."""
    return [note for note in notes(shop, "audit") if note["SK"].startswith(f"ORDER#{ident}/")]


def test_a_write_reaches_its_function(shop: Stack) -> None:
    """Once."""
    ident = str(uuid.uuid4())
    put(shop, f"ORDER#{ident}")
    wait_until(lambda: audited(shop, ident))
    assert [note["seen"] for note in audited(shop, ident)] == ["1"]


def test_bisection_isolates_the_record_that_throws(shop: Stack) -> None:
    """Of nine records written together eight are done; the dead letter tells of the one."""
    idents = [str(uuid.uuid4()) for _ in range(9)]
    put_together(shop, {f"ORDER#{each}": {"throw": {"S": "1"}} if n == 4 else {} for n, each in enumerate(idents)})
    good = [each for n, each in enumerate(idents) if n != 4]
    wait_until(lambda: all(audited(shop, each) for each in good))
    told = wait_until(lambda: [body for body in take(shop, "AuditDlq") if "DDBStreamBatchInfo" in body])
    assert told[0]["DDBStreamBatchInfo"]["batchSize"] == 1
    assert told[0]["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert not audited(shop, idents[4])


def test_a_reported_record_takes_those_after_it_with_it(shop: Stack) -> None:
    """Records before the reported one are done; it and the rest are retried, and given up together."""
    idents = [str(uuid.uuid4()) for _ in range(4)]
    put_together(shop, {f"ORDER#{each}": {"fail": {"S": "1"}} if n == 0 else {} for n, each in enumerate(idents)})
    told = wait_until(lambda: [body for body in take(shop, "AuditDlq") if "DDBStreamBatchInfo" in body])
    assert told[0]["requestContext"]["approximateInvokeCount"] == 2


def test_a_tumbling_window_carries_its_state_to_its_end(shop: Stack) -> None:
    """Twelve records in batches of five, within windows of three seconds: the final calls add up to twelve.

    Every event has the window's keys; a final one has no records.
    """
    run = uuid.uuid4().hex
    before = sum(int(note["count"]) for note in notes(shop, "window"))
    time.sleep(-time.time() % 3)  # so that all fit into one window
    put_together(shop, {f"COUNTED#{run}{number}": {} for number in range(12)})
    wait_until(lambda: sum(int(note["count"]) for note in notes(shop, "window")) == before + 12)
    final = notes(shop, "window")[-1]
    assert final["records"] == "0"
    shape = json.loads(final["shape"])
    assert set(shape) == {
        "window", "state", "shardId", "eventSourceARN", "isFinalInvokeForWindow", "isWindowTerminatedEarly",
    }  # fmt: skip
    assert set(shape["window"]) == {"start", "end"}
    assert (shape["isFinalInvokeForWindow"], shape["isWindowTerminatedEarly"]) == (True, False)
    assert shape["shardId"].startswith("shardId-")
    assert shape["eventSourceARN"].startswith("arn:aws:dynamodb:eu-central-1:123456789012:table/local-Table/stream/")
    first = json.loads(notes(shop, "invoke")[0]["shape"])
    assert (first["state"], first["isFinalInvokeForWindow"]) == ({}, False)
