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
    detail = _detail(context, body) | {"leadId": body.lead_id or f"customer {body.customer_id}"}
    leads.own(leads.CREATED, detail, context.now_ms())
    return (
        leads.SOURCE,
        leads.CREATED,
        _first_told(context, body, detail, "lead", body.lead_id or str(body.customer_id)),
    )


def sale(context: Context, body: SaleBody) -> Message:
    """Return the `Payment Succeeded` that a sale is. Raises Unreadable."""
    detail = _detail(context, body)
    event = own.read(own.PAID, detail)
    if not isinstance(event, Skipped):
        checked(event, context.now_ms())
    return own.SOURCE, own.PAID, _first_told(context, body, detail, "sale", body.payment_id)


def _detail(context: Context, body: ToldBody) -> dict[str, Any]:
    """What was said, in the words of the bus; of now, where no time was."""
    told = body.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)
    return told | {"occurredAt": told.get("occurredAt") or iso(context.now_ms())}


def _first_told(context: Context, body: ToldBody, detail: dict[str, Any], kind: str, id: str) -> dict[str, Any]:
    """The detail with the time at which it was first told, where it said none, so that a repeat says the same.

    Of what can be read alone: what was refused was not told.
    """
    return detail if body.occurred_at else detail | {"occurredAt": iso(first_seen_ms(context, kind, id))}
