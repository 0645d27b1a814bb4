"""Child processes that cannot outlive the stack, even when it is killed with SIGKILL.

PR_SET_PDEATHSIG is no help: it is Linux only, and it fires when the *thread* that forked ends, while workers
are started from short-lived request threads. Instead one small reaper process reads the children's pids from
a pipe whose only write end is ours. However we die, the kernel closes that end, the reaper sees end-of-file
and kills what is left.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import IO, Any

REAPER = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN); signal.signal(signal.SIGTERM, signal.SIG_IGN)
alive = set()
for line in sys.stdin:
    (alive.add if line[0] == "+" else alive.discard)(int(line[1:]))
for pid in alive:
    try: os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError: pass
"""


class Forked:
    """A process of somebody else's, with as much of subprocess.Popen as workers need."""

    def __init__(self, pid: int, stdout: IO[bytes]) -> None:
        self.pid, self.stdout = pid, stdout
        self.returncode: int | None = None
        self._ended = threading.Event()

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit code. Raises subprocess.TimeoutExpired."""
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        assert self.returncode is not None
        return self.returncode

    def end(self, code: int) -> None:
        """Take down that it has ended."""
        self.returncode = code
        self._ended.set()


Process = subprocess.Popen[bytes] | Forked


class Children:
    """Starts, tracks and stops the processes of one stack."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._alive: dict[int, Process] = {}
        self.stopping = False
        self._reaper = subprocess.Popen(
            [sys.executable, "-ISc", REAPER], stdin=subprocess.PIPE, start_new_session=True, text=True
        )

    def start(self, command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        """Start a process in a group of its own, so that Ctrl-C reaches the stack first and not the child."""
        with self._lock:
            if self.stopping:
                raise RuntimeError("the stack is stopping: nothing is started any more")
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, **options)
            self._alive[process.pid] = process
            self._tell(f"+{process.pid}")
        return process

    def adopt(self, process: Forked) -> None:
        """Take care of a process that a child has forked, in a group of its own."""
        with self._lock:
            self._alive[process.pid] = process
            self._tell(f"+{process.pid}")
        if self.stopping:
            self.kill(process)

    def kill(self, process: Process, with_signal: int = signal.SIGKILL, wait_seconds: float = 5) -> None:
        """Signal the child's whole group and collect it; a child that ignores a gentle signal is killed."""
        try:
            os.killpg(process.pid, with_signal)
            process.wait(wait_seconds)
        except ProcessLookupError:
            pass
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self.forget(process)

    def forget(self, process: Process) -> None:
        """Take a collected child off the list, so that a reused pid is never killed."""
        with self._lock:
            if self._alive.pop(process.pid, None):
                self._tell(f"-{process.pid}")

    def stop(self) -> None:
        """Kill what is left, the youngest first; the reaper goes with the pipe.

        What was started first is what the others need: a worker that outlives the database says so in a traceback.
        """
        with self._lock:
            self.stopping = True
        for process in reversed(list(self._alive.values())):
            self.kill(process)
        if self._reaper.stdin:
            self._reaper.stdin.close()
        self._reaper.wait()

    def _tell(self, line: str) -> None:
        assert self._reaper.stdin
        try:
            self._reaper.stdin.write(line + "\n")
            self._reaper.stdin.flush()
        except BrokenPipeError:
            print("undocked: the reaper is gone; children may outlive this process", file=sys.stderr)
