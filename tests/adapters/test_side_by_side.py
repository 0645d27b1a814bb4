"""Calls that wait for an answer go side by side, and come back as if they had gone one after the other."""

from __future__ import annotations

import threading

import pytest

from refledger.threads import side_by_side

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
