"""`refledger rebuild statistics`: says what it did, and what is still to be waited for."""

from __future__ import annotations

import time

import pytest

from refledger.domain import times
from refledger.operations import comparing, rebuilding
from refledger.operations import context as contexts
from refledger.operations.statistics import project
from refledger.store import dimensions, keys
from refledger.store.transaction import update
from tests.cli.conftest import Command
from tests.support import streams
from tests.support.books import Books
from tests.support.figures import figures, told, truth

NAMES = ("alice", "bob", "carol")


@pytest.fixture
def books(books: Books, monkeypatch: pytest.MonkeyPatch) -> Books:
    """Rewards of two partners, none of which the statistics function has counted. Waiting takes no time."""
    books.clock.at_ms = time.time_ns() // 1_000_000 - 60_000
    books.program()
    books.chain(*NAMES)
    books.earn("carol", "p", 10_000)
    monkeypatch.setattr(rebuilding, "AHEAD_MS", 0)
    monkeypatch.setattr(rebuilding, "LATE_MS", 0)
    monkeypatch.setattr(contexts, "pause", lambda _: None)
    monkeypatch.setattr(comparing, "AGAIN_AFTER_MS", 0)
    return books


def right(books: Books, name: str) -> bool:
    return told(figures(books, name)) == truth(books, name, NAMES)


def counted(books: Books) -> None:
    """What the statistics function does with all that it was told."""
    project(books.context, "shard-1", list(streams.records(books.client, books.table_name)))


def test_all_partners(refledger: Command, books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """0 when everybody has new figures; while the function is behind, 1, and what to do."""
    monkeypatch.setattr(rebuilding, "POLL_MS", 0)
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
