"""Signatures: of what refledger is told by a webhook, and of what follows Standard Webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping

TOLERANCE_SECONDS = 300


class NotSigned(Exception):
    """The message is not of who holds the secret, or too old."""


def sign(body: bytes, secret: str, at_seconds: int | None = None) -> dict[str, str]:
    """Return the header by which `POST /api/v1/webhooks/referrals` believes a body."""
    seconds = str(int(time.time()) if at_seconds is None else at_seconds)
    digest = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Refledger-Signature": f"t={seconds},v1={digest}"}


def verify(body: bytes, headers: Mapping[str, str], secret: str, now_seconds: int | None = None) -> None:
    """Raise NotSigned unless the secret (`whsec_…`) signed these very bytes at most five minutes ago.

    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """
    told = {name.lower(): value for name, value in headers.items()}
    id, seconds = told.get("webhook-id", ""), told.get("webhook-timestamp", "")
    now = int(time.time()) if now_seconds is None else now_seconds
    if not id or not (seconds.isascii() and seconds.isdigit()) or abs(now - int(seconds[:12])) > TOLERANCE_SECONDS:
        raise NotSigned("no id, or not of the last five minutes")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    wanted = base64.b64encode(hmac.new(key, f"{id}.{seconds}.".encode() + body, hashlib.sha256).digest())
    for each in told.get("webhook-signature", "").split(" "):
        version, _, given = each.partition(",")
        if version == "v1" and hmac.compare_digest(wanted, given.encode("utf-8", "surrogateescape")):
            return
    raise NotSigned("not signed with this secret")
