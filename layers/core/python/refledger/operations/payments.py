"""A payment becomes one reward per tier: one read, one transaction, no balance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from refledger.domain.errors import Unreadable
from refledger.domain.maturity import MaturityMessage
from refledger.domain.payments import PaymentReceived
from refledger.domain.programs import is_program_id
from refledger.domain.rewards import Reward, RewardStatus, shares
from refledger.domain.times import DAY_MS, MINUTE_MS
from refledger.domain.uplines import Binding
from refledger.operations.context import Context
from refledger.store import keys, payments, referrals, rewards
from refledger.store.transaction import Item, Moved

HINT_MS = 60 * MINUTE_MS


class Outcome(StrEnum):
    RECORDED = "RECORDED"
    REPEATED = "REPEATED"
    DIFFERENT = "DIFFERENT"  # the same payment with another amount or customer: the first stands
    UNREFERRED = "UNREFERRED"


@dataclass(frozen=True)
class Recorded:
    """`due`: what may mature at once, because the program holds nothing back."""

    outcome: Outcome
    payment: str
    due: list[MaturityMessage] = field(default_factory=list)


def record(context: Context, payment: PaymentReceived) -> Recorded:
    """Idempotent for ever by the payment's own item. Raises Busy, and Unreadable for a program that does not exist:
    a customer whom nobody referred is no fault, a payment that names a wrong program is.
    """
    id = context.ids.payment(payment.system, payment.payment_id)
    body = context.ids.hash(
        "payment body",
        payment.customer_id,
        payment.program_id,
        payment.amount,
        payment.base,
        payment.currency,
    )
    customer = context.ids.user(payment.customer_id)

    def once() -> Recorded:
        known = is_program_id(payment.program_id)  # other text never enters a key
        binding = referrals.find_binding(context.table, payment.program_id, customer) if known else None
        now_ms = context.now_ms()
        try:
            if binding is None:
                if not known or not context.has_program(payment.program_id):
                    raise Unreadable("programId: there is no such program")
                context.table.commit(payments.ignore(id, payment, Outcome.UNREFERRED, body, now_ms))
                return Recorded(Outcome.UNREFERRED, id)
            hold_days = context.program(binding.program_id).hold_days
            due_ms = max(payment.occurred_at_ms + hold_days * DAY_MS, now_ms)
            earned = earn(id, payment, binding, due_ms)
            context.table.commit(
                payments.record(id, payment, binding, earned, body, due_ms, now_ms),
                *map(rewards.create, earned),
            )
        except Moved as moved:
            if payments.IS_NEW not in moved.found:
                raise
            return _repeated(id, moved.found[payments.IS_NEW], body, now_ms)
        ready = due_ms <= now_ms
        return Recorded(Outcome.RECORDED, id, list(_messages(id, [r.id for r in earned])) if ready else [])

    return context.repeat(once)


def earn(id: str, payment: PaymentReceived, binding: Binding, due_ms: int) -> list[Reward]:
    """One reward per tier that earns anything, each with everything it will ever need."""
    tiers = binding.upline[: binding.depth]
    amounts = shares(payment.base, [link.rate_bps for link in tiers])
    return [
        Reward(
            id=keys.reward_id(link.partner_id, due_ms, payment.currency, id, tier),
            partner_id=link.partner_id,
            tier=tier,
            amount=amount,
            currency=payment.currency,
            status=RewardStatus.PENDING,
            base=payment.base,
            rate_bps=link.rate_bps,
            rule_version=binding.rule_version,
            program_id=binding.program_id,
            payment=id,
            referral_id=binding.referral_id,
            matures_at_ms=due_ms,
            earned_at_ms=payment.occurred_at_ms,
        )
        for tier, (link, amount) in enumerate(zip(tiers, amounts, strict=True), start=1)
        if amount
    ]


def _repeated(id: str, first: Item, body: str, now_ms: int) -> Recorded:
    """The first one stands. Its rewards are sent to mature again: the first try may have died just before that.

    Not those of old payments: the schedule has found them, and a replay of many would read their partner's history.
    """
    if first["body"] != body:
        return Recorded(Outcome.DIFFERENT, id)
    fresh = now_ms - HINT_MS < first["due"] <= now_ms
    due = list(_messages(id, payments.reward_ids(first))) if fresh else []
    return Recorded(Outcome.REPEATED, id, due)


def _messages(id: str, reward_ids: Iterable[str]) -> Iterable[MaturityMessage]:
    for reward_id in reward_ids:
        key = keys.reward(reward_id)
        yield MaturityMessage(
            partner_id=keys.owner_of(key),
            currency=keys.currency_of(key["sk"]),
            since=key["sk"],
            exact=True,
            deduplication=f"{id}-{keys.owner_of(key)}",
        )
