"""The only place that makes AWS clients. Short timeouts: a handler that waits for a dead socket helps nobody."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config

_CONFIG = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "max_attempts": 4},
    tcp_keepalive=True,
    parameter_validation=False,  # the service checks again, and a fifth of the time of a call goes into it
)
# For links. Without this the SDK signs them as only the oldest regions take it, and names an endpoint that sends who
# follows a link to a new bucket on to the bucket's region, where the signature is wrong.
_LINKS = Config(signature_version="s3v4", s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"})


@functools.cache
def client(service: str) -> Any:
    """Return a client of the service, one per process."""
    return boto3_client(service)


def boto3_client(service: str) -> Any:
    """Make boto3's client of the service.

    What the SDK would log at DEBUG is whole requests: accounts on their way to KMS, names on their way to the table; at
    INFO, in every new process, where it has found credentials and endpoints.
    """
    logging.getLogger("botocore").setLevel(logging.WARNING)
    config = _CONFIG.merge(_LINKS) if service == "s3" else _CONFIG
    return boto3.client(service, config=config)


_PATIENT = Config(connect_timeout=5, read_timeout=60, retries={"mode": "standard", "max_attempts": 8})
# no proxies: the user's does not know this machine
_LOCAL = Config(connect_timeout=2, read_timeout=60, retries={"mode": "standard", "max_attempts": 1}, proxies={})


def patient_clients(
    endpoint: str | None = None, region: str | None = None, profile: str | None = None
) -> Callable[[str], Any]:
    """Return what makes clients for a person at a terminal, by the name of the service: one each.

    `endpoint`: of a local stack, which takes any credentials; without it the usual AWS configuration counts.
    """
    given = {"aws_access_key_id": "local", "aws_secret_access_key": "local"} if endpoint else {"profile_name": profile}
    session = boto3.Session(region_name=region, **given)

    @functools.cache
    def client_of(service: str) -> Any:
        return session.client(service, endpoint_url=endpoint, config=_LOCAL if endpoint else _PATIENT)

    return client_of
