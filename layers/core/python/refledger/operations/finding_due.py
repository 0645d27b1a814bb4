"""Finds what is due, on a schedule: work grows with what is due, not with what exists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from refledger.domain.maturity import MaturityMessage
from refledger.domain.times import DAY_MS, MINUTE_MS
from refledger.operations.context import Context
from refledger.store import keys
from refledger.store.transaction import Again, Item, put


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
