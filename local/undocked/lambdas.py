"""The Lambda service: functions by name, workers on demand, and the Invoke API that SDKs call."""

from __future__ import annotations

import itertools
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import unquote, urlsplit

from undocked.children import Children
from undocked.code_watch import CodeWatch
from undocked.functions import FunctionSpec, Outcome, function_name, worker_environment
from undocked.mappings import Switches
from undocked.quick_http import QuickHandler, serve
from undocked.warm import WarmParents
from undocked.worker import NotBegunError, Worker

ASYNC_RETRY_DELAYS_SECONDS = (1.0, 2.0)  # AWS waits one minute, then two
FRESH_WORKERS = 2  # that may die before they begin with a call; AWS, too, initialises once more
Deliver = Callable[[str, str], None]  # (destination ARN, body)


class UnknownFunctionError(KeyError):
    """No function of that name or ARN."""


class _Function:
    """A function and its workers: reuse an idle one, start another below the limit, else wait."""

    def __init__(self, spec: FunctionSpec, start_worker: Callable[[int], Worker]) -> None:
        self.spec, self._start = spec, start_worker
        self._code = CodeWatch((spec.code_dir, *spec.layer_dirs))
        self._idle: list[Worker] = []
        self.workers: set[Worker] = set()
        self._starting = 0
        self._changed = threading.Condition()

    def invoke(self, event: bytes) -> Outcome:
        request_id, ended = str(uuid.uuid4()), ""
        for _ in range(self.spec.max_workers + FRESH_WORKERS):  # all that are idle may be dead
            worker = self._acquire()
            try:
                return worker.run(request_id, event)
            except NotBegunError as error:
                ended = f"RequestId: {request_id} Error: {error}"
            finally:
                with self._changed:
                    if worker.alive:
                        self._idle.append(worker)
                    else:
                        self.workers.discard(worker)
                    self._changed.notify()
        worker.log(ended)
        return Outcome.failure("Runtime.ExitError", ended)

    def _acquire(self) -> Worker:
        version = self._code.version()
        with self._changed:
            while True:
                while self._idle:
                    worker = self._idle.pop()  # the most recently used is the warmest
                    if worker.process.poll() is None and worker.version == version:
                        return worker
                    worker.stop()  # it died while idle, or its code has changed
                    self.workers.discard(worker)
                if len(self.workers) + self._starting < self.spec.max_workers:
                    self._starting += 1
                    break
                self._changed.wait()
        try:
            worker = self._start(version)
        finally:
            with self._changed:
                self._starting -= 1
        with self._changed:
            self.workers.add(worker)
        return worker


class _SideBySide:
    """One function in two releases, by turns."""

    def __init__(self, new: _Function, other: _Function) -> None:
        self.spec, self._each, self._turns = new.spec, (new, other), itertools.count()

    def invoke(self, event: bytes) -> Outcome:
        return self._each[next(self._turns) % 2].invoke(event)

    @property
    def workers(self) -> set[Worker]:
        return self._each[0].workers | self._each[1].workers


