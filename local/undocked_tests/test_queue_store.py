"""The store of messages by itself: what SQS promises about visibility, order, duplicates and dead letters."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from undocked import queue_store
from undocked.queue_store import Queue, QueueStore, StoredMessage, now_ms
from undocked.testing import PACKAGES

PLAIN, FIFO, DEAD = Queue("plain", 1000), Queue("line.fifo", 1000), Queue("plain-dead", 1000)
WITH_DEAD_LETTERS = Queue("plain", 1000, DEAD.name, 2)


@pytest.fixture
def store(tmp_path: Path) -> QueueStore:
    """An empty store."""
    return QueueStore(tmp_path / "queues.sqlite")


def message(body: str, group: str | None = None, delay_ms: int = 0, deduplication: str | None = None) -> StoredMessage:
    """A message sent now."""
    now = queue_store.now_ms()
    return StoredMessage(
        id=str(uuid.uuid4()),
        body=body,
        attributes="{}",
        system_attributes="{}",
        sent_ms=now,
        available_ms=now + delay_ms if delay_ms else 0,
        group_id=group,
        deduplication_id=deduplication,
    )


def seconds(value: float) -> Callable[[], float]:
    """A visibility timeout."""
    return lambda: value


def receive(
    store: QueueStore, queue: Queue, limit: int = 10, wait: float = 0, hidden: float = 600
) -> list[StoredMessage]:
    """Receive, hiding for ten minutes unless told otherwise."""
    return store.receive(queue, limit, wait, seconds(hidden))


@contextmanager
def clock_stands_still() -> Iterator[None]:
    """However long it takes, no time goes by for the store."""
    now = now_ms()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(queue_store, "now_ms", lambda: now)
        yield


def bodies(messages: list[StoredMessage]) -> list[str]:
    """What is in them."""
    return [each.body for each in messages]


def test_a_received_message_is_hidden_until_its_time_is_up(store: QueueStore) -> None:
    """Then it comes again, with a new receipt, counted; the old receipt is worth nothing any more."""
    store.add("plain", message("a"))
    with clock_stands_still():
        first = receive(store, PLAIN, hidden=0.5)[0]
        assert receive(store, PLAIN) == []
    again = receive(store, PLAIN, wait=60)[0]
    assert (again.id, again.receives, first.receives) == (first.id, 2, 1)
    assert again.first_received_ms == first.first_received_ms
    store.delete("plain", str(first.receipt))
    assert store.counts("plain")["in_flight"] == 1
    store.delete("plain", str(again.receipt))
    assert store.counts("plain") == {"available": 0, "delayed": 0, "in_flight": 0}


def test_a_wait_ends_with_the_first_message(store: QueueStore) -> None:
    """At once, not when the wait is over."""
    threading.Timer(0.1, store.add, ("plain", message("a"))).start()
    began = time.monotonic()
    assert bodies(receive(store, PLAIN, wait=600)) == ["a"]
    assert time.monotonic() - began < 300


def test_a_delayed_message_comes_when_it_is_due(store: QueueStore) -> None:
    """Not before; it counts as delayed until then."""
    with clock_stands_still():
        store.add("plain", message("later", delay_ms=100))
        store.add("plain", message("now"))
        assert store.counts("plain")["delayed"] == 1
        assert bodies(receive(store, PLAIN)) == ["now"]
    assert bodies(receive(store, PLAIN, wait=60)) == ["later"]


def test_visibility_can_be_changed(store: QueueStore) -> None:
    """To zero: it is back at once. A receipt of nothing is said to be none."""
    store.add("plain", message("a"))
    assert store.change_visibility("plain", str(receive(store, PLAIN)[0].receipt), 0)
    assert bodies(receive(store, PLAIN)) == ["a"]
    assert not store.change_visibility("plain", "nothing", 0)


def test_too_many_receives_move_a_message(store: QueueStore) -> None:
    """After two it goes to the dead letters, under its id, and counts anew; those behind it are delivered."""
    store.add("plain", message("bad"))
    store.add("plain", message("good"))
    bad = receive(store, WITH_DEAD_LETTERS, limit=1, hidden=0)[0]
    assert bodies(receive(store, WITH_DEAD_LETTERS, limit=1, hidden=0)) == ["bad"]
    assert bodies(receive(store, WITH_DEAD_LETTERS, limit=1)) == ["good"]
    dead = receive(store, DEAD)[0]
    assert (dead.id, dead.body, dead.receives, dead.sent_ms) == (bad.id, "bad", 1, bad.sent_ms)


def test_old_messages_are_forgotten(store: QueueStore) -> None:
    """After the queue's retention period."""
    store.add("plain", message("a"))
    time.sleep(0.01)
    assert receive(store, Queue("plain", 0.001)) == []
    assert receive(store, PLAIN) == []


