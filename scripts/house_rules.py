"""Lint rules of this project alone, checked on the syntax tree: `python scripts/house_rules.py [file …]`.

Each rule holds somewhere in the tree and names its reason. There is no way to switch one off in a line: where
one is wrong, it is changed here, for everybody.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "layers/core/python/refledger/"
DEPLOYED = (PACKAGE, "functions/")
FIRST_LINE = 100  # characters
RIDDLE = re.compile(  # a first line that says what something is, or what may be asked of it, and not what is done
    r"(What|Who|Whom|Whose|Whether|Where|Which|How|When|Those|All|Of|Idempotent|Raises|Nobody|Somebody)\b|\("
)
CHECKED = (*DEPLOYED, "local/", "scripts/", "benchmarks/", "tests/")
PROJECT = {"refledger", "functions", "scripts", "benchmarks", "tests"}

Found = Iterator[tuple[int, str]]  # line, what is wrong there


@dataclass(frozen=True)
class Rule:
    """What holds in files below `within`, but for those below what `except_in` names."""

    name: str
    within: tuple[str, ...]
    find: Callable[[ast.Module], Found]
    except_in: tuple[str, ...] = ()

    def applies(self, path: str) -> bool:
        return path.startswith(self.within) and not path.startswith(self.except_in)


def docstrings(tree: ast.Module) -> set[ast.AST]:
    """The nodes of strings that stand alone as statements: they say something, they do nothing."""
    statements = (node.value for node in ast.walk(tree) if isinstance(node, ast.Expr))
    return {value for value in statements if isinstance(value, ast.Constant)}


def strings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every string that is not a docstring, an f-string as one text in which each {…} is the letter x."""
    skip = docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.FormattedValue) and node.format_spec:
            skip.update(ast.walk(node.format_spec))
        elif isinstance(node, ast.JoinedStr) and node not in skip:
            parts = [part.value if isinstance(part, ast.Constant) else "x" for part in node.values]
            skip.update(node.values)  # ast.walk comes to a node before it comes to what is in it
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in skip:
            yield node.lineno, node.value


def scans(tree: ast.Module) -> Found:
    why = "reads the whole table, which costs more every day: query a key or an index"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "scan":
            yield node.lineno, f".scan() {why}"
    for line, text in strings(tree):
        if text in ("Scan", "scan", "dynamodb:Scan"):
            yield line, f'"{text}" {why}'


def sdk_clients(tree: ast.Module) -> Found:
    makers = {"client", "resource", "Session", "session"}
    why = "adapters/aws.py makes the clients: one of each, with time limits and retries"
    aliases = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            aliases |= {name.asname or name.name for name in node.names if name.name == "boto3"}
            for name in node.names:
                if name.name in ("boto3.session", "botocore.session"):
                    yield node.lineno, f"{name.name}: {why}"
        elif isinstance(node, ast.ImportFrom) and node.module in (
            "boto3",
            "boto3.session",
            "botocore.session",
        ):
            for name in node.names:
                if name.name in makers or node.module != "boto3":
                    yield node.lineno, f"{node.module}.{name.name}: {why}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in makers and ast.unparse(node.value) in aliases:
            yield node.lineno, f"boto3.{node.attr}: {why}"


def key_texts(tree: ast.Module) -> Found:
    """Any "#" but that of an expression's "#name", beginning a word, and of the r"#\\w+" that finds those."""
    for line, text in strings(tree):
        if re.search(r"(?<=[^\s(,])#|#(?![a-z]|\\w)", text):
            yield line, f'"{text}": the form of keys is known to store/keys/ alone'


def floats(tree: ast.Module) -> Found:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield node.lineno, f"{node.value}: no float near money; count in whole minor units"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float":
            yield node.lineno, "float(): no float near money; parse with int() or Decimal()"


def true_divisions(tree: ast.Module) -> Found:
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            yield node.lineno, "/ makes a float of two integers: divide with // and say where the rest goes"


def naive_times(tree: ast.Module) -> Found:
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        name, owner = node.func.attr, ast.unparse(node.func.value).rsplit(".", 1)[-1]
        if owner not in ("datetime", "date"):
            continue
        if name in ("utcnow", "utcfromtimestamp", "today"):
            yield node.lineno, f"{owner}.{name}() knows no time zone: use datetime.now(UTC)"
        elif owner == "datetime" and (
            (name == "now" and not node.args and not node.keywords)
            or (name == "fromtimestamp" and len(node.args) < 2 and not any(k.arg == "tz" for k in node.keywords))
        ):
            yield node.lineno, f"datetime.{name}() without a time zone: give it UTC"


