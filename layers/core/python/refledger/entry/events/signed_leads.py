"""What sites and CRMs without an AWS account send of leads: believed when it is signed, then read."""

from __future__ import annotations

from typing import Any

from refledger.adapters import hubspot, signed_webhooks
from refledger.adapters.clock import now_ms
from refledger.entry import config
from refledger.entry.events import leads
from refledger.entry.http import Delivery

Message = tuple[str, str, dict[str, Any]]  # source, kind and detail, as on the bus


def of_site(delivery: Delivery) -> Message:
    """Read the one event that a site sends. Raises BadSignature, Unreadable."""
    secrets = signed_webhooks.secrets_from(config.lead_secrets("referrals"))
    signature = delivery.headers.get(signed_webhooks.HEADER, "")
    signed_webhooks.check(delivery.body, signature, secrets, now_ms=now_ms())
    return leads.SOURCE, *leads.delivered(delivery.body, now_ms())


def of_hubspot(delivery: Delivery, path: str) -> Message:
    """Read the events that HubSpot sends together, signed (version 3).

    For the address that its settings have. `path`: of the route, for where the deployment names no such address. Raises
    BadSignature, Unreadable.
    """
    headers = delivery.headers
    hubspot.check(
        headers.get("x-hubspot-signature-v3", ""),
        headers.get("x-hubspot-request-timestamp", ""),
        delivery.body,
        signed_webhooks.secrets_from(config.lead_secrets("hubspot")),
        method="POST",
        uri=config.environment()["HUBSPOT_WEBHOOK_URL"] or f"https://{delivery.host}{path}",
        now_ms=now_ms(),
    )
    return hubspot.SOURCE, hubspot.DETAIL_TYPE, {"events": hubspot.events_in(delivery.body)}
