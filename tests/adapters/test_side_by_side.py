"""Calls that wait for an answer go side by side, and come back as if they had gone one after the other."""

from __future__ import annotations

import os
import threading

import pytest

from refledger.threads import SIDE_BY_SIDE, side_by_side

PATIENCE_SECONDS = 60


def test_results_are_in_the_order_of_what_was_given() -> None:
    """Whoever is ready first; there may be more than go at once."""
    assert side_by_side(lambda number: number * number, range(25), 10) == [n * n for n in range(25)]


def test_as_many_go_at_once_as_were_allowed_and_no_more() -> None:
    """Each waits for the others of its round: with fewer at once none would go on, with more the count would say so."""
    together, running, most, lock = threading.Barrier(3, timeout=PATIENCE_SECONDS), 0, 0, threading.Lock()

    def work(_: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait()
        with lock:
            running -= 1
        together.wait()

    side_by_side(work, range(6), 3)
    assert most == 3


def test_one_that_fails_takes_nothing_from_the_others_and_the_first_is_told() -> None:
    """All have ended when it is raised, whichever thread it was in."""
    done = set[int]()

    def work(number: int) -> None:
        if number in (2, 5):
            raise ValueError(number)
        done.add(number)

    with pytest.raises(ValueError, match=r"^2$"):
        side_by_side(work, range(8), 4)
    assert done == {0, 1, 3, 4, 6, 7}


def test_threads_are_kept_from_one_call_to_the_next() -> None:
    """To start one takes more than most of what it does."""

    def kept() -> set[int | None]:
        return {thread.ident for thread in threading.enumerate() if thread.name == SIDE_BY_SIDE}

    side_by_side(abs, range(4), 4)
    first = kept()
    side_by_side(abs, range(4), 4)
    assert kept() == first
    assert len(first) >= 3


def test_work_that_has_work_of_its_own_waits_for_no_thread_that_waits_for_it() -> None:
    """With all threads busy, whoever asks does the work themselves."""
    found = side_by_side(lambda outer: side_by_side(lambda inner: outer * inner, range(4), 4), range(8), 4)
    assert found == [[outer * inner for inner in range(4)] for outer in range(8)]


def test_a_fork_has_threads_of_its_own() -> None:
    """Those of before are not there any more: workers of a stack on one machine are forks."""
    side_by_side(abs, range(4), 4)
    child = os.fork()
    if not child:
        os._exit(side_by_side(abs, [-1, -2, -3], 3) != [1, 2, 3])
    assert os.waitpid(child, 0)[1] == 0
