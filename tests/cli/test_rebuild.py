"""`refledger rebuild statistics`: says what it did, and what is still to be waited for."""

from __future__ import annotations

import time

import pytest

from refledger.operations import context as contexts
from refledger.operations import rebuilding
from refledger.operations.statistics import project
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
    assert done.lines[0] == "0 partners have new figures, made of 7 items that were told the stream now"
    assert done.lines[2].startswith("2 partners and 1 of programs and the books have their old figures still")
    counted(books)
    done = refledger("rebuild", "statistics")
    assert (done.status, done.out) == (
        0, "2 partners have new figures, made of 0 items that were told the stream now\n"
        "2 of programs and the books have new figures\n"
    )  # fmt: skip
    assert right(books, "alice")
    assert right(books, "bob")


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
