"""Writes the OpenAPI 3.1 document of the HTTP API, made from the functions' own routes and models."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "layers" / "core" / "python"))
sys.path.insert(0, str(ROOT))

from refledger.domain import errors  # noqa: E402  the layer is not installed
from refledger.entry import access, problems  # noqa: E402
from refledger.entry.bodies import Malformed  # noqa: E402
from refledger.entry.http import Api, PreconditionRequired, Route  # noqa: E402
from refledger.entry.models.common import CsvFile, NoBody, NoQuery, RawAnswer, TextBody  # noqa: E402
from scripts import descriptions, examples  # noqa: E402

REFERENCE = "#/components/schemas/{model}"
PROBLEM = {
    "type": "object",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "A page about the code, on this API."},
        "title": {"type": "string", "description": "The status in words."},
        "status": {"type": "integer", "description": "The HTTP status."},
        "detail": {"type": "string", "description": "What is wrong, for people."},
        "code": {"type": "string", "description": "Stable; rely on this one."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {
                    "field": {"type": "string", "description": "Where it stands in the request."},
                    "message": {"type": "string", "description": "What is wrong with it."},
                },
            },
            "description": "With INVALID: each field and its reason.",
        },
        "requestId": {"type": "string", "description": "Of this call: quote it when you ask for help."},
        "maxAgeSeconds": {"type": "integer", "description": "With FRESH_SIGN_IN_NEEDED: how old a sign-in may be."},
    },
}
GATEWAY = {
    "type": "object",
    "description": "Said by the gateway before anything else was asked.",
    "required": ["message"],
    "properties": {"message": {"type": ["string", "null"], "description": "What is wrong."}},
}
INTERNAL = (500, "INTERNAL")
BY_GATEWAY = (401, 403, 413, 429, 500, 503)  # statuses that it answers by itself, too
TAGS = {
    "adjustments": "Corrections of balances by hand; above a limit they wait for a second person.",
    "analytics": "Cohorts, forecasts and scorecards, for staff.",
    "apiKeys": "Keys by which servers call this API without a token of an issuer.",
    "applications": "People who ask to be partners, and who decides about them.",
    "audit": "Who did what, and what became of things by themselves.",
    "currencies": "What money may be in, with its decimals.",
    "people": "Who it is that did something.",
    "settings": "What the stack was told by its parameters, and whether it goes.",
    "disputes": "Chargebacks of payments that somebody earned from.",
    "docs": "This document, as a page.",
    "events": "What servers tell of sign-ups and sales, as on the bus.",
    "embed": "What a partner reads of their own on the owner's pages, with the token of a portal session.",
    "portalSessions": "Tokens by which the owner's pages show a partner their portal.",
    "exports": "Files of whatever lists show, made in the background.",
    "imports": "Partners from a CSV file, made in the background.",
    "inbox": "What waits for the staff.",
    "invitations": "Links that make somebody a partner.",
    "ledger": "The double-entry journal, and the balances that it explains.",
    "links": "Share links, as visitors follow them.",
    "me": "The caller's own things, for whoever is signed in.",
    "openapi": "This document.",
    "pages": "The console and the portal, for a browser.",
    "partners": "Whoever refers customers and is paid for it.",
    "payments": "What customers paid, what of it went back, and what waits for a person.",
    "payoutBatches": "Files of bank transfers.",
    "payoutMethods": "The caller's own accounts, to which money is paid out.",
    "payouts": "What was paid out, in sums.",
    "programs": "Who earns how much of what, in versions.",
    "referrals": "Customers and leads that partners brought.",
    "rewards": "What partners earn of payments, from the payment to the payout.",
    "session": "Who is signed in, and what they may do.",
    "webhooks": "Events of other systems, each signed by its sender.",
    "withdrawals": "Money on its way to partners: decided by people, carried by a workflow.",
}
OUTSIDE = {
    "/docs": ("docs", "docs.page"),
    "/docs/{file}": ("docs", "docs.file"),
    "/docs/problems": ("docs", "docs.problems"),
    "/docs/problems/{problem}": ("docs", "docs.problem"),
    "/": ("pages", "pages.home"),
    "/console": ("pages", "pages.console"),
    "/console/{screen}": ("pages", "pages.consoleScreen"),
    "/console/{screen}/{thing}": ("pages", "pages.consoleThing"),
    "/portal": ("pages", "pages.portal"),
    "/portal/{screen}": ("pages", "pages.portalScreen"),
    "/assets/{file}": ("pages", "pages.asset"),
    "/embed/{programId}": ("pages", "pages.embedded"),
    "/embed.js": ("pages", "pages.embedding"),
    "/t.js": ("pages", "pages.tracker"),
    "/r/{code}": ("links", "links.follow"),
    "/api/v1/openapi.json": ("openapi", "openapi.get"),
}
VERBS = {"POST": "create", "PUT": "update", "PATCH": "update", "DELETE": "delete"}
HEADERS = {
    "RateLimit": {"description": 'where the caller stands: "reads";r=1199;t=31', "schema": {"type": "string"}},
    "RateLimit-Policy": {"description": 'the limit that counts: "reads";q=1200;w=60', "schema": {"type": "string"}},
    "Retry-After": {"description": "seconds", "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "with FRESH_SIGN_IN_NEEDED: RFC 9470", "schema": {"type": "string"}},
    "ETag": {
        "description": "the version, for If-Match; of what is read with its content, for If-None-Match",
        "schema": {"type": "string"},
    },
    "Location": {"description": "where what was made can be read", "schema": {"type": "string"}},
    "Idempotent-Replayed": {
        "description": "`true` where the same key and body had made it before",
        "schema": {"type": "string"},
    },
}


@cache
def served() -> dict[str, tuple[Route, ...]]:
    """The routes of every HTTP function, by its name."""
    found: dict[str, tuple[Route, ...]] = {}
    for path in sorted((ROOT / "functions").glob("*/app.py")):
        spec = importlib.util.spec_from_file_location(f"openapi.{path.parent.name}", path)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # pydantic looks generic models up there
        spec.loader.exec_module(module)
        if isinstance(api := getattr(module, "api", None), Api):
            found[path.parent.name] = tuple(api.routes.values())
    return found


@cache
def routes() -> tuple[Route, ...]:
    """Every route, by path. Raises SystemExit where the code and `access.ROUTES` do not have the same."""
    found = [route for of_function in served().values() for route in of_function]
    if apart := {route.key for route in found} ^ access.ROUTES.keys():
        raise SystemExit(f"in a function or in ROUTES of entry/access.py alone: {', '.join(sorted(apart))}")
    return tuple(sorted(found, key=lambda route: (route.key.split()[1], route.key)))


def is_json(answer: type[BaseModel]) -> bool:
    return not issubclass(answer, CsvFile | RawAnswer)


def document() -> dict[str, Any]:
    """OpenAPI 3.1."""
    pairs: list[tuple[type[BaseModel], Any]] = []
    for route in routes():
        pairs += [(route.body, "validation"), (route.query, "validation")]
        pairs += [(route.answer, "serialization")] if is_json(route.answer) else []
    schemas, found = models_json_schema(
        list(dict.fromkeys(pairs)), ref_template=REFERENCE, schema_generator=descriptions.Described
    )
    definitions = with_page_names(found["$defs"])
    schemas = {pair: with_page_names(schema) for pair, schema in schemas.items()}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes():
        method, path = route.key.split()
        paths.setdefault(path, {})[method.lower()] = _operation(route, schemas, definitions)
    used = {pair for route in routes() for pair in refusals(route)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "refledger",
            "version": "1",
            "description": "Referral programs and partner payouts.",
            "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "the stack that this document comes from"}],
        "tags": [{"name": name, "description": words} for name, words in TAGS.items()],
        "security": [{"accessToken": []}],
        "paths": paths,
        "components": {
            "schemas": {**used_by(paths, definitions), "Problem": PROBLEM, "GatewayMessage": GATEWAY},
            "headers": HEADERS,
            "examples": {_named(status, code): {"value": _refusal(status, code)} for status, code in sorted(used)},
            "securitySchemes": {
                "accessToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "portalSession": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def with_page_names(schema: Any) -> Any:
    """A schema in which a page of rewards is a `RewardPage`, and not Pydantic's `Page_RewardView_`."""
    return json.loads(re.sub(r"\bPage_(\w+?)(?:View)?_(?=\")", r"\1Page", json.dumps(schema)))


