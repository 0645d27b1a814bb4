"""Errors: each has a code of its own, and the module's tree shows them all."""

from __future__ import annotations

import inspect
import re

import pytest

from refledger.domain import errors
from refledger.domain.errors import Refledger

CLASSES = [made for _, made in inspect.getmembers(errors, inspect.isclass) if issubclass(made, Refledger)]


def tree() -> dict[str, tuple[str, str]]:
    """Class → (parent, code), as the docstring draws them."""
    drawn: dict[str, tuple[str, str]] = {}
    above: list[str] = ["Refledger"]
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"(?P<stem>[│ ]*)[├└]── (?P<name>\w+) +(?P<code>[A-Z_]+)", line)
        if found:
            depth = len(found["stem"]) // 4 + 1
            above[depth:] = [found["name"]]
            drawn[found["name"]] = (above[depth - 1], found["code"])
    return drawn


def test_the_drawn_tree_is_the_real_one() -> None:
    """Every class with its parent and code is drawn, and nothing is drawn that does not exist."""
    real = {made.__name__: (made.__mro__[1].__name__, made.code) for made in CLASSES if made is not Refledger}
    assert tree() == real


def test_every_class_has_a_code_of_its_own() -> None:
    """Clients tell errors apart by code: none is used twice, and none is inherited."""
    codes = [made.code for made in CLASSES]
    assert len(set(codes)) == len(codes) > 25
    assert all("code" in vars(made) and re.fullmatch("[A-Z_]{4,}", made.code) for made in CLASSES)


@pytest.mark.parametrize("made", [c for c in CLASSES if c is not errors.RateLimited], ids=lambda c: c.__name__)
def test_an_error_says_its_detail_or_at_least_its_code(made: type[Refledger]) -> None:
    """Whoever logs an error reads why; without a detail the code stands there."""
    assert str(made("why")) == made("why").detail == "why"
    assert str(made()) == made.code


def test_a_limit_says_when_to_come_back() -> None:
    """The seconds until the next minute are part of the error."""
    assert errors.RateLimited("slowly", 17).retry_after_seconds == 17
