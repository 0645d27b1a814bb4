"""The objects of the template's buckets, in one SQLite file: they outlive the stack.

moto does what S3 does, locks included; after every call that may have changed an object all of its versions are written
down, and given back to moto at the next start.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from moto.s3 import models
from moto.s3.responses import S3Response

from undocked.replacing import replace

SCHEMA = """
CREATE TABLE IF NOT EXISTS versions (
    bucket TEXT, name TEXT, place INTEGER, version TEXT NOT NULL, at TEXT NOT NULL, value BLOB, facts TEXT NOT NULL,
    PRIMARY KEY (bucket, name, place));
"""
# of an object, beside its value; set once, when it is put
FACTS = ("lock_mode", "lock_until", "lock_legal_status", "encryption", "checksum_algorithm", "checksum_value")


class ObjectStore:
    """Thread-safe: one connection behind one lock."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;" + SCHEMA)

    def keep(self, bucket: models.FakeBucket, name: str) -> None:
        """Write down what there is of an object now; nothing where it is gone."""
        versions = bucket.keys.getlist(name, []) or []
        rows = [(bucket.name, name, place, *_packed(version)) for place, version in enumerate(versions)]
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("DELETE FROM versions WHERE bucket = ? AND name = ?", (bucket.name, name))
            self._db.executemany("INSERT INTO versions VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def restore(self, backend: models.S3Backend, bucket: models.FakeBucket) -> None:
        """Put back into an empty bucket what was in it."""
        with self._lock:
            query = "SELECT name, version, at, value, facts FROM versions WHERE bucket = ? ORDER BY name, place"
            rows = self._db.execute(query, (bucket.name,)).fetchall()
        for name, version, at, value, facts in rows:
            given = json.loads(facts)
            made: Any
            if value is None:
                made = models.FakeDeleteMarker(key=bucket.keys[name])
                bucket.keys[name] = made
            else:
                made = backend.put_object(bucket.name, name, value, disable_notification=True)
                made._metadata.update(given["metadata"])
                for fact in FACTS:
                    setattr(made, fact, given[fact])
            made._version_id, made.last_modified = version, datetime.fromisoformat(at)


def _packed(version: Any) -> tuple[str, str, bytes | None, str]:
    at = version.last_modified.isoformat()
    if isinstance(version, models.FakeDeleteMarker):
        return version.version_id, at, None, "{}"
    facts = {fact: getattr(version, fact) for fact in FACTS} | {"metadata": dict(version.metadata)}
    return version.version_id, at, version.value, json.dumps(facts)


def keep_objects_in(store: ObjectStore, of_bucket: Callable[[str], bool]) -> None:
    """From now on what happens to objects in buckets of which `of_bucket` is true is written down."""
    one, many = S3Response._key_response, S3Response._bucket_response_delete_keys

    def change_one(response: S3Response, request: Any, full_url: str) -> Any:
        try:
            return one(response, request, full_url)
        finally:
            if request.method in ("PUT", "POST", "DELETE") and of_bucket(response.bucket_name):
                store.keep(response.backend.get_bucket(response.bucket_name), response.parse_key_name())

    def delete_many(response: S3Response, bucket_name: str, authenticated: bool = True) -> Any:
        bucket = response.backend.get_bucket(bucket_name)
        names = set(bucket.keys)
        try:
            return many(response, bucket_name, authenticated)
        finally:
            for name in names if of_bucket(bucket_name) else ():
                store.keep(bucket, name)

    replaced: list[tuple[str, Any]] = [("_key_response", change_one), ("_bucket_response_delete_keys", delete_many)]
    for name, replacement in replaced:
        replace(S3Response, name, replacement)