class Lambdas:
    """Invokes functions, at once or as events with retries and destinations."""

    def __init__(self, children: Children, python: str, preload: Sequence[str] = (), verbose: bool = False) -> None:
        self._children, self._python, self._verbose = children, python, verbose
        self.warm = WarmParents(children, python, preload)
        self._functions: dict[str, _Function | _SideBySide] = {}
        self._pool = ThreadPoolExecutor(32, "async-invoke")
        self._server = serve(type("InvokeApi", (_InvokeApi,), {"lambdas": self}), "invoke-api")
        self.port: int = self._server.server_address[1]
        self.deliver: Deliver = lambda arn, body: None
        self.switches = Switches()
        self.stopping = threading.Event()  # what fails from now on was ended with the stack, and is nobody's failure

    def add(
        self, specs: Iterable[FunctionSpec], endpoints: Mapping[str, str], others: Mapping[str, FunctionSpec]
    ) -> None:
        """Take up functions; `endpoints` are the AWS_ENDPOINT_URL variables of their workers.

        `others`: by name, the same function in another release, which takes every other call.
        """

        def one(spec: FunctionSpec) -> _Function:
            return _Function(spec, self._starter(spec, worker_environment(spec, endpoints)))

        for spec in specs:
            other = others.get(spec.name)
            self._functions[spec.name] = _SideBySide(one(spec), one(other)) if other else one(spec)

    def _starter(self, spec: FunctionSpec, environment: Mapping[str, str]) -> Callable[[int], Worker]:
        return lambda version: Worker(
            spec, environment, self._children, self._python, version, self.warm, self._verbose
        )

    def spec(self, name_or_arn: str) -> FunctionSpec:
        """What the template says about a function. Raises UnknownFunctionError."""
        return self._function(name_or_arn).spec

    def _function(self, name_or_arn: str) -> _Function | _SideBySide:
        function = self._functions.get(function_name(name_or_arn))
        if function is None:
            raise UnknownFunctionError(name_or_arn)
        return function

    def invoke(self, name_or_arn: str, event: bytes) -> Outcome:
        """Run now and return what came of it. Raises UnknownFunctionError."""
        return self._function(name_or_arn).invoke(event)

    def invoke_async(self, name_or_arn: str, event: bytes) -> None:
        """Queue an event.

        Failures are retried as the template says, then go to its destinations. Raises UnknownFunctionError.
        """
        self._pool.submit(self._attempt, self._function(name_or_arn), event, 1)

    def _attempt(self, function: _Function | _SideBySide, event: bytes, attempt: int) -> None:
        outcome = function.invoke(event)
        if self.stopping.is_set():
            return
        spec = function.spec
        retries = int(spec.async_config.get("MaximumRetryAttempts", 2))
        destinations = spec.async_config.get("DestinationConfig", {})
        if outcome.error is None:
            self._tell(spec, destinations.get("OnSuccess"), "Success", event, outcome, attempt)
        elif attempt <= retries:
            delay = ASYNC_RETRY_DELAYS_SECONDS[min(attempt, len(ASYNC_RETRY_DELAYS_SECONDS)) - 1]
            timer = threading.Timer(delay, self._pool.submit, (self._attempt, function, event, attempt + 1))
            timer.daemon = True
            timer.start()
        else:
            print(f"[{spec.name}] event given up after {attempt} attempts", flush=True)
            self._tell(spec, destinations.get("OnFailure"), "RetriesExhausted", event, outcome, attempt)
            if spec.dead_letters:
                self.deliver(spec.dead_letters, event.decode())

    def _tell(
        self,
        spec: FunctionSpec,
        destination: dict[str, str] | None,
        condition: str,
        event: bytes,
        outcome: Outcome,
        attempt: int,
    ) -> None:
        """Send what came of an event to a destination, in the shape of a destination's record."""
        if not destination:
            return
        response: dict[str, Any] = {"statusCode": 200, "executedVersion": "$LATEST"}
        if outcome.error:
            response["functionError"] = outcome.error
        self.deliver(
            destination["Destination"],
            json.dumps(
                {
                    "version": "1.0",
                    "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
                    "requestContext": {
                        "requestId": str(uuid.uuid4()),
                        "functionArn": f"{spec.arn}:$LATEST",
                        "condition": condition,
                        "approximateInvokeCount": attempt,
                    },
                    "requestPayload": json.loads(event),
                    "responsePayload": json.loads(outcome.payload or b"null"),
                    "responseContext": response,
                }
            ),
        )

    def handle(self, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        """One Invoke request, POST /2015-03-31/functions/{name or ARN}/invocations.

        Names of headers are in lower case.
        Apart from the socket, so that the endpoint of all services can pass requests on.
        """
        name = unquote(urlsplit(path).path.removesuffix("/invocations").rsplit("/functions/", 1)[-1])
        kind = headers.get("x-amz-invocation-type", "RequestResponse")
        if function_name(name) not in self._functions:
            error = {"Type": "User", "Message": f"Function not found: {name}"}
            return 404, {"x-amzn-ErrorType": "ResourceNotFoundException"}, json.dumps(error).encode()
        if kind == "DryRun":
            return 204, {}, b""
        if kind == "Event":
            self.invoke_async(name, body or b"{}")
            return 202, {}, b""
        outcome = self.invoke(name, body or b"{}")
        error_header = {"X-Amz-Function-Error": outcome.error} if outcome.error else {}
        return 200, {"X-Amz-Executed-Version": "$LATEST", **error_header}, outcome.payload

    def describe(self) -> dict[str, list[int]]:
        """Worker pids by function."""
        return {name: [worker.process.pid for worker in list(each.workers)] for name, each in self._functions.items()}


class _InvokeApi(QuickHandler):
    lambdas: Lambdas

    def do_POST(self) -> None:
        body = self.body()
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, reply_headers, payload = self.lambdas.handle(self.path, headers, body)
        request_id = str(uuid.uuid4())  # the SDK shows it, and moto's interpreter fails without it
        self.reply(
            status,
            payload,
            {"Content-Type": "application/json", "x-amzn-RequestId": request_id, **reply_headers},
        )
