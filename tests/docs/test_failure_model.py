"""The tables of docs/failure-model.md: each row or cell names tests that there are, or says why there is none."""

from __future__ import annotations

import ast
import re

import pytest

from tests.template.deployed import ROOT

TEXT = (ROOT / "docs" / "failure-model.md").read_text(encoding="utf-8")
DEATHS, AWAY = (
    [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line.startswith("| ")]
    for part in TEXT.split("\n## When something is away\n")
)
HEAD, *CELLS = AWAY


@pytest.fixture(scope="module")
def there() -> set[str]:
    """Every test function of the project, and of the local stack beside it."""
    return {
        node.name
        for folder in ("tests", "local")
        for path in (ROOT / folder).rglob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }


def test_it_has_the_times_that_matter() -> None:
    """An hour, a day, and longer than a queue keeps a message."""
    assert HEAD == ["what fails", "an hour", "a day", "fifteen days"]
    assert len(CELLS) >= 15
    assert {len(row) for row in CELLS} == {4}


@pytest.mark.parametrize("row", CELLS, ids=lambda row: row[0][:40])
def test_each_cell_names_its_tests(row: list[str], there: set[str]) -> None:
    """And they exist; what is lost is said to be."""
    _, *cells = row
    for number, cell in enumerate(cells):
        named = set(re.findall(r"`(test_\w+)`", cell))
        assert named <= there
        assert named or "lost" in cell or (number and cell == "the same"), cell


@pytest.mark.parametrize("row", DEATHS[1:], ids=lambda row: row[0])
def test_each_flow_names_who_holds_it_where_a_function_dies(row: list[str], there: set[str]) -> None:
    """What is committed, who tells what was lost, and tests that exist."""
    _, committed, _, teller, held = row
    named = set(re.findall(r"`(test_\w+)`", held))
    assert all((committed, teller, named))
    assert named <= there
