"""docs/benchmarks.md, whose tables are those that were measured last."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks import ROOT

PAGE = ROOT / "docs" / "benchmarks.md"
TABLE = re.compile(r"(?m)^\|[^\n]*\n\|-[-:|]+\n(?:\|[^\n]*\n?)*")


def write(report: str, page: Path = PAGE) -> None:
    """Put the tables of a report in the place of those with the same first column; others are not on the page."""
    new = {_name(found): found.rstrip("\n") + "\n" for found in TABLE.findall(report + "\n")}
    text = page.read_text(encoding="utf-8")
    page.write_text(TABLE.sub(lambda old: new.get(_name(old[0]), old[0]), text), encoding="utf-8")


def names(page: Path = PAGE) -> list[str]:
    """The heads of the first columns of the page's tables."""
    return [_name(found) for found in TABLE.findall(page.read_text(encoding="utf-8"))]


def _name(found: str) -> str:
    return found.split("|")[1].strip()
