"""Why a reward is what it is, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from refledger.domain.explaining import NextStep
from refledger.domain.rewards import BY_HAND
from refledger.domain.rules import RateSource
from refledger.domain.times import iso
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.entry.models.common import View
from refledger.entry.models.refund_views import DisputeView, RefundView
from refledger.entry.models.reward_views import RewardView

if TYPE_CHECKING:
    from refledger.domain.explaining import Capped, Coming, Earned, Explanation, RatedAgain, ReversedPart
    from refledger.domain.payments import Dispute, Refund


class EarnedView(View):
    """amount = min(roundedDown, base - nearerTiers), roundedDown = floor(base * rateBps / 10000) if there is a rate.

    `shipping`: what of the payment was for shipping; it is in `base` where `shippingEarns`.
    """

    base: int
    shipping: int
    shipping_earns: bool
    rate_bps: int | None
    exact: str
    rounded_down: int
    nearer_tiers: int
    amount: int
    text: str

    @classmethod
    def of(cls, earned: Earned) -> Self:
        return cls(
            base=earned.base, shipping=earned.shipping, shipping_earns=earned.shipping_earns,
            rate_bps=earned.rate_bps, exact=earned.exact, rounded_down=earned.rounded_down,
            nearer_tiers=earned.nearer_tiers, amount=earned.amount, text=earned.text,
        )  # fmt: skip


class TakenBackView(View):
    """Of the payment, tax included: gone = min(paid, refunded + disputed + lost), kept = paid - gone.

    Of the reward: reversed = amount - floor(amount * kept / paid), net = amount - reversed.
    """

    paid: int
    refunded: int
    disputed: int
    lost: int
    gone: int
    kept: int
    reversed: int
    net: int
    text: str
    refunds: list[RefundView]
    disputes: list[DisputeView]

    @classmethod
    def of(cls, taken: ReversedPart, refunds: list[Refund], disputes: list[Dispute]) -> Self:
        return cls(
            paid=taken.paid, refunded=taken.refunded, disputed=taken.disputed, lost=taken.lost, gone=taken.gone,
            kept=taken.kept, reversed=taken.reversed, net=taken.net, text=taken.text,
            refunds=[RefundView.of(each) for each in sorted(refunds, key=lambda refund: refund.at_ms)],
            disputes=[DisputeView.of(each) for each in sorted(disputes, key=lambda dispute: dispute.at_ms)],
        )  # fmt: skip


class CapView(View):
    """over = kept - min(cap, kept): of all rewards of the month that are in the balance, as refunds left them.

    `left`: what the cap left of this one, where that was decided for good when it was approved; else null.
    """

    cap: int
    month: str
    kept: int
    over: int
    left: int | None
    text: str

    @classmethod
    def of(cls, capped: Capped) -> Self:
        return cls(
            cap=capped.cap, month=capped.month, kept=capped.kept, over=capped.over, left=capped.left, text=capped.text
        )  # fmt: skip


class RatedAgainView(View):
    """Where a payment came late that the customer had made before, or more was told of its own: what the reward was
    until then, and that payment.
    """

    first_amount: int
    because_of: str
    text: str

    @classmethod
    def of(cls, rated: RatedAgain) -> Self:
        return cls(first_amount=rated.first_amount, because_of=rated.because_of, text=rated.text)


def _source(rule: str) -> RateSource | Literal["by-hand"]:
    return "by-hand" if rule == BY_HAND else RateSource(rule or RateSource.PROGRAM)


class RewardRuleView(View):
    """`source`: program, product or partner, for a first payment or all; `version`: of the program's rules."""

    program_id: str
    version: int
    source: RateSource | Literal["by-hand"]
    product_id: str | None
    tier: int
    text: str


class NextView(View):
    """`at` is null where it hangs on somebody, and not on time."""

    what: NextStep
    at: str | None
    text: str

    @classmethod
    def of(cls, coming: Coming) -> Self:
        return cls(what=coming.what, at=iso(coming.at_ms) if coming.at_ms else None, text=coming.text)


class BookedView(View):
    """The place of the entry in the partner's journal of this currency."""

    currency: str
    version: int


class ExplanationView(View):
    """Why a reward is what it is. `worth`: what of it is in the partner's balance, or was paid from there; `cap.over`
    is taken from all rewards of its month together.
    """

    reward: RewardView
    rule: RewardRuleView
    earned: EarnedView
    rated_again: RatedAgainView | None
    taken_back: TakenBackView
    cap: CapView | None
    granted: int
    worth: int
    booked: BookedView | None
    paid_by: str | None
    payout_status: WithdrawalStatus | None
    next: list[NextView]

    @classmethod
    def of(
        cls,
        explanation: Explanation,
        product_id: str,
        refunds: list[Refund],
        disputes: list[Dispute],
        *,
        staff: bool,
    ) -> Self:
        reward = explanation.reward
        return cls(
            reward=RewardView.of(
                reward, {reward.paid_by: explanation.payout} if explanation.payout else {}, staff=staff
            ),
            rule=RewardRuleView(
                program_id=reward.program_id, version=reward.rule_version, source=_source(reward.rule),
                product_id=product_id or None, tier=reward.tier, text=explanation.rule,
            ),
            earned=EarnedView.of(explanation.earned),
            rated_again=RatedAgainView.of(explanation.rated_again) if explanation.rated_again else None,
            taken_back=TakenBackView.of(explanation.taken, refunds, disputes),
            cap=CapView.of(explanation.capped) if explanation.capped else None,
            granted=explanation.granted,
            worth=explanation.worth,
            booked=BookedView(currency=reward.currency, version=reward.entry) if reward.entry else None,
            paid_by=reward.paid_by or None,
            payout_status=explanation.payout,
            next=[NextView.of(each) for each in explanation.coming],
        )  # fmt: skip
