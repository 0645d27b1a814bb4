"""Which environment variables a function's code asks for, read off its syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.template.deployed import ROOT

PACKAGE = ROOT / "layers" / "core" / "python"
ENTRY = PACKAGE / "refledger" / "entry"
# By Powertools, not by our own code, wherever these modules are imported.
READ_BY_POWERTOOLS = {
    "observability": {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_LOG_LEVEL"},
    "metrics": {"POWERTOOLS_SERVICE_NAME"},
}


def variables_used(app: Path) -> set[str]:
    """The variables that a function's code may ask for, itself or through what it takes from entry/."""
    config = _syntax(ENTRY / "config.py").body
    makers = {node.name: _names_in(node) for node in config if isinstance(node, ast.FunctionDef)}
    found: set[str] = set()
    for path in [app, *_entry_modules(app)]:
        tree = _syntax(path)
        found |= READ_BY_POWERTOOLS.get(path.stem, set()) | _names_in(tree)
        for node in ast.walk(tree):
            match node:
                case ast.Attribute(value=ast.Name(id="config"), attr=maker):
                    found |= makers.get(maker, set())
    return found


def _entry_modules(app: Path) -> Iterator[Path]:
    """The modules of entry/ that a function imports, directly or not; config.py is looked at by name."""
    waiting, seen = [app], {ENTRY / "config.py"}
    while waiting:
        for module in _imported(_syntax(waiting.pop())):
            path = (PACKAGE / Path(*module.split("."))).with_suffix(".py")
            if path.parent in (ENTRY, ENTRY / "events") and path.is_file() and path not in seen:
                seen.add(path)
                waiting.append(path)
                yield path


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def _names_in(tree: ast.AST) -> set[str]:
    """Names in capitals that an environment is asked for: `environment()["X"]`, `env.number("X")`, `env.is_on("X")`."""
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(slice=ast.Constant(value=str(name))) if name.isupper():
                found.add(name)
            case ast.Call(func=ast.Attribute(attr="number" | "is_on"), args=[ast.Constant(value=str(name))]):
                found.add(name)
    return found


def _syntax(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))
