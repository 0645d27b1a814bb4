"""Calls that wait for an answer, side by side."""

from __future__ import annotations

import threading
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
    done: dict[int, Result] = {}
    failed: dict[int, BaseException] = {}
    left = iter(enumerate(given))

    def take() -> None:
        for place, each in left:  # each goes to one thread: an iterator of C's is asked by one at a time
            try:
                done[place] = work(each)
            except BaseException as error:  # raised by whoever asked
                failed[place] = error

    others = [threading.Thread(target=take, name=SIDE_BY_SIDE) for _ in range(min(len(given), most) - 1)]
    for thread in others:
        thread.start()
    take()
    for thread in others:
        thread.join()
    if failed:
        raise failed[min(failed)]
    return [done[place] for place in range(len(given))]
