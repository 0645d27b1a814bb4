"""Invoices and charges as payments: which of the two counts, what was paid, and what of it commission is paid on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from refledger.adapters.stripe import lines
from refledger.adapters.stripe.nodes import SYSTEM, Node, money, payment_key
from refledger.domain import clicks
from refledger.domain.payment_events import (
    PaymentAlias,
    PaymentReceived,
    PaymentSkipped,
    Skipped,
)
from refledger.domain.programs import DEFAULT_PROGRAM
from refledger.domain.tellers import MAYBE_OF_INVOICE, NO_CUSTOMER, Teller

_TAX: Final = re.compile(r"[0-9]{1,15}")


def of_invoice(event: Node, invoice: Node) -> PaymentReceived | PaymentSkipped | Skipped:
    """Read `invoice.paid`."""
    if invoice.text("status") != "paid":
        raise invoice.wrong("status", "not paid")
    # Marked as paid outside of Stripe: counted, because from basil on `amount_paid` includes such money and
    # nothing tells it apart; before, `amount_paid` leaves it out, and the amount is the one that was due.
    outside = invoice.fields.get("paid_out_of_band") is True
    paid = invoice.integer("amount_due" if outside else "amount_paid")
    if paid < 0:
        raise invoice.wrong("amount_paid", "negative")
    if paid == 0:
        return Skipped("NOTHING_PAID")  # a trial, or all of it from the customer's credit balance
    metadata = {**_subscription_metadata(invoice), **invoice.metadata()}
    customer = metadata.get("customerId") or customer_of(invoice)
    times = invoice.optional("status_transitions")
    paid_at = times if times is not None and times.fields.get("paid_at") is not None else None
    at_ms = 1000 * (paid_at.integer("paid_at") if paid_at else event.integer("created"))
    currency, amount = money(invoice, paid)
    whole, net = _net_of_tax(invoice)
    # Paid may be less than the total (credit) or more (debt of earlier invoices): tax in proportion.
    base = amount * net // whole
    shipped = min(net, lines.shipping(invoice, lines.integer_or_nothing(invoice, "amount_shipping")))
    shipping = base * shipped // net if net else 0
    received = received_by(metadata, _key(invoice), customer or "", amount, base, currency, at_ms, Teller.INVOICE)
    products = () if received.product_id else lines.of_products(invoice, base - shipping, net - shipped)
    received = replace(
        received,
        names=tuple(id for id in (invoice.text("id"),) if id != received.payment_id),
        lines=products if len(products) > 1 else (),
        product_id=products[0][0] if len(products) == 1 else received.product_id,
        shipping=shipping,
    )
    return received if customer else nobodys(received)


def received_by(
    metadata: Mapping[str, str], key: str, customer: str, amount: int, base: int, currency: str, at_ms: int,
    teller: Teller,
) -> PaymentReceived:  # fmt: skip
    """Make a payment, with what the owner's metadata say of it.

    Amounts in ISO 4217 minor units.
    """
    return PaymentReceived(
        system=SYSTEM,
        payment_id=key,
        customer_id=customer,
        program_id=metadata.get("programId") or DEFAULT_PROGRAM,
        program_said=bool(metadata.get("programId")),
        amount=amount,
        base=base,
        currency=currency,
        occurred_at_ms=at_ms,
        product_id=metadata.get("productId") or "",
        code=metadata.get("referralCode") or "",
        click=click_in(metadata),
        teller=teller,
    )


def click_in(metadata: Mapping[str, str], reference: object = "") -> str:
    """Return the id of the click that the owner's metadata, or a reference, name; "" for none."""
    return clicks.first((*(metadata.get(name) for name in ("clickId", "referralCode")), reference))


def customer_of(sale: Node) -> str | None:
    """Return Stripe's customer.

    Where an Account of its v2 API stands for one, and is no Customer as well, that.
    """
    return sale.reference("customer") or sale.reference("customer_account")


def nobodys(received: PaymentReceived) -> PaymentSkipped:
    """Skip a payment whose customer is not known: another object may know."""
    return PaymentSkipped(
        SYSTEM, received.payment_id, received.amount, received.currency, received.occurred_at_ms, NO_CUSTOMER, received
    )


def skipped(node: Node, key: str, paid: int, at_ms: int, reason: str) -> PaymentSkipped:
    """Skip money that does not count by this event; `paid` in Stripe's units."""
    currency, amount = money(node, paid)
    return PaymentSkipped(SYSTEM, key, amount, currency, at_ms, reason)


def _subscription_metadata(invoice: Node) -> Mapping[str, str]:
    """The subscription's metadata when the invoice was made final. Basil moved them under `parent`."""
    parent = invoice.optional("parent")
    details = (parent and parent.optional("subscription_details")) or invoice.optional("subscription_details")
    return details.metadata() if details else {}


def _net_of_tax(invoice: Node) -> tuple[int, int]:
    """A whole and what of it is not tax, after discounts, in Stripe's units: 0 <= net <= whole, whole > 0.

    That is the total, where there is one. An invoice that is settled with earlier debt or credit may come to nothing
    or less and be paid nevertheless: then its lines say how much of what was sold is tax, or nothing is.
    """
    total = invoice.integer("total")
    if total <= 0:
        return lines.sold(invoice)
    given = invoice.fields.get("total_excluding_tax") is not None
    net = invoice.integer("total_excluding_tax") if given else total - _tax(invoice)
    if not 0 <= net <= total:
        raise invoice.wrong("total_excluding_tax", "not between zero and the total")
    return total, net


