"""One machine for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.statemachines.machine import Machine, running
from tests.statemachines.real import MakeReal, making
from tests.support.books import Books


@pytest.fixture(scope="module")
def make_world() -> Iterator[Machine]:
    """Makes a withdrawal with a workflow of its own: keyword arguments are fields of World."""
    with pytest.MonkeyPatch.context() as monkeypatch, running(monkeypatch) as make:
        yield make


@pytest.fixture
def make(books: Books, make_world: Machine) -> MakeReal:
    """Makes a withdrawal of Bob's with the real tasks; arguments: what its provider does, the program's terms."""
    return making(books, make_world)
