"""A reader of the stream was away for longer than the stream keeps: what it should have made is made from the table."""

from __future__ import annotations

import pytest

from refledger.domain.leaderboards import ChangedMonth
from refledger.domain.referrals import Referral, ReferralStatus
from refledger.domain.times import DAY_MS, MINUTE_MS, day
from refledger.operations.figures import leaderboards
from refledger.operations.figures.leaderboards import ALL_TIME, RankedBy, top
from refledger.operations.recovery import backfill
from refledger.operations.recovery.backfill import SUBJECTS, Caught, catch_up
from refledger.store import dimensions, keys, referrals, search
from refledger.store import statistics as stored
from refledger.store.stream import comparable
from refledger.store.transaction import delete
from tests.support.books import Books
from tests.support.changes import Follower

S = ReferralStatus
AWAY = pytest.mark.parametrize("away_ms", [60 * MINUTE_MS, DAY_MS, 15 * DAY_MS])


@pytest.fixture
def books(books: Books) -> Books:
    """Alice referred Bob, and Bob referred Carol, of which the readers know."""
    books.program()
    books.chain("alice", "bob", "carol")
    Follower(books).catch_up()
    return books


def carols(books: Books) -> Referral:
    ((_, found),) = referrals.of_partner(books.table, books.partner("bob").id, "", 10)
    return found


def found(books: Books, start: str) -> set[str]:
    return {id for _, (_, id) in search.beginning_with(books.table, "default", start, "", 10)}


def state(books: Books) -> object:
    board = top(books.context, "default", ALL_TIME, RankedBy.REWARDS, "USD").rows
    return carols(books), found(books, "dora"), board


@AWAY
def test_the_progress_of_referrals_is_said_again(books: Books, away_ms: int) -> None:
    """Paid, and paid out, while nobody read: with the moments at which that was; then nothing is behind."""
    paid_ms = books.clock()
    books.pay("carol", "p1", 100_000)
    books.mature("bob")
    books.clock.forward(MINUTE_MS)
    books.pay_out("bob", 20_000)
    books.cover("bob")
    out_ms = books.clock()
    books.clock.forward(away_ms)
    assert catch_up(books.context, "progress", check=True).behind == 1
    assert carols(books).status is S.ACCEPTED
    assert catch_up(books.context, "progress", check=False).behind == 1
    told = carols(books)
    assert (told.status, told.converted_at_ms, told.paid_at_ms) == (S.PAID, paid_ms, out_ms)
    assert catch_up(books.context, "progress", check=True).behind == 0


@AWAY
def test_partners_are_found_again(books: Books, away_ms: int) -> None:
    """One who came while nobody read; a row that is there is left."""
    made = books.member("dora", "default")
    books.clock.forward(away_ms)
    assert found(books, "dora") == set()
    assert catch_up(books.context, "search", check=True) == Caught(looked_at=3, behind=1)
    assert found(books, "dora") == set()
    assert catch_up(books.context, "search", check=False).behind == 1
    assert found(books, "dora") == {made.id}
    assert catch_up(books.context, "search", check=True).behind == 0


@AWAY
def test_places_in_leaderboards_are_said_again(books: Books, away_ms: int) -> None:
    """Of all time and of the month, for those whose figures say another place than the board."""
    for number, (name, amount) in enumerate((("bob", 30), ("alice", 10)), start=1):
        at = dimensions.partner(books.partner(name).id).at(0)
        change = (comparable(str(number)), "t1_USD", amount)
        stored.add(books.table, at, day(books.clock()), f"shard-{name}", [change])
    month = day(books.clock())[:6]
    leaderboards.refresh(books.context, [ChangedMonth(books.partner("alice").id, month)])
    books.clock.forward(away_ms)
    assert catch_up(books.context, "leaderboards", check=True).behind == 1
    assert catch_up(books.context, "leaderboards", check=False).behind == 1
    for period in (ALL_TIME, month):
        rows = top(books.context, "default", period, RankedBy.REWARDS, "USD").rows
        assert rows == ((books.partner("bob").id, 30), (books.partner("alice").id, 10))
    assert catch_up(books.context, "leaderboards", check=True).behind == 0


def test_the_reader_may_catch_up_meanwhile(books: Books) -> None:
    """What it is told after all changes nothing any more; and what it was told before is not behind."""
    follower = Follower(books)
    follower.catch_up()
    books.member("dora", "default")
    books.pay("carol", "p1", 100_000)
    for what in SUBJECTS:
        catch_up(books.context, what, check=False)
    before = state(books)
    follower.catch_up()
    assert state(books) == before
    assert {what: catch_up(books.context, what, check=True).behind for what in SUBJECTS} == dict.fromkeys(SUBJECTS, 0)


def test_one_that_was_stopped_goes_on(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two partners at a time: the first two are not looked at twice, and a whole run begins at the beginning."""
    monkeypatch.setattr(backfill, "BATCH_LIMIT", 2)
    for id in (books.partner("alice"), books.partner("carol")):
        for write in search.follow(None, id):
            books.table.commit(delete("gone", {"pk": write.target["pk"], "sk": write.target["sk"]}, ""))

    class Stopped(Exception):
        pass

    def stop(_: str) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        catch_up(books.context, "search", check=False, tell=stop)
    rest = catch_up(books.context, "search", check=False)
    assert rest.looked_at <= 3
    assert catch_up(books.context, "search", check=True) == Caught(looked_at=3, behind=0)
    assert books.table.get(keys.cursor("CATCHING-UP-search")) == {**keys.cursor("CATCHING-UP-search"), "at": ""}
