"""Disputes: opened when a bank asks for money back, closed when it is known who keeps it.

`charge.dispute.created` opens, also for an inquiry (`warning_…`): it takes no money yet, but may become a chargeback
without being created again, and `warning_closed` brings everything back. `charge.dispute.closed` is sent for `won`,
`lost` and `warning_closed`. The types about funds are not read: they tell when Stripe moves the same money, and with
them a dispute would be told twice in different words; `updated` tells of evidence.

A dispute that Stripe `prevented` was either blocked, so that the owner keeps the money, or resolved, which gives it to
the customer. That is in `payment_method_details.card.case_type`; where it is not, the money is taken to be gone.

Sources (Stripe documentation, read in November 2026):
https://docs.stripe.com/api/disputes/object and https://docs.stripe.com/disputes/how-disputes-work
https://docs.stripe.com/api/events/types#event_types-charge.dispute.closed
https://docs.stripe.com/changelog/basil/2025-08-27/add-preventions-to-dispute
"""

from __future__ import annotations

from typing import Final

from refledger.adapters.stripe.nodes import SYSTEM, Node, money, payment_key
from refledger.domain.payment_events import DisputeClosed, DisputeOpened, DisputeOutcome, Skipped

_OUTCOMES: Final = {
    "won": DisputeOutcome.WON,
    "warning_closed": DisputeOutcome.WON,
    "lost": DisputeOutcome.LOST,
    # Versions of old: the charge was refunded, which its refund tells by itself; the dispute takes nothing beside it.
    "charge_refunded": DisputeOutcome.WON,
}


def opened(_: Node, dispute: Node) -> DisputeOpened | Skipped:
    """Read `charge.dispute.created`."""
    if dispute.text("status") == "prevented" and _blocked(dispute):
        return Skipped("DISPUTE_BLOCKED")
    amount = dispute.integer("amount")
    if amount <= 0:
        raise dispute.wrong("amount", "not above zero")
    currency, amount = money(dispute, amount)
    return DisputeOpened(
        system=SYSTEM,
        dispute_id=dispute.text("id"),
        payment_id=_payment(dispute),
        amount=amount,
        currency=currency,
        occurred_at_ms=1000 * dispute.integer("created"),
    )


def closed(event: Node, dispute: Node) -> DisputeClosed:
    """Read `charge.dispute.closed`."""
    status = dispute.text("status")
    if status == "prevented":
        outcome = DisputeOutcome.WON if _blocked(dispute) else DisputeOutcome.LOST
    elif status in _OUTCOMES:
        outcome = _OUTCOMES[status]
    else:
        raise dispute.wrong("status", "not one of a closed dispute")
    return DisputeClosed(
        system=SYSTEM,
        dispute_id=dispute.text("id"),
        payment_id=_payment(dispute),
        outcome=outcome,
        occurred_at_ms=1000 * event.integer("created"),
    )


def reinstated(event: Node, dispute: Node) -> DisputeClosed | Skipped:
    """Read `charge.dispute.funds_reinstated`: how one that was lost is told to be won after all.

    What it has come to is in its status, for funds are also put back of a payment that was refunded in part.
    """
    won = _OUTCOMES.get(dispute.text("status")) is DisputeOutcome.WON
    return closed(event, dispute) if won else Skipped("DISPUTE_NOT_WON")


def _payment(dispute: Node) -> str:
    key = payment_key(dispute)
    if key is None:
        raise dispute.wrong("charge", "missing, and no payment_intent either")
    return key


def _blocked(dispute: Node) -> bool:
    method = dispute.optional("payment_method_details")
    card = method.optional("card") if method else None
    return card is not None and card.fields.get("case_type") == "block"
