"""Resolve requirements/*.in afresh and write every version, direct and transitive, into the pinned files.

Run by `make lock` after a change to a .in file. Each file is resolved in an empty environment of its own, the
layer first, because the others take its pins as given. Versions only: no hashes and no addresses, so that any
mirror serves.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.setup import contents  # noqa: E402

REQUIREMENTS = ROOT / "requirements"
LAYER = "layers/core/python/requirements.txt"  # beside the code: `sam build` looks for it there
TARGETS = {
    "layer": LAYER,
    "statements": "functions/statements/requirements.txt",  # beside the function's code, for the same reason
    "worker": "requirements/worker.txt",
    "run": "requirements/run.txt",
    "dev": "requirements/dev.txt",
    "sam": "requirements/sam.txt",
    "peers": "requirements/peers.txt",
}  # in this order


def resolve(source: Path) -> list[str]:
    """Every `name==version` that pip chooses for the file, sorted."""
    with tempfile.TemporaryDirectory() as temporary:
        venv.create(temporary, with_pip=True)
        python = str(Path(temporary) / "bin" / "python")
        pip = [python, "-m", "pip", "--disable-pip-version-check", "--no-input"]
        subprocess.run([*pip, "install", "-q", "-r", str(REQUIREMENTS / "pip.txt")], check=True)
        subprocess.run([*pip, "uninstall", "-q", "-y", "setuptools"], check=True)  # comes along on 3.11 only
        # wheels only: a source build would fetch build tools that nothing pins
        subprocess.run([*pip, "install", "-q", "--only-binary", ":all:", "-r", str(source)], check=True)
        subprocess.run([*pip, "check"], check=True, stdout=subprocess.DEVNULL)
        freeze = [*pip, "freeze", "--all", "--exclude", "pip"]
        frozen = subprocess.run(freeze, check=True, stdout=subprocess.PIPE, text=True)
    return frozen.stdout.split()


def pinned(path: Path) -> set[str]:
    """Every `name==version` of a pinned file and of those that it includes."""
    lines = contents(path).splitlines()
    return {line for line in lines if "==" in line and not line.startswith("#")}


def write(name: str, target: str) -> None:
    """One pinned file; what the layer pins already is taken from there, never said twice."""
    source = REQUIREMENTS / f"{name}.in"
    includes = [line for line in source.read_text().splitlines() if line.startswith("-r ")]
    versions = resolve(source)
    lines = [f"# Made by `make lock` from requirements/{name}.in: change that file instead."]
    for include in includes:
        lines.append(include)
        versions = [each for each in versions if each not in pinned(REQUIREMENTS / include.removeprefix("-r "))]
    path = ROOT / target
    path.write_text("\n".join([*lines, *versions]) + "\n")
    print(f"{os.path.relpath(path, ROOT)}: {len(versions)} packages")


def main(names: list[str]) -> None:
    if unknown := set(names) - set(TARGETS):
        sys.exit(f"lock: no such file: {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    for name, target in TARGETS.items():
        if not names or name in names:
            write(name, target)


if __name__ == "__main__":
    main(sys.argv[1:])
