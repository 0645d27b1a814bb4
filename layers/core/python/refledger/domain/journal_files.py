"""The journal as accounting software takes it: the owner's accounts, debit and credit, date, document, reference.

Formats, and where their rules are written down (docs/accounting.md says more): QUICKBOOKS, Intuit, "Import journal
entries"; XERO, "Enter multiple manual journals using an import template"; DATEV, developer.datev.de, DATEV-Format,
header 700, Buchungsstapel 13.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from refledger.domain import csv_files
from refledger.domain.csv_files import Cell
from refledger.domain.currencies import decimal, exponent, major
from refledger.domain.journal import WORDS, Account, JournalEntry
from refledger.domain.times import SECOND_MS, iso

NAMES: Final[dict[Account, str]] = {
    Account.REWARDS: "Partner commissions", Account.ADJUSTMENTS: "Partner adjustments",
    Account.WRITE_OFFS: "Partner debts written off", Account.AVAILABLE: "Owed to partners",
    Account.RESERVED: "Owed to partners, payout requested", Account.PAID: "Partner payouts",
}  # fmt: skip
HEAD: Final = (
    "document", "line", "date", "account", "accountName", "debit", "credit", "currency", "kind", "reference",
    "transactionId", "externalPaymentId", "firstReward", "lastReward", "partnerId", "partnerName", "partnerCompany",
    "description",
)  # fmt: skip
QUICKBOOKS_HEAD: Final = (
    "Journal No", "Journal Date", "Account Name", "Debits", "Credits", "Description", "Name", "Currency",
)  # fmt: skip
XERO_HEAD: Final = ("*Narration", "*Date", "Description", "*AccountCode", "*TaxRate", "*Amount")
DATEV_TEXT, DATEV_DOCUMENT = 60, 36  # characters
DATEV_HEAD: Final = (
    "Umsatz (ohne Soll/Haben-Kz)", "Soll/Haben-Kennzeichen", "WKZ Umsatz", "Kurs", "Basis-Umsatz", "WKZ Basis-Umsatz",
    "Konto", "Gegenkonto (ohne BU-Schlüssel)", "BU-Schlüssel", "Belegdatum", "Belegfeld 1", "Belegfeld 2", "Skonto",
    "Buchungstext", "Postensperre", "Diverse Adressnummer", "Geschäftspartnerbank", "Sachverhalt", "Zinssperre",
    "Beleglink", *(f"Beleginfo - {what} {n}" for n in range(1, 9) for what in ("Art", "Inhalt")),
    "KOST1 - Kostenstelle", "KOST2 - Kostenstelle", "Kost-Menge", "EU-Land u. UStID (Bestimmung)",
    "EU-Steuersatz (Bestimmung)", "Abw. Versteuerungsart", "Sachverhalt L+L", "Funktionsergänzung L+L",
    "BU 49 Hauptfunktionstyp", "BU 49 Hauptfunktionsnummer", "BU 49 Funktionsergänzung",
    *(f"Zusatzinformation - {what} {n}" for n in range(1, 21) for what in ("Art", "Inhalt")), "Stück", "Gewicht",
    "Zahlweise", "Forderungsart", "Veranlagungsjahr", "Zugeordnete Fälligkeit", "Skontotyp", "Auftragsnummer",
    "Buchungstyp", "USt-Schlüssel (Anzahlungen)", "EU-Land (Anzahlungen)", "Sachverhalt L+L (Anzahlungen)",
    "EU-Steuersatz (Anzahlungen)", "Erlöskonto (Anzahlungen)", "Herkunft-Kz", "Buchungs GUID", "KOST-Datum",
    "SEPA-Mandatsreferenz", "Skontosperre", "Gesellschaftername", "Beteiligtennummer", "Identifikationsnummer",
    "Zeichnernummer", "Postensperre bis", "Bezeichnung SoBil-Sachverhalt", "Kennzeichen SoBil-Buchung",
    "Festschreibung", "Leistungsdatum", "Datum Zuord. Steuerperiode", "Fälligkeit", "Generalumkehr (GU)",
    "Steuersatz", "Land", "Abrechnungsreferenz", "BVV-Position", "EU-Land u. UStID (Ursprung)",
    "EU-Steuersatz (Ursprung)", "Abw. Skontokonto",
)  # fmt: skip


class JournalFormat(StrEnum):
    """For which software a journal is written."""

    CSV = "CSV"  # plain: a line for each entry, with debit and credit
    QUICKBOOKS = "QUICKBOOKS"  # journal entries of QuickBooks Online
    XERO = "XERO"  # manual journals of Xero
    DATEV = "DATEV"  # a Buchungsstapel of DATEV (EXTF)


@dataclass(frozen=True)
class Books:
    """How the owner's books are kept. `accounts`: their numbers or names there. `tax_rate`: its name in Xero.

    `consultant`, `client`, `year_start` (`20260101`), `account_length`, and the days `since` and `until` (`20261031`)
    are what DATEV's header says; `made_at_ms` as well.
    """

    format: JournalFormat = JournalFormat.CSV
    accounts: Mapping[Account, str] = field(default_factory=dict)
    tax_rate: str = ""
    consultant: str = ""
    client: str = ""
    year_start: str = ""
    account_length: str = "4"
    since: str = ""
    until: str = ""
    currency: str = ""
    made_at_ms: int = 0

    @classmethod
    def of(cls, filters: Mapping[str, str], made_at_ms: int) -> Books:
        """As a job's filters say."""

        def plain(name: str) -> str:
            return filters.get(name, "").replace("-", "")

        return cls(
            JournalFormat(filters.get("format", JournalFormat.CSV)),
            {account: filters[f"account.{account}"] for account in Account if f"account.{account}" in filters},
            filters.get("taxRate", ""), filters.get("consultant", ""), filters.get("client", ""),
            plain("fiscalYearStart"), filters.get("accountLength", "4"), plain("from"), plain("to"),
            filters.get("currency", ""), made_at_ms,
        )  # fmt: skip

    def account(self, account: Account) -> str:
        return self.accounts.get(account) or NAMES[account]


