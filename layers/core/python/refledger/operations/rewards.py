"""Every change of a reward goes through `change`, and so does the money that follows from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice

from refledger.domain.errors import PartnerNotFound
from refledger.domain.journal import Balance, Kind, contents_hash, post
from refledger.domain.maturity import MaturityMessage
from refledger.domain.rewards import Reward, matured, worth
from refledger.domain.times import DAY_MS, MINUTE_MS, SECOND_MS
from refledger.operations.context import Context
from refledger.store import keys, ledger, partners, rewards
from refledger.store.transaction import Again, Moved, Write, put

BATCH = 95  # rewards in a transaction, which with the balance and its entry may hold 100 items
LATE_MS = 15 * MINUTE_MS  # a reward may be committed, and seen in an index, this long after its time
CURSOR_STEP_MS = 60 * MINUTE_MS
OVERLAP_MS = 60 * MINUTE_MS  # what the schedule looks at again each time
DAILY_OVERLAP_MS = 2 * DAY_MS  # and once a day: a message that died is found again
SKEW_MS = 5 * SECOND_MS  # between the clocks of two machines
CURSOR = "DUE"


def change(balance: Balance, pairs: Sequence[tuple[Reward, Reward]], reference: str, now_ms: int) -> list[Write]:
    """Moves one partner's rewards of one currency from old to new, with the balance and the entry that follow.

    The rewards are written under what was read of them.
    """
    difference = sum(worth(new) - worth(old) for old, new in pairs)
    if difference == 0:
        return [rewards.move(old, new) for old, new in pairs]
    written = [
        (old, replace(new, entry=balance.version + 1)) if worth(new) > worth(old) else (old, new) for old, new in pairs
    ]
    moved = [(old, new) for old, new in written if worth(new) != worth(old)]
    after, entry = post(
        balance,
        Kind.EARN if difference > 0 else Kind.REVERSE,
        abs(difference),
        reference,
        now_ms,
        unpaid=difference,
        span=(keys.reward(moved[0][0].id)["sk"], keys.reward(moved[-1][0].id)["sk"]),
        contents=contents_hash((new.id, worth(new) - worth(old)) for old, new in moved),
    )
    return [rewards.move(old, new) for old, new in written] + ledger.post(balance, after, entry)


def mature(context: Context, partner_id: str, currency: str, start: str) -> str:
    """Up to 95 rewards that are due become the partner's, in one transaction. Looks from the sort key `start` on.

    Idempotent: a reward that is not PENDING any more is passed over. Returns where this batch ended, "" where nothing
    more is due.
    """

    def once() -> str:
        partner_item, balance_item = context.table.get_many(
            [keys.partner(partner_id), keys.balance(partner_id, currency)]
        )
        if partner_item is None:
            raise PartnerNotFound("rewards of a partner who does not exist")
        partner, balance = partners.from_item(partner_item), ledger.balance_from(balance_item, partner_id, currency)
        now_ms = _now(context, start)
        ready = list(islice(rewards.due(context.table, partner_id, currency, start, now_ms, BATCH), BATCH))
        if not ready:
            return ""
        pairs = [(old, replace(old, status=matured(old, partner.earns_at(old.earned_at_ms)))) for old in ready]
        context.table.commit(*change(balance, pairs, _reason(ready), now_ms))
        return keys.reward(ready[-1].id)["sk"] if len(ready) == BATCH else ""

    return context.repeat(once)


def _now(context: Context, start: str) -> int:
    """The time; a little later where another machine, whose clock is ahead, has called a reward due already."""
    now_ms = context.now_ms()
    told_ms = keys.due_at(start) if start else 0
    return told_ms if now_ms < told_ms <= now_ms + SKEW_MS else now_ms


def mature_from(
    context: Context, partner_id: str, currency: str, start: str, go_on: Callable[[], bool] = lambda: True
) -> str:
    """Batch after batch from `start` on, while `go_on` says so. Returns where it stopped, "" when nothing is due."""
    while start := mature(context, partner_id, currency, start):
        if not go_on():
            break
    return start


def mature_all(
    context: Context, partner_id: str, currency: str, since: str = "~", go_on: Callable[[], bool] = lambda: True
) -> str:
    """All that is due of a partner and currency: from the cursor on, or from `since` if that is earlier.

    Moves the cursor when it is done, an hour at a time. Returns like `mature_from`.
    """
    cursor, began_ms = rewards.looked_until(context.table, partner_id, currency), context.now_ms()
    stopped = mature_from(context, partner_id, currency, min(cursor, since), go_on)
    if not stopped and (not cursor or began_ms - LATE_MS - keys.due_at(cursor) >= CURSOR_STEP_MS):
        try:
            context.table.commit(rewards.look_from(partner_id, currency, keys.due_from(began_ms - LATE_MS)))
        except Again:
            return stopped  # another look went further; and the cursor only saves reading
    return stopped


def _reason(ready: Sequence[Reward]) -> str:
    """The payment that made them, where it is one; else what they have in common."""
    sources = {reward.payment for reward in ready}
    return sources.pop() if len(sources) == 1 else "maturity"


def find_due(context: Context) -> list[MaturityMessage]:
    """The partners with something due since the last look, and where each begins.

    Looks overlap by an hour, and once a day by two days, so neither a late commit nor a late index nor a message that
    died leaves a reward behind; the cursor moves only after the messages are sent (`looked_until`).
    """
    now_ms = context.now_ms()
    cursor = context.table.get(keys.cursor(CURSOR))
    looked_ms = cursor["at"] if cursor else 0
    overlap_ms = OVERLAP_MS if looked_ms // DAY_MS == now_ms // DAY_MS else DAILY_OVERLAP_MS
    since_ms = max(0, looked_ms - overlap_ms)
    starts: dict[tuple[str, str], str] = {}
    for shard in range(keys.DUE_SHARDS):
        partition = keys.due_shard(shard)
        for item in context.table.query(partition, str(since_ms), f"{now_ms}~", index="work"):
            for reward_id, _ in item["rewards"]:
                key = keys.reward(reward_id)
                whose = (keys.owner_of(key), keys.currency_of(key["sk"]))
                starts[whose] = min(key["sk"], starts.get(whose, "~"))
    round = now_ms // MINUTE_MS
    return [
        MaturityMessage(partner_id, currency, since, False, f"{round}-{partner_id}-{currency}")
        for (partner_id, currency), since in starts.items()
    ]


def looked_until(context: Context, at_ms: int) -> None:
    """Move the schedule's cursor forward, never back."""
    try:
        context.table.commit(
            put(
                "the cursor is older",
                {**keys.cursor(CURSOR), "at": at_ms},
                "attribute_not_exists(pk) OR #at < :at",
                at=at_ms,
            )
        )
    except Moved:
        return  # another run looked further
