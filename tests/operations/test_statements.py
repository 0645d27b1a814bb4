"""What a statement reads: its month, whatever came before or since; and what it says of journals from before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from refledger.domain.errors import StatementTooLong
from refledger.domain.journal import EntryKind, post
from refledger.domain.statements import AccountStatement
from refledger.domain.times import DAY_MS, day
from refledger.operations.figures import statements
from refledger.operations.proof.book_checks import Checked
from refledger.operations.proof.verification import verify
from refledger.store import keys, ledger
from refledger.store.table import Table
from refledger.store.transaction import Item, update
from tests.support.books import Books


class Counting(Table):
    """Counts the entries that are read."""

    read = 0

    def query(self, partition: str, *rest: Any, **more: Any) -> Iterator[Item]:
        for item in super().query(partition, *rest, **more):
            self.read += partition.startswith("JOURNAL#")
            yield item


@pytest.fixture
def books(books: Books) -> Books:
    """Three months of Bob's: 5, 30 and 40 entries; none in the month before the last."""
    books.program()
    for count, days in ((5, 31), (30, 62), (40, 0)):
        book(books, count)
        books.clock.forward(days * DAY_MS)
    return books


def book(books: Books, count: int) -> None:
    for number in range(count):
        balance = ledger.find_balance(books.table, books.partner("bob").id, "USD")
        kind = EntryKind.RESERVE if number % 3 == 2 else EntryKind.EARN
        after, entry = post(balance, kind, 100 + number, f"r{balance.version}", books.clock() + number)
        books.table.commit(*ledger.post(balance, after, entry))


def month(books: Books, days_ago: int) -> str:
    when = day(books.clock() - days_ago * DAY_MS)
    return f"{when[:4]}-{when[4:6]}"


def of(books: Books, name: str) -> tuple[list[AccountStatement], int]:
    """The statement of a month, and how many entries were read for it."""
    table = Counting(books.client, books.table_name)
    made = statements.of_partner(replace(books.context, table=table), books.partner("bob").id, name)
    return made.accounts, table.read


def wrong(books: Books) -> list[str]:
    """What `verify` says of the sums in entries; these were booked for no reward."""
    return [fault.reason for fault in verify(books.context, Checked()) if "after it" in fault.reason]


def test_a_month_costs_what_was_booked_in_it(books: Books) -> None:
    """The first month is as cheap after seventy entries more as it was before them: its own, and two to begin with."""
    for days_ago, count in ((93, 5), (62, 30), (0, 40)):
        (account,), read = of(books, month(books, days_ago))
        assert len(account.movements) == count
        assert read <= count + 3
    (quiet,), read = of(books, month(books, 31))
    assert (quiet.movements, quiet.opening) == ((), quiet.closing)
    assert read <= 3
    assert of(books, month(books, 200)) == ([], 0)


def test_months_follow_each_other(books: Books) -> None:
    """What one closes with the next one opens with, and the last one is what there is now."""
    made = [of(books, month(books, days_ago))[0][0] for days_ago in (93, 62, 31, 0)]
    for before, after in pairwise(made):
        assert before.closing == after.opening
    assert made[-1].closing.available == books.balance("bob")[0]


def test_entries_from_before_say_the_same(books: Books) -> None:
    """Without what there was after them all that came since is read; the statement is the same."""
    names = [month(books, days_ago) for days_ago in (93, 62, 31, 0)]
    wanted = [of(books, name)[0] for name in names]
    for entry in books.entries("bob"):
        key = keys.entry(entry.partner_id, "USD", entry.at_ms, entry.version)
        books.table.commit(update("an entry of before", key, "REMOVE #after"))
    assert [of(books, name)[0] for name in names] == wanted
    assert wrong(books) == []


def test_a_month_that_is_too_long_is_refused_unread(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what to do instead; the other months are made."""
    monkeypatch.setattr(statements, "MAX_ENTRIES", 35)
    with pytest.raises(StatementTooLong, match="export the ledger"):
        of(books, month(books, 0))
    assert of(books, month(books, 62))[0]


def test_verify_names_what_an_entry_says_wrongly(books: Books) -> None:
    """It is in no hash: it follows from the entries, and is held against them."""
    entry = books.entries("bob")[7]
    key = keys.entry(entry.partner_id, "USD", entry.at_ms, entry.version)
    books.table.commit(update("somebody", key, "SET #after = :after", after=[1, 2, 3]))
    (reason,) = wrong(books)
    assert reason.startswith("entry 8: says that there was (1, 2, 3) after it")
