"""What one tier earns from one payment, and the life of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from refledger.domain import times

if TYPE_CHECKING:
    from refledger.domain.payments import TakenBack


class RewardStatus(StrEnum):
    """How far a reward is."""

    PENDING = "PENDING"  # waits until its time
    CALCULATED = "CALCULATED"  # its time has come, and the program wants a person to approve it
    APPROVED = "APPROVED"  # in the partner's balance
    PAID = "PAID"  # its money has left
    CANCELLED = "CANCELLED"  # nothing of it is left; `cancelled` says why


# from → to. Money moves where the worth changes, in the transaction that changes it.
TRANSITIONS: dict[RewardStatus, frozenset[RewardStatus]] = {
    RewardStatus.PENDING: frozenset({RewardStatus.CALCULATED, RewardStatus.APPROVED, RewardStatus.CANCELLED}),
    RewardStatus.CALCULATED: frozenset({RewardStatus.APPROVED, RewardStatus.CANCELLED}),
    RewardStatus.APPROVED: frozenset({RewardStatus.PAID, RewardStatus.CANCELLED}),
    RewardStatus.PAID: frozenset(),
    # only where a refund cancelled it, and the refund failed; or it earns again
    RewardStatus.CANCELLED: frozenset({RewardStatus.PENDING}),
}
IN_BALANCE = (RewardStatus.APPROVED, RewardStatus.PAID)


class Cancelled(StrEnum):
    """Why a reward was cancelled. What a person cancelled stays so, whatever becomes of the payment."""

    REFUNDED = "REFUNDED"  # refunds or disputes took all of the payment
    DUPLICATE = "DUPLICATE"  # the payment is known under another name, and counted as that one
    BY_HAND = "BY_HAND"  # a person cancelled it
    IDLE = "IDLE"  # the partner earned nothing at that time
    UNEARNED = "UNEARNED"  # an earlier payment of the customer came later: this one is beyond what the rule pays


DISPUTED = "DISPUTE"  # the reason to hold while a dispute is open
SECOND_PERSON = "SECOND_PERSON"  # one person gave it, and it is so much that another one must release it
POSSIBLE_DUPLICATE = "POSSIBLE_DUPLICATE"  # its payment may be another one, which another system told of
OWN_REASONS = (DISPUTED, SECOND_PERSON, POSSIBLE_DUPLICATE)  # the system's; all other reasons are people's words
BY_HAND = "by-hand"  # the rule of what one of the staff gave


@dataclass(frozen=True)
class Reward:
    """Everything that a reward will ever need is frozen on it. Amounts in minor units of `currency`."""

    id: str
    partner_id: str
    tier: int
    amount: int
    currency: str
    status: RewardStatus
    base: int
    rate_bps: int  # 0 for a flat amount
    rule_version: int
    program_id: str
    payment: str  # id of the payment
    referral_id: str
    matures_at_ms: int
    earned_at_ms: int  # when the customer paid
    reversed: int = 0  # taken back by refunds and disputes
    entry: int = 0  # version of the journal entry that put it into the balance
    held: tuple[str, ...] = ()  # reasons, sorted; while there is one it does not mature
    cancelled: Cancelled | None = None
    review: bool = False  # the program wants a person to approve it
    cap: int | None = None  # what a partner may earn from the program in a month of payments, when this was earned
    limit: int | None = None  # what a monthly cap left of it, when caps were shared out for good; None: see `caps.py`
    rule: str = ""  # which rule of that version: "program", "product", "partner", …; see `domain/rules.py`
    paid_by: str = ""  # the withdrawal that was settled when its money had left
    note: str = ""  # why a person last held, released, approved or cancelled it
    by: str = ""  # who: keyed hash of their `sub`
    vouched_by: str = ""  # who said that it may be released, where that needs a second person
    because_of: str = ""  # the payment because of which it was last rated again: one that came late, or its own
    first_amount: int = 0  # what it was before that, where it was rated again
    twin: str = ""  # the payment that its own may be: see POSSIBLE_DUPLICATE
    revision: int = 0  # how often it was changed: each time under the number that was read
    created_at_ms: int = field(default=0, compare=False)  # when it was written down

    @property
    def version(self) -> int:
        """As people name it: the first one is 1."""
        return self.revision + 1


def net(reward: Reward) -> int:
    """Return what refunds and disputes left of it, in minor units."""
    return reward.amount - reward.reversed


def granted(reward: Reward) -> int:
    """Return what refunds and disputes left of it, or its own part of a cap, whichever is less.

    In minor units; the part of a cap counts where it was given one.
    """
    return net(reward) if reward.limit is None else min(net(reward), reward.limit)


def worth(reward: Reward) -> int:
    """Return what it adds to the partner's balance, in minor units.

    A month's cap takes what it takes of all together (`caps.py`).
    """
    return granted(reward) if reward.status in IN_BALANCE else 0


def owed(reward: Reward) -> int:
    """Return what of it is in the balance, and no payout has covered yet, in minor units."""
    return worth(reward) if reward.status is RewardStatus.APPROVED else 0


def paid(reward: Reward, withdrawal_id: str) -> Reward:
    """Return the reward as PAID by this withdrawal: its money has left.

    An open dispute holds nothing any more: its part was taken back, and the rest is gone.
    """
    held = holding(reward.held, DISPUTED, on=False)
    return replace(reward, status=RewardStatus.PAID, held=held, paid_by=withdrawal_id)


def cap_key(reward: Reward) -> str:
    """Return what a monthly cap counts together: a program's rewards of one month of payments, in UTC."""
    return f"{reward.program_id} {times.day(reward.earned_at_ms)[:6]}"


