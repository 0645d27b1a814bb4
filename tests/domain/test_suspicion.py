"""Which payments may be the same money, and which of them waits: a function of what was told, never of when."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from refledger.domain.suspicion import NEAREST, WITHIN_MS, Sighting, cluster_of, clusters, keeper, near, waiting

HOUR = 3_600_000


def seen(payment: str, system: str, hours: float, *figures: int, **more: object) -> Sighting:
    at_ms, amounts = int(hours * HOUR), frozenset(figures or (100,))
    return Sighting(payment, system, at_ms, "USD", amounts, **more)  # type: ignore[arg-type]


def groups(*sightings: Sighting) -> set[str]:
    """Each cluster as the ids in it."""
    return {"".join(sorted(each.payment for each in cluster)) for cluster in clusters(sightings)}


def test_one_system_knows_its_own_apart() -> None:
    """Any number of one system's are that many payments."""
    assert groups(*(seen(f"{number}", "a", number) for number in range(9))) == set("012345678")


def test_what_lies_closest_goes_together() -> None:
    """Each morning's two, though yesterday's lie within a day, too."""
    hours = [(day, system, 24 * day + (0.1 if system == "b" else 0)) for day in (0, 1, 2) for system in "ab"]
    daily = [seen(f"{day}{system}", system, at) for day, system, at in hours]
    assert groups(*daily) == {"0a0b", "1a1b", "2a2b"}
    assert waiting(daily) == {"0b": "0a", "1b": "1a", "2b": "2a"}


def test_within_a_day_and_of_the_same_amount() -> None:
    """A millisecond more is too much; one figure of several is enough; another currency is never the same."""
    first = seen("1", "a", 0, 100, 119)
    assert groups(first, Sighting("2", "b", WITHIN_MS, "USD", frozenset({100}))) == {"12"}
    assert groups(first, Sighting("2", "b", WITHIN_MS + 1, "USD", frozenset({100}))) == {"1", "2"}
    assert groups(first, Sighting("2", "b", 0, "EUR", frozenset({100}))) == {"1", "2"}
    assert groups(first, seen("2", "b", 1, 101)) == {"1", "2"}


def test_the_same_id_goes_before_everything() -> None:
    """However far apart, whatever the amount, whichever of the two says so."""
    one, other, near_by = seen("1", "a", 0), seen("2", "b", 900, 7, twins=frozenset("1")), seen("3", "b", 0)
    assert groups(one, other, near_by) == {"12", "3"}


def test_who_keeps() -> None:
    """Who was spoken for, then who is let in, then the first; two that were spoken for are two payments."""
    one, two, three = seen("1", "a", 0), seen("2", "b", 1), seen("3", "c", 2)
    assert keeper([one, two, three]) == "1"
    assert keeper([one, two, three], {"3"}) == "3"
    own = seen("2", "b", 1, own=True)
    assert keeper([one, own, three], {"3"}) == "2"
    assert groups(seen("1", "a", 0, own=True), own) == {"1", "2"}


def test_what_is_compared_is_bounded() -> None:
    """Of a customer who pays by the second the nearest; of one who pays other amounts none of those."""
    me = seen("me", "a", 0)
    assert len(near(me, [seen(f"{number}", "b", number) for number in range(1_000)])) == NEAREST
    chain = [seen("1", "b", 0, 99), seen("2", "b", 0, 99, 100)]
    assert near(me, chain) == chain
    assert near(me, [seen("1", "b", 0, 99)]) == []


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 60), st.sampled_from([1, 2])), max_size=9),
    st.randoms(use_true_random=False),
)
def test_a_function_of_the_set(told: list[tuple[str, int, int]], chance: random.Random) -> None:
    """In any order the same clusters: no system twice in one, and all but one of each wait."""
    sightings = [seen(str(number), *each) for number, each in enumerate(told)]
    shuffled = chance.sample(sightings, len(sightings))
    assert waiting(shuffled) == waiting(sightings)
    assert len(waiting(sightings)) == len(sightings) - len(clusters(sightings))
    for cluster in clusters(sightings):
        assert len({each.system for each in cluster}) == len(cluster)
        assert all(cluster_of(each.payment, shuffled) == cluster for each in cluster)
