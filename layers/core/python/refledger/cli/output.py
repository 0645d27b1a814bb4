"""What commands say: results on standard output, the way there on standard error."""

from __future__ import annotations

import argparse
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

from refledger.domain.times import DAY_MS, MINUTE_MS

EVERY_SECONDS = 1
HOUR_MS = 60 * MINUTE_MS


def say(text: str) -> None:
    sys.stdout.write(text + "\n")


def say_json(value: Any) -> None:
    """Print one JSON value in a line of its own, at once."""
    say(json.dumps(value))
    sys.stdout.flush()


def warn(text: str) -> None:
    sys.stderr.write(text + "\n")


def table(rows: list[tuple[str, ...]]) -> None:
    """Print columns under each other; the first row is their names."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def duration(milliseconds: int) -> str:
    """Write a time as `3d 4h`, `4h 5m`, `5m`."""
    days, rest = divmod(milliseconds, DAY_MS)
    hours, rest = divmod(rest, HOUR_MS)
    minutes = rest // MINUTE_MS
    if days:
        return f"{days}d {hours}h"
    return f"{hours}h {minutes}m" if hours else f"{minutes}m"


def add_progress(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--progress", action="store_true", help="say how far it is, also where no terminal looks on")


class ProgressLine:
    """Says every second how far it is: on a terminal over and over in one line, elsewhere only if asked.

    with ProgressLine(lambda: "3 partners", asked=False) as progress:
        …
        with progress.aside():
            say("a result")
    """

    def __init__(self, describe: Callable[[], str], *, asked: bool) -> None:
        self._describe, self._terminal = describe, sys.stderr.isatty()
        self._shown = asked or self._terminal
        self._width = 0
        self._lock, self._over = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Self:
        if self._shown:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            self._over.set()
            self._thread.join()
            with self.aside():
                pass

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Make room for a result."""
        with self._lock:
            if self._width:
                sys.stderr.write("\r" + " " * self._width + "\r")
                sys.stderr.flush()
                self._width = 0
            yield
            if self._shown:
                sys.stdout.flush()  # so that it is not torn by what is written about the way

    def _tick(self) -> None:
        while not self._over.wait(EVERY_SECONDS):
            with self._lock:
                text = self._describe()
                sys.stderr.write("\r" + text.ljust(self._width) if self._terminal else text + "\n")
                sys.stderr.flush()
                self._width = len(text) if self._terminal else 0
