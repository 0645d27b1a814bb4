"""The only place that makes AWS clients. Short timeouts: a handler that waits for a dead socket helps nobody.

The services that are called all the time get the client of `aws_json.py`, everything else boto3's, which is loaded when
it is called. HOT_PATH_CLIENT=boto3 in the environment: all are boto3's.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from refledger.adapters import aws_json

ATTEMPTS = 4  # after the first


@cache
def client(service: str) -> Any:
    """Return a client of the service, one per process."""
    theirs = Boto3Client(partial(boto3_client, service))
    if os.environ.get("HOT_PATH_CLIENT") == "boto3":
        return theirs
    return aws_json.client(service, theirs, _credentials) or theirs


def forget() -> None:
    """Forget every client, with its sockets and what it signs with: the next call makes another."""
    from refledger.adapters import container_credentials

    client.cache_clear()
    container_credentials.forget()


class Boto3Client:
    """A client of boto3's, made when it is first used: to load boto3 takes longer than most calls."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make, self._lock, self._client = make, threading.Lock(), None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        with self._lock:
            self._client = self._client or self._make()
        return getattr(self._client, name)


def boto3_client(service: str) -> Any:
    """Make boto3's client of the service.

    What the SDK would log at DEBUG is whole requests: accounts on their way to KMS, names on their way to the table; at
    INFO, in every new process, where it has found credentials and endpoints.
    """
    import boto3
    from botocore.config import Config

    logging.getLogger("botocore").setLevel(logging.WARNING)
    config = Config(
        connect_timeout=2,
        read_timeout=5,
        retries={"mode": "standard", "max_attempts": ATTEMPTS},
        tcp_keepalive=True,
        parameter_validation=False,  # the service checks again, and a fifth of the time of a call goes into it
    )
    if service == "s3":
        # For links. Without this the SDK signs them as only the oldest regions take it, and names an endpoint that
        # sends who follows a link to a new bucket on to the bucket's region, where the signature is wrong.
        addressing = {"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"}
        config = config.merge(Config(signature_version="s3v4", s3=addressing))
    return boto3.client(service, config=config)


def waiting_client(service: str) -> Any:
    """Return a client that waits as long as the gateway does, and asks once: what it asks for may be done."""
    return Boto3Client(partial(_waiting, service))


def _waiting(service: str) -> Any:
    import boto3
    from botocore.config import Config

    logging.getLogger("botocore").setLevel(logging.WARNING)
    once = {"mode": "standard", "total_max_attempts": 1}
    return boto3.client(service, config=Config(connect_timeout=2, read_timeout=28, retries=once, tcp_keepalive=True))


def _credentials() -> Any:
    import boto3

    return boto3.Session().get_credentials()


def patient_clients(
    endpoint: str | None = None, region: str | None = None, profile: str | None = None
) -> Callable[[str], Any]:
    """Return what makes clients for a person at a terminal, by the name of the service: one each.

    `endpoint`: of a local stack, which takes any credentials; without it the usual AWS configuration counts.
    """
    import boto3
    from botocore.config import Config

    patient = Config(connect_timeout=5, read_timeout=60, retries={"mode": "standard", "max_attempts": 8})
    # no proxies: the user's does not know this machine
    local = Config(connect_timeout=2, read_timeout=60, retries={"mode": "standard", "max_attempts": 1}, proxies={})
    given = {"aws_access_key_id": "local", "aws_secret_access_key": "local"} if endpoint else {"profile_name": profile}
    session = boto3.Session(region_name=region, **given)

    @cache
    def client_of(service: str) -> Any:
        return session.client(service, endpoint_url=endpoint, config=local if endpoint else patient)

    return client_of
