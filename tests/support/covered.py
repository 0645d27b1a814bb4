"""A plugin of pytest: which lines and branches of the layer and the functions the tests run, held to floors.

`pytest -p tests.support.covered`, as the first part of `make test` is run: a table after the tests, which fail where a
figure is below its floor, and what did not run in .local/not-covered.txt. Whoever covers more raises the floor. Each
worker of xdist measures for itself (`tests/support/probes.py`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Iterable, Mapping
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType

import pytest

from benchmarks.tables import table
from tests.support.probes import Probes, instrument

ROOT = Path(__file__).parents[2]
LAYER, FUNCTIONS = ROOT / "layers" / "core" / "python" / "refledger", ROOT / "functions"
STATE = ROOT / ".local"
NOT_COVERED = STATE / "not-covered.txt"
# Percent of lines, and of branches: what was reached less a half, rounded down, for properties draw at random.
FLOORS: dict[str, tuple[int, int]] = {
    "domain": (99, 97), "store": (98, 93), "operations": (97, 94), "adapters": (89, 83), "entry": (99, 96),
    "functions": (98, 95),
}  # fmt: skip
Seen = dict[str, tuple[dict[str, bool], dict[str, bool]]]  # lines and branches by file, and whether they ran

PROBES: dict[str, Probes] = {}
_worker = os.environ.get("PYTEST_XDIST_WORKER", "")
_plain = SourceFileLoader.get_code


def _get_code(loader: SourceFileLoader, name: str) -> CodeType | None:
    path = Path(loader.get_filename(name))
    if not path.is_relative_to(LAYER) and not path.is_relative_to(FUNCTIONS):
        return _plain(loader, name)
    file = path.relative_to(ROOT).as_posix()
    where = f"__import__({__name__!r}, fromlist=['PROBES']).PROBES[{file!r}].ran"
    code, probes = instrument(path.read_text(encoding="utf-8"), str(path), where)
    PROBES.setdefault(file, probes)  # what is loaded once more goes on with what has run
    return code


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests() -> Generator[None, object, object]:
    """Before anything of the layer is imported, and conftest.py does that."""
    SourceFileLoader.get_code = _get_code  # type: ignore[method-assign, assignment]
    return (yield)


def pytest_sessionstart() -> None:
    """What an interrupted run has left is of other tests."""
    STATE.mkdir(exist_ok=True)
    if not _worker:
        for part in _parts():
            part.unlink()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Every process hands over what it has seen; that which has started the others looks at the floors."""
    told = {file: probes.seen() for file, probes in PROBES.items()}
    (STATE / f"covered-{_worker or 'main'}.json").write_text(json.dumps(told))
    if not _worker and session.exitstatus == pytest.ExitCode.OK and missed(by_folder(merge(_told()))):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _worker:
        return
    seen = merge(_told())
    for part in _parts():
        part.unlink()
    NOT_COVERED.write_text("\n".join(not_covered(seen)) + "\n")
    folders = by_folder(seen)
    terminalreporter.section("coverage by these tests, %")
    terminalreporter.write_line(f"{report(folders)}\nwhat did not run: {NOT_COVERED.relative_to(ROOT)}")
    for line in missed(folders):
        terminalreporter.write_line(f"below its floor: {line}", red=True)


def _parts() -> list[Path]:
    return sorted(STATE.glob("covered-*.json"))


def _told() -> list[Seen]:
    return [json.loads(part.read_text()) for part in _parts()]


def merge(parts: Iterable[Seen]) -> Seen:
    """What ran in any of the processes. Those that loaded a file tell all that is in it."""
    whole: Seen = {}
    for part in parts:
        for file, kinds in part.items():
            known = whole.setdefault(file, ({}, {}))
            for kind, told in zip(known, kinds, strict=True):
                for place, ran in told.items():
                    kind[place] = kind.get(place, False) or ran
    return whole


def by_folder(seen: Seen) -> dict[str, tuple[float, float]]:
    """Percent of lines, and of branches, of each folder of the layer, and of the functions."""
    counts: dict[str, tuple[list[bool], list[bool]]] = {}
    for file, kinds in seen.items():
        path = ROOT / file
        folder = path.relative_to(LAYER).parts[0] if path.is_relative_to(LAYER) else "functions"
        for whole, told in zip(counts.setdefault(folder, ([], [])), kinds, strict=True):
            whole.extend(told.values())
    return {folder: (_percent(lines), _percent(branches)) for folder, (lines, branches) in counts.items()}


def _percent(ran: list[bool]) -> float:
    return 100 * sum(ran) / len(ran) if ran else 100.0


def not_covered(seen: Seen) -> list[str]:
    """`file:line`, and `file:line -> line` of branches that were never taken."""
    found = []
    for file, kinds in sorted(seen.items()):
        places = [str(place) for kind in kinds for place, ran in kind.items() if not ran]
        found += [f"{file}:{place}" for place in sorted(places, key=lambda place: int(place.split()[0]))]
    return found


def missed(folders: Mapping[str, tuple[float, float]]) -> list[str]:
    """What is below its floor, in words. Of a folder that no test has loaded nothing ran."""
    return [
        f"{folder}: {figure:.1f} % of {what} instead of {floor} %"
        for folder, floors in FLOORS.items()
        for what, figure, floor in zip(("lines", "branches"), folders.get(folder, (0.0, 0.0)), floors, strict=True)
        if figure < floor
    ]


def report(folders: Mapping[str, tuple[float, float]]) -> str:
    rows = []
    for folder, floors in FLOORS.items():
        lines, branches = folders.get(folder, (0.0, 0.0))
        rows.append([folder, f"{lines:.1f}", f"{floors[0]}", f"{branches:.1f}", f"{floors[1]}"])
    return table(["folder", "lines", "≥", "branches", "≥"], rows)
