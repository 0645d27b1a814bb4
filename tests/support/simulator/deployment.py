"""The real deployment under a scheduler: every call of its functions to table, queue, bus, workflow or provider is a
moment at which another of them may go on, and at which a fault may strike.
"""

from __future__ import annotations

import copy
import itertools
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from refledger.adapters import ids
from refledger.adapters import queues as real_queues
from refledger.adapters.bus import Bus
from refledger.adapters.files import Files
from refledger.adapters.queues import (
    DeadLetters,
    JobQueue,
    LeaderboardQueue,
    LeadsQueue,
    MaturityQueue,
    NotTaken,
    PaymentsQueue,
)
from refledger.adapters.stepfunctions import Waker, Workflow
from refledger.domain.errors import Busy
from refledger.domain.methods import MethodType
from refledger.entry import config
from refledger.operations.context import CLOCK_SKEW_MS, Context
from refledger.operations.figures import rollups
from refledger.store import audit_actor, keys, merge
from refledger.store.table import Table
from refledger.store.transaction import RetryableConflict
from tests.support import changes, functions
from tests.support.books import Books, Clock
from tests.support.buckets import Bucket
from tests.support.business import Business, Queue
from tests.support.deployment import Deployment, Event, deployment
from tests.support.dynamodb import MEMORY
from tests.support.faults import Death
from tests.support.functions import Answer
from tests.support.kms import Kms
from tests.support.memory.client import Client
from tests.support.payouts import Provider
from tests.support.queues import Sqs
from tests.support.simulator.faults import AT_SERVICE, AT_TABLE, Faults, Seam
from tests.support.simulator.scheduler import Scheduler
from tests.support.stepfunctions import MACHINE_ARN, StepFunctions
from tests.support.workflow import Execution, StateMachine, definition

Json = dict[str, Any]
WORKERS = 5
DEDUPLICATED_MS = (
    5 * 60_000
)  # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues.html
CONSUMERS: dict[str, Callable[[Json], bool]] = {
    "stream_rollups": Business._is_counted,
    "stream_projections": lambda key: _kind(key) in keys.AUDITED,
}
TABLE_CALLS = {
    name: tuple(fault for fault, calls in AT_TABLE.items() if name in calls)
    for name in {call for calls in AT_TABLE.values() for call in calls}
}
SERVICE_CALLS: dict[str, tuple[str, ...]] = dict.fromkeys((
    "send_message", "send_message_batch", "put_events", "start_execution", "describe_execution", "send_task_success",
    "send_task_failure", "send", "find",
), AT_SERVICE)  # fmt: skip


def _kind(key: Json) -> str:
    return str(key["pk"]["S"].split("#")[0])


class FifoQueue(Sqs):
    """The queue of maturity: what it was sent under the same number a few minutes ago it takes and drops."""

    def __init__(self, faults: Faults, now_ms: Callable[[], int]) -> None:
        super().__init__()
        self.faults, self.now_ms = faults, now_ms
        self.known: dict[str, int] = {}

    def send_message_batch(self, **given: Any) -> Json:
        entries = given["Entries"]
        refused = [each for each in entries if self.faults.strikes("partial batch", 0.2)]
        self.batches.append([each for each in entries if each not in refused and self._is_new(each)])
        return {"Failed": refused}

    def send_message(self, **given: Any) -> Json:
        if "MessageGroupId" not in given:
            return super().send_message(**given)  # to the dead letters
        self.batches.append([given] if self._is_new(given) else [])
        return {}

    def _is_new(self, message: Json) -> bool:
        id = message["MessageDeduplicationId"]
        last = self.known.get(id)
        if last is not None and self.now_ms() - last < DEDUPLICATED_MS:
            return False
        self.known[id] = self.now_ms()
        return True


@dataclass
class TimeLimit:
    """What Lambda tells a function of its remaining time: enough, or enough for so many more looks at it."""

    looks: int | None

    def get_remaining_time_in_millis(self) -> int:
        if self.looks is not None:
            self.looks -= 1
        return 60_000 if self.looks is None or self.looks >= 0 else 0


@dataclass
class FickleProvider(Provider):
    """One to which something happens now and then."""

    faults: Faults = field(kw_only=True)

    def send(self, order: Any) -> Any:
        if not self.fates and self.faults.strikes("provider", 0.5):
            self.fates.append(self.faults.chosen.choice(("LOST", "DOWN", "DECLINED", "NO FUNDS")))
        if self.faults.strikes("provider", 0.2):
            self.deaf += 1
        return super().send(order)


