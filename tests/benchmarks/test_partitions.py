"""The model of 10,000 payments a second: every unit is charged to a partition, and none is over its limit."""

from __future__ import annotations

import pytest

from benchmarks import partitions

Loads = list[partitions.Load]
PAYMENTS = 270  # the model itself takes more, so that each of a partner's shards has its share


@pytest.fixture(scope="module")
def loads(dynamodb_endpoint: str) -> Loads:
    """Rewards are held for a day, and those of busy partners are spread."""
    return partitions.measure(dynamodb_endpoint, PAYMENTS)


@pytest.fixture(scope="module")
def at_once(dynamodb_endpoint: str) -> Loads:
    """Nothing is held back."""
    return partitions.measure(dynamodb_endpoint, PAYMENTS, hold_days=0)


def test_the_tail_of_a_big_partner_who_is_not_spread_breaks_first(dynamodb_endpoint: str) -> None:
    """Two tiers of a third of all payments, written when they are made and when they mature."""
    loads = partitions.measure(dynamodb_endpoint, PAYMENTS, spread=1)
    assert loads[0].partition.startswith("REWARD#")
    assert 10 < loads[0].times < 16
    assert f"First to break: {loads[0].partition}" in partitions.report(loads)


def test_in_shards_it_is_the_same_and_each_takes_its_part(loads: Loads) -> None:
    """The biggest ones are the partner and whoever referred them: two tails of 32 shards."""
    tails = [load for load in loads if load.partition.startswith("REWARD#") and load.partition.count("#") == 2]
    assert 2 * 24 < len(tails) <= 2 * (partitions.SPREAD - 1)  # the first shard has no number
    assert sum(load.wru for load in tails) == pytest.approx(2 * 13_333 * 31 / 32, rel=0.1)


@pytest.mark.parametrize("held", ["loads", "at_once"])
def test_nothing_else_is_over_its_limit(held: str, request: pytest.FixtureRequest) -> None:
    """Whether what is earned matures on its day, or by the message of each payment."""
    found: Loads = request.getfixturevalue(held)
    assert partitions.broken([load for load in found if not load.partition.startswith("REWARD#")]) == []
    assert {load.partition.partition("#")[0] for load in found} >= {
        "REWARD",
        "PAYMENT",
        "DUE",
        "STATISTICS",
        "PARTNER",
        "JOURNAL",
        "REFERRAL",
        "CUSTOMER",
        "PROGRAMS",
    }


@pytest.mark.parametrize("prefix", ["DUE#", "PAYMENTS#default#"])
def test_no_shard_of_an_index_is_over_its_limit(loads: Loads, prefix: str) -> None:
    """Each of 32 takes its share, about 300 units."""
    found = [load for load in loads if load.partition.startswith(prefix)]
    assert len(found) > 28
    assert max(load.wru for load in found) < partitions.WRU_LIMIT
    assert 8_000 < sum(load.wru for load in found) < 12_000
