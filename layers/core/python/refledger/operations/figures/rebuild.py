"""Roll-ups counted anew from the books while the stream's consumer goes on: of partners, of programs, of all journals.

What was lost (records that the consumer gave up) cannot be found by comparing figures with the table: the consumer is
always a little behind, and nobody can say by how much. So nothing is counted here at all. A new generation is begun,
every item is stamped for it, and the consumer counts each item whole when the stream tells of its stamp, and by its
changes afterwards (`store/generations.py`). A stream keeps the order of an item's changes, so each counts once.

An item that is created meanwhile needs no stamp: one whose `created` is at or after the generation's moment counts by
itself. That moment lies `AHEAD_MS` in the future when the generation is begun, so that a writer whose clock is ahead is
met by a consumer who knows; and stamping begins `LATE_MS` after it, when all that was created before is in the table.

Journal entries are never written twice, so they are not stamped: those before the generation's moment are summed up
here, which is exact because they do not change, and the consumer counts the others.

Readers change over when the consumer has counted as many stamps as were written. Until then, and wherever this stops,
they read the old figures. Another run goes on where the last one stopped.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field

from refledger.domain.leaderboards import ChangedMonth
from refledger.domain.programs import DATA_FORMAT
from refledger.domain.times import MINUTE_MS, SECOND_MS, day
from refledger.operations.context import Context, commit, retry_on_conflict
from refledger.operations.figures import leaderboards
from refledger.operations.figures.counters import dated, stamped_in
from refledger.operations.figures.projection import STAMPED
from refledger.operations.figures.rebuild_diff import beside
from refledger.operations.figures.rollups import FAR
from refledger.store import book_items, dimensions, generations, images, partners, programs, statistics
from refledger.store.dimensions import Dimension
from refledger.store.generations import Generations
from refledger.store.transaction import ConditionFailed, Item, Write

AHEAD_MS = MINUTE_MS  # no two clocks differ by so much
LATE_MS = 2 * MINUTE_MS  # no function works on one thing for so long
POLL_MS = 5 * SECOND_MS

Partners = Callable[[], Iterable[str]]
Tell = Callable[[str], None]


@dataclass
class Rebuilt:
    """`partners` have new figures; `waiting` have not, because the consumer did not count all their stamps in time.

    `programs`, `programs_waiting`: the same of programs, and of the books as one more.
    """

    partners: int = 0
    stamped: int = 0
    waiting: int = 0
    programs: int = 0
    programs_waiting: int = 0


@dataclass
class _Run:
    """What is stamped by this call. `building`: by subject, what is under construction and not stamped yet.

    `newest`: the newest generation of them, in which all others are contained: what is in the figures of several is
    stamped once. `older`: how many items there are of each that count by their stamps.
    """

    context: Context
    newest: int
    tell: Tell
    building: dict[str, Generations] = field(default_factory=dict)
    older: Counter[str] = field(default_factory=Counter)
    stamped: int = 0

    def offer(self, item: Item, only: str = "") -> None:
        """Stamp it, where that is needed, and count it for those whom it concerns, or `only` for one of them."""
        needed = False
        concerned = {dimension.subject for dimension in stamped_in(images.read(item))} & self.building.keys()
        for subject in concerned & {only} if only else concerned:
            generation = self.building[subject].next or 0
            if generations.is_older(item, generation):
                self.older[subject] += 1
                needed |= not generations.counts_in(item, generation)
        if needed and _commit(self.context, generations.stamp(item, self.newest)):
            self.stamped += 1
            self.tell(f"{self.stamped} items told the stream")

    def finish(self, subject: str, *base: Write) -> None:
        """Say that all that there is of it is stamped."""
        generation = self.building[subject].next or 0
        _commit(self.context, generations.all_stamped(subject, generation, self.older[subject]), *base)


def everybody(context: Context) -> Iterator[str]:
    return (partner_id for _, partner_id in partners.newest(context.table, "", 100))


def rebuild(
    context: Context,
    of_partners: Partners,
    wait_ms: int,
    *,
    whole: bool = False,
    afresh: bool = False,
    only: Collection[str] | None = None,
    tell: Tell = lambda _: None,
) -> Rebuilt:
    """Build the figures of these partners anew.

    Returns after `wait_ms` of waiting for the consumer at the latest.

    `whole`: the partners are all there are, and programs and the books are built anew with them; `only` these subjects,
    and what an earlier run has begun. Leaderboards of partners with new figures follow. Idempotent: a generation that
    is under construction is finished, or with `afresh` given up for a new one.
    """

    def others() -> list[Dimension]:
        return [*map(dimensions.program, _programs(context)), dimensions.WITHDRAWALS] if whole else []

    mains = list(_chosen(context, [*map(dimensions.partner, of_partners()), *others()], only))
    rebuilt = Rebuilt()
    if not mains:
        return _all_counted(context, rebuilt, whole)
    newest = max(_begin(context, main, afresh) for main in mains)
    tell("waiting until all that is being written now is in the table")
    while context.now_ms() < newest + LATE_MS:
        context.pause(min(POLL_MS, newest + LATE_MS - context.now_ms()))
    run = _Run(context, newest, tell)
    for main in mains:
        known = generations.find(context.table, main.subject)
        if known.next is not None and known.stamped is None:  # else another run has done it
            run.building[main.subject] = known
    _stamp_all(run, of_partners, whole=whole)
    rebuilt.stamped = run.stamped
    give_up_ms = context.now_ms() + wait_ms
    for main in mains:
        is_partner, is_done = main.of is dimensions.Of.PARTNER, _change_over(context, main, give_up_ms)
        rebuilt.partners += is_partner and is_done
        rebuilt.waiting += is_partner and not is_done
        rebuilt.programs += is_done and not is_partner
        rebuilt.programs_waiting += not is_done and not is_partner
        tell(f"{rebuilt.partners} partners have new figures")
    return _all_counted(context, rebuilt, whole)


def _all_counted(context: Context, rebuilt: Rebuilt, whole: bool) -> Rebuilt:
    """Programs say so, where nothing is left that is not counted by the rules of this code."""
    for _, program in programs.after(context.table, "") if whole else ():
        if program.data_format < DATA_FORMAT and not rebuilt.waiting + rebuilt.programs_waiting:
            _commit(context, programs.is_counted(program.id))
    return rebuilt


def _chosen(context: Context, mains: list[Dimension], only: Collection[str] | None) -> Iterator[Dimension]:
    """Those of the subjects `only`, and those of whose generations one is under construction; all for None."""
    begun = generations.of(context.table, (main.subject for main in mains)) if only is not None else {}
    return (main for main in mains if only is None or main.subject in only or begun[main.subject].next is not None)


def _programs(context: Context) -> list[str]:
    return [program.id for _, program in programs.after(context.table, "")]


@retry_on_conflict
def _begin(context: Context, main: Dimension, afresh: bool) -> int:
    """The generation that is under construction for the subject, begun here unless there is one."""
    subject = main.subject
    known = generations.find(context.table, subject)
    if known.next is not None and not afresh:
        return known.next
    if known.old is not None:  # the run before this one may have died before it had
        _forget(context, main, known.old)
    if known.next is not None:
        context.table.commit(generations.give_up(subject, known.next))
        _forget(context, main, known.next)
    generation = max(context.now_ms() + AHEAD_MS, known.current + 1, (known.next or 0) + 1)
    context.table.commit(generations.begin(subject, generation))
    return generation


def _stamp_all(run: _Run, of_partners: Partners, *, whole: bool) -> None:
    """Stamp what the figures are made of. What only a part of the partners is in is looked for among all of a program's
    payments, and down the line of those whom they referred.
    """
    table, named = run.context.table, set[str]()
    for partner_id in of_partners():
        main = dimensions.partner(partner_id)
        if not whole and main.subject not in run.building:
            continue
        program = partners.find(table, partner_id).program_id
        named.add(program)
        only = "" if whole else main.subject  # a referral that is in the figures of several comes up for each of them
        for item in book_items.of_partner(table, partner_id, run.context.reward_partitions(partner_id)):
            run.offer(item, only)
        for item in book_items.referrals_of(table, partner_id) if whole else book_items.below(table, partner_id):
            run.offer(item, only)
        for item in book_items.accounts_of(table, partner_id) if whole else ():
            run.offer(item)
    for program in _programs(run.context) if whole else sorted(named):
        for item in book_items.payments_of(table, program, run.context.shards()):
            run.offer(item)
    for subject in run.building:
        if subject != dimensions.JOURNAL.subject:
            run.finish(subject)
    if known := run.building.get(dimensions.JOURNAL.subject):
        _sum_up_journals(run, of_partners, known.next or 0)


def _sum_up_journals(run: _Run, of_partners: Partners, generation: int) -> None:
    """The entries before the generation's moment, as parts of their days that the stream does not write."""
    by_day: dict[str, Counter[str]] = defaultdict(Counter)
    for partner_id in of_partners():
        for item in book_items.entries_of(run.context.table, partner_id):
            if not generations.counts_in(item, generation):
                for when, _, counter, amount in dated(images.days(item)):
                    by_day[when][counter] += amount
    today = day(run.context.now_ms())
    days, sums = statistics.base(dimensions.JOURNAL.at(generation), day(generation), today, by_day)
    for write in days:
        commit(run.context, write)
    run.finish(dimensions.JOURNAL.subject, sums)


