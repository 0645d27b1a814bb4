"""Payload format 2.0: an HTTP request as an event, a function's answer as an HTTP response.

Shapes: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
import json
import time
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from undocked.routes import Route
from undocked.tokens import token_scopes

TEXT_TYPES = ("text/", "application/json", "application/javascript", "application/xml", "application/graphql")
MESSAGES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    413: "Request Entity Too Large",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
OWN_HEADERS = (
    "connection",
    "content-length",
    "transfer-encoding",
)  # the gateway's business, not the function's
Headers = list[tuple[str, str]]
Reply = tuple[int, Headers, bytes]


@dataclass(frozen=True)
class Request:
    """One HTTP request; `path` without the stage, names of headers in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    source_ip: str


@dataclass(frozen=True)
class Place:
    """Where the gateway pretends to be."""

    account: str
    region: str
    stage: str
    stage_variables: dict[str, str]


def http_event(
    place: Place, request: Request, route: Route, parameters: dict[str, str], claims: dict[str, Any] | None
) -> dict[str, Any]:
    """The event that a function gets. Absent parts are left out, not null, as on AWS."""
    now, request_id = time.time(), str(uuid.uuid4())
    query: dict[str, list[str]] = {}
    for name, value in parse_qsl(request.query, keep_blank_values=True):
        query.setdefault(name, []).append(value)
    headers = dict(request.headers)
    cookies = [part.strip() for part in headers.pop("cookie", "").split(";") if part.strip()]
    path = request.path if place.stage == "$default" else f"/{place.stage}{request.path}"
    context: dict[str, Any] = {
        "accountId": place.account,
        "apiId": "local",
        "domainPrefix": "local",
        "domainName": f"local.execute-api.{place.region}.amazonaws.com",
        "http": {
            "method": request.method,
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": request.source_ip,
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": request_id,
        "routeKey": route.key,
        "stage": place.stage,
        "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
        "timeEpoch": int(now * 1000),
    }
    if claims is not None:
        held = [scope for scope in token_scopes(claims) if scope in route.scopes]
        texts = {name: as_gateway_text(value) for name, value in claims.items()}
        context["authorizer"] = {"jwt": {"claims": texts, "scopes": held or None}}
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": path,
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": context,
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = cookies
    if query:
        event["queryStringParameters"] = {name: ",".join(values) for name, values in query.items()}
    if parameters:
        event["pathParameters"] = parameters  # decoded once, with the path
    if place.stage_variables:
        event["stageVariables"] = place.stage_variables
    if request.body:
        text = headers.get("content-type", "application/json").lower().startswith(TEXT_TYPES)
        event["isBase64Encoded"] = not text
        event["body"] = request.body.decode("utf-8", "replace") if text else base64.b64encode(request.body).decode()
    return event


def http_reply(payload: bytes) -> Reply:
    """A function's answer: with a statusCode the parts it names, anything else a body with status 200."""
    try:
        answer = json.loads(payload)
    except ValueError:
        return message(500)
    if not isinstance(answer, dict) or "statusCode" not in answer:
        data = answer.encode() if isinstance(answer, str) else payload
        return 200, [("content-type", "application/json")], data
    try:
        status = int(answer["statusCode"])
        body = answer.get("body") or ""
        data = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
        headers = [(name, as_gateway_text(value)) for name, value in (answer.get("headers") or {}).items()]
        headers += [("set-cookie", str(cookie)) for cookie in answer.get("cookies") or []]
    except (ValueError, TypeError, AttributeError):  # malformed, e.g. a body that is not text
        return message(500)
    if not 100 <= status <= 599:
        return message(500)
    return status, [(name, value) for name, value in headers if name.lower() not in OWN_HEADERS], data


def message(status: int, headers: Headers | None = None) -> Reply:
    """The gateway's own answer."""
    return status, headers or [], json.dumps({"message": MESSAGES[status]}, separators=(",", ":")).encode()


def join_headers(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Lower-case names; repeated ones joined with commas (cookies with semicolons)."""
    joined: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        glue = "; " if name == "cookie" else ","
        joined[name] = joined[name] + glue + value if name in joined else value
    return joined


def as_gateway_text(value: Any) -> str:
    """A claim as HTTP APIs hand it on: always text; a list as Go prints one, `[admin finance]`."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + " ".join(map(as_gateway_text, value)) + "]"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{as_gateway_text(item)}" for key, item in sorted(value.items())) + "]"
    return str(value)
