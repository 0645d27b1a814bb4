"""Items of one table are written into another just as they are, however little it takes or tells at a time."""

from __future__ import annotations

from typing import Any

import pytest

from refledger.store import copies
from refledger.store.copies import PUT_LIMIT, TRIES, RawItem
from refledger.store.table import Table
from refledger.store.transaction import RetryableConflict
from tests.support import dynamodb


class Throttled:
    """A client that takes and tells one item less than was asked for, so many times."""

    def __init__(self, client: Any, times: int) -> None:
        self._client, self.left = client, times

    def batch_write_item(self, RequestItems: dict[str, list[Any]]) -> dict[str, Any]:  # noqa: N803 the SDK's word
        [(table, puts)] = RequestItems.items()
        if not self.left:
            return self._client.batch_write_item(RequestItems=RequestItems)  # type: ignore[no-any-return]
        self.left -= 1
        if len(puts) > 1:
            self._client.batch_write_item(RequestItems={table: puts[1:]})
        return {"UnprocessedItems": {table: puts[:1]}}

    def batch_get_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        [(table, asked)] = RequestItems.items()
        if not self.left:
            return self._client.batch_get_item(RequestItems=RequestItems)  # type: ignore[no-any-return]
        self.left -= 1
        left = {table: {**asked, "Keys": asked["Keys"][:1]}}
        if len(asked["Keys"]) == 1:
            return {"Responses": {}, "UnprocessedKeys": left}
        answer = self._client.batch_get_item(RequestItems={table: {**asked, "Keys": asked["Keys"][1:]}})
        return {**answer, "UnprocessedKeys": left}


ITEMS: list[RawItem] = [
    {
        "pk": {"S": f"COPY#{number}"},
        "sk": {"S": "A"},
        "n": {"N": "150"},
        "b": {"B": b"\0"},
        "l": {"L": [{"NULL": True}]},
    }
    for number in range(2 * PUT_LIMIT + 1)
]


@pytest.fixture
def client() -> Any:
    return dynamodb.in_memory("copies")


def test_what_was_written_differs_no_more(client: Any) -> None:
    """More than one call takes; every type is kept; what is there and is another is written again."""
    table = Table(client, "copies")
    assert copies.differing(table, ITEMS) == ITEMS
    copies.write(table, ITEMS)
    assert copies.differing(table, ITEMS) == []
    other = {**ITEMS[7], "n": {"N": "2"}}
    client.put_item(TableName="copies", Item=other)
    assert copies.differing(table, ITEMS) == [ITEMS[7]]
    copies.write(table, [])
    assert copies.differing(table, [other]) == []


def test_what_a_busy_table_leaves_is_asked_for_again(client: Any) -> None:
    """An item that was not taken is no item that was written, and one that was not told none that is missing."""
    copies.write(Table(Throttled(client, TRIES - 1), "copies"), ITEMS[:PUT_LIMIT])
    assert copies.differing(Table(Throttled(client, TRIES - 1), "copies"), ITEMS[:PUT_LIMIT]) == []


def test_a_table_that_stays_busy_is_no_success(client: Any) -> None:
    """Whoever moves a table on ends, and goes on later; nothing is taken for done."""
    with pytest.raises(RetryableConflict, match="written"):
        copies.write(Table(Throttled(client, TRIES), "copies"), ITEMS[:2])
    with pytest.raises(RetryableConflict, match="read"):
        copies.differing(Table(Throttled(client, TRIES), "copies"), ITEMS[:2])
