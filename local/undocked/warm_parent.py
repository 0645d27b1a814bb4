"""What `warm.py` runs in the workers' interpreter: standard library only, and nothing of this package.

A message comes for each worker, with the descriptor that is to be its output; one goes back with its pid, and one when
it has ended.
"""

import contextlib
import gc
import importlib
import importlib.util
import json
import os
import signal
import socket
import sys
import time

CHILD_SIGNALS = {signal.SIGCHLD}
MESSAGE_BYTES = 1 << 20


def main() -> None:
    """Import, say so, and fork until nobody asks any more; what comes back from there is a worker."""
    control = socket.socket(fileno=int(sys.argv[1]))
    modules, layers = json.loads(sys.argv[2]), json.loads(sys.argv[3])
    path = [each for each in sys.path if each]
    sys.path[:] = [*layers, *path]
    missing = []
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception as error:
            missing.append(f"{name}: {type(error).__name__}: {error}")
    gc.collect()
    gc.freeze()  # collecting would copy pages that workers share
    signal.signal(signal.SIGCHLD, lambda *_: report_ends(control))
    runtime = importlib.util.find_spec("awslambdaric") is not None  # not imported here: it reads where its API is
    control.send(json.dumps({"runtime": runtime, "missing": missing}).encode())
    if asked := serve(control):
        become(asked, path)


def report_ends(control: socket.socket) -> None:
    """Collect the workers that have ended."""
    with contextlib.suppress(ChildProcessError, OSError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            control.send(json.dumps({"pid": pid, "code": os.waitstatus_to_exitcode(status)}).encode())


def serve(control: socket.socket) -> dict[str, object] | None:
    """Fork for each message. Returns it in the child; None when the other end is gone."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, MESSAGE_BYTES, 1)
        if not message:
            return None
        signal.pthread_sigmask(signal.SIG_BLOCK, CHILD_SIGNALS)  # that it has started is said before that it has ended
        pid = os.fork()
        with contextlib.suppress(OSError):  # the other of the two has done it
            os.setpgid(pid, pid)
        if not pid:
            control.close()
            for standard in (1, 2):
                os.dup2(descriptors[0], standard)
            os.close(descriptors[0])
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, CHILD_SIGNALS)
            asked: dict[str, object] = json.loads(message)
            return asked
        os.close(descriptors[0])
        control.send(json.dumps({"started": pid}).encode())
        signal.pthread_sigmask(signal.SIG_UNBLOCK, CHILD_SIGNALS)


def become(asked: dict[str, object], path: list[str]) -> None:
    """Be what `python -m awslambdaric HANDLER` would be in this folder, with this environment."""
    environment, folder = asked["environment"], str(asked["folder"])
    assert isinstance(environment, dict)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    sys.path[:] = [folder, *environment.get("PYTHONPATH", "").split(os.pathsep), *path]
    importlib.invalidate_caches()
    sys.argv[:] = ["awslambdaric", str(asked["handler"])]
    importlib.import_module("awslambdaric.__main__").main(sys.argv)


if __name__ == "__main__":
    main()
