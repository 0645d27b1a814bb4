"""Workers that are forked from a warm parent are what workers are that were started."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from undocked.children import Children
from undocked.functions import FunctionSpec, worker_environment
from undocked.testing import wait_until, worker_python
from undocked.warm import CAN_FORK, WarmParents
from undocked.worker import Worker

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="workers are forked on Linux alone")

LIBRARY = "import os\nSAW = os.environ.get('NAME')\nVERSION = {}\n"
HANDLER = """
import os, random, sys, library

def handler(event, context):
    return {"name": os.environ["NAME"], "folder": os.getcwd(), "first": sys.path[0], "random": random.random(),
            "library": library.VERSION, "imported before": library.SAW is None, "of the shell": "HOME" in os.environ,
            "group": os.getpgid(0) == os.getpid(), "arguments": sys.argv}
"""


@pytest.fixture
def children() -> Iterator[Children]:
    """What is started ends with the test."""
    made = Children()
    yield made
    made.stop()


@pytest.fixture
def parents(children: Children) -> WarmParents:
    """With a module of the layer imported beforehand, and one that is nowhere."""
    return WarmParents(children, str(worker_python() or sys.executable), ["library", "nowhere"])


def spec(root: Path, name: str) -> FunctionSpec:
    """A function of its own folder, which sees its name, and a layer with version 1 of a library."""
    (root / name).mkdir()
    (root / name / "app.py").write_text(HANDLER)
    layer = root / "layer"
    if not layer.exists():
        layer.mkdir()
        (layer / "library.py").write_text(LIBRARY.format(1))
    arn = f"arn:aws:lambda:eu-central-1:123456789012:function:{name}"
    environment = {"NAME": name}
    return FunctionSpec(name, arn, "app.handler", root / name, (layer,), environment, timeout_seconds=60)


def start(spec: FunctionSpec, children: Children, parents: WarmParents) -> Worker:
    """A worker as the Lambda service starts it."""
    return Worker(spec, worker_environment(spec, {}), children, "no interpreter", 0, parents)


def answer(worker: Worker) -> Any:
    """What one call comes to."""
    return json.loads(worker.run("1", b"{}").payload)


def test_each_worker_sees_what_is_its_own(
    tmp_path: Path, children: Children, parents: WarmParents, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its variables and nothing of the shell's, its folder, other random numbers, a group that can be killed; what was
    imported beforehand is there. A module that cannot be imported is named.
    """
    workers = [start(spec(tmp_path, name), children, parents) for name in ("one", "two")]
    one, two = map(answer, workers)
    assert one.pop("random") != two.pop("random")
    for name, seen in (("one", one), ("two", two)):
        assert seen == {
            "name": name, "folder": str(tmp_path / name), "first": str(tmp_path / name), "library": 1,
            "imported before": True, "of the shell": False, "group": True, "arguments": ["awslambdaric", "app.handler"],
        }  # fmt: skip
    assert "--preload nowhere: ModuleNotFoundError" in capfd.readouterr().out


def test_changed_code_of_a_layer_is_imported_anew(tmp_path: Path, children: Children, parents: WarmParents) -> None:
    """The next worker has the new code; the one that works goes on with the old one."""
    function = spec(tmp_path, "one")
    before = start(function, children, parents)
    assert answer(before)["library"] == 1
    (tmp_path / "layer" / "library.py").write_text(LIBRARY.format(22))
    assert answer(start(function, children, parents))["library"] == 22
    assert answer(before)["library"] == 1


def test_how_a_worker_ended_is_told(tmp_path: Path, children: Children, parents: WarmParents) -> None:
    """Also of one that was killed, and of all when their parent is gone; the next ones have another parent."""
    function = spec(tmp_path, "one")
    worker = start(function, children, parents)
    answer(worker)
    os.kill(worker.process.pid, signal.SIGKILL)
    assert worker.process.wait(60) == -signal.SIGKILL
    other = start(function, children, parents)
    answer(other)
    os.kill(parents.of(function.layer_dirs).process.pid, signal.SIGKILL)
    assert other.process.wait(60) == -signal.SIGKILL
    assert answer(start(function, children, parents))["name"] == "one"


def test_a_parent_that_ended_before_it_had_a_worker_is_replaced(
    tmp_path: Path, children: Children, parents: WarmParents
) -> None:
    """Workers are forked again, from another one."""
    function = spec(tmp_path, "one")
    dead = parents.of(function.layer_dirs)
    assert dead.can_run_functions()
    os.kill(dead.process.pid, signal.SIGKILL)
    wait_until(lambda: dead._control.fileno() == -1)
    assert answer(start(function, children, parents))["name"] == "one"
    assert parents.of(function.layer_dirs) is not dead


def test_variables_of_the_interpreter_want_one_of_their_own(tmp_path: Path, children: Children) -> None:
    """PYTHON… is read before anything else is: such a function is not forked."""
    function = spec(tmp_path, "one")
    function.environment["PYTHONOPTIMIZE"] = "1"
    assert WarmParents(children, sys.executable, []).start(function, {}) is None
