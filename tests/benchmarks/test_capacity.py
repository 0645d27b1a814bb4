"""The capacity that the design promises is what the operations take, on a table of the template's shape."""

from __future__ import annotations

from decimal import Decimal

import pytest

from benchmarks import capacity
from benchmarks.bench import Budget, Measured, Row, design
from benchmarks.capacity import ITEM_LIMIT_BYTES
from benchmarks.meter import Used

SIZES = (100, 1_000, 10_000)  # `make bench` tells a hundred thousand
YEAR_DAYS = 20  # a read of statistics costs the same after 20 days as after a year; `make bench` tells the whole year


@pytest.fixture(scope="module")
def measured(dynamodb_endpoint: str) -> Measured:
    """Every operation, once."""
    return capacity.measure(dynamodb_endpoint, YEAR_DAYS, SIZES, many=False)


def _row(measured: Measured, name: str) -> Row:
    [row] = [row for row in measured.rows if row.name == name]
    return row


def test_every_operation_keeps_its_budget(measured: Measured) -> None:
    """No operation makes more calls or takes more units than the design, the data model or the last look allow."""
    assert measured.broken == []


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("payment, two tiers", design(1, 1, 10, 1)),
        ("roll-ups of a payment alone, first of its day", design(None, None, 5, None)),
        ("roll-ups of 25 payments in a batch, per payment", design(None, None, 1, None)),
        ("withdrawal: request", design(1, 1, 8, 6)),
        ("withdrawal: request, of another program, longest account", design(2, 1, 8, None)),
        ("read: balances of the caller", design(2, 0, 0, 2)),
        ("read: code of the caller", design(2, 0, 0, 2)),
        ("read: an own withdrawal", design(2, 0, 0, 2)),
        (f"statistics of a partner, 10,000 rewards in {YEAR_DAYS} days", design(2, 0, 0, None)),
        (f"a program's overview, 10,000 rewards in {YEAR_DAYS} days", design(2, 0, 0, 2)),
        (f"forecast, 10,000 rewards in {YEAR_DAYS} days", design(2, 0, 0, 2)),
    ],
)
def test_the_promises_of_the_design_are_the_budgets(measured: Measured, name: str, most: Budget) -> None:
    """Section 8 of the design, in figures: measured, and held against these very limits."""
    row = _row(measured, name)
    assert row.budget == most
    assert not row.broken


@pytest.mark.parametrize(
    "name",
    [
        "statistics of a partner", "GET stats", "a program's overview", "rewards by status", "forecast", "cohorts",
        "a leaderboard", "the trial balance", "rewards by day", "a partner, by day",
    ],
)  # fmt: skip
def test_statistics_cost_the_same_with_a_hundred_times_the_rewards(measured: Measured, name: str) -> None:
    """What a read of statistics takes does not depend on how many rewards there are."""
    few, some, many = (_row(measured, f"{name}, {n:,} rewards in {YEAR_DAYS} days") for n in SIZES)
    assert (many.used.reads, many.rru) == (some.used.reads, some.rru) == (few.used.reads, few.rru)


def test_items_in_transactions_fit_one_write_unit(measured: Measured) -> None:
    """2 units for each item of a transaction hold up to 1 KB: all keep below it, as long as ids and names may get.

    But for a withdrawal on which staff wrote two of the longest notes: it may need another unit, never a third.
    """
    kinds = {"balance", "binding", "guard", "journal entry", "partner", "payment", "referral", "reward", "withdrawal"}
    assert kinds <= set(measured.largest)
    assert kinds <= set(measured.longest)
    assert {kind for kind, size in measured.largest.items() if size > ITEM_LIMIT_BYTES} == set()
    assert {kind for kind, size in measured.longest.items() if size > ITEM_LIMIT_BYTES} <= {"withdrawal"}
    assert measured.longest["withdrawal"] <= 2 * ITEM_LIMIT_BYTES


@pytest.mark.parametrize(
    ("used", "said"),
    [
        (Used(1, 1, 0, Decimal(8), Decimal(1)), []),
        (Used(2, 1, 0, Decimal(8), Decimal(1)), ["2 reads instead of 1"]),
        (Used(1, 2, 0, Decimal(8), Decimal(1)), ["2 writes instead of 1"]),
        (Used(1, 1, 0, Decimal(9), Decimal(1)), ["9 WRU instead of 8"]),
        (Used(1, 1, 0, Decimal(8), Decimal("1.5")), ["1.5 RRU instead of 1"]),
    ],
)
def test_a_broken_budget_is_told(used: Used, said: list[str]) -> None:
    """Each part of a budget is looked at, and what is over it is named with both figures."""
    assert Row("something", used, design(1, 1, 8, 1)).broken == said
