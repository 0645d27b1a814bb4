"""What the deployment finds wrong with its books by itself: soon, once, and not what is only on its way."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from refledger.domain.times import DAY_MS, MINUTE_MS
from refledger.operations.context import Context
from refledger.operations.proof import book_checks, continuous_verification, partner_checks, verification_queue
from refledger.operations.proof.continuous_verification import Screened, screen
from refledger.store import changed_partners, findings, keys
from refledger.store.findings import FindingReason
from refledger.store.stream import Record
from refledger.store.table import Table
from refledger.store.transaction import Item, delete, put, update
from tests.support import dynamodb
from tests.support.books import Books
from tests.support.changes import Follower
from tests.support.history import with_history
from tests.support.streams import Tail

TICK_MS = 5 * MINUTE_MS
SHARD = "shardId-00000001"


class Watch:
    """The stream's reader, and ticks of the schedule."""

    def __init__(self, books: Books) -> None:
        self.books, self.tail = books, Tail(books.client)
        self.told: list[tuple[tuple[str, str], FindingReason]] = []

    def notice(self) -> None:
        now_ms = self.books.clock()
        records = [Record(each.sequence_number, now_ms, each.old, each.new) for each in self.tail.new()]
        if records:
            verification_queue.note(self.books.context, SHARD, records)

    def tick(self, context: Context | None = None, left_ms: int = 280_000) -> Screened:
        self.notice()
        self.books.clock.forward(TICK_MS)
        return screen(
            context or self.books.context, lambda: left_ms, lambda *told: self.told.append(told)
        )  # fmt: skip


@pytest.fixture
def books(dynamodb_endpoint: str) -> Books:
    """Alice and Bob, with some of everything, of which the stream's readers have heard."""
    made = with_history(Books(dynamodb.new_database(dynamodb_endpoint)))
    Follower(made).catch_up()
    return made


@pytest.fixture
def watch(books: Books) -> Watch:
    """After the first sweep."""
    made = Watch(books)
    made.tick()
    return made


def edit(books: Books, key: keys.Key, **values: object) -> Item:
    """Change attributes of an item behind everybody's back; returns what it was."""
    before = books.table.get(key)
    assert before
    change = "SET " + ", ".join(f"#{name} = :{name}" for name in values)
    books.table.commit(update("an edit", key, change, "attribute_exists(pk)", **values))
    return before


def an_entry(books: Books, version: int = 2) -> keys.Key:
    entry = books.entries("bob")[version - 1]
    return keys.entry(entry.partner_id, "USD", entry.at_ms, version)


def test_right_books_are_swept_and_nothing_is_told(books: Books) -> None:
    """All partners and payments, in the first tick; the next ones look at who changed, and write nothing for nobody."""
    watch = Watch(books)
    first = watch.tick()
    assert (first.faults, first.age_ms, watch.told) == (0, 0, [])
    assert first.partners >= 2
    assert first.payments > 5
    later = watch.tick()
    assert (later.faults, later.partners, later.payments, later.age_ms) == (0, 0, 0, TICK_MS)
    books.earn("carol", "another", 10_000)
    assert watch.tick().partners == 2, "Alice and Bob earn of Carol"
    assert watch.tick().partners == 0


@pytest.mark.parametrize("what", ["an entry", "a reward", "a withdrawal", "a payment"])
def test_what_was_changed_behind_their_back_is_told_within_ten_minutes(books: Books, watch: Watch, what: str) -> None:
    """By the second tick that sees it, once; it counts until it is put right, and then no more."""
    bob = books.partner("bob").id
    key, values = {
        "an entry": (an_entry(books), {"amount": 7}),
        "a reward": (keys.reward(books.rewards("bob")[0].id), {"base": 5}),
        "a withdrawal": (keys.withdrawal(books.ids.withdrawal(bob, "w0")), {"amount": 7}),
        "a payment": (keys.payment(books.ids.payment("payments", "p0")), {"base": 7}),
    }[what]
    before = edit(books, key, **values)
    assert (watch.tick().faults, watch.told) == (0, []), "it may be on its way"
    seen = watch.tick()
    assert seen.faults >= len(watch.told) > 0
    assert bob in {id for (_, id), _ in watch.told}
    count = len(watch.told)
    assert count <= 5, "one change is not told once for each entry after it"
    for _ in range(3):
        assert watch.tick().faults == seen.faults
    assert len(watch.told) == count, "told once"
    books.table.commit(put("as it was", before, ""))
    assert watch.tick().faults == 0
    assert list(findings.all_of(books.table)) == []


