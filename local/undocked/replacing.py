"""Replacing what a library does: only under names that it has, so that its next version is not patched in silence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

MOTO = "moto 5.2.5"  # the version whose private names are replaced here; pyproject.toml pins it
TRANSLATOR = "aws-sam-translator 1.106"
_MISSING = object()


def replace(owner: Any, name: str, new: Any, written_for: str = MOTO) -> Any:
    """Put `new` in the place of a class's or module's `name`; returns what was there.

    `written_for`: the library and version whose source the replacement was written after.
    Raises RuntimeError where there is no such name.
    """
    original = getattr(owner, name, _MISSING)
    if original is _MISSING:
        raise RuntimeError(
            f"{owner.__name__} has no {name} any more: what replaces it was written for {written_for}, "
            "and needs another look"
        )
    setattr(owner, name, new)
    return original


@contextmanager
def replaced(owner: Any, name: str, new: Any, written_for: str = MOTO) -> Iterator[None]:
    """Like `replace`, until the block ends."""
    original = replace(owner, name, new, written_for)
    try:
        yield
    finally:
        setattr(owner, name, original)
