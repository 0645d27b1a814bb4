"""The schedule under any backlog: everything that is due is reached, what has waited longest first, and told once.

The real look over an index in memory: hours with a thousand times what a tick gets through take a table too long.
"""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refledger.domain.times import MINUTE_MS
from refledger.operations.earning import due_scan
from refledger.store import keys, merge
from tests.support.due import Killed, Shop

TICK_MS = 5 * MINUTE_MS
A_TICK = 8  # rewards that a tick has time to look at, in tests of much more than that


def time_for(slices: int) -> Callable[[], bool]:
    """Says that there is time left for so many slices; the first question is whether to begin."""
    left = iter(range(2 * slices))
    return lambda: next(left, None) is not None


def time_to_look_at(shop: Shop, rewards: int) -> Callable[[], bool]:
    """Says that there is time left until so many were looked at."""
    until = shop.looked.total() + rewards
    return lambda: shop.looked.total() < until


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies in memory is read by one thread."""
    monkeypatch.setattr(merge, "AT_ONCE", 1)


@pytest.fixture
def slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slice is two rewards."""
    monkeypatch.setattr(due_scan, "SLICE", 2)


@pytest.mark.usefixtures("slices")
@pytest.mark.parametrize("times", [10, 100, 1_000])
def test_a_backlog_of_many_ticks_is_worked_off(times: int) -> None:
    """Due in one hour is so many times what a tick gets through: every tick leaves less, until nothing is overdue.

    Nobody is passed over, those of another partner neither; and no reward is looked at more often than there are looks.
    """
    shop, chosen = Shop(), random.Random(times)
    begun = shop.clock()
    made = [shop.pay(number, begun + chosen.randrange(60 * MINUTE_MS)) for number in range(times * A_TICK)]
    shop.clock.forward(61 * MINUTE_MS)
    ticks, behind = 0, list[int]()
    while shop.waiting or behind[-1]:
        behind.append(shop.tick(time_to_look_at(shop, A_TICK)).behind_ms)
        shop.work()
        shop.clock.forward(TICK_MS)
        ticks += 1
        assert ticks < 3 * times + 30, f"{shop.waiting} of {len(made)} are still waiting"
    assert set(shop.looked) == set(made)
    assert max(shop.looked.values()) <= len(due_scan.LOOKS)
    assert shop.tick(lambda: True).sent == {look.name: 0 for look in due_scan.LOOKS}


@pytest.mark.usefixtures("slices")
def test_what_has_waited_longest_comes_first() -> None:
    """Whatever shard it is in: no partner is told before one who has waited longer."""
    shop, chosen = Shop(), random.Random(1)
    for number in range(600):
        shop.pay(number, shop.clock() + chosen.randrange(20 * 60 * MINUTE_MS))
    shop.clock.forward(20 * 60 * MINUTE_MS)
    while due_scan.find_due(shop.context, shop._send, time_for(3), due_scan.LOOKS[:1]).behind_ms:
        shop.work()
    latest = 0
    for due_ms in shop.order:
        assert due_ms >= latest
        latest = due_ms


@pytest.mark.usefixtures("slices")
def test_more_is_due_in_every_hour_than_an_hours_ticks_get_through() -> None:
    """For a day; then it is quiet. What is behind grows, says so, and is worked off: the places never stand still."""
    shop, number = Shop(), 0
    reached: list[int] = []
    for tick in range(24 * 12 * 4):
        for _ in range(12 if tick < 24 * 12 else 0):
            shop.pay(number := number + 1, shop.clock())
        found = shop.tick(time_to_look_at(shop, A_TICK))
        shop.work()
        reached.append(shop.clock() - found.behind_ms)
        shop.clock.forward(TICK_MS)
    assert reached[12:] == sorted(reached[12:])  # the first have not come to every shard
    assert shop.overdue == []


