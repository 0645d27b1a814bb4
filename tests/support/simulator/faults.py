"""What goes wrong at calls. Each run draws which faults are on in it: with all of them on nothing would get far."""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from tests.support.faults import READS, WRITES, Death
from tests.support.simulator.scheduler import Scheduler, Task

ROOT = Path(__file__).parents[3]
CORE = ROOT / "layers/core/python/refledger"
OURS = (str(CORE / "operations"), str(CORE / "entry"), str(ROOT / "functions"))
# What may strike at a call to the table, and which ones.
AT_TABLE: dict[str, tuple[str, ...]] = {
    "dies before": (*READS, *WRITES),
    "dies after": WRITES,
    "no answer": WRITES,  # it is done, and nobody hears so
    "repeated": ("put_item", "update_item", "delete_item"),  # the SDK did not hear the answer, and sent it once more
    "throttled": (*READS, *WRITES),
    "conflict": WRITES,
    "unprocessed": ("batch_get_item",),
}
AT_SERVICE = ("dies before", "dies after", "no answer", "throttled")  # queues, bus, workflow
AROUND = (
    "late index",  # `list` and `work` are some writes behind
    "rewound",  # a batch of the stream that was done comes again
    "redelivered",  # a message that was done comes again
    "partial batch",  # a queue takes some of what it is sent
    "out of time",  # a function is told that its time is over
    "skewed clock",  # workers whose clocks differ
    "provider",  # payouts whose answer is lost, that are declined, that are found out later
)
ALL = (*AT_TABLE, *AROUND)
RATES = (0.01, 0.05, 0.15)  # of calls, one for a run


@dataclass
class Faults:
    """`on`: what may happen in this run. `sites`: calls by place; `injected`: faults by place and kind."""

    chosen: random.Random
    on: frozenset[str] = frozenset()
    rate: float = 0.0
    sites: Counter[tuple[str, str]] = field(default_factory=Counter)
    injected: Counter[tuple[str, str]] = field(default_factory=Counter)
    quiet: bool = True

    @classmethod
    def drawn(cls, chosen: random.Random) -> Faults:
        """None, some or most of them; payouts are few, and half of the runs have a provider that errs."""
        share = chosen.choice((0.0, 0.2, 0.5, 0.8))
        on = {fault for fault in ALL if chosen.random() < (0.5 if fault == "provider" else share)}
        return cls(chosen, frozenset(on), chosen.choice(RATES))

    def strikes(self, fault: str, likely: float, site: str = "") -> bool:
        """Whether a fault of the world around happens now."""
        if self.quiet or fault not in self.on or self.chosen.random() >= likely:
            return False
        self.injected[site or fault, fault] += 1
        return True

    def at_call(self, site: str, possible: tuple[str, ...]) -> str:
        if self.quiet or not self.on or self.chosen.random() >= self.rate:
            return ""
        left = [fault for fault in possible if fault in self.on]
        if not left:
            return ""
        fault = self.chosen.choice(left)
        self.injected[site, fault] += 1
        return fault

    @contextmanager
    def none(self) -> Iterator[None]:
        was, self.quiet = self.quiet, True
        try:
            yield
        finally:
            self.quiet = was


@dataclass
class Seam:
    """Stands where a client would: a task's call is a moment at which others go on, and at which faults strike.

    `calls`: what may go wrong, by the name of the call; others are passed on. Calls of the test itself are as well.
    """

    target: Any
    scheduler: Scheduler
    faults: Faults
    calls: dict[str, tuple[str, ...]]
    done: Callable[[], None] = lambda: None  # after each call that changed something

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.target, name)
        if name not in self.calls:
            return method

        def call(*given: Any, **arguments: Any) -> Any:
            task = self.scheduler.current
            if task is None:
                answer = method(*given, **arguments)
                self.done()
                return answer
            self.scheduler.switch()
            site = _site()
            self.faults.sites[site, name] += 1
            fault = self.faults.at_call(f"{site} {name}", self.calls[name])
            if not fault:
                answer = method(*given, **arguments)
                self.done()
                return answer
            task.process.hurt = True
            return self._struck(fault, task, name, lambda: method(*given, **arguments), arguments)

        self.__dict__[name] = call
        return call

    def _struck(self, fault: str, task: Task, name: str, method: Callable[[], Any], arguments: dict[str, Any]) -> Any:
        match fault:
            case "dies before":
                task.process.dead = True
                raise Death
            case "throttled":
                raise refused(name, "ThrottlingException")
            case "conflict":
                raise _conflict(name, arguments)
            case "unprocessed":
                ((table, asked),) = arguments["RequestItems"].items()
                return {"Responses": {table: []}, "UnprocessedKeys": {table: asked}}
        answer = method()
        self.done()
        match fault:
            case "dies after":
                task.process.dead = True
                raise Death
            case "no answer":
                raise ReadTimeoutError(endpoint_url="https://aws.example.com")
            case "repeated":
                answer = method()
                self.done()
        return answer


def refused(operation: str, code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "injected"}}, operation)


def _conflict(name: str, arguments: dict[str, Any]) -> ClientError:
    if name != "transact_write_items":
        return refused(name, "TransactionConflictException")
    reasons = [{"Code": "None"} for _ in arguments["TransactItems"]]
    reasons[0] = {"Code": "TransactionConflict"}
    told = {"Error": {"Code": "TransactionCanceledException", "Message": "injected"}, "CancellationReasons": reasons}
    return ClientError(told, name)


def _site() -> str:
    """The line of operations, of a function or of `entry` that asks."""
    frame: Any = sys._getframe(2)
    while frame is not None:
        file = frame.f_code.co_filename
        if _is_ours(file):
            return f"{_short(file)}:{frame.f_lineno}"
        frame = frame.f_back
    return "elsewhere"


@cache
def _is_ours(file: str) -> bool:
    return file.startswith(OURS) and not file.endswith(("operations/context.py", "operations/pages.py"))


@cache
def _short(file: str) -> str:
    return str(Path(file).relative_to(ROOT)).removeprefix("layers/core/python/refledger/")
