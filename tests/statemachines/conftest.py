"""One machine for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.statemachines.machine import Machine, running


@pytest.fixture(scope="module")
def make_world() -> Iterator[Machine]:
    """Makes a withdrawal with a workflow of its own: keyword arguments are fields of World."""
    with pytest.MonkeyPatch.context() as monkeypatch, running(monkeypatch) as make:
        yield make
