"""The worlds in which tests live: `pytestmark = worlds.lives_in(worlds.two_tiers, hold_days=30)` heads a file.

The fixture `books` makes it before a test. `terms`: of the program called default, as in `Books.program`; without any,
20 % and 10 %, nothing held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tests.support.books import Books


def lives_in(make: Callable[..., None], **terms: Any) -> pytest.MarkDecorator:
    """Mark tests with what `books` has made for them."""
    return pytest.mark.world.with_args(make, **terms)  # called with a function alone, a mark decorates it


def one_program(books: Books, **terms: Any) -> None:
    """A program, and nobody in it."""
    books.program(**terms)


def some_partners(books: Books, names: Iterable[str] = ("bob", "eve"), **terms: Any) -> None:
    """Partners who have referred nobody."""
    books.program(**terms)
    for name in names:
        books.partner(name)


def one_referred(books: Books, **terms: Any) -> None:
    """Alice has referred Bob, who refers nobody yet."""
    books.program(**terms)
    books.chain("alice", "bob")


def one_tier(books: Books, **terms: Any) -> None:
    """Bob has referred Carol."""
    books.program(**terms)
    books.chain("bob", "carol")


def two_tiers(books: Books, **terms: Any) -> None:
    """Alice has referred Bob, and Bob Carol."""
    books.program(**terms)
    books.chain("alice", "bob", "carol")


def funded(books: Books, amount: int, **terms: Any) -> None:
    """Bob has an amount to take out."""
    books.program(**terms)
    books.grant("bob", amount)
    books.mature("bob")
