"""A closed month for the books, as one ZIP file: what everybody had, what moved, what was paid, what is owed how long.

Five tables, each made partner by partner in one pass, so that neither memory nor time of one worker bounds it. All are
made of the journal alone, as statements are: opening + movements = closing in each, and the sums over all partners are
the trial balance. The same month gives the same figures whenever it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from refledger.domain import csv_files, journal_files, statements
from refledger.domain.currencies import major
from refledger.domain.journal import LEGS, PAYOUTS, Account, EntryKind
from refledger.domain.journal_files import Books
from refledger.domain.partners import Partner
from refledger.domain.statements import Holdings, StatementMonth
from refledger.domain.times import DAY_MS, iso
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.domain.zip_files import ZipArchive
from refledger.operations import people
from refledger.operations.context import Context
from refledger.operations.figures import statements as monthly
from refledger.operations.jobs import export_sources, postings
from refledger.operations.jobs.export_sources import NO_ROWS, Row
from refledger.store import keys, ledger, withdrawals
from refledger.store import partners as stored_partners

Piece = tuple[Any, bytes, int]
Sums = dict[str, dict[str, list[int]]]  # currency → account → what it held, debits, credits
PARTNER: Final = ("partnerId", "partnerName", "partnerCompany", "currency")
HOLDINGS: Final = ("Available", "Reserved", "Paid")
STATEMENT_HEAD: Final = (
    *PARTNER, "month", *(f"opening{each}" for each in HOLDINGS), *(kind.value for kind in EntryKind),
    *(f"closing{each}" for each in HOLDINGS), "lastVersion", "lastHash",
)  # fmt: skip
PAYOUT_HEAD: Final = (
    *PARTNER, "date", "kind", "amount", "withdrawalId", "transactionId", "methodType", "accountHolder", "account",
    "requestedAt", "document", "approvedBy", "approvedByName", "paidBy", "paidByName",
)  # fmt: skip
DECIDED: Final = (WithdrawalStatus.APPROVED, WithdrawalStatus.PAID)
NOBODY: Final[list[list[str]]] = [[] for _ in DECIDED]
AGES_DAYS: Final = (30, 60, 90)
LIABILITY_HEAD: Final = (
    *PARTNER, "owed", "ofItReserved", "to30Days", "to60Days", "to90Days", "older", "debt", "oldestAt",
)  # fmt: skip
BALANCE_HEAD: Final = ("currency", "account", "accountName", "opening", "debits", "credits", "closing")
PARTNERS_SIDE: Final = (Account.AVAILABLE, Account.RESERVED, Account.PAID)
NOTE: Final = """refledger, month end {month} (days in UTC), closed {closed}

statements.csv     a line for each partner and currency: opening + movements = closing
journal.csv        every entry of the month, a debit and a credit each
payouts.csv        what went out, and what came back, with the bank's or provider's reference
liabilities.csv    what was owed to whom at the end of the month, by how long
trial-balance.csv  opening, debits, credits and closing of every account, all partners together

