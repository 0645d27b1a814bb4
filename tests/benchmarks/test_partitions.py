"""The model of 10,000 payments a second: every unit is charged to a partition, and the indexes keep up."""

from __future__ import annotations

import pytest

from benchmarks import partitions


@pytest.fixture(scope="module")
def loads(dynamodb_endpoint: str) -> list[partitions.Load]:
    return partitions.measure(dynamodb_endpoint, payments=270)


def test_the_tail_of_the_big_partner_breaks_first(loads: list[partitions.Load]) -> None:
    """Two tiers of a third of all payments, written when they are made and when they mature: as decision 72 says."""
    assert loads[0].partition.startswith("R#")
    assert 10 < loads[0].times < 16
    assert f"First to break: {loads[0].partition}" in partitions.report(loads)


@pytest.mark.parametrize("prefix", ["DUE#", "E#default#"])
def test_no_shard_of_an_index_is_over_its_limit(loads: list[partitions.Load], prefix: str) -> None:
    """Each of 32 takes its share, about 300 units."""
    found = [load for load in loads if load.partition.startswith(prefix)]
    assert len(found) > 28
    assert max(load.wru for load in found) < partitions.WRU_LIMIT
    assert 8_000 < sum(load.wru for load in found) < 12_000
