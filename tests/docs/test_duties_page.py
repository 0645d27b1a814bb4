"""docs/duties.md says what decides."""

from __future__ import annotations

from pathlib import Path

from refledger.domain.duties import Act
from scripts import duties_page

PAGE = (Path(__file__).parents[2] / "docs" / "duties.md").read_text(encoding="utf-8")


def test_the_page_says_what_decides() -> None:
    """The page is made from the table (make openapi), and lies in the repository to be read."""
    assert duties_page.page() == PAGE
    for act in Act:
        assert f"| `{act}` |" in PAGE