def environment_at_import(tree: ast.Module) -> Found:
    """Whatever an import runs: module level, class bodies, decorators and defaults, not functions' bodies."""
    waiting: list[ast.AST] = list(tree.body)
    names = {"environ", "getenv", "environb"}
    direct: set[str] = set()
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += [*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)]
            continue
        if isinstance(node, ast.Lambda):
            waiting += [*node.args.defaults, *filter(None, node.args.kw_defaults)]
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'":
            continue
        if isinstance(node, ast.ImportFrom) and node.module == "os":
            direct |= {name.asname or name.name for name in node.names if name.name in names}
        is_attribute = isinstance(node, ast.Attribute) and node.attr in names and ast.unparse(node.value) == "os"
        if is_attribute or (isinstance(node, ast.Name) and node.id in direct):
            yield (
                getattr(node, "lineno", 0),
                "read while importing: read it in a function that is called later",
            )
        waiting += ast.iter_child_nodes(node)


def imported(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and full name of everything that is imported, at whatever depth."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            package = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            yield from ((node.lineno, package + name.name) for name in node.names)


def importing(roots: set[str], why: str) -> Callable[[ast.Module], Found]:
    """Imports from packages that a part of the tree may not know."""
    return lambda tree: ((line, f"{name}: {why}") for line, name in imported(tree) if name.split(".")[0] in roots)


def _member(node: ast.expr) -> str:
    """The enum of which it is a member (`Kind` of `Kind.EARN`), or all in a tuple are; else ""."""
    if isinstance(node, ast.Tuple | ast.Set | ast.List) and node.elts:
        enums = {_member(each) for each in node.elts}
        return enums.pop() if len(enums) == 1 else ""
    return ast.unparse(node.value) if isinstance(node, ast.Attribute) and node.attr.isupper() else ""


def _asks(test: ast.expr) -> tuple[str, str] | None:
    """What is compared with members of which enum, where that is all that the condition asks."""
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and (enum := _member(test.comparators[0])):
        return ast.unparse(test.left), enum
    return None


def open_matches(tree: ast.Module) -> Found:
    """A `match` over members of an enum whose `case _` does something: a new member would have that done to it."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Match):
            continue
        patterns = [each for case in node.cases for each in getattr(case.pattern, "patterns", [case.pattern])]
        if not any(isinstance(each, ast.MatchValue) and _member(each.value) for each in patterns):
            continue
        last = node.cases[-1]
        refuses = isinstance(last.body[0], ast.Raise) or ast.unparse(last.body[0]).startswith("assert_never(")
        if isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None and not refuses:
            yield last.pattern.lineno, "a default for what is not known yet: name every member, mypy says which lack"


def enum_chains(tree: ast.Module) -> Found:
    """Two tests, one after the other, of one thing for members of one enum: what is none of them falls through."""
    why = "one test after another of what {} is: a match names every member, and mypy the one that is missing"
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and len(node.orelse) == 1 and isinstance(below := node.orelse[0], ast.If):
            asked = _asks(node.test)
            if asked and asked == _asks(below.test):
                yield node.lineno, why.format(asked[0])
        for body in (getattr(node, "body", None), getattr(node, "orelse", None)):
            met: set[tuple[str, str]] = set()
            for each in body if isinstance(body, list) else []:
                leaves = isinstance(each, ast.If) and isinstance(each.body[-1], ast.Return | ast.Raise | ast.Continue)
                if leaves and (asked := _asks(each.test)):
                    if asked in met:
                        yield each.lineno, why.format(asked[0])
                    met.add(asked)


def method_types(tree: ast.Module) -> Found:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Compare):
            continue
        if any(_member(each).split(".")[-1] == "MethodType" for each in (node.left, *node.comparators)):
            yield node.lineno, "a comparison is wrong about every type that comes later: ask a property of MethodType"


# From the top to the bottom. A file imports from below its own step, or from its own room.
STAIRS: tuple[tuple[str, ...], ...] = (
    ("functions", "refledger.cli"),
    ("refledger.entry",),
    ("refledger.operations.recovery",),
    ("refledger.operations.jobs",),
    ("refledger.operations.proof",),
    ("refledger.operations.partners",),
    ("refledger.operations.referring",),
    ("refledger.operations.payouts",),
    ("refledger.operations.earning",),
    ("refledger.operations.figures",),
    ("refledger.operations",),
    ("refledger.store", "refledger.adapters"),
    ("refledger.domain",),
)
STEP = {room: step for step, rooms in enumerate(STAIRS) for room in rooms}


def room_of(module: str) -> str:
    """The room in which a module is; "" where it is in none: what all may use, and what is not ours."""
    parts = module.split(".")
    return next((room for n in range(len(parts), 0, -1) if (room := ".".join(parts[:n])) in STEP), "")


def climbing(path: str, tree: ast.Module) -> Found:
    """Imports of a step above, or of another room on the same one."""
    here = room_of(path.removeprefix("layers/core/python/").removesuffix(".py").replace("/", "."))
    if not here:
        return
    for line, name in imported(tree):
        there = room_of(name)
        if there and there != here and STEP[there] <= STEP[here]:
            yield line, f"{here} imports {name}, which is not below it: see STAIRS"


def own_errors(tree: ast.Module) -> Found:
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            name = ast.unparse(node.exc.func).rsplit(".", 1)[-1]
            if name in ("Forbidden", "OwnWithdrawal", "OwnAdjustment"):
                yield node.lineno, f"{name}: who may decide about whom is said in domain/duties.py alone"


def riddles(tree: ast.Module) -> Found:
    """First lines of public functions' docstrings that are too long, go on below, or ask instead of saying."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
            continue
        first, _, rest = (ast.get_docstring(node) or "").partition("\n")
        is_property = any("property" in ast.unparse(each) for each in node.decorator_list)
        if len(first) > FIRST_LINE or (rest and not rest.startswith("\n")):
            yield node.lineno, f"{node.name}: the docstring's first line is a sentence of up to {FIRST_LINE} characters"
        elif not is_property and RIDDLE.match(first):
            yield node.lineno, f"{node.name}: the docstring says what it does: Return …, Yield …, Write …"


def one_letter_aliases(tree: ast.Module) -> Found:
    """`S = Status`, and `import Status as S`: six classes were called S. A type variable is made by a call."""
    for node in ast.walk(tree):
        names: list[tuple[int, str]] = []
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [(node.lineno, name.asname or "") for name in node.names]
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                targets = target.elts if isinstance(target, ast.Tuple) else [target]
                values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value] * len(targets)
                names += [
                    (node.lineno, ast.unparse(each))
                    for each, value in zip(targets, values, strict=False)
                    if isinstance(value, ast.Name | ast.Attribute)
                ]
        yield from ((line, f"{name}: say which class it is") for line, name in names if re.fullmatch("[A-Z]", name))


