"""Batches of a stream with a function that is a Python callable: windows, states, retries, checkpoints."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from undocked import stream_batches
from undocked.checkpoint import Checkpoint
from undocked.functions import Outcome
from undocked.mappings import Filters, Mapping, failed_items
from undocked.stream_batches import StreamBatches

MAPPING = Mapping(
    id="M",
    function="f",
    function_arn="arn:aws:lambda:eu-central-1:1:function:f",
    source_arn="arn:aws:dynamodb:eu-central-1:1:table/t/stream/s",
    region="eu-central-1",
    batch_size=2,
    batching_window_seconds=0,
    filters=Filters(None),
    reports_failures=True,
    max_concurrency=None,
    bisect=False,
    max_retries=1,
    max_age_seconds=-1,
    on_failure="arn:aws:sqs:eu-central-1:1:dead",
    starting_position="TRIM_HORIZON",
    tumbling_seconds=0,
)
WINDOWED = replace(MAPPING, tumbling_seconds=60)
Answer = Callable[[dict[str, Any]], Any]


class Bench:
    """Batches over a function, what it was called with, and what the dead letters got."""

    def __init__(self, mapping: Mapping, path: Path, answer: Answer) -> None:
        self.calls: list[dict[str, Any]] = []
        self.told: list[dict[str, Any]] = []
        self.answer = answer
        self.stopping = threading.Event()
        self.checkpoint = Checkpoint(path / "M.json")
        self.batches = StreamBatches(mapping, self._invoke, self._deliver, self.checkpoint, self.stopping)

    def _invoke(self, function: str, event: bytes) -> Outcome:
        self.calls.append(json.loads(event))
        answer = self.answer(self.calls[-1])
        return answer if isinstance(answer, Outcome) else Outcome(json.dumps(answer).encode())

    def _deliver(self, arn: str, body: str) -> None:
        self.told.append(json.loads(body))

    def numbers(self) -> list[list[str]]:
        """Sequence numbers of each call's records."""
        return [[record["dynamodb"]["SequenceNumber"] for record in call["Records"]] for call in self.calls]


def record(number: int, at: float = 0) -> dict[str, Any]:
    """A record of the stream; `at`: seconds since 1970."""
    return {"eventName": "INSERT", "dynamodb": {"SequenceNumber": str(number), "ApproximateCreationDateTime": at}}


def counting(event: dict[str, Any]) -> dict[str, Any]:
    """A function that keeps a sum."""
    return {"state": {"n": event["state"].get("n", 0) + len(event["Records"])}}


def failing(event: dict[str, Any]) -> Outcome:
    """A function that throws."""
    return Outcome.failure("E", "no")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries without their waits."""
    monkeypatch.setattr(stream_batches, "LONGEST_BACKOFF_SECONDS", 0)


def test_state_goes_from_call_to_call_and_ends_with_its_window(tmp_path: Path) -> None:
    """Records of the next window first end the open one, whose state is then gone."""
    bench = Bench(WINDOWED, tmp_path, counting)
    bench.batches.process("s", [record(1, 0), record(2, 10), record(3, 59), record(4, 60)])
    assert bench.numbers() == [["1", "2"], ["3"], [], ["4"]]
    assert [call["state"] for call in bench.calls] == [{}, {"n": 2}, {"n": 3}, {}]
    assert [call["isFinalInvokeForWindow"] for call in bench.calls] == [False, False, True, False]
    assert bench.calls[2]["window"] == {"start": "1970-01-01T00:00:00Z", "end": "1970-01-01T00:01:00Z"}
    assert bench.calls[3]["window"]["start"] == "1970-01-01T00:01:00Z"


def test_a_window_ends_with_the_clock(tmp_path: Path) -> None:
    """A quiet shard's window is closed once it is over, once, and not before."""
    bench = Bench(WINDOWED, tmp_path, counting)
    bench.batches.process("s", [record(1, time.time())])
    bench.batches.close_windows_past("s")
    assert len(bench.calls) == 1
    bench.checkpoint.position("s").window_start = 0
    bench.batches.close_windows_past("s")
    bench.batches.close_windows_past("s")
    assert [call["isFinalInvokeForWindow"] for call in bench.calls] == [False, True]


def test_state_outlives_a_restart(tmp_path: Path) -> None:
    """It is kept with the position, so a restarted poller goes on in the window."""
    Bench(WINDOWED, tmp_path, counting).batches.process("s", [record(1), record(2)])
    again = Bench(WINDOWED, tmp_path, counting)
    again.batches.process("s", [record(3)])
    assert again.calls[0]["state"] == {"n": 2}
    assert again.checkpoint.position("s").number == "3"


@pytest.mark.parametrize("answer", [None, {}, {"state": None}, {"state": 5}, []])
def test_an_answer_without_state_fails_the_batch(tmp_path: Path, answer: object) -> None:
    """It is retried, then given up, as an exception would be."""
    bench = Bench(WINDOWED, tmp_path, lambda event: answer)
    bench.batches.process("s", [record(1)])
    assert bench.numbers() == [["1"], ["1"]]
    assert bench.told[0]["DDBStreamBatchInfo"]["startSequenceNumber"] == "1"


def test_a_failed_final_call_is_retried_before_anything_else(tmp_path: Path) -> None:
    """The next window's records wait for it."""
    failures = iter([True])

    def answer(event: dict[str, Any]) -> Any:
        return failing(event) if event["isFinalInvokeForWindow"] and next(failures, False) else counting(event)

    bench = Bench(WINDOWED, tmp_path, answer)
    bench.batches.process("s", [record(1, 0), record(2, 60)])
    assert bench.numbers() == [["1"], [], [], ["2"]]
    assert [call["state"] for call in bench.calls] == [{}, {"n": 1}, {"n": 1}, {}]


