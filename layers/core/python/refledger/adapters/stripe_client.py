"""Stripe's own SDK, as both adapters use it that ask Stripe: payouts, and the comparison with what it sent."""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from stripe import StripeClient

CONNECT_SECONDS: Final = 2
READ_SECONDS: Final = 6  # a transfer takes one or two; the workflow comes back to what took longer
_MODE: Final = re.compile(r"[a-z]+_(live|test)_.+")  # sk_live_…, rk_test_…
_LOOPBACK: Final = re.compile(r"http://127\.0\.0\.1:[0-9]{1,5}")


def checked_base(api_base: str) -> str:
    """Return another address than Stripe's, "" for Stripe's own.

    Raises ValueError for one that is not on this machine.
    """
    if api_base and not _LOOPBACK.fullmatch(api_base):
        raise ValueError("another address than Stripe's must be on this machine: the key would be sent to it")
    return api_base


def not_usable(key: str, livemode: bool | None) -> str:
    """Return why the key must not be used here; empty where it may."""
    if not key:
        return "this deployment has no key for Stripe"
    mode = _MODE.fullmatch(key)
    fits = livemode is None or mode is None or (mode[1] == "live") is livemode
    return "" if fits else "the key is for Stripe's other mode"


@lru_cache(maxsize=1)
def make(key: str, base: str) -> StripeClient:
    """Make a client.

    No retries of its own: each try is the caller's. No telemetry, no other address.
    """
    import requests
    import stripe

    stripe.enable_telemetry = False  # the SDK knows this as one switch for the whole process
    logging.getLogger("stripe").disabled = True  # logs Stripe's messages, which quote accounts
    logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)  # logs paths when it debugs
    session = requests.Session()
    session.trust_env = False  # no proxy, certificates or passwords that happen to lie around
    session.max_redirects = 0
    http = stripe.RequestsClient(timeout=(CONNECT_SECONDS, READ_SECONDS), session=session)
    return stripe.StripeClient(
        key, max_network_retries=0, http_client=http, base_addresses={"api": base} if base else None
    )
