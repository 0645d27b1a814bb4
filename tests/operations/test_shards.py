"""The shards of the indexes: their number may grow, and whoever reads finds what was put into fewer."""

from __future__ import annotations

import random

import pytest

from refledger.domain.times import DAY_MS, MINUTE_MS
from refledger.operations.earning import due_scan, maturity, reward_lists
from refledger.operations.proof.book_checks import Checked
from refledger.operations.proof.verification import verify
from refledger.store import exports, keys, shards
from refledger.store.attributes import pack, unpack
from refledger.store.transaction import ConditionFailed
from tests.support import worlds
from tests.support.books import Books

pytestmark = worlds.lives_in(worlds.one_tier, hold_days=30)


def of_before(books: Books) -> None:
    """Every payment as an earlier version put it: into one of four shards, by the sum of its id's characters."""
    for item in map(unpack, books.client.scan(TableName=books.table_name)["Items"]):
        if keys.kind_of(item) == "PAYMENT" and "waits_in" in item:
            shard = sum(keys.owner_of(item).encode()) % 4
            moved = {**item, "waits_in": keys.due_shard(shard), "listed_in": f"PAYMENTS#default#{shard}"}
            books.client.put_item(TableName=books.table_name, Item=pack(moved))


def listed(books: Books) -> list[str]:
    """Ids of all payments, newest first, a page of four at a time."""
    found: list[str] = []
    before: str | None = None
    while True:
        page, before = reward_lists.payments_of(books.context, "default", None, None, lambda _: True, before, 4)
        found += [payment.id for payment in page]
        if before is None:
            return found


def exported(books: Books) -> list[str]:
    found = exports.payments(books.table, "default", books.context.shards(), "", keys.LOWEST, keys.HIGHEST)
    return [id for _, id, _ in found]


def test_payments_of_three_versions_are_one_list(books: Books) -> None:
    """Four shards, then as many as there are today, then more: lists, exports, checks and the schedule see all, in
    order, each once.
    """
    ids: list[str] = []

    def pay(count: int) -> None:
        for _ in range(count):
            ids.append(books.pay("carol", f"p{len(ids)}", 10_000).payment)
            books.clock.forward(random.randrange(1, MINUTE_MS))

    pay(9)
    of_before(books)
    pay(9)
    books.table.commit(shards.grow(64))
    books.clock.forward(2 * MINUTE_MS)  # every worker knows
    pay(9)
    items = map(unpack, books.client.scan(TableName=books.table_name)["Items"])
    used = {item["waits_in"] for item in items if item.get("waits_in", "").startswith("DUE")}
    assert max(int(shard.removeprefix("DUE#")) for shard in used) >= keys.DUE_SHARDS
    newest_first = ids[::-1]
    assert listed(books) == newest_first
    assert exported(books) == newest_first
    checked = Checked()
    assert list(verify(books.context, checked)) == []
    assert checked.payments == 27
    books.clock.forward(30 * DAY_MS)
    sent: list[str] = []
    found = due_scan.find_due(books.context, lambda them: sent.extend(m.partner_id for m in them), lambda: True)
    assert found.behind_ms == 0
    assert set(sent) == {books.partner("bob").id}
    for _ in range(2):
        maturity.mature_all(books.context, books.partner("bob").id, "USD")
    assert books.balance("bob") == (27 * 2_000, 0, 0)


def test_a_worker_that_does_not_know_yet_puts_them_where_everybody_looks(books: Books) -> None:
    """It learns of more shards within a minute."""
    assert books.context.shards() == keys.DUE_SHARDS
    books.table.commit(shards.grow(100))
    assert books.context.shards() == keys.DUE_SHARDS
    books.pay("carol", "p1", 10_000)
    books.clock.forward(2 * MINUTE_MS)
    assert books.context.shards() == 100
    assert listed(books) == [books.payment("p1").id]


def test_their_number_only_grows(books: Books) -> None:
    """Fewer would hide what is in the others."""
    books.table.commit(shards.grow(100))
    with pytest.raises(ConditionFailed):
        books.table.commit(shards.grow(100))
    for wrong in (0, 4, keys.DUE_SHARDS, shards.MOST + 1):
        with pytest.raises(ValueError, match="from 33 to 256"):
            shards.grow(wrong)
    assert shards.count(books.table) == 100
