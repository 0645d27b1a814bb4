"""Signature Version 4 of a POST to `/`: what AWS wants to see of whoever sends a request.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html (read November 2026).
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

ALGORITHM = "AWS4-HMAC-SHA256"
ADDED = ("x-amz-date", "x-amz-target")  # to each request


@dataclass(frozen=True)
class Credentials:
    """What signs. In no text of it are the secret and the token.

    Raises ValueError for what no header can carry, which would end it and begin another.
    """

    access_key: str
    secret_key: str = field(repr=False)
    token: str = field(repr=False, default="")

    def __post_init__(self) -> None:
        for text in (self.access_key, self.token):
            if not (text.isascii() and text.isprintable()):
                raise ValueError("credentials with characters that no header can have")


@dataclass(frozen=True)
class RequestSigner:
    """Signs requests of one service in one region. Threads may share it.

    `headers`: those that every request has, by lower-case names.
    """

    service: str
    region: str
    headers: Mapping[str, str]
    _keys: dict[tuple[str, str, str], bytes] = field(default_factory=dict, repr=False)  # today's, of one secret

    def sign(self, credentials: Credentials, target: str, body: bytes, now_s: float) -> dict[str, str]:
        """Return the headers to send beside those that every request has. `now_s`: seconds since 1970."""
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_s))
        added = {"x-amz-date": stamp, "x-amz-target": target}
        if credentials.token:
            added["x-amz-security-token"] = credentials.token
        names, lines = self._signed_with_token if credentials.token else self._signed
        request = f"POST\n/\n\n{lines % added}\n{names}\n{hashlib.sha256(body).hexdigest()}"
        scope = f"{stamp[:8]}/{self._place}"
        text = f"{ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        signature = hmac.digest(self._key(credentials, stamp[:8]), text.encode(), "sha256").hex()
        added["authorization"] = (
            f"{ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
        )
        return added

    @cached_property
    def _signed(self) -> tuple[str, str]:
        return self._canonical(ADDED)

    @cached_property
    def _signed_with_token(self) -> tuple[str, str]:
        return self._canonical((*ADDED, "x-amz-security-token"))

    def _canonical(self, added: Iterable[str]) -> tuple[str, str]:
        """The names of all headers, and a format of their lines: the same in every request."""
        always = {name: value.replace("%", "%%") for name, value in self.headers.items()}
        every = sorted({**always, **{name: f"%({name})s" for name in added}}.items())
        return ";".join(name for name, _ in every), "".join(f"{name}:{value}\n" for name, value in every)

    @cached_property
    def _place(self) -> str:
        return f"{self.region}/{self.service}/aws4_request"

    def _key(self, credentials: Credentials, day: str) -> bytes:
        """The key of the day, worked out once: five hashes less in each request."""
        wanted = (day, credentials.access_key, credentials.secret_key)
        if wanted not in self._keys:
            key = f"AWS4{credentials.secret_key}".encode()
            for part in (day, *self._place.split("/")):
                key = hmac.digest(key, part.encode(), "sha256")
            self._keys.clear()  # of yesterday, or of credentials that were replaced
            self._keys[wanted] = key
            return key
        return self._keys.get(wanted) or self._key(credentials, day)  # another thread may have cleared it
