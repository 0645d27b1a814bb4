"""Nothing takes more the more rewards there are, and the books of the measurement are right."""

from __future__ import annotations

from benchmarks import growth, page
from benchmarks.bench import NONE, Row
from benchmarks.growth import Grown
from benchmarks.meter import Used
from tests.support import dynamodb

SIZES = (100, 1_000)  # `make bench ARGS=growth` tells a hundred thousand


def test_units_stay_the_same_while_rewards_become_many() -> None:
    """For the very partner who has half of them, and for a payment of their customer."""
    found = growth.measure(dynamodb.MEMORY, SIZES, timed=False)
    assert growth.broken(found) == []
    rows = found[SIZES[0]].rows
    assert rows.keys() == {growth.PAYMENT, growth.STATISTICS, growth.BALANCES, growth.REWARDS, growth.WITHDRAWAL}
    assert all(row.rru > 0 for row in rows.values())
    assert [name for name, row in rows.items() if row.wru > 0] == [growth.WITHDRAWAL, growth.PAYMENT]


def test_what_grows_is_named() -> None:
    """A read of everything, at the last size; a page more of an index is none."""

    def grown(units: int) -> Grown:
        used = Used()
        used.rru += units
        return Grown({"GET rewards": Row("GET rewards", used, NONE)})

    assert growth.broken({1: grown(4), 2: grown(50), 3: grown(5)}) == []
    [line] = growth.broken({1: grown(4), 2: grown(4), 3: grown(6)})
    assert "GET rewards" in line


def test_its_table_is_on_the_page() -> None:
    """So that `make bench ARGS=growth` writes it there."""
    head = growth.report({size: Grown() for size in growth.SIZES}).split("|")[1].strip()
    assert head in page.names()
