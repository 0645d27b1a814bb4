"""Limits per caller and minute, kept in the table and counted mostly in memory.

A counter is written only every few requests: whoever calls seldom costs nothing, and whoever passes the limit is
refused at the latest that few requests per running worker too late, never too early.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from refledger.domain.errors import RateLimited
from refledger.domain.times import MINUTE_MS, SECOND_MS
from refledger.operations.context import Context, retry_on_conflict
from refledger.store import keys
from refledger.store.keys import Key

STEPS_TO_LIMIT = 24  # how often a counter is written on the way to its limit
MEMORY_LIMIT = 10_000  # counters a worker remembers
KEPT_SECONDS = 600


class LimitKind(StrEnum):
    """Classes of routes, each with a limit of its own; UNKNOWN_CODES counts only what was guessed in vain, ACCOUNTS
    only what was shown.
    """

    READS = "reads"
    WRITES = "writes"
    HEAVY = "heavy"  # one call that does many things: bulk, imports, exports
    WITHDRAWALS = "withdrawals"
    UNKNOWN_CODES = "unknown-codes"
    ACCOUNTS = "accounts"  # whole account numbers that one person is shown


DEFAULTS = {LimitKind.ACCOUNTS.value: "60"}  # for functions that show none


@dataclass(frozen=True)
class Standing:
    """Where a caller stands in the minute: `left` of `allowed`, until `seconds` from now."""

    kind: LimitKind
    allowed: int
    left: int
    seconds: int
    minute: int = 0  # since the epoch, in which it was counted


def parse(text: str) -> dict[LimitKind, int]:
    """`reads=1200,writes=300`: what is allowed in a minute.

    Raises ValueError, also where a kind is missing that has no default.
    """
    told = {**DEFAULTS, **dict(part.split("=") for part in text.split(","))}
    if set(told) != set(LimitKind):
        raise ValueError("a limit for each kind")
    return {LimitKind(kind): int(number) for kind, number in told.items()}


@dataclass
class _Counter:
    minute: int
    known: int = 0  # what the table said last
    unsaid: int = 0  # what it has not been told


@dataclass
class Limits:
    """Allowed per caller and minute, by kind."""

    allowed: dict[LimitKind, int]
    _counters: dict[tuple[str, LimitKind], _Counter] = field(default_factory=dict)

    def take(self, context: Context, caller: str, kind: LimitKind) -> Standing:
        """Count one. Raises RateLimited when it is one too many."""
        allowed, now_ms = self.allowed[kind], context.now_ms()
        counter = self._counter(caller, kind, now_ms // MINUTE_MS)
        counter.unsaid += 1
        over = counter.known + counter.unsaid > allowed
        if counter.known <= allowed and (over or counter.unsaid >= max(1, allowed // STEPS_TO_LIMIT)):
            said, counter.unsaid = counter.unsaid, 0
            counter.known = self._say(context, caller, kind, counter.minute, said)
        used = counter.known + counter.unsaid
        if used > allowed:
            raise self.refusal(kind, now_ms)
        return Standing(kind, allowed, allowed - used, _left_seconds(now_ms), counter.minute)

    def give_back(self, context: Context, caller: str, kind: LimitKind, taken: Standing) -> None:
        """Take back what was counted, in its minute; for a limit so low that each count is written."""
        known = self._say(context, caller, kind, taken.minute, -1)
        counter = self._counters.get((caller, kind))
        if counter is not None and counter.minute == taken.minute:
            counter.known = known

    def is_among_first(self, who: str, most: int, now_ms: int) -> bool:
        """Return whether it is one of the first `most` of the minute that this worker sees of somebody.

        Costs no write: for what is counted for information, and not worth to be counted together.
        """
        counter = self._counter(who, LimitKind.READS, now_ms // MINUTE_MS)
        counter.unsaid += 1
        return counter.unsaid <= most

    def refusal(self, kind: LimitKind, now_ms: int) -> RateLimited:
        words, seconds = kind.replace("-", " "), _left_seconds(now_ms)
        return RateLimited(f"more than {self.allowed[kind]} {words} in a minute", seconds)

    def _say(self, context: Context, caller: str, kind: LimitKind, minute: int, number: int) -> int:
        key, expires = keys.limit(caller, kind, minute), minute * MINUTE_MS // SECOND_MS + KEPT_SECONDS
        return _count(context, key, number, expires)

    def _counter(self, caller: str, kind: LimitKind, minute: int) -> _Counter:
        if len(self._counters) >= MEMORY_LIMIT:
            self._counters.clear()
        counter = self._counters.get((caller, kind))
        if counter is None or counter.minute != minute:
            counter = self._counters[caller, kind] = _Counter(minute)
        return counter


@retry_on_conflict
def _count(context: Context, key: Key, number: int, expires: int) -> int:
    return context.table.count(key, number, expires)


def _left_seconds(now_ms: int) -> int:
    return -(-(MINUTE_MS - now_ms % MINUTE_MS) // SECOND_MS)
