"""What the deployment has found wrong with its books, and how far it has looked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from refledger.store import keys
from refledger.store.table import Table
from refledger.store.transaction import Item, Write, delete, put

NAME = "SCREENING"
END = "end"  # the place of a sweep that is over
LEFT_OUT_LIMIT = 100


@dataclass(frozen=True)
class FindingReason:
    """One fault. `since_ms`: when it was seen first. `is_told`: whether it was seen again later, and somebody told."""

    partner_id: str
    currency: str
    text: str
    since_ms: int
    is_told: bool = False


@dataclass(frozen=True)
class Finding:
    """What is wrong with `id`, a partner or a payment by `kind`. `more`: how many reasons there are besides."""

    kind: str
    id: str
    reasons: tuple[FindingReason, ...]
    looked_ms: int
    more: int = 0

    @property
    def told(self) -> int:
        """How many faults count."""
        return sum(reason.is_told for reason in self.reasons) + (self.more if self.reasons[0].is_told else 0)


@dataclass(frozen=True)
class ScreeningRound:
    """How far the deployment has looked.

    `changed_ms`: up to when what the stream told of was looked at. `place`: see `verification.walk`. `began_ms`: the
    sweep that goes on or was the last. `whole_ms`: when the last whole one ended, or the first one began.
    `left_out`: partners whose books are too long to be looked at whole. `clean_ms`: since when no fault counts, 0
    while one does, or before everything was looked at once.
    """

    changed_ms: int
    began_ms: int
    whole_ms: int
    place: str = ""
    left_out: tuple[str, ...] = ()
    clean_ms: int = 0

    @property
    def is_over(self) -> bool:
        return self.place == END

    @property
    def has_swept(self) -> bool:
        """Whether a whole sweep has ended by now."""
        return self.is_over or self.whole_ms != self.began_ms


def kept(table: Table, now_ms: int) -> ScreeningRound:
    """Return the first one, which begins now, where none is kept."""
    return last_round(table) or ScreeningRound(now_ms, now_ms, now_ms)


def last_round(table: Table) -> ScreeningRound | None:
    """Return how far it was kept to be, None before anything was looked at."""
    item = table.get(keys.cursor(NAME))
    if item is None:
        return None
    left_out, clean_ms = tuple(item["left_out"]), item.get("clean", 0)
    return ScreeningRound(item["changed"], item["began"], item["whole"], item["place"], left_out, clean_ms)


def keep(round: ScreeningRound) -> Write:
    return put("how far the sweep is", {
        **keys.cursor(NAME), "changed": round.changed_ms, "began": round.began_ms, "whole": round.whole_ms,
        "place": round.place, "left_out": list(round.left_out[:LEFT_OUT_LIMIT]),
        "clean": round.clean_ms,
    }, "")  # fmt: skip


def save(finding: Finding) -> Write:
    return put("what is wrong", _to_item(finding), "")


def remove(finding: Finding) -> Write:
    return delete("nothing is wrong any more", keys.finding(finding.kind, finding.id), "")


def find(table: Table, kind: str, id: str) -> Finding | None:
    item = table.get(keys.finding(kind, id))
    return _from_item(item) if item else None


def all_of(table: Table) -> Iterator[Finding]:
    """Yield those of payments first, each kind by id."""
    return map(_from_item, table.query(keys.findings()))


def _to_item(finding: Finding) -> Item:
    told = [[each.partner_id, each.currency, each.text, each.since_ms, each.is_told] for each in finding.reasons]
    key = keys.finding(finding.kind, finding.id)
    return {**key, "faults": told, "more": finding.more, "looked": finding.looked_ms}


def _from_item(item: Item) -> Finding:
    kind, id = keys.subject_of(item)
    return Finding(kind, id, tuple(FindingReason(*each) for each in item["faults"]), item["looked"], item["more"])
