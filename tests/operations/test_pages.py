"""Pages of what is looked at and does not all fit: nothing is left out, nothing comes twice, and no call reads much."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from refledger.operations import pages


@dataclass(frozen=True)
class Thing:
    id: str


def walk(things: list[int | None], limit: int) -> tuple[list[int], int, int]:
    """All pages joined, how many there were, and how long the longest was."""
    at: int | None = -1
    joined: list[int] = []
    calls = longest = 0
    while at is not None:
        start = at + 1
        rows: Iterator[tuple[int, int | None]] = ((start + n, thing) for n, thing in enumerate(things[start:]))
        page, at = pages.page(rows, lambda thing: thing % 3 == 0, limit)
        joined += page
        calls, longest = calls + 1, max(longest, len(page))
        assert calls <= len(things) + 1, "it gets on with every call"
    return joined, calls, longest


@given(st.lists(st.integers(0, 9) | st.none(), max_size=450), st.integers(1, 30))
def test_pages_join_to_all_that_fit(things: list[int | None], limit: int) -> None:
    """In their order; what is gone meanwhile is passed over; no page is longer than asked for."""
    joined, _, longest = walk(things, limit)
    assert joined == [thing for thing in things if thing is not None and thing % 3 == 0]
    assert longest <= limit


def test_a_call_looks_at_two_hundred() -> None:
    """Where nothing fits, a page is empty, and the next one begins behind what was looked at."""
    assert walk([1] * 401, 5) == ([], 3, 0)
    page, at = pages.page(iter([(n, 1) for n in range(1000)]), lambda _: False, 5)
    assert (page, at) == ([], pages.LOOKED_AT - 1)


def test_the_end_is_the_end() -> None:
    """A page that is just full at the end of the list has no next one."""
    page, at = pages.page(iter([(n, n) for n in range(5)]), lambda _: True, 5)
    assert (page, at) == ([0, 1, 2, 3, 4], None)


def test_things_are_read_in_batches_once_each() -> None:
    """In the order of the rows; one that is named twice is read once, one that is not there is None."""
    asked: list[list[str]] = []

    def read(ids: list[str]) -> list[Thing]:
        asked.append(ids)
        return [Thing(id) for id in reversed(ids) if id != "gone"]

    rows = iter(enumerate(["a", "b", "a", "gone", "c"]))
    found = [(place, thing.id if thing else None) for place, thing in pages.loaded(rows, read, 3)]
    assert found == [(0, "a"), (1, "b"), (2, "a"), (3, None), (4, "c")]
    assert asked == [["a", "b"], ["gone", "c"]]
