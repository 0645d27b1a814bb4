"""Cold starts of what was built: each function's package and layer, in the real runtime client, to its first answer.

`sam build` makes them for this machine; the interpreter is that of `.venv-worker`, from which only the runtime client
is taken: all that the layer has comes from the layer. The first event is one of the function's own: its first route,
asked by an admin, or an empty batch. It makes the clients that the function then uses, on an empty table.

The reference is `import json, ssl, pydantic` in the same interpreter with the same layer: nothing of AWS.
"""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import ROOT, cold_start
from benchmarks.clocks import cpu_ms
from benchmarks.tables import table
from benchmarks.workers import Deployment, deployment
from scripts import compile_build
from tests.support import dynamodb
from tests.support.books import Books
from tests.support.changes import Json
from tests.template.deployed import function_id
from undocked.worker import Call, Worker

BUILD = ROOT / ".local" / "built"
MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
REFERENCE = "import json, ssl, pydantic"
BARE = "a function that does nothing"
BUDGET_RATIO = 3.5  # 170 ms where `import boto3` and a client take 120: the reference takes two fifths of that
BUILD_LIMIT_SECONDS, START_LIMIT_SECONDS = 1800, 60


@dataclass(frozen=True)
class Start:
    """Milliseconds of the whole process: until it asked for an event, and until it had answered the first."""

    ready_ms: float
    answered_ms: float


def build() -> None:
    """The packages of this commit, with byte code, in `BUILD`."""
    runtime = "python{}.{}".format(*sys.version_info)
    parameters = [f"PythonRuntime={runtime}", f"Architecture={MACHINES[platform.machine().lower()]}"]
    command = [str(ROOT / ".venv-sam" / "bin" / "sam"), "build", "--cached", "--template", "template.yaml"]
    path = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"  # `sam build` looks for the runtime there
    told = {**os.environ, "PATH": path, "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "eu-central-1"}
    subprocess.run(
        [*command, "--build-dir", str(BUILD), "--parameter-overrides", *parameters], cwd=ROOT, env=told, check=True,
        capture_output=True, timeout=BUILD_LIMIT_SECONDS,
    )  # fmt: skip
    if failed := compile_build.compile_all(BUILD):
        raise RuntimeError(f"not compiled: {', '.join(failed)}")


def measure(runs: int) -> tuple[list[float], dict[str, list[Start]]]:
    """The reference, and `runs` starts of each function, in turns, so that a busy moment is everybody's."""
    build()
    bare = BUILD / "BareFunction"
    bare.mkdir(exist_ok=True)
    (bare / "app.py").write_text("def handler(event, context):\n    return {}\n")
    reference: list[float] = []
    taken: dict[str, list[Start]] = {name: [] for name in (BARE, *cold_start.FUNCTIONS)}
    with dynamodb.running() as endpoint:
        client = dynamodb.new_database(endpoint)
        Books(client).program()
        told = {"HASH_KEY_ARN": "arn:none", "LINK_BASE": ""}
        with deployment(endpoint, dynamodb.access_key(client), **told) as deployed:
            deployed.code_of = lambda name: bare if name == BARE else BUILD / function_id(name)
            deployed.layer = BUILD / "CoreLayer" / "python"
            for _ in range(runs):
                reference.append(_reference(deployed.layer))
                for name, starts in taken.items():
                    starts.append(_start(deployed, name))
    return reference, taken


def _start(deployed: Deployment, name: str) -> Start:
    worker = deployed.worker(name)
    ready: list[float] = []
    asked = threading.Event()
    plain = worker.next_invocation

    def next_invocation() -> Call | None:
        if not ready:
            ready.append(cpu_ms(worker.process.pid))
            asked.set()
        return plain()

    worker.next_invocation = next_invocation  # type: ignore[method-assign]
    try:
        return Start(*_times(worker, ready, first_event(name)))
    finally:
        worker.stop()
        deployed.started.remove(worker)


def _times(worker: Worker, ready: Sequence[float], event: Json) -> tuple[float, float]:
    worker.run("first", json.dumps(event).encode())  # an error is an answer too: some miss what is not there
    return ready[0], cpu_ms(worker.process.pid)


def _reference(layer: Path) -> float:
    told = {"PATH": os.environ["PATH"], "PYTHONPATH": str(layer), "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen([cold_start.WORKER, "-s", "-c", REFERENCE], env=told)
    _, status, used = os.wait4(process.pid, 0)
    if process.returncode is None:
        process.returncode = os.waitstatus_to_exitcode(status)
    if status:
        raise RuntimeError(f"{REFERENCE} ended with {status}")
    return 1000 * (used.ru_utime + used.ru_stime)


def first_event(name: str) -> Json:
    """A request of the function's first route, by an admin, or a batch without a record."""
    source = ROOT / "functions" / name / "app.py"
    route = re.search(r'@api\.route\(\s*"(\w+ /\S*)"', source.read_text()) if source.exists() else None
    if route is None:
        return {"Records": [], "shardId": "shardId-1"}
    path = route[1].split(" ")[1]
    claims = {"sub": "admin", "token_use": "access", "scope": "openid", "cognito:groups": "[admin]"}
    return {
        "version": "2.0", "routeKey": route[1], "rawPath": path, "rawQueryString": "",
        "headers": {"content-type": "application/json", "host": "api.example.com"},
        "requestContext": {"requestId": "r-1", "authorizer": {"jwt": {"claims": claims, "scopes": None}}},
        "pathParameters": dict.fromkeys(re.findall(r"{(\w+)}", path), "1"), "body": "{}", "isBase64Encoded": False,
    }  # fmt: skip


def report(reference: Sequence[float], taken: Mapping[str, Sequence[Start]]) -> str:
    unit = statistics.median(reference)
    rows = [[REFERENCE, f"{unit:.0f}", "", "1.00", "", ""]]
    for name, starts in taken.items():
        answered = _answered(starts)
        budget = "" if name == BARE else f"{BUDGET_RATIO}"
        rows.append([
            name, f"{statistics.median(each.ready_ms for each in starts):.0f}", f"{answered:.0f}",
            f"{answered / unit:.2f}", budget, "OVER" if budget and answered > BUDGET_RATIO * unit else "",
        ])  # fmt: skip
    return table(["cold start of what was built (CPU ms)", "ready", "first answer", "x reference", "≤", ""], rows)


def broken(reference: Sequence[float], taken: Mapping[str, Sequence[Start]]) -> list[str]:
    """Which functions take more than their budget."""
    unit = statistics.median(reference)
    return [
        f"cold start of {name} as built: {answered / unit:.2f} times `{REFERENCE}`, not {BUDGET_RATIO}"
        for name, starts in taken.items()
        if name != BARE and (answered := _answered(starts)) > BUDGET_RATIO * unit
    ]


def _answered(starts: Sequence[Start]) -> float:
    return statistics.median(each.answered_ms for each in starts)
