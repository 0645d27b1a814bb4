"""The schedule: whoever has something due is found in time, and what still waits once more an hour later."""

from __future__ import annotations

import pytest

from refledger.domain.maturity import MaturityMessage
from refledger.domain.programs import CurrencyTerms
from refledger.domain.times import DAY_MS, MINUTE_MS
from refledger.operations.earning import due_scan, maturity
from refledger.store import keys
from refledger.store.transaction import put
from tests.support import worlds
from tests.support.books import Books

NOW, LATE = due_scan.LOOKS

pytestmark = worlds.lives_in(worlds.two_tiers, hold_days=30, currencies={"EUR": CurrencyTerms()})


def statuses(books: Books, name: str) -> list[str]:
    return [reward.status.value for reward in books.rewards(name)]


def find(books: Books, *looks: due_scan.Look, slices: int = 1_000, do: bool = False) -> list[MaturityMessage]:
    """One tick, which has time for so many slices; what it sent. `do`: the worker does what the messages ask for."""
    sent: list[MaturityMessage] = []
    left = iter(range(slices + 1))  # the first question is whether to begin
    found = due_scan.find_due(books.context, sent.extend, lambda: next(left, None) is not None, looks or due_scan.LOOKS)
    assert sum(found.sent.values()) == len(sent)
    for message in sent if do else ():
        maturity.mature_all(books.context, message.partner_id, message.currency, message.since)
    return sent


def place(books: Books, look: due_scan.Look = NOW) -> int:
    item = books.table.get(keys.cursor(look.name))
    return item["at"] if item else 0


def test_the_schedule_finds_who_has_something_due(books: Books) -> None:
    """One message per partner and currency, from their first due reward on; nothing about what is not due."""
    books.pay("carol", "p1", 10_000)
    books.pay("carol", "p2", 10_000, currency="EUR")
    assert find(books) == []
    books.clock.forward(DAY_MS)
    books.pay("carol", "p3", 10_000)
    books.clock.forward(29 * DAY_MS + MINUTE_MS)
    found = {(m.partner_id, m.currency): m for m in find(books)}
    assert set(found) == {(books.partner(name).id, c) for name in ("alice", "bob") for c in ("USD", "EUR")}
    for (partner_id, currency), message in found.items():
        assert not message.exact
        maturity.mature_all(books.context, partner_id, currency, message.since)
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


