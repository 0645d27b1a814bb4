"""A worker that is killed before its handler has the event costs no call; a handler that began is never run again."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from undocked.children import Children
from undocked.functions import FunctionSpec, Outcome
from undocked.lambdas import Lambdas
from undocked.testing import wait_until, worker_python
from undocked.warm import CAN_FORK
from undocked.worker import Call, Worker

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="states of processes are read from Linux")

ROOT = Path(__file__).parent
HANDLER = """
import os, pathlib, signal, time

seen = pathlib.Path(__file__).parents[1]  # beside the code: a change of that would have workers replaced
if (seen / "dies at its import").exists():
    (seen / "dies at its import").unlink()
    os.kill(os.getpid(), signal.SIGKILL)

def handler(event, context):
    with (seen / "begun").open("a") as begun:
        begun.write("x")
    if event.get("killed"):
        os.kill(os.getpid(), signal.SIGKILL)
    while event.get("waits") and not (seen / "go on").exists():
        time.sleep(0.01)
    return os.getpid()
"""


class Function:
    """One function with its workers, run as the stack runs it."""

    def __init__(self, folder: Path, children: Children, *, forked: bool) -> None:
        self.folder, code = folder, folder / "code"
        code.mkdir()
        (code / "app.py").write_text(HANDLER)
        arn = "arn:aws:lambda:eu-central-1:123456789012:function:one"
        own = {} if forked else {"PYTHONNOUSERSITE": "1"}  # with variables of the interpreter it is not forked
        self.spec = FunctionSpec("one", arn, "app.handler", code, environment=own, timeout_seconds=300)
        self.lambdas = Lambdas(children, str(worker_python()))
        self.lambdas.add([self.spec], {}, {})

    def call(self, **event: Any) -> int:
        """The pid of the worker that has answered."""
        outcome = self.outcome(**event)
        assert outcome.error is None, outcome
        pid: int = json.loads(outcome.payload)
        return pid

    def outcome(self, **event: Any) -> Outcome:
        """What one call comes to."""
        return self.lambdas.invoke("one", json.dumps(event).encode())

    @property
    def begun(self) -> int:
        """How often the handler has run."""
        return len((self.folder / "begun").read_text())

    @property
    def workers(self) -> set[Worker]:
        """Those that there are."""
        return self.lambdas._functions["one"].workers

    @property
    def parent(self) -> psutil.Process:
        """The process that the workers are forked from."""
        return psutil.Process(self.lambdas.warm.of(()).process.pid)


@pytest.fixture
def children() -> Iterator[Children]:
    """What is started ends with the test."""
    made = Children()
    yield made
    made.stop()


@pytest.fixture(params=[True, False], ids=["forked", "started"])
def function(request: pytest.FixtureRequest, tmp_path: Path, children: Children) -> Function:
    """A function whose workers are forked from a warm parent, or started by themselves."""
    return Function(tmp_path, children, forked=request.param)


@pytest.fixture
def forked(tmp_path: Path, children: Children) -> Function:
    """A function whose workers are forked."""
    return Function(tmp_path, children, forked=True)


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Waits until a worker that has answered one call has come for the next."""
    came: list[Worker] = []
    real = Worker.next_invocation

    def noted(worker: Worker) -> Call | None:
        came.append(worker)
        return real(worker)

    monkeypatch.setattr(Worker, "next_invocation", noted)

    def wait(pid: int) -> None:
        wait_until(lambda: [worker.process.pid for worker in came].count(pid) == 2)

    return wait


def kill(pid: int) -> None:
    """End a process, and wait until it has; whether its parent has collected it does not matter."""
    process = psutil.Process(pid)
    process.kill()
    wait_until(lambda: has_ended(process))


def has_ended(process: psutil.Process) -> bool:
    """Whether it runs no more, collected or not."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def unread_bytes(pid: int) -> int:
    """What has come for a process by TCP and was not read, by its kernel's table."""
    ports = {each.laddr.port for each in psutil.Process(pid).net_connections("tcp")}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(int(row[4].split(":")[1], 16) for row in rows if int(row[1].split(":")[1], 16) in ports)


