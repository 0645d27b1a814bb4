"""Calls that wait for an answer, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

SIDE_BY_SIDE = "side-by-side"  # what such threads are called
Given = TypeVar("Given")
Result = TypeVar("Result")


def side_by_side(work: Callable[[Given], Result], given: Sequence[Given], most: int) -> list[Result]:
    """Return what the work comes to for each, in the order given; at most so many at once.

    Raises what the first of them raises that does, when all have ended.
    """
    if len(given) <= 1 or most == 1:
        return [work(each) for each in given]
    from concurrent.futures import ThreadPoolExecutor  # most calls need none of it

    with ThreadPoolExecutor(min(len(given), most), thread_name_prefix=SIDE_BY_SIDE) as pool:
        return list(pool.map(work, given))
