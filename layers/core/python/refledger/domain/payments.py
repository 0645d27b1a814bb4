"""What an event about a payment comes to, whoever sent it; and what of a payment is gone again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum


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


@dataclass(frozen=True)
class RefundReceived:
    """Money that went back to the customer, all or a part. `failed`: it did not arrive, and the owner has it again;
    then `occurred_at_ms` is when it failed.
    """

    system: str
    refund_id: str
    payment_id: str
    amount: int  # > 0, in the payment's currency, tax included like the payment's amount
    currency: str
    occurred_at_ms: int
    failed: bool = False


@dataclass(frozen=True)
class RefundTotal:
    """What a provider says is refunded of a payment at that time, all refunds together, those that failed by then not
    among them. Says nothing about which they are.
    """

    system: str
    payment_id: str
    total: int  # >= 0
    currency: str
    occurred_at_ms: int


@dataclass(frozen=True)
class DisputeOpened:
    """A customer's bank took money back for the time being (a chargeback)."""

    system: str
    dispute_id: str
    payment_id: str
    amount: int  # > 0
    currency: str
    occurred_at_ms: int


class DisputeOutcome(StrEnum):
    WON = "WON"  # the owner keeps the money
    LOST = "LOST"


@dataclass(frozen=True)
class DisputeClosed:
    system: str
    dispute_id: str
    payment_id: str
    outcome: DisputeOutcome
    occurred_at_ms: int


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


PaymentEvent = PaymentReceived | RefundReceived | RefundTotal | DisputeOpened | DisputeClosed | PaymentAlias


class PaymentKind(StrEnum):
    PAYMENT = "PAYMENT"  # somebody may earn from it
    IGNORED = "IGNORED"  # nobody earns from it; known, so that its refund is not taken for one that came early
    EARLY = "EARLY"  # parked: refunds or disputes of a payment that has not come yet
    FOREIGN = "FOREIGN"  # parked: in a currency that the program does not take
    ALIAS = "ALIAS"  # another name of a payment


PARKED = (PaymentKind.EARLY, PaymentKind.FOREIGN)


class Origin(StrEnum):
    """What made a payment that somebody earns from."""

    PAYMENT = "PAYMENT"  # money that a customer paid
    CONVERSION = "CONVERSION"  # a referral that converted, for the value that was told
    BY_HAND = "BY_HAND"  # one of the staff, for one partner


@dataclass(frozen=True)
class TakenBack:
    """What of a payment is gone: sums, so that the order in which they came does not matter. Minor units."""

    refunds: int = 0  # refunds that are known one by one, without those that failed
    failed: int = 0  # refunds that failed since a provider told the sum in `total`
    total: int = 0  # the latest sum of refunds that a provider has told
    disputed: int = 0  # open disputes
    lost: int = 0  # disputes that were lost
    uncaptured: int = 0  # what of `refunds` is no refund, because it was never paid
    total_at_ms: int = 0  # when that sum was told

    @property
    def refunded(self) -> int:
        """A provider's sum counts where it says more than the refunds that are known one by one, and never twice."""
        return max(0, self.refunds - self.uncaptured, self.total - self.failed)

    def of(self, paid: int) -> int:
        """How much of `paid` is gone; never more than it."""
        return min(paid, self.refunded + self.disputed + self.lost)


NOTHING = TakenBack()


@dataclass(frozen=True)
class Payment:
    """What is known of a payment. Of an EARLY one only what came first: its currency and what of it is gone.

    The currency is "" where only the end of a dispute came, which does not say it.
    """

    id: str
    kind: PaymentKind
    currency: str
    program_id: str = ""
    amount: int = 0
    base: int = 0
    customer: str = ""  # keyed hash
    product_id: str = ""
    occurred_at_ms: int = 0
    created_at_ms: int = 0
    due_ms: int = 0
    referral_id: str = ""
    shares: tuple[tuple[str, int], ...] = ()  # (reward id, amount before anything was taken back), nearest tier first
    unearned: tuple[tuple[int, str], ...] = ()  # (tier, why) of tiers that have a partner and earned nothing
    back: TakenBack = field(default_factory=TakenBack)
    body: str = ""  # hash of what the event said
    reason: str = ""  # why nobody earns from it
    target: str = ""  # of an ALIAS: the payment
    note: str = ""  # what a person said who took it off the list of what is parked
    by: str = ""
    revision: int = 1  # counts its changes: each is made under the one that was read
    origin: Origin = Origin.PAYMENT


def said(payment: Payment) -> str:
    """Hash of what its event said of it: tells another content under the same id, and an edit of what is kept."""
    parts = [
        payment.customer, payment.program_id, payment.product_id, payment.amount, payment.base, payment.currency,
        *([payment.origin, payment.referral_id] if payment.origin is not Origin.PAYMENT else []),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Refund:
    """A refund that is known by itself. `failed`: it did not arrive, and takes nothing from anybody."""

    hash: str  # keyed hash of its id
    amount: int
    currency: str
    at_ms: int
    failed: bool
    failed_at_ms: int = 0


class DisputeStatus(StrEnum):
    OPEN = "OPEN"
    WON = "WON"
    LOST = "LOST"


@dataclass(frozen=True)
class Dispute:
    """`amount` is 0 as long as only its end is known."""

    hash: str  # keyed hash of its id
    payment: str
    amount: int
    currency: str
    status: DisputeStatus
    at_ms: int

    def joined(self, other: Dispute) -> Dispute:
        """The same dispute as it was told twice: who knows the amount says it, and an end stands."""
        told = self if self.amount else other
        return replace(told, status=other.status if self.status is DisputeStatus.OPEN else self.status)


def summed(refunds: Iterable[Refund], disputes: Iterable[Dispute], told: TakenBack = NOTHING) -> TakenBack:
    """What these come to, one by one, beside the sum that was `told`."""
    back = TakenBack(total=told.total, total_at_ms=told.total_at_ms, uncaptured=told.uncaptured)
    for refund in refunds:
        if refund.failed:
            after = refund.failed_at_ms >= told.total_at_ms
            back = replace(back, failed=back.failed + refund.amount) if after else back
        else:
            back = replace(back, refunds=back.refunds + refund.amount)
    for dispute in disputes:
        if dispute.status is DisputeStatus.OPEN:
            back = replace(back, disputed=back.disputed + dispute.amount)
        elif dispute.status is DisputeStatus.LOST:
            back = replace(back, lost=back.lost + dispute.amount)
    return back
