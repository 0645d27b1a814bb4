"""Writes the OpenAPI 3.1 document of the HTTP API, made from the functions' own routes and models."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "layers" / "core" / "python"))

from refledger.entry import access, problems  # noqa: E402  the layer is not installed
from refledger.entry.http import Api, Route  # noqa: E402
from refledger.entry.models.common import CsvFile, NoBody, NoQuery  # noqa: E402

REFERENCE = "#/components/schemas/{model}"
PROBLEM = {
    "type": "object",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "stable; rely on this one"},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
}


def routes() -> list[Route]:
    """Every route of every HTTP function, by path."""
    found: list[Route] = []
    for path in sorted((ROOT / "functions").glob("*/app.py")):
        spec = importlib.util.spec_from_file_location(f"openapi.{path.parent.name}", path)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # pydantic looks generic models up there
        spec.loader.exec_module(module)
        if isinstance(api := getattr(module, "api", None), Api):
            found += api.routes.values()
    return sorted(found, key=lambda route: (route.key.split()[1], route.key))


def document() -> dict[str, Any]:
    """OpenAPI 3.1."""
    all_routes = routes()
    pairs: list[tuple[type[BaseModel], Any]] = []
    for route in all_routes:
        pairs += [(route.body, "validation"), (route.query, "validation")]
        pairs += [(route.answer, "serialization")] if route.answer is not CsvFile else []
    unique = list(dict.fromkeys(pairs))
    schemas, definitions = models_json_schema(unique, ref_template=REFERENCE)
    paths: dict[str, dict[str, Any]] = {}
    for route in all_routes:
        method, path = route.key.split()
        paths.setdefault(path, {})[method.lower()] = _operation(route, schemas, definitions["$defs"])
    return {
        "openapi": "3.1.0",
        "info": {"title": "refledger", "version": "1", "description": "Referral programs and partner payouts."},
        "security": [{"accessToken": []}],
        "paths": paths,
        "components": {
            "schemas": {**definitions["$defs"], "Problem": PROBLEM},
            "securitySchemes": {"accessToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _operation(route: Route, schemas: dict[Any, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    path = route.key.split()[1]
    allowed = access.ROUTES[route.key]
    roles = sorted(role.value for role in allowed.roles) if allowed else []
    roles += ["anyone who is signed in, for what is their own"] if allowed and allowed.own else []
    roles += [f"a service with the scope {allowed.scope}"] if allowed and allowed.scope else []
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", path)
    ]
    if route.query is not NoQuery:
        query = definitions[schemas[route.query, "validation"]["$ref"].rsplit("/", 1)[1]]
        required = query.get("required", [])
        parameters += [
            {"name": name, "in": "query", "required": name in required, "schema": schema}
            for name, schema in query["properties"].items()
        ]
    operation: dict[str, Any] = {
        "operationId": route.function.__module__.split(".")[-1] + "_" + route.function.__name__,
        "summary": route.summary,
        "description": "For: " + (" or ".join(roles) if allowed is not None else "whoever signs it") + ".",
        "parameters": parameters,
        "responses": {
            str(route.status): {
                "description": "done",
                "content": _content(route, schemas),
            },
            **{str(status): _problem(status) for status in sorted({*problems.STATUSES.values(), 400, 413, 415, 500})},
        },
    }
    if allowed is None:
        operation["security"] = []
        anything = {"schema": {"type": "object", "description": "an event as its sender documents it"}}
        operation["requestBody"] = {"required": True, "content": {"application/json": anything}}
    elif route.key.startswith("POST"):
        header = {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "maxLength": 255}}
        operation["parameters"].append(header)
    if route.versioned:
        tag = {"description": "the version, for If-Match", "schema": {"type": "string"}}
        operation["responses"][str(route.status)]["headers"] = {"ETag": tag}
    if route.key.startswith("PUT"):
        operation["parameters"].append(
            {"name": "If-Match", "in": "header", "required": True, "schema": {"type": "string"},
             "description": "the ETag of what was read"}
        )  # fmt: skip
        operation["responses"]["428"] = _problem(428)
    if route.body is not NoBody:
        schema = schemas[route.body, "validation"]
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return operation


def _content(route: Route, schemas: dict[Any, Any]) -> dict[str, Any]:
    if route.answer is CsvFile:
        return {"text/csv": {"schema": {"type": "string", "description": "RFC 4180, with a head"}}}
    return {"application/json": {"schema": schemas[route.answer, "serialization"]}}


def _problem(status: int) -> dict[str, Any]:
    schema = {"$ref": REFERENCE.format(model="Problem")}
    return {"description": problems.TITLES[status], "content": {"application/problem+json": {"schema": schema}}}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(document(), indent=2, ensure_ascii=False) + "\n")