def used_by(paths: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """Those of the schemas to which something leads; what queries are made of stands beside each parameter."""
    waiting, found = [paths], set[str]()
    while waiting:
        names = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(waiting.pop()))) & definitions.keys()
        waiting += [definitions[name] for name in names - found]
        found |= names
    return {name: with_formats(schema) for name, schema in definitions.items() if name in found}


def with_formats(schema: Any, name: str = "") -> Any:
    """A schema in which moments (`…At`) are said to be what they are."""
    if isinstance(schema, list):
        return [with_formats(each, name) for each in schema]
    if not isinstance(schema, dict):
        return schema
    told: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "properties":
            told[key] = {field: with_formats(each, field) for field, each in value.items()}
        elif key in ("example", "examples", "default", "enum"):
            told[key] = value
        else:
            told[key] = with_formats(value, name if key in ("anyOf", "oneOf") else "")
    return {**told, "format": "date-time"} if name.endswith("At") and told.get("type") == "string" else told


def named(route: Route) -> tuple[str, str]:
    """Tag and operationId, made of the method and the path: `partners`, `partners.codes.list`.

    A call that is more than to list, get, create, update or delete ends with a verb in its path, and is called by it.
    """
    method, path = route.key.split()
    if path in OUTSIDE:
        return OUTSIDE[path]
    parts = path.removeprefix("/api/v1/").split("/")
    literal = [part for part in parts if not part.startswith("{")]
    words = [re.sub(r"-(\w)", lambda match: match[1].upper(), part) for part in literal]
    others = access.ROUTES.keys() - {route.key}
    siblings = {key.split()[0] for key in access.ROUTES if key.split()[1] == path}
    if method == "GET":
        lists = route.answer.model_fields.keys() <= {"data", "next_cursor"} and route.answer.model_fields
        of_one = (
            len(words) == 1 or "{" in parts[-1] or len(siblings) > 1 or f"GET /api/v1/{'/'.join(literal)}" in others
        )
        verb = "list" if lists else "get" if of_one else ""
    elif method == "POST":
        verb = "create" if len(words) == 1 or "GET" in siblings else ""
    else:
        verb = "replace" if method == "PUT" and "PATCH" in siblings else VERBS[method]
    alike = re.compile(re.escape(f"POST /api/v1/{'/'.join(parts[:-1])}/") + r"\{\w+\}/" + re.escape(parts[-1]))
    verb = "byBody" if any(map(alike.fullmatch, others)) else verb  # the id is in the body, not in the path
    return words[0], ".".join([*words, verb] if verb else words)