@dataclass(frozen=True)
class Posting:
    """An entry of the journal, with what it can be joined by. `transaction`: the bank's or provider's reference of a
    payout; `payment`: what its sender calls the payment of which it is, where it is of one.
    """

    entry: JournalEntry
    name: str = ""
    company: str = ""
    transaction: str = ""
    payment: str = ""

    @property
    def document(self) -> str:
        """Its number: partner, currency, version. No two entries have the same, and there are no gaps."""
        return f"{self.entry.partner_id}-{self.entry.currency}-{self.entry.version}"

    @property
    def description(self) -> str:
        parts = (WORDS[self.entry.kind], self.company or self.name or self.entry.partner_id, self.transaction,
                 self.payment)  # fmt: skip
        return " ".join(part for part in parts if part)


def head(books: Books) -> bytes:
    """Return what stands before all lines."""
    match books.format:
        case JournalFormat.QUICKBOOKS:
            return csv_files.write([QUICKBOOKS_HEAD]).encode()
        case JournalFormat.XERO:
            return csv_files.write([XERO_HEAD]).encode()
        case JournalFormat.DATEV:
            return _datev(_datev_header(books)) + _datev(DATEV_HEAD)
        case JournalFormat.CSV:
            return csv_files.write([HEAD]).encode()


def lines(books: Books, postings: Iterable[Posting]) -> tuple[bytes, int]:
    """Return the lines of these entries, and how many they are.

    For software of others entries are left out that move nothing there: of nothing, or from an account to itself.
    """
    moving = (each for each in postings if each.entry.amount and _moves(books, each.entry))
    match books.format:
        case JournalFormat.CSV:
            return _csv(row for each in postings for row in rows(books, each))
        case JournalFormat.QUICKBOOKS:
            return _csv(row for each in moving for row in _quickbooks(books, each))
        case JournalFormat.XERO:
            return _csv(row for each in moving for row in _xero(books, each))
        case JournalFormat.DATEV:
            told = [_datev(_datev_row(books, each)) for each in moving]
            return b"".join(told), len(told)


def _csv(rows: Iterable[list[csv_files.Cell]]) -> tuple[bytes, int]:
    whole = list(rows)
    return csv_files.write(whole).encode(), len(whole)


def _moves(books: Books, entry: JournalEntry) -> bool:
    return books.account(entry.debit) != books.account(entry.credit)


def _major(entry: JournalEntry) -> Decimal:
    return major(entry.amount, entry.currency)


