"""The chain of partners above a customer, nearest first, frozen when the customer is bound."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

from refledger.domain.rules import MAX_LISTED, SPARE, Own, RuleSet
from refledger.domain.times import months_after

KEPT_LINKS = 10  # the deepest program there can be
REJECTED, EXPIRED = "REJECTED", "EXPIRED"  # why a binding is closed
FOREVER_MS = 9_999_999_999_999
ENDED = "ENDED"  # why a payment of later earns nothing, though the referral has converted


@dataclass(frozen=True)
class Link:
    """One partner above a customer. `customer` is the partner's own customer hash, "" where there is none.

    What a tier earns is said by the rules of the version under which the customer was bound; the nearest partner may
    have pays of their own, frozen here.
    """

    partner_id: str
    customer: str
    own: Own = ()


@dataclass(frozen=True)
class RatingBacklog:
    """Payments whose place among the customer's has changed: these, and all from one moment until before another."""

    payments: tuple[str, ...] = ()
    from_ms: int = 0
    until_ms: int = 0

    def with_(self, other: RatingBacklog) -> RatingBacklog:
        """Join both."""
        known = tuple(dict.fromkeys((*self.payments, *other.payments)))
        if not self.until_ms or not other.until_ms:
            span = other if other.until_ms else self
            return RatingBacklog(known, span.from_ms, span.until_ms)
        return RatingBacklog(known, min(self.from_ms, other.from_ms), max(self.until_ms, other.until_ms))


