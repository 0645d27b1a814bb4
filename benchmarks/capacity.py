"""Consumed capacity of every operation, through the real operations, on a table made from the template."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from benchmarks import corrections, longest, payments, people, reads, rollups, withdrawals
from benchmarks.bench import Bench, Measured, Row
from benchmarks.tables import table

ITEM_LIMIT_BYTES = 1024  # what one write unit, and so two in a transaction, can hold


def measure(
    endpoint: str,
    year_days: int = rollups.YEAR_DAYS,
    sizes: Sequence[int] = rollups.SIZES,
    *,
    many: bool = True,
) -> Measured:
    """`endpoint`: of a DynamoDB Local. Takes a minute, most for the days of the year and the `many` rewards of many
    partners. `sizes`: how many rewards the roll-ups are read with.
    """
    measured = Measured()
    usual = Bench(endpoint, measured.rows, measured.largest, hold_days=1)
    people.partners_and_referrals(usual)
    payments.paying(usual)
    payments.maturing(usual)
    withdrawals.withdrawing(usual)
    corrections.correcting(usual)
    corrections.by_hand(usual)
    corrections.covering_payouts(usual)
    rollups.projecting(usual)
    reads.reading(usual)
    if many:
        corrections.maturing_many(Bench(endpoint, measured.rows, measured.largest))
    for rewards in sizes:
        rollups.reading_a_year(Bench(endpoint, measured.rows, measured.largest), rewards, year_days)
    program = {"id": longest.PROGRAM, "tier_rates_bps": longest.RATES, "hold_days": 1}
    longest.growing(Bench(endpoint, measured.rows, measured.longest, **program))
    return measured


def report(measured: Measured) -> str:
    """Two tables: the operations, and the largest items in transactions."""
    operations = table(
        ["operation", "reads + writes", "≤", "WRU", "≤", "RRU", "≤", "says", ""], map(_cells, measured.rows)
    )
    items = table(
        ["largest item in a transaction, bytes", "usual", "longest", "≤"],
        [
            [kind, _bytes(measured.largest, kind), _bytes(measured.longest, kind), f"{ITEM_LIMIT_BYTES:,}"]
            for kind in sorted({*measured.largest, *measured.longest})
        ],
    )
    return f"{operations}\n\n{items}"


def _bytes(sizes: dict[str, int], kind: str) -> str:
    return f"{sizes[kind]:,}" if kind in sizes else ""


def _cells(row: Row) -> list[str]:
    used, budget = row.used, row.budget
    refused = f" ({used.refused} refused)" if used.refused else ""
    calls = "" if budget.reads is None or budget.writes is None else f"{budget.reads} + {budget.writes}"
    return [
        row.name, f"{used.reads} + {used.writes}{refused}", calls, _figure(row.wru), _figure(budget.wru),
        _figure(row.rru), _figure(budget.rru), budget.by, "OVER" if row.broken else "",
    ]  # fmt: skip


def _figure(units: Decimal | None) -> str:
    """At most two decimals, and none that say nothing."""
    if units is None:
        return ""
    return f"{units:.2f}".rstrip("0").rstrip(".")
