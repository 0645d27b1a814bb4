"""Stripe events, as its Amazon EventBridge destination delivers them, read as payments. No SDK, no network.

`detail` of the EventBridge event is Stripe's Event object with a snapshot of the invoice or charge inside.
What a snapshot looks like is decided by the API version of the destination, and two shapes matter:

* before 2025-03-31.basil an invoice names its `payment_intent` and `charge`, and a charge names its `invoice`
  (null when there is none);
* from basil on both are gone. `invoice.payments` replaces them, but is sent only when a request asks for it,
  so not in an event. The tax moved too (`total_tax_amounts` to `total_taxes`), and so did the subscription's
  metadata.

The shape is recognised by the fields themselves, not by the version's date.

**One payment, one key.** An invoice and its charge are two events about the same money. The key is the
payment intent where it is known, else the charge, else the invoice, and a charge of an invoice is skipped:
the invoice knows the tax. From basil on the two keys differ (invoice id here, payment intent there), so
nothing but this rule keeps the money from counting twice: *such a charge counts only where its metadata says
`oneOff: "true"`*, by which the owner states that no invoice is made of it. A charge cannot get that mark by
accident: Stripe copies metadata from the payment intent only, and those that Stripe makes for invoices have
none. A customer's name would not do as the mark: payments with Checkout's `invoice_creation`, or attached to
an invoice afterwards, carry one and get an invoice as well.

Sources (Stripe documentation, read in November 2026):
https://docs.stripe.com/event-destinations/eventbridge
https://docs.stripe.com/changelog/basil/2025-03-31/add-support-for-multiple-partial-payments-on-invoices
https://docs.stripe.com/changelog/basil/2025-03-31/invoice-tax-configurations
https://docs.stripe.com/api/invoices/object and /charges/object
https://docs.stripe.com/currencies#zero-decimal and #special-cases
https://support.stripe.com/questions/how-metadata-works-with-related-objects
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from refledger.domain import currencies
from refledger.domain.errors import Unreadable
from refledger.domain.payments import DEFAULT_PROGRAM, PaymentReceived, Skipped

SYSTEM: Final = "stripe"
SOURCE_PREFIX: Final = "aws.partner/stripe.com/"  # the rest names the event destination

# Decimals of Stripe's amounts where they are not two. Stripe's own list, not ISO's: MGA has two decimals
# there and none here, ISK and UGX have none there and are written with two here ("the decimal amount is
# always 00"). UGX is in both of Stripe's lists; the special case is about the API, and if it were wrong the
# error would pay too little, not too much. HUF and TWD differ for Stripe's payouts only.
_DECIMALS: Final = {
    code: decimals
    for decimals, codes in {
        0: "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF",
        2: "ISK UGX",
        3: "BHD JOD KWD OMR TND",
    }.items()
    for code in codes.split()
}

_TAX: Final = re.compile(r"[0-9]{1,15}")


def read(event: Mapping[str, Any], *, livemode: bool | None) -> PaymentReceived | Skipped:
    """What the Stripe Event object `event` comes to.

    `livemode` is the mode that this deployment counts: an event of the other mode is skipped, so that a test
    card never pays anybody. Amounts come back in ISO 4217 minor units. Ids and times are not yet checked for
    length and range. Raises Unreadable for anything that is not understood completely.
    """
    top = _Node("detail", event)
    if event.get("object") != "event":
        raise top.wrong("object", "not a Stripe event")
    if top.flag("livemode") is not livemode and livemode is not None:
        return Skipped("TEST_MODE" if livemode else "LIVE_MODE")
    if event.get("account") is not None:
        return Skipped("CONNECTED_ACCOUNT")  # Connect: that money was paid to somebody else
    subject = top.required("data").required("object")
    match event.get("type"):
        case "invoice.paid":
            return _invoice(top, subject)
        case "charge.succeeded" | "charge.captured":
            return _charge(top, subject)
        case _:
            raise top.wrong("type", "not a payment")


def to_iso(amount: int, code: str) -> int | None:
    """Stripe's `amount` of the ISO currency `code` in ISO 4217 minor units.

    None where that is not exact, or where Stripe documents no such currency and the decimals would be a
    guess. Raises UnknownCurrency.
    """
    wanted = currencies.exponent(code)
    given = _DECIMALS.get(code, 2 if wanted == 2 else None)
    if given is None:
        return None
    converted, rest = divmod(amount * 10**wanted, 10**given)
    return None if rest else converted


@dataclass(frozen=True, slots=True)
class _Node:
    """An object inside the event that knows where it is: errors name the place and never the value."""

    path: str
    fields: Mapping[str, Any]

    def wrong(self, name: str, why: str) -> Unreadable:
        return Unreadable(f"{self.path}.{name}: {why}")

    def optional(self, name: str) -> _Node | None:
        value = self.fields.get(name)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise self.wrong(name, "not an object")
        return _Node(f"{self.path}.{name}", value)

    def required(self, name: str) -> _Node:
        node = self.optional(name)
        if node is None:
            raise self.wrong(name, "missing")
        return node

    def objects(self, name: str) -> list[_Node]:
        values = self.fields.get(name)
        if not isinstance(values, list) or not all(isinstance(value, Mapping) for value in values):
            raise self.wrong(name, "not a list of objects")
        return [_Node(f"{self.path}.{name}[]", value) for value in values]

    def integer(self, name: str) -> int:
        value = self.fields.get(name)
        if type(value) is not int:  # a bool is an int to Python, and not to us
            raise self.wrong(name, "not an integer")
        return value

    def flag(self, name: str) -> bool:
        value = self.fields.get(name)
        if not isinstance(value, bool):
            raise self.wrong(name, "not a boolean")
        return value

    def text(self, name: str) -> str:
        value = self.fields.get(name)
        if not isinstance(value, str):
            raise self.wrong(name, "not a string")
        return value

    def reference(self, name: str) -> str | None:
        """The id of another object, which Stripe sends as the id or, expanded, as the whole object."""
        value = self.fields.get(name)
        if value is None or isinstance(value, str):
            return value
        return self.required(name).text("id")

    def metadata(self, name: str = "metadata") -> Mapping[str, str]:
        node = self.optional(name)
        if node is None:
            return {}
        if not all(isinstance(value, str) for value in node.fields.values()):
            raise self.wrong(name, "not only strings")
        return node.fields


def _invoice(event: _Node, invoice: _Node) -> PaymentReceived | Skipped:
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
    customer = metadata.get("customerId") or invoice.reference("customer")
    if customer is None:
        return Skipped("NO_CUSTOMER")
    currency, amount = _amount(invoice, paid)
    total, net = _totals(invoice)
    times = invoice.optional("status_transitions")
    paid_at = times if times is not None and times.fields.get("paid_at") is not None else None
    return PaymentReceived(
        system=SYSTEM,
        payment_id=_invoice_key(invoice),
        customer_id=customer,
        program_id=metadata.get("programId") or DEFAULT_PROGRAM,
        amount=amount,
        # Paid may be less than the total (credit) or more (debt of earlier invoices): tax in proportion.
        base=amount * net // total,
        currency=currency,
        occurred_at_ms=1000 * (paid_at.integer("paid_at") if paid_at else event.integer("created")),
    )


def _subscription_metadata(invoice: _Node) -> Mapping[str, str]:
    """The subscription's metadata when the invoice was made final. Basil moved them under `parent`."""
    parent = invoice.optional("parent")
    details = (parent and parent.optional("subscription_details")) or invoice.optional("subscription_details")
    return details.metadata() if details else {}


