"""Writes the API's reference from its document: a page that is whole without its script, which searches and tries."""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from hashlib import sha256
from html import escape
from pathlib import Path
from string import Template
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "layers" / "core" / "python"))
sys.path.insert(0, str(ROOT))

from refledger.entry.models.common import LARGEST_PAGE, PAGE  # noqa: E402  the layer is not installed
from scripts.api_samples import samples  # noqa: E402

Operation = tuple[str, str, dict[str, Any]]
FUNCTION = ROOT / "functions" / "docs"
INTRODUCTION = Path(__file__).with_name("api_introduction.html")


def page(document: dict[str, Any]) -> str:
    """The whole page."""
    tags: dict[str, list[Operation]] = defaultdict(list)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            tags[operation["tags"][0]].append((method, path, operation))
    about = {tag["name"]: _text(tag["description"]) for tag in document["tags"]}
    named = document["components"]["schemas"]
    introduction = Template(INTRODUCTION.read_text(encoding="utf-8")).substitute(
        number=sum(map(len, tags.values())),
        page=PAGE,
        largest_page=LARGEST_PAGE,
        description=document["info"]["description"],
    )
    links = "".join(
        f"<details><summary>{_title(tag)}</summary><ul>{''.join(_entry(*each) for each in tags[tag])}</ul></details>"
        for tag in sorted(tags)
    )
    sections = "".join(
        f'<section><h2 id="{tag}">{_title(tag)}</h2><p>{about[tag]}</p>'
        f"{''.join(_operation(*each, named) for each in tags[tag])}</section>"
        for tag in sorted(tags)
    )
    schemas = "".join(_schema(name, told) for name, told in sorted(named.items()))
    chapters = [
        f'<li><a href="#{id}">{title}</a></li>' for id, title in re.findall(r'<h2 id="(.+?)">(.+?)</h2>', introduction)
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>refledger API</title><link rel="stylesheet" href="{_address("reference.css")}">'
        f'<script src="{_address("reference.js")}" defer></script></head><body>'
        '<nav aria-label="Contents"><details class="menu" open><summary>Contents</summary>'
        '<label class="search" hidden>Search <input type="search" placeholder="withdrawals approve  ( / )"></label>'
        f'<p class="found" role="status"></p><ul>{"".join(chapters)}</ul>'
        f'{links}<ul><li><a href="#schemas">Schemas</a></li></ul></details></nav>'
        f'<main>{introduction}{sections}<section><h2 id="schemas">Schemas</h2><p>What bodies and answers are made of. '
        f"Needed: a body must have it, and every answer has it.</p>{schemas}</section></main></body></html>\n"
    )


def _address(name: str) -> str:
    """Of a file beside the page; another one when it says something else, for it is kept long."""
    return f"docs/{name}?{sha256((FUNCTION / name).read_bytes()).hexdigest()[:12]}"


def _entry(method: str, path: str, operation: dict[str, Any]) -> str:
    return (
        f'<li><a href="#{operation["operationId"]}" data-words="{escape(path)} {method}">'
        f"{_text(operation['summary'].rstrip('.'))}</a></li>"
    )


