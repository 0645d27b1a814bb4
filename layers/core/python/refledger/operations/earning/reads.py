"""Rewards, payments and disputes as they are found and listed; positions are text, "" the beginning."""

from __future__ import annotations

from collections.abc import Iterator

from refledger.domain.payments import Dispute, Payment, PaymentKind, Refund
from refledger.domain.rewards import Reward
from refledger.operations.context import Context, of_table
from refledger.operations.earning import reversals
from refledger.store import keys, payments, rewards, sightings

Rows = Iterator[tuple[str, str]]  # (position, id)


many_rewards = of_table(rewards.many)
waiting_rewards = of_table(rewards.waiting)
many_payments = of_table(payments.many)
parked = of_table(payments.parked)
duplicates = of_table(sightings.listed)
open_disputes = of_table(payments.open_disputes)


def is_reward_id(text: str) -> bool:
    """Tell whether a reward could have this id."""
    return keys.is_reward_id(text)


def owner_of(reward_id: str) -> str:
    """Tell whose reward it is, which its id says."""
    return keys.owner_of(keys.reward(reward_id))


def find_reward(context: Context, reward_id: str, *, strong: bool = False) -> Reward:
    """Find a reward, a little behind unless `strong`. Raises RewardNotFound."""
    return rewards.find(context.table, reward_id, strong=strong)


def suspects(context: Context, ids: list[str]) -> set[str]:
    """Tell which of these payments have a refund or dispute that is suspect, a little behind."""
    return payments.suspects(context.table, ids, strong=False)


def whole(context: Context, payment_id: str, *, strong: bool) -> tuple[Payment, list[Refund], list[Dispute]]:
    """Find a payment with its refunds and disputes, also by another name of it. Raises PaymentNotFound."""
    found = payments.whole(context.table, payment_id, strong=strong)
    if found[0].kind is not PaymentKind.ALIAS:
        return found
    return payments.whole(context.table, reversals.root(context, found[0].target), strong=strong)


def refunds_of(context: Context, payment_id: str) -> tuple[Payment, list[Refund]]:
    """Find a payment, by any name of it, with its refunds, a little behind. Raises PaymentNotFound."""
    found = payments.whole(context.table, reversals.root(context, payment_id), strong=False)
    return found[0], found[1]


def many_disputes(context: Context, which: list[tuple[str, str]]) -> list[Dispute]:
    """Read those disputes of these (payment, dispute) that there are, a little behind."""
    return payments.disputes(context.table, which, strong=False)
