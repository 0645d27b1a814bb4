"""Checkout sessions: what was paid once, its tax, and whether it has an invoice. No other object says all of it.

A session in mode `payment` names its intent, and its invoice where `invoice_creation` makes one; from 2025-03-31.basil
on nothing else does. It counts, under the intent as the charge does, with the invoice as another name: whichever of
charge, session and invoice comes first, the money counts once. A session in mode `subscription` is paid by invoices.

`checkout.session.completed` also comes for a payment that is still on its way (`payment_status: unpaid`, bank debits);
`checkout.session.async_payment_succeeded` follows when it has arrived.

Sources (Stripe documentation, read in November 2026):
https://docs.stripe.com/api/checkout/sessions/object
https://docs.stripe.com/payments/checkout/fulfillment
https://docs.stripe.com/payment-links/url-parameters (client_reference_id)
"""

from __future__ import annotations

from dataclasses import replace

from refledger.adapters.stripe.lines import integer_or_nothing, shipping
from refledger.adapters.stripe.nodes import SYSTEM, Node, money
from refledger.adapters.stripe.payments import click_in, customer_of, nobodys, received_by
from refledger.domain.payment_events import CodeGiven, PaymentReceived, PaymentSkipped, Skipped
from refledger.domain.tellers import Teller


def _code(event: Node, session: Node) -> CodeGiven | None:
    """The code that the customer of a subscription came with; its invoices name the customer, and no code."""
    metadata, customer = session.metadata(), customer_of(session)
    reference = session.fields.get("client_reference_id")
    code, click = metadata.get("referralCode") or reference, click_in(metadata, reference)
    customer = metadata.get("customerId") or customer
    if not isinstance(code, str | None) or not (code or click) or customer is None:
        return None
    return CodeGiven(SYSTEM, session.text("id"), customer, code or "", 1000 * event.integer("created"), click)


def completed(event: Node, session: Node) -> PaymentReceived | CodeGiven | PaymentSkipped | Skipped:
    """Read `checkout.session.completed`, `checkout.session.async_payment_succeeded`."""
    if session.text("mode") != "payment":
        return _code(event, session) or Skipped("SESSION_OF_SUBSCRIPTION")  # or one that only keeps a card
    status = session.text("payment_status")
    if status == "unpaid":
        return Skipped("NOT_PAID_YET")
    total = session.integer("amount_total") if session.fields.get("amount_total") is not None else 0
    if total < 0:
        raise session.wrong("amount_total", "negative")
    if status == "no_payment_required" or total == 0:
        return Skipped("NOTHING_PAID")
    if status != "paid":
        raise session.wrong("payment_status", "not one of a session")
    intent, invoice = session.reference("payment_intent"), session.reference("invoice")
    key = intent or invoice or session.text("id")
    metadata, reference = session.metadata(), session.fields.get("client_reference_id") or ""
    if not isinstance(reference, str):
        raise session.wrong("client_reference_id", "not a string")
    own, stripes = metadata.get("customerId"), customer_of(session)
    customer = own or stripes or reference
    at_ms = 1000 * event.integer("created")
    details = session.optional("total_details")
    tax = integer_or_nothing(details, "amount_tax") if details else 0
    if not 0 <= tax <= total:
        raise session.wrong("total_details.amount_tax", "not between zero and the total")
    currency, amount = money(session, total)
    base = amount * (total - tax) // total
    told = integer_or_nothing(details, "amount_shipping") if details else 0
    received = received_by(metadata, key, customer, amount, base, currency, at_ms, Teller.SESSION)
    received = replace(
        received,
        names=tuple(id for id in (invoice,) if id and id != key),
        shipping=min(base, amount * shipping(session, told) // total),
        code=received.code or reference,
        click=click_in(metadata, reference),
        other_customer_id="" if own or reference == customer else reference,
    )
    return received if customer else nobodys(received)
