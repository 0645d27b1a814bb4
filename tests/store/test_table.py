"""The table on DynamoDB Local: all or nothing, refusals by name, pages, whole numbers."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import pytest

from refledger.store.keys import listed
from refledger.store.table import Table
from refledger.store.transaction import NOT_THERE, ConditionFailed, RetryableConflict, check, delete, put, update

Fresh = Callable[[], str]


class Counting:
    """A client that counts its calls by name."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.calls.append(name)
        return getattr(self._client, name)


def key(partition: str, sort: str = "A") -> dict[str, str]:
    return {"pk": partition, "sk": sort}


def fill(table: Table, partition: str, number: int) -> list[str]:
    """Items 00, 01, …; returns their sort keys."""
    sorts = [f"{n:02d}" for n in range(number)]
    table.commit(*(put(f"item {sort}", {**key(partition, sort), "n": int(sort)}) for sort in sorts))
    return sorts


def test_what_was_put_is_read_as_it_was(table: Table, fresh: Fresh) -> None:
    """Whole numbers of any size, text of any script, empty things, nothing, lists in lists: all equal."""
    item: dict[str, Any] = {
        **key(fresh()), "small": 0, "large": 10**15, "below": -(10**15), "text": "Zo\u00eb \U0001f600 \u0000",
        "empty": "", "none": None, "yes": True, "list": [1, ["a", None, []]], "map": {"a": {"b": 2}},
    }  # fmt: skip
    table.commit(put("it is new", item))
    found = table.get(key(item["pk"]))
    assert found == item
    assert found is not None
    assert [type(found[name]) for name in ("small", "yes")] == [int, bool]
    assert type(found["list"][0]) is type(found["map"]["a"]["b"]) is int


def test_nothing_there_is_none(table: Table, fresh: Fresh) -> None:
    """An item that was never written is None, not empty."""
    assert table.get(key(fresh())) is None


@pytest.mark.parametrize("value", [1.5, float("nan"), [0.1], {"a": {"b": 2.0}}])
def test_floats_do_not_get_in(table: Table, fresh: Fresh, value: Any) -> None:
    """A float anywhere in an item, a change or a condition is refused before anything is sent."""
    partition = fresh()
    with pytest.raises(TypeError, match=r"[Ff]loat"):
        table.commit(put("it is new", {**key(partition), "amount": value}))
    with pytest.raises(TypeError, match=r"[Ff]loat"):
        table.commit(update("a change", key(partition), "SET #amount = :amount", amount=value))
    assert table.get(key(partition)) is None


def test_attributes_may_be_called_like_reserved_words(table: Table, fresh: Fresh) -> None:
    """Names are never written into an expression: status, size and count are as good as any."""
    where = key(fresh())
    table.commit(
        update(
            "new",
            where,
            "SET #status = :status ADD #size :size, #count :size",
            NOT_THERE,
            status="NEW",
            size=1,
        )
    )
    assert table.get(where) == {**where, "status": "NEW", "size": 1, "count": 1}


# ---------------------------------------------------------------- commits


def test_all_or_none(table: Table, fresh: Fresh) -> None:
    """One refused write keeps all others from happening."""
    partition = fresh()
    table.commit(put("b is new", {**key(partition, "b"), "n": 1}))
    with pytest.raises(ConditionFailed):
        table.commit(
            put("a is new", key(partition, "a")),
            put("b is new", key(partition, "b")),
            update("c", key(partition, "c"), "SET #n = :n", n=1),
        )
    assert [item["sk"] for item in table.query(partition)] == ["b"]


def test_each_refused_write_is_told_by_name_with_what_was_there(table: Table, fresh: Fresh) -> None:
    """Of four writes two are refused: both are named, with the item that stood there, or {} for none."""
    partition = fresh()
    table.commit(put("there", {**key(partition, "there"), "n": 7}))
    with pytest.raises(ConditionFailed) as failed:
        table.commit(
            put("free is free", key(partition, "free")),
            put("there is free", key(partition, "there")),
            update("gone has seven", key(partition, "gone"), "SET #n = :n", "#n = :was", n=8, was=7),
            check("nowhere is free", key(partition, "nowhere"), NOT_THERE),
        )
    there = {**key(partition, "there"), "n": 7}
    assert failed.value.items == {"there is free": there, "gone has seven": {}}
    assert str(failed.value) == "gone has seven, there is free"


def test_a_single_write_is_refused_in_the_same_way(table: Table, fresh: Fresh) -> None:
    """Put, update and delete alone cost half of a transaction, and say the same."""
    partition = fresh()
    item = {**key(partition, "a"), "n": 1}
    table.commit(put("a is new", item))
    refused = [
        put("named", {**key(partition, "a"), "n": 2}),
        update("named", key(partition, "a"), "SET #n = :n", "#n = :was", n=3, was=9),
        delete("named", key(partition, "a"), "#n = :was", was=9),
    ]
    for write in refused:
        with pytest.raises(ConditionFailed) as failed:
            table.commit(write)
        assert failed.value.items == {"named": item}
    with pytest.raises(ConditionFailed) as failed:
        table.commit(update("named", key(partition, "b"), "SET #n = :n", "#n = :was", n=3, was=9))
    assert failed.value.items == {"named": {}}
    assert table.get(key(partition, "a")) == item


