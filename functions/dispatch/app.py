"""What no route of its own takes: HEAD of what needs a token, methods that an address does not have, other addresses.

The gateway sends on what it has a route for, and has checked the token of a HEAD as it checks that of a GET.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from refledger.domain.errors import NotFound, Refledger
from refledger.entry import answers, config, problems, route_paths
from refledger.entry.observability import logger

ROUTES = Path(__file__).parent / "routes.json"  # the function of each route, made by scripts/template.py


def handler(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Answer a request in the gateway's payload format 2.0."""
    context = event["requestContext"]
    try:
        answer = _head(event) if event["routeKey"].startswith("HEAD ") else _other(event)
    except Refledger as error:
        answer = problems.of(error)
    except (ClientError, BotoCoreError):
        logger().warning("a function was not called", extra={"request": context["requestId"]}, exc_info=True)
        answer = problems.away()
    return answers.finished(answer, context["requestId"], has_body=context["http"]["method"] != "HEAD")


def _head(event: dict[str, Any]) -> dict[str, Any]:
    """GET, of which the body is left out."""
    found = route_paths.at(event["rawPath"]).get("GET")
    if found is None:
        return _other(event)
    key, parameters = found
    context = {**event["requestContext"], "routeKey": key}
    context["http"] = {**context["http"], "method": "GET"}
    told = {**event, "routeKey": key, "pathParameters": parameters, "requestContext": context}
    return config.functions().call(_function_of()[key], told)


def _other(event: dict[str, Any]) -> dict[str, Any]:
    allow = {"allow": route_paths.allowed(event["rawPath"])}
    if not allow["allow"]:
        raise NotFound("there is nothing at this address")
    if event["requestContext"]["http"]["method"] == "OPTIONS":
        return {"statusCode": 204, "headers": allow, "body": ""}
    said = problems.METHOD_NOT_ALLOWED
    return problems.problem(405, said["code"], said["detail"], allow)


@cache
def _function_of() -> dict[str, str]:
    told: dict[str, str] = json.loads(ROUTES.read_text(encoding="utf-8"))
    return told
