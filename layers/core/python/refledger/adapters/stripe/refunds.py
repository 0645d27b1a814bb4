"""Refunds, told twice: as the Refund itself, and as the sum that a charge has been refunded by now.

Either alone is enough, and both together count once: what counts is the larger of the two sums. Which events there
are depends on the version: until 2024-10-28.acacia a refund of a charge is told by `charge.refunded` only, and
`charge.refund.updated` tells what became of it; from then on `refund.created`, `refund.updated` and `refund.failed`
are sent for all refunds as well.

A refund counts from its beginning (`pending`), because the money is on its way, and no longer once it has `failed` or
was `canceled`: Stripe has put it back into the owner's balance. One that waits for the customer (`requires_action`)
has not moved yet.

**Money that was never taken is not refunded.** Before basil Stripe makes a Refund also of the rest of a capture in
part, and of a reservation that is given up. The sum of a charge is rid of it here. A Refund does not say which it is,
so the payment says how much of it there is (`PaymentReceived.uncaptured`).

Sources (Stripe documentation, read in November 2026):
https://docs.stripe.com/api/refunds/object and https://docs.stripe.com/refunds#failed-refunds
https://docs.stripe.com/changelog/acacia/2024-10-28/refund-webhook-update
https://docs.stripe.com/changelog/basil/2025-03-31/remove-refund-from-partial-capture-and-payment-cancellation-flow
"""

from __future__ import annotations

from typing import Final

from refledger.adapters.stripe.nodes import SYSTEM, Node, money, payment_key
from refledger.adapters.stripe.payments import uncaptured
from refledger.domain.payment_events import RefundReceived, RefundTotal, Skipped

_FAILED: Final = {"pending": False, "succeeded": False, "failed": True, "canceled": True}


def total(event: Node, charge: Node) -> RefundTotal | Skipped:
    """Read `charge.refunded`: all refunds of the charge so far together."""
    if not charge.flag("captured") and not charge.integer("amount_captured"):
        return Skipped("NOT_CAPTURED")  # a reservation was given up
    refunded = charge.integer("amount_refunded")
    if refunded < 0:
        raise charge.wrong("amount_refunded", "negative")
    refunded -= uncaptured(charge)
    if refunded <= 0:
        return Skipped("NOTHING_REFUNDED")
    currency, amount = money(charge, refunded)
    return RefundTotal(
        system=SYSTEM,
        payment_id=payment_key(charge) or charge.text("id"),
        total=amount,
        currency=currency,
        occurred_at_ms=1000 * event.integer("created"),
        charge=charge.text("id"),
    )


def one(event: Node, refund: Node) -> RefundReceived | Skipped:
    """Read `refund.created`, `refund.updated`, `refund.failed`, `charge.refund.updated`.

    Its time is the refund's own, so that all of them say the same of it; or, where it failed, that of the event.
    """
    payment = payment_key(refund)
    if payment is None:
        return Skipped("REFUND_OF_NO_PAYMENT")  # of money that a customer has with the owner
    status = refund.text("status")
    if status == "requires_action":
        return Skipped("REFUND_NOT_MADE")
    if status not in _FAILED:
        raise refund.wrong("status", "not one of a refund")
    if refund.fields.get("reason") == "expired_uncaptured_charge":
        return Skipped("NOT_CAPTURED")
    amount = refund.integer("amount")
    if amount <= 0:
        raise refund.wrong("amount", "not above zero")
    currency, amount = money(refund, amount)
    return RefundReceived(
        system=SYSTEM,
        refund_id=refund.text("id"),
        payment_id=payment,
        amount=amount,
        currency=currency,
        occurred_at_ms=1000 * (event if _FAILED[status] else refund).integer("created"),
        failed=_FAILED[status],
        charge=refund.reference("charge") or "",
        told_at_ms=1000 * event.integer("created"),
    )
