"""Code that the sample's functions share, to prove that layers reach the workers."""

from __future__ import annotations

import functools
import os
import time
from typing import Any

import boto3


@functools.cache
def table() -> Any:
    """The sample's table."""
    return boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])


@functools.cache
def client(name: str) -> Any:
    """A client, made once a worker."""
    return boto3.client(name)


def note(kind: str, ident: object, **extra: object) -> None:
    """Leave a trace that a test can look for."""
    table().put_item(Item={"PK": f"NOTE#{kind}", "SK": str(ident), "at": str(time.time()), **extra})
