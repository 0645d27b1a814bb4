"""Statements over HTTP: as JSON, as a table for a spreadsheet, and as what a PDF says."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from refledger.domain import csv_files
from refledger.domain.csv_files import Cell
from refledger.domain.currencies import decimal, exponent
from refledger.domain.statements import AccountStatement, Holdings, Movement
from refledger.domain.times import iso
from refledger.entry.models.common import Capitals, Query, View
from refledger.operations.statements import Basis, Statement

COLUMNS = (
    "currency", "time", "kind", "reference", "count", "available", "reserved", "paid", "availableAfter",
    "reservedAfter", "paidAfter",
)  # fmt: skip


class Format(StrEnum):
    JSON = "JSON"
    CSV = "CSV"
    PDF = "PDF"


class StatementQuery(Query):
    format: Annotated[Format, Capitals] = Format.JSON


class HoldingsView(View):
    available: int
    reserved: int
    paid: int

    @classmethod
    def of(cls, holdings: Holdings) -> Self:
        return cls(available=holdings.available, reserved=holdings.reserved, paid=holdings.paid)


class MovementView(View):
    """`change` and `after`: of the three accounts. `count` above 1: so many of one kind and day, without references."""

    at: str
    kind: str
    reference: str
    count: int
    change: HoldingsView
    after: HoldingsView

    @classmethod
    def of(cls, movement: Movement) -> Self:
        return cls(
            at=iso(movement.at_ms),
            kind=movement.kind,
            reference=movement.reference,
            count=movement.count,
            change=HoldingsView.of(movement.change),
            after=HoldingsView.of(movement.after),
        )


class KindTotalView(View):
    kind: str
    count: int
    amount: int


class AccountView(View):
    """One currency, in minor units. opening + all changes = closing. `hash`: of the month's last journal entry."""

    currency: str
    opening: HoldingsView
    movements: list[MovementView]
    totals: list[KindTotalView]
    closing: HoldingsView
    version: int
    hash: str | None

    @classmethod
    def of(cls, account: AccountStatement) -> Self:
        return cls(
            currency=account.currency,
            opening=HoldingsView.of(account.opening),
            movements=[MovementView.of(each) for each in account.movements],
            totals=[KindTotalView(kind=kind, count=n, amount=amount) for kind, (n, amount) in account.totals.items()],
            closing=HoldingsView.of(account.closing),
            version=account.version,
            hash=account.hash or None,
        )


class StatementView(View):
    """`since` to just before `until`, in UTC. `final`: the month is over, and the statement will not change."""

    partner_id: str
    program_id: str
    month: str
    since: str
    until: str
    made_at: str
    final: bool
    accounts: list[AccountView]

    @classmethod
    def of(cls, statement: Statement) -> Self:
        return cls(
            partner_id=statement.partner.id,
            program_id=statement.partner.program_id,
            month=str(statement.month),
            since=iso(statement.month.from_ms),
            until=iso(statement.month.until_ms),
            made_at=iso(statement.made_at_ms),
            final=statement.final,
            accounts=[AccountView.of(account) for account in statement.accounts],
        )


def file_name(statement: Statement | Basis, ending: str) -> str:
    return f"statement-{statement.partner.id}-{statement.month}.{ending}"


def as_csv(statement: Statement) -> str:
    """Make the file, see `csv_files`. Amounts in major units with all their decimals."""
    rows = (row for account in statement.accounts for row in _rows(statement, account))
    return csv_files.write([COLUMNS, *rows])


def _rows(statement: Statement, account: AccountStatement) -> Iterator[list[Cell]]:
    def shown(holdings: Holdings) -> list[Cell]:
        digits = exponent(account.currency)
        return [Decimal(decimal(amount, digits)) for amount in (holdings.available, holdings.reserved, holdings.paid)]

    none: list[Cell] = [None, None, None]
    currency = account.currency
    yield [currency, iso(statement.month.from_ms), "OPENING", None, None, *none, *shown(account.opening)]
    for each in account.movements:
        yield [
            currency, iso(each.at_ms), each.kind.value, each.reference, each.count, *shown(each.change),
            *shown(each.after),
        ]  # fmt: skip
    end_ms = min(statement.month.until_ms, statement.made_at_ms)
    yield [currency, iso(end_ms), "CLOSING", None, None, *none, *shown(account.closing)]