def test_deletes_and_checks_commit_with_the_others(table: Table, fresh: Fresh) -> None:
    """A transaction of a put, an update, a delete and a check does what each says."""
    partition = fresh()
    fill(table, partition, 3)
    table.commit(
        put("new", {**key(partition, "09"), "n": 9}),
        update("one", key(partition, "00"), "ADD #n :by", by=5),
        delete("two", key(partition, "01"), "#n = :one", one=1),
        check("three", key(partition, "02"), "#n = :two", two=2),
    )
    assert [(item["sk"], item["n"]) for item in table.query(partition)] == [("00", 5), ("02", 2), ("09", 9)]


def test_update_returns_what_was_there(table: Table, fresh: Fresh) -> None:
    """The old item, {} where there was none; a refused condition is told by name."""
    where = key(fresh())
    assert table.update(update("any", where, "SET #n = :n", n=1)) == {}
    assert table.update(update("any", where, "SET #n = :n", n=2)) == {**where, "n": 1}
    with pytest.raises(ConditionFailed) as failed:
        table.update(update("named", where, "SET #n = :n", "#n = :was", n=3, was=1))
    assert failed.value.items == {"named": {**where, "n": 2}}


def test_of_many_at_once_one_wins(table: Table, fresh: Fresh) -> None:
    """Sixteen put the same two items in transactions: exactly one does, and both items are its own."""
    partition = fresh()

    def attempt(number: int) -> bool:
        try:
            table.commit(*(put(sk, {**key(partition, sk), "by": number}) for sk in ("a", "b")))
        except RetryableConflict:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        won = list(pool.map(attempt, range(16)))
    assert won.count(True) == 1
    assert [item["by"] for item in table.query(partition)] == [won.index(True)] * 2


# ---------------------------------------------------------------- reads


def test_get_many_answers_in_the_order_asked(table: Table, fresh: Fresh) -> None:
    """Any number of keys in any order, some of them missing: each item in its place, None for the missing."""
    partition = fresh()
    sorts = fill(table, partition, 90)
    asked = [f"missing {n}" for n in range(30)] + sorts[::-1]
    found = table.get_many([key(partition, sort) for sort in asked])
    assert found[:30] == [None] * 30
    assert [item and item["n"] for item in found[30:]] == list(range(89, -1, -1))


@pytest.mark.parametrize(("number", "calls"), [(0, 0), (1, 1), (100, 1), (101, 2)])
def test_get_many_asks_for_a_hundred_at_a_time(table: Table, fresh: Fresh, number: int, calls: int) -> None:
    """DynamoDB takes no more keys in a call, and none without one."""
    counting, partition = Counting(table.client), fresh()
    found = Table(counting, table.name).get_many([key(partition, f"{n}") for n in range(number)])
    assert (found, counting.calls) == ([None] * number, ["batch_get_item"] * calls)


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("page_size", [None, 1, 3, 7, 100])
def test_pages_join_without_gap_or_repeat(
    table: Table, fresh: Fresh, page_size: int | None, newest_first: bool
) -> None:
    """However small the pages, each item comes once, in order or in reverse."""
    partition = fresh()
    sorts = fill(table, partition, 14)
    found = [item["sk"] for item in table.query(partition, page_size=page_size, newest_first=newest_first)]
    assert found == (sorts[::-1] if newest_first else sorts)


def test_bounds_belong_to_what_is_found(table: Table, fresh: Fresh) -> None:
    """From `low` to `high`, both included."""
    partition = fresh()
    fill(table, partition, 10)
    assert [item["sk"] for item in table.query(partition, "03", "06")] == ["03", "04", "05", "06"]
    assert list(table.query(partition, "031", "039")) == []


def test_a_page_is_fetched_when_somebody_goes_on(table: Table, fresh: Fresh) -> None:
    """Whoever takes five of fifty in pages of five makes one call; who takes six makes two."""
    partition = fresh()
    fill(table, partition, 50)
    for taken, calls in ((5, 1), (6, 2)):
        counting = Counting(table.client)
        assert len(list(islice(Table(counting, table.name).query(partition, page_size=5), taken))) == taken
        assert counting.calls == ["query"] * calls


def test_an_index_is_paged_by_its_own_keys(table: Table, fresh: Fresh) -> None:
    """A list finds items of several partitions by listed_in and listed_at, newest first."""
    partition = fresh()
    table.commit(*(put(f"{n}", {**key(f"{partition}{n}"), **listed(partition, 1000 + n, "x")}) for n in range(7)))
    found = table.query(partition, high="1004~", index="listed", page_size=2, newest_first=True)
    assert [item["listed_at"] for item in found] == [f"{at_ms}#x" for at_ms in (1004, 1003, 1002, 1001, 1000)]


# ---------------------------------------------------------------- counters


def test_a_counter_adds_and_forgets_itself(table: Table, fresh: Fresh) -> None:
    """Counting returns the new sum and moves the moment at which the item may go."""
    where = key(fresh())
    assert [table.count(where, amount, 1000 + amount) for amount in (1, 5, 2)] == [1, 6, 8]
    assert table.get(where) == {**where, "n": 8, "ttl": 1002}


def test_a_counter_counts_everybody(table: Table, fresh: Fresh) -> None:
    """Sixteen who count at once get sixteen different sums."""
    where = key(fresh())
    with ThreadPoolExecutor(16) as pool:
        sums = list(pool.map(lambda _: table.count(where, 3, 1), range(16)))
    assert sorted(sums) == list(range(3, 49, 3))
