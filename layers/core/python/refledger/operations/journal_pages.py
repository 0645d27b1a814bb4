"""Lists over several partitions, a page at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from refledger.domain.errors import EntryNotFound
from refledger.domain.journal import Balance, EntryPlace, JournalEntry, seal
from refledger.operations.context import Context
from refledger.store import keys, ledger, partners

JOURNALS_A_PAGE = 25  # partners looked at in one call: a page may be short, and then has a cursor


@dataclass(frozen=True)
class JournalPosition:
    """Where a walk through journals stands: the partner's place in the list of all, the currency, the entry."""

    partner: str = ""
    currency: str = ""
    entry: str = ""


@dataclass(frozen=True)
class EntryPage:
    entries: list[JournalEntry]
    next: JournalPosition | None


def journal_of(
    context: Context, partner_id: str, currency: str | None, place: JournalPosition, limit: int
) -> EntryPage:
    """Return a partner's entries in the order of their versions, one currency after another."""
    found: list[tuple[JournalPosition, JournalEntry]] = []
    for where, entry in _walk(context, partner_id, currency, place, limit):
        if len(found) == limit:
            return EntryPage([entry for _, entry in found], found[-1][0])
        found.append((where, entry))
    return EntryPage([entry for _, entry in found], None)


def journal_of_all(context: Context, currency: str | None, place: JournalPosition, limit: int) -> EntryPage:
    """Everybody's entries, the newest partner's first. The cursor is the last place that was read."""
    found: list[JournalEntry] = []
    last = place
    if place.partner:  # go on inside the partner where the page before stopped
        partner_id = keys.id_at(place.partner)
        page = journal_of(context, partner_id, currency, place, limit)
        found += page.entries
        if page.next:
            return EntryPage(found, JournalPosition(place.partner, page.next.currency, page.next.entry))
        last = JournalPosition(place.partner, "~")
    others = partners.newest(context.table, place.partner, JOURNALS_A_PAGE)
    for looked_at, (position, partner_id) in enumerate(others):
        if len(found) >= limit or looked_at >= JOURNALS_A_PAGE:
            return EntryPage(found, last)
        page = journal_of(context, partner_id, currency, JournalPosition(), limit - len(found))
        found += page.entries
        if page.next:
            return EntryPage(found, JournalPosition(position, page.next.currency, page.next.entry))
        last = JournalPosition(position, "~")
    return EntryPage(found, None)


def _walk(
    context: Context, partner_id: str, currency: str | None, place: JournalPosition, limit: int
) -> Iterator[tuple[JournalPosition, JournalEntry]]:
    currencies = [currency] if currency else [b.currency for b in ledger.balances(context.table, partner_id)]
    for each in sorted(currencies):
        if each < place.currency:
            continue
        after = place.entry if each == place.currency else ""
        for position, entry in ledger.entries(context.table, partner_id, each, after, limit + 1, strong=False):
            yield JournalPosition(place.partner, each, position), entry


@dataclass(frozen=True)
class EntryInPlace:
    """An entry as it stands in its journal. `after`: available, reserved and paid once it was booked; None of entries
    from before that was kept. `is_intact`: it hashes to what it says, and it says the hash of the one before.
    """

    entry: JournalEntry
    after: tuple[int, int, int] | None
    before: JournalEntry | None
    following: JournalEntry | None
    is_intact: bool


def entry_at(context: Context, place: EntryPlace | None) -> EntryInPlace:
    """Find an entry with its neighbours. Raises EntryNotFound."""
    found = ledger.find_entry(context.table, place) if place else None
    if found is None:
        raise EntryNotFound("there is no such entry")
    entry, after = found
    until = ledger.newest_until(context.table, entry.partner_id, entry.currency, ledger.sort_key(entry), page_size=2)
    before = next((each for each in until if each.version != entry.version), None)
    is_intact = seal(entry) == entry.hash and entry.previous == (before.hash if before else "")
    return EntryInPlace(entry, after, before, ledger.next_entry(context.table, entry), is_intact)


def balances_of(context: Context, partner_id: str) -> list[Balance]:
    """List a partner's balances, by currency."""
    return ledger.balances(context.table, partner_id)
