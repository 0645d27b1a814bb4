"""Whether a function's code has changed since its workers were started."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

LOOK_EVERY_SECONDS = 0.1  # a walk through a few dozen files takes well under a millisecond, a vendored tree several


class CodeWatch:
    """Looks at the files under some directories.

    Its version is a new number after every change that it sees.
    """

    def __init__(self, directories: Iterable[Path]) -> None:
        self._directories = [str(directory) for directory in directories]
        self._lock = threading.Lock()
        self._seen = set(self._files())
        self._looked_at = time.monotonic()
        self._version = 0

    def version(self) -> int:
        """The present version; looks at the files at most ten times a second."""
        return self.look(LOOK_EVERY_SECONDS)

    def look(self, every_seconds: float = 0) -> int:
        """The present version; looks at the files, if the last look is so long ago."""
        with self._lock:
            if time.monotonic() - self._looked_at >= every_seconds:
                files = set(self._files())
                if changed := files ^ self._seen:
                    _forget_byte_code({Path(path) for path, _, _ in changed})
                    self._seen, self._version = files, self._version + 1
                self._looked_at = time.monotonic()
            return self._version

    def _files(self) -> Iterator[tuple[str, int, int]]:
        """Path, time and size of every file but byte code, which the workers write themselves."""
        pending = list(self._directories)
        while pending:
            try:
                entries = list(os.scandir(pending.pop()))
            except OSError:  # removed while we look: the rest of the listing has changed too
                continue
            for entry in entries:
                if entry.is_dir():
                    if entry.name != "__pycache__":
                        pending.append(entry.path)
                elif not entry.name.endswith(".pyc"):
                    try:
                        stat = entry.stat()
                    except OSError:
                        continue
                    yield entry.path, stat.st_mtime_ns, stat.st_size


def _forget_byte_code(sources: Iterable[Path]) -> None:
    """Python takes byte code for current when source and byte code agree in size and *second*.

    An editor is faster.
    """
    for source in sources:
        for compiled in source.parent.glob(f"__pycache__/{source.stem}.*.pyc"):
            compiled.unlink(missing_ok=True)
