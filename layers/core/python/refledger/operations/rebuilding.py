"""A partner's roll-ups, counted anew from rewards and referrals while the stream's consumer goes on.

What was lost (records that the consumer gave up) cannot be found by comparing figures with the table: the consumer is
always a little behind, and nobody can say by how much. So nothing is counted here at all. A new generation is begun,
every item is stamped for it, and the consumer counts each item whole when the stream tells of its stamp, and by its
changes afterwards (`store/generations.py`). A stream keeps the order of an item's changes, so each counts once.

An item that is created meanwhile needs no stamp: one whose `created` is at or after the generation's moment counts by
itself. That moment lies `AHEAD_MS` in the future when the generation is begun, so that a writer whose clock is ahead is
met by a consumer who knows; and stamping begins `LATE_MS` after it, when all that was created before is in the table.

Readers change over when the consumer has counted as many stamps as were written. Until then, and wherever this stops,
they read the old figures. Another run goes on where the last one stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from refledger.domain.times import MINUTE_MS, SECOND_MS
from refledger.domain.uplines import KEPT_LINKS
from refledger.operations.context import Context
from refledger.operations.statistics import STAMPED
from refledger.store import generations, keys, partners, statistics
from refledger.store.transaction import Item, Moved, Write

AHEAD_MS = MINUTE_MS  # no two clocks differ by so much
LATE_MS = 2 * MINUTE_MS  # no function works on one thing for so long
POLL_MS = 5 * SECOND_MS

Partners = Callable[[], Iterable[str]]


@dataclass
class Rebuilt:
    """`partners` have new figures; `waiting` have not, because the consumer did not count all their stamps in time."""

    partners: int = 0
    stamped: int = 0
    waiting: int = 0


def everybody(context: Context) -> Iterator[str]:
    return (partner_id for _, partner_id in partners.newest(context.table, "", 100))


def rebuild(
    context: Context,
    of_partners: Partners,
    wait_ms: int,
    *,
    afresh: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Rebuilt:
    """Build the figures of these partners anew; returns after `wait_ms` of waiting for the consumer at the latest.

    Idempotent: a partner's generation that is under construction is finished, or with `afresh` given up for a new one.
    """
    rebuilt = Rebuilt()
    newest = max((_begin(context, partner_id, afresh) for partner_id in of_partners()), default=0)
    tell("waiting until all that is being written now is in the table")
    while context.now_ms() < newest + LATE_MS:
        context.pause(min(POLL_MS, newest + LATE_MS - context.now_ms()))
    for partner_id in of_partners():
        rebuilt.stamped += _stamp_all(context, partner_id, newest)
        tell(f"{rebuilt.stamped} items told the stream")
    give_up_ms = context.now_ms() + wait_ms
    for partner_id in of_partners():
        if _change_over(context, partner_id, give_up_ms):
            rebuilt.partners += 1
        else:
            rebuilt.waiting += 1
        tell(f"{rebuilt.partners} partners have new figures")
    return rebuilt


def _begin(context: Context, partner_id: str, afresh: bool) -> int:
    """The generation that is under construction for the partner, begun here unless there is one."""

    def once() -> int:
        known = generations.find(context.table, partner_id)
        if known.next is not None and not afresh:
            return known.next
        if known.old is not None:  # the run before this one may have died before it had
            statistics.forget(context.table, keys.statistics(partner_id, known.old))
        if known.next is not None:
            context.table.commit(generations.give_up(partner_id, known.next))
            statistics.forget(context.table, keys.statistics(partner_id, known.next))
        generation = max(context.now_ms() + AHEAD_MS, known.current + 1, (known.next or 0) + 1)
        context.table.commit(generations.begin(partner_id, generation))
        return generation

    return context.repeat(once)


def _stamp_all(context: Context, partner_id: str, newest: int) -> int:
    """Stamp what the partner's figures are made of; returns how many items were stamped by this call.

    With the newest generation of the run, in which all others are contained: what is in the figures of several partners
    is stamped once.
    """
    known = generations.find(context.table, partner_id)
    generation = known.next
    if generation is None or known.stamped is not None:  # done by another run
        return 0
    older = stamped = 0
    for item in _counted_for(context, partner_id):
        if generations.is_older(item, generation):
            older += 1
            if not generations.counts_in(item, generation):
                stamped += _commit(context, generations.stamp(item, newest))
    _commit(context, generations.all_stamped(partner_id, generation, older))
    return stamped


def _commit(context: Context, write: Write) -> bool:
    """False where it was done before: by another run, or by this call, whose answer was lost."""

    def once() -> bool:
        try:
            context.table.commit(write)
        except Moved:
            return False
        return True

    return context.repeat(once)


def _change_over(context: Context, partner_id: str, give_up_ms: int) -> bool:
    """Wait until the consumer has counted every stamp of the partner, then let readers read the new figures."""
    while True:
        known = generations.find(context.table, partner_id)
        if known.next is None:
            return True  # by another run
        built = statistics.totals(context.table, keys.statistics(partner_id, known.next))
        if known.stamped is not None and built[STAMPED] == known.stamped:
            _commit(context, generations.switch(partner_id, known.current, known.next))
            statistics.forget(context.table, keys.statistics(partner_id, known.current))
            return True
        if context.now_ms() >= give_up_ms:
            return False
        context.pause(POLL_MS)


def _counted_for(context: Context, partner_id: str) -> Iterator[Item]:
    """Every reward of the partner, and every referral in which the partner is a paid tier."""
    yield from context.table.query(keys.rewards(partner_id))
    for referral in _down_line(context, partner_id, "", KEPT_LINKS):
        if partner_id in [above for above, _, _ in referral["up"][: referral["depth"]]]:
            yield referral


def _down_line(context: Context, partner_id: str, program_id: str, levels: int) -> Iterator[Item]:
    """Referrals by the partner, by those they referred, and so on: in one program, or for "" in each for itself."""
    for referral in context.table.query(keys.referrals(partner_id)):
        if program_id and referral["program"] != program_id:
            continue
        yield referral
        below = partners.id_of_user(context.table, referral["customer"]) if levels > 1 else None
        if below:
            yield from _down_line(context, below, referral["program"], levels - 1)
