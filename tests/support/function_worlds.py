"""A world for the functions: one for a whole file, each test with people of its own; or a fresh one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from refledger.adapters.queues import DeadLetters, MaturityQueue
from refledger.entry import config
from tests.support import functions
from tests.support.functions import World
from tests.support.queues import Sqs


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


@pytest.fixture
def sqs(fresh: World, monkeypatch: pytest.MonkeyPatch) -> Sqs:
    """A fresh world's queues: Alice referred Bob, and Bob referred Carol, who pays."""
    made = Sqs()
    fresh.variables["STRIPE_MODE"] = "live"
    monkeypatch.setattr(config, "maturity_queue", lambda: MaturityQueue(made, "queue"))
    monkeypatch.setattr(config, "dead_letters", lambda: DeadLetters(made, "dead"))
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "refledger")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "test")
    fresh.books.chain("alice", "bob", "carol")
    return made