def _tax(invoice: Node) -> int:
    """All taxes, inclusive ones too, where an invoice does not give its total without them. Stripe units."""
    for name in ("total_taxes", "total_tax_amounts"):  # from basil on; before
        if invoice.fields.get(name) is not None:
            return sum(tax.integer("amount") for tax in invoice.objects(name))
    if "tax" not in invoice.fields:
        raise invoice.wrong("total_excluding_tax", "missing, and no tax either")
    return 0 if invoice.fields["tax"] is None else invoice.integer("tax")


def _key(invoice: Node) -> str:
    """The intent, the charge; from basil on an invoice names neither in an event, and is its own key."""
    return payment_key(invoice) or invoice.text("id")


def alias(event: Node, link: Node) -> PaymentAlias | Skipped:
    """Read `invoice_payment.paid`: under which id refunds and disputes will name a payment of an invoice.

    Stripe's refunds and disputes. An invoice may be paid by several intents; each is another name of it. A payment
    recorded outside of Stripe is never refunded there and needs none.
    """
    if link.text("status") != "paid":
        raise link.wrong("status", "not paid")
    other = payment_key(link.required("payment"))
    if other is None:
        return Skipped("PAID_OUTSIDE_STRIPE")
    expanded = isinstance(link.fields.get("invoice"), Mapping)
    key = _key(link.required("invoice")) if expanded else link.text("invoice")
    if key == other:
        return Skipped("KEY_OF_INVOICE")
    return PaymentAlias(SYSTEM, alias_id=other, payment_id=key, occurred_at_ms=1000 * event.integer("created"))


def of_updated_charge(event: Node, charge: Node) -> PaymentReceived | PaymentSkipped | Skipped:
    """Read `charge.updated`, only where it tells of a capture.

    One of several or the last (multicapture).
    """
    before = event.required("data").optional("previous_attributes")
    if before is None or "amount_captured" not in before.fields:
        return Skipped("NOTHING_CAPTURED")
    return of_charge(event, charge)


def of_charge(event: Node, charge: Node) -> PaymentReceived | PaymentSkipped | Skipped:
    """Read `charge.succeeded`, `charge.captured`.

    With several captures of one charge each tells the sum so far.
    """
    if charge.text("status") != "succeeded":
        raise charge.wrong("status", "not succeeded")
    captured = charge.integer("amount_captured")
    if captured < 0:
        raise charge.wrong("amount_captured", "negative")
    if not charge.flag("captured") and captured == 0:
        return Skipped("NOT_CAPTURED")  # only reserved on the card; charge.captured follows
    metadata = charge.metadata()
    if _has_invoice(charge):
        return Skipped("CHARGE_OF_INVOICE")
    if captured == 0:
        return Skipped("NOTHING_PAID")
    key = payment_key(charge) or charge.text("id")
    at_ms = 1000 * event.integer("created")  # the charge's own time is that of the attempt
    if "invoice" not in charge.fields and metadata.get("oneOff") != "true":
        return skipped(charge, key, captured, at_ms, MAYBE_OF_INVOICE)  # from basil on; see the top of this package
    customer = metadata.get("customerId") or charge.reference("customer")
    if customer is None:
        return skipped(charge, key, captured, at_ms, NO_CUSTOMER)
    currency, amount = money(charge, captured)
    gross, net = _net_of_named_tax(charge, metadata.get("taxAmount"))
    received = received_by(metadata, key, customer, amount, amount * net // gross, currency, at_ms, Teller.CHARGE)
    return replace(received, uncaptured=money(charge, uncaptured(charge))[1])


def _has_invoice(charge: Node) -> bool:
    """Whether the charge says for certain that an invoice made it.

    Only a yes is certain from basil on. Stripe documents that the receipt of an invoice's charge is that of
    the invoice; its path is not documented, so its absence proves nothing. `payment_details.order_reference`
    is the invoice's id on payment intents, and on charges in preview versions.
    """
    if charge.reference("invoice") is not None:
        return True
    receipt = charge.fields.get("receipt_url")
    details = charge.optional("payment_details")
    order = details.fields.get("order_reference") if details else None
    return (isinstance(receipt, str) and "/receipts/invoices/" in receipt) or (
        isinstance(order, str) and order.startswith("in_")
    )


def _net_of_named_tax(charge: Node, named: str | None) -> tuple[int, int]:
    """The whole charge, and that less `metadata.taxAmount`: a charge itself does not know its tax."""
    gross = charge.integer("amount")
    if gross <= 0:
        raise charge.wrong("amount", "something was captured, but the amount is not above zero")
    if named is not None and not _TAX.fullmatch(named):
        raise charge.wrong("metadata.taxAmount", "not a whole number")
    tax = int(named) if named else 0
    if tax > gross:
        raise charge.wrong("metadata.taxAmount", "more than the charge")
    return gross, gross - tax


def uncaptured(charge: Node) -> int:
    """Return what was reserved and never taken, where Stripe calls it refunded: before basil.

    Stripe's units. There the last capture, of a part, makes a Refund of the rest, and `amount_refunded` includes it;
    from basil on it makes none. Only before basil a charge has a field `invoice`.

    https://docs.stripe.com/changelog/basil/2025-03-31/remove-refund-from-partial-capture-and-payment-cancellation-flow
    """
    if "invoice" not in charge.fields or charge.fields.get("captured") is not True:
        return 0
    return max(0, charge.integer("amount") - charge.integer("amount_captured"))
