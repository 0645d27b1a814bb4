"""When a call to AWS is made again, and after how long: what botocore calls its standard mode.

    what                               first pause, at most                  of the quota
    too many requests                  1 s                                   5
    5xx, no answer, a broken one       50 ms, 25 ms for DynamoDB             14

Each further pause may be twice as long, up to 20 s, and is a random part of that. The quota is 500; an answer that
comes gives back what its last repeat took, or 1. While AWS is down, so, a worker soon asks once and no more.

Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html, and botocore/retries/standard.py.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

ATTEMPTS = 5
PAUSE_LIMIT_SECONDS = 20
THROTTLED_PAUSE_SECONDS = 1
QUOTA = 500
THROTTLED_COST, COST, BACK = 5, 14, 1
RETRY_AFTER = "x-amz-retry-after"  # milliseconds, which the service wishes for
RETRY_AFTER_LIMIT_SECONDS = 5  # above the pause of our own

THROTTLED = {
    "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottledException", "TooManyRequestsException",
    "ProvisionedThroughputExceededException", "TransactionInProgressException", "RequestLimitExceeded",
    "BandwidthLimitExceeded", "LimitExceededException", "RequestThrottled", "SlowDown", "PriorRequestNotComplete",
    "EC2ThrottledException",
}  # fmt: skip
# The last of them is DynamoDB's word for global tables
PASSING = {"RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete", "ReplicatedWriteConflictException"}
PASSING_STATUSES = {500, 502, 503, 504}
THROTTLED_STATUS = 429


class Repeat(NamedTuple):
    """`cost`: what it took of the quota."""

    pause_s: float
    cost: int


@dataclass
class Retries:
    """Counts for one client what it may still ask again. Threads may share it."""

    first_pause_s: float
    _left: int = QUOTA
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def after(self, attempt: int, status: int, code: str, headers: Mapping[str, str]) -> Repeat | None:
        """Return how the call is to be made again, None if it is not.

        `attempt`: the one that failed, from 1. `status`: 0 where there was no answer.
        """
        throttled = code in THROTTLED or status == THROTTLED_STATUS
        passing = not status or status in PASSING_STATUSES or code in PASSING
        cost = THROTTLED_COST if throttled else COST
        if attempt >= ATTEMPTS or not (throttled or passing) or not self._take(cost):
            return None
        first_s = THROTTLED_PAUSE_SECONDS if throttled else self.first_pause_s
        pause_s = random.random() * min(first_s * 2 ** (attempt - 1), PAUSE_LIMIT_SECONDS)
        wished = headers.get(RETRY_AFTER, "")
        if wished.isascii() and wished.isdigit():
            pause_s = max(pause_s, min(int(wished) / 1000, pause_s + RETRY_AFTER_LIMIT_SECONDS))
        return Repeat(pause_s, cost)

    def answered(self, last: Repeat | None) -> None:
        """Give back to the quota, after an answer that is no error. `last`: the repeat that brought it."""
        if self._left < QUOTA:
            with self._lock:
                self._left = min(QUOTA, self._left + (last.cost if last else BACK))

    def _take(self, cost: int) -> bool:
        with self._lock:
            enough = self._left >= cost
            self._left -= cost if enough else 0
        return enough
