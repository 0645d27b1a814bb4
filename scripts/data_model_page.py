"""Writes docs/data-model.md: every key of the table, and who reads and writes what by it, from the code itself.

Keys are asked for their form with placeholders in place of ids. Who uses them is read from the syntax trees: the call
in which a key stands, or into which the variable goes that it was given to.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "layers" / "core" / "python" / "refledger"
sys.path.insert(0, str(PACKAGE.parent))

from refledger.store import keys  # noqa: E402  the layer is not installed
from refledger.store.keys import payouts  # noqa: E402

# What a call is to the table, by the function's name: of the table, of lists over shards, of writes as values.
VERBS = {
    "get": "get", "get_many": "get many", "query": "query", "count": "count", "put": "put", "update": "update",
    "delete": "delete", "check": "check", "by_sort_key": "query each", "newest_first": "query each, `listed`",
    "oldest_first": "query each, `waiting`", "listed": "puts into `listed`", "waiting": "puts into `waiting`",
}  # fmt: skip
HEAD = """# Data model

After this page you can say by which key a thing is found, what a list costs, and who is touched when a key changes.
Made by `make openapi` from `store/keys/`, which alone knows how keys are put together, and from the calls of the
code. What an item holds is in the module of `store/` that writes it.

"""
INDEXES = """## Table and indexes

One table, `pk` and `sk` both text, on demand, with point-in-time recovery. Two sparse indexes hold what has their
keys; both carry the attribute `rewards` beside the keys, and what changes in a reward's normal life is in neither, so
that it costs no write of an index.

| where | keys | for | read |
|---|---|---|---|
| the table | `pk`, `sk` | what money depends on, in one call or two | strongly, unless told otherwise |
| index `listed` | `listed_in`, `listed_at` | what people page through; `listed_at` is `<ms>#<id>` | a little behind |
| index `waiting` | `waits_in`, `waits_at` | what waits for people, or a time; `waits_at` the same | a little behind |

**Ids.** A reward's or referral's id is its partner's id (16 characters) and its sort key, so that its key follows
from it. Text from outside enters a key only as a keyed hash. Numbers and times in sort keys have one width, so that
they sort as text.

**Stream** (new and old images). Two functions read it: `functions/stream_rollups` counts,
`functions/stream_projections` does what else follows. A record may come twice and late, so whatever they write bears
that.

"""
VALUES = ("figures_of_program", "figures_of_books")  # they go into a key, and are none
NAMES = {
    "hashed": "hash",
    "at_ms": "ms",
    "user": "user",
    "folded": "folded text",
    "number": "number",
    "told": "day told",
}


class Name(str):
    """A text in the place of an id: `<partner>`. A slice of it at an id's length is again a name."""

    def __new__(cls, name: str) -> Name:
        return super().__new__(cls, f"<{name}>")

    def __getitem__(self, part: Any) -> str:
        if isinstance(part, slice) and part.stop == keys.PARTNER_ID_LENGTH:
            return "<partner>"
        if isinstance(part, slice) and part.start == keys.PARTNER_ID_LENGTH:
            return f"<rest of the {self.strip('<>')}'s id>"
        return str(self)


class Number(int):
    """A number in the place of a time or a version: whatever the format, it is written as its name."""

    name: str

    def __new__(cls, name: str) -> Number:
        made = super().__new__(cls, 1)
        made.name = name
        return made

    def __format__(self, spec: str) -> str:
        return f"<{self.name}>"

    def __str__(self) -> str:
        return f"<{self.name}>"

    def __rmod__(self, other: int) -> Number:
        return Number("shard")


def functions() -> dict[str, Callable[..., Any]]:
    """The public functions of store/keys/, in their order."""
    return {
        name: each
        for name, each in vars(keys).items()
        if inspect.isfunction(each) and each.__module__.startswith(keys.__name__) and not name.startswith("_")
    }


def form(name: str) -> str:
    """What the function gives for placeholders, as Markdown; "" where it is no key, partition or range."""
    function = functions()[name]
    kind = inspect.signature(function).return_annotation
    if name in VALUES or kind not in ("Key", "str", "tuple[str, str, str]", "list[str]", "tuple[str, ...]"):
        return ""
    arguments = []
    for each in inspect.signature(function).parameters.values():
        named = NAMES.get(each.name, each.name.removesuffix("_id").removesuffix("_ms").replace("_", " "))
        arguments.append({"str": Name, "int": Number}.get(str(each.annotation), lambda _: None)(named))
    if None in arguments:
        return ""  # it reads a key
    with mock.patch.object(payouts, "day", return_value="<day>"):
        try:
            given = function(*arguments)
        except (ValueError, TypeError, IndexError, AttributeError):
            return ""  # it reads an id, or a position
    match _readable(given):
        case {"pk": pk, "sk": sk}:
            return f"`{pk}` / `{sk}`"
        case str() if kind == "str" and re.match(r"[A-Z]", given):
            return f"`{given}`"
        case (str(partition), str(low), str(high)) if kind == "tuple[str, str, str]":
            return f"`{partition}` / `{low}` to `{high}`"
        case [str(first), *_]:
            return f"`{first}` and its siblings"
        case _:
            return ""


