"""The whole system, from the project's own template, for the tests of this folder."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from scripts.demo import Client
from undocked.testing import Stack

ROOT = Path(__file__).parents[2]
RUNTIME = ".".join(platform.python_version_tuple()[:2])
PRELOAD = re.findall(r"--preload \S+", (ROOT / "Makefile").read_text(encoding="utf-8"))[0].split()
PARAMETERS = {"StripeMode": "any", "PythonRuntime": f"python{RUNTIME}", "FreshSignInMinutes": "1440"}  # as `make run`


def new_stack(
    data: Path,
    template: Path = ROOT / "template.yaml",
    options: Sequence[str] = (),
    given: Mapping[str, str] | None = None,
) -> Stack:
    """The project's stack, not yet started; `given`: more parameters of the template."""
    options = [*PRELOAD, *options]
    return Stack(template, name="refledger", data=data, parameters=PARAMETERS | dict(given or {}), options=options)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One running stack for all tests that do not break it."""
    with new_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture(scope="session")
def client(stack: Stack) -> Client:
    """The API and the bus as the demo uses them, with a program called default in place: that of the sample event,
    which so changes nothing.
    """
    made = Client(stack.api, stack.aws)
    sample = json.loads((ROOT / "events" / "programs" / "change.json").read_text(encoding="utf-8"))
    status, answer = made.call("admin", "POST", "/programs", {"id": "default", **json.loads(sample["body"])})
    assert status == 201, answer
    return made


@pytest.fixture(scope="session")
def verified(stack: Stack) -> Callable[[], dict[str, Any]]:
    """Runs the operators' command against the stack and gives its report."""

    def run() -> dict[str, Any]:
        return verify(stack)

    return run


def verify(stack: Stack) -> dict[str, Any]:
    """What `refledger verify --json` says of a running stack."""
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT / "layers" / "core" / "python"), "AWS_ENDPOINT_URL": stack.aws,
        "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": stack.region,
    }  # fmt: skip
    command = [sys.executable, "-m", "refledger", "verify", "--json", "--table", "refledger-Table"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode in (0, 1), done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == bool(report["faults"])
    return report
