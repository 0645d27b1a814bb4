"""What README and docs name is there: files, links, make targets, commands, routes, parameters, codes, fields."""

from __future__ import annotations

import argparse
import ast
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from refledger import cli
from tests.template.deployed import ROOT

PACKAGE = ROOT / "layers" / "core" / "python" / "refledger"
FOLDERS = (
    "layers",
    "template",
    "functions",
    "scripts",
    "statemachines",
    "events",
    "local",
    "tests",
    "benchmarks",
    "requirements",
    ".github",
    ".ci",
)
ALL = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / ".github").rglob("*.md")])
# pages of a decision, and the changelog, tell what was so then
TODAY = [page for page in ALL if page.parent.name != "decisions" and page.name != "CHANGELOG.md"]
SPAN = re.compile(r"(?<!`)(`{1,2})(?!`)(.+?)(?<!`)\1(?!`)")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


today = pytest.mark.parametrize("page", TODAY, ids=name_of)


def spans(page: Path, pattern: str) -> list[re.Match[str]]:
    """Those of a page that are wholly so."""
    texts = dict.fromkeys(text for _, text in SPAN.findall(page.read_text("utf-8")))
    return [match for text in texts if (match := re.fullmatch(pattern, text))]


def slug(heading: str) -> str:
    """The anchor that a heading gets."""
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


@cache
def anchors(page: Path) -> frozenset[str]:
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    return frozenset(slug(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE))


@pytest.mark.parametrize("page", ALL, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    """To a file that is there, and to a heading that it has."""
    lost = []
    text = re.sub(r"^(?:    |\t).*$|`[^`\n]*`", "", page.read_text("utf-8"), flags=re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and there.suffix == ".md" and anchor not in anchors(there)):
            lost.append(target)
    assert lost == []


def test_the_version_has_its_heading() -> None:
    """What pyproject.toml says is the newest one of the changelog."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert newest
    assert newest[1] == version


@cache
def files() -> frozenset[str]:
    """The names of all files, for those that are named without their folder."""
    below = [path for folder in (*FOLDERS, "docs") for path in (ROOT / folder).rglob("*")]
    return frozenset(path.name for path in [*ROOT.iterdir(), *below])


def is_there(page: Path, name: str) -> bool:
    """Below the project, the package, a room of it, or the page; a function of a module by its module's file."""
    roots = (ROOT, page.parent, PACKAGE, PACKAGE.parent, PACKAGE / "operations", PACKAGE / "domain", ROOT / "docs")
    module = re.sub(r"(/[a-z_]+)(\.\w+)+$", r"\1.py", name)
    return any((root / each).exists() for root in roots for each in (name, module)) or (
        "/" not in name.rstrip("/") and (name.rstrip("/") in files() or name in WRITTEN)
    )


# files that refledger writes, or that an example makes
WRITTEN = {"statements.csv", "journal.csv", "payouts.csv", "liabilities.csv", "trial-balance.csv", "own.json"}


@today
def test_files_are_there(page: Path) -> None:
    """Whatever has a folder or an ending that ours have."""
    lost = []
    for span in spans(page, r"(?:…/)?[\w.\-]+(?:/[\w.\-]+)*/?"):
        name = span[0].removeprefix("…/")
        is_file = re.search(r"\.(py|md|ya?ml|json|toml|sh|csv|rules)$", name)
        is_ours = is_file or ("/" in name and (name.endswith("/") or name.split("/")[0] in FOLDERS))
        if is_ours and not is_there(page, name):
            lost.append(name)
    assert lost == []


@today
def test_make_knows_its_targets(page: Path) -> None:
    """In spans and in blocks alike."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = re.findall(r"(?:^ {4}|`)make((?: [a-z][a-z\-|]+)+)", page.read_text("utf-8"), re.MULTILINE)
    assert {target for each in named for target in re.split(r"[ |]", each.strip())} - targets == set()


@cache
def options() -> dict[str, set[str]]:
    """By command of `bin/refledger`: its options, and those of the commands below it."""
    return {name: set(_options(below)) for name, below in _below(cli.parser()).items()}


def _below(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return {name: below for group in groups for name, below in group.choices.items()}


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield from parser._option_string_actions
    for below in _below(parser).values():
        yield from _options(below)


@today
def test_the_command_knows_its_words(page: Path) -> None:
    """`bin/refledger` and its commands, with the options that are written."""
    for command, rest in re.findall(r"bin/refledger ([a-z-]+)([^`|\n]*)", page.read_text("utf-8")):
        assert set(re.findall(r"(--[a-z\-]+)", rest.split("#")[0])) - options()[command] == set(), command


@cache
def routes() -> list[tuple[str, str]]:
    """(method, path below /api/v1)."""
    document = json.loads((ROOT / "functions" / "docs" / "openapi.json").read_text("utf-8"))
    served = [(method.upper(), path) for path, methods in document["paths"].items() for method in methods]
    return [(method, path.removeprefix("/api/v1")) for method, path in served]


@today
def test_routes_are_served(page: Path) -> None:
    """By the OpenAPI document, whatever stands for the ids."""
    lost = []
    for span in spans(page, r"(GET|POST|PUT|PATCH|DELETE) (/[^\s?`]+)(\?\S*)?"):
        parts = [".*" if re.search(r"[{<$…]", part) else re.escape(part) for part in span[2].split("/")]
        pattern = re.compile("/".join(parts).removeprefix("/api/v1"))
        if not any(method == span[1] and pattern.fullmatch(path) for method, path in routes()):
            lost.append(span[0])
    assert [each for each in lost if "/_local/" not in each] == []


@cache
def source() -> frozenset[str]:
    """Every word of code, templates, samples and the API's document."""
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES]
    files += [path for path in ROOT.iterdir() if path.is_file() and path.suffix != ".md"]
    words = (re.findall(r"\w+", path.read_text("utf-8", errors="ignore")) for path in files)
    return frozenset(word.removesuffix("Alarm") for each in words for word in each) | {path.stem for path in files}


