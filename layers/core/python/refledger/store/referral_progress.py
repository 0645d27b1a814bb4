"""What becomes of a referral because of money: it converts with its first payment, and is paid with its first reward.

The reader of the stream writes both, as often as it is told; a referral only ever moves on. One that somebody rejected
stays so; one that expired comes back with its binding, because a payment earns only if it was made in time.
"""

from __future__ import annotations

from refledger.domain.referrals import TRANSITIONS, ReferralStatus
from refledger.store import keys, trails
from refledger.store.transaction import Write, update

IS_LATER = "the referral is there, and no later payout of it is known"
WAITS = "the referral has not come so far yet, and nobody rejected it"
BEFORE_CONVERTED = frozenset(status for status in ReferralStatus if ReferralStatus.CONVERTED in TRANSITIONS[status])
BEFORE_PAID = BEFORE_CONVERTED | {ReferralStatus.CONVERTED}
_MOVED_ON = "#version = if_not_exists(#version, :one) + :one, #changed = :now"


def convert(referral_id: str, at_ms: int, now_ms: int, *, expired: bool = False) -> Write:
    """Move a referral on after a payment of its customer that was made at `at_ms`.

    It has converted, and waits for nothing any more.

    `expired`: of one that has expired, and of no other: its binding is to be opened in the same transaction.
    """
    change = "SET #status = :become, #converted = :at, " + _MOVED_ON
    return _move(referral_id, change, BEFORE_CONVERTED, ReferralStatus.CONVERTED, at_ms, now_ms, expired=expired)


def paid_by(referral_id: str, payout: str, at_ms: int) -> Write:
    """Keeps which withdrawal paid a reward of it last: whether that money came back is said of it."""
    return update(
        IS_LATER, keys.referral(referral_id), "SET #payout = :payout, #payout_at = :at",
        "attribute_exists(pk) AND (attribute_not_exists(#payout_at) OR #payout_at < :at)", payout=payout, at=at_ms,
    )  # fmt: skip


def pay(referral_id: str, at_ms: int, now_ms: int, *, expired: bool = False) -> Write:
    """Move a referral on after a reward of it was paid out.

    Where its payment is told later, it has converted by now at the latest.

    `expired`: see `convert`.
    """
    change = "SET #status = :become, #paid = :at, #converted = if_not_exists(#converted, :at), " + _MOVED_ON
    return _move(referral_id, change, BEFORE_PAID, ReferralStatus.PAID, at_ms, now_ms, expired=expired)


def _move(
    referral_id: str,
    change: str,
    before: frozenset[ReferralStatus],
    become: ReferralStatus,
    at_ms: int,
    now_ms: int,
    *,
    expired: bool,
) -> Write:
    before = frozenset({ReferralStatus.EXPIRED}) if expired else before - {ReferralStatus.EXPIRED}
    allowed = {status.value.lower(): status.value for status in sorted(before)}
    condition = "#status IN (" + ", ".join(f":{name}" for name in allowed) + ")"
    change += trails.kept_as_it_is("status", keys.referred_at(referral_id), now_ms)
    change += " REMOVE #waits_in, #waits_at, #closed, #reason"
    return update(
        WAITS,
        keys.referral(referral_id),
        change,
        condition,
        become=become.value,
        at=at_ms,
        one=1,
        now=now_ms,
        **allowed,
    )
