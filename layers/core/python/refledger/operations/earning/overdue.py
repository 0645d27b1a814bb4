"""Finds whom the schedule has lost: once a day it asks of every partner whether a reward waits whose time is past.

The looks of `due_scan` pass each payment twice. What then still waits, because its message died or a worker failed
for days, is found here however long ago that was, partner by partner, from where the last such look found nothing to
wait. A round is gone through in pieces and begun again a day after it began.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice

from refledger.domain.maturity import MaturityMessage
from refledger.domain.times import DAY_MS, MINUTE_MS, iso
from refledger.operations.context import Context
from refledger.operations.earning.due_scan import Send
from refledger.store import cursors, keys, partners, rewards
from refledger.store.cursors import OverdueRound

LATE_MS = 120 * MINUTE_MS  # after its time; until then it is with the schedule, and the queue's tries
PAGE = 100  # partners between two places that are kept
PIECE = 1_000  # rewards of a partner between two questions whether there is time left


def find_overdue(context: Context, send: Send, go_on: Callable[[], bool]) -> int:
    """Go on with the round while `go_on` says so, or begin the next when its day has come.

    Returns how many messages were sent.

    Idempotent: a partner's mark moves when the messages about them are sent, the round's place after that.
    """
    now_ms = context.now_ms()
    round = cursors.overdue_round(context.table, now_ms)
    if round.ended_ms and now_ms - round.began_ms >= DAY_MS:
        round = OverdueRound(now_ms)
    sent = 0
    while not round.ended_ms and go_on():
        before, round = round, _page(context, send, go_on, round)
        sent += round.sent - before.sent
        context.table.commit(cursors.keep_overdue_round(round))
    return sent


def _page(context: Context, send: Send, go_on: Callable[[], bool], round: OverdueRound) -> OverdueRound:
    listed = list(islice(partners.oldest(context.table, round.place, PAGE + 1), PAGE))
    marks = rewards.overdue_marks(context.table, [id for _, id in listed]) if listed else {}
    for place, partner_id in listed:
        sent, within = _partner(context, send, go_on, partner_id, marks[partner_id], round.within)
        round = replace(round, sent=round.sent + sent, within=within)
        if within:
            return round
        round = replace(round, place=place)
    return round if len(listed) == PAGE else replace(round, ended_ms=context.now_ms())


def _partner(
    context: Context, send: Send, go_on: Callable[[], bool], partner_id: str, mark: str, within: str
) -> tuple[int, str]:
    """How many messages were sent, and up to which sort key the partner's rewards were looked at; "" for all of them.

    The mark stays before the first that waits, also where the look goes on behind it in another tick.
    """
    until_ms = context.now_ms() - LATE_MS
    moves, sent = within in ("", mark), 0
    starts: dict[str, str] = {}
    found = rewards.waiting_since(context.table, context.reward_partitions(partner_id), within or mark, until_ms)
    while piece := list(islice(found, PIECE)):
        for sort_key, currency in ((each[0], each[1]) for each in piece if each[2]):
            starts.setdefault(currency, sort_key)
        if len(starts) > sent:
            new = list(starts.items())[sent:]
            send([MaturityMessage(partner_id, c, since, False, f"{partner_id}-{since}") for c, since in new])
            sent += len(new)
        seen = f"{piece[-1][0]}~"
        if moves and (first := min([*starts.values(), seen])) != mark:
            context.table.commit(rewards.look_past(partner_id, mark, first))
            mark = first
        moves = moves and not starts
        if len(piece) == PIECE and not go_on():
            return sent, seen
    return sent, ""


def waiting_too_long(context: Context, partner_ids: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Yield (partner, currency, why) of rewards that nobody has made money of.

    They wait two hours after their time.
    """
    until_ms = context.now_ms() - LATE_MS
    for partner_id in partner_ids:
        mark = rewards.overdue_marks(context.table, [partner_id])[partner_id]
        partitions = context.reward_partitions(partner_id)
        for sort_key, currency, waits in rewards.waiting_since(context.table, partitions, mark, until_ms):
            if waits:
                due = iso(keys.due_at(sort_key))
                yield (partner_id, currency, f"reward {partner_id}{sort_key}: waits, although it was due {due}")
