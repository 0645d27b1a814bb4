"""A call of the API as one types it: with curl, in Python, in TypeScript."""

from __future__ import annotations

import json
from pprint import pformat
from textwrap import indent
from typing import Any
from urllib.parse import urlencode

LANGUAGES = ("curl", "Python", "TypeScript")


def samples(method: str, path: str, operation: dict[str, Any]) -> dict[str, str]:
    """Return the call in each language, with the document's own examples."""
    parameters = operation["parameters"]
    query = {each["name"]: _value(each) for each in parameters if each["in"] == "query" and each.get("required")}
    for each in parameters:
        if each["in"] == "path":
            path = path.replace(f"{{{each['name']}}}", _value(each))
    path += f"?{urlencode(query)}" if query else ""
    headers = {} if operation.get("security") == [] else {"Authorization": ""}
    for each in parameters:
        if each["in"] == "header" and (each.get("required") or each["name"] == "Idempotency-Key"):
            headers[each["name"]] = {"If-Match": '"1"', "Idempotency-Key": "order-4711"}.get(each["name"], _value(each))
    contents: dict[str, dict[str, Any]] = operation.get("requestBody", {}).get("content", {})
    kind, told = next(iter(contents.items()), ("", {}))
    body = told.get("example")
    return {
        "curl": _curl(method, path, headers, kind, body),
        "Python": _python(method, path, headers, kind, body),
        "TypeScript": _typescript(method, path, headers, kind, body),
    }


def _value(parameter: dict[str, Any]) -> str:
    schema = parameter["schema"]
    kinds = [schema, *schema.get("anyOf", [])]
    found = [parameter.get("example"), *(each.get("default") for each in kinds)]
    found += [each[name][0] for each in kinds for name in ("examples", "enum") if each.get(name)]
    return str(next((each for each in found if each is not None), "…"))


def _curl(method: str, path: str, headers: dict[str, str], kind: str, body: Any) -> str:
    lines = ["curl " + ("" if method == "get" else f"-X {method.upper()} ") + f'"$API{path}"']
    lines += [f"-H '{name}: {value}'" if value else f'-H "{name}: Bearer $TOKEN"' for name, value in headers.items()]
    if body is not None:
        text = body.replace("\r", "") if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
        lines += [f"-H 'Content-Type: {kind}'", "-d '" + text.replace("'", "'\\''") + "'"]
    return " \\\n  ".join(lines)


def _python(method: str, path: str, headers: dict[str, str], kind: str, body: Any) -> str:
    told = [f'"{name}": {value!r}' if value else f'"{name}": f"Bearer {{token}}"' for name, value in headers.items()]
    words = [f'f"{{API}}{path}"']
    if isinstance(body, str):
        told.append(f'"Content-Type": "{kind}"')
        words.append(f"content={body!r}")
    elif body is not None:
        words.append(f"json={pformat(body, sort_dicts=False, width=88)}")
    words += [f"headers={{{', '.join(told)}}}"] if told else []
    return f"import httpx\n\nanswer = httpx.{method}(\n{_lines(words, 4)})\nanswer.raise_for_status()"


def _typescript(method: str, path: str, headers: dict[str, str], kind: str, body: Any) -> str:
    told = [
        f"{json.dumps(name)}: {json.dumps(value) if value else '`Bearer ${token}`'}" for name, value in headers.items()
    ]
    words = [] if method == "get" else [f'method: "{method.upper()}"']
    if body is not None:
        told.append(f'"Content-Type": "{kind}"')
        text = json.dumps(body, ensure_ascii=False, indent=2)
        words.append(f"body: {text}" if isinstance(body, str) else f"body: JSON.stringify({text})")
    words += [f"headers: {{ {', '.join(told)} }}"] if told else []
    options = f", {{\n{_lines(words, 2)}}}" if words else ""
    return (
        f"const answer = await fetch(`${{API}}{path}`{options});\nif (!answer.ok) throw new Error(await answer.text());"
    )


def _lines(words: list[str], spaces: int) -> str:
    return indent("".join(f"{each},\n" for each in words), " " * spaces)
