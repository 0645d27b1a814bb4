"""Which statements and branches of a module have run, told by the module itself.

Its source is compiled with a store into a list before every statement and in every arm that has none, which costs next
to nothing on every Python alike: decision 129. Counted as branches are the arms of `if`, `while`, `for` and `match`.
Not counted is what cannot run: the bodies of protocols, what only type checkers read, and what mypy shows never to
happen (`assert_never`, and what would come after the last case of a `match`).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

NAME = "_ran_"  # in the module's globals: a list with a place for each probe
Block = ast.If | ast.While | ast.For | ast.AsyncFor


@dataclass
class Probes:
    """`ran`: by the number of a probe. The rest says what it stands for: a line, a branch of a line, or both."""

    ran: list[int] = field(default_factory=list)
    lines: dict[int, int] = field(default_factory=dict)
    branches: dict[int, str] = field(default_factory=dict)  # "12 -> 14", or "12 -> on" past an if, out of a loop

    def seen(self) -> tuple[dict[int, bool], dict[str, bool]]:
        """Lines and branches, and whether each has run."""
        lines: dict[int, bool] = {}
        for probe, line in self.lines.items():
            lines[line] = lines.get(line, False) or bool(self.ran[probe])
        return lines, {branch: bool(self.ran[probe]) for probe, branch in self.branches.items()}


def instrument(source: str, path: str, where: str) -> tuple[CodeType, Probes]:
    """A module's code. `where`: a Python expression for the list, imports of its own included, run before all else."""
    probes = Probes()
    tree = ast.parse(source, path)
    tree.body = _Marked(probes).body(tree.body)
    at = next((place for place, each in enumerate(tree.body) if not _comes_first(each)), len(tree.body))
    tree.body[at:at] = ast.parse(f"{NAME} = {where}").body
    return compile(ast.fix_missing_locations(tree), path, "exec"), probes


def _comes_first(statement: ast.stmt) -> bool:
    return _is_text(statement) or (isinstance(statement, ast.ImportFrom) and statement.module == "__future__")


def _is_text(statement: ast.stmt) -> bool:
    """A docstring, or the `...` of what has no body."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _cannot_run(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.If) and ast.unparse(statement.test).endswith("TYPE_CHECKING"):
        return True
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Call)
        and ast.unparse(statement.value.func) == "assert_never"
    )


class _Marked:
    def __init__(self, probes: Probes) -> None:
        self._probes = probes

    def body(self, statements: Sequence[ast.stmt], branch: str = "") -> list[ast.stmt]:
        """Statements with their probes. `branch`: what it means that the first of them is reached."""
        marked: list[ast.stmt] = []
        for statement in statements:
            if _comes_first(statement) and not branch:
                marked.append(statement)
                continue
            if not _cannot_run(statement):
                self._inside(statement)
                marked.append(self._mark(statement, "" if _is_text(statement) else statement.lineno, branch))
            marked.append(statement)
            branch = ""
        return marked

    def _inside(self, statement: ast.stmt) -> None:
        if isinstance(statement, Block):
            self._arms(statement)
        elif isinstance(statement, ast.Match):
            for case in statement.cases:
                case.body = self.body(case.body, f"{statement.lineno} -> {case.body[0].lineno}")
        else:
            for name, blocks in _blocks(statement):
                setattr(statement, name, self.body(blocks))
            if isinstance(statement, ast.Try | ast.TryStar):
                for handler in statement.handlers:
                    handler.body = self.body(handler.body)

    def _arms(self, statement: Block) -> None:
        """Both ways; a loop that never ends by itself has one."""
        line = statement.lineno
        endless = isinstance(statement, ast.While) and isinstance(statement.test, ast.Constant)
        statement.body = self.body(statement.body, "" if endless else f"{line} -> {statement.body[0].lineno}")
        if statement.orelse:
            statement.orelse = self.body(statement.orelse, f"{line} -> {statement.orelse[0].lineno}")
        elif not endless:
            statement.orelse = [self._mark(statement, "", f"{line} -> on")]

    def _mark(self, at: ast.stmt, line: int | str, branch: str) -> ast.stmt:
        number = len(self._probes.ran)
        self._probes.ran.append(0)
        if isinstance(line, int):
            self._probes.lines[number] = line
        if branch:
            self._probes.branches[number] = branch
        [mark] = ast.parse(f"{NAME}[{number}] = 1").body
        for node in ast.walk(mark):
            ast.copy_location(node, at)
        return mark


def _blocks(statement: ast.stmt) -> Iterator[tuple[str, Any]]:
    """Lists of statements in a statement: of functions, classes, with and try."""
    for name in ("body", "orelse", "finalbody"):
        if found := getattr(statement, name, None):
            yield name, found
