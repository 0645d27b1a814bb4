"""What should have happened by now, and has not, is named where schedules and the stream's readers run as well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from refledger.domain.partners import Partner
from refledger.domain.times import DAY_MS, HOUR_MS
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.operations.payouts import withdrawals
from refledger.operations.proof.book_checks import Checked
from refledger.operations.proof.partner_checks import verify_partner
from refledger.store import keys, partners, search, stops
from refledger.store.stops import Stop
from refledger.store.transaction import Write, delete, update
from tests.support import worlds
from tests.support.books import Books
from tests.support.changes import Follower
from tests.support.payouts import Provider, start, verified

pytestmark = worlds.lives_in(worlds.two_tiers)


def named(books: Books, name: str = "bob") -> list[str]:
    """What is wrong with a partner, in time and out of it."""
    found = verify_partner(books.context, books.partner(name).id, Checked(), timely=True)
    return [fault.reason for fault in found]


def follow(books: Books) -> None:
    Follower(books).catch_up()


def approved(books: Books) -> str:
    made = books.withdraw("bob", 2_000, "key", payee=verified(books, "bob"))
    withdrawals.decide(books.context, made.id, WithdrawalStatus.APPROVED, "ann", "yes", "")
    return made.id


def wait_for_approval(books: Books) -> int:
    return books.withdraw("bob", 2_000, "key").expires_at_ms + DAY_MS - books.clock()


def wait_for_start(books: Books) -> int:
    approved(books)
    return 2 * DAY_MS


def wait_for_provider(books: Books) -> int:
    start(books, approved(books), Provider(["AWAITING"]))
    return 35 * DAY_MS


def wait_to_mature(books: Books) -> int:
    books.pay("carol", "waits", 1_000)
    return 2 * DAY_MS


@pytest.mark.parametrize(
    ("begin", "told"),
    [
        (wait_for_approval, "is REQUESTED, and nothing became of it"),
        (wait_for_start, "is APPROVED, and nothing became of it"),
        (wait_for_provider, "is PAYING, and nothing became of it"),
        (wait_to_mature, "waits, although it was due"),
    ],
)
def test_what_waits_too_long_is_named(books: Books, begin: Callable[[Books], int], told: str) -> None:
    """Not in the last moment of its time, but after it; and not while people have stopped everything."""
    books.earn("carol", "p", 100_000)
    last_ms = begin(books)
    follow(books)
    books.clock.forward(last_ms)
    assert named(books) == []
    books.clock.forward(1)
    assert [told in reason for reason in named(books)] == [True]
    books.table.commit(stops.write(Stop(books.clock(), "ann", "why", (), "stamp")))
    books.context._stop.clear()
    assert named(books) == []


def test_what_waits_for_a_person_may_wait(books: Books) -> None:
    """What is held, and an approved transfer that somebody has to make."""
    books.pay("carol", "p", 100_000)
    for name in ("alice", "bob"):
        books.hold(books.rewards(name)[0])
    books.earn("carol", "q", 100_000)
    made = books.withdraw("bob", 2_000, "key")
    withdrawals.decide(books.context, made.id, WithdrawalStatus.APPROVED, "ann", "yes", "")
    follow(books)
    books.clock.forward(80 * DAY_MS)
    assert named(books) == []


@pytest.mark.parametrize("key", [lambda id: keys.due_cursor(id, "USD"), keys.overdue_mark])
def test_a_look_that_begins_in_the_future_is_named(books: Books, key: Callable[[str], keys.Key]) -> None:
    """Nothing before it would ever be found again."""
    books.earn("carol", "p", 100_000)
    assert named(books) == []
    late = keys.due_from(books.clock() + DAY_MS)
    books.table.commit(update("an edit", key(books.partner("bob").id), "SET #due = :due", due=late))
    assert ["begins with some that are to come" in reason for reason in named(books)] == [True]


def test_what_the_stream_told_of_is_there_an_hour_later(books: Books) -> None:
    """Progress of referrals, and rows by which a partner is found; within the hour its readers may be behind."""
    bob = partners.find(books.table, books.partner("bob").id)
    books.table.commit(renamed(bob, books.clock()))
    books.earn("carol", "p", 100_000)
    books.clock.forward(HOUR_MS)
    assert named(books) == []
    books.clock.forward(1)
    assert [reason.rpartition(": ")[2] for reason in named(books)] == ["`rebuild progress`", "`rebuild search`"]
    follow(books)
    books.clock.forward(HOUR_MS + 1)
    assert named(books) == []
    row = search.follow(None, partners.find(books.table, bob.id))[0]
    books.table.commit(delete("a removal", {"pk": row.target["pk"], "sk": row.target["sk"]}, ""))
    assert named(books) == ["is not found by all of its names: `rebuild search`"]


def renamed(partner: Partner, now_ms: int) -> Write:
    new = replace(partner, first_name="Bob", last_name="Example", version=partner.version + 1)
    return partners.change(partner, new, now_ms)
