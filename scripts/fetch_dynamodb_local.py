"""Fetch AWS's DynamoDB Local, pinned by the sha256 of the npm package that carries it.

Its licence lets everyone use it and nobody pass it on: it is fetched at install and never committed.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "amplify-dynamodb-simulator@2.9.30"
SHA256 = "3503ffac19f183407909fecdacf4db51ab1fdad1da7b2f177016670b2d80e4b9"
INSIDE = "package/emulator/"
STAMP = ".sha256"
FETCH_LIMIT_SECONDS = 300
NPM_MISSING = (
    "npm is not on PATH; it fetches DynamoDB Local. "
    "Install Node.js 18 or later, which brings it (Debian: apt-get install npm)"
)


def present(target: Path) -> bool:
    """Whether the pinned version is there whole. A folder of the user's own (a jar, no stamp) will do."""
    stamp = target / STAMP
    if stamp.exists():
        return stamp.read_text() == SHA256
    return (target / "DynamoDBLocal.jar").exists()


def fetch(target: Path) -> None:
    """Put the emulator into `target`, all or nothing. Raises RuntimeError naming what went wrong."""
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError(NPM_MISSING)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="fetch-") as temporary:
        room = Path(temporary)
        # `npm pack`, not `npm install`: the package alone, without the 283 that it depends on
        pack = subprocess.run(
            [npm, "pack", PACKAGE, "--silent"],
            cwd=room,
            capture_output=True,
            text=True,
            timeout=FETCH_LIMIT_SECONDS,
            stdin=subprocess.DEVNULL,
        )
        archives = list(room.glob("*.tgz"))
        if pack.returncode or len(archives) != 1:
            said = (pack.stderr or pack.stdout).strip()[-2000:]
            raise RuntimeError(f"npm pack {PACKAGE} failed ({pack.returncode}): {said}")
        digest = hashlib.sha256(archives[0].read_bytes()).hexdigest()
        if digest != SHA256:
            raise RuntimeError(f"{PACKAGE} has sha256 {digest}, not {SHA256}; nothing was installed")
        unpack(archives[0], room)
        emulator = room / INSIDE
        (emulator / STAMP).write_text(SHA256)
        if target.exists():
            shutil.rmtree(target)
        emulator.rename(target)


def unpack(archive: Path, into: Path) -> None:
    """Only the emulator's own plain files and folders."""
    with tarfile.open(archive) as tar:
        inside = [m for m in tar.getmembers() if m.name.startswith(INSIDE) and ".." not in m.name]
        wanted = [member for member in inside if member.isfile() or member.isdir()]
        if hasattr(tarfile, "data_filter"):
            tar.extractall(into, wanted, filter="data")
        else:  # Python 3.11.0 to 3.11.3
            tar.extractall(into, wanted)


if __name__ == "__main__":
    place = Path(sys.argv[1] if len(sys.argv) > 1 else ".local/dynamodb-local")
    try:
        if not present(place):
            fetch(place)
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        sys.exit(f"fetch_dynamodb_local: {error}")
