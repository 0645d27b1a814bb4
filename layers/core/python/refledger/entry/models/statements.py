"""Statements over HTTP: as JSON, as a table for a spreadsheet, and as what a PDF says."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from refledger.domain import csv_files
from refledger.domain.csv_files import Cell
from refledger.domain.currencies import decimal, exponent
from refledger.domain.journal import EntryKind
from refledger.domain.statements import AccountStatement, Holdings, Movement
from refledger.domain.times import iso
from refledger.entry.models.common import Capitals, Query, View
from refledger.operations.figures.statements import Basis, Statement

COLUMNS = (
    "currency", "time", "kind", "reference", "count", "available", "reserved", "paid", "availableAfter",
    "reservedAfter", "paidAfter", "firstReward", "lastReward", "title", "month", "from", "until", "state", "partnerId",
    "partnerName", "partnerCompany", "program", "transactionId",
)  # fmt: skip


class StatementFormat(StrEnum):
    """How a statement is answered."""

    JSON = "JSON"  # as data
    CSV = "CSV"  # as a table
    PDF = "PDF"  # as a page to print


class StatementQuery(Query):
    format: Annotated[StatementFormat, Capitals] = StatementFormat.JSON


class HoldingsView(View):
    available: int
    reserved: int
    paid: int
    available_decimal: str
    reserved_decimal: str
    paid_decimal: str

    @classmethod
    def of(cls, holdings: Holdings, currency: str) -> Self:
        available, reserved, paid = (
            decimal(amount, exponent(currency)) for amount in (holdings.available, holdings.reserved, holdings.paid)
        )
        return cls(
            available=holdings.available, reserved=holdings.reserved, paid=holdings.paid, available_decimal=available,
            reserved_decimal=reserved, paid_decimal=paid,
        )  # fmt: skip


class MovementView(View):
    """`change`: what it changed in the three accounts. `after`: what the three accounts held then. `count`: above 1 it
    stands for so many of one kind and day, without references.

    `firstReward`, `lastReward`: of the rewards that the entry sums, in the order of their due times. `transactionId`:
    the bank's or provider's reference of a payout that was made, or came back.
    """

    at: str
    kind: EntryKind
    reference: str
    count: int
    change: HoldingsView
    after: HoldingsView
    first_reward: str | None
    last_reward: str | None
    transaction_id: str | None

    @classmethod
    def of(cls, movement: Movement, currency: str) -> Self:
        return cls(
            at=iso(movement.at_ms),
            kind=movement.kind,
            reference=movement.reference,
            count=movement.count,
            change=HoldingsView.of(movement.change, currency),
            after=HoldingsView.of(movement.after, currency),
            first_reward=movement.first or None,
            last_reward=movement.last or None,
            transaction_id=movement.transaction or None,
        )


class KindTotalView(View):
    kind: EntryKind
    count: int
    amount: int
    amount_decimal: str


class CurrencyStatementView(View):
    """One currency, in minor units, and as decimals. opening + all changes = closing.

    `hash`: of the month's last journal entry.
    """

    currency: str
    opening: HoldingsView
    movements: list[MovementView]
    totals: list[KindTotalView]
    closing: HoldingsView
    version: int
    hash: str | None

    @classmethod
    def of(cls, account: AccountStatement) -> Self:
        digits = exponent(account.currency)
        return cls(
            currency=account.currency,
            opening=HoldingsView.of(account.opening, account.currency),
            movements=[MovementView.of(each, account.currency) for each in account.movements],
            totals=[
                KindTotalView(kind=kind, count=n, amount=amount, amount_decimal=decimal(amount, digits))
                for kind, (n, amount) in account.totals.items()
            ],
            closing=HoldingsView.of(account.closing, account.currency),
            version=account.version,
            hash=account.hash or None,
        )


class StatementView(View):
    """`since` to just before `until`, in UTC. `final`: the month is over, and the statement will not change; then
    `madeAt` is when it was closed. `partnerName`: the partner's; null for who sees personal data masked.
    """

    title: str
    partner_id: str
    partner_name: str | None
    partner_company: str | None
    program_id: str
    program_name: str
    month: str
    since: str
    until: str
    made_at: str
    final: bool
    accounts: list[CurrencyStatementView]

    @classmethod
    def of(cls, statement: Statement, *, named: bool) -> Self:
        partner = statement.partner
        return cls(
            title=title(statement),
            partner_id=partner.id,
            partner_name=(partner.name or None) if named else None,
            partner_company=(partner.company_name or None) if named else None,
            program_id=partner.program_id,
            program_name=statement.program,
            month=str(statement.month),
            since=iso(statement.month.from_ms),
            until=iso(statement.month.until_ms),
            made_at=iso(statement.made_at_ms),
            final=statement.final,
            accounts=[CurrencyStatementView.of(account) for account in statement.accounts],
        )


def file_name(statement: Statement | Basis, ending: str) -> str:
    return f"statement-{statement.partner.id}-{statement.month}.{ending}"


def title(statement: Statement) -> str:
    """Say what it is, in a line: `Statement 2026-10, final`."""
    return f"Statement {statement.month}, {_state(statement).lower()}"


def _state(statement: Statement) -> str:
    return "FINAL" if statement.final else "RUNNING"


def as_csv(statement: Statement, *, named: bool) -> str:
    """Make the file, see `csv_files`.

    Amounts in major units with all their decimals; each line says of what it is. `named`: with the partner's names.
    """
    partner, month = statement.partner, statement.month
    names = [partner.name, partner.company_name] if named else [None, None]
    told: list[Cell] = [
        title(statement), str(month), iso(month.from_ms), iso(month.until_ms), _state(statement), partner.id, *names,
        statement.program,
    ]  # fmt: skip
    rows = ([*row, *told, paid] for account in statement.accounts for row, paid in _rows(statement, account))
    return csv_files.write([COLUMNS, *rows])


def _rows(statement: Statement, account: AccountStatement) -> Iterator[tuple[list[Cell], Cell]]:
    """What moved, and the reference of a payout."""

    def shown(holdings: Holdings) -> list[Cell]:
        digits = exponent(account.currency)
        return [Decimal(decimal(amount, digits)) for amount in (holdings.available, holdings.reserved, holdings.paid)]

    none: list[Cell] = [None, None, None]
    currency = account.currency
    begin_ms, end_ms = statement.month.from_ms, min(statement.month.until_ms, statement.made_at_ms)
    yield [currency, iso(begin_ms), "OPENING", None, None, *none, *shown(account.opening), None, None], None
    for each in account.movements:
        yield [
            currency, iso(each.at_ms), each.kind.value, each.reference, each.count, *shown(each.change),
            *shown(each.after), each.first or None, each.last or None,
        ], each.transaction or None  # fmt: skip
    yield [currency, iso(end_ms), "CLOSING", None, None, *none, *shown(account.closing), None, None], None
