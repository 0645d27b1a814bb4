"""Entries of the journal with what they can be joined by: partners' names, the bank's references, payments' own ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from refledger.batched import batched
from refledger.domain.journal import EntryKind, JournalEntry
from refledger.domain.journal_files import Posting
from refledger.domain.partners import Partner
from refledger.store import keys, ledger, payments, withdrawals
from refledger.store import partners as stored_partners
from refledger.store.table import Table

AT_ONCE = 50  # entries: each may name a withdrawal or a payment, and a hundred are read at once
WITHDRAWN = (EntryKind.RESERVE, EntryKind.RELEASE, EntryKind.SETTLE, EntryKind.RETURN, EntryKind.PAY)
OF_REWARDS = (EntryKind.EARN, EntryKind.REVERSE)


def of_partner(
    table: Table,
    partner_id: str,
    currencies: Iterable[str],
    place: tuple[str, str] | None,
    since_ms: int,
    until_ms: int,
) -> Iterator[tuple[list[str], list[Posting]]]:
    """Yield (place to go on from, postings) of the entries of a partner, a few at a time.

    They are those from one moment until just before another, oldest first, currency by currency. `place`: currency and
    sort key of the last that was given.
    """
    begun, last = place or ("", "")
    low, high = keys.journal_from(since_ms), keys.journal_from(until_ms)
    partner: Partner | None = None
    for currency in sorted(currencies):
        if currency < begun:
            continue
        after = max(low, last) if currency == begun else low
        found = ledger.entries(table, partner_id, currency, after, until=high, strong=False)
        for batch in batched(found, AT_ONCE):
            partner = partner or next(iter(stored_partners.many(table, [partner_id])), None)
            within = [entry for _, entry in batch if since_ms <= entry.at_ms < until_ms]
            yield [currency, batch[-1][0]], named(table, within, [partner] if partner else [])


def of_entries(table: Table, entries: list[JournalEntry], *, people: bool) -> list[Posting]:
    """Return the postings of up to a hundred entries of whomever. `people`: with partners' names."""
    whose = sorted({each.partner_id for each in entries})
    return named(table, entries, stored_partners.many(table, whose) if people and whose else [])


def named(table: Table, entries: list[JournalEntry], partners: Iterable[Partner]) -> list[Posting]:
    """Return the postings of up to a hundred entries of these partners."""
    outs = sorted({each.reference for each in entries if each.kind in WITHDRAWN and each.reference})
    paid = sorted({id for each in entries if (id := _payment(each))})
    known = {each.id: each for each in withdrawals.many(table, outs, strong=False)} if outs else {}
    told = {each.id: each for each in payments.many(table, paid, strong=False)} if paid else {}
    names = {each.id: (each.name, each.company_name) for each in partners}

    def posting(entry: JournalEntry) -> Posting:
        out, payment = known.get(entry.reference), told.get(_payment(entry))
        name, company = names.get(entry.partner_id, ("", ""))
        return Posting(
            entry, name, company, out.transaction_id if out else "", payment.external_id if payment else ""
        )  # fmt: skip

    return [posting(each) for each in entries]


def _payment(entry: JournalEntry) -> str:
    """The id of the payment that moved rewards; what else its reference says stands behind a blank."""
    if entry.kind not in OF_REWARDS:
        return ""
    first = entry.reference.split(" ", 1)[0]
    return first if keys.is_payment_id(first) else ""
