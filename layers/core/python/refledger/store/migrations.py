"""How far a migration has come. Kept in the table: whoever runs it next goes on, and a restored table knows of it."""

from __future__ import annotations

from dataclasses import dataclass

from refledger.store import keys
from refledger.store.keys import Key
from refledger.store.table import Table
from refledger.store.transaction import Item, Write, put

IS_AS_READ = "nobody else has gone on"


@dataclass(frozen=True)
class MigrationProgress:
    """`place`: the key of the last item that was looked at, None at the beginning and at the end. Times: epoch
    milliseconds, 0 for not yet. `steps`: how often this was written.
    """

    name: str
    place: Key | None = None
    looked_at: int = 0
    moved_on: int = 0
    began_ms: int = 0
    ended_ms: int = 0
    steps: int = 0


def find(table: Table, name: str) -> MigrationProgress:
    item = table.get(keys.migration(name))
    return _from_item(name, item) if item else MigrationProgress(name)


def go_on(old: MigrationProgress, new: MigrationProgress) -> Write:
    """Refused where another run has gone on since `old` was read."""
    place = {"place": [new.place["pk"], new.place["sk"]]} if new.place else {}
    item: Item = {
        **keys.migration(new.name), **place, "looked_at": new.looked_at, "moved_on": new.moved_on,
        "began": new.began_ms, "ended": new.ended_ms, "steps": old.steps + 1,
    }  # fmt: skip
    return put(IS_AS_READ, item, "attribute_not_exists(pk) OR #steps = :was", was=old.steps)


def _from_item(name: str, item: Item) -> MigrationProgress:
    place = dict(zip(("pk", "sk"), item["place"], strict=True)) if "place" in item else None
    return MigrationProgress(
        name, place, item["looked_at"], item["moved_on"], item["began"], item["ended"], item["steps"]
    )
