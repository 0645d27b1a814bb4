"""What sites and CRMs without an AWS account tell of leads. No token: who sends signs. Only the queue is written to."""

from __future__ import annotations

from refledger.domain.errors import BadSignature, Unreadable
from refledger.entry import config
from refledger.entry.events import signed_leads
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
    message = signed_leads.of_site(delivery)
    config.leads_queue().send(*message)
    return QUEUED


@api.route(HUBSPOT_ROUTE, answer=EventTaken, status=202, refuses=(BadSignature, Unreadable))
def hubspot_events(delivery: Delivery) -> EventTaken:
    """Take events that HubSpot has signed (version 3). An answer other than success makes it send them again."""
    message = signed_leads.of_hubspot(delivery, HUBSPOT_ROUTE.partition(" ")[2])
    config.leads_queue().send(*message)
    return QUEUED
