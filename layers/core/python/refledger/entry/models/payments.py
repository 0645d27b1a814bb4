"""Payments, and what is parked of them, over HTTP. For staff: rewards are shown with staff's notes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field

from refledger.domain.payments import Dispute, Origin, Payment, PaymentKind, Refund
from refledger.domain.rewards import Reward
from refledger.domain.rules import ZeroReason
from refledger.domain.tellers import Sender
from refledger.domain.times import DAY_MS, iso
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.entry.models.common import Body, Capitals, Note, PeriodQuery, Query, View, in_major
from refledger.entry.models.ids import ProgramId
from refledger.entry.models.refund_views import DisputeView, RefundView
from refledger.entry.models.reward_views import RewardView
from refledger.operations.labels import Labels, partner_of


def customer_of(payment: Payment, labels: Labels) -> str | None:
    """Return what the owner calls who paid it; None where that is not known."""
    return labels.customer(payment.referral_id) or labels.customer(payment.id)


ABOUT = {
    PaymentKind.EARLY: "Refunds or disputes of a payment that has not come yet. They are met by it when it comes;"
    " dismissed, they only leave this list.",
    PaymentKind.FOREIGN: "A payment in a currency that its program does not take. Nothing is converted: let the program"
    " take the currency and accept the payment, or dismiss it, and nobody earns from it.",
}
SUSPECT = (
    "Before the payment came a refund or dispute of it in another currency. Nothing is converted, so it takes nothing:"
    " look whether it was meant for another payment, and dismiss it."
)
ACTIONS = {PaymentKind.EARLY: ["dismiss"], PaymentKind.FOREIGN: ["accept", "dismiss"]}


class PaymentQuery(Query):
    """`source`: who named the payment; `paymentId` is then the id in the event, such as an invoice's at Stripe."""

    source: Sender | None = None


class PaymentsQuery(PeriodQuery):
    """Payments from which somebody may earn, those that came last first. `from`, `to`: days in UTC, both included, on
    which they came.

    `origin`: only payments by customers, conversions of referrals, or what staff gave by hand. `state`: EARNED, or
    UNREFERRED: those of customers whom nobody had referred, kept for 540 days. `cursor`: the `nextCursor` of the page
    before. Where `origin` fits few of many, a page may be short and has one nevertheless.
    """

    program_id: ProgramId
    state: Annotated[Literal["EARNED", "UNREFERRED"], Capitals] = "EARNED"
    origin: Annotated[Origin, Capitals] | None = None


class ShareView(View):
    """What a reward was of it, before anything was taken back."""

    reward_id: str
    amount: int


class PaymentLineView(View):
    """A payment in a list. `gone`: what of `amount` went back to the customer or is disputed. `toldBy`: which system
    told of it, payments (your events), stripe or conversion; null for what staff gave. `externalId`: what that system
    calls it; null for those that came before this was kept. `customerId`: what you call who paid, null where that is
    sealed, was forgotten, or came before this was kept; `customerHash`: by which payments of one customer are known to
    be so in any case. `partnerId`: whose customer it is, with name and company for people of the staff.
    """

    id: str
    origin: Origin
    told_by: str | None
    external_id: str | None
    customer_id: str | None
    customer_hash: str | None
    partner_id: str | None
    partner_name: str | None
    partner_company: str | None
    program_id: str
    amount: int
    base: int
    currency: str
    occurred_at: str
    recorded_at: str
    referral_id: str | None
    gone: int
    shares: list[ShareView]
    amount_decimal = in_major("amount")
    base_decimal = in_major("base")
    gone_decimal = in_major("gone")

    @classmethod
    def of(cls, payment: Payment, labels: Labels) -> Self:
        partner_id = partner_of(payment)
        return cls(
            id=payment.id,
            origin=payment.origin,
            told_by=payment.told_in or None,
            external_id=payment.external_id or None,
            customer_id=customer_of(payment, labels),
            customer_hash=payment.customer or None,
            partner_id=partner_id or None,
            partner_name=labels.name(partner_id),
            partner_company=labels.company(partner_id),
            program_id=payment.program_id,
            amount=payment.amount,
            base=payment.base,
            currency=payment.currency,
            occurred_at=iso(payment.occurred_at_ms),
            recorded_at=iso(payment.created_at_ms),
            referral_id=payment.referral_id or None,
            gone=payment.back.of(payment.amount),
            shares=[ShareView(reward_id=id, amount=amount) for id, amount in payment.shares],
        )


class PossibleDuplicateView(View):
    """A payment that may be the same money as another one of the customer's, which another system told of.

    What `payment` earned is held since it came, until a person says; what `mayBe` earned goes its way.
    """

    payment: PaymentLineView
    may_be: PaymentLineView

    @classmethod
    def of(cls, payment: Payment, twin: Payment, labels: Labels) -> Self:
        return cls(payment=PaymentLineView.of(payment, labels), may_be=PaymentLineView.of(twin, labels))


class DuplicateBody(Body):
    """`verdict`: ANOTHER, it is a payment of its own; SAME, it is the one that it may be. `note`: how you know."""

    verdict: Annotated[Literal["ANOTHER", "SAME"], Capitals]
    note: Annotated[Note, Field(min_length=1, examples=["two orders, an hour apart"])]


