"""Calls that wait for an answer, side by side."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import TypeVar

SIDE_BY_SIDE = "side-by-side"  # what such threads are called
Given = TypeVar("Given")
Result = TypeVar("Result")


class _Pool:
    """Threads that wait for work from one call to the next: to start one takes more than most of what it does."""

    def __init__(self) -> None:
        self._waiting: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._started, self._lock = 0, threading.Lock()

    def call(self, work: Callable[[], None], times: int) -> None:
        """Have `work` called so many times, each by a thread that is free, or when one is."""
        with self._lock:
            for _ in range(self._started, times):
                threading.Thread(target=self._serve, name=SIDE_BY_SIDE, daemon=True).start()
            self._started = max(self._started, times)
        for _ in range(times):
            self._waiting.put(work)

    def _serve(self) -> None:
        while True:
            self._waiting.get()()


_pool = _Pool()


def _forget_threads() -> None:
    global _pool
    _pool = _Pool()


os.register_at_fork(after_in_child=_forget_threads)  # a fork has its own thread alone


def side_by_side(work: Callable[[Given], Result], given: Sequence[Given], most: int) -> list[Result]:
    """Return what the work comes to for each, in the order given; at most so many at once.

    Raises what the first of them raises that does, when all have ended.
    """
    if len(given) <= 1 or most == 1:
        return [work(each) for each in given]
    done: dict[int, Result] = {}
    failed: dict[int, BaseException] = {}
    left = iter(enumerate(given))
    ended: SimpleQueue[int] = SimpleQueue()

    def take() -> None:
        for place, each in left:  # each goes to one thread: an iterator of C's is asked by one at a time
            try:
                done[place] = work(each)
            except BaseException as error:  # raised by whoever asked
                failed[place] = error
            ended.put(place)

    _pool.call(take, min(len(given), most) - 1)
    take()
    for _ in given:  # and not until all threads came: they may be busy, with work that itself waits here
        ended.get()
    if failed:
        raise failed[min(failed)]
    return [done[place] for place in range(len(given))]
