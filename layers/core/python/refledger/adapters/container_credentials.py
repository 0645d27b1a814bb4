"""Credentials of a function that began from a snapshot. They are no variables there: they are asked for, and again.

What was in the environment when a snapshot was taken would have expired by the time it is restored.
Sources: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html, and botocore's
ContainerProvider, which serves every other place (read November 2026).
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from urllib.parse import urlsplit

from botocore.exceptions import ConnectionError, CredentialRetrievalError, HTTPClientError

from refledger.adapters.keep_alive import Connections
from refledger.adapters.sigv4 import Credentials

HOSTS = ("127.0.0.1", "localhost", "169.254.170.2", "169.254.170.23")  # who else asks for them is after them
ATTEMPTS, PAUSE_SECONDS = 3, 1
FRESH_SECONDS = 600  # of their life; then new ones are asked for, once a minute
AGAIN_SECONDS = 60
Held = tuple[Credentials, float]  # and when they expire, in seconds since 1970


class ContainerCredentials:
    """Asks at one URL. Threads may share it. `token`: what the environment has to be shown there, "" for nothing."""

    def __init__(
        self, url: str, token: str, now_s: Callable[[], float] = time.time, pause: Callable[[float], None] = time.sleep
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.hostname not in HOSTS or not (token.isascii() and token.isprintable()):
            raise ValueError("no URL of this machine")
        self._connections = Connections.to(f"http://{parts.netloc}")
        lines = [f"GET {parts.path or '/'} HTTP/1.1", f"host: {parts.netloc}", "accept: application/json"]
        lines += [f"authorization: {token}"] if token else []
        self._request = "\r\n".join([*lines, "", ""]).encode("ascii")
        self._now_s, self._pause, self._lock = now_s, pause, threading.Lock()
        self._held: Held | None = None
        self._asked_s = 0.0

    def current(self) -> Credentials:
        """Return credentials that have not expired. Raises CredentialRetrievalError."""
        with self._lock:
            now_s = self._now_s()
            left_s = self._held[1] - now_s if self._held else 0.0
            if self._held is None or left_s <= 0 or (left_s < FRESH_SECONDS and now_s - self._asked_s >= AGAIN_SECONDS):
                self._asked_s = now_s
                try:
                    self._held = self._ask()
                except CredentialRetrievalError:
                    if self._held is None or left_s <= 0:
                        raise
            return self._held[0]

    def _ask(self) -> Held:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                answer = self._connections.exchange(self._request)
                if answer.status == 200:
                    told = json.loads(answer.body)
                    made = Credentials(told["AccessKeyId"], told["SecretAccessKey"], told["Token"])
                    until = datetime.fromisoformat(told["Expiration"])
                    if until.tzinfo is None:
                        raise ValueError("a time without a zone")
                    return made, until.timestamp()
            except (ConnectionError, HTTPClientError, ValueError, KeyError, TypeError):
                pass  # the next attempt may be luckier; what was told may be a secret
            if attempt < ATTEMPTS:
                self._pause(PAUSE_SECONDS)
        raise CredentialRetrievalError(provider="container-role", error_msg="no credentials where the environment says")


def in_lambda() -> ContainerCredentials | None:
    """Return who has them in this function.

    None where the environment names nobody, or somebody whom only boto3 knows.
    """
    env = os.environ
    url = env.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")
    if not url or "AWS_LAMBDA_FUNCTION_NAME" not in env or "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE" in env:
        return None
    return _at(url, env.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", ""))


@lru_cache(1)
def _at(url: str, token: str) -> ContainerCredentials | None:
    try:
        return ContainerCredentials(url, token)
    except ValueError:
        return None


def forget() -> None:
    """Forget them, and whom to ask."""
    _at.cache_clear()