@retry_on_conflict
def _commit(context: Context, *writes: Write) -> bool:
    """False where it was done before: by another run, or by this call, whose answer was lost."""
    try:
        context.table.commit(*writes)
    except ConditionFailed:
        return False
    return True


def _change_over(context: Context, main: Dimension, give_up_ms: int) -> bool:
    """Wait until the consumer has counted every stamp of the subject, then let readers read the new figures."""
    while True:
        known = generations.find(context.table, main.subject)
        if known.next is None:
            return True  # by another run
        built = statistics.totals(context.table, main.at(known.next))
        if known.stamped is not None and built[STAMPED] == known.stamped:
            months = _months(context, main, known.current, known.next)
            _commit(context, generations.switch(main.subject, known.current, known.next))
            _forget(context, main, known.current)
            leaderboards.refresh(context, [ChangedMonth(main.id, month) for month in sorted(months)])
            return True
        if context.now_ms() >= give_up_ms:
            return False
        context.pause(POLL_MS)


def _months(context: Context, main: Dimension, *those: int) -> set[str]:
    """Those in whose leaderboards a partner may have a place by these generations."""
    if main.of is not dimensions.Of.PARTNER:
        return set()
    found = (statistics.days(context.table, main.at(generation), "0", FAR) for generation in those)
    return {when[:6] for days in found for when in days}


def _forget(context: Context, main: Dimension, generation: int) -> None:
    """Delete a generation of a subject: of all its dimensions."""
    for dimension in (main, *beside(context, main)):
        statistics.forget(context.table, dimension.at(generation))
