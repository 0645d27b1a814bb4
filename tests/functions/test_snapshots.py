"""A function's memory that is restored hours after it was kept: nothing of then is used, and no two are the same."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from benchmarks import LAYER, ROOT, cold_start
from refledger.adapters import aws, container_credentials
from refledger.entry import config, snapshots
from tests.support import dynamodb, functions
from tests.support.books import SECRET, Books
from tests.support.http_answers import CLOSE, Received, Server, answer, serving

HOURS_MS = 7 * 3_600_000
ROUTE = "GET /api/v1/ledger/balances"
PATIENCE_SECONDS = 120


@dataclass
class Aws:
    """DynamoDB, on a table in memory, and Secrets Manager. `drops`: it closes each socket behind its answer."""

    books: Books
    drops: bool = False
    asked: list[tuple[str, Received]] = field(default_factory=list)

    def __call__(self, received: Received) -> bytes:
        operation = received.headers["x-amz-target"].rpartition(".")[2]
        self.asked.append((operation, received))
        if operation == "GetSecretValue":
            found: dict[str, Any] = {"SecretString": SECRET}
        else:
            method = re.sub("(?!^)([A-Z])", r"_\1", operation).lower()
            found = getattr(self.books.client, method)(**json.loads(received.body))
        found.pop("ResponseMetadata", None)
        return answer(json.dumps(found).encode()) + (CLOSE if self.drops else b"")

    def signers(self) -> set[tuple[str, str]]:
        """Access key and day of all that was asked so far; what comes is counted from here."""
        told = [re.search(r"Credential=(\w+)/(\d{8})/", each.headers["authorization"]) for _, each in self.asked]
        self.asked.clear()
        return {(found[1], found[2]) for found in told if found}


@pytest.fixture
def cloud() -> Iterator[tuple[Server, Aws]]:
    """Bob has earned 20.00."""
    books = Books(dynamodb.in_memory())
    books.program(hold_days=0)
    books.apply("customer", "bob")
    books.earn("customer", "p1", 10_000)
    with serving() as server:
        server.will(made := Aws(books))
        yield server, made


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch, cloud: tuple[Server, Aws]) -> Iterator[pytest.MonkeyPatch]:
    """A function with keys in its environment, and nothing made yet; at the end all is forgotten again."""
    server, _ = cloud
    variables = {**cold_start.ENVIRONMENT, **functions.LIMITS, "TABLE_NAME": "refledger"}
    variables |= {"AWS_ENDPOINT_URL": f"http://{server.host}", "AWS_ACCESS_KEY_ID": "before"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    snapshots.restored()
    yield monkeypatch
    monkeypatch.undo()
    snapshots.restored()


def event() -> dict[str, Any]:
    claims = {"sub": "bob", "token_use": "access", "scope": "openid"}
    return {
        "version": "2.0", "routeKey": ROUTE, "headers": {"host": "api.example.com"}, "isBase64Encoded": False,
        "requestContext": {"requestId": "r-1", "authorizer": {"jwt": {"claims": claims, "scopes": None}}},
    }  # fmt: skip


def balance() -> int:
    told = functions.load("ledger").handler(event(), None)
    assert told["statusCode"] == 200, told
    (found,) = json.loads(told["body"])["data"]
    return int(found["available"])


def credentials(name: str, until_s: float) -> bytes:
    until = datetime.fromtimestamp(until_s, UTC).isoformat()
    said = {"AccessKeyId": name, "SecretAccessKey": "s", "Token": "t", "Expiration": until}
    return answer(json.dumps(said).encode())


def test_hours_later_everything_is_asked_for_again(late: pytest.MonkeyPatch, cloud: tuple[Server, Aws]) -> None:
    """Even by one that had been used when its memory was kept: it has sockets, a secret, a program, a key of the day.

    Then the keys of its environment are gone, the sockets closed, the clock has moved on to another day, and so has
    the table.
    """
    server, made = cloud
    made.drops = True
    assert balance() == 2_000
    assert "GetSecretValue" in [operation for operation, _ in made.asked]
    ((key, day),) = made.signers()
    assert key == "before"
    kept, sockets = (config.context(), config.limits(), aws.client("dynamodb")), server.connections

    made.books.earn("customer", "p2", 5_000)
    at_ns = time.time_ns() + 4 * HOURS_MS * 1_000_000
    late.setattr(time, "time_ns", lambda: at_ns)
    late.setattr(time, "time", lambda: at_ns / 1e9)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        late.delenv(name)
    with serving() as other:
        other.will(credentials("after", at_ns / 1e9 + 3600))
        late.setenv("AWS_LAMBDA_FUNCTION_NAME", "ledger")
        late.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://{other.host}/c")
        snapshots.restored()
        assert balance() == 3_000
    assert "GetSecretValue" in [operation for operation, _ in made.asked]
    ((key, later),) = made.signers()
    assert (key, later > day) == ("after", True)
    assert server.connections > sockets
    now = (config.context(), config.limits(), aws.client("dynamodb"))
    assert not any(one is another for one, another in zip(kept, now, strict=True))


def test_two_that_are_restored_from_one_snapshot_draw_other_numbers() -> None:
    """Their pauses are apart. Without the hook they would be the same."""
    snapshot = random.getstate()
    drawn = []
    for hook in (None, None, snapshots.restored, snapshots.restored):
        random.setstate(snapshot)
        if hook:
            hook()
        drawn.append(random.random())
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) == 3


def test_credentials_of_before_are_forgotten(late: pytest.MonkeyPatch) -> None:
    """Whoever they are of: two restored at once ask each for their own."""
    late.setenv("AWS_LAMBDA_FUNCTION_NAME", "ledger")
    late.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/c")
    asked = container_credentials.in_lambda()
    assert asked is container_credentials.in_lambda()
    snapshots.restored()
    assert container_credentials.in_lambda() is not asked


# ---------------------------------------------------------------- in AWS's runtime client


class _Runtime(BaseHTTPRequestHandler):
    """Lambda's runtime API: a snapshot is taken, restored when `restore` is set, and asked one thing."""

    protocol_version = "HTTP/1.1"
    restore, snapshot, answered, over = (threading.Event() for _ in range(4))
    told: bytes = b""
    invoked = False

    def do_GET(self) -> None:
        kind = type(self)
        if self.path.endswith("/restore/next"):
            kind.snapshot.set()
            kind.restore.wait(PATIENCE_SECONDS)
            self.reply(b"")
        elif kind.invoked:
            kind.over.wait(PATIENCE_SECONDS)
        else:
            kind.invoked = True
            headers = {
                "Content-Type": "application/json", "Lambda-Runtime-Aws-Request-Id": "r-1",
                "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + 120_000),
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-central-1:000000000000:function:ledger:live",
            }  # fmt: skip
            self.reply(json.dumps(event()).encode(), headers)

    def do_POST(self) -> None:
        type(self).told = self.rfile.read(int(self.headers.get("content-length", 0)))
        type(self).answered.set()
        self.reply(b"{}", status=202)

    def reply(self, body: bytes, headers: Mapping[str, str] = MappingProxyType({}), status: int = 200) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


