"""`refledger migrate`: says what would be done, does it once, and says where it stands."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Command
from tests.support.books import SECRET, Books


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HASH_KEY", SECRET)


def unguarded(books: Books) -> None:
    """A refund as it was before refunds had guards."""
    books.program()
    books.partner("alice")
    books.refund("p1", 100, "r1")
    found = books.client.scan(TableName=books.table_name)["Items"]
    (guard,) = [item for item in found if item["pk"]["S"].startswith("GUARD#REFUND#")]
    books.client.delete_item(TableName=books.table_name, Key={"pk": guard["pk"], "sk": guard["sk"]})


def test_it_says_first_does_it_once_and_says_where_it_stands(refledger: Command, books: Books) -> None:
    unguarded(books)
    assert refledger("migrate", "--status").lines[0].startswith("guards: not begun (")
    assert ", 1 at most would be moved on" in refledger("migrate", "guards", "--dry-run").lines[0]
    assert refledger("migrate", "--status").lines[0].startswith("guards: not begun (")
    done = refledger("migrate")
    assert done.status == 0
    assert [line.partition(":")[0] for line in done.lines] == ["guards", "alike", "earned", "since"]
    assert ", 1 were moved on" in done.lines[0]
    second = refledger("migrate")
    assert all(": ended at 2" in line for line in second.lines)
    assert ", 0 were moved on" in refledger("migrate", "guards", "--again").lines[0]


@pytest.mark.usefixtures("books")
@pytest.mark.parametrize("asked", [["--status", "--dry-run"], ["--status", "--again"]])
def test_what_contradicts_itself_is_refused(refledger: Command, asked: list[str]) -> None:
    assert refledger("migrate", *asked).status == 2
