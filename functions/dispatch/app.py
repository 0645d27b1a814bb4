"""What no route of its own takes: calls with an API key, HEAD of what needs a token, methods that an address does not
have, other addresses.

The gateway sends on what it has a route for, and has checked the token of a HEAD as it checks that of a GET. It knows
no keys: they are looked up here, and the function of the route is told whose it is and what it opens.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from refledger.domain.errors import NotFound, Refledger, Unauthenticated
from refledger.entry import access, answers, config, problems, route_paths
from refledger.entry.observability import logger

ROUTES = Path(__file__).parent / "routes.json"  # the function of each route, made by scripts/template.py
KEYED = "/keyed"  # before the address of a route: whoever calls has an API key, and no token


def handler(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Answer a request in the gateway's payload format 2.0."""
    context = event["requestContext"]
    try:
        if event["routeKey"] == f"ANY {KEYED}/{{proxy+}}":
            answer = _keyed(event)
        else:
            answer = _head(event) if event["routeKey"].startswith("HEAD ") else _other(event)
    except Unauthenticated as error:
        answer = problems.of(error)
        answer["headers"]["www-authenticate"] = "Bearer"
    except Refledger as error:
        answer = problems.of(error)
    except (ClientError, BotoCoreError):
        logger().warning("a function was not called", extra={"request": context["requestId"]}, exc_info=True)
        answer = problems.away()
    return answers.finished(answer, context["requestId"], has_body=context["http"]["method"] != "HEAD")


def _keyed(event: dict[str, Any]) -> dict[str, Any]:
    """A call of a route with an API key: who it is comes first, and nothing is said to anybody else.

    The function of the route is told what the key opens, beside where the gateway tells of a token, and decides by the
    table of access as ever. The key itself goes no further than here.
    """
    from refledger.entry import tokens  # other calls look up no key
    from refledger.operations import api_keys

    headers = dict(event["headers"])
    scheme, _, text = headers.pop("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated(api_keys.REFUSED)
    context = config.context()
    key = api_keys.authenticated(context, text.strip(), live=config.is_live())
    try:
        api_keys.note_use(context, key)
    except (ClientError, BotoCoreError):
        logger().warning("the use of a key was not noted", extra={"apiKey": key.id}, exc_info=True)
    event = {**event, "headers": headers, "rawPath": event["rawPath"].removeprefix(KEYED)}
    method = event["requestContext"]["http"]["method"]
    found = route_paths.at(event["rawPath"]).get("GET" if method == "HEAD" else method)
    if found is None:
        return _other(event)
    if access.ROUTES[found[0]] is access.PUBLIC or access.is_embedded(found[0]):
        raise NotFound("this address takes no key: ask for it without /keyed")
    told = route_paths.sent_on(event, *found)
    told["requestContext"]["authorizer"] = {"apiKey": tokens.key_told(key)}
    answer = config.functions().call(_function_of()[found[0]], told)
    if answer["headers"].get("location", "").startswith("/"):
        answer["headers"]["location"] = KEYED + answer["headers"]["location"]
    return answer


def _head(event: dict[str, Any]) -> dict[str, Any]:
    """GET, of which the body is left out."""
    found = route_paths.at(event["rawPath"]).get("GET")
    if found is None:
        return _other(event)
    return config.functions().call(_function_of()[found[0]], route_paths.sent_on(event, *found))


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
