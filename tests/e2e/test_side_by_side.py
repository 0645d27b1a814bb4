"""Two releases beside each other on one table, as while a deployment goes from one to the other."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.demo import Client, Story
from tests.e2e import test_story
from tests.e2e.conftest import ROOT, new_stack, verify
from tests.e2e.people import PROGRAM, People
from undocked.testing import Stack

# The release before this one; moved on with each release. The first that has today's keys (decision 116)
PREVIOUS = "dddbf0f77753cd4bf9a1bf21e02f1e4ebedb90f4"


@pytest.fixture
def previous(tmp_path: Path) -> Path:
    """Functions and state machines of the release before this one, out of the project's history."""
    command = ["git", "-C", str(ROOT), "archive", PREVIOUS, "functions", "layers", "statemachines"]
    try:
        archive = subprocess.run(command, capture_output=True, check=True, timeout=600).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no history here: without git, or a download of the sources alone")
    place = tmp_path / "previous"
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(place, filter="data")
    return place


@pytest.fixture
def both(previous: Path, tmp_path: Path) -> Iterator[Stack]:
    """A stack whose every other call is answered by the release before this one."""
    with new_stack(tmp_path / "data", options=["--beside", str(previous)]) as running:
        yield running


def test_two_releases_tell_one_story(both: Stack, previous: Path) -> None:
    """Each step of the story is done by either release, on what either has written, and the books are right."""
    client = Client(both.api, both.aws)
    client.post("admin", "/programs", PROGRAM)
    for _ in range(2):  # the second time with the turns the other way round, and the first's items there
        Story(client).tell()
    test_story.test_every_way_out_returns_the_money(People(client))
    test_story.test_a_payment_counts_once_however_often_it_comes(People(client))
    report = verify(both)
    assert report["faults"] == []
    assert report["checked"]["withdrawals"] >= 2 * 2 + 3
    assert any(folder.is_relative_to(previous / "functions") for folder in _folders_of_workers(both))


def _folders_of_workers(stack: Stack) -> list[Path]:
    """Where the running workers are: in the folder of their function."""
    pids = [pid for of_function in stack.about()["workers"].values() for pid in of_function]
    return [Path(f"/proc/{pid}/cwd").resolve() for pid in pids]
