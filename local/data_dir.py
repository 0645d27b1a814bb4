"""One stack for one data directory: two would write over each other's tables, queues and positions."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO

from local.errors import StartError


def claim(directory: Path) -> IO[str]:
    """Make the directory, and hold it while the returned file is open: the kernel lets go however this process ends.

    Raises StartError when another stack holds it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    lock = (directory / "lock").open("w", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise StartError(
            f"another stack runs on {directory}: stop it, or set LOCAL_DATA to another directory"
        ) from None
    return lock
