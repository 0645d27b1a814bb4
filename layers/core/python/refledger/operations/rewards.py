"""Every change of a reward goes through `change`, and so does the money that follows from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from refledger.domain.errors import PartnerNotFound
from refledger.domain.journal import Balance, Kind, contents_hash, post
from refledger.domain.maturity import MaturityMessage
from refledger.domain.rewards import Reward, matured, worth
from refledger.domain.times import DAY_MS, MINUTE_MS, SECOND_MS
from refledger.operations.context import Context
from refledger.store import keys, ledger, partners, rewards
from refledger.store.transaction import Again, Item, Write, put

BATCH = 95  # rewards in a transaction, which with the balance and its entry may hold 100 items
LATE_MS = 15 * MINUTE_MS  # a reward may be committed, and seen in an index, this long after its time
CURSOR_STEP_MS = 60 * MINUTE_MS
SKEW_MS = 5 * SECOND_MS  # between the clocks of two machines


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


@dataclass(frozen=True)
class Look:
    """How the schedule looks: under which name it keeps its place, how far behind the clock, what it looks at again."""

    name: str
    behind_ms: int
    overlap_ms: int


# The first finds what is due, and overlaps so that neither a late commit nor a late index leaves a reward behind. The
# second comes a day later over the same: what a message that died has left is found again.
LOOKS = (Look("DUE", 0, 60 * MINUTE_MS), Look("DUE-AGAIN", DAY_MS, 0))
SLICE = 2_000  # payments of one shard looked at before messages are sent and the place is kept


def find_due(
    context: Context, look: Look, send: Callable[[Sequence[MaturityMessage]], None], go_on: Callable[[], bool]
) -> int:
    """Send a message for each partner and currency with something due; returns how many.

    In slices, each kept when its messages are sent: a run that ends early has done its part. Repeats are harmless.
    """
    kept = context.table.get(keys.cursor(look.name))
    until_ms, sent = context.now_ms() - look.behind_ms, 0
    start_ms = max(0, kept["at"] - look.overlap_ms) if kept else 0
    while start_ms < until_ms and go_on():
        end_ms, starts = _slice(context, start_ms, until_ms)
        messages = [
            MaturityMessage(partner_id, currency, since, False, f"{look.name}-{end_ms}-{partner_id}-{currency}")
            for (partner_id, currency), since in starts.items()
        ]
        send(messages)
        _looked_until(context, look, end_ms)
        sent, start_ms = sent + len(messages), end_ms + 1
    return sent


def _slice(context: Context, start_ms: int, until_ms: int) -> tuple[int, dict[tuple[str, str], str]]:
    """How far this slice reaches, and where each partner and currency begins in it."""
    found: list[Item] = []
    end_ms = until_ms
    for shard in range(keys.DUE_SHARDS):
        partition = keys.due_shard(shard)
        due = context.table.query(partition, str(start_ms), f"{until_ms}~", index="work", page_size=SLICE)
        seen, moment_ms = 0, start_ms
        for item in due:
            if seen >= SLICE and keys.moment_at(item["w2"]) > moment_ms:  # a moment is never cut in two
                end_ms = min(end_ms, moment_ms)
                break
            seen, moment_ms = seen + 1, keys.moment_at(item["w2"])
            found.append(item)
    starts: dict[tuple[str, str], str] = {}
    for item in found:
        if keys.moment_at(item["w2"]) > end_ms:
            continue
        for reward_id, _ in item["rewards"]:
            key = keys.reward(reward_id)
            whose = (keys.owner_of(key), keys.currency_of(key["sk"]))
            starts[whose] = min(key["sk"], starts.get(whose, "~"))
    return end_ms, starts


def _looked_until(context: Context, look: Look, at_ms: int) -> None:
    """Keep the place: forward, never back."""
    place = {**keys.cursor(look.name), "at": at_ms}
    try:
        context.table.commit(put("the cursor is older", place, "attribute_not_exists(pk) OR #at < :at", at=at_ms))
    except Again:
        return  # another run looked further; and a place lost is only looked at again
