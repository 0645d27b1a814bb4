"""A world whose every call to DynamoDB is metered, and the rows that come of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Any

from benchmarks.meter import Meter, Used
from refledger.adapters.ids import ID_BYTES, Ids
from tests.support import dynamodb
from tests.support.books import SECRET, Books

TABLE, MIRROR = "refledger", "refledger-mirror"


@dataclass(frozen=True)
class Budget:
    """What an operation may take; None: nothing was agreed. `by`: who says so, see docs/benchmarks.md."""

    by: str = ""
    reads: int | None = None
    writes: int | None = None
    wru: Decimal | None = None
    rru: Decimal | None = None


def design(reads: int | None, writes: int | None, wru: int | str | None, rru: int | str | None) -> Budget:
    """Section 8 of the design: a promise."""
    return Budget("design", reads, writes, _units(wru), _units(rru))


def model(reads: int | None, writes: int | None, wru: int | str | None, rru: int | str | None) -> Budget:
    """The data model's figure for the operation: more is a surprise."""
    return Budget("model", reads, writes, _units(wru), _units(rru))


def today(reads: int | None, writes: int | None, wru: int | str | None, rru: int | str | None) -> Budget:
    """What it took when this was written, where no document says anything or where there is a reason for more."""
    return Budget("today", reads, writes, _units(wru), _units(rru))


def _units(figure: int | str | None) -> Decimal | None:
    return None if figure is None else Decimal(figure)


NONE = Budget()


class SameIds(Ids):
    """New ids that are those of every run: in which shards things lie, and so what a list reads, hangs on them."""

    def __init__(self) -> None:
        super().__init__(SECRET)
        self._made = count()

    def new(self, size: int = ID_BYTES) -> str:
        return self.hash("new", next(self._made), size=size)


@dataclass(frozen=True)
class Row:
    """What one operation took. Units are per one of the `per` things it did, calls are of all of it."""

    name: str
    used: Used
    budget: Budget
    per: int = 1

    @property
    def wru(self) -> Decimal:
        return self.used.wru / self.per

    @property
    def rru(self) -> Decimal:
        return self.used.rru / self.per

    @property
    def broken(self) -> list[str]:
        """Which parts of the budget it does not keep."""
        used, budget = self.used, self.budget
        parts: list[tuple[str, Decimal | int, Decimal | int | None]] = [
            ("reads", used.reads, budget.reads),
            ("writes", used.writes, budget.writes),
            ("WRU", self.wru, budget.wru),
            ("RRU", self.rru, budget.rru),
        ]
        return [
            f"{taken:.4g} {name} instead of {most}" for name, taken, most in parts if most is not None and taken > most
        ]


@dataclass
class Measured:
    """`largest`: bytes of the largest item that was in a transaction, by kind. `longest`: the same where everything is
    as long as it may be.
    """

    rows: list[Row] = field(default_factory=list)
    largest: dict[str, int] = field(default_factory=dict)
    longest: dict[str, int] = field(default_factory=dict)

    @property
    def broken(self) -> list[str]:
        """Every budget that is not kept, in words."""
        return [f"{row.name}: {', '.join(row.broken)} ({row.budget.by})" for row in self.rows if row.broken]


class Bench:
    """A database of its own with a program in it; what is measured goes to `rows` and `largest`."""

    def __init__(self, endpoint: str, rows: list[Row], largest: dict[str, int], **program: Any) -> None:
        self.client = dynamodb.new_database(endpoint, TABLE)
        self.client.create_table(TableName=MIRROR, **dynamodb.table_properties())
        self.meter = Meter(self.client, MIRROR, largest=largest)
        self.books = Books(self.meter, TABLE, ids=SameIds())
        self.rows = rows
        self.books.program(**program)

    @contextmanager
    def measure(self, name: str, budget: Budget = NONE, per: int = 1) -> Iterator[None]:
        """Everything in the block is one operation. A name that begins with "…" goes on with the row before."""
        used = self.meter.used = Used()
        yield
        self.meter.used = Used()
        self.rows.append(Row(name, used, budget, per))
