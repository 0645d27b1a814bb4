"""Rewards, payments and disputes as they are found and listed; positions are text, "" the beginning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from refledger.domain.payments import Dispute, Payment, PaymentKind, Refund
from refledger.domain.rewards import Reward
from refledger.operations.context import Context
from refledger.operations.earning import reversals
from refledger.store import keys, payments, rewards, sightings

Rows = Iterator[tuple[str, str]]  # (position, id)


def is_reward_id(text: str) -> bool:
    """Tell whether a reward could have this id."""
    return keys.is_reward_id(text)


def owner_of(reward_id: str) -> str:
    """Tell whose reward it is, which its id says."""
    return keys.owner_of(keys.reward(reward_id))


def find_reward(context: Context, reward_id: str, *, strong: bool = False) -> Reward:
    """Find a reward, a little behind unless `strong`. Raises RewardNotFound."""
    return rewards.find(context.table, reward_id, strong=strong)


def many_rewards(context: Context, ids: Sequence[str], *, strong: bool = True) -> list[Reward]:
    """Read those rewards of these ids that there are."""
    return rewards.many(context.table, ids, strong=strong)


def waiting_rewards(context: Context, program_id: str, state: str, before: str, limit: int) -> Rows:
    """List the rewards of a program that wait in a state, newest first."""
    return rewards.waiting(context.table, program_id, state, before, limit)


def many_payments(context: Context, ids: list[str], *, strong: bool = True) -> list[Payment]:
    """Read those payments of these ids that there are."""
    return payments.many(context.table, ids, strong=strong)


def parked(context: Context, after: str, limit: int) -> Rows:
    """List what waits for its payment or for a decision, oldest first."""
    return payments.parked(context.table, after, limit)


def suspects(context: Context, ids: list[str]) -> set[str]:
    """Tell which of these payments have a refund or dispute that is suspect, a little behind."""
    return payments.suspects(context.table, ids, strong=False)


def duplicates(context: Context, after: str, limit: int) -> Rows:
    """List payments that may be another one, oldest first."""
    return sightings.listed(context.table, after, limit)


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


def open_disputes(context: Context, after: str, limit: int) -> Iterator[tuple[str, tuple[str, str]]]:
    """List (position, (payment, dispute)), oldest first: open disputes, and ends without a beginning."""
    return payments.open_disputes(context.table, after, limit)


def many_disputes(context: Context, which: list[tuple[str, str]]) -> list[Dispute]:
    """Read those disputes of these (payment, dispute) that there are, a little behind."""
    return payments.disputes(context.table, which, strong=False)
