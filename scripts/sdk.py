"""Write the SDKs' types and calls from the API's document: Python's _api.py and TypeScript's api.ts.

What they are made of stands beside them by hand: the client that sends, repeats and signs in. `make sdk` calls this.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "functions" / "docs" / "openapi.json"
PYTHON, TYPESCRIPT = "python/src/refledger_sdk/_api.py", "typescript/src/api.ts"
JSON = "application/json"
NOT_CALLED = {"pages", "docs", "openapi", "links", "embed", "webhooks"}  # for browsers, and for who signs
BUILT_IN = {"from", "in", "is", "class", "def", "global", "import", "list", "id", "type"}
HEAD = "Made by scripts/sdk.py from the API's document; changes belong there."

Json = dict[str, Any]


def snake(name: str) -> str:
    """Return a camelCase name in Python's way."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def camel(parts: list[str]) -> str:
    return parts[0] + "".join(part[0].upper() + part[1:] for part in parts[1:])


@dataclass(frozen=True)
class Call:
    """One operation of the document."""

    verb: str
    path: str
    told: Json

    @property
    def group(self) -> str:
        return str(self.told["operationId"]).split(".")[0]

    @property
    def words(self) -> list[str]:
        """The name inside of its group."""
        return str(self.told["operationId"]).split(".")[1:]

    def parameters(self, place: str) -> list[Json]:
        return [each for each in self.told.get("parameters", ()) if each["in"] == place]

    @property
    def is_keyed(self) -> bool:
        """Whether it takes an Idempotency-Key, by which it may be repeated."""
        return any(each["name"] == "Idempotency-Key" for each in self.parameters("header"))

    @property
    def is_versioned(self) -> bool:
        """Whether it takes the version that was read."""
        return any(each["name"] == "If-Match" for each in self.parameters("header"))

    @cached_property
    def body(self) -> Json | None:
        """The schema of a body in JSON."""
        content = self.told.get("requestBody", {}).get("content", {})
        return content[JSON]["schema"] if JSON in content else None

    @property
    def raw_body(self) -> str:
        """The content type of a body that is not JSON; "" where it is, or where there is none."""
        content = self.told.get("requestBody", {}).get("content", {})
        return "" if JSON in content else next(iter(content), "")

    @cached_property
    def answer(self) -> Json | None:
        """The schema of the answer; None where it may be something else than JSON."""
        good = next(told for status, told in self.told["responses"].items() if status[0] == "2")
        content = good.get("content", {})
        return content[JSON]["schema"] if list(content) == [JSON] else None


def calls(document: Json) -> Iterator[Call]:
    """Yield the operations that a server calls."""
    for path, told in document["paths"].items():
        for verb, operation in told.items():
            call = Call(verb.upper(), path, operation)
            if call.group not in NOT_CALLED:
                yield call


def grouped(document: Json) -> dict[str, list[Call]]:
    """Return them by the resource that they are of."""
    found = defaultdict(list)
    for call in calls(document):
        found[call.group].append(call)
    return dict(sorted(found.items()))


def named(schema: Json | None) -> str:
    """Return the name of the schema that is referred to, "" for one that is written out."""
    return str((schema or {}).get("$ref", "")).rpartition("/")[2]


def item_of(document: Json, call: Call) -> Json | None:
    """Return the schema of what a page of the call's answer lists; None for what has no pages."""
    fields = document["components"]["schemas"].get(named(call.answer), {}).get("properties", {})
    pages = call.verb == "GET" and "nextCursor" in fields and "data" in fields
    return fields["data"]["items"] if pages else None


# ---------------------------------------------------------------- Python


def python_type(schema: Json) -> str:
    """Return the annotation for a schema."""
    if name := named(schema):
        return f'"{name}"'
    if any(key in schema for key in ("anyOf", "oneOf", "allOf")):
        several = schema.get("anyOf") or schema.get("oneOf") or schema["allOf"]
        return " | ".join(dict.fromkeys(python_type(each) for each in several)).replace('"', "")
    if "enum" in schema or "const" in schema:
        return f"Literal[{', '.join(map(repr, schema.get('enum', [schema.get('const')])))}]"
    match schema.get("type"):
        case "object":
            more = schema.get("additionalProperties")
            return f"dict[str, {python_type(more) if isinstance(more, dict) else 'Any'}]".replace('"', "")
        case "array":
            return f"list[{python_type(schema.get('items', {}))}]".replace('"', "")
        case str(kind):
            return {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}[kind]
        case _:
            return "Any"


def quoted(annotation: str) -> str:
    return annotation if annotation.startswith('"') else json.dumps(annotation.replace('"', ""), ensure_ascii=False)


