"""Items of one table as another one has them: compared and written as they are on the wire, with every type kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from refledger.store.table import BATCH_LIMIT, Table
from refledger.store.transaction import RetryableConflict

PUT_LIMIT = 25  # items in a BatchWriteItem
TRIES = 8

RawItem = dict[str, Any]


def differing(table: Table, items: Sequence[RawItem]) -> list[RawItem]:
    """Return those that are not in the table just as they are.

    Raises RetryableConflict where it does not answer.
    """
    wrong: list[RawItem] = []
    for start in range(0, len(items), BATCH_LIMIT):
        some = items[start : start + BATCH_LIMIT]
        there = _read(table, [{"pk": item["pk"], "sk": item["sk"]} for item in some])
        wrong += [item for item in some if there.get((item["pk"]["S"], item["sk"]["S"])) != item]
    return wrong


def _read(table: Table, wanted: list[RawItem]) -> dict[tuple[str, str], RawItem]:
    asked: dict[str, Any] = {table.name: {"Keys": wanted, "ConsistentRead": True}}
    found: dict[tuple[str, str], RawItem] = {}
    for _ in range(TRIES):
        answer = table.client.batch_get_item(RequestItems=asked)
        for item in answer["Responses"].get(table.name, []):
            found[item["pk"]["S"], item["sk"]["S"]] = item
        if not (asked := answer.get("UnprocessedKeys") or {}):
            return found
    raise RetryableConflict("some keys could not be read")


def write(table: Table, items: Sequence[RawItem]) -> None:
    """Put them, whatever is there. Raises RetryableConflict where the table does not take all of them."""
    for start in range(0, len(items), PUT_LIMIT):
        puts = [{"PutRequest": {"Item": item}} for item in items[start : start + PUT_LIMIT]]
        asked: dict[str, Any] = {table.name: puts}
        for _ in range(TRIES):
            if not (asked := table.client.batch_write_item(RequestItems=asked).get("UnprocessedItems") or {}):
                break
        else:
            raise RetryableConflict("some items could not be written")
