"""The page of reports says of each of them, and of each export, by which time it is dated."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from refledger.domain.jobs import ExportSubject
from refledger.entry.access import ROUTES

PAGE = Path(__file__).parents[2] / "docs" / "api" / "reports.md"
ROWS = [row.split("|")[1:3] for row in PAGE.read_text().partition("## Which day")[2].splitlines() if "`" in row]
REPORTS = sorted(
    route.removeprefix("GET /api/v1")
    for route in ROUTES
    if re.fullmatch(r"GET /api/v1/.*(statistics|analytics/.*|trends|sources|funnel|top|summary|trial-balance)", route)
    and not re.search("/me/|referrals/stats$", route)
)


def dated(name: str) -> list[str]:
    """What the rows say that name it."""
    return [time for what, time in ROWS if f"`{name}`" in re.sub(r"{id}|{partnerId}|{programId}", "{id}", what)]


@pytest.mark.parametrize("report", REPORTS)
def test_every_report_is_dated(report: str) -> None:
    """By one of the times that the page explains."""
    times = dated(re.sub("{[a-zA-Z]+}", "{id}", report))
    assert times
    assert all(re.search("happened|written|booked|due", time) for time in times)


@pytest.mark.parametrize("report", REPORTS)
def test_every_report_is_compared_with_the_model(report: str) -> None:
    """What is asked for nowhere in the comparison of every figure may be wrong for years."""
    compared = (PAGE.parents[2] / "tests" / "proof" / "test_every_figure.py").read_text(encoding="utf-8")
    named = [part for part in report.split("/") if part and not part.startswith("{")]
    assert f"/{named[-1]}" in compared


@pytest.mark.parametrize("what", sorted(ExportSubject))
def test_every_export_is_dated(what: str) -> None:
    assert len(dated(what)) == 1
