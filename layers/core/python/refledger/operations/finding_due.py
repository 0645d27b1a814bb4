"""Finds what is due, on a schedule: work grows with what is due, not with what exists.

Every look keeps a place of its own in each shard of the index and only ever goes forward from it, also in the middle of
a moment, and always in the shard that is furthest behind: however much is due, a run that has time for one slice leaves
less for the next, and what has waited longest comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from refledger.domain.maturity import MaturityMessage
from refledger.domain.times import MINUTE_MS
from refledger.operations.context import Context
from refledger.store import keys, rewards
from refledger.store.table import BATCH_LIMIT
from refledger.store.transaction import Again, Item, Moved, Write, update

HOUR_MS = 60 * MINUTE_MS


@dataclass(frozen=True)
class Look:
    """Under which name it keeps its place, and how far behind the clock it ends, in milliseconds."""

    name: str
    behind_ms: int


# The first gives the index a minute. The second passes an hour later, for what was committed or indexed late, or whose
# message died. Each looks at every payment once; whatever both have missed is found by `overdue`, once a day.
LOOKS = (Look("DUE", MINUTE_MS), Look("DUE-LATE", HOUR_MS))
SLICE = 100  # rewards of one shard between two questions whether there is time left; and between two kept places
IDLE_MS = HOUR_MS  # a place behind which nothing was found is written no more often
FIRST = "0" * 13  # before every place
EARLIER_OVERLAP_MS = HOUR_MS  # of places that were kept before there was one for each shard
PLACES_ARE_THOSE = "the places are as they were read"

Send = Callable[[Sequence[MaturityMessage]], None]
Woken = dict[tuple[str, str], str]  # partner and currency: the sort key from which on they were told to look


@dataclass(frozen=True)
class Found:
    """What a run has come to: messages sent by look, and how far the last of them is behind where it should be."""

    sent: dict[str, int]
    behind_ms: int


def find_due(context: Context, send: Send, go_on: Callable[[], bool], looks: Sequence[Look] = LOOKS) -> Found:
    """Send a message for each partner and currency with something due that still waits; one a run.

    The looks take turns, a slice each, so that none lives on what another leaves. Places are kept when the messages are
    sent: a run that ends early, or dies, has done its part. Repeats are harmless.
    """
    woken: Woken = {}
    runs = [_Run(context, look, woken) for look in looks]
    while any(run.left for run in runs) and go_on():
        for run in runs:
            if run.left and go_on():
                run.advance(send)
    for run in runs:
        run.end()
    return Found({run.look.name: run.sent for run in runs}, max((run.behind_ms for run in runs), default=0))


class _Run:
    """One look of one tick: its places, by shard, and what is left of it."""

    def __init__(self, context: Context, look: Look, woken: Woken) -> None:
        self.look, self.sent, self._unkept = look, 0, 0  # rewards since the places were written
        self._context, self._until_ms, self._woken = context, context.now_ms() - look.behind_ms, woken
        self._end = f"{self._until_ms}~"  # behind all that is due in its millisecond
        kept = context.table.get(keys.cursor(look.name)) or {}
        self._saved = _places_in(kept)
        self._places = self._begin(kept)
        self._mine = {shard for shard, place in self._places.items() if place < self._end}

    def _begin(self, kept: Item) -> dict[int, str]:
        """Where the last run stopped. A look that is new begins an hour back, or where the first one stands if that is
        further back, and not with the first payment of all. A shard that is new has nothing of before.
        """
        shards = range(keys.DUE_SHARDS)
        if self._saved or "places" in kept:  # the second: of an earlier version, all in one attribute
            earlier = {int(shard): str(place) for shard, place in kept.get("places", {}).items()}
            return dict.fromkeys(shards, FIRST) | earlier | self._saved
        first = kept or self._context.table.get(keys.cursor(LOOKS[0].name)) or {"at": 0}
        begin_ms = max(0, min(first["at"], self._until_ms) - EARLIER_OVERLAP_MS)
        return dict.fromkeys(shards, str(begin_ms).zfill(len(FIRST)))

    @property
    def left(self) -> bool:
        """Whether there is anything that this run may go on with."""
        return bool(self._mine)

    @property
    def behind_ms(self) -> int:
        """How long what it has not looked at yet may have waited, whoever is to look at it; shards at which nobody has
        looked at all say nothing of that.
        """
        begun = [place for place in self._places.values() if place > FIRST]
        lowest = min(begun, default=self._end)
        return self._until_ms - _moment(lowest) if lowest < self._end else 0

    def advance(self, send: Send) -> None:
        """Look at one slice of the shard that is furthest behind, send, and keep the place. Where nothing is due in
        one, it is the next one's turn.
        """
        ids: list[str] = []
        while self._mine and not ids:
            shard = min(self._mine, key=self._places.__getitem__)
            ids, self._places[shard] = self._slice(shard, self._places[shard])
            if self._places[shard] >= self._end:
                self._mine.discard(shard)
            if not ids and _moment(self._places[shard]) - _moment(self._saved.get(shard, FIRST)) >= IDLE_MS:
                self._keep()
        if messages := self._messages(ids):
            send(messages)
            self.sent += len(messages)
        self._unkept += len(ids)
        if self._unkept >= SLICE:
            self._keep()

    def end(self) -> None:
        """What the next run need not pass again; where time ran out, also the shards in which nothing was found."""
        if self.left or self._unkept:
            self._keep()

    def _slice(self, shard: int, place: str) -> tuple[list[str], str]:
        """Ids of the rewards from a place on, and the place after them."""
        ids: list[str] = []
        found = self._context.table.query(
            keys.due_shard(shard), place, self._end, index="work", page_size=max(2, SLICE // 2)
        )
        for item in found:
            if item["w2"] == place:  # was the last one
                continue
            ids += (reward_id for reward_id, _ in item["rewards"])
            if len(ids) >= SLICE:
                return ids, str(item["w2"])
        return ids, self._end

    def _messages(self, reward_ids: Sequence[str]) -> list[MaturityMessage]:
        """One for each partner and currency, from the first of the rewards that wait on; none for whom this run has
        told already to look from there: they take all that is due.
        """
        starts: Woken = {}
        for reward_id in self._waiting(reward_ids):
            key = keys.reward(reward_id)
            whose = (keys.owner_of(key), keys.currency_of(key["sk"]))
            if key["sk"] < self._woken.get(whose, "~"):
                starts[whose] = self._woken[whose] = key["sk"]
        return [
            MaturityMessage(partner_id, currency, since, False, f"{partner_id}-{since}")
            for (partner_id, currency), since in starts.items()
        ]

    def _waiting(self, reward_ids: Sequence[str]) -> Iterable[str]:
        """Those whose time has come and who are not money yet: a message about others would be for nothing."""
        for start in range(0, len(reward_ids), BATCH_LIMIT):
            yield from rewards.still_waiting(self._context.table, reward_ids[start : start + BATCH_LIMIT])

    def _keep(self) -> None:
        """Write the places that have moved, each if nobody has moved it since: another run goes on from there."""
        self._unkept = 0
        moved = {shard: place for shard, place in self._places.items() if place != self._saved.get(shard)}
        if not moved:
            return
        try:
            self._context.table.commit(self._write(moved))
        except Moved as others:
            self._give_up(_places_in(others.found[PLACES_ARE_THOSE]))
        except Again:
            return  # nothing is lost: they are written with the next slice, or looked at again
        else:
            self._saved |= moved

    def _write(self, moved: dict[int, str]) -> Write:
        was = {shard: self._saved[shard] for shard in moved if shard in self._saved}
        unmoved = [
            f"#shard{shard} = :was{shard}" if shard in was else f"attribute_not_exists(#shard{shard})"
            for shard in moved
        ]  # fmt: skip
        return update(
            PLACES_ARE_THOSE, keys.cursor(self.look.name),
            "SET #at = :at, " + ", ".join(f"#shard{shard} = :to{shard}" for shard in moved), " AND ".join(unmoved),
            at=_moment(min(self._places.values())), **{f"to{shard}": place for shard, place in moved.items()},
            **{f"was{shard}": place for shard, place in was.items()},
        )  # fmt: skip

    def _give_up(self, kept: dict[int, str]) -> None:
        """Leave the shards at which another run was meanwhile to that one."""
        for shard in [shard for shard, place in kept.items() if place != self._saved.get(shard)]:
            self._mine.discard(shard)
            self._places[shard] = kept[shard]
        self._saved = kept


def _places_in(item: Item) -> dict[int, str]:
    """By shard."""
    return {int(name[5:]): place for name, place in item.items() if name.startswith("shard")}


def _moment(place: str) -> int:
    return keys.moment_at(place.rstrip("~"))