def _readable(given: Any) -> Any:
    """The highest character there is, as its escape."""
    if isinstance(given, tuple):
        return tuple(each.replace("\U0010ffff", "\\U0010ffff") for each in given)
    return given


@dataclass
class Use:
    """Who does what by a key: `verb` in `where` (module.function)."""

    key: str
    verb: str
    where: str


@dataclass
class Code:
    """The modules that use keys, and which of their functions others call."""

    uses: list[Use] = field(default_factory=list)
    callers: dict[str, set[str]] = field(default_factory=dict)  # by store function: the modules outside of store
    expiring: dict[str, None] = field(default_factory=dict)  # functions that write a time to live


def read() -> Code:
    """All modules of the layer, and the functions."""
    code = Code()
    for path in [*sorted(PACKAGE.rglob("*.py")), *sorted((ROOT / "functions").glob("*/*.py"))]:
        if path.parent == PACKAGE / "store" / "keys":
            continue
        inside = path.is_relative_to(PACKAGE)
        module = path.relative_to(PACKAGE if inside else ROOT).with_suffix("").as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for name, function in _functions(tree.body):
            _look(code, f"{module}.{name}", function)
        if not module.startswith("store/"):
            for node in ast.walk(tree):
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                    code.callers.setdefault(f"store/{node.value.id}.{node.attr}", set()).add(module)
    return code


