"""The bytes of an export, in pieces, each with the position to go on from: a table, a journal, or a month's pack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from refledger.domain import csv_files, journal_files
from refledger.domain.jobs import ExportSubject, Job
from refledger.domain.journal_files import Books
from refledger.operations.context import Context
from refledger.operations.jobs import export_sources, month_end, postings
from refledger.operations.jobs.export_sources import SOURCES
from refledger.store import ledger

Piece = tuple[Any, bytes, int]  # where to go on after it, what it is, and how many lines


def head(job: Job) -> bytes:
    """Return what stands before all pieces."""
    match job.what:
        case ExportSubject.JOURNAL:
            return journal_files.head(Books.of(job.filters, job.created_at_ms))
        case ExportSubject.MONTH_END:
            return b""
        case (
            ExportSubject.PARTNERS
            | ExportSubject.REFERRALS
            | ExportSubject.REWARDS
            | ExportSubject.PAYMENTS
            | ExportSubject.WITHDRAWALS
            | ExportSubject.LEDGER
            | ExportSubject.AUDIT
        ):
            return csv_files.write([SOURCES[job.what].head]).encode()


def pieces(context: Context, job: Job, after: Any) -> Iterator[Piece]:
    """Yield the pieces of an export: all where `after` is None, else those after what a piece said."""
    match job.what:
        case ExportSubject.JOURNAL:
            yield from _journal(context, job, after)
        case ExportSubject.MONTH_END:
            yield from month_end.pieces(context, job.filters["month"], after)
        case (
            ExportSubject.PARTNERS
            | ExportSubject.REFERRALS
            | ExportSubject.REWARDS
            | ExportSubject.PAYMENTS
            | ExportSubject.WITHDRAWALS
            | ExportSubject.LEDGER
            | ExportSubject.AUDIT
        ):
            for position, rows in export_sources.steps(context, job.what, job.filters, after):
                yield position, csv_files.write(rows).encode(), len(rows)


def _journal(context: Context, job: Job, after: Any) -> Iterator[Piece]:
    """Partner by partner, each currency from its first entry on."""
    books, asked = Books.of(job.filters, job.created_at_ms), export_sources.asked(context, job.filters)

    def walk(partner_id: str, place: Any) -> Iterator[tuple[Any, tuple[bytes, int]]]:
        currencies = [
            each.currency
            for each in ledger.balances(context.table, partner_id)
            if asked.wants(currency=each.currency)
        ]  # fmt: skip
        found = postings.of_partner(context.table, partner_id, currencies, place, asked.since_ms, asked.until_ms)
        for on, batch in found:
            yield on, journal_files.lines(books, batch)

    for position, (text, number) in export_sources.of_partners(asked, after, walk, (b"", 0)):
        yield position, text, number
