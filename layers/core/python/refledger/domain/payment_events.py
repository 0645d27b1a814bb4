"""What an event about a payment says, whoever sent it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from refledger.domain.tellers import Teller


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
    product_id: str = ""  # where the sender names one: a program may have other rules for it
    uncaptured: int = 0  # what was never taken, and the provider nevertheless tells as one of the refunds
    names: tuple[str, ...] = ()  # other ids of the same money in the same system
    lines: tuple[tuple[str, int], ...] = ()  # (product, part of the base) of several: all of it that is not shipping
    shipping: int = 0  # what of the base was paid for shipping
    code: str = ""  # a referral code that came with the payment, as it was typed
    click: str = ""  # id of the click on a share link that the customer came by
    program_said: bool = True  # whether the event names the program
    other_customer_id: str = ""  # looked up where `customer_id` was referred by nobody
    teller: Teller = Teller.ITSELF
    caller: str = ""  # keyed hash of the service that told of it over HTTP; "" where it came by the bus


@dataclass(frozen=True)
class CodeGiven:
    """A customer came with a referral code or by a click, and what they pay is told by itself. `given_in`: id of what
    says so.
    """

    system: str
    given_in: str
    customer_id: str
    code: str
    occurred_at_ms: int
    click: str = ""


@dataclass(frozen=True)
class PaymentSkipped:
    """Money that was paid and does not count by this event: remembered, so that its refunds find it.

    `told`: what the event knows of the money nevertheless, where only its customer is not known.
    """

    system: str
    payment_id: str
    amount: int
    currency: str
    occurred_at_ms: int
    reason: str
    told: PaymentReceived | None = field(default=None, compare=False)


@dataclass(frozen=True)
class RefundReceived:
    """Money that went back to the customer, all or a part. `failed`: it did not arrive, and the owner has it again;
    then `occurred_at_ms` is when it failed.

    `charge`: which charge of the payment it is of, "" where the sender does not say. `told_at_ms`: when this was true
    of it, 0 for `occurred_at_ms`. `sender`: who says so, "" for the payment's own system; each has refund ids of its
    own.
    """

    system: str
    refund_id: str
    payment_id: str
    amount: int  # > 0, in the payment's currency, tax included like the payment's amount
    currency: str
    occurred_at_ms: int
    failed: bool = False
    charge: str = field(default="", compare=False)
    told_at_ms: int = field(default=0, compare=False)
    sender: str = ""


@dataclass(frozen=True)
class RefundTotal:
    """What a provider says is refunded of a charge at that time, all refunds together, those that failed by then not
    among them. Says nothing about which they are. A payment may have several charges, each with a sum of its own.
    """

    system: str
    payment_id: str
    total: int  # >= 0
    currency: str
    occurred_at_ms: int
    charge: str = field(default="", compare=False)  # "" where the sender knows of one sum for the whole payment


@dataclass(frozen=True)
class DisputeOpened:
    """A customer's bank took money back for the time being (a chargeback)."""

    system: str
    dispute_id: str
    payment_id: str
    amount: int  # > 0
    currency: str
    occurred_at_ms: int
    sender: str = ""  # as of a refund


class DisputeOutcome(StrEnum):
    """How a chargeback ended."""

    WON = "WON"  # the owner keeps the money
    LOST = "LOST"  # the customer has it back


@dataclass(frozen=True)
class DisputeClosed:
    system: str
    dispute_id: str
    payment_id: str
    outcome: DisputeOutcome
    occurred_at_ms: int
    sender: str = ""


@dataclass(frozen=True)
class PaymentAlias:
    """Another id under which a provider will name a payment later, in its refunds and disputes."""

    system: str
    alias_id: str
    payment_id: str
    occurred_at_ms: int


@dataclass(frozen=True)
class Skipped:
    """Read, understood, and nothing to do: an invoice's own charge, nothing paid, …"""

    reason: str


PaymentEvent = (
    PaymentReceived
    | CodeGiven
    | PaymentSkipped
    | RefundReceived
    | RefundTotal
    | DisputeOpened
    | DisputeClosed
    | PaymentAlias
)
