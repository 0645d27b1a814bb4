"""Payment events as they come out of the queue: one JSON text in; what it says of a payment, or a reason to do nothing.

Two senders are known. The owner's own systems (`own`) send `source: payments`; the schemas of their details lie under
`events/schemas/`, and a test holds them against the models. Stripe's partner event source is read by `adapters/stripe`.

Fields that are not known are passed over: producers add fields, and a payment must not be lost over one. (The
HTTP API refuses them, because there a person reads the answer.) What is known is strict: no number in a
string, no 1.0 for 1.

Every refusal is an `Unreadable` whose text names the place and the kind of fault, never a value: it becomes
an attribute of the message in the dead-letter queue.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from refledger.adapters import stripe
from refledger.domain.errors import Unreadable
from refledger.domain.payment_events import PaymentEvent, PaymentReceived, Skipped
from refledger.entry.events import own
from refledger.entry.events.body import parse_body, told_by
from refledger.entry.events.limits import checked


def read_event(event: dict[str, Any], *, now_ms: int, livemode: bool | None) -> PaymentEvent | Skipped:
    """Read what an EventBridge event comes to, or a reason for there being nothing to do.

    `now_ms` is the present in epoch milliseconds. `livemode` is the Stripe mode that counts here; events of the other
    one are skipped (None: both count). Raises Unreadable.
    """
    source, kind, detail = event.get("source"), event.get("detail-type"), event.get("detail")
    if not isinstance(detail, dict):
        raise Unreadable("detail: not an object")
    if source == own.SOURCE and isinstance(kind, str) and kind in own.MODELS:
        found = _called(told_by(event), own.read(kind, detail))
    elif isinstance(source, str) and source.startswith(stripe.SOURCE_PREFIX):
        if kind != detail.get("type"):
            raise Unreadable("detail-type: not the type of the Stripe event")
        found = stripe.read(detail, livemode=livemode)
    else:
        raise Unreadable("unknown source or detail-type")
    return found if isinstance(found, Skipped) else checked(found, now_ms)


def _called(caller: str, found: PaymentEvent | Skipped) -> PaymentEvent | Skipped:
    """The payment with who told of it over HTTP."""
    return replace(found, caller=caller) if caller and isinstance(found, PaymentReceived) else found


def read_listed(event: dict[str, Any], *, source: str, now_ms: int, livemode: bool | None) -> PaymentEvent | Skipped:
    """Read what an Event object that Stripe lists comes to, as if it came by the bus from `source`.

    Raises Unreadable.
    """
    told = {"source": source, "detail-type": event.get("type"), "detail": event}
    return read_event(parse_body(json.dumps(told)), now_ms=now_ms, livemode=livemode)
