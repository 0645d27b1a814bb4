"""One stack for one data directory, and files in it that are whole or not there.

Two stacks would write over each other's tables, queues and positions.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from undocked.errors import StartError


def claim(directory: Path) -> IO[str]:
    """Make the directory, and hold it while the returned file is open: the kernel lets go however this process ends.

    Raises StartError when another stack holds it, or it cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = (directory / "lock").open("w", encoding="utf-8")
    except OSError as error:
        raise StartError(
            f"{directory} cannot be written ({error.strerror}): set LOCAL_DATA to a directory that can"
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise StartError(
            f"another stack runs on {directory}: stop it, or set LOCAL_DATA to another directory"
        ) from None
    return lock


def write_whole(path: Path, content: bytes) -> None:
    """Write a file for its owner's eyes only, in one step: whoever reads it has all of the old or all of the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".new")
    scratch.unlink(missing_ok=True)
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    os.replace(scratch, path)
