"""scripts/template.rules: each rule finds what it is for, and nothing where all is well."""

from __future__ import annotations

import functools
import json
from typing import Any

import pytest
from cfnlint.api import ManualArgs, lint

from scripts.lint_template import REGION, RULES

LINES = {
    f"E{9000 + number}": line.split(" ", 3)
    for number, line in enumerate(RULES.read_text(encoding="utf-8").splitlines(), 1)
    if line and not line.startswith("#")
}


def cases(id: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Properties that break a rule, and some that keep it."""
    _, path, operator, wanted = LINES[id]
    word = wanted.split()[0]
    value = True if word == "true" else word
    if operator == "EQUALS":
        return at(path, False if value is True else "KEYS_ONLY"), at(path, value)
    there: dict[str, Any] = at(path, "something")
    return ({}, there) if word == "DEFINED" else (there, {})


def at(path: str, value: Any) -> dict[str, Any]:
    """Properties with a value at the end of a path."""
    found: dict[str, Any] = functools.reduce(lambda inner, name: {name: inner}, reversed(path.split(".")), value)
    return found


@functools.cache
def found(which: int) -> set[tuple[str, str]]:
    """The rules that find something, and in the resource of which rule: all that break them, or all that keep them."""
    made = {id: {"Type": LINES[id][0], "Properties": cases(id)[which]} for id in LINES}
    told = lint(json.dumps({"Resources": made}), config=ManualArgs(regions=[REGION], custom_rules=str(RULES)))
    return {(match.rule.id, match.path[1]) for match in told if match.path[:1] == ["Resources"]}


@pytest.mark.parametrize("id", LINES)
def test_each_rule_finds_what_it_is_for(id: str) -> None:
    """What breaks it is found, what keeps it is not; and it says why."""
    assert (id, id) in found(0)
    assert (id, id) not in found(1)
    assert LINES[id][3].endswith('"')
