"""docs/decisions: every page has its parts, stands in the list, and says what became of it."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from scripts import decisions_page

FOLDER = Path(__file__).parents[2] / "docs" / "decisions"
PAGES = {page.name: page.read_text(encoding="utf-8") for page in sorted(FOLDER.glob("0*.md"))}
PARTS = ("Context", "Decision", "Rejected", "Consequences")
STATUSES = ("accepted", "proposed", "superseded by [", "rejected")
HEAD = re.compile(r"# (\d{4}): (.+)\n\nStatus: (.+)\nDate: (\d{4}-\d\d-\d\d)\n\n## Context\n")


def status(name: str) -> str:
    head = HEAD.match(PAGES[name])
    assert head
    return head[3]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_its_parts(name: str) -> None:
    """Number, title, status, date, then the four parts in their order, none of them empty."""
    head = HEAD.match(PAGES[name])
    assert head, "# NNNN: title, then Status: and Date:, then ## Context"
    assert head[1] == name[:4]
    assert head[3].startswith(STATUSES)
    found = re.split(r"^## (.+)\n", PAGES[name], flags=re.MULTILINE)[1:]
    texts = dict(zip(found[::2], found[1::2], strict=True))
    assert [part for part in texts if part in PARTS] == list(PARTS)
    assert [part for part, text in texts.items() if not text.strip()] == []


def test_the_list_has_each_page_once_and_in_order() -> None:
    """With the number and the title that the page has, as `make openapi` makes it."""
    made = decisions_page.page()
    assert (FOLDER / "README.md").read_text("utf-8") == made
    listed = re.findall(r"^(\d+)\. \[(.+)\]\((\d{4}-.+\.md)\)$", made, re.MULTILINE)
    titles = {name: head[2] for name in PAGES if (head := HEAD.match(PAGES[name]))}
    assert {name: title for _, title, name in listed} == titles
    assert [int(number) for number, _, _ in listed] == [int(name[:4]) for _, _, name in listed]
    assert all(int(one[0]) < int(other[0]) for one, other in pairwise(listed))


@pytest.mark.parametrize("name", PAGES)
def test_what_another_page_changed_says_so(name: str) -> None:
    """A page that replaces or amends another one, or a part of it, is named in the status of that one."""
    for said in status(name).split("; "):
        older = re.findall(r"\[\d{4}\]\((.+?\.md)\)", said) if said.startswith(("replaces", "amends")) else []
        assert [page for page in older if f"]({name})" not in status(page)] == []
        if "replaced by" in said or "amended by" in said or "superseded by" in said:
            assert re.search(r"\[\d{4}\]\(\d{4}-.+?\.md\)", said), "by which"