@dataclass
class Simulated(Deployment):
    """Like Deployment, for tasks of a scheduler."""

    sqs: FifoQueue

    scheduler: Scheduler = field(kw_only=True)
    faults: Faults = field(kw_only=True)
    boards: Queue = field(default_factory=Queue)
    payments: Queue = field(default_factory=Queue)
    leads: Queue = field(default_factory=Queue)
    jobs: Queue = field(default_factory=Queue)
    bus: changes.EventsClient = field(default_factory=changes.EventsClient)
    workers: list[Context] = field(default_factory=list)
    ports: dict[str, Any] = field(default_factory=dict)  # where calls to services pass, by name
    read: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CONSUMERS, 0))  # of the stream, by consumer
    busy: set[str] = field(default_factory=set)  # groups, executions and consumers at which somebody is

    @property
    def table(self) -> Any:
        return self.world.books.client.database.tables["refledger"]

    @property
    def chosen(self) -> random.Random:
        return self.faults.chosen

    def targets(self) -> dict[str, Any]:
        """What functions call beside the table, by name."""
        return {
            "maturity": self.sqs, "leaderboards": self.boards, "payment_events": self.payments, "job_worker": self.jobs,
            "lead_events": self.leads, "bus": self.bus, "workflow": self.steps, "provider": self.stripe,
        }  # fmt: skip

    def continues(self, before: Simulated) -> None:
        """Take over what was going on in another one: what waits, what was sent, what the provider has done."""
        self.queue, self.taken, self.sent, self.seen = [*before.queue], [*before.taken], before.sent, before.seen
        self.groups.update((name, [*group]) for name, group in before.groups.items() if group)
        self.read = dict(before.read)
        for name in ("boards", "payments", "leads", "jobs", "sqs"):
            mine, other = getattr(self, name), getattr(before, name)
            mine.batches, mine.dead = [*other.batches], [*other.dead]
        self.sqs.known = dict(before.sqs.known)
        for name in ("paid", "awaited", "declined"):
            setattr(self.stripe, name, dict(getattr(before.stripe, name)))
        self.machine.tokens = before.machine.tokens
        self.machine.executions = {
            name: replace(run, tries=dict(run.tries)) for name, run in before.machine.executions.items()
        }

    def invoke(self, function: str, event: Json) -> Json | None:
        """What a function answers; None where it failed, which the service answers by another try."""
        looks = self.faults.chosen.randrange(6) if self.faults.strikes("out of time", 0.3) else None
        try:
            answer: Json = functions.load(function).handler(event, TimeLimit(looks)) or {}
        except Exception as error:
            self._excused(error)
            return None
        return answer

    def _excused(self, error: Exception) -> None:
        """What fails without a fault is a fault of ours."""
        task = self.scheduler.current
        if not isinstance(error, Busy | NotTaken | RetryableConflict) and not (task and task.process.hurt):
            raise error

    @contextmanager
    def alone(self, what: str) -> Iterator[bool]:
        """Whether nobody else is at it."""
        if what in self.busy:
            yield False
            return
        self.busy.add(what)
        try:
            yield True
        finally:
            self.busy.discard(what)

    # ------------------------------------------------------------ queues

    def deliver(self, events: list[Event]) -> None:
        """One batch to the payments function; several may have the same message at once."""
        answer = self.invoke("payment_events", _records([event.body for event in events]))
        if answer is None:
            return
        failed = {int(each["itemIdentifier"]) for each in answer["batchItemFailures"]}
        for place, event in enumerate(events):
            if place not in failed and not self.faults.strikes("redelivered", 0.2):
                self.taken.append(event)
                if event in self.queue:
                    self.queue.remove(event)

    def mature(self) -> int:
        """The first messages of groups at which nobody is, in order."""
        messages = self.sqs.messages
        for message in messages[self.seen :]:
            self.groups[message["MessageGroupId"]].append(message)
        self.seen = len(messages)
        free = [name for name, group in self.groups.items() if group and name not in self.busy]
        first = [message for name in free for message in self.groups[name][:10]][:10]
        taken = {message["MessageGroupId"] for message in first}
        self.busy |= taken
        try:
            answer = self.invoke("maturity", _records([message["MessageBody"] for message in first])) if first else None
        finally:
            self.busy -= taken
        if answer is not None:
            failed = {int(each["itemIdentifier"]) for each in answer["batchItemFailures"]}
            for place, message in enumerate(first):
                if place not in failed and not self.faults.strikes("redelivered", 0.2):
                    self.groups[message["MessageGroupId"]].remove(message)
        return len(first)

    def take(self, queue: Queue, function: str) -> bool:
        """What waits in a queue of its own, to its function; what that does not do comes again."""
        bodies = queue.take()
        if not bodies:
            return False
        back = [{"MessageBody": body} for body in bodies]
        queue.dead += back
        answer = self.invoke(function, _records(bodies))
        if answer is not None and not answer.get("batchItemFailures"):
            queue.dead = [each for each in queue.dead if not any(each is one for one in back)]
        return True

    def tick(self, function: str) -> None:
        self.invoke(function, {})

    # ------------------------------------------------------------ the stream

    def follow(self, consumer: str, most: int) -> bool:
        """A batch of the stream, in order; one that failed comes again, and now and then one that did not."""
        with self.alone(consumer) as free:
            begin = self.read[consumer]
            told = self.table.told(begin, begin + most)
            if not told or not free:
                return False
            wanted = CONSUMERS[consumer]
            records = [changes._as_lambda_tells(each) for each in told if wanted(each["dynamodb"]["Keys"])]
            event = {"Records": records, "shardId": "shardId-000000000001"}
            answer = self.invoke(consumer, event) if records else {}
            if answer is not None and not self.faults.strikes("rewound", 0.3):
                self.read[consumer] = begin + len(told)
            return True

    # ------------------------------------------------------------ requests

    def call(self, route: str, **told: Any) -> Answer:
        try:
            answer = self.world.call(route, **told)
            assert answer.status < 500 or answer.status == 503, (route, told, answer)
        except AssertionError:
            task = self.scheduler.current
            if not (task and task.process.hurt):
                raise
            return Answer(503, {}, {})
        return answer

    # ------------------------------------------------------------ the workflow

    def work(self, most: int = 1_000) -> int:
        done = 0
        for run in self.machine.running():
            with self.alone(f"execution {run.name}") as free:
                for _ in range(most if free else 0):
                    if not self._advance(run):
                        break
                    done += 1
        return done

    def _advance(self, run: Execution) -> bool:
        try:
            return self.machine.advance(run)
        except Death:  # the function has died: Step Functions sees that, unless the task has its answer already
            ended = {token for token, _ in (*self.steps.woken, *self.steps.failed)}
            if not run.token or run.token not in ended:
                self.machine._stop_waiting(run)
                self.machine._failed(run, definition()["States"][run.state], "Lambda.Unknown")
            raise

    @property
    def steps(self) -> Any:
        return self.machine.steps


