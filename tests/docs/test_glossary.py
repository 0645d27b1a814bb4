"""docs/glossary.md names code that exists, and each word once."""

from __future__ import annotations

import importlib
import re
from functools import reduce
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith("| word ")
]
NAMED = sorted({name for row in ROWS for name in re.findall(r"`([a-z_]+(?:/[a-z_]+)+(?:\.\w+)*)`", row[2])})


def test_each_word_is_told_once() -> None:
    """With what it means here, and where it is."""
    words = [word for row in ROWS for word in row[0].split(", ")]
    assert sorted(words) == sorted(set(words))
    assert {len(row) for row in ROWS} <= {3, 4}
    assert all(row[1] and row[2] for row in ROWS)


@pytest.mark.parametrize("name", NAMED)
def test_what_it_names_is_there(name: str) -> None:
    """A module of the package, or something in it."""
    module, *inside = name.split(".")
    found = importlib.import_module("refledger." + module.replace("/", "."))
    assert reduce(getattr, inside, found)


def test_it_names_most_of_the_domain() -> None:
    """A room whose words nobody tells would not be noticed otherwise."""
    assert len(NAMED) > 60
