"""`refledger rebuild`: says what it did, what is still to be waited for, and before whether it is needed at all."""

from __future__ import annotations

import time

import pytest

from refledger.domain import times
from refledger.operations import context as contexts
from refledger.operations.figures import rebuild, rebuild_diff
from refledger.operations.figures.projection import project
from refledger.operations.recovery.backfill import SUBJECTS
from refledger.store import dimensions, keys
from refledger.store.transaction import update
from tests.cli.conftest import Command
from tests.support import streams
from tests.support.books import Books
from tests.support.changes import Follower
from tests.support.figures import figures, told, truth

NAMES = ("alice", "bob", "carol")


@pytest.fixture
def books(books: Books, monkeypatch: pytest.MonkeyPatch) -> Books:
    """Rewards of two partners, none of which stream_rollups has counted. Waiting takes no time."""
    books.clock.at_ms = time.time_ns() // 1_000_000 - 60_000
    books.program()
    books.chain(*NAMES)
    books.earn("carol", "p", 10_000)
    monkeypatch.setattr(rebuild, "AHEAD_MS", 0)
    monkeypatch.setattr(rebuild, "LATE_MS", 0)
    monkeypatch.setattr(contexts, "pause", lambda _: None)
    monkeypatch.setattr(rebuild_diff, "AGAIN_AFTER_MS", 0)
    return books


def right(books: Books, name: str) -> bool:
    return told(figures(books, name)) == truth(books, name, NAMES)


def counted(books: Books) -> None:
    """What stream_rollups does with all that it was told."""
    project(books.context, "shard-1", list(streams.records(books.client, books.table_name)))


def test_all_partners(refledger: Command, books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """0 when everybody has new figures; while the function is behind, 1, and what to do."""
    monkeypatch.setattr(rebuild, "POLL_MS", 0)
    monkeypatch.setattr("refledger.cli.rebuild.MINUTE_MS", 1)
    done = refledger("rebuild", "statistics", "--wait", "1")
    assert done.status == 1
    assert "0 partners have new figures, made of 7 items that were told the stream now" in done.lines
    assert done.lines[-1].startswith("2 partners and 1 of programs and the books have their old figures still")
    counted(books)
    done = refledger("rebuild", "statistics")
    assert (done.status, done.out) == (
        0, "2 partners have new figures, made of 0 items that were told the stream now\n"
        "1 of programs and the books have new figures\n"
    )  # fmt: skip
    assert right(books, "alice")
    assert right(books, "bob")


def test_only_what_differs(refledger: Command, books: Books) -> None:
    """Where nothing does, nothing is told the stream; else --check says what, of which day, and changes nothing."""
    counted(books)
    done = refledger("rebuild", "statistics", "--check")
    assert (done.status, done.out) == (0, "statistics: not needed\n")
    done = refledger("rebuild", "statistics")
    assert (done.status, done.lines[0].split()[0], done.lines[1].split()[0]) == (0, "0", "0")
    bob = dimensions.partner(books.partner("bob").id)
    day = times.day(books.clock())
    books.table.commit(update("a loss", keys.statistics_part(bob.at(0), day, "shard-1"), "ADD #t1_USD :n", n=-1))
    done = refledger("rebuild", "statistics", "--check")
    on = f"{day[:4]}-{day[4:6]}-{day[6:]}"
    assert (done.status, done.lines[1:]) == (1, [
        f"partner {bob.id}, t1_USD on {on}: counted 1999, in the books 2000",
        "2 figures differ from the books, of 1 partners, programs, years or journals", "statistics: needed",
    ])  # fmt: skip


def test_check_goes_alone(refledger: Command, books: Books) -> None:
    """What is to be done is said once."""
    assert refledger("rebuild", "statistics", "--check", "--all").status == 2


def test_one_partner(refledger: Command, books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another's figures stay; one whom there is not is a mistake."""
    monkeypatch.setattr("refledger.cli.rebuild.MINUTE_MS", 1)
    bob = books.partner("bob").id
    assert refledger("rebuild", "statistics", "--partner", bob, "--wait", "1").status == 1
    counted(books)
    done = refledger("rebuild", "statistics", "--partner", bob)
    assert (done.status, done.lines[0].split()[0]) == (0, "1")
    done = refledger("rebuild", "statistics", "--partner", "nobody")
    assert (done.status, done.err) == (2, "refledger: there is no such partner\n")


def test_afresh(refledger: Command, books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was begun is given up, and every item is told once more."""
    monkeypatch.setattr("refledger.cli.rebuild.MINUTE_MS", 1)
    refledger("rebuild", "statistics", "--wait", "1")
    done = refledger("rebuild", "statistics", "--wait", "1", "--afresh")
    assert "made of 7 items" in done.out


# ---------------------------------------------------------------- what the stream's other reader makes


@pytest.fixture
def unread(books: Books) -> Books:
    """A payment was made and paid out, and a partner came, of which no reader of the stream has heard."""
    books.mature("bob")
    books.pay_out("bob", 2_000)
    books.cover("bob")
    books.member("dora", "default")
    counted(books)
    return books


@pytest.mark.parametrize("what", sorted(SUBJECTS))
def test_it_says_first_whether_it_is_needed(refledger: Command, unread: Books, what: str) -> None:
    """--check: 1 where something is missing, and nothing is written; then it is done once, and not needed any more."""
    before = contents(unread)
    checked = refledger("rebuild", what, "--check")
    assert (checked.status, checked.err) == (1, "")
    needed = checked.lines[0]
    assert needed.startswith(f"{what}: needed; ")
    assert contents(unread) == before
    done = refledger("rebuild", what)
    assert (done.status, done.lines) == (0, [needed.replace(": needed;", ": done;")])
    again = refledger("rebuild", what, "--check")
    assert (again.status, again.lines[0].partition(",")[0]) == (0, f"{what}: not needed; 0 behind")


@pytest.mark.parametrize("what", sorted(SUBJECTS))
def test_nothing_is_needed_where_the_reader_was_there(refledger: Command, unread: Books, what: str) -> None:
    """0, and nothing is written, with --check and without."""
    Follower(unread).catch_up()
    refledger("rebuild", "leaderboards")  # their queue is no part of that reader
    before = {key: item for key, item in contents(unread).items() if "CATCHING-UP" not in key}
    for words in (["--check"], []):
        done = refledger("rebuild", what, *words)
        assert done.status == 0
        assert done.lines[0].startswith(f"{what}: not needed; 0 behind, ")
    assert {key: item for key, item in contents(unread).items() if "CATCHING-UP" not in key} == before


def test_the_audit_is_not_made_anew(refledger: Command) -> None:
    """Nothing in the table can say it: what a reader gives up is kept for `replay` instead."""
    done = refledger("rebuild", "audit")
    assert done.status == 2
    assert "invalid choice" in done.err


def contents(books: Books) -> dict[str, object]:
    """All items, by their keys."""
    pages = books.client.get_paginator("scan").paginate(TableName=books.table_name, ConsistentRead=True)
    return {f"{item['pk']['S']} {item['sk']['S']}": item for page in pages for item in page["Items"]}
