"""Which random cases a run tries: the same each time, so that red is red by its change; other ones by NEW_SEEDS=1."""

from __future__ import annotations

import os
import random

ARE_NEW = bool(os.environ.get("NEW_SEEDS"))


def seed(name: str) -> int:
    """Return what the environment says by that name; otherwise the seed of every run, or a new one."""
    return int(os.environ.get(name) or (random.randrange(10**9) if ARE_NEW else 0))
