"""Journals over pages: every entry once, in order, whoever asks for how many at a time."""

from __future__ import annotations

import pytest

from refledger.domain.journal import JournalEntry
from refledger.operations import journal_pages
from refledger.operations.journal_pages import JournalPosition, journal_of, journal_of_all
from tests.support import dynamodb
from tests.support.books import Books

NAMES = [f"n{number}" for number in range(6)]


@pytest.fixture(scope="module")
def world(dynamodb_endpoint: str) -> Books:
    """Six partners; n0 has no entry, n1 one, n2 two …, half of them in a second currency."""
    books = Books(dynamodb.new_database(dynamodb_endpoint))
    books.program(payout_minimum=0)
    for number, name in enumerate(NAMES):
        books.clock.forward(1000)
        for entry in range(number):
            currency = "EUR" if entry % 2 else "USD"
            books.grant(name, 10 + entry, currency=currency)
            books.mature(name, currency)
            books.clock.forward(86_400_000)
        books.partner(name)
    return books


def walk(page_of: object, limit: int) -> list[list[JournalEntry]]:
    """All pages, from the first to the one without a next."""
    pages, place = [], JournalPosition()
    for _ in range(100):
        page = page_of(place, limit)  # type: ignore[operator]
        pages.append(page.entries)
        if page.next is None:
            return pages
        place = page.next
    raise AssertionError("pages without end")


def whole(books: Books, name: str, currency: str | None) -> list[JournalEntry]:
    wanted = [currency] if currency else ["EUR", "USD"]
    return [entry for each in wanted for entry in books.entries(name, each)]


@pytest.mark.parametrize("limit", [1, 3, 100])
@pytest.mark.parametrize("currency", [None, "USD", "EUR", "JPY"])
def test_a_partners_journal_page_by_page(world: Books, currency: str | None, limit: int) -> None:
    """Currency by currency in the order of versions, pages full up to the last, no gap and no repeat."""
    for name in NAMES:
        id = world.partner(name).id
        pages = walk(lambda place, n, id=id: journal_of(world.context, id, currency, place, n), limit)
        assert [entry for page in pages for entry in page] == whole(world, name, currency)
        assert all(len(page) == limit for page in pages[:-1])


@pytest.mark.parametrize("a_page", [1, 25])
@pytest.mark.parametrize("limit", [1, 3, 100])
@pytest.mark.parametrize("currency", [None, "EUR"])
def test_everybodys_journal_page_by_page(
    world: Books, monkeypatch: pytest.MonkeyPatch, currency: str | None, limit: int, a_page: int
) -> None:
    """The newest partner first; pages may be short, but what they join to is complete and in order."""
    monkeypatch.setattr(journal_pages, "JOURNALS_A_PAGE", a_page)
    pages = walk(lambda place, n: journal_of_all(world.context, currency, place, n), limit)
    assert [entry for page in pages for entry in page] == [e for n in NAMES[::-1] for e in whole(world, n, currency)]
    assert all(len(page) <= limit for page in pages)