def test_each_look_comes_by_once(books: Books) -> None:
    """What still waits is told a minute and an hour after its time, and not in every tick between."""
    books.pay("carol", "p1", 10_000)
    books.clock.forward(30 * DAY_MS)
    due_ms, told = books.clock(), []
    while books.clock() < due_ms + 26 * 60 * MINUTE_MS:
        told += [((books.clock() - due_ms) // MINUTE_MS, len(find(books, look))) for look in due_scan.LOOKS]
        books.clock.forward(15 * MINUTE_MS)
    assert [each for each in told if each[1]] == [(15, 2), (60, 2)]


def test_what_has_matured_is_told_no_more(books: Books) -> None:
    """One message for each partner, whatever looks come by later: the others would be for nothing."""
    books.pay("carol", "p1", 10_000)
    books.clock.forward(30 * DAY_MS + MINUTE_MS)
    assert len(find(books, do=True)) == 2
    for _ in range(60):
        books.clock.forward(30 * MINUTE_MS)
        assert find(books) == []
    assert place(books, LATE) > books.clock() - 3 * 60 * MINUTE_MS


def test_what_comes_into_the_index_late_is_found(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """A payment that is seen only when the first look has passed its place is found by the second, an hour later."""
    books.pay("carol", "p1", 10_000)
    books.clock.forward(30 * DAY_MS + MINUTE_MS)
    with monkeypatch.context() as hidden:
        hidden.setattr(type(books.table), "query", lambda *_, **__: iter(()))
        assert find(books) == []
    books.clock.forward(58 * MINUTE_MS)
    assert find(books) == []
    books.clock.forward(2 * MINUTE_MS)
    assert len(find(books, do=True)) == 2
    assert books.balance("bob") == (2_000, 0, 0)


def test_a_message_that_died_is_sent_again(books: Books) -> None:
    """An hour later, under the name of the first: within five minutes the queue takes the two for one."""
    books.pay("carol", "p1", 10_000)
    books.clock.forward(30 * DAY_MS + MINUTE_MS)
    first = find(books)
    books.clock.forward(60 * MINUTE_MS)
    late = find(books, do=True)
    assert late == first
    assert len({message.deduplication for message in first}) == 2
    assert statuses(books, "bob") == ["APPROVED"]


@pytest.mark.parametrize("slices", [3, 4, 7])
def test_the_places_move_forward_under_any_backlog(books: Books, slices: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """More is due in each hour than a tick gets through: every tick goes on, and everybody is found in the end.

    Among them many of one moment, as of a file of payments that all say midnight. No look lives on what another leaves.
    """
    monkeypatch.setattr(due_scan, "SLICE", 4)
    names = [f"n{number}" for number in range(12)]
    for number, name in enumerate(names):
        books.apply(f"customer of {name}", name)
        for count in range(3):
            books.pay(f"customer of {name}", f"p-{name}-{count}", 10_000)
        books.clock.forward(MINUTE_MS if number % 4 else 0)
    books.clock.forward(30 * DAY_MS)
    seen: list[int] = []
    for _ in range(120):
        find(books, slices=slices, do=True)
        seen.append(min(place(books, look) for look in (NOW, LATE)))
        books.clock.forward(5 * MINUTE_MS)
    assert seen == sorted(seen)
    assert {name: books.balance(name)[0] for name in names} == dict.fromkeys(names, 6_000)
    assert books.clock() - place(books) < 3 * 60 * MINUTE_MS
    assert books.clock() - place(books, LATE) < 3 * 60 * MINUTE_MS
    assert find(books) == []


def test_how_far_behind_it_is(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tick that did not get through says by how much; one that did says nothing is behind, also after a long rest."""
    monkeypatch.setattr(due_scan, "SLICE", 2)
    for number in range(10):
        books.pay("carol", f"p{number}", 10_000)
        books.clock.forward(60 * MINUTE_MS)
    books.clock.forward(30 * DAY_MS)
    left = iter([True, True])
    found = due_scan.find_due(books.context, lambda _: None, lambda: next(left, False), [NOW])
    assert 60 * MINUTE_MS < found.behind_ms <= 30 * DAY_MS
    assert due_scan.find_due(books.context, lambda _: None, lambda: True).behind_ms == 0
    books.clock.forward(3 * DAY_MS)
    assert due_scan.find_due(books.context, lambda _: None, lambda: True).behind_ms == 0


def test_a_tick_without_anything_due_writes_next_to_nothing(books: Books) -> None:
    """Of many a day only one in an hour keeps its place."""
    find(books)
    before = place(books)
    books.clock.forward(5 * MINUTE_MS)
    find(books)
    assert place(books) == before
    books.clock.forward(60 * MINUTE_MS)
    find(books)
    assert place(books) > before


def test_a_place_of_an_earlier_version_is_gone_on_from(books: Books) -> None:
    """It had one for all shards and an hour's overlap behind it; the look that is new begins there, too."""
    books.pay("carol", "p1", 10_000)
    books.clock.forward(30 * DAY_MS)
    books.table.commit(put("old", {**keys.cursor(NOW.name), "at": books.clock() + 30 * MINUTE_MS}))
    books.clock.forward(60 * MINUTE_MS)
    assert len(find(books, NOW)) == 2
    assert len(find(books, LATE)) == 2


def test_of_two_runs_at_once_one_goes_on(books: Books) -> None:
    """A tick that is tried again beside the first one takes nothing back, and ends."""
    for number in range(3):
        books.pay("carol", f"p{number}", 10_000)
    books.clock.forward(30 * DAY_MS + MINUTE_MS)
    moved: list[int] = []

    def send(_: object) -> None:
        if not moved:
            moved.append(0)
            books.clock.forward(10 * MINUTE_MS)
            due_scan.find_due(books.context, lambda _: None, lambda: True, [NOW])
            moved.append(place(books))
            books.clock.at_ms -= 10 * MINUTE_MS

    due_scan.find_due(books.context, send, lambda: True, [NOW])
    assert place(books) == moved[1]


def test_after_a_week_without_looks_nothing_is_missed(books: Books) -> None:
    """A schedule that stood still goes on from where it was."""
    books.clock.forward(30 * DAY_MS)
    assert find(books) == []
    for number in range(7):
        books.pay("carol", f"p{number}", 10_000, occurred_at_ms=books.clock() - 30 * DAY_MS)
        books.clock.forward(DAY_MS)
    books.clock.forward(MINUTE_MS)
    find(books, do=True)
    assert books.balance("bob") == (14_000, 0, 0)


def test_the_schedules_place_never_goes_back(books: Books) -> None:
    """A run whose clock is behind does not undo what another has kept."""
    find(books)
    kept = place(books)
    books.clock.at_ms -= 60_000
    find(books)
    assert place(books) == kept


def test_many_payments_of_one_moment_are_all_found(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of payments that all say midnight is due in one millisecond: more than a slice, and everybody is found."""
    monkeypatch.setattr(due_scan, "SLICE", 2)
    names = [f"n{number}" for number in range(12)]
    for name in names:
        books.apply(f"customer of {name}", name)
        books.pay(f"customer of {name}", f"p-{name}", 10_000)
    books.clock.forward(31 * DAY_MS)
    found = {message.partner_id for message in find(books)}
    assert found == {books.partner(name).id for name in names}
