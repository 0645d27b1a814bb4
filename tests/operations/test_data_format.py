"""Data of before: figures that began in the middle are not told until they are made anew; newer data are left alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from refledger.cli.migrate import whole_table
from refledger.domain import periods
from refledger.domain.errors import DataIsNewer, NotCounted
from refledger.domain.periods import Period
from refledger.domain.programs import DATA_FORMAT
from refledger.domain.times import DAY_MS, MINUTE_MS, SECOND_MS, day, iso
from refledger.operations.context import Context
from refledger.operations.figures import book_reports, link_figures, rebuild_diff, reports, rollups
from refledger.operations.figures import rebuild as rebuilding
from refledger.operations.figures.availability import check_books_counted, check_counted
from refledger.operations.figures.projection import project
from refledger.operations.figures.rebuild import rebuild
from refledger.operations.recovery.migrating import ALL, migrate
from refledger.store import keys, ledger, partners, programs
from refledger.store.transaction import update
from tests.store.test_shapes import table_of
from tests.support import streams
from tests.support.books import Books


def renewed(books: Books) -> Books:
    """With nothing in the memory of a worker."""
    return Books(books.client, clock=books.clock, kms=books.kms)


def of_partners(books: Books) -> list[Callable[[], object]]:
    """Whatever partners, and staff of a partner, read of the roll-ups."""
    context, today = books.context, periods.today(books.clock())
    bob = partners.of_user(books.table, books.user("bob"))
    dora = partners.of_user(books.table, books.user("dora"))  # whom staff made, before she signed in
    assert bob
    assert dora
    return [
        lambda: rollups.of_user(context, books.user("bob")),
        lambda: rollups.of_user(context, books.user("dora")),
        lambda: reports.of_partner(context, bob.id, Period(today, today)),
        lambda: reports.scorecard(context, dora.id),
        lambda: link_figures.of_partner(context, bob),
    ]


def test_what_was_counted_since_an_upgrade_is_told(dynamodb_endpoint: str) -> None:
    """Of days after it, by whoever has migrated; what was before is not, and the refusal says before when."""
    books = table_of("78e5482", dynamodb_endpoint)
    (since,) = [each for each in ALL if each.name == "since"]
    migrate(books.context, since, whole_table(books.table))
    again = renewed(books).context
    tomorrow = day(books.clock() + DAY_MS)
    check_counted(again, "default", tomorrow)
    check_books_counted(again, tomorrow)
    for first in ("", day(books.clock())):
        with pytest.raises(NotCounted, match=f"not counted before {iso(books.clock())[:10]}"):
            check_counted(again, "default", first)
    renewed(books).change_program(hold_days=3)
    assert programs.find(books.table, "default").counted_since_ms == books.clock()
    books.clock.forward(DAY_MS)
    assert migrate(books.context, since, whole_table(books.table), again=True).moved_on == 0


def test_figures_of_the_first_release_are_made_anew(dynamodb_endpoint: str) -> None:
    """Its roll-ups are refused, whatever they say; a rebuild makes every figure of every day what the books say."""
    books = table_of("78e5482", dynamodb_endpoint)
    books.clock.forward(MINUTE_MS)
    with pytest.raises(NotCounted):
        check_counted(books.context, "default")
    with pytest.raises(NotCounted):
        check_books_counted(books.context)
    for read in of_partners(books):
        with pytest.raises(NotCounted):
            read()
    tail = streams.Tail(books.client)
    list(tail.new())  # of long ago

    def count(milliseconds: int) -> None:
        books.clock.forward(milliseconds)
        project(books.context, "shard-1", list(tail.new()))

    def everybody() -> list[str]:
        return list(rebuilding.everybody(books.context))

    context = Context(books.table, books.ids, books.clock, count)
    found = rebuild_diff.differences(context, everybody)
    done = rebuild(context, everybody, 60 * MINUTE_MS, whole=True, only={each.dimension.subject for each in found})
    assert (done.waiting, done.programs_waiting) == (0, 0)
    assert rebuild_diff.differences(context, everybody) == []
    later = renewed(books).context
    check_counted(later, "default")
    check_books_counted(later)
    for read in of_partners(renewed(books)):
        read()
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