def _totals(invoice: _Node) -> tuple[int, int]:
    """Total and total without tax, both after discounts, in Stripe's units: 0 <= net <= total, total > 0."""
    total = invoice.integer("total")
    if total <= 0:
        raise invoice.wrong("total", "something was paid, but the total is not above zero")
    given = invoice.fields.get("total_excluding_tax") is not None
    net = invoice.integer("total_excluding_tax") if given else total - _tax(invoice)
    if not 0 <= net <= total:
        raise invoice.wrong("total_excluding_tax", "not between zero and the total")
    return total, net


def _tax(invoice: _Node) -> int:
    """All taxes, inclusive ones too, where an invoice does not give its total without them. Stripe units."""
    for name in ("total_taxes", "total_tax_amounts"):  # from basil on; before
        if invoice.fields.get(name) is not None:
            return sum(tax.integer("amount") for tax in invoice.objects(name))
    if "tax" not in invoice.fields:
        raise invoice.wrong("total_excluding_tax", "missing, and no tax either")
    return 0 if invoice.fields["tax"] is None else invoice.integer("tax")


def _invoice_key(invoice: _Node) -> str:
    return (
        invoice.reference("payment_intent")
        or _only_payment(invoice)
        or invoice.reference("charge")
        or invoice.text("id")
    )


def _only_payment(invoice: _Node) -> str | None:
    """The payment intent (or charge) of `invoice.payments`, if there is exactly one."""
    payments = invoice.optional("payments")
    if payments is None or payments.fields.get("has_more"):
        return None
    paid = [each for each in payments.objects("data") if each.fields.get("status") == "paid"]
    if len(paid) != 1:
        return None
    payment = paid[0].required("payment")
    return payment.reference("payment_intent") or payment.reference("charge")


def _charge(event: _Node, charge: _Node) -> PaymentReceived | Skipped:
    if charge.text("status") != "succeeded":
        raise charge.wrong("status", "not succeeded")
    if not charge.flag("captured"):
        return Skipped("NOT_CAPTURED")  # only reserved on the card; charge.captured follows
    metadata = charge.metadata()
    if _has_invoice(charge):
        return Skipped("CHARGE_OF_INVOICE")
    if "invoice" not in charge.fields and metadata.get("oneOff") != "true":
        return Skipped("CHARGE_MAYBE_OF_INVOICE")  # from basil on; see the top of this file
    captured = charge.integer("amount_captured")
    if captured < 0:
        raise charge.wrong("amount_captured", "negative")
    if captured == 0:
        return Skipped("NOTHING_PAID")
    customer = metadata.get("customerId") or charge.reference("customer")
    if customer is None:
        return Skipped("NO_CUSTOMER")
    currency, amount = _amount(charge, captured)
    gross, net = _net_of_named_tax(charge, metadata.get("taxAmount"))
    return PaymentReceived(
        system=SYSTEM,
        payment_id=charge.reference("payment_intent") or charge.text("id"),
        customer_id=customer,
        program_id=metadata.get("programId") or DEFAULT_PROGRAM,
        amount=amount,
        base=amount * net // gross,
        currency=currency,
        occurred_at_ms=1000 * event.integer("created"),  # the charge's own time is that of the attempt
    )


def _has_invoice(charge: _Node) -> bool:
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


def _net_of_named_tax(charge: _Node, named: str | None) -> tuple[int, int]:
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


def _amount(node: _Node, amount: int) -> tuple[str, int]:
    """The currency in capitals, and the amount in its ISO 4217 minor units."""
    given = node.text("currency")
    code = given.upper()
    if len(given) != 3 or not given.isascii() or not currencies.is_currency(code):
        raise node.wrong("currency", "not an ISO 4217 currency")
    converted = to_iso(amount, code)
    if converted is None:
        raise node.wrong("currency", "the amount is not exact in its ISO 4217 minor units")
    return code, converted
