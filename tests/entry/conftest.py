"""A world for the functions: one for a whole file, each test with people of its own; or a fresh one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from tests.support import functions
from tests.support.functions import World


@pytest.fixture(scope="module")
def world(dynamodb_endpoint: str) -> Iterator[World]:
    """Shared by the tests of a file: a default program, dollars, two tiers, nothing held, 10.00 at least."""
    with functions.world(dynamodb_endpoint) as made:
        made.books.program()
        yield made


@pytest.fixture
def fresh(dynamodb_endpoint: str) -> Iterator[World]:
    """A world that no other test has seen."""
    with functions.world(dynamodb_endpoint) as made:
        made.books.program()
        yield made


@pytest.fixture(scope="session")
def somebody() -> Callable[[], str]:
    """The `sub` of a user whom no other test knows."""
    numbers = itertools.count(1)
    return lambda: f"user-{next(numbers)}"