Amounts are in major units of their currency. What is corrected later is in the month in which it was booked.
"""


def pieces(context: Context, month_text: str, after: Any) -> Iterator[Piece]:
    """Yield the pack of a month that is closed, in pieces; from the beginning where `after` is None.

    Raises NotFound.
    """
    month = statements.month(month_text, context.now_ms())
    yield from _Pack(context, month, after).pieces()


@dataclass(frozen=True)
class _Table:
    """One of the files: its head, and the lines of a partner, a few at a time, each with the place to go on from."""

    name: str
    head: tuple[str, ...]
    rows: Callable[[str, Any], Iterator[tuple[Any, list[Row]]]]


class _Pack:
    """`number`: of the file that is written; `place`: where in it; `sums`: of all statements so far."""

    def __init__(self, context: Context, month: StatementMonth, after: Any) -> None:
        self.context, self.month, self.table = context, month, context.table
        beginning: list[Any] = [0, None, ZipArchive(month.closed_ms).state(), {}]
        number, place, state, sums = after or beginning
        self.number: int = number
        self.place: Any = place
        self.archive = ZipArchive.of(state)
        self.sums: Sums = sums
        self.tables = (
            _Table("statements.csv", STATEMENT_HEAD, self._statements),
            _Table("journal.csv", journal_files.HEAD, self._journal),
            _Table("payouts.csv", PAYOUT_HEAD, self._payouts),
            _Table("liabilities.csv", LIABILITY_HEAD, self._liabilities),
        )

    def pieces(self) -> Iterator[Piece]:
        while self.number < len(self.tables):
            yield from self._file(self.tables[self.number])
        if self.number == len(self.tables):
            yield self._rest()

    def _file(self, table: _Table) -> Iterator[Piece]:
        if self.place is None:
            self.archive, begun = self.archive.begin(table.name)
            self.archive, first = self.archive.add(csv_files.write([table.head]).encode())
            self.place = ["", "", None]
            yield self._at(), begun + first, 0
        for place, rows in export_sources.of_everybody(self.table, self.place, table.rows, NO_ROWS):
            self.place, written = place, b""
            if rows:
                self.archive, written = self.archive.add(csv_files.write(rows).encode())
            yield self._at(), written, len(rows)
        self.archive, written = self.archive.end()
        self.number, self.place = self.number + 1, None
        yield self._at(), written, 0

    def _rest(self) -> Piece:
        """What is small, and the end."""
        balance, closed = list(self._trial_balance()), iso(self.month.closed_ms)
        text, written = NOTE.format(month=self.month, closed=closed), b""
        contents = {"trial-balance.csv": csv_files.write([BALANCE_HEAD, *balance]), "README.txt": text}
        for name, content in contents.items():
            self.archive, begun = self.archive.begin(name)
            self.archive, packed = self.archive.add(content.encode())
            self.archive, ended = self.archive.end()
            written += begun + packed + ended
        self.number += 1
        return self._at(), written + self.archive.finish(), len(balance)

    def _at(self) -> list[Any]:
        return [self.number, self.place, self.archive.state(), self.sums]

    # ------------------------------------------------------------ the tables

    def _who(self, partner_id: str) -> Row:
        found: list[Partner] = stored_partners.many(self.table, [partner_id])
        return [partner_id, found[0].name, found[0].company_name] if found else [partner_id, "", ""]

    def _statements(self, partner_id: str, done: Any) -> Iterator[tuple[Any, list[Row]]]:
        """A line for each currency in which there was something."""
        for balance in ledger.balances(self.table, partner_id):
            if balance.currency <= (done or ""):
                continue
            summary = monthly.summary(self.table, balance, self.month)
            self._add(balance.currency, summary)
            money = [major(amount, balance.currency) for amount in (
                *_three(summary.opening), *(summary.kinds.get(kind, 0) for kind in EntryKind), *_three(summary.closing)
            )]  # fmt: skip
            row = [
                *self._who(partner_id), balance.currency, str(self.month), *money[: 3 + len(EntryKind)], *money[-3:],
                summary.version, summary.hash,
            ]  # fmt: skip
            yield balance.currency, [] if summary.is_empty else [row]

    def _add(self, currency: str, summary: monthly.Summary) -> None:
        """To the trial balance. What the owner's side holds is minus what partners hold, by why."""
        accounts = self.sums.setdefault(currency, {account.value: [0, 0, 0] for account in Account})
        for account, held in zip(PARTNERS_SIDE, _three(summary.opening), strict=True):
            accounts[account.value][0] += held
        for kind, amount in summary.kinds.items():
            debit, credit = LEGS[kind]
            accounts[debit.value][1] += amount
            accounts[credit.value][2] += amount

    def _journal(self, partner_id: str, place: Any) -> Iterator[tuple[Any, list[Row]]]:
        """Of what is only asked for without the reference that it gets when it is paid, which may be months later."""
        for on, batch in self._postings(partner_id, place):
            told = (each if each.entry.kind in PAYOUTS else replace(each, transaction="") for each in batch)
            yield on, [row for posting in told for row in journal_files.rows(Books(), posting)]

    def _postings(self, partner_id: str, place: Any) -> Iterator[tuple[Any, list[journal_files.Posting]]]:
        currencies = [balance.currency for balance in ledger.balances(self.table, partner_id)]
        return postings.of_partner(
            self.table, partner_id, currencies, place, self.month.from_ms, self.month.until_ms
        )  # fmt: skip

    def _payouts(self, partner_id: str, place: Any) -> Iterator[tuple[Any, list[Row]]]:
        for on, batch in self._postings(partner_id, place):
            moved = [each for each in batch if each.entry.kind in PAYOUTS]
            made = withdrawals.many(self.table, sorted({each.entry.reference for each in moved}), strong=False)
            known = {each.id: each for each in made}
            decided = {
                each.id: [ids for status, ids in export_sources.deciders(each) if status in DECIDED] for each in made
            }
            called = people.names(self.table, (id for by in decided.values() for ids in by for id in ids))
            rows: list[Row] = []
            for each in moved:
                entry, out = each.entry, known.get(each.entry.reference)
                sign = -1 if entry.kind is EntryKind.RETURN else 1
                rows.append([
                    entry.partner_id, each.name, each.company, entry.currency, iso(entry.at_ms)[:10], entry.kind.value,
                    major(sign * entry.amount, entry.currency), entry.reference, each.transaction or None,
                    *([*out.method.in_words, iso(out.created_at_ms)]
                      if out else [None] * 4), each.document,
                    *(cell for ids in decided.get(entry.reference, NOBODY) for cell in export_sources.who(ids, called)),
                ])  # fmt: skip
            yield on, rows

    def _liabilities(self, partner_id: str, done: Any) -> Iterator[tuple[Any, list[Row]]]:
        """What is owed is what was credited last: payouts and what is taken back use up the oldest first."""
        for balance in ledger.balances(self.table, partner_id):
            if balance.currency <= (done or ""):
                continue
            end = monthly.held_until(self.table, balance, keys.journal_from(self.month.until_ms))
            owed = end.available + end.reserved
            ages, oldest_ms = self._aged(partner_id, balance.currency, owed)
            money = [major(each, balance.currency) for each in (max(owed, 0), end.reserved, *ages, max(-owed, 0))]
            row = [*self._who(partner_id), balance.currency, *money, iso(oldest_ms) if oldest_ms else None]
            yield balance.currency, [row] if owed or end.reserved else []

    def _aged(self, partner_id: str, currency: str, owed: int) -> tuple[list[int], int]:
        """`owed` by age at the end of the month, and since when the oldest of it is owed."""
        ages, oldest_ms = [0] * (len(AGES_DAYS) + 1), 0
        before = keys.journal_from(self.month.until_ms)
        for entry in ledger.newest_until(self.table, partner_id, currency, before) if owed > 0 else ():
            if entry.credit is not Account.AVAILABLE or entry.debit is Account.RESERVED:
                continue
            part, oldest_ms = min(owed, entry.amount), entry.at_ms
            days = (self.month.until_ms - 1 - entry.at_ms) // DAY_MS
            ages[sum(days >= most for most in AGES_DAYS)] += part
            owed -= part
            if not owed:
                break
        return ages, oldest_ms

    def _trial_balance(self) -> Iterator[Row]:
        for currency, accounts in sorted(self.sums.items()):
            for account in PARTNERS_SIDE:
                yield _balance_row(currency, account.value, journal_files.NAMES[account], *accounts[account.value])
            against = [account for account in Account if account not in PARTNERS_SIDE]
            for account in against:
                _, debits, credits = accounts[account.value]
                moved = [major(debits, currency), major(credits, currency)]
                yield [currency, account.value, journal_files.NAMES[account], None, *moved, None]
            held = sum(accounts[account.value][0] for account in PARTNERS_SIDE)
            moves = [sum(accounts[account.value][side] for account in against) for side in (1, 2)]
            yield _balance_row(currency, "owner", "these three", -held, *moves)
            everything = [sum(accounts[account.value][side] for account in Account) for side in (1, 2)]
            yield _balance_row(currency, "all", "", 0, *everything)


def _balance_row(currency: str, account: str, name: str, held: int, debits: int, credits: int) -> Row:
    """Money leaves an account by a debit and arrives by a credit."""
    money = [major(each, currency) for each in (held, debits, credits, held - debits + credits)]
    return [currency, account, name, *money]


def _three(holdings: Holdings) -> tuple[int, int, int]:
    return holdings.available, holdings.reserved, holdings.paid
