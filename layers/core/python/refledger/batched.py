"""Many, a few at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Given = TypeVar("Given")


def batched(found: Iterable[Given], size: int) -> Iterator[list[Given]]:
    """Yield lists of `size`, and one of what is left.

    As `itertools.batched`, which Python 3.11 does not have yet.
    """
    left = iter(found)
    while batch := list(islice(left, size)):
        yield batch