def python_models(document: Json) -> Iterator[str]:
    for name, schema in sorted(document["components"]["schemas"].items()):
        if "properties" not in schema:
            yield f"{name}: TypeAlias = {quoted(python_type(schema))}"
            continue
        required = set(schema.get("required", ()))
        yield f'{name} = TypedDict("{name}", {{'
        for field, told in schema["properties"].items():
            kind = python_type(told).replace('"', "")
            yield f'    "{field}": {json.dumps(kind if field in required else f"NotRequired[{kind}]")},'
        yield "})"


def python_name(name: str) -> str:
    made = snake(name).replace("-", "_")
    return f"{made}_" if made in BUILT_IN else made


def python_call(document: Json, call: Call) -> Iterator[str]:
    path = [each["name"] for each in call.parameters("path")]
    first = [f"{python_name(name)}: str" for name in path]
    if call.body is not None:
        optional = not call.told["requestBody"].get("required")
        first.append(f"body: {python_type(call.body)}" + (" | None = None" if optional else ""))
    if call.raw_body:
        first.append("content: str")
    more = [f"if_match: int{'' if call.is_versioned else ' | None = None'}"] if call.is_versioned else []
    queries = {each["name"]: python_name(each["name"]) for each in call.parameters("query")}
    for each in call.parameters("query"):
        kind = python_type(each["schema"]).replace('"', "")
        is_needed = each.get("required")
        more.append(
            f"{queries[each['name']]}: {kind}" if is_needed else f"{queries[each['name']]}: {_or_none(kind)} = None"
        )
    more += ["idempotency_key: str | None = None"] if call.is_keyed else []
    answer = python_type(call.answer).strip('"') if call.answer else "bytes"
    sent = [
        json.dumps(call.verb),
        "f" + json.dumps(re.sub(r"\{(\w+)\}", lambda m: f"{{_quote({python_name(m[1])})}}", call.path)),
    ]
    sent += ["body=body"] if call.body is not None else []
    sent += [f'content=(content, "{call.raw_body}")'] if call.raw_body else []
    sent += [f"query={{{', '.join(f'{json.dumps(name)}: {arg}' for name, arg in queries.items())}}}"] if queries else []
    sent += ["if_match=if_match"] if call.is_versioned else []
    sent += ["key=idempotency_key or new_key()"] if call.is_keyed else []
    sent += [] if call.answer else ["raw=True"]
    name = python_name(camel(call.words))
    yield from _python_def(
        name, first, more, answer, str(call.told["summary"]), f"return cast({answer!r}, self._send({', '.join(sent)}))"
    )
    if item := item_of(document, call):
        kept = [each for each in more if not each.startswith(("cursor:", "limit:"))]
        given = [arg.split(":")[0] for arg in first] + [
            f"{arg}={arg}" for arg in (each.split(":")[0] for each in kept) if arg != "cursor"
        ]
        kind = python_type(item).strip('"')
        step = f"return pages(lambda cursor: self.{name}({', '.join([*given, 'limit=100', 'cursor=cursor'])}))"
        words = f"{call.told['summary'].rstrip('.')}: all of them, page after page."
        yield from _python_def(f"{name.removesuffix('_')}_all", first, kept, f"Iterator[{kind}]", words, step)


def _or_none(kind: str) -> str:
    return kind if "None" in kind.split(" | ") else f"{kind} | None"


def _python_def(name: str, first: list[str], more: list[str], answer: str, words: str, step: str) -> Iterator[str]:
    arguments = ["self", *(first and [*first, "/"]), *(more and ["*", *more])]
    yield ""
    yield f"    def {name}({', '.join(arguments)}) -> {json.dumps(answer)}:"
    yield f"        {json.dumps(words, ensure_ascii=False)}"
    yield f"        {step}"


def python(document: Json) -> str:
    """Return the text of _api.py."""
    lines = [
        f'"""{HEAD}"""', "", "# ruff: noqa", "from __future__ import annotations", "",
        "from collections.abc import Iterator",
        "from typing import Any, Literal, NotRequired, TypeAlias, TypedDict, cast", "",
        "from refledger_sdk._client import Group, new_key, pages", "from refledger_sdk._client import quote as _quote",
        "",
        *python_models(document),
    ]  # fmt: skip
    groups = grouped(document)
    for group, those in groups.items():
        lines += ["", "", f"class {group[0].upper()}{group[1:]}Calls(Group):"]
        lines.append(f'    """{_about(document, group)}"""')
        lines += [line for call in those for line in python_call(document, call)]
    lines += ["", "", "class Calls:", '    """What there is to call, by resource."""', ""]
    lines += ["    def __init__(self, send: Any) -> None:"]
    lines += [f"        self.{snake(group)} = {group[0].upper()}{group[1:]}Calls(send)" for group in groups]
    return "\n".join(lines) + "\n"


def _about(document: Json, group: str) -> str:
    return next((each["description"] for each in document["tags"] if each["name"] == group), group)


# ---------------------------------------------------------------- TypeScript


