"""Data of before: figures that began in the middle are not told until they are made anew; newer data are left alone."""

from __future__ import annotations

import pytest

from refledger.domain.errors import DataIsNewer, NotCounted
from refledger.domain.programs import DATA_FORMAT
from refledger.domain.times import MINUTE_MS, SECOND_MS
from refledger.operations.context import Context
from refledger.operations.figures import book_reports, comparing, reports
from refledger.operations.figures import rebuild as rebuilding
from refledger.operations.figures.rebuild import rebuild
from refledger.operations.figures.rollups import project
from refledger.store import keys, ledger, programs
from refledger.store.transaction import update
from tests.store.test_shapes import table_of
from tests.support import streams
from tests.support.books import Books


def renewed(books: Books) -> Books:
    """With nothing in the memory of a worker."""
    return Books(books.client, clock=books.clock, kms=books.kms)


def test_figures_of_the_first_release_are_made_anew(dynamodb_endpoint: str) -> None:
    """Its roll-ups are refused, whatever they say; a rebuild makes every figure of every day what the books say."""
    books = table_of("78e5482", dynamodb_endpoint)
    books.clock.forward(MINUTE_MS)
    with pytest.raises(NotCounted):
        reports.check_counted(books.context, "default")
    with pytest.raises(NotCounted):
        reports.check_books_counted(books.context)
    tail = streams.Tail(books.client)
    list(tail.new())  # of long ago

    def count(milliseconds: int) -> None:
        books.clock.forward(milliseconds)
        project(books.context, "shard-1", list(tail.new()))

    def everybody() -> list[str]:
        return list(rebuilding.everybody(books.context))

    context = Context(books.table, books.ids, books.clock, count)
    found = comparing.differences(context, everybody)
    done = rebuild(context, everybody, 60 * MINUTE_MS, whole=True, only={each.dimension.subject for each in found})
    assert (done.waiting, done.programs_waiting) == (0, 0)
    assert comparing.differences(context, everybody) == []
    later = renewed(books).context
    reports.check_counted(later, "default")
    reports.check_books_counted(later)
    held = [balance for id in everybody() for balance in ledger.balances(books.table, id)]
    for told in book_reports.trial_balance(later, None):
        accounts = {each.account.value: each.balance for each in told.accounts}
        assert accounts["available"] == sum(each.available for each in held if each.currency == told.currency)


def test_newer_data_are_left_alone(books: Books) -> None:
    """Whoever reads the program, and so whoever books, is refused."""
    books.program()
    books.table.commit(update("newer", keys.program("default"), "SET #format = :n", n=DATA_FORMAT + 1))
    with pytest.raises(DataIsNewer):
        books.pay("ann", "p", 1_000)


def test_a_change_of_terms_says_nothing_of_figures(books: Books) -> None:
    """A new version of an old program is not as if it had been counted from its beginning."""
    books.program()
    books.table.commit(update("older", keys.program("default"), "REMOVE #format"))
    books.clock.forward(SECOND_MS)
    renewed(books).change_program(hold_days=3)
    assert programs.find(books.table, "default").data_format == 0
