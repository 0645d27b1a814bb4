"""A whole deployment in one process: every function's real handler, fed as the template's sources would feed it.

What each call of a function takes is added up by stage: calls to DynamoDB and their units, processor time, invocations,
requests to queues, bytes of logs. Units are right on a metered client only, processor time on a plain one: the meter
writes everything twice.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from unittest.mock import patch

from benchmarks.bench import MIRROR, TABLE, SameIds
from benchmarks.meter import Meter, Used
from refledger.adapters.queues import LeaderboardQueue, MaturityQueue, PaymentsQueue
from refledger.domain.times import iso
from refledger.entry import config
from tests.support import dynamodb
from tests.support.books import Books
from tests.support.changes import Bus, Json, Tail
from tests.support.deployment import Time
from tests.support.functions import LIMITS, load
from tests.support.queues import Sqs
from tests.support.stepfunctions import StepFunctions
from tests.template.deployed import MAPPING, function_id, of_type

SQS_BATCH = 10
STREAM_BATCH = 100
MARK = {"pk": {"S": "MARK"}, "sk": {"S": "A"}}
PATIENCE_SECONDS = 120
SHARD = "shardId-00000000000000000001-a1b2c3d4"
ENVIRONMENT = {
    "STRIPE_MODE": "any", "NOTICES": "chosen", "GROUPS_CLAIM": "cognito:groups", "ROLE_NAMES": "admin,finance,support",
    "SCOPE_PREFIX": "refledger/", **LIMITS,
}  # fmt: skip


@dataclass
class Taken(Used):
    """What a stage took, or a whole life."""

    cpu_ms: float = 0
    invocations: int = 0
    queued: float = 0  # requests to standard queues, those that Lambda makes to receive and delete among them
    ordered: float = 0  # the same to FIFO queues
    log_bytes: int = 0

    def add(self, other: Used, share: int = 1) -> None:
        """`share`: of which it is one."""
        for name, value in vars(other).items():
            if name != "written":
                setattr(self, name, getattr(self, name) + value * share)
        for (by, what), units in other.written.items():
            self.written[by, what] = self.written.get((by, what), Decimal(0)) + units * share

    def shared(self, of: int) -> Taken:
        """What one of so many takes."""
        one = Taken(**{name: value / of for name, value in vars(self).items() if name != "written"})
        one.written = {part: units / of for part, units in self.written.items()}
        return one


class Counted:
    """A client that counts calls, and leaves units to the meter."""

    def __init__(self, client: Any) -> None:
        self._client, self.used, self.by = client, Used(), ""

    def __getattr__(self, name: str) -> Any:
        called = getattr(self._client, name)
        if name in ("get_item", "query", "batch_get_item"):
            self.used.reads += 1
        elif name.endswith(("_item", "_write_items")):
            self.used.writes += 1
        return called


@dataclass
class Pipeline:
    """`stages`: what was taken, by name. Everything outside of a stage is set up, and not counted."""

    books: Books
    client: Any  # Meter or Counted
    plain: Any  # what is not counted
    tail: Tail
    sqs: Sqs = field(default_factory=Sqs)
    boards: Sqs = field(default_factory=Sqs)
    own: Sqs = field(default_factory=Sqs)  # what the reader of changes sends to the payments' queue
    steps: StepFunctions = field(default_factory=StepFunctions)
    bus: Bus = field(default_factory=Bus)
    stages: dict[str, Taken] = field(default_factory=lambda: defaultdict(Taken))
    now: Taken = field(default_factory=Taken)
    _marks: int = 0
    _seen: int = 0
    _seen_of: dict[int, int] = field(default_factory=lambda: defaultdict(int))

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """What is called in the block belongs to it."""
        before, self.now = self.now, Taken()
        self.client.used = Used()
        yield
        self.now.add(self.client.used)
        self.stages[name].add(self.now)
        self.client.used, self.now = Used(), before

    def invoke(self, function: str, event: Json) -> Any:
        """One call of a function."""
        return self.serve(load(function).handler, event, function)

    def serve(self, handler: Callable[[Json, Any], Any], event: Json, by: str) -> Any:
        """One call of a handler. `by`: its function's name."""
        self.client.by = by
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            begun = time.process_time()
            answer = handler(event, Time())
            self.now.cpu_ms += (time.process_time() - begun) * 1000
        self.client.by = ""
        self.now.invocations += 1
        self.now.log_bytes += len(said.getvalue())
        return answer

    # ---------------------------------------------------------------- events and queues

    def pay(self, *payments: tuple[str, str, int]) -> None:
        """(id, customer, amount) of payments, which come together: in batches of the queue."""
        bodies = [payment_message(*each, self.books.clock()) for each in payments]
        for start in range(0, len(bodies), SQS_BATCH):
            batch = bodies[start : start + SQS_BATCH]
            answer = self.invoke("payment_events", _messages(batch))
            assert answer == {"batchItemFailures": []}, answer
            self.now.queued += len(batch) + 2  # the bus sends each alone
        self.mature()

    def mature(self) -> int:
        """The messages that wait in the queue of maturity, each partner's in order; how many there were."""
        messages, self._seen = self.sqs.messages[self._seen :], len(self.sqs.messages)
        self.now.ordered += -(-len(messages) // SQS_BATCH)
        for start in range(0, len(messages), SQS_BATCH):
            batch = [message["MessageBody"] for message in messages[start : start + SQS_BATCH]]
            assert self.invoke("maturity", _messages(batch)) == {"batchItemFailures": []}
            self.now.ordered += 2
        return len(messages)

    # ---------------------------------------------------------------- the stream

    def follow(self) -> int:
        """All that is new in the stream, to both its readers and what they send to, until nothing is new."""
        total = 0
        while records := self.told():
            total += len(records)
            for function, answer in (("stream_rollups", {"shardId": SHARD}), ("stream_projections", {})):
                wanted = [each for each in records if passes(function, each)]
                for start in range(0, len(wanted), STREAM_BATCH):
                    self.invoke(function, {"Records": wanted[start : start + STREAM_BATCH], **answer})
        self._serve(self.own, "payment_events", SQS_BATCH)
        self._serve(self.boards, "leaderboards", 1000)  # which are gathered for a minute
        return total

    def told(self) -> list[Json]:
        """All that was written, as of one moment: the stream follows the table when it likes, so a mark is written last
        and waited for. It was written now, by the clock of the story: DynamoDB Local tells minutes of its own.

        Else it would hang on chance how many batches a reader is called for, and no day would ever pass.
        """
        self._marks += 1
        self.plain.put_item(TableName=TABLE, Item={**MARK, "number": {"N": str(self._marks)}})
        records: list[Json] = []
        give_up = time.monotonic() + PATIENCE_SECONDS
        while not any(_is_mark(each, self._marks) for each in records):
            assert time.monotonic() < give_up, "the stream tells nothing"
            records += self.tail.new()
        told = [each for each in records if each["dynamodb"]["Keys"] != MARK]
        for each in told:
            each["dynamodb"]["ApproximateCreationDateTime"] = self.books.clock() / 1000
        return told

    def _serve(self, queue: Sqs, function: str, size: int) -> None:
        """What is new in a standard queue, in batches of its reader."""
        bodies = [message["MessageBody"] for message in queue.dead[self._seen_of[id(queue)] :]]
        self._seen_of[id(queue)] = len(queue.dead)
        for start in range(0, len(bodies), size):
            assert self.invoke(function, _messages(bodies[start : start + size])) == {"batchItemFailures": []}
        self.now.queued += len(bodies) + 2 * -(-len(bodies) // SQS_BATCH)


def payment_message(id: str, customer: str, amount: int, at_ms: int) -> str:
    """The body of a message of the payments' queue."""
    detail = {
        "paymentId": id, "customerId": customer, "amount": amount, "currency": "USD", "programId": "default",
        "occurredAt": iso(at_ms),
    }  # fmt: skip
    return json.dumps({"source": "payments", "detail-type": "Payment Succeeded", "detail": detail})


def _is_mark(record: Json, number: int) -> bool:
    told = record["dynamodb"]
    return bool(told["Keys"] == MARK and told["NewImage"]["number"]["N"] == str(number))


def passes(function: str, record: Json) -> bool:
    """Whether a reader's filters, as the template has them, let a record through."""
    return any(_matches(pattern["dynamodb"]["Keys"], record["dynamodb"]["Keys"]) for pattern in _filters(function))


def _filters(function: str) -> list[Json]:
    filters = of_type(MAPPING)[f"{function_id(function)}Stream"]["FilterCriteria"]["Filters"]
    return [json.loads(each["Pattern"]) for each in filters]


def _matches(wanted: Json, keys: Json) -> bool:
    """As much of the patterns' language as is used for keys."""
    return all(
        any(
            keys[name]["S"] == each if isinstance(each, str) else keys[name]["S"].startswith(each["prefix"])
            for each in rule["S"]
        )
        for name, rule in wanted.items()
    )


def _messages(bodies: Sequence[str]) -> Json:
    return {"Records": [{"messageId": str(place), "body": body} for place, body in enumerate(bodies)]}


@contextlib.contextmanager
def deployed(endpoint: str, *, metered: bool, **program: Any) -> Iterator[Pipeline]:
    """A pipeline over an empty table, with a program."""
    plain = dynamodb.new_database(endpoint, TABLE)
    client: Any = Counted(plain)
    if metered:
        plain.create_table(TableName=MIRROR, **dynamodb.table_properties())
        client = Meter(plain, MIRROR)
    books = Books(client, TABLE, ids=SameIds())
    books.program(**program)
    made = Pipeline(books, client, plain, Tail(plain, TABLE))
    with contextlib.ExitStack() as stack:
        for name, value in {
            "environment": config.Environment(ENVIRONMENT), "context": books.context, "limits": books.limits,
            "maturity_queue": MaturityQueue(made.sqs, "maturity"), "bus": made.bus, "vault": books.vault,
            "leaderboard_queue": LeaderboardQueue(made.boards, "boards"), "workflow": made.steps.workflow,
            "waker": made.steps.waker, "payments_queue": PaymentsQueue(made.own, "payments"),
        }.items():  # fmt: skip
            stack.enter_context(patch.object(config, name, lambda value=value: value))
        stack.enter_context(patch.object(load("payment_events"), "SIDE_BY_SIDE", 1))  # the meter is one thread's
        names = {"POWERTOOLS_METRICS_NAMESPACE": "bench", "POWERTOOLS_SERVICE_NAME": "bench"}
        stack.enter_context(patch.dict(os.environ, names))
        yield made
