"""What `make test` says about coverage is so: probes tell what ran, processes are put together, floors hold."""

from __future__ import annotations

import json
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support import covered, probes

SOURCE = '''"""A module."""
from __future__ import annotations
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from nowhere import Nothing
LIMIT = 3
def grade(value):
    """Words for a number."""
    if value > LIMIT:
        word = "high"
    elif value == LIMIT:
        word = "even"
    for step in range(value):
        if step == 1:
            break
    match value:
        case 1:
            return "one"
        case 2 | 3:
            return "few"
    try:
        return word
    except NameError:
        return "low"
class Port:
    def send(self):
        """For others to fill in."""
        ...
def check(value):
    while True:
        if value:
            return value
        value += 1
'''
Module = dict[str, Any]


def _module(source: str = SOURCE) -> tuple[Module, probes.Probes]:
    ran: list[list[int]] = []
    code, made = probes.instrument(source, "module.py", "RAN[0]")
    ran.append(made.ran)
    names: Module = {"RAN": ran}
    exec(code, names)
    return names, made


def _run(made: probes.Probes, kind: int) -> set[object]:
    return {place for place, ran in made.seen()[kind].items() if ran}


def test_a_module_with_probes_does_what_it_did() -> None:
    """Its docstrings, its results and what it raises are those of the source."""
    plain: Module = {}
    exec(compile(SOURCE, "module.py", "exec"), plain)
    names, _ = _module()
    assert names["__doc__"] == "A module."
    assert names["grade"].__doc__ == "Words for a number."
    assert [names["grade"](value) for value in range(6)] == [plain["grade"](value) for value in range(6)]
    with pytest.raises(TypeError):
        names["grade"](None)


def test_lines_are_told_once_they_ran() -> None:
    """Nothing before, and nothing of the other ways."""
    names, made = _module()
    assert _run(made, 0) == {3, 6, 7, 25, 26, 29}
    names["grade"](4)
    assert _run(made, 0) - {3, 6, 7, 25, 26, 29} == {9, 10, 13, 14, 15, 16, 21, 22}


def test_what_cannot_run_is_not_counted() -> None:
    """Docstrings, bodies of protocols, and what only type checkers read: 100 % must be within reach."""
    _, made = _module()
    lines, branches = made.seen()
    assert not {1, 2, 4, 5, 8, 27} & lines.keys()
    assert not {branch for branch in branches if branch.startswith(("4 ", "30 "))}  # `while True` has one way


def test_both_ways_of_a_branch_are_told_apart() -> None:
    """An `if` without an else, a loop that ends by itself or by a break, cases of a match."""
    names, made = _module()
    wanted = {
        "9 -> 10", "9 -> 11", "11 -> 12", "11 -> on", "13 -> 14", "13 -> on", "14 -> 15", "14 -> on", "16 -> 18",
        "16 -> 20", "31 -> 32", "31 -> on",
    }  # fmt: skip
    assert made.seen()[1].keys() == wanted
    names["grade"](1)
    assert _run(made, 1) == {"9 -> 11", "11 -> on", "13 -> 14", "14 -> on", "13 -> on", "16 -> 18"}
    for value in (2, 3, 5):
        names["grade"](value)
    names["check"](0)
    assert _run(made, 1) == wanted


def test_what_mypy_shows_never_to_happen_is_not_counted() -> None:
    """An arm that says so would be missing for ever."""
    source = (
        "def f(x):\n    match x:\n        case 1:\n            return 1\n        case _:\n            assert_never(x)\n"
    )
    _, made = _module(source)
    assert 6 not in made.seen()[0]
    assert made.seen()[1].keys() == {"2 -> 4"}


LAYER = "layers/core/python/refledger"
HERE = {f"{LAYER}/domain/a.py": ({"1": True, "2": False}, {"1 -> 2": False, "1 -> on": True})}
THERE = {
    f"{LAYER}/domain/a.py": ({"1": True, "2": True}, {"1 -> 2": True, "1 -> on": False}),
    f"{LAYER}/store/b.py": ({"10": False, "9": True}, {"9 -> 10": False}),
    "functions/me/app.py": ({"1": True}, {}),
}


def test_what_any_process_ran_has_run() -> None:
    """Files are spread over workers: no one of them runs everything."""
    seen = covered.merge([HERE, THERE])
    assert covered.by_folder(seen) == {"domain": (100, 100), "store": (50, 0), "functions": (100, 100)}
    assert covered.not_covered(seen) == [f"{LAYER}/store/b.py:9 -> 10", f"{LAYER}/store/b.py:10"]
    assert covered.by_folder(covered.merge([HERE]))["domain"] == (50, 50)


def test_what_is_loaded_once_more_goes_on_with_what_has_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests load a function anew, as a worker that begins; what ran of it before has run."""
    monkeypatch.setattr(covered, "PROBES", {})
    loader = SourceFileLoader("app", str(covered.FUNCTIONS / "docs" / "app.py"))
    for ran in (0, 1):
        assert covered._get_code(loader, "app")
        (told,) = covered.PROBES.values()
        assert told.ran[0] == ran
        told.ran[0] = 1


def test_a_figure_below_its_floor_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a folder that nothing has loaded is all below, not all fine."""
    monkeypatch.setattr(covered, "FLOORS", {"domain": (90, 80), "store": (1, 0)})
    assert covered.missed({"domain": (90.0, 79.9), "store": (1.0, 0.0)}) == [
        "domain: 79.9 % of branches instead of 80 %"
    ]
    assert covered.missed({"domain": (95.0, 80.0)}) == ["store: 0.0 % of lines instead of 1 %"]


@pytest.mark.parametrize(("floor", "status"), [(50, pytest.ExitCode.OK), (51, pytest.ExitCode.TESTS_FAILED)])
def test_the_tests_fail_where_a_floor_is_missed(
    floor: int, status: pytest.ExitCode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that nobody reads would hold nothing. What a worker saw counts, what an earlier run left does not."""
    monkeypatch.setattr(covered, "STATE", tmp_path)
    monkeypatch.setattr(covered, "PROBES", {})
    monkeypatch.setattr(covered, "FLOORS", {"store": (floor, 0)})
    (tmp_path / "covered-gw7.json").write_text(json.dumps({f"{LAYER}/store/b.py": ({"9": True, "10": True}, {})}))
    monkeypatch.setattr(covered, "_worker", "")
    covered.pytest_sessionstart()
    (tmp_path / "covered-gw0.json").write_text(json.dumps(THERE))
    session: Any = SimpleNamespace(exitstatus=pytest.ExitCode.OK)
    covered.pytest_sessionfinish(session)
    assert session.exitstatus == status


def test_every_folder_that_keeps_rules_has_a_floor() -> None:
    """A new folder of the layer is held as well."""
    folders = {path.parent.name for path in covered.LAYER.glob("*/__init__.py")} | {"functions"}
    assert folders - {"cli"} == covered.FLOORS.keys()  # cli runs in processes of its own: tests/cli


def test_a_worker_leaves_what_it_saw_to_who_started_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers of xdist have summaries of their own, which nobody sees."""
    monkeypatch.setattr(covered, "STATE", tmp_path)
    monkeypatch.setattr(covered, "_worker", "gw0")
    session: Any = SimpleNamespace(exitstatus=pytest.ExitCode.OK)
    covered.pytest_sessionfinish(session)
    covered.pytest_terminal_summary(session)
    assert [part.name for part in tmp_path.iterdir()] == ["covered-gw0.json"]
