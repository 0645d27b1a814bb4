"""Payments of one customer that two systems told of, and that may be the same money: which, and which of them waits.

Nobody has said that they are one; that is what names are for. It is a guess, so it only ever holds rewards back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from refledger.domain.payments import Payment
from refledger.domain.times import DAY_MS

WITHIN_MS = DAY_MS  # between two payments of the same amount: two systems may tell of one hours apart
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
    """What of a payment is compared."""
    figures = {payment.amount, payment.base, payment.amount - payment.shipping, payment.base - payment.shipping}
    return Sighting(
        payment.id, payment.told_in, payment.occurred_at_ms, payment.currency,
        frozenset(each for each in figures if each > 0), frozenset(twins),
    )  # fmt: skip


def clusters(sightings: Collection[Sighting]) -> list[list[Sighting]]:
    """What may be one payment each, those of a cluster as they were made; a payment that is like no other is alone.

    A cluster has one payment of each system at most: a system knows its own apart. What lies closest together in time
    goes together first, so that a payment a day before or after changes nothing. A function of the set alone.
    """
    of = {each.payment: [each] for each in sightings}
    by_time = sorted(sightings, key=lambda each: each.place)
    pairs = [(gap, one, other) for one, other in combinations(by_time, 2) if (gap := _gap(one, other)) is not None]
    for _, one, other in sorted(pairs, key=lambda pair: (pair[0], pair[1].place, pair[2].place)):
        mine, theirs = of[one.payment], of[other.payment]
        if mine is not theirs and _may_be_one([*mine, *theirs]):
            both = sorted([*mine, *theirs], key=lambda each: each.place)
            of.update({each.payment: both for each in both})
    return list({id(each): each for each in of.values()}.values())


def _gap(one: Sighting, other: Sighting) -> int | None:
    """Milliseconds between two that may be the same money, None where they are not."""
    if one.system == other.system or one.currency != other.currency:
        return None
    if other.payment in one.twins or one.payment in other.twins:
        return SAME_ID_MS
    apart_ms = abs(one.at_ms - other.at_ms)
    return apart_ms if apart_ms <= WITHIN_MS and one.figures & other.figures else None


def _may_be_one(together: Sequence[Sighting]) -> bool:
    return len({each.system for each in together}) == len(together) and sum(each.own for each in together) <= 1


def cluster_of(payment: str, sightings: Collection[Sighting]) -> list[Sighting]:
    """Those that may be the same money as this payment, itself among them."""
    return next(each for each in clusters(sightings) if any(one.payment == payment for one in each))


def keeper(cluster: Sequence[Sighting], let_in: Collection[str] = ()) -> str:
    """The payment of a cluster that earns; all others wait for a person.

    One that a person has spoken for; else one that is `let_in` already, for nothing is taken back on a guess; else the
    first in time. Never the first that was told.
    """
    return min(cluster, key=lambda each: (not each.own, each.payment not in let_in, each.place)).payment


def waiting(sightings: Collection[Sighting]) -> dict[str, str]:
    """Each payment that waits, and which one it may be, as long as nothing is let in."""
    return {
        each.payment: first
        for cluster in clusters(sightings)
        for first in [keeper(cluster)]
        for each in cluster
        if each.payment != first
    }