SUFFIXES = {".py", ".yaml", ".yml", ".json", ".txt", ".toml", ".sh", ".rules", ".in", ".csv"}
# what is AWS's, Stripe's, an accountant's or an example's
OTHERS = re.compile(
    r"(whsec|rk_live|sk_live|sk_test|acct|pi|ch|in|tr|cs|re|cus)_\w*|subscription_data|capture_method|EXTF_|API_LOGS"
    r"|THROTTLED|WriteThrottleEvents|InitiateAuth"
)


@today
def test_names_stand_in_the_code(page: Path) -> None:
    """Parameters, problem codes, states, fields, metrics, alarms: each word that only we could have made."""
    words = {word for span in spans(page, r"[A-Za-z_]\w{2,}(?:[.: =]+\S.*)?") for word in re.findall(r"\w+", span[0])}
    ours = {word for word in words if re.search(r"_|[a-z][A-Z]|^[A-Z]{4,}$", word) and not OTHERS.fullmatch(word)}
    assert {word for word in ours if not {word, word.removesuffix("Alarm")} & source()} == set()


# ---------------------------------------------------------------- what docstrings and comments name


@dataclass(frozen=True)
class Code:
    """What the code of layers/ and functions/ says outside of docstrings and comments."""

    words: set[str]  # identifiers, and words of strings
    dotted: set[str]  # `a.b` as an attribute, in a string, or as a module's own name
    prose: list[tuple[str, str]]  # (file, docstring or comment)


@cache
def code() -> Code:
    found = Code({path.stem for path in files_of_code()}, set(), [])
    for path in files_of_code():
        text = path.read_text("utf-8")
        tree, docs = ast.parse(text), set[int]()
        module = path.parent.name if path.stem == "__init__" else path.stem
        for node in ast.walk(tree):
            if isinstance(node, DOCUMENTED):
                first = node.body[0] if node.body else None
                if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                    docs.add(id(first.value))
                    found.prose.append((name_of(path), str(first.value.value)))
            names = _names(node)
            found.words.update(names)
            found.dotted.update(f"{module}.{name}" for name in names)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
                before = node.value.id if isinstance(node.value, ast.Name) else node.value.attr
                found.dotted.add(f"{before}.{node.attr}")
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.dotted.update(f"{node.module.rpartition('.')[2]}.{each.name}" for each in node.names)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
                found.words.update(re.findall(r"\w+", node.value))
                found.dotted.update(re.findall(r"(?=\b(\w+\.\w+))", node.value))
        found.prose.extend((name_of(path), comment) for comment in re.findall(r"(?:^|\s)# [^\n]*", text))
    return found


DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@cache
def files_of_code() -> list[Path]:
    return sorted([*PACKAGE.rglob("*.py"), *(ROOT / "functions").rglob("*.py")])


def _names(node: ast.AST) -> list[str]:
    match node:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return [name]
        case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name):
            return [name]
        case ast.keyword(arg=str(name)):
            return [name]
        case ast.Import() | ast.ImportFrom():
            return [part for each in node.names for part in (each.asname or each.name).split(".")]
        case _:
            return []


def test_docstrings_name_what_is_there() -> None:
    """`module.name` and `long_name` in backticks, and what an example calls, stand in the code beside the docstring."""
    lost = set()
    for where, text in code().prose:
        spans = re.findall(r"`([a-z_]\w*(?:\.\w+)*)(?:\(.*?\))?`", text)
        lost |= {f"{where}: {span}" for span in spans if not is_in_code(span) and not NOT_OURS.fullmatch(span)}
        lost |= {f"{where}: {name}(" for name in re.findall(r"with ([A-Z]\w+)\(", text) if name not in code().words}
    assert sorted(lost) == []


# what is Stripe's or Python's, and names that are made of an example
NOT_OURS = re.compile(
    r"(charge|invoice|plan|price|pricing|payment_details|payment_method_details|itertools)\.\S+|invoice_creation|whsec_"
    r"|items\.3\.amount|cap\.over|late_COUNTER|was_20261130_status"
)


def is_in_code(span: str) -> bool:
    """The last two of its parts together; a word alone where only code could have it."""
    *before, last = span.split(".")
    if before:
        return f"{before[-1]}.{last}" in code().dotted or last in ("py", "yaml", "json", "md")
    return "_" not in span or span in code().words
