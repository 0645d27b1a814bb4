"""What is wrong with rewards, held against their payments, the entries that credited them, and the caps on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from refledger.domain.caps import CappedMonth, month_of
from refledger.domain.journal import Balance, EntryKind, JournalEntry, contents_hash
from refledger.domain.payments import Origin, Payment, PaymentKind
from refledger.domain.referrals import Referral, ReferralStatus
from refledger.domain.rewards import (
    BY_HAND,
    DISPUTED,
    IN_BALANCE,
    Reward,
    RewardStatus,
    cap_key,
    net,
    owed,
    revalue,
    worth,
)
from refledger.domain.rules import BASIS_POINTS
from refledger.operations.context import Context
from refledger.store import keys, ledger, rewards


def unread(context: Context, payment: Payment) -> Iterator[str]:
    """Every reward lies in a shard where its partner's are looked for."""
    for id, _ in payment.shares:
        if rewards.partition(id) not in context.reward_partitions(keys.owner_of(keys.reward(id))):
            yield f"payment {payment.id}: its reward {id} is in a shard where nobody looks: raise their number"


def against_payment(reward: Reward, payment: Payment | None) -> Iterator[str]:
    """Check that all that was frozen on a reward is what its payment and its own id say.

    What changed follows from the refunds.
    """
    if payment is None or (payment.kind is not PaymentKind.PAYMENT and not payment.back.elsewhere):
        yield "its payment is not there"
        return
    in_key = keys.currency_of(rewards.sort_key(reward.id))
    if not reward.currency == payment.currency == in_key:
        yield f"is in {reward.currency}, its payment in {payment.currency}"
    elif reward.id != keys.reward_id(
        reward.partner_id, reward.matures_at_ms, reward.currency, payment.id, reward.tier, keys.spread_of(reward.id)
    ):  # fmt: skip
        yield "its tier, or when it is due, is not what its id says"
    frozen = (reward.program_id, reward.referral_id, reward.earned_at_ms)
    says = (payment.program_id, payment.referral_id, payment.occurred_at_ms)
    if frozen != says or reward.base not in (payment.base, payment.base - payment.shipping):
        yield "its base, program, referral or time is not that of its payment"
    if (reward.rule == BY_HAND) is not (payment.origin is Origin.BY_HAND):
        yield f"is of the rule {reward.rule or 'program'}, its payment of origin {payment.origin}"
    if (reward.id, reward.amount) not in payment.shares:
        yield f"its payment knows of no share of {reward.amount}"
    # it may be less where nearer tiers left less of the base: `earning_checks.py`
    if reward.rate_bps and reward.amount > reward.base * reward.rate_bps // BASIS_POINTS:
        yield f"is {reward.amount}, which is not {reward.rate_bps} basis points of {reward.base}"
    if reward.status in IN_BALANCE and {*reward.held} - {DISPUTED}:
        yield f"is {reward.status}, and held"
    if (reward.status is RewardStatus.CANCELLED) is not (reward.cancelled is not None):
        yield f"is {reward.status}, and cancelled as {reward.cancelled}"
    elif revalue(reward, payment.amount, payment.back) != reward:
        yield f"is reversed by {reward.reversed} and {reward.status}, which does not follow from its payment's refunds"


def against_referral(reward: Reward, referral: Referral | None) -> Iterator[str]:
    """Check that what the customer of a closed referral pays later earns nothing.

    What had been paid out before stays.
    """
    if referral is None and keys.is_referral_id(reward.referral_id):
        yield "its referral is not there"
    if referral is None or reward.status is RewardStatus.CANCELLED or not net(reward):
        return
    later = reward.created_at_ms > referral.closed_at_ms
    if referral.ended_ms and reward.earned_at_ms >= referral.ended_ms:
        if later or reward.status is not RewardStatus.PAID:
            yield f"its payment {reward.payment} was made after its referral was closed: close it again"
    elif later and (
        referral.status is ReferralStatus.REJECTED
        or (referral.status is ReferralStatus.EXPIRED and reward.earned_at_ms >= referral.until_ms > 0)
    ):
        yield f"its payment {reward.payment} earned when its referral was {referral.status} already"


def against_payout(reward: Reward, taken: Collection[str]) -> Iterator[str]:
    """Check that a reward whose money has left names what took it.

    `taken`: what the journal's entries refer to.
    """
    if reward.status is RewardStatus.PAID and reward.paid_by and reward.paid_by not in taken:
        yield f"its money left with {reward.paid_by}, which nothing in the journal is"


def against_journal(reward: Reward, entries: Sequence[JournalEntry], balance: Balance) -> Iterator[str]:
    """Check that a reward names the entry that credited it.

    A payout that looks for what it covered will come to it.
    """
    if not worth(reward):
        return
    if not 0 < reward.entry <= len(entries):
        yield f"names entry {reward.entry}, the journal ends at {len(entries)}"
        return
    entry = entries[reward.entry - 1]
    if entry.kind is not EntryKind.EARN or not entry.first <= rewards.sort_key(reward.id) <= entry.last:
        yield f"names entry {reward.entry}, which did not credit it"
    place = ledger.sort_key(entry)
    if owed(reward) and place <= balance.cover:
        yield f"is not paid, and payouts have covered all up to entry {reward.entry}"


def month_faults(balance: Balance, earned: Sequence[Reward], months: Mapping[str, CappedMonth]) -> Iterator[str]:
    """Check that each month under a cap sums the rewards that it counts.

    The balance sums those that were granted a part for good.
    """
    limits: Counter[str] = Counter()
    right: dict[str, CappedMonth] = {}
    for reward in earned:
        limits[cap_key(reward)] += reward.limit or 0
        if month := month_of(reward):
            first = replace(month, used=balance.caps.get(month.name, 0))
            right[month.name] = right.get(month.name, first).moved(replace(reward, status=RewardStatus.PENDING), reward)
    counted, granted = ({name: n for name, n in each.items() if n} for each in (limits, balance.caps))
    if counted != granted:  # not `+limits`: that forgets what is below zero
        yield f"monthly caps: the balance says {granted}, the rewards {counted}"
    for name in sorted({*right, *months}):
        sums, stored = right.get(name), months.get(name)
        kept = (sums.used, sums.kept, sums.covered) if sums else (balance.caps.get(name, 0), {}, {})
        if stored is None and not any(kept[1:]):
            continue  # none of them has been in the balance yet
        if stored is None or (stored.used, stored.kept, stored.covered) != kept:
            yield f"monthly cap of {name}: does not count what its rewards are worth, {dict(kept[1])}"


def contents_faults(entries: Sequence[JournalEntry], earned: Sequence[Reward]) -> Iterator[str]:
    """Check that an entry sums the rewards that name it, each by its amount.

    Only where nothing has moved of them since, for an entry keeps a hash of what they were worth then.
    """
    by_entry: dict[int, list[Reward]] = {}
    for reward in earned:
        if worth(reward):
            by_entry.setdefault(reward.entry, []).append(reward)
    for entry in entries:
        summed = sorted(by_entry.get(entry.version, ()), key=lambda reward: rewards.sort_key(reward.id))
        is_same = all(not each.reversed and not each.because_of and each.limit is None for each in summed)
        if entry.kind is not EntryKind.EARN or not is_same or sum(map(worth, summed)) != entry.amount:
            continue
        if summed and entry.contents != contents_hash((each.id, worth(each)) for each in summed):
            yield f"entry {entry.version}: does not sum the rewards that name it, by what each is worth"