BELOW_OPERATIONS = ("refledger.store", "refledger.adapters")


def past_operations(tree: ast.Module) -> Found:
    """Imports by which a function reads the table, or asks AWS or somebody else, without an operation."""
    for line, name in imported(tree):
        if name.startswith(BELOW_OPERATIONS):
            yield line, f"{name}: functions ask operations, or entry"


# What these names stand for in operations is no item: what is told to a caller, cells of a line of a file, an event of
# Stripe's, filters of an export, parts of a counter's name, the result of a task of a workflow.
NOT_ITEMS = {"answer", "cells", "event", "filters", "parts", "task"}
ITEM_MAKERS = {"put", "update", "delete", "check"}


def raw_attributes(tree: ast.Module) -> Found:
    """Names of attributes of items: what is asked of a mapping by a name that stands there as a text."""
    for node in ast.walk(tree):
        names: list[ast.expr] = []
        match node:
            case ast.Subscript(value=mapping, slice=ast.Constant() as name) if ast.unparse(mapping) != "Literal":
                names = [name]
            case ast.Call(func=ast.Attribute(value=mapping, attr="get" | "pop" | "setdefault"), args=[name, *_]):
                names = [name]
            case ast.Compare(left=name, ops=[ast.In() | ast.NotIn()], comparators=[mapping]):
                names = [name]
            case ast.MatchMapping(keys=names):
                mapping = ast.Name("")
            case _:
                continue
        whose = ast.unparse(mapping).rsplit(".", 1)[-1]
        for name in names:
            text = name.value if isinstance(name, ast.Constant) else None
            if isinstance(text, str) and text.isidentifier() and whose not in NOT_ITEMS:
                yield node.lineno, f'"{text}" of {whose or "a mapping"}: store/ alone reads attributes by their names'


