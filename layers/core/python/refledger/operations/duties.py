"""A case before `domain.duties`: what it looks at is read here, and what was done is written down with the act itself.

case = duties.case(context, Act.PAY_REWARD, actor, [program], "USD", {partner.id: 500}, earns={partner.customer})
verdict = case.require()                            # raises what bars the actor
context.table.commit(*writes, *case.writes())       # under what was read: many at once pass no more than one by one
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from refledger.domain import duties
from refledger.domain.duties import (
    DUTIES,
    Act,
    Allowed,
    DutyFacts,
    Limit,
    NeedsSecond,
    Stake,
    Verdict,
    check_apart,
    check_stranger,
)
from refledger.domain.exposures import Exposure, Marked
from refledger.domain.programs import Program
from refledger.domain.times import DAY_MS, iso
from refledger.operations.context import Context
from refledger.store import exposures, keys, partners
from refledger.store.transaction import Write

__all__ = [
    "Case", "case", "check_apart", "check_stranger", "first_mark", "is_own", "marks", "sale", "sold", "strictest",
]  # fmt: skip


@dataclass(frozen=True)
class Case:
    """An act with its facts. `partners`: what is at stake of each of them, beside what their day has seen.

    `own`: what the actor's day has seen; None for who does not count by themselves.
    """

    act: Act
    facts: DutyFacts
    partners: tuple[Stake, ...]
    own: Exposure | None

    @property
    def verdict(self) -> Verdict:
        """Whether the actor may, and is enough."""
        return duties.decide(self.act, self.facts)

    def require(self) -> Verdict:
        """Return the verdict of an act that goes on where a second person is needed.

        Raises Forbidden, OwnWithdrawal, OwnAdjustment, SecondPersonNeeded for who is barred.
        """
        return duties.require(self.act, self.facts)

    def check(self) -> None:
        """Go on only where this person is enough. Raises like `require`, and SecondPersonNeeded."""
        duties.check(self.verdict)

    def writes(self, *, marks: Collection[str] | None = None, caller: str = "") -> list[Write]:
        """Return what goes into the act's transaction: its day's sums, and what is remembered of the actor.

        What needs a second person counts in no sum: the limit is for what one person does. `marks`: of whom it is
        remembered instead; nobody where it is empty. `caller`: the service that told of the sale, see `sold`.
        """
        duty, now_ms = DUTIES[self.act], self.facts.now_ms
        verdict = self.verdict
        counts = isinstance(verdict, Allowed) and verdict.alone
        marked = sorted(filter(None, {self.facts.actor} if marks is None else marks))
        written = []
        for stake in self.partners:
            new = self._with(stake.exposure, stake.amount if counts else 0)
            for each in marked if duty.marks else ():
                assert duty.marks
                new = new.marked(duty.marks, each, now_ms)
            new = _sold(new, caller, now_ms)
            key = keys.exposure_of_partner(stake.exposure.owner)
            if new != stake.exposure:
                written.append(exposures.keep(key, stake.exposure, new, now_ms))
            elif duty.barred_by:  # a mark that comes in between would have barred them
                written.append(exposures.unchanged(key, stake.exposure))
        total = sum(stake.amount for stake in self.partners)
        if self.own and counts and total and duty.tally:
            new = self._with(self.own, total)
            written.append(exposures.keep(keys.exposure_of_actor(self.own.owner), self.own, new, now_ms))
        return written

    def _with(self, exposure: Exposure, amount: int) -> Exposure:
        tally = DUTIES[self.act].tally
        if tally is None or amount <= 0:
            return exposure
        return exposure.plus(tally, self.facts.currency, amount, self.facts.now_ms)


def case(
    context: Context,
    act: Act,
    actor: str,
    programs: Sequence[Program],
    currency: str = "",
    amounts: Mapping[str, int] | None = None,
    *,
    earns: Collection[str] = (),
    requester: str = "",
    maker: str = "",
    earlier: Sequence[str] = (),
    whole: int = 0,
    by_machine: bool = False,
) -> Case:
    """Read what the day has seen of the partners and of the actor: one call, and consistent.

    `actor`: keyed hash of the user, or of the service; "" for a CRM or a schedule, of whom nothing is counted.
    `amounts`: what is at stake by partner, in minor units; 0 where only the marks count. `earns`: the users whose money
    it is. `programs`: the terms that hold, the strictest of several. `whole`: what the call comes to of which this is a
    part. Raises RetryableConflict, like every read.
    """
    at_stake = dict(amounts or {})
    places = [keys.exposure_of_partner(id) for id in at_stake]
    if actor:
        places.append(keys.exposure_of_actor(actor))
    items = context.table.get_many(places) if places else []
    partners = tuple(
        Stake(exposures.from_item(id, item), amount)
        for (id, amount), item in zip(at_stake.items(), items, strict=False)
    )
    own = exposures.from_item(actor, items[-1]) if actor else None
    total = sum(at_stake.values())
    facts = DutyFacts(
        actor=actor,
        now_ms=context.now_ms(),
        programs=tuple(programs),
        earns=frozenset(filter(None, earns)),
        requester=requester,
        maker=maker,
        earlier=tuple(earlier),
        marks=tuple(mark for stake in partners for mark in stake.exposure.marks),
        currency=currency,
        stakes=(*partners, *((Stake(own, total),) if own else ()), Stake(Exposure(""), whole)),
        by_machine=by_machine,
    )
    return Case(act, facts, partners, own)


def marks(context: Context, act: Act, actor: str, partner_id: str) -> list[Write]:
    """Return what writes down who did something for a partner, where nothing else of the case is asked."""
    kind, now_ms, key = DUTIES[act].marks, context.now_ms(), keys.exposure_of_partner(partner_id)
    if kind is None or not actor:
        return []
    old = exposures.from_item(partner_id, context.table.get(key))
    return [exposures.keep(key, old, old.marked(kind, actor, now_ms), now_ms)]


def first_mark(context: Context, act: Act, actor: str, partner_id: str) -> list[Write]:
    """`marks`, of a partner who begins with the same transaction: nothing was written of them yet."""
    kind, now_ms, nothing = DUTIES[act].marks, context.now_ms(), Exposure(partner_id)
    if kind is None or not actor:
        return []
    return [exposures.keep(keys.exposure_of_partner(partner_id), nothing, nothing.marked(kind, actor, now_ms), now_ms)]


def sale(
    context: Context, caller: str, program: Program, currency: str, amount: int, *, earns: Collection[str] = ()
) -> list[Write] | None:
    """Return what counts a sale in the day of the service that told of it.

    None where that needs a person: above the limit, or where the one behind the service earns from it. `caller`: keyed
    hash of the service. `amount`: of all rewards, in minor units. `earns`: the users whose money it is.
    Counted by the day on which it is booked (UTC), for when it was paid is what the service says; over all programs, of
    which one person may make many. Nothing is read or counted where there is no limit.
    """
    if amount <= 0:
        return []
    if caller in earns:
        return None
    if not program.limits_sales(currency):
        return []
    limit, now_ms = program.limit(Limit.SALES.value, currency), context.now_ms()
    key = keys.exposure_of_caller(caller, iso(now_ms)[:10])
    seen = exposures.sold_from(caller, context.table.get(key), now_ms)
    facts = DutyFacts(caller, now_ms, [program], currency=currency, stakes=(Stake(seen, amount),), by_machine=True)
    if isinstance(duties.require(Act.TELL_SALE, facts), NeedsSecond):
        return None
    room = limit - amount if limit is not None and program.exposure is None else None
    return [exposures.sell(key, seen, currency, amount, room, now_ms)]


def is_own(context: Context, caller: str, partner_ids: Collection[str]) -> bool:
    """Return whether who is behind a service earns from its sale: of their own nobody does, limit or none."""
    return bool(caller) and partners.id_of_user(context.table, caller) in partner_ids


def sold(context: Context, caller: str, partner_ids: Collection[str]) -> list[Write]:
    """Return what remembers for each of these partners who told of a sale from which they earn.

    `caller`: keyed hash of the service, or of who made its key. Written once a day for all sales until its end.
    """
    ids, now_ms = sorted(set(partner_ids)), context.now_ms()
    places = [keys.exposure_of_partner(id) for id in ids]
    items = context.table.get_many(places) if places else []
    seen = [exposures.from_item(id, item) for id, item in zip(ids, items, strict=True)]
    return [
        exposures.keep(place, old, new, now_ms)
        for place, old in zip(places, seen, strict=True)
        if (new := _sold(old, caller, now_ms)) != old
    ]


def _sold(exposure: Exposure, caller: str, now_ms: int) -> Exposure:
    until_ms = (now_ms // DAY_MS + 1) * DAY_MS
    if not caller or any(
        (mark.kind, mark.actor) == (Marked.SOLD, caller) and mark.at_ms >= until_ms for mark in exposure.marks
    ):
        return exposure
    return exposure.marked(Marked.SOLD, caller, until_ms)


def strictest(case: Case, *programs: Program) -> Case:
    """Return the case by further terms, too: those under which it was asked for, say."""
    return replace(case, facts=replace(case.facts, programs=(*case.facts.programs, *programs)))