def test_the_runtime_client_runs_the_hooks_and_nothing_is_asked_before(
    cloud: tuple[Server, Aws], tmp_path: Path
) -> None:
    """A process is kept behind its imports, without keys, and without having asked anybody; then it answers."""
    server, made = cloud
    runtime = _Runtime
    api = ThreadingHTTPServer(("127.0.0.1", 0), runtime)
    threading.Thread(target=api.serve_forever, daemon=True).start()
    with serving() as other:
        other.will(credentials("restored", time.time() + 3600))
        environment = {
            **cold_start.ENVIRONMENT, **functions.LIMITS, "PATH": os.environ["PATH"], "TABLE_NAME": "refledger",
            "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "functions" / "ledger", LAYER))),
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_address[1]}", "LAMBDA_TASK_ROOT": str(tmp_path),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start", "AWS_LAMBDA_FUNCTION_NAME": "ledger",
            "AWS_ENDPOINT_URL": f"http://{server.host}",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://{other.host}/c",
        }  # fmt: skip
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            del environment[name]
        process = subprocess.Popen(
            [cold_start.WORKER, "-m", "awslambdaric", "app.handler"], env=environment, cwd=tmp_path
        )  # fmt: skip
        try:
            assert runtime.snapshot.wait(PATIENCE_SECONDS)
            assert (made.asked, other.received) == ([], [])
            runtime.restore.set()
            assert runtime.answered.wait(PATIENCE_SECONDS)
        finally:
            runtime.over.set()
            process.kill()
            process.wait()
            api.shutdown()
            api.server_close()
    told = json.loads(runtime.told)
    assert told["statusCode"] == 200, told
    assert json.loads(told["body"])["data"][0]["available"] == 2_000
    assert {key for key, _ in made.signers()} == {"restored"}
