"""One Lambda execution environment: a Runtime API of its own and one awslambdaric process that polls it.

Each worker has its own port, as each environment has its own Runtime API on AWS: that tells workers apart
without a path prefix, which the runtime client does not allow. Protocol:
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import fcntl
import json
import queue
import socket
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field

from undocked.children import Children, Process
from undocked.functions import FunctionSpec, Outcome
from undocked.quick_http import QuickHandler, serve
from undocked.warm import WarmParents

INIT_LIMIT_SECONDS = 120.0  # AWS allows 10; a laptop that compiles byte code, or has much else to do, is slower
END_LIMIT_SECONDS = 60.0  # until the connection of a process that has ended is at its end, too
EMBEDDED_METRICS = '{"_aws":'  # how CloudWatch's embedded metric format begins
# What Powertools' logger says in every line, and ids that only who searches many lines needs.
SAID_ALWAYS = {
    "level", "location", "message", "timestamp", "service", "sampling_rate", "cold_start", "function_name",
    "function_memory_size", "function_arn", "function_request_id", "correlation_id", "xray_trace_id", "request",
    "exception", "exception_name", "stack_trace",
}  # fmt: skip
RESPONSE_LIMIT_BYTES = 6 * 1024 * 1024 + 100  # as the service words it: 6291556


class NotBegunError(Exception):
    """The worker ended before its handler was given the event: nothing of it has run, so another may have it."""


@dataclass(frozen=True)
class Call:
    """One invocation on its way to the process."""

    request_id: str
    event: bytes
    was_read: Future[bool] = field(default_factory=Future)  # to its last byte; known when its connection has ended


class Worker:
    """Runs one invocation at a time.

    After a timeout, a crash or a failed init it is dead and must be replaced.
    """

    def __init__(
        self,
        spec: FunctionSpec,
        environment: Mapping[str, str],
        children: Children,
        python: str,
        version: int,
        warm: WarmParents,
        verbose: bool = True,
    ) -> None:
        """Start the process; it initialises while the caller does other things.

        `version`: of the code it was started with.
        """
        self.spec, self.version, self.alive = spec, version, True
        self._children, self._verbose = children, verbose
        self._events: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
        self._next: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._ready = False
        self._server = serve(type("RuntimeApi", (_RuntimeApi,), {"worker": self}), f"runtime-api-{spec.name}")
        address = f"127.0.0.1:{self._server.server_address[1]}"
        environment = {**environment, "AWS_LAMBDA_RUNTIME_API": address}
        self.process: Process = warm.start(spec, environment) or children.start(
            [python, "-s", "-m", "awslambdaric", spec.handler],  # -s: nothing of the user's own packages
            cwd=spec.code_dir, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        threading.Thread(target=self._stream_output, name=f"output-{spec.name}", daemon=True).start()

    def run(self, request_id: str, event: bytes) -> Outcome:
        """Initialise if new, hand over the event, enforce the deadline.

        Raises NotBegunError where the process was killed before it had read the event.
        """
        if not self._ready:
            kind, payload = self._wait(INIT_LIMIT_SECONDS)
            if kind == "killed":
                raise self._not_begun(payload)
            if kind != "ready":
                return self._broken(kind, payload, request_id, INIT_LIMIT_SECONDS)
            self._ready = True
        call = Call(request_id, event)
        self._next.put(call)
        kind, payload = self._wait(self.spec.timeout_seconds)
        if kind == "unread" or (kind in ("exit", "killed") and not self._may_have_begun(call)):
            raise self._not_begun(payload)
        if kind == "response" and len(payload) > RESPONSE_LIMIT_BYTES:
            text = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT_BYTES} bytes)."
            return self._failure("Function.ResponseSizeTooLarge", text, request_id)
        if kind == "response":
            return Outcome(payload)
        if kind == "error":
            self._log_error(request_id, payload)
            return Outcome(payload, "Unhandled")
        return self._broken(kind, payload, request_id, self.spec.timeout_seconds)

    def stop(self) -> None:
        """Kill the process and close its Runtime API; safe to call twice."""
        self.alive = False
        self._next.put(None)  # frees the request thread that waits in /next
        self._children.kill(self.process)
        threading.Thread(target=self._close, daemon=True).start()

    def _close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _wait(self, seconds: float) -> tuple[str, bytes]:
        try:
            return self._events.get(timeout=seconds)
        except queue.Empty:
            return "timeout", b""

    def _may_have_begun(self, call: Call) -> bool:
        """Whether the handler of a process that has ended may have seen a call."""
        try:
            self._next.get_nowait()
            return False  # nobody had come for it
        except queue.Empty:
            try:
                return call.was_read.result(END_LIMIT_SECONDS)
            except TimeoutError:
                return True

    def _not_begun(self, payload: bytes) -> NotBegunError:
        self.stop()
        return NotBegunError(payload.decode())

    def _broken(self, kind: str, payload: bytes, request_id: str, limit: float) -> Outcome:
        self.stop()
        if kind == "timeout":
            text = f"RequestId: {request_id} Error: Task timed out after {limit:.2f} seconds"
            return self._failure("Sandbox.Timedout", text, request_id)
        if kind == "init/error":
            self._log_error(request_id, payload)
            return Outcome(payload, "Unhandled")
        return self._failure("Runtime.ExitError", f"RequestId: {request_id} Error: {payload.decode()}", request_id)

    def _failure(self, error_type: str, text: str, request_id: str) -> Outcome:
        self.log(text if request_id in text else f"RequestId: {request_id} {text}")
        return Outcome.failure(error_type, text)

    def _log_error(self, request_id: str, payload: bytes) -> None:
        """The runtime client has printed the traceback, but not of which request."""
        try:
            error = json.loads(payload)
            text = f"{error.get('errorType')}: {error.get('errorMessage')}"
        except (ValueError, AttributeError):
            text = payload.decode(errors="replace")
        self.log(f"RequestId: {request_id} {text}")

    def _stream_output(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            for part in line.decode(errors="replace").rstrip("\n").split("\r"):  # tracebacks come with CRs inside
                self.log(part)
        code = self.process.wait()
        self._children.forget(self.process)
        how = f"exit status {code}" if code >= 0 else f"signal: {-code}"
        self._events.put(("exit" if code >= 0 else "killed", f"Runtime exited with error: {how}".encode()))

    def log(self, line: str) -> None:
        """One line of the function's log, on the terminal, under its name; metrics and JSON are for whoever asks."""
        if not self._verbose:
            if line.startswith(EMBEDDED_METRICS):
                return
            line = in_short(line)
        sys.stdout.write(f"[{self.spec.name}] {line}\n")  # at once: `print` writes the line's end by itself
        sys.stdout.flush()

    def next_invocation(self) -> Call | None:
        """What the runtime client waits for; None when the worker is stopped."""
        if not self._ready:
            self._events.put(("ready", b""))
        return self._next.get()

    def report(self, kind: str, payload: bytes) -> None:
        """What the runtime client says (response, error or init/error), or its connection (unread)."""
        self._events.put((kind, payload))


