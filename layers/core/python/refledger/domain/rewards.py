"""What one tier earns from one payment, and the life of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from refledger.domain.programs import BASIS_POINTS


class RewardStatus(StrEnum):
    PENDING = "PENDING"  # held until its time
    APPROVED = "APPROVED"  # in the partner's balance
    CANCELLED = "CANCELLED"


# from → to. Money moves where the worth changes, in the transaction that changes it.
TRANSITIONS: dict[RewardStatus, frozenset[RewardStatus]] = {
    RewardStatus.PENDING: frozenset({RewardStatus.APPROVED, RewardStatus.CANCELLED}),
    RewardStatus.APPROVED: frozenset(),
    RewardStatus.CANCELLED: frozenset(),
}


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
    rate_bps: int
    rule_version: int
    program_id: str
    payment: str  # id of the payment
    referral_id: str
    matures_at_ms: int
    earned_at_ms: int  # when the customer paid
    reversed: int = 0  # taken back by refunds
    entry: int = 0  # version of the journal entry that put it into the balance


def shares(base: int, rates_bps: Sequence[int]) -> list[int]:
    """What each tier earns of a base: rounded down, so that together they never pass the sum of the rates."""
    parts = [base * rate // BASIS_POINTS for rate in rates_bps]
    assert sum(parts) <= base * sum(rates_bps) // BASIS_POINTS
    return parts


def net(reward: Reward) -> int:
    """What refunds left of it."""
    return reward.amount - reward.reversed


def worth(reward: Reward) -> int:
    """What it adds to the partner's balance."""
    return net(reward) if reward.status is RewardStatus.APPROVED else 0


def matured(reward: Reward, earns: bool) -> RewardStatus:
    """What a reward that is due becomes: the partner's, unless the partner earned nothing at the time."""
    return RewardStatus.APPROVED if earns else RewardStatus.CANCELLED
