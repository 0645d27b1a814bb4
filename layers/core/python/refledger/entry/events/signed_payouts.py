"""What payment providers send of the payouts that they make: believed when it is signed, then read."""

from __future__ import annotations

from refledger.adapters import signed_webhooks
from refledger.adapters.payouts import stripe_webhook
from refledger.adapters.payouts.stripe_webhook import Ignored, Told
from refledger.entry import config
from refledger.entry.http import Delivery


def of_stripe(delivery: Delivery) -> Told | str:
    """Read an event of Stripe's; a word for why it is ignored. Raises BadSignature, Unreadable."""
    secrets = signed_webhooks.secrets_from(config.stripe_webhook_secrets())
    signature = delivery.headers.get("stripe-signature", "")
    told = stripe_webhook.read(delivery.body, signature, secrets, livemode=config.stripe_livemode())
    return told.reason if isinstance(told, Ignored) else told
