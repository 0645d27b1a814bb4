"""Capacities are what DynamoDB Local says."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def dynamodb_endpoint(dynamodb_local: str) -> str:
    """DynamoDB Local: a table in memory consumes nothing."""
    return dynamodb_local