def ripe(reward: Reward, *, earns: bool, by_hand: bool = False) -> Reward:
    """Return what a reward becomes whose time has come, or that a person approves.

    It must not be held. `earns`: whether the partner earned when the customer paid.
    """
    if not earns:
        return replace(reward, status=RewardStatus.CANCELLED, cancelled=Cancelled.IDLE)
    if reward.review and not by_hand:
        return replace(reward, status=RewardStatus.CALCULATED)
    return replace(reward, status=RewardStatus.APPROVED)


def reversal(amount: int, paid: int, gone: int) -> int:
    """Return what of a reward of `amount` is taken back when `gone` of `paid` is, all in minor units.

    In proportion; the last refund takes all. What is left is rounded down, so a partner never keeps more than their
    share of what the owner kept.
    """
    return amount - amount * (paid - gone) // paid


def revalue(reward: Reward, paid: int, back: TakenBack) -> Reward:
    """Return the reward after refunds and disputes of its payment, from their sums alone.

    Whatever came first. An open dispute holds what is not paid out yet. Nothing left cancels, unless it may come back
    or has been paid.
    """
    if back.elsewhere:  # somebody has said which payment it is
        reward = replace(reward, held=holding(reward.held, POSSIBLE_DUPLICATE, on=False), twin="")
    gone = reversal(reward.amount, paid, back.of(paid))
    new = replace(reward, reversed=gone) if gone != reward.reversed else reward
    if reward.status is RewardStatus.PAID or reward.cancelled in (Cancelled.BY_HAND, Cancelled.IDLE):
        return replace(new, held=holding(reward.held, DISPUTED, on=False))
    if not reward.amount:
        held = holding(reward.held, DISPUTED, on=False)
        return replace(new, status=RewardStatus.CANCELLED, cancelled=Cancelled.UNEARNED, held=held)
    if reward.cancelled and (net(new) > 0 or back.holds):
        new = replace(new, status=RewardStatus.PENDING, cancelled=None)
    if new.held or back.holds:
        new = replace(new, held=holding(new.held, DISPUTED, on=back.holds))
    if net(new) == 0 and not back.holds:
        why = Cancelled.DUPLICATE if back.elsewhere else Cancelled.REFUNDED
        return replace(new, status=RewardStatus.CANCELLED, cancelled=why)
    return new


def holding(held: tuple[str, ...], reason: str, *, on: bool) -> tuple[str, ...]:
    """Return the reasons with one more, or one less."""
    return tuple(sorted({*held, reason} if on else {*held} - {reason}))
