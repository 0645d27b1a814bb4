"""Consumed capacity of every operation, through the real operations, on a table made from the template."""

from __future__ import annotations

from decimal import Decimal

from benchmarks import payments, people, reads, rollups, withdrawals
from benchmarks.bench import Bench, Measured, Row
from benchmarks.tables import table

ITEM_LIMIT_BYTES = 1024  # what one write unit, and so two in a transaction, can hold


def measure(endpoint: str) -> Measured:
    """`endpoint`: of a DynamoDB Local. Takes some seconds."""
    measured = Measured()
    usual = Bench(endpoint, measured, hold_days=1)
    people.partners_and_referrals(usual)
    payments.paying(usual)
    payments.paying_ten_tiers(Bench(endpoint, measured, hold_days=1, tier_rates_bps=payments.TEN_RATES))
    payments.maturing(usual)
    withdrawals.withdrawing(usual)
    rollups.projecting(usual)
    reads.reading(usual)
    year = Bench(endpoint, measured)
    rollups.reading_a_year(year, 100)
    rollups.reading_a_year(year, 10_000)
    return measured


def report(measured: Measured) -> str:
    """Two tables: the operations, and the largest items in transactions."""
    operations = table(
        ["operation", "reads + writes", "≤", "WRU", "≤", "RRU", "≤", "says", ""], map(_cells, measured.rows)
    )
    items = table(
        ["largest item in a transaction", "bytes", "≤", ""],
        [
            [kind, f"{size:,}", f"{ITEM_LIMIT_BYTES:,}", "OVER" if size > ITEM_LIMIT_BYTES else ""]
            for kind, size in sorted(measured.largest.items())
        ],
    )
    return f"{operations}\n\n{items}"


def _cells(row: Row) -> list[str]:
    used, budget = row.used, row.budget
    refused = f" ({used.refused} refused)" if used.refused else ""
    calls = "" if budget.reads is None or budget.writes is None else f"{budget.reads} + {budget.writes}"
    return [
        row.name, f"{used.reads} + {used.writes}{refused}", calls, _figure(row.wru), _figure(budget.wru),
        _figure(row.rru), _figure(budget.rru), budget.by, "OVER" if row.broken else "",
    ]  # fmt: skip


def _figure(units: Decimal | None) -> str:
    """At most two decimals, and none that says nothing."""
    if units is None:
        return ""
    return f"{units:.2f}".rstrip("0").rstrip(".")