def test_a_state_too_large_ends_the_window_early(tmp_path: Path) -> None:
    """The function is told, and goes on in the same window with a fresh state."""
    bench = Bench(
        WINDOWED, tmp_path, lambda event: {"state": {"text": "x" * (1024 * 1024)} if event["Records"] else {}}
    )
    bench.batches.process("s", [record(1), record(2), record(3)])
    assert [call["isWindowTerminatedEarly"] for call in bench.calls] == [False, True, False, True]
    assert bench.calls[2]["state"] == {}
    assert bench.calls[2]["window"] == bench.calls[0]["window"]


def test_filtered_records_open_no_window(tmp_path: Path) -> None:
    """What the function never sees neither calls it nor ends with a final call."""
    filters = Filters({"Filters": [{"Pattern": '{"eventName": ["REMOVE"]}'}]})
    bench = Bench(replace(WINDOWED, filters=filters), tmp_path, counting)
    bench.batches.process("s", [record(1, 0), record(2, 60)])
    bench.batches.close_window("s")
    assert bench.calls == []
    assert bench.checkpoint.position("s").number == "2"


def test_records_before_the_reported_one_are_done(tmp_path: Path) -> None:
    """The rest is retried, given up after its retries, and what follows goes on."""
    bench = Bench(
        replace(MAPPING, batch_size=4), tmp_path, lambda event: {"batchItemFailures": [{"itemIdentifier": "3"}]} if any(
            each["dynamodb"]["SequenceNumber"] == "3" for each in event["Records"]
        ) else None,
    )  # fmt: skip
    bench.batches.process("s", [record(number) for number in range(1, 6)])
    assert bench.numbers() == [["1", "2", "3", "4"], ["3", "4"], ["5"]] or bench.numbers()[-1] == ["5"]
    assert bench.numbers()[1] == ["3", "4"]
    assert bench.told[0]["DDBStreamBatchInfo"]["batchSize"] == 2


def test_bisection_finds_the_one(tmp_path: Path) -> None:
    """Halves are tried by themselves until the bad record stands alone; it alone is given up."""

    def answer(event: dict[str, Any]) -> Any:
        return failing(event) if any(each["dynamodb"]["SequenceNumber"] == "3" for each in event["Records"]) else None

    bench = Bench(replace(MAPPING, batch_size=4, bisect=True), tmp_path, answer)
    bench.batches.process("s", [record(number) for number in range(1, 5)])
    assert bench.numbers() == [["1", "2", "3", "4"], ["1", "2"], ["3", "4"], ["3"], ["3"], ["4"]]
    assert [told["DDBStreamBatchInfo"]["batchSize"] for told in bench.told] == [1]
    assert bench.checkpoint.position("s").number == "4"


def test_a_bucket_gets_the_records_themselves(tmp_path: Path) -> None:
    """As text, beside where they are in the stream; a queue only gets that."""
    bench = Bench(replace(MAPPING, on_failure="arn:aws:s3:::kept"), tmp_path, failing)
    bench.batches.process("s", [record(1)])
    (told,) = bench.told
    assert told["DDBStreamBatchInfo"]["batchSize"] == 1
    assert json.loads(told["payload"])["Records"] == [record(1)] == bench.calls[0]["Records"]
    bench = Bench(MAPPING, tmp_path / "queue", failing)
    bench.batches.process("s", [record(1)])
    assert "payload" not in bench.told[0]


def test_a_record_too_old_is_not_retried(tmp_path: Path) -> None:
    """MaximumRecordAgeInSeconds; the dead letter says so."""
    bench = Bench(replace(MAPPING, max_age_seconds=60, max_retries=-1), tmp_path, failing)
    bench.batches.process("s", [record(1, time.time() - 100)])
    assert bench.numbers() == [["1"]]
    assert bench.told[0]["requestContext"]["condition"] == "RecordAgeExceeded"


@pytest.mark.parametrize("mapping", [replace(MAPPING, max_retries=0), replace(WINDOWED, max_retries=0)])
def test_a_worker_that_ends_with_the_stack_fails_nothing(tmp_path: Path, mapping: Mapping) -> None:
    """The batch is neither done nor given up, so the next start has it again."""

    def ending(event: dict[str, Any]) -> Outcome:
        bench.stopping.set()
        return Outcome.failure("Runtime.ExitError", "killed")

    bench = Bench(mapping, tmp_path, ending)
    bench.batches.process("s", [record(1)])
    assert (bench.checkpoint.position("s").number, bench.told, len(bench.calls)) == (None, [], 1)


@pytest.mark.parametrize(
    ("payload", "failed"),
    [
        ("null", set()), ("{}", set()), ('{"batchItemFailures": []}', set()), ('{"batchItemFailures": null}', set()),
        ('{"batchItemFailures": [{"itemIdentifier": "a"}]}', {"a"}),
        ('{"batchItemFailures": [{"itemIdentifier": ""}]}', None),
        ('{"batchItemFailures": [{"itemIdentifier": null}]}', None),
        ('{"batchItemFailures": [{"itemIdentifier": "unknown"}]}', None), ('{"batchItemFailures": [{}]}', None),
        ('{"batchItemFailures": "a"}', None), ('"text"', None),
    ],
)  # fmt: skip
def test_what_an_answer_says_of_its_batch(payload: str, failed: set[str] | None) -> None:
    """Nothing failed, some did, or (unreadable, empty, unknown) all did; without reports an answer says nothing."""
    assert failed_items(Outcome(payload.encode()), True, {"a", "b"}) == failed
    assert failed_items(Outcome(payload.encode()), False, {"a", "b"}) == set()
    assert failed_items(Outcome(payload.encode(), "Unhandled"), True, {"a", "b"}) is None