class ParkedView(View):
    """What waits at the door, since `parkedAt`. `amount`: in minor units; null where the payment itself has not come
    yet.
    """

    id: str
    kind: PaymentKind
    told_by: str | None
    external_id: str | None
    customer_id: str | None
    customer_hash: str | None
    program_id: str | None
    amount: int | None
    currency: str
    occurred_at: str | None
    parked_at: str
    age_days: int
    refunded: int
    disputed: int
    lost: int
    about: str
    actions: list[str]
    amount_decimal = in_major("amount", told=str | None)
    refunded_decimal = in_major("refunded")
    disputed_decimal = in_major("disputed")
    lost_decimal = in_major("lost")

    @classmethod
    def of(cls, payment: Payment, labels: Labels, now_ms: int) -> Self:
        came = payment.kind is not PaymentKind.EARLY
        return cls(
            id=payment.id,
            kind=payment.kind,
            told_by=(payment.told_in or None) if came else None,
            external_id=payment.external_id or None,
            customer_id=customer_of(payment, labels),
            customer_hash=payment.customer or None,
            program_id=payment.program_id or None,
            amount=payment.amount if came else None,
            currency=payment.currency,
            occurred_at=iso(payment.occurred_at_ms) if came else None,
            parked_at=iso(payment.created_at_ms),
            age_days=max(0, now_ms - payment.created_at_ms) // DAY_MS,
            refunded=payment.back.refunded,
            disputed=payment.back.disputed,
            lost=payment.back.lost,
            about=ABOUT.get(payment.kind, SUSPECT),
            actions=ACTIONS.get(payment.kind, ["dismiss"]),
        )


class UnearnedView(View):
    """A tier that has a partner and earned nothing."""

    tier: int
    why: ZeroReason


class PaymentView(View):
    """A payment with what it earned whom and what of it came back.

    `kind`: PAYMENT; IGNORED (nobody earns from it, `reason` says why); EARLY and FOREIGN are parked.
    `gone`: what of `amount` went back to the customer or is disputed, never more than it. `shipping`: what of `base`
    was paid for shipping. `possibleDuplicateOf`: the payment that it may be, as long as nobody
    has said; `clearedBy`: who said whether it is. `caller`: the service that told of it over HTTP, on whose word alone
    it earns no more in a day than `salesLimit`; `leads` where it earns because a CRM's conversion revived its referral.
    """

    people = ("cleared_by", "by", "caller")

    id: str
    kind: PaymentKind
    origin: Origin
    told_by: str | None
    caller: str | None
    caller_name: str | None = None
    external_id: str | None
    customer_id: str | None
    customer_hash: str | None
    possible_duplicate_of: str | None
    cleared_by: str | None
    cleared_by_name: str | None = None
    program_id: str | None
    product_id: str | None
    amount: int
    base: int
    shipping: int
    currency: str
    occurred_at: str | None
    recorded_at: str
    referral_id: str | None
    reason: str | None
    gone: int
    refunded: int
    disputed: int
    lost: int
    note: str | None
    by: str | None
    by_name: str | None = None
    rewards: list[RewardView]
    unearned: list[UnearnedView]
    refunds: list[RefundView]
    disputes: list[DisputeView]
    amount_decimal = in_major("amount")
    shipping_decimal = in_major("shipping")
    base_decimal = in_major("base")
    gone_decimal = in_major("gone")
    refunded_decimal = in_major("refunded")
    disputed_decimal = in_major("disputed")
    lost_decimal = in_major("lost")

    @classmethod
    def of(
        cls, payment: Payment, rewards: list[Reward], payouts: Mapping[str, WithdrawalStatus], refunds: list[Refund],
        disputes: list[Dispute], labels: Labels,
    ) -> Self:  # fmt: skip
        back = payment.back
        return cls(
            id=payment.id,
            kind=payment.kind,
            origin=payment.origin,
            told_by=payment.told_in or None,
            caller=payment.caller or None,
            external_id=payment.external_id or None,
            customer_id=customer_of(payment, labels),
            customer_hash=payment.customer or None,
            possible_duplicate_of=payment.twin or None,
            cleared_by=payment.cleared_by or None,
            program_id=payment.program_id or None,
            product_id=payment.product_id or None,
            amount=payment.amount,
            base=payment.base,
            shipping=payment.shipping,
            currency=payment.currency,
            occurred_at=iso(payment.occurred_at_ms) if payment.occurred_at_ms else None,
            recorded_at=iso(payment.created_at_ms),
            referral_id=payment.referral_id or None,
            reason=payment.reason or None,
            gone=back.of(payment.amount),
            refunded=back.refunded,
            disputed=back.disputed,
            lost=back.lost,
            note=payment.note or None,
            by=payment.by or None,
            rewards=[RewardView.of(reward, payouts, staff=True, labels=labels) for reward in rewards],
            unearned=[UnearnedView(tier=tier, why=ZeroReason(why)) for tier, why in payment.unearned],
            refunds=[RefundView.of(each) for each in sorted(refunds, key=lambda refund: refund.at_ms)],
            disputes=[DisputeView.of(each) for each in sorted(disputes, key=lambda dispute: dispute.at_ms)],
        )
