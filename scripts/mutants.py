"""`make mutants`: takes away the guards of scripts/mutants.toml, one at a time, and sees that a test fails.

In a copy of the tree, so that nothing of it is touched. ARGS="first-payment-once name-of-no-name" takes some.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from itertools import count
from pathlib import Path
from shutil import copyfile
from typing import NoReturn

import pytest

ROOT = Path(__file__).parents[1]
CORE = Path("layers/core/python/refledger")
SHARED = (".venv", ".local")  # what is installed
LOADED = ("boto3", "boto3.dynamodb.types", "botocore.client", "pydantic", "yaml", "cryptography")  # for all


@dataclass(frozen=True)
class Mutant:
    """One guard that is taken away. `redundant`: why that is not noticed, and `without`: the guard that holds then."""

    id: str
    file: Path
    text: str
    becomes: str
    what: str
    tests: tuple[str, ...]
    redundant: str = ""
    without: str = ""


def mutants() -> dict[str, Mutant]:
    """All of them, by id."""
    told = tomllib.loads((ROOT / "scripts" / "mutants.toml").read_text(encoding="utf-8"))["mutant"]
    return {
        each["id"]: Mutant(
            each["id"], CORE / each["file"], each["text"], each["becomes"], each["what"],
            tuple(f"tests/{test}" for test in each["tests"]), each.get("redundant", ""), each.get("with", ""),
        )
        for each in told
    }  # fmt: skip


@contextmanager
def copied() -> Iterator[Path]:
    """A copy of what git knows, in a folder of its own."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = Path(folder)
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                copyfile(ROOT / name, tree / name)
        for name in SHARED:
            if (ROOT / name).exists():
                (tree / name).symlink_to((ROOT / name).resolve())
        yield tree


@contextmanager
def mutated(tree: Path, which: Sequence[Mutant]) -> Iterator[None]:
    """The tree without these guards."""
    was = {each.file: (tree / each.file).read_bytes() for each in which}
    try:
        for each in which:
            text = (tree / each.file).read_text(encoding="utf-8")
            assert text.count(each.text) == 1, f"{each.id}: its text is there {text.count(each.text)} times"
            _write(tree / each.file, text.replace(each.text, each.becomes).encode())
        yield
    finally:
        for file, content in was.items():
            _write(tree / file, content)


_times = count(1)


def _write(file: Path, content: bytes) -> None:
    """At a time of its own, for Python knows by it what it has compiled."""
    file.write_bytes(content)
    os.utime(file, (next(_times), next(_times)))


def killer(tree: Path, tests: Sequence[str]) -> str:
    """The first test that fails, "" where none does. In a fork of this process, which has what takes long to load."""
    out = tree / ".told"
    child = os.fork()
    if not child:
        _run(tree, tests, out)
    _, status = os.waitpid(child, 0)
    told = out.read_text(encoding="utf-8")
    failed = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - |$)", told, re.MULTILINE)
    assert failed or not status, told[-3000:]
    return failed[1] if failed else ""


def _run(tree: Path, tests: Sequence[str], out: Path) -> NoReturn:
    """Never returns."""
    code = 70
    try:
        with out.open("w", encoding="utf-8") as told:
            os.dup2(told.fileno(), 1)
            os.dup2(told.fileno(), 2)
        os.chdir(tree)
        sys.path.insert(0, str(tree))
        code = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests]))
    except BaseException as error:
        print(repr(error))
    finally:
        sys.stdout.flush()
        os._exit(code)


def judged(tree: Path, mutant: Mutant, known: dict[str, Mutant]) -> tuple[str, str]:
    """KILLED and by what, REDUNDANT and what holds, or ALIVE: no test fails, or the list is wrong."""
    with mutated(tree, [mutant]):
        if by := killer(tree, mutant.tests):
            return ("ALIVE", f"{by} notices it: it is not redundant") if mutant.redundant else ("KILLED", by)
    if not mutant.redundant:
        return "ALIVE", "no test fails"
    other = known[mutant.without]
    with mutated(tree, [mutant, other]):
        by = killer(tree, (*mutant.tests, *other.tests))
    return ("REDUNDANT", f"{mutant.redundant}; without both: {by}") if by else ("ALIVE", f"nor without {other.id}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("ids", nargs="*", help="of some; all without any")
    told, known = parser.parse_args(), mutants()
    for name in LOADED:
        import_module(name)
    counts = {"KILLED": 0, "REDUNDANT": 0, "ALIVE": 0}
    with copied() as tree:
        for id in told.ids or known:
            verdict, why = judged(tree, known[id], known)
            counts[verdict] += 1
            print(f"{verdict:9} {id}: {known[id].what} ({why})", flush=True)
    print(", ".join(f"{number} {verdict.lower()}" for verdict, number in counts.items()))
    return 1 if counts["ALIVE"] else 0


if __name__ == "__main__":
    sys.exit(main())
