"""A whole local stack as a subprocess, for tests.

    from undocked.testing import Stack

    with Stack(template, data=tmp_path) as stack:
        token = stack.token("partner-1", groups=["admin"])
        stack.get("/api/v1/programs", token=token)
        stack.client("sqs").list_queues()

Every stack gets free ports and its own data directory, so that several may run side by side. `stop()` asks as
Ctrl-C does, `kill9()` is a crash, `start()` after either is a restart on the same ports and the same data.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import boto3
import httpx
from botocore.config import Config

PACKAGES = Path(__file__).resolve().parents[1]  # where `python -m undocked` finds this package, installed or not
# Long enough for a machine that has much else to do: who waits for them has found a fault, not slowness.
READY_LIMIT_SECONDS = 300.0
STOP_LIMIT_SECONDS = 60.0
PATIENCE_SECONDS = 180.0
TAIL_LINES = 40
T = TypeVar("T")
_marks: list[socket.socket] = []


class StartFailedError(AssertionError):
    """The stack ended or hung before it was ready; the text has the tail of what it printed."""


def free_ports(count: int) -> list[int]:
    """Ports that nobody uses now, all different.

    Below those that the kernel gives to outgoing connections, so that they are still free at a restart; and nobody
    else who asks here gets them while this process runs.
    """
    found: list[int] = []
    while len(found) < count:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0 and _reserve(port):
                found.append(port)
    return found


def _reserve(port: int) -> bool:
    """Whether the port of that number for datagrams, which no stack uses, could be taken as a mark."""
    mark = socket.socket(type=socket.SOCK_DGRAM)
    try:
        mark.bind(("127.0.0.1", port))
    except OSError:
        mark.close()
        return False
    _marks.append(mark)
    return True


def worker_python() -> Path | None:
    """The interpreter for function workers: LOCAL_WORKER_PYTHON, or the one in .venv-worker where there is one."""
    chosen = Path(os.environ.get("LOCAL_WORKER_PYTHON", Path(".venv-worker", "bin", "python").absolute()))
    return chosen if chosen.exists() else None


def wait_until(probe: Callable[[], T], seconds: float = PATIENCE_SECONDS, step: float = 0.05) -> T:
    """Ask `probe` until its answer is true, and return that. Raises AssertionError when the time is up."""
    give_up = time.monotonic() + seconds
    while not (answer := probe()):
        if time.monotonic() > give_up:
            raise AssertionError(f"still {answer!r} after {seconds} s")
        time.sleep(step)
    return answer


class Stack:
    """One stack. Construct, `start()`, use, `stop()`; or use it in a `with` statement."""

    def __init__(
        self,
        template: Path,
        *,
        data: Path | None = None,
        name: str = "local",
        region: str = "eu-central-1",
        parameters: Mapping[str, str] | None = None,
        clock_scale: float = 1.0,
        max_workers: int | None = None,
        python: Path | None = None,
        options: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`data`: a directory that the caller owns; without it one is made and removed with the stack.
        `clock_scale`: factor on the waits of state machines. `options`: more command line arguments, as
        they are.
        """
        self.template, self.name, self.region = template, name, region
        self._own_data = data is None
        self.data = data or Path(tempfile.mkdtemp(prefix="local-stack-"))
        self.api_port, self.aws_port, self.dynamodb_port = free_ports(3)
        self.api, self.aws, self.dynamodb = (
            f"http://127.0.0.1:{port}" for port in (self.api_port, self.aws_port, self.dynamodb_port)
        )
        self._command = [sys.executable, "-m", "undocked", str(template), "--stack", name, "--region", region]
        self._command += ["--data", str(self.data), "--clock-scale", repr(clock_scale)]
        for key, value in (parameters or {}).items():
            self._command += ["--parameter", f"{key}={value}"]
        if max_workers:
            self._command += ["--max-workers", str(max_workers)]
        if interpreter := python or worker_python():
            self._command += ["--python", str(interpreter)]
        self._command += options
        self._environment = dict(environment or {})
        self._lines: list[str] = []
        self._process: subprocess.Popen[str] | None = None
        self._http = httpx.Client(base_url=self.api, timeout=PATIENCE_SECONDS)
        self._clients: dict[str, Any] = {}

    @property
    def output(self) -> str:
        """Everything printed so far, over all starts."""
        return "\n".join(self._lines)

    @property
    def pid(self) -> int:
        """Process id of the stack itself; its children are in `about()`."""
        assert self._process, "not started"
        return self._process.pid

    def start(self) -> Self:
        """Start and wait until ready. Raises StartFailedError with the tail of the output."""
        ports = {
            "API_PORT": str(self.api_port),
            "AWS_PORT": str(self.aws_port),
            "DYNAMODB_PORT": str(self.dynamodb_port),
        }
        paths = os.pathsep.join(filter(None, (str(PACKAGES), os.environ.get("PYTHONPATH"))))
        environment = {**os.environ, "PYTHONPATH": paths, **ports, **self._environment}
        self._process = subprocess.Popen(
            self._command,
            env=environment,
            text=True,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        ready, began = threading.Event(), len(self._lines)
        threading.Thread(target=self._collect, args=(self._process, ready), daemon=True).start()
        if not ready.wait(READY_LIMIT_SECONDS) or self._process.poll() is not None:
            self._end(signal.SIGKILL)
            tail = "\n".join(self._lines[began:][-TAIL_LINES:])
            raise StartFailedError(f"the local stack did not start (exit status {self._process.returncode}):\n{tail}")
        return self

    def _collect(self, process: subprocess.Popen[str], ready: threading.Event) -> None:
        assert process.stdout
        for line in process.stdout:
            self._lines.append(line.rstrip("\n"))
            if line.startswith("ready in"):
                ready.set()
        process.wait()
        ready.set()  # it ended: whoever waits sees that it is gone

    def stop(self) -> int:
        """End it as Ctrl-C does; returns the exit status. Nothing to do when it is not running."""
        return self._end(signal.SIGINT)

    def kill9(self) -> None:
        """Crash it: SIGKILL to the stack's own process and to no other.

        Its children must go by themselves.
        """
        self._end(signal.SIGKILL)

    def _end(self, with_signal: signal.Signals) -> int:
        if not self._process:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(with_signal)
        try:
            return self._process.wait(STOP_LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def close(self) -> None:
        """Stop, and remove the data directory if it was made here."""
        self.stop()
        self._http.close()
        if self._own_data:
            shutil.rmtree(self.data, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def token(
        self,
        sub: str,
        groups: Sequence[str] = (),
        scope: str | None = None,
        expires_in: int | None = None,
        claims: Mapping[str, Any] | None = None,
        authorizer: str | None = None,
    ) -> str:
        """An access token of the development issuer.

        `scope`: words with blanks between; `expires_in`: seconds.
        """
        wish: dict[str, Any] = {"sub": sub, "groups": list(groups), "scope": scope, "expiresIn": expires_in}
        wish |= {"claims": dict(claims) if claims else None, "authorizer": authorizer}
        answer = self._http.post("/_local/token", json={key: value for key, value in wish.items() if value})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["accessToken"])

    def request(self, method: str, path: str, *, token: str | None = None, **options: Any) -> httpx.Response:
        """One HTTP request to the API; `options` as for httpx (json, content, params, headers)."""
        headers = {**({"authorization": f"Bearer {token}"} if token else {}), **options.pop("headers", {})}
        return self._http.request(method, path, headers=headers, **options)

    def get(self, path: str, *, token: str | None = None, **options: Any) -> httpx.Response:
        """GET; see `request`."""
        return self.request("GET", path, token=token, **options)

    def post(self, path: str, *, token: str | None = None, **options: Any) -> httpx.Response:
        """POST; see `request`."""
        return self.request("POST", path, token=token, **options)

    def client(self, service: str) -> Any:
        """A boto3 client of any service of this stack (one for each service, kept)."""
        if service not in self._clients:
            url = self.dynamodb if service == "dynamodbstreams" else self.aws
            self._clients[service] = boto3.client(
                service,
                endpoint_url=url,
                region_name=self.region,
                aws_access_key_id="local",
                aws_secret_access_key="local",
                config=Config(max_pool_connections=32),
            )
        return self._clients[service]

    def about(self) -> dict[str, Any]:
        """What runs: worker pids by function, the pid of DynamoDB Local, names of schedules and mappings."""
        answer: dict[str, Any] = self._http.get("/_local/about").json()
        return answer
