"""The meter says what the service would charge, not what DynamoDB Local reports of a transaction."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from benchmarks.bench import Bench
from benchmarks.meter import UNIT_BYTES
from benchmarks.sizes import item_bytes
from refledger.store.attributes import pack
from refledger.store.transaction import ConditionFailed, check, put, update

KEY = {"pk": "PARTNER#one", "sk": "ROOT"}


@pytest.fixture
def bench(dynamodb_endpoint: str) -> Bench:
    """An empty world but for its program, and a meter at zero."""
    return Bench(dynamodb_endpoint, [], {})


def _item(size: int, number: int = 0, **more: str) -> dict[str, Any]:
    """An item of just that many bytes."""
    item = {"pk": f"PARTNER#{number}", "sk": "ROOT", **more, "fill": ""}
    return {**item, "fill": "x" * (size - item_bytes(pack(item)))}


@pytest.mark.parametrize(
    ("item", "size"),
    [
        ({"ab": "äx"}, 2 + 3), ({"n": 0}, 1 + 1), ({"n": 7}, 1 + 2), ({"n": 1_000_000}, 1 + 2), ({"n": -123}, 1 + 4),
        ({"b": True}, 1 + 1), ({"c": b"\xff" * 9}, 1 + 9),
        ({"l": ["ab", 1]}, 1 + 3 + 1 + 2 + 1 + 2), ({"m": {"a": "b"}}, 1 + 3 + 1 + 2),
    ],
)  # fmt: skip
def test_items_are_weighed_by_the_services_rules(item: dict[str, Any], size: int) -> None:
    """Names and values count in UTF-8; numbers by their digits; lists and maps 3 bytes and 1 for each element."""
    assert item_bytes(pack(item)) == size


@pytest.mark.parametrize(("size", "units"), [(UNIT_BYTES, 1), (UNIT_BYTES + 1, 2)])
def test_sizes_agree_with_the_units_that_are_charged(bench: Bench, size: int, units: int) -> None:
    """An item of 1,024 bytes takes one unit, one of 1,025 takes two: the bytes are right to the last."""
    with bench.measure("a put"):
        bench.books.table.commit(put("new", _item(size)))
    assert bench.rows[-1].wru == units


def test_a_transaction_takes_twice_the_units_of_its_items(bench: Bench) -> None:
    """Ten puts of 1 KB: 20 units."""
    with bench.measure("ten puts"):
        bench.books.table.commit(*(put(f"{n}", _item(UNIT_BYTES, n)) for n in range(10)))
    assert (bench.rows[-1].wru, bench.rows[-1].used.writes) == (Decimal(20), 1)


def test_indexes_are_charged_once_and_only_for_what_changes_in_them(bench: Bench) -> None:
    """An item in an index: one unit more. Its index key changed: one to delete, one to put. Left alone: none."""
    table = bench.books.table
    with bench.measure("put"):
        table.commit(
            put("new", {**KEY, "waits_in": "W", "waits_at": "1"}), put("other", {"pk": "PARTNER#two", "sk": "ROOT"})
        )
    with bench.measure("index key changed"):
        table.commit(update("moved", KEY, "SET #waits_in = :to", to="V"))
    with bench.measure("index left alone"):
        table.commit(update("changed", KEY, "SET #n = :n", n=1))
    assert [row.wru for row in bench.rows] == [2 * 2 + 1, 1 + 2, 1]


def test_a_condition_check_is_charged_like_a_write(bench: Bench) -> None:
    """Twice the units of the item that is looked at, or of an empty one."""
    table = bench.books.table
    table.commit(put("large", _item(UNIT_BYTES + 1)))
    other = {"pk": "PARTNER#other", "sk": "ROOT"}
    with bench.measure("check of a large item"):
        table.commit(put("new", other), check("there", {"pk": "PARTNER#0", "sk": "ROOT"}, "attribute_exists(pk)"))
    assert bench.rows[-1].wru == 2 * 1 + 2 * 2


def test_what_is_not_there_costs_a_read(bench: Bench) -> None:
    """A strong read of nothing takes one unit, an eventual one half; alone, in a batch and in a query."""
    table = bench.books.table
    there, absent = {"pk": "PARTNER#there", "sk": "ROOT"}, {"pk": "PARTNER#absent", "sk": "ROOT"}
    table.commit(put("new", there))
    with bench.measure("strong"):
        table.get(absent)
        table.get_many([there, absent])
        list(table.query("PARTNER#absent"))
    with bench.measure("eventual"):
        table.get(absent, strong=False)
        table.get_many([there, absent], strong=False)
        list(table.query("PARTNER#absent", strong=False))
    assert [(row.used.reads, row.rru) for row in bench.rows] == [(3, Decimal(4)), (3, Decimal(2))]


def test_a_refused_write_is_counted_apart(bench: Bench) -> None:
    """What was refused wrote nothing: it is counted, and the mirror stays what the table is."""
    table = bench.books.table
    table.commit(put("new", KEY))
    with bench.measure("refused"), pytest.raises(ConditionFailed):
        table.commit(put("new", {**KEY, "more": 1}), put("other", {"pk": "PARTNER#two", "sk": "ROOT"}))
    assert (bench.rows[-1].used.refused, bench.rows[-1].used.writes, bench.rows[-1].wru) == (1, 0, Decimal(0))
    for name in (bench.books.table_name, bench.meter.mirror):
        assert bench.client.get_item(TableName=name, Key=pack(KEY))["Item"] == pack(KEY)


def test_every_kind_of_item_can_be_weighed(bench: Bench) -> None:
    """Leaderboards, audit and cursors too: what a payment causes is metered to its end."""
    for partition in (
        "LEADERBOARD#default",
        "AUDIT#x",
        "SEARCH#default",
        "CLICKS#CODE",
        "SYSTEM",
        "JOB#x",
        "ANSWER#x",
        "NEW#x",
    ):
        bench.books.table.commit(
            put("one", {"pk": partition, "sk": "ROOT"}), put("two", {"pk": f"{partition}#2", "sk": "ROOT"})
        )
    assert {"leaderboard", "audit", "search row", "clicks", "cursor of the schedule", "job", "new"} <= set(
        bench.meter.largest
    )
