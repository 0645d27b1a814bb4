"""Payments of one customer that two systems told of, and that may be the same money: which, and which of them waits.

Nobody has said that they are one; that is what names are for. It is a guess, so it only ever holds rewards back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from refledger.domain.payments import Payment
from refledger.domain.times import DAY_MS

WITHIN_MS = DAY_MS  # between two payments of the same amount: two systems may tell of one hours apart
NEAREST = 200  # that are compared with one
SAME_ID_MS = -1  # sorts before every time between: two systems know the payment by the same id


@dataclass(frozen=True)
class Sighting:
    """A payment as one system told it. `figures`: what it may be known as, in minor units: with tax and shipping, and
    without. `twins`: ids of payments that another system knows under the same id. `own`: a person has said that it is
    no other one's money.
    """

    payment: str
    system: str
    at_ms: int
    currency: str
    figures: frozenset[int]
    twins: frozenset[str] = frozenset()
    own: bool = False

    @property
    def place(self) -> tuple[int, str]:
        """Payments go by when they were made; those of one moment by their ids."""
        return self.at_ms, self.payment


def sighting(payment: Payment, twins: Iterable[str] = ()) -> Sighting:
    """Return what of a payment is compared."""
    figures = {payment.amount, payment.base, payment.amount - payment.shipping, payment.base - payment.shipping}
    return Sighting(
        payment.id, payment.told_in, payment.occurred_at_ms, payment.currency,
        frozenset(each for each in figures if each > 0), frozenset(twins),
    )  # fmt: skip


def clusters(sightings: Collection[Sighting]) -> list[list[Sighting]]:
    """Group what may be one payment each, those of a cluster as they were made.

    A payment that is like no other is alone. A cluster has one payment of each system at most: a system knows its own
    apart. What lies closest together in time goes together first, so that a payment a day before or after changes
    nothing. A function of the set alone.
    """
    of = {each.payment: [each] for each in sightings}
    for _, one, other in sorted(_pairs(sightings), key=lambda pair: (pair[0], pair[1].place, pair[2].place)):
        mine, theirs = of[one.payment], of[other.payment]
        if mine is not theirs and _may_be_one([*mine, *theirs]):
            both = sorted([*mine, *theirs], key=lambda each: each.place)
            of.update({each.payment: both for each in both})
    return list({id(each): each for each in of.values()}.values())


def _pairs(sightings: Collection[Sighting]) -> Iterator[tuple[int, Sighting, Sighting]]:
    """(milliseconds between them, the first, the second) of each two that may be the same money."""
    by_time, by_id = sorted(sightings, key=lambda each: each.place), {each.payment: each for each in sightings}
    for number, one in enumerate(by_time):
        for twin in one.twins & by_id.keys():
            first, second = sorted((one, by_id[twin]), key=lambda each: each.place)
            if one.system != by_id[twin].system:
                yield SAME_ID_MS, first, second
        for other in islice(by_time, number + 1, None):
            if other.at_ms - one.at_ms > WITHIN_MS:
                break
            if one.system != other.system and one.currency == other.currency and one.figures & other.figures:
                yield other.at_ms - one.at_ms, one, other


def _may_be_one(together: Sequence[Sighting]) -> bool:
    return len({each.system for each in together}) == len(together) and sum(each.own for each in together) <= 1


def cluster_of(payment: str, sightings: Collection[Sighting]) -> list[Sighting]:
    """Return those that may be the same money as this payment, itself among them."""
    return next(each for each in clusters(sightings) if any(one.payment == payment for one in each))


def keeper(cluster: Sequence[Sighting], let_in: Collection[str] = ()) -> str:
    """Return the payment of a cluster that earns; all others wait for a person.

    One that a person has spoken for; else one that is `let_in` already, for nothing is taken back on a guess; else the
    first in time. Never the first that was told.
    """
    return min(cluster, key=lambda each: (not each.own, each.payment not in let_in, each.place)).payment


def near(payment: Sighting, others: Iterable[Sighting]) -> list[Sighting]:
    """Return those of the others that have to do with it.

    Of the same amount, or of one that some of those have, too. The `NEAREST` of them: a customer may pay by the second.
    """
    left, figures, twins = list(others), set(payment.figures), {payment.payment, *payment.twins}
    found: list[Sighting] = []
    while more := [each for each in left if each.figures & figures or each.payment in twins or each.twins & twins]:
        found += more
        figures |= {each for one in more for each in one.figures}
        taken = {each.payment for each in more}
        left = [each for each in left if each.payment not in taken]
    found.sort(key=lambda each: (abs(each.at_ms - payment.at_ms), each.place))
    return found[:NEAREST]


def waiting(sightings: Collection[Sighting]) -> dict[str, str]:
    """Return each payment that waits, and which one it may be, as long as nothing is let in."""
    return {
        each.payment: first
        for cluster in clusters(sightings)
        for first in [keeper(cluster)]
        for each in cluster
        if each.payment != first
    }