def refusals(route: Route) -> set[tuple[int, str]]:
    """(status, code) of all that the route may refuse with: what every such route may, and what it says itself."""
    told = access.ROUTES[route.key]
    kinds: set[type[errors.Refledger]] = {*(route.refuses or ()), errors.Busy, errors.Unavailable}
    kinds |= {errors.Stopped} if access.stops(route.key) else set()
    found = {INTERNAL}
    if told is None and route.key.startswith("POST"):
        found |= {(400, Malformed.code), (413, Malformed.code)}
    if told:
        kinds |= {errors.Unauthenticated, errors.Forbidden, errors.Invalid, errors.RateLimited}
        kinds |= {errors.FreshSignInNeeded} if told.fresh else set()
        found |= {(400, Malformed.code)}
        if route.body is not NoBody or not route.key.startswith("GET"):
            found |= {(413, Malformed.code), (415, Malformed.code)}
        kinds |= {errors.NotFound} if "{" in route.key else set()
    if route.versioned and route.key.startswith(("PUT", "PATCH")):
        kinds.add(errors.Stale)
        found.add((428, PreconditionRequired.code))
    return found | {(problems.STATUSES[next(f for f in k.__mro__ if f in problems.STATUSES)], k.code) for k in kinds}


def _named(status: int, code: str) -> str:
    """One code has several statuses."""
    return f"{code}_{status}" if code == Malformed.code else code


def _refusal(status: int, code: str) -> dict[str, Any]:
    words = problems.documented().get(code) or problems.TITLES[status]
    return {**problems.members(status, code, words), "requestId": "JKJaXmPLvHcESHA="}


