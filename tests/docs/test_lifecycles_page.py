"""docs/lifecycles.md draws what decides."""

from __future__ import annotations

from pathlib import Path

from refledger.domain.withdrawals import TRANSITIONS
from scripts import lifecycles_page

PAGE = (Path(__file__).parents[2] / "docs" / "lifecycles.md").read_text(encoding="utf-8")


def test_the_page_draws_what_decides() -> None:
    """The page is made from the tables (make openapi), with an arrow for each transition of a withdrawal."""
    assert lifecycles_page.page() == PAGE
    for (old, new), movement in TRANSITIONS.items():
        assert f"    {old} --> {new}{f': {movement}' if movement else ''}\n" in PAGE
