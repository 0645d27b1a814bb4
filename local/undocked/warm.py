"""Workers forked from a process that has imported already what they need: a tenth of the work of a fresh interpreter.

A worker that was forked sees what one that was started would see, as long as what is imported beforehand does not read
the environment while it is imported. So that is named by the user (`--preload`); the runtime client does read it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from undocked.children import Children, Forked
from undocked.code_watch import CodeWatch
from undocked.functions import FunctionSpec, base_environment

PROGRAM = Path(__file__).with_name("warm_parent.py")
READY_LIMIT_SECONDS = 120.0
MESSAGE_BYTES = 1 << 16
CAN_FORK = (
    sys.platform == "linux"
)  # elsewhere a process that was forked and not replaced may not use the system's libraries
OF_THE_INTERPRETER = ("PYTHON", "LD_", "DYLD_")  # variables that are read before anything is imported


class WarmParent:
    """One process that forks; it lives until its last worker has ended, and ends with the stack."""

    def __init__(self, children: Children, python: str, modules: Sequence[str], layers: Sequence[Path]) -> None:
        self._lock, self._ready = threading.Lock(), threading.Event()
        self._workers: dict[int, Forked] = {}
        self._started: list[int] = []
        self._answered = threading.Condition()
        self.usable, self._has_runtime = True, False
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        source = PROGRAM.read_text(encoding="utf-8")
        given = [json.dumps(modules), json.dumps([str(each) for each in layers])]
        with theirs:
            self.process = children.start(
                [python, "-s", "-c", source, str(theirs.fileno()), *given],  # -s: nothing of the user's own packages
                pass_fds=[theirs.fileno()], env=base_environment(), cwd="/",
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        self._children = children
        threading.Thread(target=self._listen, name="warm-parent", daemon=True).start()

    def can_run_functions(self) -> bool:
        """Whether the interpreter has the runtime client; waits until that is known."""
        return self._ready.wait(READY_LIMIT_SECONDS) and self.usable and self._has_runtime

    def start(self, handler: str, folder: Path, environment: Mapping[str, str]) -> Forked:
        """Fork a worker. Raises OSError when the parent is gone."""
        asked = {"handler": handler, "folder": str(folder), "environment": dict(environment)}
        reading, writing = os.pipe()
        with self._lock:  # one at a time: the answer is a pid and nothing else
            try:
                if not self._ready.wait(READY_LIMIT_SECONDS) or not self.usable:
                    raise OSError("it forks no more")
                socket.send_fds(self._control, [json.dumps(asked).encode()], [writing])
                with self._answered:
                    while not self._started and self.usable:
                        self._answered.wait()
                    if not self.usable:
                        raise OSError("it has ended")
                    worker = Forked(self._started.pop(), os.fdopen(reading, "rb"))
                    self._workers[worker.pid] = worker
                    self._answered.notify_all()
            except OSError:
                self.usable = False  # also where its end has not been heard of yet
                os.close(reading)
                raise
            finally:
                os.close(writing)
        self._children.adopt(worker)
        return worker

    def retire(self) -> None:
        """Fork no more; it ends when its last worker has."""
        with self._lock, self._answered:
            self.usable = False
            if not self._workers:
                with contextlib.suppress(OSError):  # it has ended by itself
                    self._control.shutdown(socket.SHUT_RDWR)

    def _listen(self) -> None:
        while message := self._receive():
            told = json.loads(message)
            if "missing" in told:
                self._has_runtime = told["runtime"]
                for each in told["missing"]:
                    print(f"undocked: --preload {each}", flush=True)
                self._ready.set()
            elif "started" in told:
                with self._answered:
                    self._started.append(told["started"])
                    self._answered.notify_all()
                    self._answered.wait_for(lambda: not self._started, READY_LIMIT_SECONDS)  # taken down, then its end
            else:
                with self._answered:
                    self._workers.pop(told["pid"]).end(told["code"])
                    if not self.usable and not self._workers:
                        break
        with self._answered:
            self.usable = False
            self._answered.notify_all()
        self._ready.set()
        self._control.close()
        self._children.kill(self.process)
        for worker in self._workers.values():  # nobody will say how they end: who works may finish, and is used no more
            worker.end(-signal.SIGKILL)

    def _receive(self) -> bytes:
        try:
            return self._control.recv(MESSAGE_BYTES)
        except OSError:
            return b""


class WarmParents:
    """A warm parent for each set of layers, made anew when one of them has changed."""

    def __init__(self, children: Children, python: str, modules: Sequence[str]) -> None:
        self._children, self._python, self._modules = children, python, modules
        self._lock = threading.Lock()
        self._parents: dict[tuple[Path, ...], tuple[CodeWatch, int, WarmParent]] = {}

    def of(self, layers: tuple[Path, ...]) -> WarmParent:
        """The present one for these layers, started if there is none."""
        with self._lock:
            watch, version, parent = self._parents.get(layers, (None, 0, None))
            if watch is None or parent is None:
                watch = CodeWatch(layers)
            elif watch.look() == version and parent.usable:
                return parent
            else:
                parent.retire()
            version = watch.look()
            parent = WarmParent(self._children, self._python, self._modules, layers)
            self._parents[layers] = watch, version, parent
            return parent

    def start(self, spec: FunctionSpec, environment: Mapping[str, str]) -> Forked | None:
        """Fork a worker of a function; None where it has to be started afresh."""
        if not CAN_FORK or any(name.startswith(OF_THE_INTERPRETER) for name in spec.environment):
            return None
        for _ in range(2):  # the first may be retired meanwhile
            with contextlib.suppress(OSError):
                return self.of(spec.layer_dirs).start(spec.handler, spec.code_dir, environment)
        return None
