"""The frozen chain above a customer."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from refledger.domain.uplines import KEPT_LINKS, Link, freeze

LINKS = st.builds(Link, st.text(max_size=3), st.text(max_size=3), st.integers(0, 10_000))


@given(LINKS, st.lists(LINKS, max_size=25), st.lists(st.integers(0, 1000), min_size=1, max_size=10))
def test_the_nearest_links_get_todays_rates_in_order(nearest: Link, above: list[Link], rates: list[int]) -> None:
    """The ten nearest are kept, nearest first; tier n has rate n, and 0 beyond the program's depth."""
    frozen = freeze(nearest, above, rates)
    kept = [nearest, *above][:KEPT_LINKS]
    assert [replace(link, rate_bps=0) for link in frozen] == [replace(link, rate_bps=0) for link in kept]
    assert [link.rate_bps for link in frozen] == [*rates, *[0] * KEPT_LINKS][: len(kept)]


def test_rates_of_the_past_do_not_come_along() -> None:
    """What a link earned from others does not matter: the new customer's tiers have the program's rates."""
    frozen = freeze(Link("b", "B", 0), [Link("a", "A", 2000)], (1500, 500))
    assert frozen == (Link("b", "B", 1500), Link("a", "A", 500))
