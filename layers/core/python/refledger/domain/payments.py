"""What an event about a payment comes to, whoever sent it."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_PROGRAM = "default"


@dataclass(frozen=True)
class PaymentReceived:
    """Money that a customer paid the owner."""

    system: str  # "payments" for our own events, "stripe": ids of different systems never meet
    payment_id: str  # one per movement of money
    customer_id: str
    program_id: str
    amount: int  # ISO 4217 minor units: what the customer paid, after discount, tax included
    base: int  # what commission is paid on: net of tax and discount, 0 <= base <= amount
    currency: str  # ISO 4217, capitals
    occurred_at_ms: int


@dataclass(frozen=True)
class Skipped:
    """Read, understood, and nothing to do: an invoice's own charge, nothing paid, …"""

    reason: str