def item_makers(tree: ast.Module) -> Found:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "refledger.store.transaction":
            for name in sorted({name.name for name in node.names} & ITEM_MAKERS):
                yield node.lineno, f"{name}: store/ alone says which attributes an item has"


RULES = (
    # an operators' command reads the whole table once, to move on what releases left; no role lets functions do it
    Rule("no-scan", DEPLOYED, scans, except_in=(PACKAGE + "cli/migrate.py",)),
    Rule("clients-in-one-place", DEPLOYED, sdk_clients, except_in=(PACKAGE + "adapters/aws.py",)),
    Rule(
        "keys-in-one-place",
        (PACKAGE + "store/", PACKAGE + "operations/", PACKAGE + "entry/", "functions/"),
        key_texts,
        except_in=(PACKAGE + "store/keys/",),
    ),
    Rule("no-float", (PACKAGE + "domain/", PACKAGE + "store/", PACKAGE + "operations/"), floats),
    Rule("no-true-division", (PACKAGE + "domain/", PACKAGE + "store/"), true_divisions),
    Rule(
        "duties-in-one-place",
        (PACKAGE + "domain/", PACKAGE + "store/", PACKAGE + "operations/"),
        own_errors,
        except_in=(PACKAGE + "domain/duties.py",),
    ),
    Rule(
        "attributes-in-the-store",
        (PACKAGE + "operations/",),
        raw_attributes,
        except_in=(
            PACKAGE + "operations/recovery/migrating.py",  # what older releases left, as they left it
            PACKAGE + "operations/recovery/renaming.py",  # the same, under the keys that they gave it
            PACKAGE + "operations/recovery/restoring.py",  # what an execution of the workflow was begun with
        ),
    ),
    Rule("attributes-in-the-store", (PACKAGE + "operations/", PACKAGE + "entry/", PACKAGE + "cli/"), item_makers),
    Rule("docstrings-say", (PACKAGE,), riddles),
    Rule("no-one-letter-aliases", DEPLOYED, one_letter_aliases),
    Rule("times-with-zone", CHECKED, naive_times),
    Rule("matches-without-default", DEPLOYED, open_matches),
    Rule("match-instead-of-chain", DEPLOYED, enum_chains),
    Rule("types-of-methods", DEPLOYED, method_types),
    Rule("functions-ask-operations", ("functions/",), past_operations),
    Rule("environment-not-at-import", (*DEPLOYED, "local/"), environment_at_import),
    Rule("local-stack-apart", ("local/",), importing(PROJECT, "the local stack is a package of its own")),
    Rule("local-stack-apart", DEPLOYED, importing({"undocked"}, "what is deployed knows no local stack")),
)


def violations(path: str, source: str) -> list[str]:
    """What is wrong with a file of this path (relative to the project, with /), one line each, in order."""
    tree = ast.parse(source, path)
    found = [(line, rule.name, what) for rule in RULES if rule.applies(path) for line, what in rule.find(tree)]
    found += [(line, "stairs", what) for line, what in climbing(path, tree)]
    return [f"{path}:{line}: {name}: {what}" for line, name, what in sorted(found)]


def classes_twice(sources: Mapping[str, str]) -> list[str]:
    """Public classes of the package that another module of it has a namesake of. `sources`: by path."""
    first: dict[str, str] = {}
    found: list[str] = []
    for path in sorted(path for path in sources if path.startswith(DEPLOYED)):
        for node in ast.parse(sources[path], path).body:
            if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
                continue
            if (other := first.setdefault(node.name, path)) != path:
                found.append(f"{path}:{node.lineno}: one-class-a-name: {node.name} is a class of {other}, too")
    return found


def project_files() -> list[Path]:
    return sorted(path for folder in CHECKED for path in (ROOT / folder).rglob("*.py"))


def main(names: list[str]) -> int:
    files = [Path(name).resolve() for name in names] or project_files()
    sources = {file.relative_to(ROOT).as_posix(): file.read_text("utf-8") for file in files}
    found = [v for path, source in sources.items() for v in violations(path, source)] + classes_twice(sources)
    for violation in found:
        print(violation)
    print(f"house rules: {len(files)} files, {len(found)} violations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
