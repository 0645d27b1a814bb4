"""The list of guards (scripts/mutants.toml) is of code and tests that are there, and what is done with it is right."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from scripts import mutants
from scripts.mutants import ROOT, Mutant

KNOWN = mutants.mutants()


@pytest.mark.parametrize("mutant", KNOWN.values(), ids=KNOWN)
def test_a_guard_is_there_once(mutant: Mutant) -> None:
    """Whoever changes its text changes the list, and sees with `make mutants ARGS=…` that a test still fails."""
    assert (ROOT / mutant.file).read_text(encoding="utf-8").count(mutant.text) == 1
    assert mutant.text != mutant.becomes
    for test in mutant.tests:
        assert (ROOT / test.split("::")[0]).exists(), test
        name = test.partition("::")[2].split("[")[0]
        assert not name or f"def {name}(" in (ROOT / test.split("::")[0]).read_text(encoding="utf-8"), test


def test_what_is_redundant_says_which_guard_holds_then() -> None:
    for mutant in KNOWN.values():
        assert bool(mutant.redundant) == bool(mutant.without), mutant.id
        assert not mutant.without or not KNOWN[mutant.without].redundant, mutant.id


def test_each_has_a_name_of_its_own() -> None:
    told = tomllib.loads((ROOT / "scripts" / "mutants.toml").read_text(encoding="utf-8"))["mutant"]
    assert len(told) == len(KNOWN)


ONE = Mutant("one", Path("code.py"), "a > 0", "True", "what is not above 0 passes", ("tests/one",))
OTHER = Mutant("other", Path("other.py"), "b > 0", "True", "the same, of b", ("tests/other",))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "code.py").write_text("assert a > 0")
    (tmp_path / "other.py").write_text("assert b > 0")
    return tmp_path


def test_a_guard_is_away_only_meanwhile(tree: Path) -> None:
    with mutants.mutated(tree, [ONE, OTHER]):
        assert (tree / "code.py").read_text() == "assert True"
        assert (tree / "other.py").read_text() == "assert True"
    assert (tree / "code.py").read_text() == "assert a > 0"


def test_a_text_that_is_not_there_is_told(tree: Path) -> None:
    with pytest.raises(AssertionError, match="there 0 times"), mutants.mutated(tree, [replace(ONE, text="c > 0")]):
        raise RuntimeError("it went on")


def _notices(*needed: str) -> object:
    """Tests of which one fails when all of these guards are away."""

    def killer(tree: Path, tests: Sequence[str]) -> str:
        return tests[0] if all("True" in (tree / name).read_text() for name in needed) else ""

    return killer


@pytest.mark.parametrize(
    ("needed", "mutant", "verdict"),
    [
        (("code.py",), ONE, "KILLED"),
        (("other.py",), ONE, "ALIVE"),
        (("code.py", "other.py"), replace(ONE, redundant="other holds", without="other"), "REDUNDANT"),
        (("none.py",), replace(ONE, redundant="other holds", without="other"), "ALIVE"),
        (("code.py",), replace(ONE, redundant="other holds", without="other"), "ALIVE"),
    ],
)
def test_what_is_said_of_a_guard(
    tree: Path, monkeypatch: pytest.MonkeyPatch, needed: tuple[str, ...], mutant: Mutant, verdict: str
) -> None:
    """Killed where a test fails; redundant where one does without the other guard; else alive, or wrongly listed."""
    (tree / "none.py").write_text("")
    monkeypatch.setattr(mutants, "killer", _notices(*needed))
    assert mutants.judged(tree, mutant, {"other": OTHER})[0] == verdict