@dataclass(frozen=True)
class Binding:
    """Who earns from a customer: the fact that payments read, and nothing else."""

    program_id: str
    customer: str
    referral_id: str
    upline: tuple[Link, ...]
    depth: int  # how many tiers of the upline the program paid when the customer was bound
    rule_version: int
    bound_at_ms: int
    count: int = 0  # payments of the customer, as far as the rules need them counted
    first_at_ms: int = 0  # when the customer made the first of them
    listed: tuple[tuple[int, str], ...] = ()  # (when, payment) of those counted, as they were made; not the oldest ones
    room: int = 0  # for how many there is room in the list; 0: as many as the rules count
    unlisted: int = 0  # how many came that had no place in it, where their times are kept beside it
    late: str = ""  # the payment that came last of those that came after later ones
    turn: int = 0  # how many did
    again: RatingBacklog | None = None  # what is to be rated again because of them
    until_ms: int = 0  # what is first paid then or later earns nothing; 0: no such time, or something was paid in time
    closed: str = ""  # REJECTED or EXPIRED, with the referral; "" while it is open
    ended_ms: int = 0  # what is paid then or later earns nothing, whatever was paid before; 0: no such time
    named_by: str = ""  # keyed hash of the one of the staff who said whose customer it is; "": nobody of them
    converted_at_ms: int = 0  # when what was paid in time was paid; 0: nothing yet, or by older versions
    revived_by: str = ""  # the machine whose sale was told to be in time when it had expired already
    systems: tuple[str, ...] = ()  # which systems told of payments of the customer, sorted
    seen: int = 0  # how many payments were told of since there are several
    id_kept: bool = False  # whether the referral says what the owner calls the customer
    seen_from_ms: int = FOREVER_MS  # of what is due from then on all is written down that several systems told

    @property
    def own(self) -> Own:
        """What the nearest partner earns instead of tier 1's pay."""
        return self.upline[0].own

    def why_not(self, paid_at_ms: int) -> str:
        """Return why a payment of that moment earns nothing; "" where it earns.

        REJECTED, ENDED or EXPIRED.

        What was paid in time earns, however late it is told: whether it came before or after the expiry was noticed.
        """
        if self.closed == REJECTED:
            return REJECTED
        if self.ended_ms and paid_at_ms >= self.ended_ms:
            return ENDED
        return EXPIRED if self.until_ms and paid_at_ms >= self.until_ms else ""

    def is_on_word(self, paid_at_ms: int) -> bool:
        """Return whether one of the staff said whose customer it is when that payment was made already."""
        return bool(self.named_by) and paid_at_ms < self.bound_at_ms

    def is_over(self, now_ms: int) -> bool:
        """Return whether it is no link of a chain any more."""
        return bool(self.closed or self.why_not(now_ms))

    def converted(self, paid_at_ms: int, caller: str = "", now_ms: int = 0) -> Binding:
        """Return the binding after something was paid in time: it does not expire any more.

        `caller`: the machine that told of it, on whose word what was paid since the expiry earns after all.
        """
        if not self.until_ms:
            return self if self.converted_at_ms else replace(self, converted_at_ms=paid_at_ms)
        revived_by = caller if now_ms >= self.until_ms else ""
        new = replace(self, until_ms=0, closed="", converted_at_ms=paid_at_ms, revived_by=revived_by)
        if not self.turn:  # nothing was told yet that was paid later
            return new
        later = RatingBacklog((), self.until_ms, FOREVER_MS)
        return replace(new, turn=self.turn + 1, again=(self.again or RatingBacklog()).with_(later))

    @property
    def is_mixed(self) -> bool:
        """Whether several systems tell of the customer's payments, so that one may be told twice."""
        return len(self.systems) > 1

    def told_in(self, system: str) -> Binding:
        """Return the binding after one more payment that this system told of.

        Several count them, so that no two miss each other.
        """
        if self.is_mixed:
            return replace(self, seen=self.seen + 1)
        return self if self.systems or not system else replace(self, systems=(system,))

    def look_again(self, payments: tuple[str, ...], late: str) -> Binding:
        """Add payments that have to be looked at because of the one that came, or went, `late`."""
        again = (self.again or RatingBacklog()).with_(RatingBacklog(payments))
        return replace(self, late=late, turn=self.turn + 1, again=again)

    def place(self, paid_at_ms: int, payment: str) -> tuple[int, int]:
        """Return which of the customer's payments one is, from 1, and when they made the first.

        By when they were made; those of one moment go by their ids. What came before times were kept is taken to be the
        oldest.
        """
        before = bisect_left(self.listed, (paid_at_ms, payment))
        first_at_ms = min(self.first_at_ms, paid_at_ms) if self.count else paid_at_ms
        return self.count - len(self.listed) + before + 1, first_at_ms

    def knows(self, paid_at_ms: int, payment: str) -> bool:
        """Return whether the payment's place is known.

        Not of one that may have been counted before times were kept.
        """
        return self.count == len(self.listed) or (paid_at_ms, payment) in self.listed

    def counted(self, paid_at_ms: int, payment: str, rules: RuleSet) -> Binding:
        """Count one payment more, as far as the rules have to, and what that changes for others."""
        is_listed, place = rules.counts <= MAX_LISTED, (paid_at_ms, payment)
        began = self if self.count or not is_listed else replace(self, room=rules.counts + SPARE)
        most = began.room or rules.counts
        number, first_at_ms = self.place(*place)
        new = replace(began, first_at_ms=first_at_ms)
        if number <= most:
            new = replace(new, count=min(self.count + 1, most))
        if number <= most and is_listed:
            room = most - (self.count - len(self.listed))
            new = replace(new, listed=tuple(sorted({*self.listed, place})[:room]))
        if new.keeps_all(rules) and {*self.listed, place} - {*new.listed}:
            new = replace(new, unlisted=self.unlisted + 1)
        moved = self._moved(place, first_at_ms, rules)
        if not moved:
            return new
        return replace(new, late=payment, turn=self.turn + 1, again=(self.again or RatingBacklog()).with_(moved))

    def keeps_all(self, rules: RuleSet) -> bool:
        """Return whether the times of those that have no place in the list are kept beside it."""
        return rules.keeps_all and self.room > 0

    def without(self, gone: tuple[int, str], others: Sequence[tuple[int, str]], rules: RuleSet) -> Binding:
        """Take away a payment that is known under another name, and counted as that one.

        `gone`: when it was made, and its id. `others`: those that may have been left out of the list for this one. All
        that are listed are rated again, and those between the old end of the months and the new one.
        """
        left = tuple(each for each in self.listed if each != gone)
        first_at_ms = self.first_at_ms if self.count > len(self.listed) or not left else left[0][0]
        new = replace(self, listed=left, count=self.count - 1, first_at_ms=first_at_ms if self.count > 1 else 0)
        for other in sorted({*others} - {*left, gone}):
            new = replace(new.counted(*other, rules), again=self.again, unlisted=self.unlisted)
        again = RatingBacklog(tuple(payment for _, payment in new.listed))
        if rules.months and new.first_at_ms > self.first_at_ms:
            ends = months_after(self.first_at_ms, rules.months[0]), months_after(new.first_at_ms, rules.months[-1])
            again = again.with_(RatingBacklog((), *ends))
        return replace(new, late=gone[1], turn=self.turn + 1, again=(self.again or RatingBacklog()).with_(again))

    def _moved(self, place: tuple[int, str], first_at_ms: int, rules: RuleSet) -> RatingBacklog | None:
        """Whose place changes what they earn when a payment comes before them."""
        unlisted, before = self.count - len(self.listed), bisect_left(self.listed, place)
        behind = enumerate(self.listed[before:], start=unlisted + before + 1)
        passed = tuple(payment for number, (_, payment) in behind if number in rules.steps)
        if not rules.months or not self.count or first_at_ms == self.first_at_ms:
            return RatingBacklog(passed) if passed else None
        ends = [months_after(first_at_ms, rules.months[0]), months_after(self.first_at_ms, rules.months[-1])]
        return RatingBacklog((*passed, *(payment for _, payment in self.listed if payment not in passed)), *ends)


def freeze(nearest: Link, above: Sequence[Link]) -> tuple[Link, ...]:
    """Make the upline of somebody whom `nearest` referred.

    Own pays are for tier 1: what others earned there stays there. Links beyond the program's depth are kept: they do
    not earn, but circles are found through them.
    """
    return (nearest, *(replace(link, own=()) for link in above[: KEPT_LINKS - 1]))
