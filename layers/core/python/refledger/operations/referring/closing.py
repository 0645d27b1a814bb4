"""A referral that has converted is closed from a moment on: what its customer pays then or later earns nothing.

Whatever the order in which payments arrive: one from before that comes late still earns, and one from after it that was
booked before does not. First the binding ends, in one transaction with the referral; then the rewards are looked at
that are nobody's any more, as far as the time goes. The repeat goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from refledger.domain.duties import Act
from refledger.domain.errors import AlreadyDecided, Conflict, Invalid, ReferralClosed
from refledger.domain.maturity import MaturityMessage
from refledger.domain.referrals import OPEN, Referral, ReferralStatus
from refledger.domain.rewards import Cancelled, Reward, RewardStatus
from refledger.domain.uplines import Link
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.earning.reward_decisions import cancel
from refledger.operations.earning.rewards import make_room
from refledger.operations.referring.lifecycle import found_out
from refledger.operations.upline_resolution import check_stranger
from refledger.store import bindings, keys, referrals, rewards
from refledger.store.transaction import Write

UNPAID = (RewardStatus.PENDING, RewardStatus.CALCULATED, RewardStatus.APPROVED)
# Cancelled by what was told of payments, which may be told otherwise later.
MAY_COME_BACK = (Cancelled.REFUNDED, Cancelled.DUPLICATE, Cancelled.UNEARNED)
BATCH = 100  # rewards that are looked at between two questions whether there is time


@dataclass(frozen=True)
class Closed:
    """`cancelled`: rewards, by this call. `complete`: all were looked at. `due`: what to say of them."""

    referral: Referral
    cancelled: int
    complete: bool
    due: tuple[MaturityMessage, ...] = ()


def close(
    context: Context,
    referral_id: str,
    reason: str,
    by: str,
    *,
    from_ms: int = 0,
    cancel_unpaid: bool = False,
    go_on: Callable[[], bool] = lambda: True,
) -> Closed:
    """Close a referral that has converted. `from_ms`: 0 for now, never later than that. People only.

    What was earned by payments of that moment or later, and with `cancel_unpaid` all that is not paid out, is cancelled
    reward by reward, while `go_on` says that there is time. Idempotent; closed again from an earlier moment, that one
    counts. Raises ReferralNotFound, ReferralClosed for one that was rejected or has expired, Conflict for one that
    cannot have converted or is closed from an earlier moment, Invalid, Forbidden for who earns from it.
    """
    ended = _end(context, referral_id, reason, by, from_ms)
    cancelled, complete = _sweep(
        context, ended, f"referral closed: {reason}", by, everything=cancel_unpaid, go_on=go_on
    )
    return Closed(ended, len(cancelled), complete, tuple(make_room(cancelled, context.now_ms())))


@retry_on_conflict
def _end(context: Context, referral_id: str, reason: str, by: str, from_ms: int) -> Referral:
    old = referrals.find(context.table, referral_id)
    check_stranger(context, Act.CLOSE_REFERRAL, old.upline, len(old.upline), by)
    now_ms = context.now_ms()
    if from_ms > now_ms:
        raise Invalid("from: not later than now")
    if old.status in (ReferralStatus.REJECTED, ReferralStatus.EXPIRED):
        raise ReferralClosed(f"the referral is {old.status} already")
    binding = bindings.find(context.table, old.program_id, old.customer) if old.customer else None
    if old.status in OPEN and not binding:  # with a customer it may have: the stream tells that a moment later
        raise Conflict("the referral has not converted: reject it, or let it expire")
    if old.ended_ms and (not from_ms or from_ms == old.ended_ms):
        return old
    if old.ended_ms and from_ms > old.ended_ms:
        raise Conflict("the referral is closed from an earlier moment on")
    new = replace(old, ended_ms=from_ms or now_ms, closed_at_ms=now_ms, reason=reason, version=old.version + 1)
    new = replace(new, updated_at_ms=now_ms)
    writes: list[Write] = [referrals.change(old, new, now_ms), *found_out(context, old)]
    if binding:
        writes.append(bindings.end(binding, new.ended_ms))
    context.table.commit(*writes)
    return new


def _sweep(
    context: Context, referral: Referral, note: str, by: str, *, everything: bool, go_on: Callable[[], bool]
) -> tuple[list[Reward], bool]:
    """The rewards that were cancelled, and whether all were looked at."""
    cancelled, position = list[Reward](), referrals.swept_to(context.table, referral.id)
    for number, (place, reward) in enumerate(_rewards(context, referral, position), start=1):
        if number % BATCH == 0 and not go_on():
            context.table.commit(referrals.swept(referral.id, place))
            return cancelled, False
        if reward.referral_id != referral.id or not (reward.status in UNPAID or reward.cancelled in MAY_COME_BACK):
            continue
        if everything or reward.earned_at_ms >= referral.ended_ms:
            try:
                done = cancel(context, reward.id, note, by)
            except AlreadyDecided:  # paid in this moment
                continue
            cancelled += [done] if reward.status in UNPAID else []
    if position:
        context.table.commit(referrals.swept(referral.id, []))
    return cancelled, True


def _rewards(context: Context, referral: Referral, position: list[str]) -> Iterator[tuple[list[str], Reward]]:
    """(position, reward) of all who may earn from it, since it was made: nothing of it is due earlier."""
    links: list[Link] = list(referral.upline[: referral.depth])
    start = keys.due_from(referral.created_at_ms)
    for link in links:
        if position and link.partner_id != position[0]:
            continue
        since, position = (position[1] if position else start), []
        for reward in rewards.since(context.table, context.reward_partitions(link.partner_id), since):
            yield [link.partner_id, rewards.sort_key(reward.id)], reward
