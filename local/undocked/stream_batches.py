"""What happens to the records of a shard: batches, failures, bisection, retries, tumbling windows.

Contracts: https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html and
https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-windows.html
"""

from __future__ import annotations

import itertools
import json
import logging
import threading
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from undocked.checkpoint import Checkpoint
from undocked.functions import Outcome
from undocked.mappings import Deliver, Invoke, Mapping, failed_items

Record = dict[str, Any]
LONGEST_BACKOFF_SECONDS = 5.0
STATE_LIMIT_BYTES = 1024 * 1024
WINDOW_GRACE_SECONDS = 1.0  # records carry whole seconds, and may be read a moment after they were written
log = logging.getLogger("undocked.streams")


class StreamBatches:
    """Works through the records of one mapping's shards, and says in the checkpoint what is done."""

    def __init__(
        self,
        mapping: Mapping,
        invoke: Invoke,
        deliver: Deliver,
        checkpoint: Checkpoint,
        stopping: threading.Event,
    ) -> None:
        self._mapping, self._invoke, self._deliver = mapping, invoke, deliver
        self._checkpoint, self._stopping = checkpoint, stopping

    def process(self, shard: str, records: list[Record]) -> None:
        """Invoke the function until every record is done or given up.

        Returns early only when the stack stops.
        """
        if not self._mapping.tumbling_seconds:
            self._in_batches(shard, records, None)
            return
        for start, group in itertools.groupby(records, key=lambda record: self._window_of(shard, record)):
            position = self._checkpoint.position(shard)
            if position.window_start is not None and position.window_start < start:
                self.close_window(shard)
            self._in_batches(shard, list(group), start)

    def close_windows_past(self, shard: str) -> None:
        """To be called when a shard has nothing new: ends its window if that is over."""
        start = self._checkpoint.position(shard).window_start
        if start is not None and time.time() >= start + self._mapping.tumbling_seconds + WINDOW_GRACE_SECONDS:
            self.close_window(shard)

    def close_window(self, shard: str) -> None:
        """The final invocation of the open window, without records; its state is gone after that."""
        position, attempt = self._checkpoint.position(shard), 0
        while position.window_start is not None and not self._stopping.is_set():
            outcome, state = self._call_with_state(shard, [], final=True)
            if state is None and self._stopping.is_set():
                return
            if state is not None or 0 <= self._mapping.max_retries <= attempt:
                if state is None:
                    self._tell(shard, [], attempt + 1, outcome.error, "RetryAttemptsExhausted")
                position.window_start, position.state = None, {}
                self._checkpoint.save()
                return
            attempt += 1
            self._wait(attempt)

    def _window_of(self, shard: str, record: Record) -> int:
        """Start of a record's window; never before the one that is open."""
        size = self._mapping.tumbling_seconds
        start = int(record["dynamodb"]["ApproximateCreationDateTime"] // size) * size
        return max(start, self._checkpoint.position(shard).window_start or start)

    def _in_batches(self, shard: str, records: list[Record], window: int | None) -> None:
        for start in range(0, len(records), self._mapping.batch_size):
            self._batch(shard, records[start : start + self._mapping.batch_size], window, 0)

    def _batch(self, shard: str, batch: list[Record], window: int | None, attempt: int) -> None:
        """One batch, until each record is done or given up; `window`: start of the window that it is in."""
        while batch and not self._stopping.is_set():
            outcome, failed = self._attempt(shard, batch, window)
            if failed is None and self._stopping.is_set():
                return  # the worker was ended with the stack: nobody's failure, and done again next time
            numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
            if failed == set():
                self._done(shard, numbers[-1])
                return
            if failed:  # all before the first failure are done; the rest is tried again
                first = next(index for index, number in enumerate(numbers) if number in failed)
                if first:
                    self._done(shard, numbers[first - 1])
                    batch, attempt = batch[first:], 0
            elif self._mapping.bisect and len(batch) > 1:
                middle = len(batch) // 2  # splitting is not an attempt
                self._batch(shard, batch[:middle], window, attempt)
                batch = batch[middle:]
                continue
            if self._too_old(batch[0]) or 0 <= self._mapping.max_retries <= attempt:
                why = "RecordAgeExceeded" if self._too_old(batch[0]) else "RetryAttemptsExhausted"
                self._tell(shard, batch, attempt + 1, outcome.error if outcome else None, why)
                self._done(shard, batch[-1]["dynamodb"]["SequenceNumber"])
                return
            attempt += 1
            self._wait(attempt)

    def _attempt(self, shard: str, batch: list[Record], window: int | None) -> tuple[Outcome | None, set[str] | None]:
        """Invoke once; the failed records, None for all of them.

        No invocation when the filters leave nothing.
        """
        wanted = [record for record in batch if self._mapping.filters.match(record)]
        if not wanted:
            return None, set()
        if window is not None:
            self._checkpoint.position(shard).window_start = window  # open from its first invocation on
            outcome, state = self._call_with_state(shard, wanted)
            if state is None:
                return outcome, None
        else:
            outcome, state = self._call({"Records": wanted}), None
        failed = failed_items(
            outcome, self._mapping.reports_failures, {r["dynamodb"]["SequenceNumber"] for r in wanted}
        )
        if state is not None and failed is not None:
            self._keep_state(shard, state)
        return outcome, failed

    def _call(self, event: dict[str, Any]) -> Outcome:
        return self._invoke(self._mapping.function, json.dumps(event).encode())

    def _call_with_state(
        self, shard: str, records: list[Record], final: bool = False, early: bool = False
    ) -> tuple[Outcome, dict[str, Any] | None]:
        """One invocation within the open window.

        The state that it answers, None when it failed or answered none.
        """
        position, size = self._checkpoint.position(shard), self._mapping.tumbling_seconds
        start = position.window_start or 0
        outcome = self._call(
            {
                "Records": records,
                "window": {"start": _moment(start), "end": _moment(start + size)},
                "state": position.state,
                "shardId": shard,
                "eventSourceARN": self._mapping.source_arn,
                "isFinalInvokeForWindow": final,
                "isWindowTerminatedEarly": early,
            }
        )
        if outcome.error:
            return outcome, None
        answer = json.loads(outcome.payload or b"null")
        if not isinstance(answer, dict) or not isinstance(answer.get("state"), dict):
            log.error(
                "%s answered without a state, which fails a batch of a tumbling window",
                self._mapping.function,
            )
            return outcome, None
        return outcome, answer["state"]

    def _keep_state(self, shard: str, state: dict[str, Any]) -> None:
        """Hand the state on.

        One that is too large ends the window early, and the rest of it begins with a fresh one.
        """
        position = self._checkpoint.position(shard)
        position.state = state
        if len(json.dumps(state).encode()) > STATE_LIMIT_BYTES:
            self._call_with_state(shard, [], early=True)
            position.state = {}

    def _done(self, shard: str, number: str) -> None:
        self._checkpoint.position(shard).number = number
        self._checkpoint.save()

    def _wait(self, attempt: int) -> None:
        self._stopping.wait(min(LONGEST_BACKOFF_SECONDS, 0.1 * 2**attempt))

    def _too_old(self, record: Record) -> bool:
        limit = self._mapping.max_age_seconds
        return limit >= 0 and time.time() - record["dynamodb"]["ApproximateCreationDateTime"] > limit

    def _tell(self, shard: str, batch: list[Record], invokes: int, error: str | None, condition: str) -> None:
        """Tell the OnFailure destination where the records are, and a bucket the records themselves."""
        mapping = self._mapping
        log.warning("%s gives up %d records of %s after %d invokes", mapping.function, len(batch), shard, invokes)
        if not mapping.on_failure:
            return
        info: dict[str, Any] = {"shardId": shard, "batchSize": len(batch), "streamArn": mapping.source_arn}
        if batch:
            first, last = batch[0]["dynamodb"], batch[-1]["dynamodb"]
            info |= {
                "startSequenceNumber": first["SequenceNumber"],
                "endSequenceNumber": last["SequenceNumber"],
                "approximateArrivalOfFirstRecord": _moment(first["ApproximateCreationDateTime"]),
                "approximateArrivalOfLastRecord": _moment(last["ApproximateCreationDateTime"]),
            }
        self._deliver(
            mapping.on_failure,
            json.dumps(
                {
                    "requestContext": {
                        "requestId": str(uuid.uuid4()),
                        "functionArn": mapping.function_arn,
                        "condition": condition,
                        "approximateInvokeCount": invokes,
                    },
                    "responseContext": {
                        "statusCode": 200,
                        "executedVersion": "$LATEST",
                        "functionError": error,
                    },
                    "version": "1.0",
                    "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                    "DDBStreamBatchInfo": info,
                    **({"payload": json.dumps({"Records": batch})} if ":s3:" in mapping.on_failure else {}),
                }
            ),
        )


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
