"""Who tells of payments, and by what."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, Literal, get_args

OWN_EVENTS, STRIPE, CONVERSIONS = "payments", "stripe", "conversion"  # the systems that tell of payments
Sender = Literal["payments", "stripe"]  # those of them that name a payment by an id of its own
SENDERS: Final[tuple[Sender, ...]] = get_args(Sender)
MAYBE_OF_INVOICE, NO_CUSTOMER = "CHARGE_MAYBE_OF_INVOICE", "NO_CUSTOMER"
# Why an event of a payment did not count although another one of the same money may.
SKIPPED_ONLY = (MAYBE_OF_INVOICE, NO_CUSTOMER)


class Teller(IntEnum):
    """Which of a provider's objects told of a payment. A higher one knows more of the same money, its tax above all."""

    ITSELF = 0  # the payment, in the owner's own events
    CHARGE = 1
    SESSION = 2
    INVOICE = 3
