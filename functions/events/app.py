"""What servers tell of sign-ups and sales without the bus, and Stripe without EventBridge: into the same queues."""

from __future__ import annotations

from refledger.domain.errors import BadSignature, Unreadable
from refledger.entry import config
from refledger.entry.events import signed_payments, told_by_servers
from refledger.entry.http import Api, Delivery, Request
from refledger.entry.models.common import NoQuery
from refledger.entry.models.events import EventQueued, LeadBody, SaleBody
from refledger.entry.models.webhooks import EventTaken
from refledger.entry.observability import logger

EVENT_LIMIT_BYTES = 256 * 1024  # Stripe's with an invoice of many lines; what EventBridge takes

api = handler = Api()


@api.route("POST /api/v1/events/lead", body=LeadBody, answer=EventQueued, status=202, refuses=(Unreadable,))
def lead(request: Request[LeadBody, NoQuery]) -> EventQueued:
    """Tell that somebody signed up, and by which click or code they came: `Lead Created`, as on the bus.

    Answered once it is in the queue; sent again under the same id, it changes nothing.
    """
    message = told_by_servers.lead(config.context(), request.body)
    maker = request.caller.user if request.caller.api_key else ""  # behind a service's token nobody stands
    config.leads_queue().send(*message, maker)
    return EventQueued(outcome="QUEUED", id=message[2]["leadId"])


@api.route("POST /api/v1/events/sale", body=SaleBody, answer=EventQueued, status=202, refuses=(Unreadable,))
def sale(request: Request[SaleBody, NoQuery]) -> EventQueued:
    """Tell that a customer paid, and by which click or code they came: `Payment Succeeded`, as on the bus.

    Answered once it is in the queue; sent again under the same id, it is the same payment.
    """
    message = told_by_servers.sale(config.context(), request.body)
    config.payments_queue().send(*message, request.caller.user)
    return EventQueued(outcome="QUEUED", id=message[2]["paymentId"])


@api.route(
    "POST /api/v1/webhooks/stripe-payments",
    answer=EventTaken,
    refuses=(BadSignature, Unreadable),
    limit_bytes=EVENT_LIMIT_BYTES,
)
def stripe_event(delivery: Delivery) -> EventTaken:
    """Take an event about a payment that Stripe has signed: the same as from its EventBridge destination.

    Answered once it is in the queue. An answer other than 200 makes Stripe send it again, for three days.
    """
    message = signed_payments.of_stripe(delivery)
    if message is None:
        logger().info("event ignored", extra={"reason": "OTHER_KIND"})
        return EventTaken(outcome="OTHER_KIND")
    config.payments_queue().send_text(message)
    return EventTaken(outcome="QUEUED")
