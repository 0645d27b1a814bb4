"""The only place that makes AWS clients. Short timeouts: a handler that waits for a dead socket helps nobody."""

from __future__ import annotations

import functools
from typing import Any

import boto3
from botocore.config import Config

_CONFIG = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "max_attempts": 4},
    tcp_keepalive=True,
)


@functools.cache
def client(service: str) -> Any:
    """A client of the service, one per process."""
    return boto3.client(service, config=_CONFIG)
