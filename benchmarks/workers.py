"""Functions as Lambda runs them: real runtime clients in processes of their own, beside stand-ins for what they call.

DynamoDB is DynamoDB Local in its own process. The secret of the hashes, the queues and the workflow are a few lines in
this one, so what they take is nobody's time.
"""

from __future__ import annotations

import json
import queue
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import LAYER, ROOT, cold_start
from benchmarks.bench import TABLE
from benchmarks.clocks import cpu_ms
from tests.support.books import SECRET
from tests.support.changes import Json
from tests.support.dynamodb import REGION
from tests.support.functions import LIMITS
from undocked.children import Children
from undocked.functions import FunctionSpec, worker_environment
from undocked.quick_http import QuickHandler, serve
from undocked.warm import WarmParents
from undocked.worker import Worker


class Failed(Exception):
    """A function ended with an error, and what it said."""


class _Fresh(WarmParents):
    """Every worker is an interpreter of its own, as in Lambda."""

    def start(self, spec: FunctionSpec, environment: Mapping[str, str]) -> None:
        return None


class _Silent(Worker):
    """What functions log is read, as the service reads it, and not shown."""

    def log(self, line: str) -> None: ...

    def stop(self) -> None:
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # it is cut off, as is meant
        super().stop()


@dataclass
class Services:
    """`sent`: bodies of messages to queues, by the queue's name."""

    secret: str = SECRET
    sent: dict[str, list[str]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, operation: str, asked: Json) -> Json:
        if operation == "GetSecretValue":
            return {"ARN": asked["SecretId"], "Name": "secret", "SecretString": self.secret}
        if operation == "StartExecution":
            return {"executionArn": f"{asked['stateMachineArn']}:{asked['name']}", "startDate": 1_790_000_000}
        if operation == "SendMessage":
            self._keep(asked["QueueUrl"], asked["MessageBody"])
            return {"MessageId": str(uuid.uuid4())}
        if operation == "SendMessageBatch":
            for entry in asked["Entries"]:
                self._keep(asked["QueueUrl"], entry["MessageBody"])
            return {"Successful": [{"Id": entry["Id"], "MessageId": entry["Id"]} for entry in asked["Entries"]]}
        if operation == "PutEvents":
            return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"} for _ in asked["Entries"]]}
        raise AssertionError(f"nobody stands in for {operation}")

    def take(self, queue_name: str) -> list[str]:
        """All that was sent since, oldest first."""
        with self._lock:
            return self.sent.pop(queue_name, [])

    def _keep(self, url: str, body: str) -> None:
        with self._lock:
            self.sent.setdefault(url.rsplit("/", 1)[-1], []).append(body)


class _Endpoint(QuickHandler):
    services: Services

    def do_POST(self) -> None:
        operation = self.headers["X-Amz-Target"].rsplit(".", 1)[-1]
        answer = self.services.answer(operation, json.loads(self.body()))
        self.reply(200, json.dumps(answer).encode(), {"Content-Type": "application/x-amz-json-1.0"})


class Function:
    """One function with as many workers as there may be calls at once."""

    def __init__(self, workers: list[Worker]) -> None:
        self.workers = workers
        self._idle: queue.LifoQueue[Worker] = queue.LifoQueue()  # the one used last is the warmest
        for worker in workers:
            self._idle.put(worker)

    def invoke(self, event: Json) -> Any:
        """What the handler answers. Raises Failed."""
        payload, worker = json.dumps(event).encode(), self._idle.get()
        try:
            outcome = worker.run(str(uuid.uuid4()), payload)
        finally:
            self._idle.put(worker)
        if outcome.error:
            raise Failed(outcome.payload.decode())
        return json.loads(outcome.payload)

    def call(self, route: str, sub: str, body: Json | None = None, **headers: str) -> tuple[int, Json]:
        """A request as API Gateway passes it on: status and body of the answer."""
        claims = {"sub": sub, "token_use": "access", "scope": "openid"}
        answer = self.invoke({
            "version": "2.0", "routeKey": route, "rawPath": route.split()[1], "rawQueryString": "",
            "headers": {"content-type": "application/json", "host": "api.example.com", **headers},
            "requestContext": {"requestId": "r-1", "authorizer": {"jwt": {"claims": claims, "scopes": None}}},
            "body": "" if body is None else json.dumps(body), "isBase64Encoded": False,
        })  # fmt: skip
        return answer["statusCode"], json.loads(answer["body"])

    def deliver(self, bodies: list[str]) -> None:
        """A batch of a queue. Raises Failed where a message is to come again."""
        records = [{"messageId": str(place), "body": body} for place, body in enumerate(bodies)]
        answer = self.invoke({"Records": records})
        if answer["batchItemFailures"]:
            raise Failed(f"not taken: {answer}")


@dataclass
class Deployment:
    """Workers by function, and what stands in for AWS."""

    children: Children
    services: Services
    variables: dict[str, str]
    code_of: Callable[[str], Path] = (ROOT / "functions").joinpath  # a function's folder
    layer: Path = LAYER
    started: list[Worker] = field(default_factory=list)

    def worker(self, name: str) -> Worker:
        """A new process of a function."""
        spec = FunctionSpec(
            name=name, arn=f"arn:aws:lambda:{REGION}:000000000000:function:{name}", handler="app.handler",
            code_dir=self.code_of(name), layer_dirs=(self.layer,), timeout_seconds=120, memory_mb=512,
            environment={**cold_start.ENVIRONMENT, **LIMITS, **self.variables},
        )  # fmt: skip
        python = str(cold_start.WORKER)
        environment = worker_environment(spec, {})
        made = _Silent(spec, environment, self.children, python, 1, _Fresh(self.children, python, ()), verbose=False)
        self.started.append(made)
        return made

    def function(self, name: str, workers: int = 1) -> Function:
        return Function([self.worker(name) for _ in range(workers)])

    def cpu_ms(self) -> float:
        """Of all workers so far."""
        return sum(cpu_ms(worker.process.pid) for worker in self.started)


@contextmanager
def deployment(
    dynamodb: str = "http://127.0.0.1:9", access_key: str = "local", **variables: str
) -> Iterator[Deployment]:
    """`dynamodb`: its endpoint; `access_key`: of the database there. Every process ends with the block."""
    services = Services()
    server = serve(type("Services", (_Endpoint,), {"services": services}), "services")
    address = f"http://127.0.0.1:{server.server_address[1]}"
    told = {
        "AWS_ENDPOINT_URL": address, "AWS_ENDPOINT_URL_DYNAMODB": dynamodb, "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": "local", "TABLE_NAME": TABLE, "STRIPE_MODE": "any",
        "MATURITY_QUEUE_URL": f"{address}/0/maturity", "PAYMENTS_QUEUE_URL": f"{address}/0/payments",
        "LEADERBOARDS_QUEUE_URL": f"{address}/0/leaderboards", "PAYMENTS_DLQ_URL": f"{address}/0/dead",
    }  # fmt: skip
    children = Children()
    made = Deployment(children, services, {**told, **variables})
    try:
        yield made
    finally:
        for worker in made.started:
            worker.stop()
        children.stop()
        server.shutdown()
        server.server_close()