def _functions(body: list[ast.stmt], within: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _functions(node.body, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef):
            yield within + node.name, node


def _look(code: Code, where: str, function: ast.FunctionDef) -> None:
    parents = {child: node for node in ast.walk(function) for child in ast.iter_child_nodes(node)}
    named: dict[str, dict[str, None]] = {}
    for node in ast.walk(function):
        match node:
            case ast.Constant(value="ttl") | ast.keyword(arg="ttl"):
                code.expiring[where] = None
            case ast.Attribute(value=ast.Name(id="keys"), attr=key) if key in functions():
                verb, name = _verb(node, parents)
                if not verb and name:
                    named.setdefault(name, {})[key] = None
                else:
                    code.uses.append(Use(key, verb, where))
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in named:
            verb, _ = _verb(node, parents)
            code.uses += [Use(key, verb, where) for key in named[node.id] if verb]
    met = {use.key for use in code.uses if use.where == where}
    code.uses += [Use(key, "", where) for each in named.values() for key in each if key not in met]


def _verb(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> tuple[str, str]:
    """What becomes of an expression: the verb of the call that it stands in, or the variable that it is given to."""
    while (above := parents.get(node)) is not None:
        match above:
            case ast.Call(func=ast.Attribute(attr=called) | ast.Name(id=called)) if node is not above.func:
                if called in VERBS:
                    return VERBS[called] + _manner(above), ""
            case ast.Dict():
                for key, value in zip(above.keys, above.values, strict=True):
                    if value is node and isinstance(key, ast.Constant) and key.value in ("listed_in", "waits_in"):
                        return VERBS["listed" if key.value == "listed_in" else "waiting"], ""
            case ast.Assign(targets=[ast.Name(id=name)]):
                return "", name
            case ast.Assign(targets=[ast.Tuple(elts=[ast.Name(id=name), *_])]):
                return "", name
            case ast.stmt():
                return "", ""
        node = above
    return "", ""


def _manner(call: ast.Call) -> str:
    """Which index, and whether a read may be behind."""
    given = {each.arg: each.value for each in call.keywords}
    match given.get("index"), given.get("strong"):
        case ast.Constant(value=str(index)), _:
            return f" `{index}`"
        case None, ast.Constant(value=False):
            return ", a little behind"
        case None, _:
            return ""
        case _:
            return " an index"


def kinds() -> list[tuple[str, str]]:
    """Key and meaning of each kind of item, from the head of store/keys/."""
    rows: list[tuple[str, str]] = []
    for line in (keys.__doc__ or "").split("\n\n")[1].splitlines()[1:]:
        key, _, what = line.partition("  ")
        if key:
            rows.append((key, what.strip()))
        else:
            rows[-1] = (rows[-1][0], f"{rows[-1][1]} {line.strip()}")
    return rows


def is_index(code: Code, name: str) -> bool:
    """Whether it is a partition of an index."""
    return any(use.key == name and re.search("`(listed|waiting)`", use.verb) for use in code.uses)


def indexed(code: Code) -> dict[str, list[str]]:
    """By kind: the partitions of the indexes into which it is put.

    The partition begins with the kind's name, or the key of what is put stands in the same function, or else it is the
    kind that its module has most of.
    """
    kinds: dict[str, Counter[str]] = {}
    for use in code.uses:
        if not is_index(code, use.key) and form(use.key):
            for where in (use.where, use.where.split(".")[0]):
                kinds.setdefault(where, Counter())[_kind(form(use.key))] += 1
    known = sorted({kind for counted in kinds.values() for kind in counted}, key=len, reverse=True)
    listed: dict[str, dict[str, None]] = {}
    for use in code.uses:
        if use.verb.startswith("puts into") and (shape := form(use.key)):
            of = kinds.get(use.where) or kinds[use.where.split(".")[0]]
            named = [kind for kind in known if _kind(shape).startswith(kind)]  # PAYMENTS of PAYMENT
            listed.setdefault((named or [of.most_common(1)[0][0]])[0], {})[
                f"{use.verb.removeprefix('puts into ')}: {shape}"
            ] = None
    return {kind: sorted(each) for kind, each in listed.items()}


def _kind(shape: str) -> str:
    """The first part of a partition, as it stands in Markdown."""
    return re.split("[#`]", shape)[1]


def page() -> str:
    """The page's text."""
    code = read()
    listed = indexed(code)
    rows = ""
    for key, what in kinds():  # the first of each kind says where they are listed
        rows += f"| {_code(key)} | {what} | {'; '.join(listed.pop(re.split('[# ]', key)[0], ()))} |\n"
    text = HEAD + INDEXES
    text += EXPIRING + ", ".join(f"`{where}`" for where in sorted(code.expiring)) + ".\n" + KINDS
    text += f"| pk / sk | what | indexes, for all of the kind |\n|---|---|---|\n{rows}"
    for head, wanted in ((ACCESS, False), (LISTS, True)):
        text += head
        for name, function in functions().items():
            if (shape := form(name)) and is_index(code, name) == wanted:
                text += f"| `{name}` | {shape} | {_first_line(function)} | {_users(code, name)} |\n"
    text += READING
    for name, function in functions().items():
        if not form(name):
            text += f"| `{name}` | {_first_line(function)} | {_users(code, name)} |\n"
    return text


EXPIRING = """**Time to live** (`ttl`, epoch seconds): DynamoDB takes away what these write, some days late at most,
and nobody relies on the moment: """
KINDS = """
## Kinds of items

The first word of the partition says which kind it is, and policies allow by it (`dynamodb:LeadingKeys`).

"""
ACCESS = """
## Access patterns

Each function of `store/keys/` that makes a key, a partition or a range; its form; and who uses it how. *get*, *get
many* (BatchGetItem) and *query* read strongly unless it says that they may be a little behind; *put*, *update*,
*delete* and *check* are actions of a transaction, or single writes under a condition; what has no verb is handed on,
compared or read from a key. In brackets: the modules that call it, where it is a function of `store/`.

| function | pk / sk | what | who reads and writes by it |
|---|---|---|---|
"""
LISTS = """
## What the indexes hold

The same for partitions of `listed` and `waiting`. The items that are read there have keys and `rewards` alone; what
they say is read from the table by key.

| function | partition | what | who puts, and who reads |
|---|---|---|---|
"""
READING = """
## Parts of keys

What is made of keys and positions, or read from them.

| function | what | who uses it |
|---|---|---|
"""


def _code(key: str) -> str:
    return f"`{key.strip()}`".replace("|", "\\|")


def _first_line(function: Callable[..., Any]) -> str:
    text = (inspect.getdoc(function) or "").split("\n\n")[0].replace("\n", " ").replace("|", "\\|")
    text = re.sub(r"^Partition, lowest and highest sort key( of )?\.?", "", text)
    return text


def _users(code: Code, key: str) -> str:
    by_verb: dict[str, dict[str, None]] = {}
    for use in code.uses:
        if use.key == key:
            by_verb.setdefault(use.verb, {})[_user(code, use.where)] = None
    return "; ".join(f"{verb}: {', '.join(by)}" if verb else ", ".join(by) for verb, by in sorted(by_verb.items()))


def _user(code: Code, where: str) -> str:
    called = sorted(code.callers.get(where, ()))
    short = [each.removeprefix("operations/") for each in called]
    return f"`{where}`" + (f" ({', '.join(short)})" if called else "")


if __name__ == "__main__":
    sys.stdout.write(page())
