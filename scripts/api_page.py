"""Writes the API's page from its OpenAPI document: text and style, no script, nothing loaded from elsewhere."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from html import escape
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
STYLE = """
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--get:#2563eb;--post:#15803d;--put:#b45309;--delete:#b91c1c}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:62rem;padding:1.5rem}
h1{margin:0}
h2{margin:2.5rem 0 .5rem;text-transform:capitalize}
nav a{display:inline-block;margin:0 .8rem .3rem 0;text-transform:capitalize}
details{border:1px solid var(--line);border-radius:.4rem;margin:.4rem 0}
summary{cursor:pointer;padding:.45rem .7rem;display:flex;gap:.7rem;align-items:baseline;flex-wrap:wrap}
summary code{font-weight:600;overflow-wrap:anywhere}
summary span{opacity:.75}
.m{font:700 .75rem system-ui;color:#fff;border-radius:.25rem;padding:.1rem .45rem;min-width:3.6rem;text-align:center}
.get{background:var(--get)}.post{background:var(--post)}.put,.patch{background:var(--put)}.delete{background:var(--delete)}
.in{padding:0 .9rem .9rem;border-top:1px solid var(--line)}
pre{background:var(--soft);border-radius:.3rem;padding:.7rem;overflow:auto;font-size:.85rem;max-height:26rem}
table{border-collapse:collapse;width:100%;font-size:.92rem}
td,th{border-bottom:1px solid var(--line);padding:.3rem .6rem .3rem 0;text-align:left;vertical-align:top}
h4{margin:1rem 0 .3rem}
"""


def page(document: dict[str, Any]) -> str:
    """The whole page."""
    tags: dict[str, list[str]] = defaultdict(list)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            tags[operation["tags"][0]].append(_operation(method, path, operation, document["components"]["schemas"]))
    links = "".join(f'<a href="#{tag}">{tag}</a>' for tag in sorted(tags))
    sections = "".join(f'<h2 id="{tag}">{tag}</h2>{"".join(tags[tag])}' for tag in sorted(tags))
    number = sum(map(len, tags.values()))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>refledger API</title><style>{STYLE}</style></head><body>"
        f"<h1>refledger API</h1><p>{escape(document['info']['description'])} {number} operations. "
        "Every call but those marked so needs <code>Authorization: Bearer …</code>. For machines: "
        '<a href="api/v1/openapi.json">openapi.json</a>.</p>'
        f"<nav>{links}</nav>{sections}</body></html>\n"
    )


def _operation(method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    inside = [f"<p>{escape(operation['description'])}</p>", _parameters(operation["parameters"], schemas)]
    for kind, told in operation.get("requestBody", {}).get("content", {}).items():
        inside.append(f"<h4>Request <small>{kind}</small></h4>{_sample(told)}")
    responses = operation["responses"].items()
    for status, told in responses:
        for kind, content in told["content"].items() if status < "400" else ():
            inside.append(f"<h4>{status} <small>{kind}</small></h4>{_sample(content)}")
    rows = "".join(f"<tr><td>{s}</td><td>{escape(t['description'])}</td></tr>" for s, t in responses if s >= "400")
    inside.append(f"<h4>Refusals</h4><table>{rows}</table>" if rows else "")
    return (
        f'<details id="{operation["operationId"]}"><summary><b class="m {method}">{method.upper()}</b>'
        f"<code>{escape(path)}</code><span>{escape(operation['summary'])}</span></summary>"
        f'<div class="in">{"".join(inside)}</div></details>'
    )


def _parameters(parameters: list[dict[str, Any]], schemas: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(each['name'])}</code></td><td>{each['in']}</td>"
        f"<td>{'needed' if each.get('required') else ''}</td>"
        f"<td>{escape(each['description'])}{_small(_values(each['schema'], schemas))}</td></tr>"
        for each in parameters
    )
    return f"<table>{rows}</table>" if rows else ""


def _small(words: str) -> str:
    return f"<br><small>{escape(words)}</small>" if words else ""


def _values(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    """What a parameter may be, in words: `A, B or C`; `1 to 100, 25 unless it is said`."""
    found = list(filter(None, (_value(each, schemas) for each in schema.get("anyOf", [schema]))))
    if "anyOf" in schema and "examples" in schema and not found:
        found = [f"such as {schema['examples'][0]}"]
    default = schema.get("default")
    if default is not None:
        found = [each for each in found if not each.startswith("such as")]
        found.append(f"{str(default).lower() if isinstance(default, bool) else default} unless it is said")
    return ", ".join(found)


def _value(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    options = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    if options:
        return " or ".join(filter(None, [", ".join(map(str, options[:-1])), str(options[-1])]))
    if schema.get("type") == "integer" and {"minimum", "maximum"} <= schema.keys():
        return f"{schema['minimum']} to {schema['maximum']}"
    if schema.get("type") == "boolean":
        return "true or false"
    if schema.get("format") in ("date", "date-time"):
        return {"date": "a day, such as 2026-01-31", "date-time": "a time, such as 2026-01-31T12:00:00Z"}[
            schema["format"]
        ]
    return f"such as {schema['examples'][0]}" if schema.get("examples") else ""


def _sample(content: dict[str, Any]) -> str:
    if "example" not in content:
        return ""
    told = content["example"]
    text = told if isinstance(told, str) else json.dumps(told, indent=2, ensure_ascii=False)
    return f"<pre>{escape(text.replace(chr(13), ''))}</pre>"


if __name__ == "__main__":
    sys.stdout.write(page(json.loads((ROOT / "functions" / "docs" / "openapi.json").read_text(encoding="utf-8"))))
