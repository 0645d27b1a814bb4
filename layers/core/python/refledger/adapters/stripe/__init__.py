"""Stripe events, as its Amazon EventBridge destination delivers them, read as what they say of payments. No SDK.

`detail` of the EventBridge event is Stripe's Event object with a snapshot of the object that it is about inside.
What a snapshot looks like is decided by the API version of the destination, and two shapes matter:

* before 2025-03-31.basil an invoice names its `payment_intent` and `charge`, and a charge names its `invoice`
  (null when there is none);
* from basil on all three are gone. `invoice.payments` replaces them, but is sent only when a request asks for it,
  so not in an event. The tax moved too (`total_tax_amounts` to `total_taxes`), and so did the subscription's
  metadata.

The shape is recognised by the fields themselves, not by the version's date.

**One payment, one key, and its names.** An invoice, its charge and its Checkout session are events about the same
money. The key is the payment intent where it is known, else the charge, else the invoice; what else an event names the
money is a name of the payment (`PaymentReceived.names`), so that the same invoice as told by two versions is one. A
charge of an invoice is skipped: the invoice knows the tax. From basil on the keys of the two differ (invoice id here,
payment intent there), and until a session or `invoice_payment.paid` has said which belongs to which, nothing but this
rule keeps the money from counting twice: *such a charge counts only where its metadata says `oneOff: "true"`*, by which
the owner states that no invoice is made of it. One without the mark is remembered (`PaymentSkipped`), so that its
refunds find it, and gives way to whatever counts: its session, which says of every one-off payment whether there is an
invoice, or its invoice. A charge cannot get the mark by accident: Stripe copies metadata from the payment intent only,
and those that Stripe makes for invoices have none. A customer's name would not do as the mark: payments with Checkout's
`invoice_creation`, or attached to an invoice afterwards, carry one and get an invoice as well.

**Refunds and disputes** name the payment intent, else the charge: the same key. Only of an invoice from basil on it
is another one, and `invoice_payment.paid` (from 2025-05-28.basil on) says which: the intent is a name of the invoice.

Sources (Stripe documentation, read in November 2026):
https://docs.stripe.com/event-destinations/eventbridge
https://docs.stripe.com/changelog/basil/2025-03-31/add-support-for-multiple-partial-payments-on-invoices
https://docs.stripe.com/changelog/basil/2025-03-31/invoice-tax-configurations
https://docs.stripe.com/changelog/basil/2025-05-28/partial-payments
https://docs.stripe.com/api/invoices/object, /charges/object and /invoice-payment/object
https://docs.stripe.com/currencies#zero-decimal and #special-cases
https://support.stripe.com/questions/how-metadata-works-with-related-objects
and those named in `lines`, `sessions`, `refunds` and `disputes`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from refledger.adapters.stripe import disputes, payments, refunds, sessions
from refledger.adapters.stripe.nodes import SYSTEM, Node
from refledger.domain.payment_events import PaymentEvent, Skipped

__all__ = ["READERS", "SOURCE_PREFIX", "SYSTEM", "read"]

SOURCE_PREFIX: Final = "aws.partner/stripe.com/"  # the rest names the event destination

# The types of events that say anything of a payment. `charge.dispute.funds_withdrawn`, `…funds_reinstated` and
# `…updated` are not among them: see `disputes`.
READERS: Final[Mapping[str, Callable[[Node, Node], PaymentEvent | Skipped]]] = MappingProxyType({
    "invoice.paid": payments.of_invoice,
    "charge.succeeded": payments.of_charge,
    "charge.captured": payments.of_charge,
    "charge.updated": payments.of_updated_charge,
    "checkout.session.completed": sessions.completed,
    "checkout.session.async_payment_succeeded": sessions.completed,
    "invoice_payment.paid": payments.alias,
    "charge.refunded": refunds.total,
    "refund.created": refunds.one,
    "refund.updated": refunds.one,
    "refund.failed": refunds.one,
    "charge.refund.updated": refunds.one,
    "charge.dispute.created": disputes.opened,
    "charge.dispute.closed": disputes.closed,
    "charge.dispute.funds_reinstated": disputes.reinstated,
})  # fmt: skip


def read(event: Mapping[str, Any], *, livemode: bool | None) -> PaymentEvent | Skipped:
    """Read what the Stripe Event object `event` comes to.

    `livemode` is the mode that this deployment counts: an event of the other mode is skipped, so that a test card never
    pays anybody. Amounts come back in ISO 4217 minor units. Ids, times and the size of amounts are not yet checked.

    Raises Unreadable for anything that is not understood completely.
    """
    top = Node("detail", event)
    if event.get("object") != "event":
        raise top.wrong("object", "not a Stripe event")
    if top.flag("livemode") is not livemode and livemode is not None:
        return Skipped("TEST_MODE" if livemode else "LIVE_MODE")
    if event.get("account") is not None:
        return Skipped("CONNECTED_ACCOUNT")  # Connect: that money was paid to somebody else
    subject = top.required("data").required("object")
    kind = event.get("type")
    if not isinstance(kind, str) or kind not in READERS:
        raise top.wrong("type", "nothing about a payment")
    return READERS[kind](top, subject)
