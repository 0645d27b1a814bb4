"""Why a reward is what it is: its arithmetic in numbers and in words, and what happens next.

Numbers are minor units; texts show them in major units, worked out with integers only.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from refledger.domain.caps import CappedMonth, month_of
from refledger.domain.currencies import decimal, exponent, money
from refledger.domain.journal import Balance
from refledger.domain.partners import Partner
from refledger.domain.payments import Payment
from refledger.domain.rewards import (
    BY_HAND,
    DISPUTED,
    POSSIBLE_DUPLICATE,
    SECOND_PERSON,
    Cancelled,
    Reward,
    RewardStatus,
    granted,
    net,
    owed,
    reversal,
    worth,
)
from refledger.domain.rules import BASIS_POINTS, RateSource
from refledger.domain.times import day, iso
from refledger.domain.withdrawals import WithdrawalStatus

RATE_DECIMALS = 2  # of a per cent, in basis points
BASE_DECIMALS = 4  # of a whole, in basis points

RULES: dict[str, str] = {
    RateSource.PROGRAM: "the program's rule",
    RateSource.PROGRAM_FIRST: "the program's rule for a customer's first payment",
    RateSource.PRODUCT: "the program's rule for this product",
    RateSource.PRODUCT_FIRST: "the program's rule for a customer's first payment of this product",
    RateSource.LINES: "the rules for each of the products of the payment",
    RateSource.PARTNER: "the partner's own rate",
    RateSource.PARTNER_PRODUCT: "the partner's own rate for this product",
    BY_HAND: "no rule: a person of the owner's gave it",
}


@dataclass(frozen=True)
class Earned:
    """amount = min(rounded_down, base - nearer_tiers); of a flat amount only `amount` is known."""

    base: int
    shipping: int  # what of the payment was for shipping
    shipping_earns: bool  # whether the base holds it
    rate_bps: int | None  # None: a flat amount
    exact: str  # before it was rounded, in major units
    rounded_down: int
    nearer_tiers: int  # what nearer tiers earn of the same payment: together never more than the base
    amount: int
    text: str


@dataclass(frozen=True)
class ReversedPart:
    """reversed = amount - floor(amount * kept / paid), where kept = paid - gone and
    gone = min(paid, refunded + disputed + lost).

    All but `reversed` and `net` are of the payment, tax included.
    """

    paid: int
    refunded: int
    disputed: int  # open disputes
    lost: int
    gone: int
    kept: int
    reversed: int
    net: int
    text: str


@dataclass(frozen=True)
class Capped:
    """over = kept - min(cap, kept), where `kept` is what refunds and disputes left of all rewards of the month that are
    in the balance; where the month knows other caps, too, see `caps.py`.

    `left`: what the cap left of this one, where that was decided for good; it is then not among `kept`.
    """

    cap: int
    month: str  # of payments, UTC: `2026-11`
    kept: int
    over: int
    left: int | None
    text: str


@dataclass(frozen=True)
class RatedAgain:
    """`first_amount`: before a payment that the customer had made earlier came, or before more was known of its own;
    `because_of`: that payment.
    """

    first_amount: int
    because_of: str
    text: str


class NextStep(StrEnum):
    """What happens to a reward next."""

    MATURES = "MATURES"  # comes into the balance at its time
    GOES_TO_REVIEW = "GOES_TO_REVIEW"  # waits for a person from its time on
    WILL_BE_CANCELLED = "WILL_BE_CANCELLED"  # nothing of it is left: it is cancelled at its time
    WAITS_FOR_DISPUTE = "WAITS_FOR_DISPUTE"  # is held until a chargeback is decided
    WAITS_FOR_RELEASE = "WAITS_FOR_RELEASE"  # is held until a person lets it go
    WAITS_FOR_APPROVAL = "WAITS_FOR_APPROVAL"  # is due, and a person must approve it
    WAITS_FOR_PAYOUT = "WAITS_FOR_PAYOUT"  # is in the balance, and can be withdrawn
    WORKS_OFF_DEBT = "WORKS_OFF_DEBT"  # is in the balance, and what the partner owes is more
    MAY_COME_BACK = "MAY_COME_BACK"  # nothing of it is left, unless a refund fails
    CAME_BACK = "CAME_BACK"  # the payout was returned: it is available again
    NOTHING = "NOTHING"  # stays as it is


@dataclass(frozen=True)
class Coming:
    """One thing that happens next; `at_ms` is None where it hangs on somebody."""

    what: NextStep
    text: str
    at_ms: int | None = None


@dataclass(frozen=True)
class Explanation:
    reward: Reward
    rule: str
    earned: Earned
    taken: ReversedPart
    capped: Capped | None
    granted: int
    worth: int
    coming: list[Coming]
    payout: WithdrawalStatus | None = None
    rated_again: RatedAgain | None = None


def agree(reward: Reward, payment: Payment) -> bool:
    """Return whether both are of one moment: what is taken back follows from the payment."""
    return reward.reversed == reversal(reward.amount, payment.amount, payment.back.of(payment.amount))


def explain(
    reward: Reward,
    payment: Payment,
    partner: Partner | None,
    balance: Balance | None,
    now_ms: int,
    month: CappedMonth | None = None,
    payout: WithdrawalStatus | None = None,
) -> Explanation:
    """Explain how a reward came to its amount, what became of it, and what comes next.

    `partner` where the reward waits for its time, `balance` where it is in there; the others need neither. `month`: the
    one that counts it, where it is under a cap. `payout`: how the withdrawal stands that paid it.
    """
    return Explanation(
        reward=reward,
        rule=RULES.get(reward.rule, RULES[RateSource.PROGRAM]),
        earned=earned(reward, payment),
        taken=taken(reward, payment),
        capped=capped(reward, month),
        granted=granted(reward),
        worth=worth(reward),
        coming=coming(reward, partner, balance, now_ms, payout),
        payout=payout,
        rated_again=rated_again(reward),
    )


def rated_again(reward: Reward) -> RatedAgain | None:
    """Return what an earlier payment that came later changed of it, or what was told later of its own.

    None where neither did.
    """
    if not reward.because_of:
        return None
    was = money(reward.first_amount, reward.currency)
    if reward.because_of == reward.payment:
        text = f"it was {was} until more was known of its payment: what was captured of it, its tax, its shipping"
        return RatedAgain(reward.first_amount, reward.because_of, text)
    text = (
        f"it was {was} until payment {reward.because_of} came, which the"
        " customer had made before: what a payment earns follows from when the customer's payments were made"
    )
    return RatedAgain(reward.first_amount, reward.because_of, text)


def earned(reward: Reward, payment: Payment) -> Earned:
    """Tell how the amount came out of the base."""
    ids = [id for id, _ in payment.shares]
    before = payment.shares[: ids.index(reward.id)] if reward.id in ids else ()
    nearer, digits = sum(amount for _, amount in before), exponent(reward.currency)
    left_out = payment.shipping > 0 and reward.base == payment.base - payment.shipping
    if not reward.amount:
        exact, rounded, text = decimal(0, digits), 0, "nothing: the payment is beyond those of the customer that earn"
    elif not reward.rate_bps:
        exact, rounded = decimal(reward.amount, digits), reward.amount
        text = f"a flat amount of {money(reward.amount, reward.currency)}"
        if reward.rule == BY_HAND:
            text = f"{money(reward.amount, reward.currency)}, given by a person of the owner's"
        elif reward.rule == RateSource.LINES:
            text = f"{money(reward.amount, reward.currency)}, of each product by its rule"
        elif nearer + reward.amount == reward.base:
            text += ": no more is left of the payment"
    else:
        product, rounded = reward.base * reward.rate_bps, reward.base * reward.rate_bps // BASIS_POINTS
        exact = decimal(product, digits + BASE_DECIMALS, digits)
        rate = decimal(reward.rate_bps, RATE_DECIMALS)
        text = f"{rate} % of {money(reward.base, reward.currency)} = {exact}"
        if left_out:
            text = (
                f"{decimal(payment.base, digits)} less {decimal(payment.shipping, digits)} for shipping, which earns"
                f" nothing by the program's terms; {text}"
            )
        if rounded * BASIS_POINTS != product:
            text += f", rounded down to {decimal(rounded, digits)}"
        if reward.amount != rounded:
            text += f", of which nearer tiers left {decimal(reward.amount, digits)}"
    return Earned(
        reward.base, payment.shipping, not left_out, reward.rate_bps or None, exact, rounded, nearer,
        reward.amount, text,
    )  # fmt: skip


def taken(reward: Reward, payment: Payment) -> ReversedPart:
    """Tell what refunds and disputes have taken so far."""
    back, paid, currency = payment.back, payment.amount, reward.currency
    gone, digits = back.of(paid), exponent(reward.currency)
    if back.elsewhere:
        text = (
            "the payment was counted twice, under two names: all of the reward is taken back, and the other one stays"
        )
    elif gone == 0:
        text = "nothing of the payment went back"
    elif gone == paid:
        text = f"all of the payment ({money(paid, currency)}) went back, and all of the reward with it"
    else:
        all, kept = decimal(paid, digits), decimal(paid - gone, digits)
        text = (
            f"{money(gone, currency)} of {all} went back: {decimal(reward.amount, digits)} * {kept} / {all},"
            f" rounded down, leaves {decimal(net(reward), digits)}; {decimal(reward.reversed, digits)} is taken back"
        )
    sums = (back.refunded, back.disputed, back.lost)
    return ReversedPart(paid, *sums, gone, paid - gone, reward.reversed, net(reward), text)


def capped(reward: Reward, counted: CappedMonth | None) -> Capped | None:
    """Tell what a monthly cap has to do with it; None where there is none."""
    if reward.cap is None:
        return None
    month = day(reward.earned_at_ms)
    month, digits = f"{month[:4]}-{month[4:6]}", exponent(reward.currency)
    text = f"the program pays a partner up to {money(reward.cap, reward.currency)} for payments of {month}"
    kept, over = (sum(counted.kept.values()), counted.over) if counted else (0, 0)
    if reward.limit is not None:
        text += f"; {decimal(reward.limit, digits)} of that went to this reward"
    elif over:
        text += f"; rewards of {decimal(kept, digits)} were kept, so {decimal(over, digits)} of them is over the cap"
    else:
        text += f"; rewards of {decimal(kept, digits)} are in the balance so far"
    return Capped(reward.cap, month, kept, over, reward.limit, text)


def coming(
    reward: Reward, partner: Partner | None, balance: Balance | None, now_ms: int,
    payout: WithdrawalStatus | None = None,
) -> list[Coming]:  # fmt: skip
    """Tell what happens next, and when.

    `payout`: how the withdrawal stands that paid it.
    """
    match reward.status:
        case RewardStatus.CANCELLED:
            return [_cancelled(reward)]
        case RewardStatus.PENDING | RewardStatus.CALCULATED if reward.held:
            return _held(reward, now_ms)
        case RewardStatus.PENDING:
            return [_pending(reward, partner, now_ms)]
        case RewardStatus.CALCULATED:
            return [Coming(NextStep.WAITS_FOR_APPROVAL, "its time has come; a person of the owner's has to approve it")]
        case RewardStatus.APPROVED | RewardStatus.PAID:
            return _in_balance(reward, balance, payout)


def _cancelled(reward: Reward) -> Coming:
    match reward.cancelled:
        case Cancelled.REFUNDED:
            return Coming(
                NextStep.MAY_COME_BACK,
                "nothing is left of it; it comes back only if a refund of its payment should fail",
            )
        case Cancelled.DUPLICATE:
            text = "the payment is one that was counted under another name too: it counts once, and this was taken back"
            return Coming(NextStep.NOTHING, text)
        case Cancelled.UNEARNED:
            text = "an earlier payment of the customer came later, and this one is beyond what the rule pays"
            return Coming(NextStep.NOTHING, text)
        case Cancelled.IDLE:
            text = "the partner, or the program, was not active when the customer paid, so it was never earned"
            return Coming(NextStep.NOTHING, text)
        case Cancelled.BY_HAND | None:
            return Coming(NextStep.NOTHING, "a person cancelled it, for good")


def _held(reward: Reward, now_ms: int) -> list[Coming]:
    waits_ms = reward.matures_at_ms if reward.status is RewardStatus.PENDING and reward.matures_at_ms > now_ms else None
    then = f", not before {iso(waits_ms)}" if waits_ms else ", at once"
    found = []
    if SECOND_PERSON in reward.held:
        text = (
            "it is more than one person, or a machine, may make in a day: it is held until another person releases it"
        )
        found.append(Coming(NextStep.WAITS_FOR_RELEASE, text))
    if DISPUTED in reward.held:
        text = "the customer's bank disputes the payment; what it decides becomes of the reward"
        found.append(Coming(NextStep.WAITS_FOR_DISPUTE, f"{text}, and what is left of it goes on{then}"))
    if POSSIBLE_DUPLICATE in reward.held:
        text = (
            f"the payment may be the same money as payment {reward.twin}, which another system told of: of the two the"
            " first earns, and this is held until a person of the owner's says whether they are one"
        )
        found.append(Coming(NextStep.WAITS_FOR_RELEASE, text))
    if set(reward.held) - {DISPUTED, SECOND_PERSON, POSSIBLE_DUPLICATE}:
        text = "it is held until a person of the owner's releases it; no time does; then it goes on"
        found.append(Coming(NextStep.WAITS_FOR_RELEASE, text + then))
    return found


def _pending(reward: Reward, partner: Partner | None, now_ms: int) -> Coming:
    at_ms = max(reward.matures_at_ms, now_ms)
    when = f"at {iso(at_ms)}" if reward.matures_at_ms > now_ms else "with the next run, within minutes"
    if partner is not None and not partner.earns_at(reward.earned_at_ms):
        text = f"it is cancelled {when}: the partner was not active when the customer paid"
        return Coming(NextStep.WILL_BE_CANCELLED, text, at_ms)
    if reward.review:
        return Coming(
            NextStep.GOES_TO_REVIEW, f"{when} its time has come; then a person of the owner's approves it", at_ms
        )
    less = ", less what the monthly cap takes" if month_of(reward) else ""
    text = f"{money(granted(reward), reward.currency)}{less} comes into the balance {when}"
    return Coming(NextStep.MATURES, text, at_ms)


def _in_balance(reward: Reward, balance: Balance | None, payout: WithdrawalStatus | None) -> list[Coming]:
    found = []
    if DISPUTED in reward.held:
        text = "the customer's bank disputes the payment: what is taken back for it comes again if the owner wins"
        found.append(Coming(NextStep.WAITS_FOR_DISPUTE, text))
    if balance is not None and balance.available < 0:
        debt = money(-balance.available, balance.currency)
        text = f"the partner owes {debt}; nothing can be withdrawn until later rewards have worked it off"
        found.append(Coming(NextStep.WORKS_OFF_DEBT, text))
    if owed(reward):
        text = "it came into the balance, and is marked as paid once payouts have covered it, the oldest approval first"
        found.append(Coming(NextStep.WAITS_FOR_PAYOUT, text))
    elif reward.status is RewardStatus.PAID and payout is WithdrawalStatus.RETURNED:
        text = "the payout that paid it came back: its money is available again, and can be paid out anew"
        found.append(Coming(NextStep.CAME_BACK, text))
    elif reward.status is RewardStatus.PAID:
        text = "its money has left; what a later refund or dispute takes back is taken from the balance"
        found.append(Coming(NextStep.NOTHING, text))
    else:
        found.append(Coming(NextStep.NOTHING, "nothing of it is left to be paid"))
    return found