def _records(bodies: list[str]) -> Json:
    return {"Records": [{"messageId": str(number), "body": body} for number, body in enumerate(bodies)]}


@dataclass
class Rig:
    """The functions of one process, where one run after another takes place: `deployed` is of the one that goes on."""

    plain: Deployment
    deployed: Simulated = field(init=False)

    def begin(self, before: Simulated, scheduler: Scheduler, faults: Faults, seed: int) -> Simulated:
        """A deployment that begins as another one is. `scheduler` and `faults` draw from the run's chance."""
        books, steps = _copied_books(before.world.books), _copied_steps(before.steps)
        world = replace(before.world, books=books, machine=steps, bucket=_copied_bucket(before.world.bucket))
        machine = StateMachine(steps, functions.load("workflow").handler, books.clock)
        sqs, stripe = FifoQueue(faults, books.clock), FickleProvider(faults=faults)
        self.deployed = made = Simulated(world, sqs, stripe, machine, scheduler=scheduler, faults=faults)
        made.continues(before)
        audit_actor._numbers = itertools.count(books.clock())  # more than were there before
        random.seed(seed)
        made.ports = {name: Seam(target, scheduler, faults, SERVICE_CALLS) for name, target in made.targets().items()}
        at_table = Seam(books.client, scheduler, faults, TABLE_CALLS)
        made.workers = [_worker(made, at_table) for _ in range(WORKERS)]
        return made

    def empty(self, scheduler: Scheduler, faults: Faults) -> Simulated:
        """One to which nothing has happened."""
        books, steps = self.plain.world.books, self.plain.machine.steps
        machine = StateMachine(steps, functions.load("workflow").handler, books.clock)
        sqs, stripe = FifoQueue(faults, books.clock), FickleProvider(faults=faults)
        return Simulated(self.plain.world, sqs, stripe, machine, scheduler=scheduler, faults=faults)

    def _factories(self) -> dict[str, Callable[[], Any]]:
        """What functions ask `config` for, of the run that goes on."""

        def port(name: str) -> Any:
            return self.deployed.ports[name]

        return {
            "context": lambda: _context(self.deployed),
            "vault": lambda: self.deployed.world.books.vault,
            "files": lambda: Files(self.deployed.world.bucket, "files"),
            "maturity_queue": lambda: MaturityQueue(port("maturity"), "queue"),
            "dead_letters": lambda: DeadLetters(port("maturity"), "dead"),
            "leaderboard_queue": lambda: LeaderboardQueue(port("leaderboards"), "boards"),
            "payments_queue": lambda: PaymentsQueue(port("payment_events"), "payments"),
            "lead_mappings": dict,  # no CRM is read
            "leads_queue": lambda: LeadsQueue(port("lead_events"), "leads"),
            "job_queue": lambda: JobQueue(port("job_worker"), "jobs"),
            "bus": lambda: Bus(port("bus"), "bus"),
            "workflow": lambda: Workflow(port("workflow"), MACHINE_ARN),
            "waker": lambda: Waker(port("workflow")),
            "payouts": lambda: dict.fromkeys((MethodType.STRIPE, MethodType.BANK_TRANSFER), port("provider")),
        }


