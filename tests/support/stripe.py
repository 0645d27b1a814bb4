"""Stripe's example events of events/payments, as they lie there or with a few fields changed."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from refledger.adapters import stripe
from refledger.domain.payment_events import PaymentEvent, PaymentReceived, PaymentSkipped, Skipped
from tests.support.events import EXAMPLES

PAID_AT_MS = 1_793_610_929_000  # 2026-11-02T09:15:29Z
OLD, BASIL = "stripe_invoice_paid", "stripe_invoice_paid_basil"


def example(name: str, **changes: Any) -> dict[str, Any]:
    """The Stripe event of an example file, with `changes` in its object; `...` removes a field."""
    text = (EXAMPLES / f"{name}.json").read_text(encoding="utf-8")
    event: dict[str, Any] = json.loads(text, parse_float=Decimal)["detail"]
    subject = event["data"]["object"]
    for field, value in changes.items():
        if value is ...:
            del subject[field]
        else:
            subject[field] = value
    return event


def read(name: str, **changes: Any) -> PaymentEvent | Skipped:
    return stripe.read(example(name, **changes), livemode=True)


def payment(name: str, **changes: Any) -> PaymentReceived:
    found = read(name, **changes)
    assert isinstance(found, PaymentReceived)
    return found


def skipped(name: str, **changes: Any) -> str:
    """Why an event does not count, whether it is remembered or not."""
    found = read(name, **changes)
    assert isinstance(found, Skipped | PaymentSkipped)
    return found.reason