def in_short(line: str) -> str:
    """Return a line of Powertools' logger as its message and what was added to it; any other line as it is."""
    try:
        told = json.loads(line)
    except ValueError:
        return line
    if not (isinstance(told, dict) and {"level", "location", "message"} <= told.keys()):
        return line
    level = [] if told["level"] == "INFO" else [told["level"]]
    added = [value for name, value in told.items() if name not in SAID_ALWAYS]
    text = " ".join(map(str, [*level, told["message"], *added]))
    return f"{text}\n{told['exception']}" if "exception" in told else text


class _RuntimeApi(QuickHandler):
    worker: Worker
    call: Call | None = None  # the last one that this connection was given, until more comes over it

    def handle(self) -> None:
        """Serve a connection. Its end says whether a process that died had read its call: the kernel answers what
        was not read with a reset, or does not acknowledge it.
        """
        reset = False
        try:
            super().handle()
        except ConnectionError:
            reset = True
        if not self.call:
            return
        unread = reset or unacknowledged_bytes(self.connection) > 0
        self.call.was_read.set_result(not unread)
        if unread:
            self.worker.report("unread", b"Runtime exited before it had read the event")

    def do_GET(self) -> None:
        self.call = self.worker.next_invocation()
        if self.call is None:
            self.close_connection = True
            return
        spec, now = self.worker.spec, time.time()
        trace = f"Root=1-{int(now):08x}-{self.call.request_id.replace('-', '')[:24]};Sampled=0"
        self.reply(
            200,
            self.call.event,
            {
                "Lambda-Runtime-Aws-Request-Id": self.call.request_id,
                "Lambda-Runtime-Deadline-Ms": str(int((now + spec.timeout_seconds) * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": spec.arn,
                "Lambda-Runtime-Trace-Id": trace,
                "Content-Type": "application/json",
            },
        )

    def do_POST(self) -> None:
        if self.call:
            self.call.was_read.set_result(True)
            self.call = None
        body = self.body()
        if len(body) < int(self.headers["Content-Length"] or 0):
            return  # it died while it spoke
        self.reply(202, b"", {})
        kind = "init/error" if self.path.endswith("init/error") else self.path.rsplit("/", 1)[-1]
        self.worker.report(kind, body)


def unacknowledged_bytes(connection: socket.socket) -> int:
    """How much of what was sent the other end's kernel has not taken, and never will if that end is closed."""
    if sys.platform != "linux":
        return 0  # not known: taken for read, which gives nothing to a handler twice
    return int.from_bytes(fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)), sys.byteorder)
