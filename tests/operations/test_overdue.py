"""The daily look: whatever the schedule has lost becomes money, however long ago its time was."""

from __future__ import annotations

import pytest

from refledger.domain.maturity import MaturityMessage
from refledger.domain.programs import CurrencyTerms
from refledger.domain.rules import RuleSet
from refledger.domain.times import DAY_MS, MINUTE_MS
from refledger.operations.earning import due_scan, maturity, overdue, reward_decisions
from refledger.store import keys
from tests.support import worlds
from tests.support.books import Books
from tests.support.programs import a_rule

HOUR_MS = 60 * MINUTE_MS
TICK_MS = HOUR_MS  # what happens in the minutes between is the schedule's own matter

pytestmark = worlds.lives_in(worlds.two_tiers, hold_days=30, currencies={"EUR": CurrencyTerms()})


def look(books: Books, times: int = 1_000, do: bool = False) -> list[MaturityMessage]:
    """What one tick sends; `times`: it is asked so often whether to go on."""
    sent: list[MaturityMessage] = []
    left = iter(range(times))
    assert overdue.find_overdue(books.context, sent.extend, lambda: next(left, None) is not None) == len(sent)
    for message in sent if do else ():
        maturity.mature_all(books.context, message.partner_id, message.currency, message.since)
    return sent


def who(sent: list[MaturityMessage]) -> list[tuple[str, str]]:
    return sorted((message.partner_id, message.currency) for message in sent)


@pytest.mark.parametrize("away_ms", [HOUR_MS, DAY_MS, 15 * DAY_MS])
def test_nothing_is_lost_when_the_worker_fails(books: Books, away_ms: int) -> None:
    """For an hour, a day, fifteen days, in which the queue forgot what it was told: a day after, all of it is money."""
    for number in range(6):
        books.pay("carol", f"p{number}", 10_000, currency="EUR" if number % 2 else "USD")
        books.clock.forward(4 * DAY_MS)
    books.clock.forward(10 * DAY_MS)  # it fails from here on
    well_again_ms = books.clock() + away_ms
    while books.clock() < well_again_ms + DAY_MS + 2 * HOUR_MS:
        sent: list[MaturityMessage] = []
        sent += find(books)
        overdue.find_overdue(books.context, sent.extend, lambda: True)
        for message in sent if books.clock() >= well_again_ms else ():
            maturity.mature_all(books.context, message.partner_id, message.currency, message.since)
        books.clock.forward(TICK_MS)
    late = [
        r for name in ("alice", "bob") for r in books.rewards(name) if r.matures_at_ms < books.clock() - 2 * HOUR_MS
    ]
    assert {reward.status.value for reward in late} == {"APPROVED"}
    assert len(late) >= 2
    assert books.faults() == []


def test_only_what_is_two_hours_late_is_told(books: Books) -> None:
    """Until then it is with the schedule; and then it is told once a day, until it is money."""
    books.pay("carol", "p1", 10_000)
    books.clock.forward(30 * DAY_MS + 2 * HOUR_MS - MINUTE_MS)
    assert look(books) == []
    books.clock.forward(DAY_MS)
    assert who(look(books)) == sorted((books.partner(name).id, "USD") for name in ("alice", "bob"))
    books.clock.forward(DAY_MS - MINUTE_MS)
    assert look(books) == []
    books.clock.forward(MINUTE_MS)
    assert len(look(books, do=True)) == 2
    books.clock.forward(DAY_MS)
    assert look(books) == []
    assert books.balance("bob") == (2_000, 0, 0)


