"""A page of a list of which no index knows all that is asked for: some are looked at, and the page may be short."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final, Protocol, TypeVar

from refledger.store.table import BATCH_LIMIT

LOOKED_AT: Final = 200  # in one call


class Known(Protocol):
    @property
    def id(self) -> str: ...


P = TypeVar("P")
T = TypeVar("T")
K = TypeVar("K", bound=Known)


def loaded(
    rows: Iterator[tuple[P, str]], read: Callable[[list[str]], Sequence[K]], size: int
) -> Iterator[tuple[P, K | None]]:
    """Yield (position, thing) for (position, id), read so many at a time.

    None where there is none, or not any more.
    """
    while chunk := list(islice(rows, min(size, BATCH_LIMIT))):
        known = {each.id: each for each in read(list(dict.fromkeys(id for _, id in chunk)))}
        for position, id in chunk:
            yield position, known.get(id)


def page(found: Iterator[tuple[P, T | None]], fits: Callable[[T], bool], limit: int) -> tuple[list[T], P | None]:
    """Return up to `limit` that fit of up to 200 looked at, and the position to go on from or None."""
    taken: list[T] = []
    last: P | None = None
    for number, (position, thing) in enumerate(found):
        if len(taken) == limit or number == LOOKED_AT:
            return taken, last
        last = position
        if thing is not None and fits(thing):
            taken.append(thing)
    return taken, None