def rows(books: Books, posting: Posting) -> Iterator[list[Cell]]:
    """Yield the debit, then the credit."""
    entry, amount = posting.entry, _major(posting.entry)
    rewards = [entry.partner_id + each if each else None for each in (entry.first, entry.last)]
    for number, (account, sides) in enumerate(((entry.debit, [amount, None]), (entry.credit, [None, amount])), 1):
        yield [
            posting.document, number, iso(entry.at_ms)[:10], books.accounts.get(account, account.value),
            books.account(account), *sides, entry.currency, entry.kind.value, entry.reference,
            posting.transaction or None, posting.payment or None, *rewards, entry.partner_id, posting.name,
            posting.company, posting.description,
        ]  # fmt: skip


def _quickbooks(books: Books, posting: Posting) -> Iterator[list[Cell]]:
    """A number of at most 21 characters, and the whole one in the description."""
    entry, amount, text = posting.entry, _major(posting.entry), f"{posting.document} {posting.description}"
    at = _date(entry.at_ms).strftime("%m/%d/%Y")
    for account, sides in ((entry.debit, [amount, None]), (entry.credit, [None, amount])):
        yield [
            f"RL{entry.hash[:16].upper()}", at, books.account(account), *sides, text, posting.company or posting.name,
            entry.currency,
        ]  # fmt: skip


def _xero(books: Books, posting: Posting) -> Iterator[list[Cell]]:
    """Lines of one narration and date are a journal; a debit is above zero, a credit below."""
    entry, amount = posting.entry, _major(posting.entry)
    at = _date(entry.at_ms).strftime("%d/%m/%Y")
    for account, signed in ((entry.debit, amount), (entry.credit, -amount)):
        yield [posting.document, at, posting.description, books.account(account), books.tax_rate, signed]


def _date(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms // SECOND_MS, UTC)


# ---------------------------------------------------------------- DATEV


def _datev(cells: Iterable[str]) -> bytes:
    """Windows-1252, which has no sign for some names: a `?` stands for those."""
    return (";".join(cells) + "\r\n").encode("cp1252", "replace")


def _quoted(text: str, most: int) -> str:
    clean = "".join(character for character in text if character.isprintable())[:most]
    return '"' + csv_files.escape(clean).replace('"', '""') + '"'


def _datev_header(books: Books) -> list[str]:
    """31 fields; the books are not locked by it (Festschreibung 0)."""
    made = _date(books.made_at_ms).strftime("%Y%m%d%H%M%S") + "000"
    return [
        '"EXTF"', "700", "21", '"Buchungsstapel"', "13", made, "", '"RE"', '"refledger"', '""', books.consultant,
        books.client, books.year_start, books.account_length, books.since, books.until, '"Partner"', '""', "1", "0",
        "0", f'"{books.currency}"', "", '""', "", "", '""', "", "", '""', '""',
    ]  # fmt: skip


def _datev_row(books: Books, posting: Posting) -> list[str]:
    """One line for both legs: Konto is debited (S), Gegenkonto credited. Belegfeld 1 takes letters, digits and a few
    signs; the bank's reference or the payment's id stand in the text and in the first Zusatzinformation.
    """
    entry = posting.entry
    amount = decimal(entry.amount, exponent(entry.currency)).replace(".", ",")
    row = [""] * len(DATEV_HEAD)
    told = {
        "Umsatz (ohne Soll/Haben-Kz)": amount if "," in amount else f"{amount},00", "Soll/Haben-Kennzeichen": '"S"',
        "WKZ Umsatz": f'"{entry.currency}"', "Konto": books.account(entry.debit),
        "Gegenkonto (ohne BU-Schlüssel)": books.account(entry.credit),
        "Belegdatum": _date(entry.at_ms).strftime("%d%m"),
        "Belegfeld 1": _quoted(posting.document, DATEV_DOCUMENT),
        "Buchungstext": _quoted(posting.description, DATEV_TEXT),
    }  # fmt: skip
    if reference := posting.transaction or posting.payment:
        told["Zusatzinformation - Art 1"] = _quoted("Referenz", 20)
        told["Zusatzinformation - Inhalt 1"] = _quoted(reference, 210)
    for name, value in told.items():
        row[DATEV_HEAD.index(name)] = value
    return row