def test_a_balance_that_nobody_told_of_is_found_within_a_day(books: Books, watch: Watch) -> None:
    """The stream's reader is not called for balances: the sweep of the next day sees them."""
    edit(books, keys.balance(books.partner("bob").id, "USD"), available=999)
    assert watch.tick().faults == 0
    books.clock.forward(DAY_MS - 3 * TICK_MS)
    watch.tick()
    assert watch.tick().faults > 0
    assert {reason.partner_id for _, reason in watch.told} == {books.partner("bob").id}


def test_a_payment_that_is_wrong_is_found_by_the_sweep(books: Books, watch: Watch) -> None:
    """Under its own id, and gone when it is right again."""
    key = keys.payment(books.ids.payment("payments", "early"))
    before = edit(books, key, back=[0] * 7)
    books.clock.forward(DAY_MS)
    watch.tick()
    assert watch.tick().faults == 1
    assert watch.told[0][0] == ("earned", keys.owner_of(key))
    books.table.commit(put("as it was", before, ""))
    assert watch.tick().faults == 0


class Behind(Table):
    """An index that has not heard of withdrawals yet."""

    def query(self, partition: str, *args: object, **more: object):  # type: ignore[no-untyped-def]
        if more.get("index") == "listed" and partition.startswith("WITHDRAWALS#"):
            return iter(())
        return super().query(partition, *args, **more)  # type: ignore[arg-type]


def test_an_index_that_is_behind_rings_nobody(books: Books, watch: Watch) -> None:
    """What one tick missed the next one has: nothing was told, and nothing is kept."""
    books.withdraw("bob", 1_500, "another")
    behind = replace(books.context, table=Behind(books.client, books.table_name))
    assert watch.tick(behind).faults == 0
    assert list(findings.all_of(books.table)) != [], "it was seen"
    assert watch.tick().faults == 0
    assert (watch.told, list(findings.all_of(books.table))) == ([], [])