def test_a_round_that_ends_early_is_gone_on_with(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """Partner by partner, also in the middle of one: in the end each that has lost something was told."""
    monkeypatch.setattr(overdue, "PAGE", 2)
    monkeypatch.setattr(overdue, "PIECE", 3)
    names = [f"n{number}" for number in range(5)]
    for name in names:
        books.apply(f"customer of {name}", name)
        for number in range(8):
            books.pay(f"customer of {name}", f"{name}-{number}", 10_000, currency="EUR" if number == 7 else "USD")
            books.clock.forward(1)
    books.clock.forward(31 * DAY_MS)
    told: set[tuple[str, str]] = set()
    for _ in range(60):
        told |= set(who(look(books, times=1)))
    assert told == {(books.partner(name).id, currency) for name in names for currency in ("USD", "EUR")}
    assert look(books) == [], "the round has ended"
    books.clock.forward(DAY_MS)
    look(books, do=True)
    assert {books.balance(name) for name in names} == {(14_000, 0, 0)}


def test_what_waits_too_long_is_named(books: Books) -> None:
    """Two hours after its time, by the reward; once it is money no more."""
    books.pay("carol", "p1", 10_000)
    ids = [books.partner(name).id for name in ("alice", "bob")]
    books.clock.forward(30 * DAY_MS + HOUR_MS)
    assert list(overdue.waiting_too_long(books.context, ids)) == []
    books.clock.forward(2 * HOUR_MS)
    named = list(overdue.waiting_too_long(books.context, ids))
    assert [partner for partner, _, _ in named] == ids
    assert all("waits, although it was due 20" in why for _, _, why in named)
    look(books)
    assert list(overdue.waiting_too_long(books.context, ids)) == named, "that it was told again makes it no money"
    books.clock.forward(DAY_MS)
    look(books, do=True)
    assert list(overdue.waiting_too_long(books.context, ids)) == []


def test_what_is_held_is_not_overdue(books: Books) -> None:
    """Nor what was cancelled, or is money: the mark goes past them, and they are not read again."""
    for number in range(3):
        books.pay("carol", f"p{number}", 10_000)
        books.clock.forward(1)
    held, cancelled, waits = (reward.id for reward in books.rewards("bob"))
    reward_decisions.hold(books.context, held, "a look", "eve")
    reward_decisions.cancel(books.context, cancelled, "no", "eve")
    books.clock.forward(31 * DAY_MS)
    (found,) = [message for message in look(books) if message.partner_id == books.partner("bob").id]
    assert found.since == keys.reward(waits)["sk"]
    mark = books.table.get(keys.overdue_mark(books.partner("bob").id))
    assert mark is not None
    assert mark["due"] == keys.reward(waits)["sk"]


def test_what_is_made_long_after_its_time_is_not_passed_over(books: Books) -> None:
    """A payment of before comes late, and another one earns two tiers by its new place: that reward's time is months
    ago, and the partner's mark is past it. Its message dies, and the worker fails for days.
    """
    books.change_program(rules=RuleSet(a_rule(1000, 700, first=(5000,))), hold_days=3)
    books.apply("dave", "carol")
    books.pay("dave", "p2", 10_000)
    bob = books.partner("bob")
    assert books.rewards("bob") == []
    for _ in range(5):
        books.clock.forward(DAY_MS)
        look(books, do=True)
    books.pay("carol", "another", 10_000)
    books.clock.forward(4 * DAY_MS)
    find_and_work(books)
    look(books)
    mark = books.table.get(keys.overdue_mark(bob.id))
    assert mark is not None
    books.pay("dave", "p1", 10_000, occurred_at_ms=books.clock() - 10 * DAY_MS)
    (made,) = [reward for reward in books.rewards("bob") if reward.payment == books.payment("p2").id]
    assert keys.reward(made.id)["sk"] < mark["due"]
    books.clock.forward(DAY_MS + HOUR_MS)
    find(books)
    books.clock.forward(HOUR_MS)
    assert (bob.id, "USD") in who(look(books, do=True))
    assert books.rewards("bob")[0].status.value == "APPROVED"


def find(books: Books) -> list[MaturityMessage]:
    sent: list[MaturityMessage] = []
    due_scan.find_due(books.context, sent.extend, lambda: True)
    return sent


def find_and_work(books: Books) -> None:
    for message in find(books):
        maturity.mature_all(books.context, message.partner_id, message.currency, message.since)
