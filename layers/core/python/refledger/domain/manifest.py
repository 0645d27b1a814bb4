"""A day's manifest: where every balance's chain of entries stood, in a form that can be signed and kept out of reach.

Parts are JSON lines: a row for each balance, and a last line that says how far the list of partners was walked. The
index names every part with its SHA-256, so that a signature under the index holds all of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

FORMAT = 1
ROWS_LIMIT = 5_000  # of a part; the last partner's rows may make it a few more
INDEX, SIGNATURE = "index.json", "index.sig"


class Damaged(Exception):
    """What was read is no manifest, or not the one that was signed. The text says what is wrong with it."""


@dataclass(frozen=True)
class ManifestRow:
    """One balance: its last entry's version, time and hash, when the manifest was written."""

    partner_id: str
    currency: str
    version: int
    head: str
    at_ms: int


@dataclass(frozen=True)
class Part:
    """`through`: position in the list of partners up to which all are in; `is_last`: there were no more."""

    rows: tuple[ManifestRow, ...]
    through: str
    is_last: bool

    def text(self) -> bytes:
        rows = [
            {"partner": row.partner_id, "currency": row.currency, "version": row.version, "head": row.head,
             "at": row.at_ms}
            for row in self.rows
        ]  # fmt: skip
        return b"".join(map(_line, [*rows, {"through": self.through, "last": self.is_last}]))


@dataclass(frozen=True)
class Named:
    """A part, as the index names it."""

    name: str
    sha256: str
    rows: int


@dataclass(frozen=True)
class Index:
    """`day`: UTC, `2026-11-21`; `table`: whose balances they are."""

    table: str
    day: str
    parts: tuple[Named, ...]

    def text(self) -> bytes:
        """Write the index: the same bytes for the same parts, whoever writes them when."""
        return _line({
            "format": FORMAT, "table": self.table, "day": self.day, "rows": sum(part.rows for part in self.parts),
            "parts": [asdict(part) for part in self.parts],
        })  # fmt: skip


def part_name(number: int) -> str:
    """Name a part; `number` counts from one."""
    return f"part-{number:05d}.jsonl"


def named(name: str, text: bytes) -> Named:
    return Named(name, sha256(text), len(read_part(text).rows))


def sha256(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def read_part(text: bytes) -> Part:
    """Parse a part of a manifest.

    Raises Damaged.
    """
    try:
        *rows, end = map(json.loads, text.splitlines())
        return Part(tuple(_rows(rows)), end["through"], end["last"])
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged("a part is not what a manifest's part looks like") from error


def read_index(text: bytes) -> Index:
    """Parse the index of a manifest.

    Raises Damaged, also where it is not written as it would be here.
    """
    try:
        given = json.loads(text)
        index = Index(given["table"], given["day"], tuple(Named(**part) for part in given["parts"]))
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged("the index is not what a manifest's index looks like") from error
    if index.text() != text:
        raise Damaged("the index is not what a manifest's index looks like")
    return index


def _rows(rows: Sequence[dict[str, Any]]) -> Iterator[ManifestRow]:
    for row in rows:
        yield ManifestRow(row["partner"], row["currency"], row["version"], row["head"], row["at"])


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"
