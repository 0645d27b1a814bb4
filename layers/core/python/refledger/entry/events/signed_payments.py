"""What Stripe sends of payments to a webhook: believed when it is signed, and put into the form of the bus."""

from __future__ import annotations

import json

from refledger.adapters import signed_webhooks, stripe
from refledger.adapters.clock import now_ms
from refledger.domain.errors import Unreadable
from refledger.entry import config
from refledger.entry.events.body import parse_body
from refledger.entry.http import Delivery

SOURCE = f"{stripe.SOURCE_PREFIX}webhook"


def of_stripe(delivery: Delivery) -> str | None:
    """Return the message of the bus that an event comes to, with the event as it was sent.

    None for events of other kinds. Raises BadSignature, Unreadable.
    """
    secrets = signed_webhooks.secrets_from(config.stripe_payments_secrets())
    signature = delivery.headers.get("stripe-signature", "")
    signed_webhooks.check(delivery.body, signature, secrets, now_ms=now_ms(), name="Stripe-Signature")
    try:
        text = delivery.body.decode()
    except UnicodeDecodeError:
        raise Unreadable("body: not UTF-8") from None
    event = parse_body(text)
    kind = event.get("type")
    if event.get("object") != "event" or not isinstance(kind, str):
        raise Unreadable("body: not a Stripe event")
    if kind not in stripe.READERS:
        return None
    return f'{{"source": "{SOURCE}", "detail-type": {json.dumps(kind)}, "detail": {text}}}'
