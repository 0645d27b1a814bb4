"""Finds what is due, on a schedule: work grows with what is due, not with what exists.

Every look keeps a place of its own in the index and only ever goes forward from it, also in the middle of a moment:
however much is due, a run that has time for one slice leaves less for the next. All shards of the index are read as one
list, so what has waited longest comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from refledger.domain.maturity import MaturityMessage
from refledger.domain.times import HOUR_MS, MINUTE_MS
from refledger.operations.context import Context
from refledger.store import cursors, keys, payments, rewards, shards
from refledger.store.cursors import DuePlace
from refledger.store.transaction import ConditionFailed, RetryableConflict


@dataclass(frozen=True)
class Look:
    """Under which name it keeps its place, and how far behind the clock it ends, in milliseconds."""

    name: str
    behind_ms: int


# The first gives the index a minute. The second passes an hour later, for what was committed or indexed late, or whose
# message died. Each looks at every payment once; whatever both have missed is found by `overdue`, once a day.
LOOKS = (Look("DUE", MINUTE_MS), Look("DUE-LATE", HOUR_MS))
SLICE = 100  # rewards between two questions whether there is time left, and between two places that are kept
PAGE = 50  # payments of a shard that are read at a time
IDLE_MS = HOUR_MS  # a place behind which nothing was found is written no more often
EARLIER_OVERLAP_MS = HOUR_MS  # of places that were kept by earlier versions, when nothing came behind them

Send = Callable[[Sequence[MaturityMessage]], None]
Woken = dict[tuple[str, str], str]  # partner and currency: the sort key from which on they were told to look


@dataclass(frozen=True)
class ScanResult:
    """What a run has come to: messages sent by look, how far the last of them is behind where it should be, and whether
    there is more for which there was no time.
    """

    sent: dict[str, int]
    behind_ms: int
    left: bool = False


def find_due(context: Context, send: Send, go_on: Callable[[], bool], looks: Sequence[Look] = LOOKS) -> ScanResult:
    """Send a message for each partner and currency with something due that still waits; one a run.

    The looks take turns, a slice each, so that none lives on what another leaves. A place is kept when the messages are
    sent: a run that ends early, or dies, has done its part. Repeats are harmless.
    """
    woken: Woken = {}
    count = shards.count(context.table)
    runs = [_Run(context, look, count, woken) for look in looks]
    while any(run.left for run in runs) and go_on():
        for run in runs:
            if run.left and go_on():
                run.advance(send)
    for run in runs:
        run.end()
    behind_ms = max((run.behind_ms for run in runs), default=0)
    return ScanResult({run.look.name: run.sent for run in runs}, behind_ms, any(run.left for run in runs))


class _Run:
    """One look of one tick: where it is, and whether anything is left."""

    def __init__(self, context: Context, look: Look, shards: int, woken: Woken) -> None:
        self.look, self.sent, self._unkept = look, 0, 0  # rewards since the place was written
        self._context, self._until_ms, self._woken = context, context.now_ms() - look.behind_ms, woken
        self._end = f"{self._until_ms}~"  # behind all that is due in its millisecond
        kept = cursors.due_place(context.table, look.name)
        self._kept = kept.place if kept else ""
        self._place = self._begun = self._begin(kept)
        self.left = self._place < self._end
        begun = (shards, self._begun, self._end, PAGE)
        self._due = payments.due(context.table, *begun) if self.left else iter(())

    def _begin(self, kept: DuePlace | None) -> str:
        """Where the last run stopped. A look that is new begins an hour back, or where the first one stands if that is
        further back, and not with the first payment of all.
        """
        if kept and kept.begin:
            return kept.begin
        first = kept or cursors.due_place(self._context.table, LOOKS[0].name)
        at_ms = first.at_ms if first else 0
        return str(max(0, min(at_ms, self._until_ms) - EARLIER_OVERLAP_MS)).zfill(len(str(self._until_ms)))

    @property
    def behind_ms(self) -> int:
        """How long what it has not looked at yet may have waited, whoever is to look at it."""
        return self._until_ms - _moment(self._place) if self._place < self._end and _moment(self._place) else 0

    def advance(self, send: Send) -> None:
        """Look at one slice, send, and keep the place."""
        ids, place = self._slice()
        self.left = place < self._end
        if messages := self._messages(ids):
            send(messages)
            self.sent += len(messages)
        self._place, self._unkept = place, self._unkept + len(ids)
        if self._unkept >= SLICE or _moment(place) - _moment(self._kept or "0") >= IDLE_MS:
            self._keep()

    def end(self) -> None:
        """Note that the next run need not pass again what few were found."""
        if self._unkept:
            self._keep()

    def _slice(self) -> tuple[list[str], str]:
        """Ids of the next rewards, and the place behind them."""
        ids: list[str] = []
        for position, reward_ids in self._due:
            ids += reward_ids
            if len(ids) >= SLICE:
                return ids, position
        return ids, self._end

    def _messages(self, reward_ids: Sequence[str]) -> list[MaturityMessage]:
        """One for each partner and currency, from the first of the rewards that wait on; none for whom this run has
        told already to look from there: they take all that is due.
        """
        starts: Woken = {}
        for reward_id in self._waiting([id for id in reward_ids if not self._is_told(id)]):
            if not self._is_told(reward_id):
                starts[_whose(reward_id)] = self._woken[_whose(reward_id)] = rewards.sort_key(reward_id)
        return [
            MaturityMessage(partner_id, currency, since, False, f"{partner_id}-{since}")
            for (partner_id, currency), since in starts.items()
        ]

    def _is_told(self, reward_id: str) -> bool:
        return self._woken.get(_whose(reward_id), "~") <= rewards.sort_key(reward_id)

    def _waiting(self, reward_ids: Sequence[str]) -> Iterable[str]:
        """Those whose time has come and who are not money yet: a message about others would be for nothing."""
        return rewards.still_waiting(self._context.table, reward_ids)

    def _keep(self) -> None:
        """Write the place, if nobody has moved it since: another run goes on from there, and this one ends."""
        try:
            self._context.table.commit(cursors.move_due_place(self.look.name, self._kept, self._place))
        except ConditionFailed as failed:
            self.left, self._place, self._unkept = False, cursors.moved_to(failed), 0
        except RetryableConflict:
            return  # nothing is lost: it is written with the next slice, or looked at again
        else:
            self._kept, self._unkept = self._place, 0


def _whose(reward_id: str) -> tuple[str, str]:
    """Partner and currency."""
    return keys.owner_of(keys.reward(reward_id)), keys.currency_of(rewards.sort_key(reward_id))


def _moment(place: str) -> int:
    return keys.moment_at(place.rstrip("~"))
