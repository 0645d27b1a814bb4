"""docs/architecture.md names files that exist, and every room of the operations."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "layers" / "core" / "python" / "refledger"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_every_file_that_the_page_names_is_there() -> None:
    """Below the project, below the package, or beside the rooms."""
    named = set(re.findall(r"`([a-z_./]+(?:\.py|\.yaml|/))`", PAGE))
    places = (ROOT, PACKAGE, PACKAGE / "operations")
    assert [name for name in sorted(named) if not any((place / name).exists() for place in places)] == []
    assert len(named) > 30


def test_every_room_is_told() -> None:
    """A new room gets its line."""
    rooms = {path.parent.name for path in (PACKAGE / "operations").glob("*/__init__.py")}
    assert {name for name in rooms if f"| `{name}/` |" not in PAGE} == set()
