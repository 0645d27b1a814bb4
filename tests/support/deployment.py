"""The whole deployment in one process: the real functions, with queues, workflow and provider that a test drives.

Nothing happens by itself: a test says when an event is delivered, a schedule ticks, a state of the workflow is run.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from refledger.adapters.queues import DeadLetters, MaturityQueue
from refledger.domain.methods import MethodType
from refledger.domain.times import iso
from refledger.entry import config
from tests.support import functions
from tests.support.functions import Answer, World
from tests.support.payouts import Provider
from tests.support.queues import Sqs
from tests.support.workflow import StateMachine


class Time:
    """What Lambda tells a function of its remaining time: enough."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@dataclass
class Event:
    """One of the owner's events, as it lies in the payments queue."""

    kind: str
    detail: dict[str, Any]
    number: int

    @property
    def body(self) -> str:
        return json.dumps({"source": "payments", "detail-type": self.kind, "detail": self.detail})


@dataclass
class Deployment:
    world: World
    sqs: Sqs
    stripe: Provider
    machine: StateMachine
    queue: list[Event] = field(default_factory=list)  # not yet taken
    taken: list[Event] = field(default_factory=list)  # at least once
    sent: int = 0
    seen: int = 0  # messages of the maturity queue that were taken over into `groups`
    groups: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))

    def send(self, kind: str, **detail: Any) -> None:
        """Put on the bus, and by its rule into the queue."""
        self.sent += 1
        self.queue.append(Event(kind, {**detail, "occurredAt": iso(self.world.books.clock())}, self.sent))

    def deliver(self, events: list[Event]) -> None:
        """One batch to the payments function. What it does not report as failed is done."""
        answer = functions.load("payment_events").handler(_records([event.body for event in events]), Time())
        failed = {int(each["itemIdentifier"]) for each in answer["batchItemFailures"]}
        for place, event in enumerate(events):
            if place not in failed:
                self.taken.append(event)
                if event in self.queue:
                    self.queue.remove(event)

    def mature(self) -> int:
        """The first messages of each group, in order, to the maturity function; those that failed stay. How many."""
        messages, self.seen = self.sqs.messages[self.seen :], len(self.sqs.messages)
        for message in messages:
            self.groups[message["MessageGroupId"]].append(message)
        first = [message for group in self.groups.values() for message in group[:10]][:10]
        if first:
            handler = functions.load("maturity").handler
            answer = handler(_records([message["MessageBody"] for message in first]), Time())
            failed = {int(each["itemIdentifier"]) for each in answer["batchItemFailures"]}
            for place, message in enumerate(first):
                if place not in failed:
                    self.groups[message["MessageGroupId"]].remove(message)
        return len(first)

    def tick(self, function: str) -> None:
        """The schedule of maturity, or of the sweeper."""
        functions.load(function).handler({}, Time())

    def call(self, route: str, **told: Any) -> Answer:
        """One request. Whatever is asked, the answer is no fault of ours; 503 says that others were at it."""
        answer = self.world.call(route, **told)
        assert answer.status < 500 or answer.status == 503, (route, told, answer)
        return answer

    def staff(self, route: str, who: str = "admin", **told: Any) -> Answer:
        return self.call(route, sub=who, groups=("admin",), **told)

    def work(self, most: int = 1_000) -> int:
        """All executions as far as they go by themselves, up to so many states each."""
        done = 0
        for run in self.machine.running():
            for _ in range(most):
                if not self.machine.advance(run):
                    break
                done += 1
        return done


def _records(bodies: list[str]) -> dict[str, Any]:
    return {"Records": [{"messageId": str(number), "body": body} for number, body in enumerate(bodies)]}


@contextmanager
def deployment(endpoint: str) -> Iterator[Deployment]:
    """An empty one."""
    with functions.world(endpoint) as world, pytest.MonkeyPatch.context() as patch:
        sqs, stripe = Sqs(), Provider()
        ports = {MethodType.STRIPE: stripe, MethodType.BANK_TRANSFER: stripe}
        patch.setattr(config, "maturity_queue", lambda: MaturityQueue(sqs, "queue"))
        patch.setattr(config, "dead_letters", lambda: DeadLetters(sqs, "dead"))
        patch.setattr(config, "payouts", lambda: ports)
        patch.setenv("POWERTOOLS_METRICS_NAMESPACE", "refledger")
        patch.setenv("POWERTOOLS_SERVICE_NAME", "test")
        machine = StateMachine(world.machine, functions.load("workflow").handler, world.books.clock)
        yield Deployment(world, sqs, stripe, machine)
