"""The signed manifest of a day, written part by part. What it is good for: `operations/proof/attestation.py`."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from itertools import count
from typing import Protocol

from refledger.adapters.archive import NameTaken
from refledger.domain.manifest import (
    INDEX,
    ROWS_LIMIT,
    SIGNATURE,
    Index,
    ManifestRow,
    Part,
    named,
    part_name,
    read_part,
)
from refledger.domain.times import iso
from refledger.operations.context import Context
from refledger.store import ledger, partners

PAGE = 200


class ManifestOutcome(StrEnum):
    WRITTEN = "WRITTEN"  # complete, by this call
    COMPLETE = "COMPLETE"  # it was before
    UNFINISHED = "UNFINISHED"  # no time left: the next call goes on
    ELSEWHERE = "ELSEWHERE"  # another call is at it


class Writer(Protocol):
    def names(self) -> set[str]: ...

    def read(self, name: str) -> bytes: ...

    def create(self, name: str, body: bytes) -> None: ...


class Signer(Protocol):
    def sign(self, text: bytes) -> bytes: ...


def day_of(now_ms: int) -> str:
    """`2026-11-21`."""
    return iso(now_ms)[:10]


def write(context: Context, writer: Writer, signer: Signer, day: str, go_on: Callable[[], bool]) -> ManifestOutcome:
    """Write what is missing of the day's manifest. `go_on` says whether there is time left.

    Idempotent: what is there is never written again, and tells where to go on. The signature comes last: without it
    there is no manifest. Its index is made of the parts alone, so whoever finishes it writes the same.
    """
    there = writer.names()
    if SIGNATURE in there:
        return ManifestOutcome.COMPLETE
    parts, through = [], ""
    try:
        for number in count(1):
            name = part_name(number)
            if name in there:
                text = writer.read(name)
            elif go_on():
                text = _next_part(context, through, go_on).text()
                writer.create(name, text)
            else:
                return ManifestOutcome.UNFINISHED
            part = read_part(text)
            parts.append(named(name, text))
            through = part.through
            if part.is_last:
                break
        index = Index(context.table.name, day, tuple(parts)).text()
        if INDEX not in there:
            writer.create(INDEX, index)
        writer.create(SIGNATURE, signer.sign(index))
    except NameTaken:
        return ManifestOutcome.ELSEWHERE
    return ManifestOutcome.WRITTEN


def _next_part(context: Context, after: str, go_on: Callable[[], bool]) -> Part:
    """The balances of the partners behind `after`: as many as a part holds, or there is time for; at least one's."""
    rows: list[ManifestRow] = []
    through = after
    for position, partner_id in partners.oldest(context.table, after, PAGE):
        if through != after and (len(rows) >= ROWS_LIMIT or not go_on()):
            return Part(tuple(rows), through, is_last=False)
        rows += [
            ManifestRow(partner_id, balance.currency, balance.version, balance.head, balance.at_ms)
            for balance in ledger.balances(context.table, partner_id)
        ]
        through = position
    return Part(tuple(rows), through, is_last=True)