@contextmanager
def rig() -> Iterator[Rig]:
    """The functions, for runs one after another."""
    with deployment(MEMORY) as plain, pytest.MonkeyPatch.context() as patch:
        made = Rig(plain)
        patch.setattr(ids, "secrets", SimpleNamespace(token_bytes=lambda size: made.deployed.chosen.randbytes(size)))
        patch.setattr(audit_actor, "_numbers", itertools.count())
        for module in (functions.load("payment_events"), rollups, merge, real_queues):
            patch.setattr(module, "side_by_side", lambda *given: made.deployed.scheduler.side_by_side(*given))
        for name, factory in made._factories().items():
            patch.setattr(config, name, factory)
        plain.world.variables |= {"NOTICES": "chosen"}
        yield made


def _copied_books(books: Books) -> Books:
    """A table that has the same in it and goes its own way, at the same moment, under the same key."""
    client = Client(books.client.database.copy(), scheduled=True)
    made = Books(client, clock=Clock(books.clock()), kms=Kms(books.kms.key), ids=books.ids)
    client.database.tables[made.table_name].now = lambda: datetime.fromtimestamp(made.clock() / 1000, UTC)
    return made


def _copied_steps(steps: StepFunctions) -> StepFunctions:
    return StepFunctions(
        dict(steps.executions), [*steps.inputs], set(steps.waiting), [*steps.woken], [*steps.failed], [*steps.tried]
    )  # fmt: skip


def _copied_bucket(bucket: Bucket) -> Bucket:
    return Bucket(objects=dict(bucket.objects), uploads=copy.deepcopy(bucket.uploads), names=dict(bucket.names))


def _context(deployed: Simulated) -> Context:
    task = deployed.scheduler.current
    return deployed.workers[task.worker if task else 0]


def _worker(deployed: Simulated, client: Any) -> Context:
    """A worker's memory, and its clock, which is a little wrong where the run has that."""
    books, faults = deployed.world.books, deployed.faults
    skew = deployed.chosen.randint(-CLOCK_SKEW_MS // 2, CLOCK_SKEW_MS // 2) if "skewed clock" in faults.on else 0

    def pause(milliseconds: int) -> None:
        books.clock.forward(1)
        deployed.scheduler.switch()

    return Context(Table(client, books.table_name), books.ids, lambda: books.clock() + skew, pause=pause)


def restarted(deployed: Simulated, worker: int) -> None:
    """Nothing is left of what a worker knew."""
    deployed.workers[worker] = replace(
        deployed.workers[worker], _programs={}, _shards=[], _versions={}, named={}, noted={}, _stop=[],
    )  # fmt: skip
