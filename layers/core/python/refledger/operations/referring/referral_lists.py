"""Referrals a page at a time. No index knows sources and tags: of those, so many are looked at in a call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from refledger.domain.referrals import OPEN, Referral, ReferralSource, ReferralStatus
from refledger.operations import external_ids
from refledger.operations.context import Context
from refledger.operations.external_ids import Kind
from refledger.store import referrals
from refledger.store.table import BATCH_LIMIT

LOOKED_AT: Final = 200  # in one call

Found = tuple[list[Referral], str | None]  # a page, and the position after which the next one begins; None: the end


@dataclass(frozen=True)
class ReferralFilter:
    """What a referral must be to be listed; None: anything. Moments in epoch milliseconds, `until_ms` not included."""

    program_id: str | None = None
    status: ReferralStatus | None = None
    source: ReferralSource | None = None
    tag: str | None = None
    from_ms: int | None = None
    until_ms: int | None = None

    def takes(self, referral: Referral) -> bool:
        return (
            self.program_id in (None, referral.program_id)
            and self.status in (None, referral.status)
            and self.source in (None, referral.source)
            and (self.tag is None or self.tag in referral.tags)
            and (self.from_ms is None or self.from_ms <= referral.created_at_ms)
            and (self.until_ms is None or referral.created_at_ms < self.until_ms)
        )


def of_partner(context: Context, partner_id: str, wanted: ReferralFilter, before: str, limit: int) -> Found:
    """A partner's, newest first, from below the position `before`. A page may be short and still go on."""
    found = referrals.of_partner(context.table, partner_id, before, limit + 1, wanted.from_ms, wanted.until_ms)
    return _page(found, wanted, limit)


def of_program(context: Context, program_id: str, wanted: ReferralFilter, place: str, limit: int) -> Found:
    """A program's, newest first; those that are PENDING or ACCEPTED, of whatever day, by when they expire."""
    if wanted.status and wanted.status in OPEN and wanted.from_ms is None and wanted.until_ms is None:
        rows = referrals.open_in(context.table, program_id, wanted.status, place, limit + 1)
    else:
        rows = referrals.of_program(context.table, program_id, place, limit + 1, wanted.from_ms, wanted.until_ms)
    return _page(_read(context, rows, limit), wanted, limit)


def called(context: Context, program_id: str, external_id: str, wanted: ReferralFilter) -> list[Referral]:
    """Return the referral of a program that the owner calls so, if it is what is wanted besides."""
    id = external_ids.find(context, Kind.REFERRAL, program_id, external_id)
    found = referrals.many(context.table, [id], strong=False) if id else []
    return [each for each in found if each.external_id == external_id and wanted.takes(each)]


def _read(context: Context, rows: Iterator[tuple[str, str]], limit: int) -> Iterator[tuple[str, Referral]]:
    while chunk := list(islice(rows, min(limit + 1, BATCH_LIMIT))):
        known = {each.id: each for each in referrals.many(context.table, [id for _, id in chunk], strong=False)}
        yield from ((position, known[id]) for position, id in chunk if id in known)


def _page(found: Iterator[tuple[str, Referral]], wanted: ReferralFilter, limit: int) -> Found:
    page: list[Referral] = []
    last = ""
    for looked_at, (position, referral) in enumerate(found):
        if len(page) == limit or looked_at == LOOKED_AT:
            return page, last
        last = position
        if wanted.takes(referral):
            page.append(referral)
    return page, None
