"""How a site without an AWS account signs what it sends: HMAC-SHA256 over the time and the body.

    Refledger-Signature: t=1795255200,v1=<hex of HMAC-SHA256(secret, "1795255200." + body)>

Several v1 may stand there, while the sender's secret is changed. What was sent once may be sent again for five minutes
by whoever saw it; it then does nothing, because what it tells is known.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from refledger.domain.errors import BadSignature

HEADER: Final = "refledger-signature"
TOLERANCE_SECONDS: Final = 300
SECRETS_LIMIT: Final = 5
# Whole, as whoever signs gives it. Stripe's have 38 (`whsec_` and 32), HubSpot's 36 (a UUID), `openssl rand -hex 32` 64
SHORTEST_SECRET: Final = 32
_MAX_SIGNATURES: Final = 5


class WeakSecret(Exception):
    """A secret that could be guessed: a fault of the deployment, not of a sender."""


def secrets_from(text: str) -> tuple[str, ...]:
    """Read an endpoint's secrets, separated by commas or blanks: two while one is changed.

    Raises WeakSecret.
    """
    secrets = tuple(text.replace(",", " ").split())[:SECRETS_LIMIT]
    for number, secret in enumerate(secrets, 1):
        if len(secret) < SHORTEST_SECRET:
            raise WeakSecret(
                f"secret {number} of {len(secrets)} of this webhook is shorter than {SHORTEST_SECRET} characters; "
                "nothing is taken until it is longer"
            )
    return secrets


def sign(body: bytes, secret: str, at_seconds: int) -> str:
    """Make the header's value for a body that is sent at this moment, in epoch seconds."""
    return f"t={at_seconds},v1={_digest(body, secret, str(at_seconds))}"


def check(body: bytes, header: str, secrets: Sequence[str], *, now_ms: int, name: str = "Refledger-Signature") -> None:
    """Raise BadSignature unless one of the secrets signed these very bytes at most five minutes ago.

    Without a secret nothing is believed. `name`: of the header. Stripe signs alike:
    https://docs.stripe.com/webhooks/signature (read November 2026).
    """
    parts = [part.strip().partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name == "t"]
    given = [value for name, _, value in parts if name == "v1"][:_MAX_SIGNATURES]
    if len(times) != 1 or not (times[0].isascii() and times[0].isdigit()) or len(times[0]) > 12:
        raise BadSignature(f"{name}: no time in it")
    if abs(now_ms - int(times[0]) * 1000) > TOLERANCE_SECONDS * 1000:
        raise BadSignature(f"{name}: signed more than five minutes ago, or in the future")
    for secret in secrets:
        wanted = _digest(body, secret, times[0]).encode()
        if any(hmac.compare_digest(wanted, each.encode("utf-8", "surrogatepass")) for each in given):
            return
    raise BadSignature(f"{name}: not signed with this endpoint's secret")


def _digest(body: bytes, secret: str, seconds: str) -> str:
    return hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
