"""A PostgreSQL of one's own: a cluster in a temporary folder, on a port of loopback, until the block ends."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

DEBIAN = Path("/usr/lib/postgresql")
SECONDS_LIMIT = 120
USER = "peer"


class Missing(Exception):
    """There is no PostgreSQL on this machine, and how to get one."""


@dataclass(frozen=True)
class Cluster:
    """One that runs. `pid`: of the process that starts the others."""

    port: int
    pid: int
    programs: Path

    def ask(self, database: str, sql: str) -> str:
        """The first row of the answer, its columns apart by "|". Raises CalledProcessError where it is refused."""
        command = [str(self.programs / "psql"), "-h", "127.0.0.1", "-p", f"{self.port}", "-U", USER, "-d", database]
        command += ["-v", "ON_ERROR_STOP=1", "-qAt", "-f", "-"]
        done = subprocess.run(command, input=sql, check=True, capture_output=True, text=True, timeout=SECONDS_LIMIT)
        return done.stdout.partition("\n")[0]

    def url(self, scheme: str, database: str = "postgres") -> str:
        return f"{scheme}://{USER}@127.0.0.1:{self.port}/{database}"


def programs(debian: Path = DEBIAN, path: str | None = None) -> Path:
    """The folder with `initdb` and `postgres`: the newest of Debian's, else that on PATH. Raises Missing."""
    for folder in sorted(debian.glob("*/bin"), key=_version, reverse=True):
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    found = shutil.which("initdb", path=path)
    if found is None or not (folder := Path(found).resolve().parent).joinpath("postgres").exists():
        raise Missing("no PostgreSQL (initdb and postgres) on this machine: apt-get install postgresql")
    return folder


def _version(folder: Path) -> int:
    name = folder.parent.name
    return int(name) if name.isdigit() else 0


def owner() -> str | None:
    """Who is to run it where this process is root's, which PostgreSQL refuses; None: who we are."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise Missing("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")


@contextmanager
def running() -> Iterator[Cluster]:
    """A cluster that flushes each commit to disk, as one that keeps money must; all else as it is installed."""
    folder, user = programs(), owner()
    with tempfile.TemporaryDirectory(prefix="peers-postgres-") as temporary:
        data = Path(temporary) / "data"
        if user is not None:
            shutil.chown(temporary, user)
        _run([str(folder / "initdb"), "-D", str(data), "-U", USER, "-A", "trust", "-E", "UTF8", "--no-locale"], user)
        port = free_port()
        options = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": temporary}
        command = [str(folder / "postgres"), "-D", str(data)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with (Path(temporary) / "log").open("wb") as log:
            process = subprocess.Popen(command, user=user, group=_group(user), cwd=temporary, stdout=log, stderr=log)
        try:
            _run([str(folder / "pg_isready"), "-h", "127.0.0.1", "-p", str(port), "-t", f"{SECONDS_LIMIT}"], user, 60)
            yield Cluster(port, process.pid, folder)
        finally:
            process.terminate()
            process.wait(SECONDS_LIMIT)


def _group(user: str | None) -> int | None:
    return None if user is None else pwd.getpwnam(user).pw_gid


def _run(command: list[str], user: str | None, tries: int = 1) -> None:
    """Until it succeeds. Raises RuntimeError with what it said last."""
    for _ in range(tries):
        done = subprocess.run(
            command, user=user, group=_group(user), cwd="/", capture_output=True, text=True, timeout=SECONDS_LIMIT
        )
        if done.returncode == 0:
            return
    raise RuntimeError(f"{Path(command[0]).name} failed: {done.stdout}{done.stderr}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
