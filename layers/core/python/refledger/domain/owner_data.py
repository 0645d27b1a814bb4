"""What the owner calls something, and keeps with it: an id of their own, and texts by name. Nothing decides by it."""

from __future__ import annotations

from collections.abc import Mapping

MAX_EXTERNAL_ID = 128
MAX_METADATA, MAX_METADATA_KEY, MAX_METADATA_VALUE = 20, 40, 500

Metadata = tuple[tuple[str, str], ...]  # sorted


def metadata(told: Mapping[str, str]) -> Metadata:
    """Put texts by name into the one order in which they are compared."""
    return tuple(sorted(told.items()))