def test_one_that_nobody_knows_to_be_dead_is_replaced(forked: Function, idle: Callable[[int], None]) -> None:
    """Its parent, whose part it is to say so, has not got round to it."""
    dead = forked.call()
    idle(dead)
    (worker,) = forked.workers
    forked.parent.suspend()
    kill(dead)
    assert worker.process.poll() is None, "not known"
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(forked.call)
        wait_until(lambda: not worker.alive or answer.done())
        forked.parent.resume()
        assert answer.result() != dead
    assert forked.begun == 2


@pytest.mark.parametrize("moment", ["run", "next_invocation"])
def test_one_that_dies_between_choice_and_delivery_is_replaced(
    function: Function, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once it is chosen, or once its API has the event in its hands."""
    doomed = set[int]()
    run, next_invocation = Worker.run, Worker.next_invocation

    def killed_before(worker: Worker, request_id: str, event: bytes) -> Outcome:
        if worker.process.pid in doomed and moment == "run":
            kill(worker.process.pid)
        return run(worker, request_id, event)

    def killed_after(worker: Worker) -> Call | None:
        call = next_invocation(worker)
        if worker.process.pid in doomed and moment == "next_invocation":
            kill(worker.process.pid)
        return call

    monkeypatch.setattr(Worker, "run", killed_before)
    monkeypatch.setattr(Worker, "next_invocation", killed_after)
    doomed.add(function.call())
    assert function.call() not in doomed
    assert function.begun == 2


@pytest.mark.parametrize("size", [1, 5_000_000], ids=["all of it there", "more than fits"])
def test_one_that_dies_before_it_has_read_is_replaced(
    function: Function, size: int, idle: Callable[[int], None]
) -> None:
    """The event, or a part of it, lies with its kernel when it is killed."""
    dead = psutil.Process(function.call())
    idle(dead.pid)
    dead.suspend()
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(function.call, text="x" * size)
        wait_until(lambda: unread_bytes(dead.pid) >= min(size, 1000))
        dead.kill()
        assert answer.result() != dead.pid
    assert function.begun == 2


def test_many_that_are_dead_are_replaced_by_one(function: Function) -> None:
    """All that were idle, and what they were forked from."""
    with ThreadPoolExecutor() as pool:
        waiting = [pool.submit(function.call, waits=True) for _ in range(function.spec.max_workers)]
        wait_until(lambda: (function.folder / "begun").exists() and function.begun == function.spec.max_workers)
        (function.folder / "go on").touch()
        dead = {each.result() for each in waiting}
    assert len(dead) == function.spec.max_workers
    function.parent.kill()
    for pid in dead:
        kill(pid)
    assert function.call() not in dead
    assert function.begun == function.spec.max_workers + 1


def test_one_that_dies_while_it_begins_is_replaced(function: Function) -> None:
    """It is killed at its import, once; a function that dies so each time is said to have failed."""
    (function.folder / "dies at its import").touch()
    function.call()
    assert function.begun == 1


def test_a_function_that_cannot_begin_is_told_of(function: Function) -> None:
    """It is started a few times and no more."""
    app = function.spec.code_dir / "app.py"
    app.write_text(app.read_text().replace('(seen / "dies at its import").unlink()', "pass"))
    (function.folder / "dies at its import").touch()
    outcome = function.outcome()
    assert (outcome.error, json.loads(outcome.payload)["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert not (function.folder / "begun").exists()
    assert not function.workers


def test_a_handler_that_began_is_not_run_again(function: Function) -> None:
    """Its worker is killed when it has the event: the caller is told, and the next call has another worker."""
    dead = function.call()
    outcome = function.outcome(killed=True)
    assert json.loads(outcome.payload)["errorType"] == "Runtime.ExitError"
    assert "signal: 9" in outcome.payload.decode()
    assert function.begun == 2
    assert function.call() != dead


def test_who_works_when_the_parent_dies_may_finish(forked: Function) -> None:
    """Its worker is not used again."""
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(forked.call, waits=True)
        wait_until(lambda: (forked.folder / "begun").exists())
        (worker,) = forked.workers
        os.kill(forked.parent.pid, signal.SIGKILL)
        worker.process.wait(60)
        (forked.folder / "go on").touch()
        last = waiting.result()
    assert forked.call() != last
