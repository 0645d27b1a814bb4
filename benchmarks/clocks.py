"""The processor's time of other processes, to the nanosecond: /proc tells hundredths of a second, too few for a call.

Linux only.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

import psutil

_OF_A_PROCESS = 2  # CPUCLOCK_SCHED in Linux' include/linux/posix-timers.h: all threads, those that have ended too


def cpu_ms(pid: int) -> float:
    """User and system time that a process has taken so far. Raises ProcessLookupError where it has ended."""
    try:
        return time.clock_gettime_ns((~pid << 3) | _OF_A_PROCESS) / 1e6
    except OSError:
        raise ProcessLookupError(f"no process {pid}") from None


def family_ms(pids: Iterable[int]) -> float:
    """The same of processes and all that they have started and that still run."""
    total = 0.0
    for pid in pids:
        for each in [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]:
            try:
                total += cpu_ms(each)
            except ProcessLookupError:
                continue  # it ended between the list and now
    return total
