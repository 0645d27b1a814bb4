"""What payment providers tell of the payouts that they make. No token: who sends signs."""

from __future__ import annotations

from refledger.domain.errors import BadSignature, Unreadable, WithdrawalNotFound
from refledger.entry import config
from refledger.entry.events import signed_payouts
from refledger.entry.http import Api, Delivery
from refledger.entry.metrics import count, counting
from refledger.entry.models.webhooks import EventTaken
from refledger.entry.observability import logger
from refledger.operations.payouts import payout_events

api = handler = Api()


@api.route("POST /api/v1/webhooks/stripe", answer=EventTaken, refuses=(BadSignature, Unreadable))
def stripe_event(delivery: Delivery) -> EventTaken:
    """Take an event that Stripe has signed. An answer other than 200 makes Stripe send it again, for three days."""
    told = signed_payouts.of_stripe(delivery)
    if isinstance(told, str):
        logger().info("event ignored", extra={"reason": told})
        return EventTaken(outcome=told)
    try:
        heard = payout_events.take(config.context(), config.waker(), told)
    except WithdrawalNotFound:  # of another deployment with the same Stripe account
        logger().warning("payout of an unknown withdrawal", extra={"transaction": told.transaction_id})
        return EventTaken(outcome="UNKNOWN_WITHDRAWAL")
    if heard.reported:
        with counting() as metrics:
            count(metrics, "PAYOUT_PROBLEM")
    return EventTaken(outcome=told.said)