def _operation(method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    inside = [f"<p>{_text(operation['description'])}</p>", _parameters(operation["parameters"], schemas)]
    for kind, told in operation.get("requestBody", {}).get("content", {}).items():
        inside.append(f"<h4>Request <small>{kind}</small></h4>{_fields_of(told)}{_sample(told, 'body', kind)}")
    calls = samples(method, path, operation).items()
    inside.append(
        "<h4>Call</h4>" + "".join(f'<pre data-language="{name}">{escape(text)}</pre>' for name, text in calls)
    )
    responses = operation["responses"].items()
    for status, told in responses:
        for kind, content in told["content"].items() if status < "400" else ():
            inside.append(f"<h4>{status} <small>{kind}</small></h4>{_fields_of(content)}{_sample(content)}")
    rows = "".join(f"<tr><td>{s}</td><td>{escape(t['description'])}</td></tr>" for s, t in responses if s >= "400")
    inside.append(f"<h4>Refusals</h4><p>Fields: {_link('Problem')}.</p><table>{rows}</table>" if rows else "")
    is_open = ' data-open=""' if operation.get("security") == [] else ""
    return (
        f'<details class="operation" id="{operation["operationId"]}" data-method="{method}"'
        f' data-path="{escape(path)}"{is_open}>'
        f'<summary><b class="m {method}">{method.upper()}</b>'
        f"<code>{escape(path)}</code><span>{_text(operation['summary'])}</span></summary>"
        f'<div class="in">{"".join(inside)}</div></details>'
    )


def _parameters(parameters: list[dict[str, Any]], schemas: dict[str, Any]) -> str:
    rows = "".join(
        f'<tr data-in="{each["in"]}" data-name="{escape(each["name"])}" data-example="{escape(_example(each))}">'
        f"<td><code>{escape(each['name'])}</code></td><td>{each['in']}</td>"
        f"<td>{'needed' if each.get('required') else ''}</td>"
        f"<td>{_text(each['description'])}{_small(_values(each['schema'], schemas))}"
        f"{_meanings(each['schema'], schemas)}</td></tr>"
        for each in parameters
    )
    return f"<h4>Parameters</h4><table>{rows}</table>" if rows else ""


def _example(parameter: dict[str, Any]) -> str:
    """What a trial call begins with: of what is needed."""
    return str(parameter.get("example", "")) if parameter.get("required") else ""


def _text(words: str) -> str:
    """As HTML: what stands in backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(words))


def _title(tag: str) -> str:
    return (tag[0].upper() + re.sub(r"([A-Z])", lambda match: f" {match[1].lower()}", tag[1:])).replace("api", "API")


def _link(name: str) -> str:
    return f'<a href="#schema-{name}">{name}</a>'


def _fields_of(content: dict[str, Any]) -> str:
    """Where the fields of a body or an answer are told."""
    return f"<p>Fields: {_type(content['schema'])}.</p>" if "$ref" in json.dumps(content["schema"]) else ""


def _schema(name: str, schema: dict[str, Any]) -> str:
    """A schema, once: what leads to it are links."""
    words = f"<p>{_text(schema['description'])}</p>" if "description" in schema else ""
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code></td><td>{_type(told)}</td>"
        f"<td>{'needed' if field in schema.get('required', ()) else ''}</td>"
        f"<td>{_text(told.get('description', ''))}{_small(_bounds(told))}</td></tr>"
        for field, told in schema.get("properties", {}).items()
    )
    inside = f"<table>{rows}</table>" if rows else _meanings(schema, {}) or f"<p>{_type(schema)}</p>"
    return f'<h3 id="schema-{name}">{name}</h3>{words}{inside}'


def _type(schema: dict[str, Any]) -> str:
    """`list of RewardView`, `text or null`: with links to schemas."""
    if "$ref" in schema:
        return _link(schema["$ref"].rpartition("/")[2])
    if kinds := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(dict.fromkeys(map(_type, kinds)))
    if options := _options(schema, {}):
        return _or([f"<code>{escape(each)}</code>" for each in options])
    if isinstance(kinds := schema.get("type"), list):
        return " or ".join(_type({"type": kind}) for kind in kinds)
    match kinds:
        case "array":
            return f"list of {_type(schema.get('items', {}))}"
        case "object" if isinstance(inner := schema.get("additionalProperties"), dict):
            return f"object, each {_type(inner)}"
        case "string":
            return {"date": "day", "date-time": "time"}.get(schema.get("format", ""), "text")
        case "integer":
            return "whole number"
    return str(kinds or "any value")


def _bounds(schema: dict[str, Any]) -> str:
    """How much, how many and how long a field may be, and what it is where it is left out."""
    found = []
    for each in schema.get("anyOf", [schema]):
        for least, most, unit in (("minimum", "maximum", ""), ("minLength", "maxLength", " characters"),
                                  ("minItems", "maxItems", " items")):  # fmt: skip
            if least in each and most in each:
                found.append(f"{each[least]} to {each[most]}{unit}")
            elif most in each:
                found.append(f"at most {each[most]}{unit}")
            elif least in each:
                found.append(f"at least {each[least]}{unit}")
        found += [f"above {each['exclusiveMinimum']}"] if "exclusiveMinimum" in each else []
    default = schema.get("default")
    if default is not None and default not in ("", []):
        found.append(f"{default if isinstance(default, str) else json.dumps(default)} unless it is said")
    return ", ".join(found)


def _meanings(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    """Each value of an enum with what it means, where that is told."""
    for each in schema.get("anyOf", [schema]):
        told = schemas[each["$ref"].rpartition("/")[2]] if "$ref" in each and schemas else each
        if any((meanings := told.get("x-enumDescriptions", {})).values()):
            rows = meanings.items()
            return f"<ul>{''.join(f'<li><code>{escape(v)}</code>: {_text(words)}</li>' for v, words in rows)}</ul>"
    return ""


def _or(words: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _small(words: str) -> str:
    return f"<br><small>{escape(words)}</small>" if words else ""


def _values(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    """What a parameter may be, in words: `A, B or C`; `1 to 100, 25 unless it is said`."""
    kinds = schema.get("anyOf", [schema])
    options = [option for each in kinds for option in _options(each, schemas)]
    found = [_or(options)] if options else list(filter(None, map(_value, kinds)))
    if "anyOf" in schema and "examples" in schema and not found:
        found = [f"such as {schema['examples'][0]}"]
    default = schema.get("default")
    if default is not None:
        found = [each for each in found if not each.startswith("such as")]
        found.append(f"{str(default).lower() if isinstance(default, bool) else default} unless it is said")
    return ", ".join(found)


def _options(schema: dict[str, Any], schemas: dict[str, Any]) -> list[str]:
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    return list(map(str, schema.get("enum") or ([schema["const"]] if "const" in schema else [])))


def _value(schema: dict[str, Any]) -> str:
    if schema.get("type") == "integer" and {"minimum", "maximum"} <= schema.keys():
        return f"{schema['minimum']} to {schema['maximum']}"
    if schema.get("type") == "boolean":
        return "true or false"
    if schema.get("format") in ("date", "date-time"):
        return {"date": "a day, such as 2026-01-31", "date-time": "a time, such as 2026-01-31T12:00:00Z"}[
            schema["format"]
        ]
    return f"such as {schema['examples'][0]}" if schema.get("examples") else ""


def _sample(content: dict[str, Any], role: str = "", kind: str = "") -> str:
    if "example" not in content:
        return ""
    told = content["example"]
    text = told if isinstance(told, str) else json.dumps(told, indent=2, ensure_ascii=False)
    marked = f' data-role="{role}" data-kind="{kind}"' if role else ""
    return f"<pre{marked}>{escape(text.replace(chr(13), ''))}</pre>"


if __name__ == "__main__":
    sys.stdout.write(page(json.loads((ROOT / "functions" / "docs" / "openapi.json").read_text(encoding="utf-8"))))
