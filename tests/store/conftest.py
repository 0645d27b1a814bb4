"""One table for all tests of the store: each uses partitions of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from refledger.store.table import Table
from tests.support import dynamodb


@pytest.fixture(scope="session")
def dynamodb_endpoint(dynamodb_local: str) -> str:
    """The store is held against DynamoDB Local itself; the table in memory is held against it too (test_memory.py)."""
    return dynamodb_local


@pytest.fixture(scope="session")
def table(dynamodb_endpoint: str) -> Table:
    """The project's table, behind a real client."""
    return Table(dynamodb.new_database(dynamodb_endpoint), "refledger")


@pytest.fixture(scope="session")
def fresh() -> Callable[[], str]:
    """A partition that no other test has."""
    numbers: Iterator[int] = itertools.count(1)
    return lambda: f"test{next(numbers)}"


@pytest.fixture
def dynamodb_table(dynamodb_endpoint: str) -> Table:
    """A table of the test's own, for what there is one of in a table."""
    return Table(dynamodb.new_database(dynamodb_endpoint), "refledger")
