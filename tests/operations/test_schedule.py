"""The schedule: whoever has something due is found, once in time, and once more a day later."""

from __future__ import annotations

from dataclasses import replace

import pytest

from refledger.domain.maturity import MaturityMessage
from refledger.domain.programs import CurrencyTerms
from refledger.domain.times import DAY_MS, MINUTE_MS
from refledger.operations import finding_due, rewards
from refledger.store import keys
from tests.support.books import Books

NOW, AGAIN = finding_due.LOOKS


@pytest.fixture
def books(books: Books) -> Books:
    """Alice refers Bob, Bob refers Carol; rewards are held for 30 days."""
    books.program(hold_days=30, currencies={"EUR": CurrencyTerms()})
    books.chain("alice", "bob", "carol")
    return books


def statuses(books: Books, name: str) -> list[str]:
    return [reward.status.value for reward in books.rewards(name)]


def find(books: Books, look: finding_due.Look = NOW, rounds: int = 1_000) -> list[MaturityMessage]:
    """One run of the schedule, which has time for so many slices; what it sent."""
    sent: list[MaturityMessage] = []
    left = iter(range(rounds))
    assert finding_due.find_due(books.context, look, sent.extend, lambda: next(left, None) is not None) == len(sent)
    return sent


def place(books: Books, look: finding_due.Look = NOW) -> int:
    item = books.table.get(keys.cursor(look.name))
    return item["at"] if item else 0


def test_the_schedule_finds_who_has_something_due(books: Books) -> None:
    """One message per partner and currency, from their first due reward on; nothing about what is not due."""
    books.pay("carol", "p1", 10_000)
    books.pay("carol", "p2", 10_000, currency="EUR")
    assert find(books) == []
    books.clock.forward(DAY_MS)
    books.pay("carol", "p3", 10_000)
    books.clock.forward(29 * DAY_MS)
    found = {(m.partner_id, m.currency): m for m in find(books)}
    assert set(found) == {(books.partner(name).id, c) for name in ("alice", "bob") for c in ("USD", "EUR")}
    for (partner_id, currency), message in found.items():
        assert not message.exact
        rewards.mature_all(books.context, partner_id, currency, message.since)
    assert statuses(books, "bob") == ["APPROVED", "APPROVED", "PENDING"]
    assert books.balance("alice") == (1000, 0, 0)


def test_a_message_begins_at_the_earliest_of_many(books: Books) -> None:
    """However the payments are spread over the shards, `since` is the first reward's own key."""
    for number in range(12):
        books.pay("carol", f"p{number}", 10_000)
        books.clock.forward(1)
    books.clock.forward(31 * DAY_MS)
    found = {m.partner_id: m.since for m in find(books)}
    assert found[books.partner("bob").id] == keys.reward(books.rewards("bob")[0].id)["sk"]


def test_looks_overlap_by_an_hour(books: Books) -> None:
    """After a look the next one begins an hour before it: late commits are seen, old ones not read again."""
    books.pay("carol", "p1", 10_000)
    books.clock.forward(30 * DAY_MS)
    assert len(find(books)) == 2
    books.clock.forward(59 * MINUTE_MS)
    assert len(find(books)) == 2
    books.clock.forward(2 * MINUTE_MS)
    assert len(find(books)) == 2
    books.clock.forward(59 * MINUTE_MS)
    assert find(books) == []


def test_a_day_later_all_is_looked_at_once_more(books: Books) -> None:
    """A message that died is sent again a day after its time, once; what is older is not read for ever."""
    books.pay("carol", "p1", 10_000)
    books.clock.forward(30 * DAY_MS)
    sent = []
    for _ in range(3 * 24):
        sent.append(len(find(books, AGAIN)))
        books.clock.forward(60 * MINUTE_MS)
    assert 2 <= sum(sent) <= 4  # twice where the hour began at that very millisecond
    assert sent.index(2) in (24, 25)


def test_after_a_week_without_looks_nothing_is_missed(books: Books) -> None:
    """A schedule that stood still goes on from where it was."""
    books.clock.forward(30 * DAY_MS)
    assert find(books) == []
    for number in range(7):
        books.pay("carol", f"p{number}", 10_000, occurred_at_ms=books.clock() - 30 * DAY_MS)
        books.clock.forward(DAY_MS)
    for message in find(books):
        rewards.mature_all(books.context, message.partner_id, message.currency, message.since)
    assert books.balance("bob") == (14_000, 0, 0)


@pytest.mark.parametrize("rounds", [1, 2])
def test_a_look_that_runs_out_of_time_has_done_its_part(
    books: Books, rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In slices, each kept: the next run goes on where this one stopped, and everybody is found in the end."""
    monkeypatch.setattr(finding_due, "SLICE", 2)
    for number in range(20):
        books.pay("carol", f"p{number}", 10_000)
        books.clock.forward(2 * 60 * MINUTE_MS)
    books.clock.forward(30 * DAY_MS)
    places: list[int] = []
    for _ in range(40):
        for message in find(books, NOW, rounds):
            rewards.mature_all(books.context, message.partner_id, message.currency, message.since)
        places.append(place(books))
        if places[-1] == books.clock():
            break
    assert places == sorted(set(places))
    assert len(places) > 2
    assert books.balance("bob") == (40_000, 0, 0)


def test_the_schedules_place_never_goes_back(books: Books) -> None:
    """A run whose clock is behind does not undo what another has kept."""
    find(books)
    kept = place(books)
    books.clock.at_ms -= 60_000
    find(books)
    assert place(books) == kept


def test_repeats_of_a_look_are_messages_of_their_own(books: Books) -> None:
    """The queue drops what it has seen within minutes; a later look must not be dropped."""
    books.pay("carol", "p1", 10_000)
    books.clock.forward(30 * DAY_MS)
    first = find(books)
    books.clock.forward(5 * MINUTE_MS)
    later = find(books)
    assert [replace(m, deduplication="") for m in later] == [replace(m, deduplication="") for m in first]
    assert not {m.deduplication for m in later} & {m.deduplication for m in first}


def test_many_payments_of_one_moment_are_all_found(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of payments that all say midnight is due in one millisecond: more than a slice, and everybody is found."""
    monkeypatch.setattr(finding_due, "SLICE", 2)
    names = [f"n{number}" for number in range(12)]
    for name in names:
        books.apply(f"customer of {name}", name)
        books.pay(f"customer of {name}", f"p-{name}", 10_000)
    books.clock.forward(31 * DAY_MS)
    found = {message.partner_id for message in find(books)}
    assert found == {books.partner(name).id for name in names}
