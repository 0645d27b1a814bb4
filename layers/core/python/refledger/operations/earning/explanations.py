"""What is read to explain a reward: itself, its payment with what came back of it, and its partner's state."""

from __future__ import annotations

from dataclasses import dataclass

from refledger.domain import explaining
from refledger.domain.caps import CappedMonth, month_of
from refledger.domain.explaining import Explanation
from refledger.domain.payments import Dispute, Payment, Refund
from refledger.domain.rewards import IN_BALANCE, Reward, RewardStatus
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.operations.context import Context, retry_on_conflict
from refledger.store import caps, ledger, partners, payments, rewards, withdrawals
from refledger.store.table import Table
from refledger.store.transaction import RetryableConflict


@dataclass(frozen=True)
class Explained:
    explanation: Explanation
    payment: Payment
    refunds: list[Refund]
    disputes: list[Dispute]


def explain(context: Context, reward_id: str) -> Explained:
    """Explain a reward by its payment and what was taken back of it.

    Raises RewardNotFound, PaymentNotFound, and Busy where both keep moving while they are read.

    Reads need not be strong: a reward and a payment of different moments disagree, and are then read again, strongly.
    """
    return _explain(context, reward_id, [])


@retry_on_conflict
def _explain(context: Context, reward_id: str, seen: list[Reward]) -> Explained:
    """`seen`: what earlier tries have read, which is kept there."""
    strong, table, now_ms = bool(seen), context.table, context.now_ms()
    reward = rewards.find(table, reward_id, strong=strong)
    payment, refunds, disputes = payments.whole(table, reward.payment, strong=strong)
    seen.append(reward)
    if not explaining.agree(reward, payment):
        raise RetryableConflict("the reward and its payment are not of one moment")
    partner = balance = None
    if reward.status in (RewardStatus.PENDING, RewardStatus.CALCULATED):
        partner = partners.find(table, reward.partner_id, strong=False)
    elif reward.status in IN_BALANCE:
        balance = ledger.find_balance(table, reward.partner_id, reward.currency, strong=False)
    month, payout = _month(table, reward), payout_of(table, reward)
    found = explaining.explain(reward, payment, partner, balance, now_ms, month, payout)
    return Explained(found, payment, refunds, disputes)


def payout_of(table: Table, reward: Reward) -> WithdrawalStatus | None:
    """Return how the withdrawal stands that paid it; None where none did."""
    known = withdrawals.find_or_none(table, reward.paid_by) if reward.paid_by else None
    return known.status if known else None


def _month(table: Table, reward: Reward) -> CappedMonth | None:
    """The month that counts it, where it is under a cap."""
    if not month_of(reward):
        return None
    balance = ledger.find_balance(table, reward.partner_id, reward.currency, strong=False)
    (month,) = caps.of_rewards(table, balance, [reward], strong=False).values()
    return month