def ts_type(schema: Json) -> str:
    """Return the type for a schema."""
    if name := named(schema):
        return name
    if any(key in schema for key in ("anyOf", "oneOf", "allOf")):
        several = schema.get("anyOf") or schema.get("oneOf") or schema["allOf"]
        return " | ".join(dict.fromkeys(map(ts_type, several)))
    if "enum" in schema or "const" in schema:
        return " | ".join(map(json.dumps, schema.get("enum", [schema.get("const")])))
    match schema.get("type"):
        case "object":
            more = schema.get("additionalProperties")
            return f"Record<string, {ts_type(more) if isinstance(more, dict) else 'unknown'}>"
        case "array":
            return f"Array<{ts_type(schema.get('items', {}))}>"
        case str(kind):
            names = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
            return names[kind]
        case _:
            return "unknown"


def ts_models(document: Json) -> Iterator[str]:
    for name, schema in sorted(document["components"]["schemas"].items()):
        if "properties" not in schema:
            yield f"export type {name} = {ts_type(schema)};"
            continue
        required = set(schema.get("required", ()))
        yield f"export interface {name} {{"
        for field, told in schema["properties"].items():
            if words := told.get("description"):
                yield f"  /** {words.replace('*/', '* /')} */"
            yield f"  {json.dumps(field)}{'' if field in required else '?'}: {ts_type(told)};"
        yield "}"


def ts_call(document: Json, call: Call) -> Iterator[str]:
    name = camel(call.words)
    first = [f"{each['name']}: string" for each in call.parameters("path")]
    if call.body is not None:
        first.append(f"body{'' if call.told['requestBody'].get('required') else '?'}: {ts_type(call.body)}")
    if call.raw_body:
        first.append("content: string")
    options = [
        f"{json.dumps(each['name'])}{'' if each.get('required') else '?'}: {ts_type(each['schema'])}"
        for each in call.parameters("query")
    ]
    is_needed = call.is_versioned or any(each.get("required") for each in call.parameters("query"))
    queries = [each["name"] for each in call.parameters("query")]
    extra = [
        *options,
        *(["ifMatch: number"] if call.is_versioned else []),
        *(["idempotencyKey?: string"] if call.is_keyed else []),
    ]
    more = [f"options: {{ {'; '.join(extra)} }}" + ("" if is_needed else " = {}")] if extra else []
    path = re.sub(r"\{(\w+)\}", r"${encodeURIComponent(\1)}", call.path)
    sent = ["body"] if call.body is not None else []
    sent += [f"content: [content, {json.dumps(call.raw_body)}]"] if call.raw_body else []
    sent += [f"query: pick(options, {json.dumps(queries)})"] if queries else []
    sent += ["ifMatch: options.ifMatch"] if call.is_versioned else []
    sent += ["key: options.idempotencyKey ?? newKey()"] if call.is_keyed else []
    sent += [] if call.answer else ["raw: true"]
    answer = ts_type(call.answer) if call.answer else "Uint8Array"
    yield f"  /** {call.told['summary']} */"
    yield f"  {name}({', '.join([*first, *more])}): Promise<{answer}> {{"
    yield f'    return this.send("{call.verb}", `{path}`, {{ {", ".join(sent)} }});'
    yield "  }"
    if item := item_of(document, call):
        given = ", ".join([*(each.split(":")[0].rstrip("?") for each in first), "{ ...options, limit: 100, cursor }"])
        yield f"  /** {call.told['summary'].rstrip('.')}: all of them, page after page. */"
        yield f"  {name}All({', '.join([*first, *more])}): AsyncGenerator<{ts_type(item)}> {{"
        yield f"    return pages((cursor) => this.{name}({given}));"
        yield "  }"


def typescript(document: Json) -> str:
    """Return the text of api.ts."""
    lines = [f"// {HEAD}", 'import { Group, type Send, newKey, pages, pick } from "./client.js";', ""]
    lines += list(ts_models(document))
    groups = grouped(document)
    for group, those in groups.items():
        lines += ["", f"/** {_about(document, group)} */"]
        lines.append(f"export class {group[0].upper()}{group[1:]}Calls extends Group {{")
        lines += [line for call in those for line in ts_call(document, call)]
        lines.append("}")
    lines += ["", "/** What there is to call, by resource. */", "export class Calls {"]
    lines += [f"  readonly {group}: {group[0].upper()}{group[1:]}Calls;" for group in groups]
    lines.append("  constructor(send: Send) {")
    lines += [f"    this.{group} = new {group[0].upper()}{group[1:]}Calls(send);" for group in groups]
    return "\n".join([*lines, "  }", "}"]) + "\n"


def write(target: Path) -> None:
    """Write both below a folder that is laid out as sdk/ is."""
    document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    for name, made in ((PYTHON, python(document)), (TYPESCRIPT, typescript(document))):
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(made, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "sdk")
