"""Payments as items: the fact that makes an event count once, for ever."""

from __future__ import annotations

from refledger.domain.payments import PaymentReceived
from refledger.domain.rewards import Reward
from refledger.domain.times import DAY_MS
from refledger.domain.uplines import Binding
from refledger.store import keys
from refledger.store.transaction import Item, Write, put

IS_NEW = "the payment is new"
# A refund may come long after; until then the payment is known to have earned nothing.
IGNORED_KEPT_DAYS = 540


def record(
    id: str,
    payment: PaymentReceived,
    binding: Binding,
    rewards: list[Reward],
    body: str,
    due_ms: int,
    now_ms: int,
) -> Write:
    """A payment that earns. `body`: hash of what the event said."""
    return put(IS_NEW, {
        **keys.payment(id), "kind": "PAYMENT", "amount": payment.amount, "base": payment.base,
        "currency": payment.currency, "program": binding.program_id, "referral": binding.referral_id,
        "rewards": [[reward.id, reward.amount] for reward in rewards], "refunded": 0, "disputed": 0,
        "body": body, "due": due_ms, "occurred": payment.occurred_at_ms, "created": now_ms,
        **keys.listed(keys.payments_of_program(binding.program_id, id), now_ms, id),
        **keys.waiting(keys.due_shard(keys.payment_shard(id)), due_ms, id),
    })  # fmt: skip


def ignore(id: str, payment: PaymentReceived, reason: str, body: str, now_ms: int) -> Write:
    """A payment that nobody earns from, remembered so that its refund is not taken for one that came early."""
    return put(IS_NEW, {
        **keys.payment(id), "kind": "IGNORED", "reason": reason, "amount": payment.amount, "base": payment.base,
        "currency": payment.currency, "program": payment.program_id, "rewards": [], "refunded": 0, "disputed": 0,
        "body": body, "due": now_ms, "created": now_ms, "ttl": (now_ms + IGNORED_KEPT_DAYS * DAY_MS) // 1000,
    })  # fmt: skip


def reward_ids(item: Item) -> list[str]:
    return [id for id, _ in item["rewards"]]
