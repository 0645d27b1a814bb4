"""The frozen chain above a customer, and what is counted of their payments."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain import uplines
from refledger.domain.rules import Pay, RuleSet
from refledger.domain.times import DAY_MS, months_after
from refledger.domain.uplines import KEPT_LINKS, Binding, Link, RatingBacklog, freeze
from tests.support.programs import a_rule

OWN = (("", Pay(2500)), ("gold", Pay.amounts({"USD": 5})))
LINKS = st.builds(Link, st.text(max_size=3), st.text(max_size=3), st.sampled_from([(), OWN, OWN[:1]]))


@given(LINKS, st.lists(LINKS, max_size=25))
def test_the_nearest_links_are_kept_in_order(nearest: Link, above: list[Link]) -> None:
    """The ten nearest are kept, nearest first, whatever the program's depth is: circles are found through them."""
    frozen = freeze(nearest, above)
    kept = [nearest, *above][:KEPT_LINKS]
    assert [replace(link, own=()) for link in frozen] == [replace(link, own=()) for link in kept]


@given(LINKS, st.lists(LINKS, max_size=12))
def test_own_pays_are_those_of_the_nearest_alone(nearest: Link, above: list[Link]) -> None:
    """What others earn of their own customers does not come along: above tier 1 the program's rules decide."""
    frozen = freeze(nearest, above)
    assert frozen[0].own == nearest.own
    assert all(link.own == () for link in frozen[1:])
    assert Binding("default", "c", "f", frozen, 2, 1, 5).own == nearest.own


BOUND = Binding("default", "c", "f", (Link("p", ""),), 2, 1, 5)
THREE = RuleSet(a_rule(1000, payments=3))


def told(bound: Binding, *payments: tuple[int, str], rules: RuleSet = THREE) -> Binding:
    """After these came, in this order."""
    for at_ms, id in payments:
        bound = bound.counted(at_ms, id, rules)
    return bound


@pytest.mark.parametrize("spare", [0, 1, 8])
def test_payments_are_counted_by_when_they_were_made(monkeypatch: pytest.MonkeyPatch, spare: int) -> None:
    """In any order: the first three, those of one moment by their ids, and when the first of all was; and some more."""
    monkeypatch.setattr(uplines, "SPARE", spare)
    facts = [(70, "a"), (60, "b"), (60, "a"), (90, "c"), (10, "d")]
    listed = 3 + min(spare, 2)
    for order in permutations(facts):
        bound = told(BOUND, *order)
        assert (bound.count, bound.first_at_ms, bound.listed) == (listed, 10, tuple(sorted(facts)[:listed]))
        places = {fact: bound.place(*fact)[0] for fact in facts}
        assert places == {fact: min(place, listed + 1) for place, fact in enumerate(sorted(facts), start=1)}
        assert (bound.room, bound.unlisted) == (3 + spare, len(facts) - listed)


def test_a_duplicate_that_leaves_gives_its_place_to_the_next() -> None:
    """Whoever is listed behind it moves up, and what was beside the list comes in behind them: all are rated again."""
    bound = replace(told(BOUND, *((at_ms, "x") for at_ms in range(12))), turn=7)
    assert (bound.listed[-1], bound.unlisted) == ((10, "x"), 1)
    left = bound.without((1, "x"), [(11, "x")], THREE)
    assert (left.listed[1], left.listed[-1], left.place(2, "x")[0]) == ((2, "x"), (11, "x"), 2)
    assert (left.count, left.turn, left.late, left.unlisted) == (11, 8, "x", 1)
    assert left.again == RatingBacklog(("x",))


def test_a_binding_of_before_lists_no_more_than_it_did() -> None:
    """What came beyond its list was kept nowhere: nobody can say who is next."""
    old = replace(BOUND, count=3, first_at_ms=10, listed=((10, "a"), (20, "b"), (30, "c")))
    bound = told(old, (40, "d"), (25, "e"))
    assert (bound.listed, bound.room, bound.unlisted) == (((10, "a"), (20, "b"), (25, "e")), 0, 0)
    assert not bound.keeps_all(THREE)


def test_what_came_in_order_moves_nobody() -> None:
    """One after the other, and more than count: nothing is to be rated again."""
    bound = told(BOUND, *((at_ms, "x") for at_ms in range(5)))
    assert (bound.turn, bound.again, bound.late) == (0, None, "")


def test_who_is_moved_over_a_step_is_rated_again() -> None:
    """Only the third of three, when one comes before it; and the first, where the first earns something else."""
    bound = told(BOUND, (30, "c"), (40, "d"), (20, "b"))
    assert bound.again is None, "two became second and third of three"
    bound = told(bound, (10, "a"))
    assert (bound.again, bound.turn, bound.late) == (RatingBacklog(("d",)), 1, "a")
    first = told(BOUND, (30, "c"), (40, "d"), (20, "b"), rules=RuleSet(a_rule(1000, first=(5000,), payments=3)))
    assert first.again == RatingBacklog(("c",))
    assert told(first, (10, "a"), rules=RuleSet(a_rule(1000, first=(5000,), payments=3))).again == RatingBacklog(
        ("c", "b", "d")
    )


def test_an_earlier_first_moves_the_end_of_the_months() -> None:
    """All who paid between the new end and the old one are rated again, and the old first."""
    rules, months = RuleSet(a_rule(1000, months=1), (("gold", a_rule(1, months=3)),)), [0, 31, 59, 90]
    march, february = months[2] * DAY_MS, months[1] * DAY_MS
    bound = told(BOUND, (march, "m"), (march + 5, "n"), rules=rules)
    assert (bound.again, bound.listed) == (None, ((march, "m"), (march + 5, "n")))
    bound = told(bound, (february, "f"), rules=rules)
    assert bound.again == RatingBacklog(("m", "n"), months_after(february, 1), months_after(march, 3))
    ends = months_after(0, 1), months_after(march, 3)
    assert told(bound, (0, "j"), rules=rules).again == RatingBacklog(("m", "n", "f"), *ends)


def test_what_was_counted_before_times_were_kept_stays_the_oldest() -> None:
    """A binding of two counted payments that are not listed: the next is the third, whenever it was."""
    old = replace(BOUND, count=2, first_at_ms=50)
    bound = told(old, (10, "a"))
    assert (bound.count, bound.listed, bound.place(10, "a"), bound.again) == (3, ((10, "a"),), (3, 10), None)
    assert bound.place(99, "z") == (4, 10)
    assert told(bound, (5, "b")).again == RatingBacklog(("a",))


def test_a_rule_that_counts_more_than_are_listed_goes_by_arrival() -> None:
    """Older programs may have one; no list grows beyond what an item holds."""
    rules = RuleSet(a_rule(1000, payments=121))
    bound = told(BOUND, (9, "b"), (5, "a"), rules=rules)
    assert (bound.count, bound.listed, bound.first_at_ms, bound.again) == (2, (), 5, None)
    assert bound.place(1, "c")[0] == 3
