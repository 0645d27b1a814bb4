"""What payment providers tell of the payouts that they make. No token: who sends signs."""

from __future__ import annotations

from refledger.adapters import signed_webhooks
from refledger.adapters.payouts import stripe_webhook
from refledger.adapters.payouts.stripe_webhook import Ignored, Told
from refledger.domain.errors import BadSignature, Unreadable, WithdrawalNotFound
from refledger.entry import config
from refledger.entry.http import Api, Delivery
from refledger.entry.metrics import count, counting
from refledger.entry.models.webhooks import EventTaken
from refledger.entry.observability import logger
from refledger.operations.payouts import payout_events

api = handler = Api()


@api.route("POST /api/v1/webhooks/stripe", answer=EventTaken, refuses=(BadSignature, Unreadable))
def stripe_event(delivery: Delivery) -> EventTaken:
    """Take an event that Stripe has signed. An answer other than 200 makes Stripe send it again, for three days."""
    secrets = signed_webhooks.secrets_from(config.stripe_webhook_secrets())
    signature = delivery.headers.get("stripe-signature", "")
    told = stripe_webhook.read(delivery.body, signature, secrets, livemode=config.stripe_livemode())
    return EventTaken(outcome=_ignored(told.reason) if isinstance(told, Ignored) else _pass_on(told))


def _ignored(reason: str) -> str:
    logger().info("event ignored", extra={"reason": reason})
    return reason


def _pass_on(told: Told) -> str:
    context = config.context()
    try:
        heard = payout_events.take(context, config.waker(), told)
    except WithdrawalNotFound:  # of another deployment with the same Stripe account
        logger().warning("payout of an unknown withdrawal", extra={"transaction": told.transaction_id})
        return "UNKNOWN_WITHDRAWAL"
    if heard.reported:
        with counting() as metrics:
            count(metrics, "PAYOUT_PROBLEM")
    return told.said