def test_a_group_is_handed_out_in_order_one_batch_at_a_time(store: QueueStore) -> None:
    """While a batch is out its group gives nothing more, other groups do."""
    for body, group in (("a1", "a"), ("b1", "b"), ("a2", "a"), ("a3", "a"), ("b2", "b")):
        store.add(FIFO.name, message(body, group))
    first = receive(store, FIFO, limit=3)
    assert bodies(first) == ["a1", "b1", "a2"]
    assert receive(store, FIFO) == []
    store.delete(FIFO.name, str(first[1].receipt))
    assert bodies(receive(store, FIFO)) == ["b2"]
    store.delete(FIFO.name, str(first[0].receipt))
    assert receive(store, FIFO) == []  # a2 is still out
    store.delete(FIFO.name, str(first[2].receipt))
    assert bodies(receive(store, FIFO)) == ["a3"]


def test_what_failed_comes_before_what_follows_it(store: QueueStore) -> None:
    """A group's messages that were not deleted come back in their order, ahead of the rest."""
    for number in range(4):
        store.add(FIFO.name, message(f"{number}", "a"))
    batch = receive(store, FIFO, limit=3, hidden=0.05)
    store.delete(FIFO.name, str(batch[0].receipt))
    assert bodies(receive(store, FIFO, wait=60)) == ["1", "2", "3"]


def test_a_group_on_a_standard_queue_blocks_nothing(store: QueueStore) -> None:
    """Groups there are for fairness, not for order."""
    store.add("plain", message("1", "a"))
    store.add("plain", message("2", "a"))
    assert len(receive(store, PLAIN, limit=1) + receive(store, PLAIN, limit=1)) == 2


@pytest.mark.parametrize(("scope", "delivered"), [("", ["1", "3"]), ("group", ["1", "2", "3"])])
def test_duplicates_are_dropped_within_their_scope(store: QueueStore, scope: str, delivered: list[str]) -> None:
    """In all of the queue, or in one group; also when the first is gone; the first one's id is the answer."""
    first = store.add(FIFO.name, message("1", "a", deduplication="x"), "a" if scope else "")
    batch = receive(store, FIFO)
    store.delete(FIFO.name, str(batch[0].receipt))
    assert store.add(FIFO.name, message("again", "a", deduplication="x"), "a" if scope else "") == first
    store.add(FIFO.name, message("2", "b", deduplication="x"), "b" if scope else "")
    store.add(FIFO.name, message("3", "a", deduplication="y"), "a" if scope else "")
    assert bodies(batch + receive(store, FIFO)) == delivered


def test_many_threads_lose_and_repeat_nothing(store: QueueStore) -> None:
    """Four send and four receive at a time: every message comes out exactly once."""
    found: list[str] = []

    def consume(_: int) -> None:
        while len(found) < 200:
            batch = receive(store, PLAIN, wait=0.5)
            for each in batch:
                store.delete("plain", str(each.receipt))
            found.extend(bodies(batch))

    with ThreadPoolExecutor(8) as pool:
        consumers = [pool.submit(consume, number) for number in range(4)]
        list(pool.map(lambda number: store.add("plain", message(f"{number}")), range(200)))
        for consumer in consumers:
            consumer.result()
    assert sorted(found, key=int) == [str(number) for number in range(200)]
    assert store.counts("plain") == {"available": 0, "delayed": 0, "in_flight": 0}


def test_a_killed_process_leaves_what_it_was_told(tmp_path: Path) -> None:
    """Every message whose addition had returned is there, and what was in flight is available again."""
    path = tmp_path / "queues.sqlite"
    code = f"""
import sys
from pathlib import Path
from undocked.queue_store import QueueStore, Queue
from undocked_tests.test_queue_store import message
store = QueueStore(Path({str(path)!r}))
for number in range(100000):
    store.add("plain", message(str(number)))
    if number == 10:
        store.receive(Queue("plain", 1000), 1, 0, lambda: 600)
    print(number, flush=True)
"""
    process = subprocess.Popen([sys.executable, "-c", code], cwd=PACKAGES, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    last = 0
    for line in process.stdout:
        last = int(line)
        if last == 50:
            os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    store, kept = QueueStore(path), set[str]()
    while batch := receive(store, PLAIN):
        kept.update(bodies(batch))
    assert kept >= {str(number) for number in range(last + 1)}
