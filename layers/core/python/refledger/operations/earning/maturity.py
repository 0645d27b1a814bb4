"""Rewards whose time has come become their partner's money, one partner and currency at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from refledger.domain.caps import month_of
from refledger.domain.rewards import Reward
from refledger.domain.times import MINUTE_MS
from refledger.operations.context import CLOCK_SKEW_MS, Context, retry_on_conflict
from refledger.operations.earning import rating
from refledger.operations.earning.rewards import MONTHS, REWARDS_AT_ONCE, change, holder, ripened
from refledger.store import keys, rewards
from refledger.store.transaction import RetryableConflict

LATE_MS = 15 * MINUTE_MS  # a reward may be committed, and seen in an index, this long after its time
CURSOR_STEP_MS = 60 * MINUTE_MS
BUSY_STEP_MS = 5 * MINUTE_MS  # where rewards are spread: to read an hour of them costs more than to write it down


@retry_on_conflict
def mature(context: Context, partner_id: str, currency: str, start: str, *, rates: bool = True) -> str:
    """Make up to 95 rewards that are due the partner's, in one transaction, from the sort key `start` on.

    Those of a customer whose payments came out of order are rated by their times before they are let in; without
    `rates` they are left to who does that. Idempotent: a reward that is not PENDING any more, or held, is passed over.
    Returns where this batch ended, "" where nothing more is due.
    """
    partner, balance = holder(context, partner_id, currency)
    now_ms = _now(context, start)
    partitions = context.reward_partitions(partner_id)
    due, cut = _batch(rewards.due(context.table, partitions, currency, start, now_ms, REWARDS_AT_ONCE))
    late = set(rating.out_of_order(context, due))
    if rates and late:
        for payment in sorted(late):
            rating.rate_again(context, payment)
        raise RetryableConflict("what is due was rated again")
    ready = due if rates else [reward for reward in due if reward.payment not in late]
    if ready:
        pairs = list(zip(ready, ripened(context, partner, ready), strict=True))
        context.table.commit(*change(context, balance, pairs, _reason(ready), now_ms))
    return rewards.sort_key(due[-1].id) if cut else ""


def _batch(due: Iterable[Reward]) -> tuple[list[Reward], bool]:
    """As many as one transaction holds, with the months that count them; and whether it was cut off there."""
    ready, months = list[Reward](), set[str]()
    for reward in due:
        months |= {month.name for month in [month_of(reward)] if month}
        if len(ready) + 1 + len(months) > REWARDS_AT_ONCE + MONTHS:
            return ready, True
        ready.append(reward)
        if len(ready) == REWARDS_AT_ONCE:  # not asked for one more: that would be another page
            return ready, True
    return ready, False


def _now(context: Context, start: str) -> int:
    """The time; a little later where another machine, whose clock is ahead, has called a reward due already."""
    now_ms = context.now_ms()
    told_ms = keys.due_at(start) if start else 0
    return told_ms if now_ms < told_ms <= now_ms + CLOCK_SKEW_MS else now_ms


def mature_from(
    context: Context,
    partner_id: str,
    currency: str,
    start: str,
    go_on: Callable[[], bool] = lambda: True,
    *,
    rates: bool = True,
) -> str:
    """Batch after batch from `start` on, while `go_on` says so.

    Returns where it stopped, "" when nothing is due.
    """
    while start := mature(context, partner_id, currency, start, rates=rates):
        if not go_on():
            break
    return start


def mature_all(
    context: Context,
    partner_id: str,
    currency: str,
    since: str = "~",
    go_on: Callable[[], bool] = lambda: True,
    *,
    rates: bool = True,
) -> str:
    """Mature all that is due of a partner and currency, from the cursor on, or from an earlier `since`.

    Moves the cursor when all is done, an hour at a time, or a few minutes. Returns like `mature_from`.
    """
    cursor, began_ms = rewards.looked_until(context.table, partner_id, currency), context.now_ms()
    stopped = mature_from(context, partner_id, currency, min(cursor, since), go_on, rates=rates)
    step_ms = BUSY_STEP_MS if len(context.reward_partitions(partner_id)) > 1 else CURSOR_STEP_MS
    if rates and not stopped and (not cursor or began_ms - LATE_MS - keys.due_at(cursor) >= step_ms):
        try:
            context.table.commit(rewards.look_from(partner_id, currency, keys.due_from(began_ms - LATE_MS)))
        except RetryableConflict:
            return stopped  # another look went further; and the cursor only saves reading
    return stopped


def _reason(ready: Sequence[Reward]) -> str:
    """The payment that made them, where it is one; else what they have in common."""
    sources = {reward.payment for reward in ready}
    return sources.pop() if len(sources) == 1 else "maturity"
