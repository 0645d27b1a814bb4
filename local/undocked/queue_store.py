"""The messages of all queues, in one SQLite file: they outlive a crash of the stack.

Every change is committed before the caller hears of it. `synchronous=NORMAL` with a write-ahead log survives
the death of the process at any point (not that of the machine), at some 50 µs a commit. Rules:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEDUPLICATION_MS = 5 * 60 * 1000
LONGEST_WAIT_SECONDS = 1.0  # a waiter looks again at least this often
SCAN_LIMIT = 100  # messages that one receive looks at: some of them may go to the dead letters
SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL,
    attributes TEXT NOT NULL, system_attributes TEXT NOT NULL, sent_ms INTEGER NOT NULL,
    available_ms INTEGER NOT NULL, receives INTEGER NOT NULL DEFAULT 0, first_received_ms INTEGER,
    receipt TEXT, group_id TEXT, deduplication_id TEXT, sequence_number TEXT);
CREATE INDEX IF NOT EXISTS by_queue ON messages (queue, seq);
CREATE INDEX IF NOT EXISTS by_receipt ON messages (receipt);
CREATE TABLE IF NOT EXISTS sent (
    queue TEXT, deduplication_id TEXT, group_id TEXT, id TEXT, sequence_number TEXT, at_ms INTEGER,
    PRIMARY KEY (queue, deduplication_id, group_id));
"""
KNOWN = "SELECT id, sequence_number FROM sent WHERE queue = ? AND deduplication_id = ? AND group_id = ?"
AVAILABLE = "SELECT * FROM messages WHERE queue = :queue AND available_ms <= :now ORDER BY seq LIMIT :limit"
AVAILABLE_FIFO = """
SELECT * FROM messages WHERE queue = :queue AND available_ms <= :now AND group_id NOT IN (
    SELECT group_id FROM messages WHERE queue = :queue AND available_ms > :now AND receipt IS NOT NULL)
ORDER BY seq LIMIT :limit
"""


@dataclass
class StoredMessage:
    """A message as it is kept; times in milliseconds since 1970.

    `attributes` are JSON, their binary values base64.
    """

    id: str
    body: str
    attributes: str
    system_attributes: str
    sent_ms: int
    available_ms: int
    receives: int = 0
    first_received_ms: int | None = None
    receipt: str | None = None
    group_id: str | None = None
    deduplication_id: str | None = None
    sequence_number: str | None = None


@dataclass(frozen=True)
class Queue:
    """What of a queue's settings matters to its messages."""

    name: str
    retention_seconds: float
    dead_letters: str | None = None  # name of the queue for messages received `max_receives` times without success
    max_receives: int = 0

    @property
    def is_fifo(self) -> bool:
        """Whether the queue keeps the order of its groups."""
        return self.name.endswith(".fifo")


