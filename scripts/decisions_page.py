"""Writes docs/decisions/README.md: every page of a decision with its number and title, from the pages themselves."""

from __future__ import annotations

import re
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "docs" / "decisions"
HEAD = """# Decisions

One page each: what was decided, why, and what was rejected. A later decision replaces or amends an earlier one by
naming it, and is named in its status. A number is taken when work on a page begins and is never given again: those that
are missing were of pages that were not written. The list is made by `make openapi`.

A new page is `NNNN-what-holds-now.md` with the next number:

    # NNNN: What holds now

    Status: accepted
    Date: 2026-11-29

    ## Context        (what was so, and what was wrong with it)
    ## Decision       (what is so now)
    ## Rejected       (what else was possible, and why not)
    ## Consequences   (what it costs, what it asks of others, what is left)

`tests/docs/test_decisions.py` holds that.

"""


def page() -> str:
    """The page's text."""
    rows = []
    for path in sorted(FOLDER.glob("0*.md")):
        title = re.match(r"# (\d{4}): (.+)\n", path.read_text(encoding="utf-8"))
        if title:  # without one a test says so
            rows.append(f"{int(title[1])}. [{title[2]}]({path.name})\n")
    return HEAD + "".join(rows)


if __name__ == "__main__":
    sys.stdout.write(page())
