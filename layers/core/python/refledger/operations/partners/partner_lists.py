"""Partners a page at a time, of all or of those whose name, address or company begins with something; and their chains.

No index knows tiers and tags: of those, so many are looked at in a call, and a page may be short and still go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from refledger.domain import search as folding
from refledger.domain.partners import Partner
from refledger.operations import external_ids
from refledger.operations.context import Context
from refledger.operations.external_ids import Kind
from refledger.store import keys, partners, search

LOOKED_AT: Final = 200  # in one call
AT_ONCE: Final = 25  # at least, where not every one that is read comes onto the page

Found = tuple[list[Partner], str | None]  # a page, and the position after which the next one begins; None: the end


@dataclass(frozen=True)
class PartnerFilter:
    """What a partner must be to be listed; None: anything. Moments in epoch milliseconds, `until_ms` not included."""

    status: str | None = None
    tier: str | None = None
    tag: str | None = None
    program_id: str | None = None
    from_ms: int | None = None
    until_ms: int | None = None

    @property
    def is_indexed(self) -> bool:
        """Whether the index says all that is wanted."""
        return self.tier is self.tag is self.program_id is None

    def takes(self, partner: Partner) -> bool:
        return (
            self.status in (None, partner.status)
            and self.tier in (None, partner.tier)
            and (self.tag is None or self.tag in partner.tags)
            and self.program_id in (None, partner.program_id)
            and (self.from_ms is None or self.from_ms <= partner.created_at_ms)
            and (self.until_ms is None or partner.created_at_ms < self.until_ms)
        )


def newest(context: Context, wanted: PartnerFilter, before: str, limit: int) -> Found:
    """Newest first, from below the position `before`."""
    bounds = keys.positions(wanted.from_ms, wanted.until_ms)
    at_once = limit if wanted.is_indexed else max(limit, AT_ONCE)
    rows = partners.newest(context.table, before, at_once + 1, wanted.status, *bounds)
    return _page(context, rows, lambda _, partner: wanted.takes(partner), limit, at_once)


def called(context: Context, program_id: str, external_id: str, wanted: PartnerFilter) -> list[Partner]:
    """Return the partner of a program whom the owner calls so, if they are what is wanted besides."""
    id = external_ids.find(context, Kind.PARTNER, program_id, external_id)
    found = partners.many(context.table, [id]) if id else []
    return [each for each in found if each.external_id == external_id and wanted.takes(each)]


def beginning_with(
    context: Context, program_id: str, text: str, wanted: PartnerFilter, after: str, limit: int
) -> Found:
    """List those of a program who are called so, in the order of what they are called.

    Each once, whatever fits.
    """
    start = folding.fold(text)
    if not start:
        return [], None
    at_once = max(limit, AT_ONCE)
    rows = search.beginning_with(context.table, program_id, start, after, at_once + 1)
    named: dict[str, str] = {}

    def positions() -> Iterator[tuple[str, str]]:
        for position, (term, partner_id) in rows:
            named[position] = term
            yield position, partner_id

    def fits(position: str, partner: Partner) -> bool:
        first = folding.matches(partner, start)[:1]
        return first == [named[position]] and partner.program_id == program_id and wanted.takes(partner)

    return _page(context, positions(), fits, limit, at_once)


def _page(
    context: Context,
    rows: Iterator[tuple[str, str]],
    fits: Callable[[str, Partner], bool],
    limit: int,
    at_once: int,
) -> Found:
    """`at_once`: how many partners are read in one call; up to 100."""
    page: list[Partner] = []
    last, looked_at = "", 0
    while chunk := list(islice(rows, at_once)):
        ids = list(dict.fromkeys(id for _, id in chunk))
        known = {partner.id: partner for partner in partners.many(context.table, ids)}
        for place, (position, id) in enumerate(chunk, start=1):
            last, looked_at = position, looked_at + 1
            if id in known and fits(position, known[id]):
                page.append(known[id])
            if len(page) == limit or looked_at == LOOKED_AT:
                more = place < len(chunk) or next(rows, None) is not None
                return page, last if more else None
    return page, None
