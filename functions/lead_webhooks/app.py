"""What sites and CRMs without an AWS account tell of leads. No token: who sends signs. Only the queue is written to."""

from __future__ import annotations

from refledger.adapters import hubspot, signed_webhooks
from refledger.adapters.clock import now_ms
from refledger.domain.errors import BadSignature, Unreadable
from refledger.entry import config
from refledger.entry.events import leads
from refledger.entry.http import Api, Delivery
from refledger.entry.models.webhooks import EventTaken

QUEUED = EventTaken(outcome="QUEUED")
HUBSPOT_ROUTE = "POST /api/v1/webhooks/hubspot"

api = handler = Api()


@api.route("POST /api/v1/webhooks/referrals", answer=EventTaken, status=202, refuses=(BadSignature, Unreadable))
def lead_event(delivery: Delivery) -> EventTaken:
    """Take a signed event about a lead: the same as on the bus, `{"type": "Lead Created", "detail": {…}}`.

    Answered once it is in the queue; sent again, it changes nothing. What can never be read is refused here.
    """
    secrets = signed_webhooks.secrets_from(config.lead_secrets("referrals"))
    signed_webhooks.check(delivery.body, delivery.headers.get(signed_webhooks.HEADER, ""), secrets, now_ms=now_ms())
    kind, detail = leads.delivered(delivery.body, now_ms())
    config.leads_queue().send(leads.SOURCE, kind, detail)
    return QUEUED


@api.route(HUBSPOT_ROUTE, answer=EventTaken, status=202, refuses=(BadSignature, Unreadable))
def hubspot_events(delivery: Delivery) -> EventTaken:
    """Take events that HubSpot has signed (version 3). An answer other than success makes it send them again."""
    env, headers = config.environment(), delivery.headers
    path = HUBSPOT_ROUTE.partition(" ")[2]
    hubspot.check(
        headers.get("x-hubspot-signature-v3", ""),
        headers.get("x-hubspot-request-timestamp", ""),
        delivery.body,
        signed_webhooks.secrets_from(config.lead_secrets("hubspot")),
        method="POST",
        uri=env["HUBSPOT_WEBHOOK_URL"] or f"https://{delivery.host}{path}",
        now_ms=now_ms(),
    )
    events = hubspot.events_in(delivery.body)
    config.leads_queue().send(hubspot.SOURCE, hubspot.DETAIL_TYPE, {"events": events})
    return QUEUED