def test_books_that_never_stand_still_are_no_fault(
    books: Books, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """A write between any two reads: another tick looks again."""
    moved = [book_checks.Fault(books.partner("bob").id, "", partner_checks.MOVED)]
    monkeypatch.setattr(continuous_verification, "verify_partner", lambda *_, **__: moved)
    books.earn("carol", "another", 10_000)
    for _ in range(3):
        assert watch.tick().faults == 0
    assert list(findings.all_of(books.table)) == []


def test_a_tick_is_bounded_and_the_next_goes_on(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """However little one may read, ticks after each other see everything once, and then the round is whole."""
    whole = Watch(books).tick()
    books.table.commit(delete("from the beginning", keys.cursor(findings.NAME), ""))
    monkeypatch.setattr(continuous_verification, "MOST", 0)
    monkeypatch.setattr(continuous_verification, "KEPT_EVERY", 1)
    monkeypatch.setattr("refledger.operations.proof.verification.BATCH_LIMIT", 1)
    watch = Watch(books)
    ticks: list[Screened] = []
    watch.tail.new()
    while not ticks or findings.kept(books.table, 0).place != "end":
        ticks.append(watch.tick())
        assert ticks[-1].partners + ticks[-1].payments <= 1
    assert sum(each.partners for each in ticks) == whole.partners
    assert sum(each.payments for each in ticks) == whole.payments
    assert [each.age_ms for each in ticks[:-1]] == [n * TICK_MS for n in range(len(ticks) - 1)]
    assert ticks[-1].age_ms == 0


def test_no_time_is_no_progress_and_no_harm(books: Books) -> None:
    """A tick without time does nothing; a partner whose books are long waits for one that has it."""
    watch = Watch(books)
    watch.tick(left_ms=0)
    assert findings.kept(books.table, 0).place != "end"
    while findings.kept(books.table, 0).place != "end":
        watch.tick()


def test_long_books_are_looked_at_by_their_newest_entries(
    books: Books, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """After a change; what is wrong there leads to a look at all of them. Older faults are for the sweep."""
    monkeypatch.setattr(continuous_verification, "LONG", 0)
    monkeypatch.setattr(partner_checks, "NEWEST", 3)
    bob = books.partner("bob").id
    books.earn("carol", "another", 10_000)
    assert watch.tick().faults == 0
    last = len(books.entries("bob"))
    edit(books, an_entry(books, last), amount=7)
    watch.tick()
    assert watch.tick().faults > 0
    assert {reason.partner_id for _, reason in watch.told} == {bob}


def test_the_longest_books_are_named(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too long to be read whole is looked at by its newest entries, and who it is stands with the round."""
    monkeypatch.setattr(continuous_verification, "TOO_LONG", 3)
    bob = books.partner("bob").id
    before = edit(books, an_entry(books, len(books.entries("bob"))), hash="0" * 64)
    watch = Watch(books)
    watch.tick()
    assert bob in findings.kept(books.table, 0).left_out
    assert watch.tick().faults > 0
    books.table.commit(put("as it was", before, ""))
    assert watch.tick().faults == 0


@pytest.mark.parametrize("back", [1, 2])
def test_the_newest_entries_tell_of_any_change(
    books: Books, monkeypatch: pytest.MonkeyPatch, back: int
) -> None:  # fmt: skip
    """An edit, a removal, a balance: whatever the last few entries can contradict."""
    monkeypatch.setattr(partner_checks, "NEWEST", 4)
    bob = books.partner("bob").id

    def found() -> list[str]:
        return [fault.reason for fault in partner_checks.verify_newest(books.context, bob)]

    assert found() == []
    key = an_entry(books, len(books.entries("bob")) - back)
    item = books.table.get(key)
    assert item
    for name, value in (("amount", item["amount"] + 1), ("prev", "0"), ("hash", "0"), ("after", [1, 2, 3])):
        books.table.commit(put("an edit", {**item, name: value}, ""))
        assert found(), name
    books.table.commit(delete("a removal", key, ""))
    assert found()
    books.table.commit(put("as it was", item, ""))
    for name in ("available", "reserved", "paid", "ver"):
        before = edit(books, keys.balance(bob, "USD"), **{name: 12_345})
        assert found(), name
        books.table.commit(put("as it was", before, ""))
    assert found() == []


def test_who_changed_is_noted_once_a_minute(books: Books) -> None:
    """In few words; a look that comes a minute later sees all that came in between."""
    watch = Watch(books)
    watch.tail.new()

    def words() -> int:
        return len(list(changed_partners.within(books.table, 0, books.clock() + 1)))

    before = words()
    for number in range(3):
        books.earn("carol", f"p{number} again", 10_000)
        watch.notice()
    assert words() == before + 1
    books.clock.forward(verification_queue.SETTLED_MS)
    books.earn("carol", "later", 10_000)
    watch.notice()
    assert words() == before + 2


class Counted:
    """A client that counts what it is asked."""

    def __init__(self, client: Any) -> None:
        self._client, self.calls = client, Counter[str]()

    def __getattr__(self, name: str) -> Any:
        self.calls[name] += 1
        return getattr(self._client, name)


def calls_after_a_change(books: Books, partners: int) -> Counter[str]:
    """Of the tick after a payment of one of the customers of so many partners, who have all been looked at before."""
    books.program()
    for number in range(partners):
        books.chain(f"partner {number}", f"customer {number}")
        books.earn(f"customer {number}", f"payment {number}", 1_000)
    watch = Watch(books)
    Follower(books).catch_up()
    assert watch.tick().partners == partners
    assert watch.tick().partners == 0
    books.earn("customer 0", "another", 1_000)
    counted = Counted(books.client)
    assert watch.tick(books.behind(counted)).partners == 1
    return counted.calls


def test_what_a_change_costs_goes_with_the_change(dynamodb_endpoint: str) -> None:
    """One partner among forty is as much to read as one among four, and that is some thirty calls."""
    few, many = (calls_after_a_change(Books(dynamodb.new_database(dynamodb_endpoint)), n) for n in (4, 40))
    assert few == many
    assert sum(few.values()) <= 40, few