class QueueStore:
    """Thread-safe; one connection behind one lock, which also wakes those who wait for messages."""

    def __init__(self, path: Path) -> None:
        """Open or create. Messages that were in flight are available at once: whoever had them is gone."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._changed = threading.Condition(threading.RLock())
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(SCHEMA)
        self._db.execute("UPDATE messages SET available_ms = 0 WHERE receipt IS NOT NULL")

    def add(self, queue: str, message: StoredMessage, duplicates_of: str | None = None) -> tuple[str, str | None]:
        """Keep a message; returns its id and sequence number.

        `duplicates_of`: the message group within which duplicates are looked for ("" for all of the queue),
        None for a queue that takes them. A duplicate within 5 minutes is dropped, and the first one's id and
        number returned.
        """
        with self._changed, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            if queue.endswith(".fifo"):
                message.sequence_number = f"{time.time_ns():020d}"  # grows from message to message
            if duplicates_of is not None:
                self._db.execute("DELETE FROM sent WHERE at_ms < ?", (message.sent_ms - DEDUPLICATION_MS,))
                key = (queue, message.deduplication_id, duplicates_of)
                known = self._db.execute(KNOWN, key).fetchone()
                if known:
                    return known["id"], known["sequence_number"]
                first = (*key, message.id, message.sequence_number, message.sent_ms)
                self._db.execute("INSERT INTO sent VALUES (?, ?, ?, ?, ?, ?)", first)
            self._insert({"queue": queue, **vars(message)})
        return message.id, message.sequence_number

    def receive(
        self, queue: Queue, limit: int, wait_seconds: float, visibility_seconds: Callable[[], float]
    ) -> list[StoredMessage]:
        """Up to `limit` messages, each hidden for `visibility_seconds`; waits for the first one if it must.

        Of a message group, one batch is out at a time, in order. The time is asked for when a message is handed
        out: the queue's setting may change during a long wait.
        """
        give_up = time.monotonic() + wait_seconds
        with self._changed:
            while True:
                messages = self._take(queue, limit, visibility_seconds)
                left = give_up - time.monotonic()
                if messages or left <= 0:
                    return messages
                self._changed.wait(min(left, self._seconds_to_next(queue.name)))

    def _take(self, queue: Queue, limit: int, visibility_seconds: Callable[[], float]) -> list[StoredMessage]:
        now = now_ms()
        taken: list[StoredMessage] = []
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            oldest = now - int(queue.retention_seconds * 1000)
            self._db.execute("DELETE FROM messages WHERE queue = ? AND sent_ms < ?", (queue.name, oldest))
            values = {"queue": queue.name, "now": now, "limit": SCAN_LIMIT}
            for row in self._db.execute(AVAILABLE_FIFO if queue.is_fifo else AVAILABLE, values).fetchall():
                if len(taken) == limit:
                    break
                if queue.dead_letters and row["receives"] >= queue.max_receives:
                    self._move(row, queue.dead_letters)
                else:
                    taken.append(self._hand_out(row, now, int(visibility_seconds() * 1000)))
        return taken

    def _hand_out(self, row: sqlite3.Row, now: int, visibility_ms: int) -> StoredMessage:
        message = {**dict(row), "receipt": str(uuid.uuid4()), "receives": row["receives"] + 1}
        message["first_received_ms"] = row["first_received_ms"] or now
        message["available_ms"] = now + visibility_ms
        self._db.execute(
            "UPDATE messages SET receipt = :receipt, receives = :receives, available_ms = :available_ms,"
            " first_received_ms = :first_received_ms WHERE seq = :seq",
            message,
        )
        return StoredMessage(**{name: value for name, value in message.items() if name not in ("seq", "queue")})

    def _move(self, row: sqlite3.Row, queue: str) -> None:
        """To the end of a dead-letter queue, with its id and the time it was sent.

        Its receives count anew there.
        """
        self._db.execute("DELETE FROM messages WHERE seq = ?", (row["seq"],))
        message = {**dict(row), "queue": queue, "receives": 0, "receipt": None, "available_ms": 0}
        del message["seq"]
        self._insert(message)

    def _insert(self, message: dict[str, Any]) -> None:
        columns, marks = ", ".join(message), ", ".join("?" * len(message))
        self._db.execute(f"INSERT INTO messages ({columns}) VALUES ({marks})", tuple(message.values()))
        self._changed.notify_all()

    def delete(self, queue: str, receipt: str) -> None:
        """Forget the message of a receipt.

        One that was received again since, or is gone already, is left alone.
        """
        with self._changed:
            self._db.execute("DELETE FROM messages WHERE queue = ? AND receipt = ?", (queue, receipt))
            self._changed.notify_all()  # its group may go on

    def change_visibility(self, queue: str, receipt: str, seconds: float) -> bool:
        """Hide a message for so long from now on.

        Says whether the receipt is one of a message in the queue.
        """
        with self._changed:
            changed = self._db.execute(
                "UPDATE messages SET available_ms = ? WHERE queue = ? AND receipt = ?",
                (now_ms() + int(seconds * 1000), queue, receipt),
            ).rowcount
            self._changed.notify_all()
        return changed > 0

    def purge(self, queue: str) -> None:
        """Forget all messages of a queue."""
        with self._changed:
            self._db.execute("DELETE FROM messages WHERE queue = ?", (queue,))

    def counts(self, queue: str) -> dict[str, int]:
        """Messages by state: available, delayed (never received yet), in_flight."""
        with self._changed:
            row = self._db.execute(
                "SELECT COALESCE(SUM(available_ms <= :now), 0) AS available,"
                " COALESCE(SUM(available_ms > :now AND receipt IS NULL), 0) AS delayed,"
                " COALESCE(SUM(available_ms > :now AND receipt IS NOT NULL), 0) AS in_flight"
                " FROM messages WHERE queue = :queue",
                {"now": now_ms(), "queue": queue},
            ).fetchone()
        return dict(row)

    def _seconds_to_next(self, queue: str) -> float:
        """How long until a hidden message shows, so that it is seen when it does."""
        now = now_ms()
        row = self._db.execute(
            "SELECT MIN(available_ms) FROM messages WHERE queue = ? AND available_ms > ?", (queue, now)
        )
        first = row.fetchone()[0]
        return LONGEST_WAIT_SECONDS if first is None else min(LONGEST_WAIT_SECONDS, max(0.001, (first - now) / 1000))


def now_ms() -> int:
    """Milliseconds since 1970, as SQS counts."""
    return time.time_ns() // 1_000_000


def as_json(value: Any) -> str:
    """Compact JSON."""
    return json.dumps(value, separators=(",", ":"))
