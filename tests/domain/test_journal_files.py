"""The journal in the formats of accounting software: what their documents ask for, cell by cell."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain import journal_files
from refledger.domain.currencies import MAX_AMOUNT
from refledger.domain.journal import Account, Balance, EntryKind, post
from refledger.domain.journal_files import DATEV_HEAD, Books, JournalFormat, Posting

AT_MS = 1_793_455_200_000  # 2026-10-31T14:00:00Z
NUMBERS = {
    Account.REWARDS: "4760", Account.ADJUSTMENTS: "4769", Account.WRITE_OFFS: "2400", Account.AVAILABLE: "1700",
    Account.RESERVED: "1700", Account.PAID: "1360",
}  # fmt: skip
DATEV = Books(JournalFormat.DATEV, NUMBERS, "", "29098", "55003", "20260101", "4", "20261001", "20261031", "EUR", AT_MS)


MOVES = [kind for kind in EntryKind if kind is not EntryKind.ANCHOR]  # an anchor has no amount


def posting(kind: EntryKind = EntryKind.EARN, amount: int = 1_234, currency: str = "EUR", **told: str) -> Posting:
    _, entry = post(Balance("c5h6urjbd1g3oq2a", currency), kind, amount, "maturity", AT_MS, span=("a", "b"))
    return Posting(entry, **{"name": "Ada Müller", **told})


def table(text: bytes, separator: str = ",", encoding: str = "utf-8") -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.decode(encoding), newline=""), delimiter=separator))


def test_each_entry_is_a_debit_and_a_credit() -> None:
    """In the plain table: both say the same document, date and amount; rewards are named from first to last."""
    text, number = journal_files.lines(Books(), [posting()])
    head, debit, credit = table(journal_files.head(Books()) + text)
    rows = [dict(zip(head, row, strict=True)) for row in (debit, credit)]
    assert number == 2
    assert {row["document"] for row in rows} == {"c5h6urjbd1g3oq2a-EUR-1"}
    assert [(row["account"], row["debit"], row["credit"]) for row in rows] == [
        ("rewards", "12.34", ""), ("available", "", "12.34")
    ]  # fmt: skip
    assert {(row["date"], row["firstReward"], row["lastReward"]) for row in rows} == {
        ("2026-10-31", "c5h6urjbd1g3oq2aa", "c5h6urjbd1g3oq2ab")
    }


def test_quickbooks_takes_names_days_of_its_country_and_short_numbers() -> None:
    """Month before day; a number of at most 21 characters that both lines share."""
    books = Books(JournalFormat.QUICKBOOKS)
    text, _ = journal_files.lines(books, [posting(company="A Ltd")])
    head, debit, credit = table(journal_files.head(books) + text)
    assert head[:5] == ["Journal No", "Journal Date", "Account Name", "Debits", "Credits"]
    assert debit[0] == credit[0]
    assert len(debit[0]) <= 21
    assert debit[1:5] == ["10/31/2026", "Partner commissions", "12.34", ""]
    assert credit[2:5] == ["Owed to partners", "", "12.34"]
    assert debit[6:] == ["A Ltd", "EUR"]


def test_xero_takes_signed_amounts_that_come_to_nothing() -> None:
    """Debits above zero, credits below, as lines of one narration and date; day before month."""
    books = Books(JournalFormat.XERO, NUMBERS, "Tax Exempt (0%)")
    text, _ = journal_files.lines(books, [posting()])
    head, debit, credit = table(journal_files.head(books) + text)
    assert head == ["*Narration", "*Date", "Description", "*AccountCode", "*TaxRate", "*Amount"]
    assert debit == [
        "c5h6urjbd1g3oq2a-EUR-1", "31/10/2026", "Earned Ada Müller", "4760", "Tax Exempt (0%)", "12.34"
    ]  # fmt: skip
    assert [credit[3], credit[5]] == ["1700", "-12.34"]


def test_datev_takes_one_line_for_both_legs() -> None:
    """Header of 31 fields, 125 columns, decimal comma, day and month, Windows-1252, and CR LF at each end."""
    text, number = journal_files.lines(DATEV, [posting(EntryKind.PAY, transaction="SEPA 0042")])
    whole = journal_files.head(DATEV) + text
    assert whole.count(b"\r\n") == whole.count(b"\n") == 3
    header, columns, line = table(whole, ";", "cp1252")
    assert (number, len(header), len(columns), len(line)) == (1, 31, 125, 125)
    assert header[:5] == ["EXTF", "700", "21", "Buchungsstapel", "13"]
    assert header[10:16] == ["29098", "55003", "20260101", "4", "20261001", "20261031"]
    told = dict(zip(DATEV_HEAD, line, strict=True))
    assert [told[name] for name in DATEV_HEAD[:3]] == ["12,34", "S", "EUR"]
    assert (told["Konto"], told["Gegenkonto (ohne BU-Schlüssel)"], told["Belegdatum"]) == ("1700", "1360", "3110")
    assert told["Belegfeld 1"] == "c5h6urjbd1g3oq2a-EUR-1"
    assert told["Buchungstext"] == "Paid out Ada Müller SEPA 0042"
    assert told["Zusatzinformation - Inhalt 1"] == "SEPA 0042"


@pytest.mark.parametrize("format", [JournalFormat.XERO, JournalFormat.QUICKBOOKS, JournalFormat.DATEV])
def test_what_moves_nothing_in_their_books_is_left_out(format: JournalFormat) -> None:
    """A request for a payout, where both accounts are one there; and an entry of nothing. The plain table has both."""
    books = Books(format, NUMBERS)
    nothing = [posting(EntryKind.RESERVE), posting(EntryKind.EARN, 0)]
    assert journal_files.lines(books, nothing) == (b"", 0)
    assert journal_files.lines(Books(accounts=NUMBERS), nothing)[1] == 4


@given(st.sampled_from(MOVES), st.integers(1, MAX_AMOUNT), st.sampled_from(["EUR", "JPY", "KWD"]), st.text(max_size=90))
def test_every_format_balances_whatever_names_are(kind: EntryKind, amount: int, currency: str, name: str) -> None:
    """Debits are credits, and no name makes another line or column."""
    one = posting(kind, amount, currency, name=name)
    plain = table(journal_files.lines(Books(), [one])[0])
    assert sum(Decimal(row[5] or 0) - Decimal(row[6] or 0) for row in plain) == 0
    xero = table(journal_files.lines(Books(JournalFormat.XERO, {}, "x"), [one])[0])
    assert sum(Decimal(row[5]) for row in xero) == 0
    (line,) = table(journal_files.lines(DATEV, [one])[0] or b";" * 124, ";", "cp1252")
    assert len(line) == 125