def test_a_partner_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many of their payments are due, in whatever slices: one message does all, and later looks say nothing."""
    monkeypatch.setattr(due_scan, "SLICE", 10)
    shop = Shop()
    for number in range(500):
        shop.pay(number % 3, shop.clock() + number)
    shop.clock.forward(2 * MINUTE_MS)
    told = Counter[str]()
    for _ in range(30 * 12):
        shop.tick(lambda: True)
        told.update(message.partner_id for message in shop.woken)
        shop.work()
        shop.clock.forward(TICK_MS)
    assert sorted(told.values()) == [1, 1, 1]
    assert max(shop.looked.values()) <= len(due_scan.LOOKS)


def test_one_payment_is_looked_at_twice_and_told_by_one_name() -> None:
    """Also while the worker is not well: sixteen hours of ticks say two things that the queue takes for one."""
    shop = Shop()
    shop.worker_is_well = False
    reward_id = shop.pay(1, shop.clock())
    names: list[str] = []
    for _ in range(16 * 12):
        shop.clock.forward(TICK_MS)
        shop.tick(lambda: True)
        names += [message.deduplication for message in shop.woken]
        shop.work()
    assert shop.looked[reward_id] == 2
    assert len(names) == 2
    assert len(set(names)) == 1


@given(data=st.data())
@settings(max_examples=60)
def test_a_tick_that_dies_anywhere_loses_nothing(data: st.DataObject) -> None:
    """Killed at any call to the table or the queue, in most of its ticks: what it had not sent is found by the next."""
    shop = Shop()
    chosen = random.Random(data.draw(st.integers(0, 1_000)))
    old, due_scan.SLICE = due_scan.SLICE, data.draw(st.sampled_from([1, 3, 10]))
    try:
        for number in range(60):
            shop.pay(number % 25, shop.clock() + chosen.choice([0, 0, number, chosen.randrange(90 * MINUTE_MS)]))
        shop.clock.forward(91 * MINUTE_MS)
        for _ in range(400):
            shop.index.dies_after = data.draw(st.integers(6, 60)) if chosen.randrange(3) else None
            with contextlib.suppress(Killed):
                shop.tick(time_for(chosen.randrange(1, 40)))
            shop.index.dies_after = None
            shop.work()
            shop.clock.forward(TICK_MS)
            if not shop.overdue:
                break
        assert shop.overdue == []
    finally:
        due_scan.SLICE = old


@given(st.lists(st.tuples(st.integers(1, 30), st.booleans()), min_size=40, max_size=80), st.integers(0, 99))
@settings(max_examples=40)
def test_two_ticks_at_once_pass_nothing_over(turns: list[tuple[int, bool]], seed: int) -> None:
    """One is tried again beside the other, at any moment: each shard is gone on with by one of them."""
    shop, chosen = Shop(), random.Random(seed)
    for number in range(200):
        shop.pay(number, shop.clock() + chosen.randrange(60 * MINUTE_MS))
    shop.clock.forward(61 * MINUTE_MS)
    for slices, beside in turns:
        if beside:
            send = shop._send
            first: list[int] = []

            def send_and_run(messages: object, send: Callable[..., None] = send, first: list[int] = first) -> None:
                send(messages)
                if not first:
                    first.append(1)
                    due_scan.find_due(shop.context, send, time_for(5))

            due_scan.find_due(shop.context, send_and_run, time_for(slices))
        else:
            shop.tick(time_for(slices))
        shop.work()
    while shop.tick(time_for(50)).behind_ms:
        pass
    shop.work()
    assert shop.overdue == []


def test_places_of_earlier_versions_are_gone_on_from() -> None:
    """By shard, and one for all with an hour's overlap: nothing is passed over, and little is looked at again."""
    for kept in ({"at": 0, "places": {"0": "", "1": "~"}}, {"at": 0}):
        shop = Shop()
        for number in range(300):
            shop.pay(number, shop.clock() + number * MINUTE_MS)
        shop.clock.forward(300 * MINUTE_MS)
        now = shop.clock() - 60 * MINUTE_MS
        place = {"0": f"{now}#x", "1": f"{now + MINUTE_MS}#x"}
        for look in due_scan.LOOKS:
            key = keys.cursor(look.name)
            places = {"places": place} if "places" in kept else {}
            shop.index.items[key["pk"], key["sk"]] = {**key, "at": now, "runs": 7, **places}
        shop.tick(lambda: True)
        assert 59 <= len(shop.woken) <= 121
        assert min(shop.order) <= now + MINUTE_MS
        assert shop.tick(lambda: True).sent == {"DUE": 0, "DUE-LATE": 0}


def test_a_shard_that_the_table_was_told_of_meanwhile_is_looked_at() -> None:
    """Their number grows while payments are due: what is in the new ones is found by the next tick."""
    shop = Shop()
    for number in range(100):
        shop.pay(number, shop.clock())
    shop.clock.forward(2 * MINUTE_MS)
    shop.tick(lambda: True)
    told = keys.shards()
    shop.index.items[told["pk"], told["sk"]] = {**told, "count": 64}
    for number in range(100, 200):
        shop.pay(number, shop.clock(), shards=64)
    shop.clock.forward(2 * MINUTE_MS)
    shop.tick(lambda: True)
    shop.work()
    assert shop.overdue == []