def _operation(route: Route, schemas: dict[Any, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    allowed = access.ROUTES[route.key]
    tag, name = named(route)
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": route.summary,
        "description": f"For: {_audience(allowed)}.",
        "tags": [tag],
        "parameters": list(_parameters(route, schemas, definitions)),
        "responses": {str(route.status): _success(route, schemas, definitions), **_problems(route)},
    }
    if allowed is None:
        operation["security"] = []
    elif allowed.embedded:
        operation["security"] = [{"portalSession": []}]
    if route.versioned and route.reads:
        etag = {"ETag": {"$ref": "#/components/headers/ETag"}}
        had = {"description": "still what If-None-Match names", "headers": etag, "content": {}}
        operation["responses"]["304"] = had
    if allowed is None and route.key.startswith("POST"):
        anything = {"schema": {"type": "object", "description": "an event as its sender documents it"}}
        operation["requestBody"] = {"required": True, "content": {"application/json": anything}}
    elif issubclass(route.body, TextBody):
        content = {route.body.content_type: {"schema": {"type": "string"}, "example": _request(route, {}, definitions)}}
        operation["requestBody"] = {"required": True, "content": content}
    elif route.body is not NoBody:
        schema = schemas[route.body, "validation"]
        content = {"application/json": {"schema": schema, "example": _request(route, schema, definitions)}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _request(route: Route, schema: dict[str, Any], definitions: dict[str, Any]) -> Any:
    real = examples.of_requests().get(route.key)
    if real is None or isinstance(real, str):
        return real or examples.of_schema(schema, definitions)
    told = route.body.model_validate_json(json.dumps(real))  # values in any case become what is answered
    return told.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _audience(allowed: access.Access | None) -> str:
    if allowed is None:
        return "anybody, without a token"
    people = sorted(role.value for role in allowed.roles)
    people += [f"a service with the scope `{allowed.scope}`"] if allowed.scope else []
    people += ["anyone who is signed in, for what is their own"] if allowed.own else []
    people += ["the partner of a portal session, for what is their own"] if allowed.embedded else []
    return " or ".join(filter(None, [", ".join(people[:-1]), people[-1]]))


def _parameters(route: Route, schemas: dict[Any, Any], definitions: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"\{(\w+)\}", route.key):
        example = examples.of_schema({"type": "string"}, {}, name)
        yield {"name": name, "in": "path", "required": True, "description": descriptions.of_parameter(name),
               "schema": {"type": "string"}, "example": example}  # fmt: skip
    if route.query is not NoQuery:
        query = definitions[schemas[route.query, "validation"]["$ref"].rsplit("/", 1)[1]]
        required = query.get("required", [])
        for name, schema in query["properties"].items():
            words = schema.get("description") or descriptions.of_parameter(name)
            yield {"name": name, "in": "query", "required": name in required, "description": words, "schema": schema}
    if route.key.startswith("POST") and access.ROUTES[route.key]:
        yield {"name": "Idempotency-Key", "in": "header", "description": descriptions.IDEMPOTENCY_KEY,
               "schema": {"type": "string", "maxLength": 255}}  # fmt: skip
    if route.versioned and route.reads:
        words = "ETags of what is there already: 304 where one of them is still right."
        yield {"name": "If-None-Match", "in": "header", "description": words, "schema": {"type": "string"}}
    if route.versioned and route.key.startswith(("PUT", "PATCH")):
        words = "The ETag of what was read."
        yield {"name": "If-Match", "in": "header", "required": True, "description": words,
               "schema": {"type": "string"}, "example": '"3"'}  # fmt: skip


def _success(route: Route, schemas: dict[Any, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    names = [] if access.ROUTES[route.key] is None else ["RateLimit", "RateLimit-Policy"]
    names += ["ETag"] if route.versioned else []
    names += ["Location"] if access.place_of(route.key, defaultdict(str)) and route.status in (201, 202) else []
    names += ["Idempotent-Replayed"] if route.key.startswith("POST") and access.ROUTES[route.key] else []
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    told: dict[str, Any] = {"description": "done", "headers": headers, "content": {}}
    if is_json(route.answer):
        schema = schemas[route.answer, "serialization"]
        told["content"]["application/json"] = {"schema": schema, "example": examples.of_schema(schema, definitions)}
    elif route.answer is CsvFile:
        told["content"]["text/csv"] = {"schema": {"type": "string", "description": "RFC 4180, with a head"}}
    told["content"] |= {kind: {"schema": {}} for kind in route.media}
    return told


def _problems(route: Route) -> dict[str, Any]:
    codes: dict[int, list[str]] = defaultdict(list)
    for status, code in sorted(refusals(route)):
        codes[status].append(code)
    told = {str(status): _problem(status, codes[status]) for status in sorted(codes)}
    if route.refusal_media != problems.CONTENT_TYPE:
        for each in told.values():
            del each["content"][problems.CONTENT_TYPE]
            each["content"][route.refusal_media] = {"schema": {"type": "string"}}
    return told


def _problem(status: int, codes: list[str]) -> dict[str, Any]:
    shown = {code: {"$ref": f"#/components/examples/{_named(status, code)}"} for code in codes}
    schema = {"$ref": REFERENCE.format(model="Problem")}
    content: dict[str, Any] = {problems.CONTENT_TYPE: {"schema": schema, "examples": shown}}
    if status in BY_GATEWAY:
        content["application/json"] = {"schema": {"$ref": REFERENCE.format(model="GatewayMessage")}}
    told: dict[str, Any] = {"description": f"{problems.TITLES[status]}: {', '.join(codes)}", "content": content}
    if status in (429, 503):
        told["headers"] = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
    if errors.FreshSignInNeeded.code in codes:
        told["headers"] = {"WWW-Authenticate": {"$ref": "#/components/headers/WWW-Authenticate"}}
    return told


def written(value: Any, depth: int = 3, indent: str = "") -> str:
    """JSON, the outer levels a line for each member: a change is seen where it is, and the file stays short."""
    if not depth or not isinstance(value, dict) or not value:
        return json.dumps(value, ensure_ascii=False)
    inner = indent + " "
    members = (f"{inner}{json.dumps(name)}: {written(each, depth - 1, inner)}" for name, each in value.items())
    return "{\n" + ",\n".join(members) + f"\n{indent}}}"


if __name__ == "__main__":
    sys.stdout.write(written(document()) + "\n")
