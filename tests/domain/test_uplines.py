"""The frozen chain above a customer, and what is counted of their payments."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from refledger.domain.rules import Pay
from refledger.domain.uplines import KEPT_LINKS, Binding, Link, freeze

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


def test_payments_are_counted_from_the_first_on() -> None:
    """The first to arrive says when the customer began to pay; those after it only how many there are."""
    bound = Binding("default", "c", "f", (Link("p", ""),), 2, 1, 5)
    first = bound.counted(70)
    assert (first.count, first.first_at_ms) == (1, 70)
    assert (first.counted(60).count, first.counted(60).first_at_ms) == (2, 70)
    assert (bound.count, bound.first_at_ms) == (0, 0)
    assert bound.counted(0).counted(9).first_at_ms == 0
