"""What servers tell of sign-ups and sales over HTTP, as the event that it is on the bus; each found to be readable."""

from __future__ import annotations

from typing import Any

from refledger.domain.payment_events import Skipped
from refledger.domain.times import iso
from refledger.entry.events import leads, own
from refledger.entry.events.limits import checked
from refledger.entry.models.events import LeadBody, SaleBody, ToldBody
from refledger.operations.context import Context
from refledger.operations.idempotency import first_seen_ms

Message = tuple[str, str, dict[str, Any]]  # source, kind and detail


def lead(context: Context, body: LeadBody) -> Message:
    """Return the `Lead Created` that a sign-up is. Raises Unreadable."""
    detail = _detail(context, body, "lead", body.lead_id or str(body.customer_id))
    detail["leadId"] = body.lead_id or f"customer {body.customer_id}"
    leads.own(leads.CREATED, detail, context.now_ms())
    return leads.SOURCE, leads.CREATED, detail


def sale(context: Context, body: SaleBody) -> Message:
    """Return the `Payment Succeeded` that a sale is. Raises Unreadable."""
    detail = _detail(context, body, "sale", body.payment_id)
    event = own.read(own.PAID, detail)
    if not isinstance(event, Skipped):
        checked(event, context.now_ms())
    return own.SOURCE, own.PAID, detail


def _detail(context: Context, body: ToldBody, kind: str, id: str) -> dict[str, Any]:
    """What was said, in the words of the bus; where no time was, that at which it was first told, so that a repeat
    says the same.
    """
    told = body.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)
    return told | {"occurredAt": told.get("occurredAt") or iso(first_seen_ms(context, kind, id))}
