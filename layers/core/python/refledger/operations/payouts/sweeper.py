"""Finds withdrawals that stand still and sets them going again; and what was paid and may not be marked as covered.

An open withdrawal has a running workflow that waits for what the withdrawal waits for. Where it has none (never
started, failed, stopped, lost) the next attempt is started; where it waits for a decision that was made, it is woken.
One with a problem waits for a person, and is left alone; one that must not be paid now (a suspended partner's, say)
waits until that is over, and is then begun anew. What nobody decided about in the program's time expires here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from refledger.adapters.stepfunctions import Waker, Workflow
from refledger.domain.payout_gate import Weight
from refledger.domain.times import MINUTE_MS, SECOND_MS
from refledger.domain.withdrawals import OPEN, Withdrawal, WithdrawalStatus
from refledger.operations.context import Context
from refledger.operations.payouts import payout_gate
from refledger.operations.payouts.settlement import cover_all
from refledger.operations.payouts.workflow_callbacks import tell, wake
from refledger.operations.payouts.workflow_tasks import end_in_time
from refledger.store import cursors, keys, withdrawals
from refledger.store.cursors import CoveredPlace
from refledger.store.table import BATCH_LIMIT
from refledger.store.transaction import ConditionFailed, Item

log = logging.getLogger(__name__)
LIMIT_PER_STATUS = 300  # a run; the next one goes on where this one stopped
QUIET_MS = 10 * SECOND_MS  # whoever moved that recently is at work
COVER_AGAIN_MS = 60 * MINUTE_MS  # longer than a workflow takes for it, and than an index is behind
LONGEST_QUIET_MS = 60 * MINUTE_MS
ASIDE_LIMIT = 50  # what cannot be covered now; so many at once have a cause in common, and going on would not help
DEAF_MS = 60 * MINUTE_MS  # longer than a payout is retried


@dataclass
class Swept:
    looked_at: int = 0
    resumed: int = 0
    woken: int = 0
    expired: int = 0
    failed: int = 0
    covered: int = 0  # rewards


def sweep(context: Context, workflow: Workflow, waker: Waker, go_on: Callable[[], bool]) -> Swept:
    """Look at open withdrawals, oldest first; `go_on` says whether there is time left. Idempotent.

    Each minute another status comes first: should time not be enough for all, none is left out for ever.
    """
    swept = Swept()
    first = context.now_ms() // MINUTE_MS % len(OPEN)
    for status in (*OPEN[first:], *OPEN[:first]):
        name = f"SWEEP-{status}"
        began = cursors.position(context.table, name)
        if (position := _sweep(context, workflow, waker, swept, go_on, status, began)) != began:
            context.table.commit(cursors.keep_position(name, position))
    return swept


def _sweep(
    context: Context,
    workflow: Workflow,
    waker: Waker,
    swept: Swept,
    go_on: Callable[[], bool],
    status: WithdrawalStatus,
    position: str,
) -> str:
    """Look at those of one status that lie behind `position`; returns where the next run goes on, "" at the beginning.

    Each is read by itself: one that cannot be helped now, or not even read, must not stop the others.
    """
    for _ in range(0, LIMIT_PER_STATUS, BATCH_LIMIT):
        page = list(islice(withdrawals.oldest_with_status(context.table, status, position), BATCH_LIMIT))
        items = dict(_items(context, [id for _, id in page]))
        for place, id in page:
            if not go_on():
                return position
            position = place
            try:
                if item := items.get(id):
                    _look(context, workflow, waker, withdrawals.from_item(item), swept)
            except Exception as error:
                log.warning("withdrawal %s not looked after: %s", id, type(error).__name__)
                swept.failed += 1
        if len(page) < BATCH_LIMIT:
            return ""
    return position


def cover_again(context: Context, swept: Swept, go_on: Callable[[], bool]) -> None:
    """Look again at what was paid over an hour ago: its workflow may have ended before it marked rewards.

    Mostly that is done, and costs one read. Idempotent; keeps its place. One that cannot be helped now counts as failed
    and stops no other: it is set aside, and tried again a minute later, then at intervals that double up to an hour.
    """
    began, now_ms = cursors.covered_place(context.table), context.now_ms()
    position, aside, until_ms = began.position, dict(began.aside), now_ms - COVER_AGAIN_MS
    paid = withdrawals.oldest_with_status(context.table, WithdrawalStatus.PAID, position)
    ready = [each for each in islice(paid, BATCH_LIMIT) if keys.moment_at(each[0]) <= until_ms]
    due = [id for id, (_, at_ms) in aside.items() if at_ms <= now_ms]
    found = {id: item for ids in ([id for _, id in ready], due) for id, item in _items(context, ids)}
    for place, id in [*ready, *(("", id) for id in due)]:
        if place and len(aside) >= ASIDE_LIMIT:
            continue  # it keeps its place in the list
        if not go_on():
            break
        tries, _ = aside.pop(id, (0, 0))
        try:
            if (withdrawal := withdrawals.from_item(found[id])).status is WithdrawalStatus.PAID:
                swept.covered += cover_all(context, withdrawal.partner_id, withdrawal.currency, id)
        except Exception as error:
            log.warning("what %s paid is not marked as covered: %s", id, type(error).__name__)
            swept.failed += 1
            aside[id] = tries + 1, now_ms + min(MINUTE_MS << min(tries, 10), LONGEST_QUIET_MS)
        position = place or position
    if (now := CoveredPlace(position, aside)) != began:
        context.table.commit(cursors.keep_covered_place(now))


def _items(context: Context, ids: list[str]) -> Iterator[tuple[str, Item]]:
    """Those that are there, with their ids."""
    found = context.table.get_many([keys.withdrawal(id) for id in ids]) if ids else []
    return ((id, item) for id, item in zip(ids, found, strict=True) if item)


def _look(context: Context, workflow: Workflow, waker: Waker, withdrawal: Withdrawal, swept: Swept) -> None:
    swept.looked_at += 1
    now_ms = context.now_ms()
    quiet_ms = min(QUIET_MS << min(withdrawal.attempt, 10), LONGEST_QUIET_MS)  # a payout that keeps failing may rest
    if withdrawal.status not in OPEN or withdrawal.problem:
        return  # it has ended meanwhile, or waits for a person
    if withdrawal.status is WithdrawalStatus.REQUESTED and now_ms >= withdrawal.expires_at_ms:
        return _expire(context, waker, withdrawal, swept)
    if now_ms - withdrawal.changed_at_ms < quiet_ms:
        return
    if workflow.is_running(withdrawal) and not _is_deaf(context, waker, withdrawal, swept):
        return
    if withdrawal.blocked and withdrawal.status is not WithdrawalStatus.REQUESTED and _is_stopped(context, withdrawal):
        return  # it would only find the same again
    swept.resumed += resume(context, workflow, withdrawal)


def _expire(context: Context, waker: Waker, withdrawal: Withdrawal, swept: Swept) -> None:
    """End what nobody decided about in the program's time; its workflow, which may be lost, need not know at once."""
    ended = end_in_time(context, withdrawal)
    swept.expired += ended.status is WithdrawalStatus.EXPIRED
    tell(context, waker, ended)


def _is_stopped(context: Context, withdrawal: Withdrawal) -> bool:
    """Whether what held it is not over; what people can take on them is told to the workflow."""
    return any(each.weight is Weight.STOPS for each in payout_gate.look(context, withdrawal).blockers)


def resume(context: Context, workflow: Workflow, withdrawal: Withdrawal) -> bool:
    """Start the next attempt; False where somebody else does at this moment.

    What dies before the start has an attempt that does not run: the next sweep begins another.
    """
    try:
        resumed, write = withdrawals.resume(withdrawal, context.now_ms())
        context.table.commit(write)
    except ConditionFailed:
        return False
    workflow.start(resumed)
    return True


def _is_deaf(context: Context, waker: Waker, withdrawal: Withdrawal, swept: Swept) -> bool:
    """Whether a running workflow will never hear of the decision: another attempt's token took the place of its own."""
    if withdrawal.status is not WithdrawalStatus.APPROVED:
        return False
    if wake(context, waker, withdrawal):
        swept.woken += 1
        return False
    return context.now_ms() - withdrawal.changed_at_ms > DEAF_MS
