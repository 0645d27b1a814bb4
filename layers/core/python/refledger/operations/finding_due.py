"""Finds what is due, on a schedule: work grows with what is due, not with what exists.

Every look keeps a place of its own in each shard of the index and only ever goes forward from it, also in the middle of
a moment: however much is due, a run that has time for one slice leaves less for the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from refledger.domain.maturity import MaturityMessage
from refledger.domain.times import DAY_MS, MINUTE_MS
from refledger.operations.context import Context
from refledger.store import keys, rewards
from refledger.store.table import BATCH_LIMIT
from refledger.store.transaction import Again, Item, put

HOUR_MS = 60 * MINUTE_MS


@dataclass(frozen=True)
class Look:
    """Under which name it keeps its place, and how far behind the clock it ends, in milliseconds."""

    name: str
    behind_ms: int


# The first gives the index a minute. The second passes an hour later, for what was committed or indexed late; the third
# a day later, for what a message that died has left. Each looks at every payment once.
LOOKS = (Look("DUE", MINUTE_MS), Look("DUE-LATE", HOUR_MS), Look("DUE-AGAIN", DAY_MS))
SLICE = 500  # rewards of one shard between two questions whether there is time left
IDLE_MS = HOUR_MS  # a place behind which nothing was found is written no more often
FIRST = "0" * 13  # before every place
EARLIER_OVERLAP_MS = HOUR_MS  # of places that were kept before there was one for each shard


@dataclass(frozen=True)
class Found:
    """What a run has come to: messages sent by look, and how far the last of them is behind where it should be."""

    sent: dict[str, int]
    behind_ms: int


def find_due(
    context: Context,
    send: Callable[[Sequence[MaturityMessage]], None],
    go_on: Callable[[], bool],
    looks: Sequence[Look] = LOOKS,
) -> Found:
    """Send a message for each partner and currency with something due that still waits.

    The looks take turns, a slice each, so that none lives on what another leaves. A slice is kept when its messages are
    sent: a run that ends early has done its part. Repeats are harmless.
    """
    runs = [_Run(context, look) for look in looks]
    while any(run.left for run in runs) and go_on():
        for run in runs:
            if run.left and go_on():
                run.advance(send)
    return Found({run.look.name: run.sent for run in runs}, max((run.behind_ms for run in runs), default=0))


class _Run:
    """One look of one tick: its places, by shard, and what is left of it."""

    def __init__(self, context: Context, look: Look) -> None:
        self.look, self.sent = look, 0
        self._context, self._until_ms = context, context.now_ms() - look.behind_ms
        self._end = f"{self._until_ms}~"  # behind all that is due in its millisecond
        self._kept = context.table.get(keys.cursor(look.name))
        self._places = self._begin()
        self.left = any(place < self._end for place in self._places)

    def _begin(self) -> list[str]:
        """Where the last run stopped. A look that is new begins an hour back, or where the first one stands if that is
        further back, and not with the first payment of all.
        """
        shards, kept = range(keys.DUE_SHARDS), self._kept or {}
        if "places" in kept:
            return [kept["places"].get(str(shard), FIRST) for shard in shards]
        first = kept or self._context.table.get(keys.cursor(LOOKS[0].name)) or {"at": 0}
        begin_ms = max(0, min(first["at"], self._until_ms) - EARLIER_OVERLAP_MS)
        return [str(begin_ms).zfill(len(FIRST))] * len(shards)

    @property
    def behind_ms(self) -> int:
        return max(0, self._until_ms - self._reached_ms) if self.left else 0

    @property
    def _reached_ms(self) -> int:
        return min(keys.moment_at(place.rstrip("~")) for place in self._places)

    def advance(self, send: Callable[[Sequence[MaturityMessage]], None]) -> None:
        """Look at one slice of each shard, send, and keep the place."""
        found: dict[str, None] = {}
        for shard, place in enumerate(self._places):
            due, self._places[shard] = self._slice(shard, place)
            found |= dict.fromkeys(due)
        self.left = any(place < self._end for place in self._places)
        messages = self._messages(list(found))
        send(messages)
        self.sent += len(messages)
        if found or self.left or self._reached_ms - (self._kept or {"at": 0})["at"] >= IDLE_MS:
            self._keep()

    def _slice(self, shard: int, place: str) -> tuple[list[str], str]:
        """Ids of the rewards from a place on, and the place after them."""
        ids: list[str] = []
        if place >= self._end:
            return ids, place
        table = self._context.table
        for item in table.query(keys.due_shard(shard), place, self._end, index="work", page_size=SLICE // 2):
            if item["w2"] == place:  # was the last one
                continue
            ids += (reward_id for reward_id, _ in item["rewards"])
            if len(ids) >= SLICE:
                return ids, str(item["w2"])
        return ids, self._end

    def _messages(self, reward_ids: Sequence[str]) -> list[MaturityMessage]:
        """One for each partner and currency, from the first of the rewards that wait on."""
        starts: dict[tuple[str, str], str] = {}
        for reward_id in self._waiting(reward_ids):
            key = keys.reward(reward_id)
            whose = (keys.owner_of(key), keys.currency_of(key["sk"]))
            starts[whose] = min(key["sk"], starts.get(whose, "~"))
        return [
            MaturityMessage(partner_id, currency, since, False, f"{self.look.name}-{partner_id}-{since}")
            for (partner_id, currency), since in starts.items()
        ]

    def _waiting(self, reward_ids: Sequence[str]) -> Iterable[str]:
        """Those whose time has come and who are not money yet: a message about others would be for nothing."""
        for start in range(0, len(reward_ids), BATCH_LIMIT):
            yield from rewards.still_waiting(self._context.table, reward_ids[start : start + BATCH_LIMIT])

    def _keep(self) -> None:
        """Write the places, if nobody has since they were read: another run goes on from there, and this one ends."""
        runs = (self._kept or {}).get("runs", 0)
        item: Item = {
            **keys.cursor(self.look.name), "at": self._reached_ms, "runs": runs + 1,
            "places": {str(shard): place for shard, place in enumerate(self._places)},
        }  # fmt: skip
        unmoved = "#runs = :was" if runs else "attribute_not_exists(#runs)"
        try:
            self._context.table.commit(put("the places are those", item, unmoved, **({"was": runs} if runs else {})))
        except Again:
            self.left = False
            return
        self._kept = item
