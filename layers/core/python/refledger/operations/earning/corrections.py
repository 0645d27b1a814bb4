"""A payment that counts, and of which its provider tells more: what was captured since, its tax, its shipping.

It is rated anew from what is known best, as if that had come first: within the hold its rewards change, after it the
difference is booked, once, in an entry whose reference says so. What is taken back follows the new amount.
"""

from __future__ import annotations

from dataclasses import replace

from refledger.domain.payments import Payment, PaymentKind
from refledger.domain.rewards import Reward, RewardStatus, revalue
from refledger.domain.rules import BASIS_POINTS, RateSource
from refledger.domain.tellings import better
from refledger.domain.uplines import Binding
from refledger.operations.context import Context
from refledger.operations.earning import duplicate_detection, rating
from refledger.operations.earning.duplicate_detection import Suspicion
from refledger.operations.earning.rating import Rated
from refledger.store import bindings, keys, payments
from refledger.store.transaction import Write


def correct(context: Context, payment: Payment, other: Payment) -> Rated | None:
    """Return the payment with what `other` tells of the same money, where that is better known.

    None where it is not.

    `payment`: as it was read; it is written under its revision. Raises RetryableConflict where somebody was faster.
    """
    told = better(payment, other)
    if told == payment:
        return None
    if payment.kind is not PaymentKind.PAYMENT:
        told = replace(told, revision=payment.revision + 1)
        context.table.commit(payments.replace(payment, told, context.now_ms()))
        return Rated()
    # read after the payment: see `rating`
    binding = bindings.find(context.table, payment.program_id, payment.customer)
    existing, reference = rating.rewards_of(context, payment), f"{payment.id} as it was told anew"
    is_known = binding is not None and rating.is_of(binding, payment)
    if binding is None or not is_known or binding.why_not(payment.occurred_at_ms):
        becomes = _by_what_they_were(context, told, existing, is_over=is_known)
        becomes, sums = _on_word(context, told, existing, becomes)
        return rating.book(context, payment, told, existing, becomes, reference, sums)
    parts = rating.split(told, binding, rating.terms_of(context, binding))
    becomes = rating.became(context, told, binding, parts, existing, payment.id)
    told = replace(told, unearned=tuple((part.tier, part.nothing.value) for part in parts if part.nothing))
    news = duplicate_detection.retold(context, binding, payment, told)
    becomes, sums = _on_word(context, told, existing, becomes)
    becomes = {tier: duplicate_detection.may_be(reward, news.twin) for tier, reward in becomes.items()}
    place = _place(context, binding, payment, told, news)
    met = (
        []
        if any(write.target == keys.binding(binding.program_id, binding.customer) for write in place)
        else [bindings.still_earns(binding)]
    )
    rated = rating.book(context, payment, told, existing, becomes, reference, [*place, *met, *sums])
    return replace(rated, is_done=not place)


def _on_word(
    context: Context, told: Payment, existing: dict[int, Reward], becomes: dict[int, Reward]
) -> tuple[dict[int, Reward], list[Write]]:
    """What counts on somebody's word counts on it with what it earns more now, too."""
    if not told.is_on_word:
        return becomes, []
    from refledger.operations.earning import word

    return word.more(context, told, existing, becomes)


def _place(context: Context, binding: Binding, payment: Payment, told: Payment, news: Suspicion) -> list[Write]:
    """What has a base now is one of the customer's payments, and what has none any more is not."""
    terms = rating.terms_of(context, binding)
    had, has = bool(terms.commission_base(payment)), bool(terms.commission_base(told))
    again, writes = news.again, news.writes
    if has and not had:
        return [*writes, *rating.counted(binding, told, terms, context.now_ms(), again)[1]]
    new = binding.look_again(again, payment.id) if again else binding
    if had and not has:
        new = rating.left_by(context, binding, new, payment)
    return [*writes, *([bindings.count(binding, new)] if new != binding else [])]


def _by_what_they_were(
    context: Context, told: Payment, existing: dict[int, Reward], *, is_over: bool
) -> dict[int, Reward]:
    """Where nothing says any more by which place it was earned: each by its own rate, or in proportion.

    `is_over`: the referral earns nothing of that payment any more; what was paid out of it by then becomes no more.
    """
    becomes, left = {}, told.base
    for tier, old in sorted(existing.items()):
        base = context.program_version(old.program_id, old.rule_version).commission_base(told)
        if old.rate_bps:
            amount = base * old.rate_bps // BASIS_POINTS
        elif old.rule == RateSource.LINES:
            amount = old.amount * base // old.base if old.base else 0
        else:
            amount = min(old.amount, left)
        rate_bps = old.rate_bps if amount else 0
        if is_over and amount > old.amount and old.status is not RewardStatus.CANCELLED:
            amount, rate_bps = old.amount, 0  # it stays what it was, which is no rate of the new amount
        left -= amount
        new = rating.rated_anew(replace(old, base=base), amount, rate_bps, old.rule, told.id)
        becomes[tier] = revalue(new, told.amount, told.back)
    return becomes
