"""An HTTP function: from API Gateway's event to one call of a route's function, and its answer back.

The gateway has matched the route already and says so (`routeKey`), so there is nothing to match here. In this order:
who calls, may they, not too often, is the request well-formed; then the route's function; then errors as problems.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from refledger.domain.errors import Busy, Invalid, NotFound, Refledger
from refledger.entry import access, config, problems
from refledger.entry.access import Caller
from refledger.entry.models.common import NoBody, NoQuery
from refledger.entry.observability import logger
from refledger.operations.limits import LimitKind
from refledger.store.transaction import Again

BODY_LIMIT_BYTES = 64 * 1024
KEY_LIMIT = 255
IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}")

B = TypeVar("B", bound=BaseModel)
Q = TypeVar("Q", bound=BaseModel)


class Malformed(Invalid):
    """The request cannot be read at all."""

    code = "MALFORMED"

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


@dataclass(frozen=True)
class Request(Generic[B, Q]):
    """One call, checked. `key`: the Idempotency-Key; `path`: as the gateway decoded it, not yet looked at."""

    caller: Caller
    route: str
    path: dict[str, str]
    query: Q
    body: B
    key: str | None
    request_id: str

    def id(self, name: str) -> str:
        """A path parameter that is an id. Raises NotFound where nothing could have such an id."""
        value = self.path.get(name, "")
        if not IDENTIFIER.fullmatch(value):
            raise NotFound("there is nothing with this id")
        return value

    @property
    def body_hash(self) -> str:
        """Of what the body says, however it was written."""
        return config.context().ids.hash("body", self.route, self.body.model_dump_json())

    @property
    def fingerprint(self) -> str:
        """The same for the repeat of a request: by its Idempotency-Key and body, else by its own id."""
        what = (self.key, self.body.model_dump_json()) if self.key else (self.request_id,)
        return config.context().ids.hash("request", self.caller.user, self.route, self.path, *what)


@dataclass(frozen=True)
class Route:
    """What the OpenAPI document tells of a route, and the function behind it."""

    key: str
    function: Callable[[Any], BaseModel]
    status: int
    body: type[BaseModel]
    query: type[BaseModel]
    answer: type[BaseModel]
    summary: str


class Api:
    """The routes of one function; calling it handles an event."""

    def __init__(self) -> None:
        self.routes: dict[str, Route] = {}

    def route(
        self,
        key: str,
        *,
        answer: type[BaseModel],
        body: type[BaseModel] = NoBody,
        query: type[BaseModel] = NoQuery,
        status: int = 200,
    ) -> Callable[[Callable[[Any], BaseModel]], Callable[[Any], BaseModel]]:
        """Register a function for a route key, `POST /api/v1/programs`. Its docstring's first line is the summary."""

        def register(function: Callable[[Any], BaseModel]) -> Callable[[Any], BaseModel]:
            summary = (function.__doc__ or "").strip().split("\n")[0]
            self.routes[key] = Route(key, function, status, body, query, answer, summary)
            return function

        return register

    def __call__(self, event: dict[str, Any], _: object) -> dict[str, Any]:
        context = event["requestContext"]
        try:
            answer = self._handle(event)
        except Malformed as error:
            answer = problems.problem(error.status, error.code, error.detail)
        except _Rejected as error:
            answer = problems.problem(422, Invalid.code, error.detail, errors=error.faults)
        except Again:
            answer = problems.of(Busy("the table is busy, please try again"))
        except Refledger as error:
            answer = problems.of(error)
        except Exception:
            logger().exception("unexpected", extra={"request": context["requestId"], "route": event["routeKey"]})
            answer = problems.problem(500, "INTERNAL", f"not your fault; please quote {context['requestId']}")
        if answer["statusCode"] >= 400:
            code = json.loads(answer["body"])["code"]
            told = {"route": event["routeKey"], "status": answer["statusCode"], "code": code}
            logger().info("refused", extra={**told, "request": context["requestId"]})
        return answer

    def _handle(self, event: dict[str, Any]) -> dict[str, Any]:
        route = self.routes[event["routeKey"]]
        headers = event.get("headers", {})
        claims = event["requestContext"].get("authorizer", {}).get("jwt", {}).get("claims", {})
        sub, roles = access.sub_and_roles(claims, config.environment()["GROUPS_CLAIM"])
        access.check(route.key, roles)
        caller = Caller(config.context().ids.user(sub), roles)
        config.limits().take(config.context(), caller.user, LimitKind.REQUESTS)
        request = Request(
            caller=caller,
            route=route.key,
            path=event.get("pathParameters", {}),
            query=_validated(route.query, json.dumps(event.get("queryStringParameters") or {})),
            body=_validated(route.body, _body_text(event, headers)),
            key=_idempotency_key(headers),
            request_id=event["requestContext"]["requestId"],
        )
        answer = route.function(request)
        return {
            "statusCode": route.status,
            "headers": {"content-type": "application/json", "cache-control": "no-store"},
            "body": answer.model_dump_json(by_alias=True),
        }


class _Rejected(Exception):
    def __init__(self, faults: list[dict[str, str]]) -> None:
        self.faults = faults
        self.detail = "; ".join(f"{fault['field']}: {fault['message']}" for fault in faults[:3])


def _body_text(event: dict[str, Any], headers: dict[str, str]) -> str:
    text = event.get("body") or ""
    if not text:
        return "{}"
    if event.get("isBase64Encoded"):
        try:
            text = base64.b64decode(text).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise Malformed(400, "the body is not UTF-8 text") from None
    try:
        size = len(text.encode())
    except UnicodeEncodeError:  # half of a surrogate pair
        raise Malformed(400, "the body is not UTF-8 text") from None
    if size > BODY_LIMIT_BYTES:
        raise Malformed(413, f"the body is larger than {BODY_LIMIT_BYTES} bytes")
    kind = headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json":
        raise Malformed(415, "the body must be application/json")
    return text


def _validated(model: type[BaseModel], text: str) -> BaseModel:
    """Raises Malformed for what is not JSON, _Rejected with the fields for what is not as it should be."""
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        if details[0]["type"] == "json_invalid":
            raise Malformed(400, "the body is not JSON") from None
        faults = [{"field": ".".join(map(str, d["loc"])) or "body", "message": d["msg"]} for d in details[:20]]
        raise _Rejected(faults) from None


def _idempotency_key(headers: dict[str, str]) -> str | None:
    key = headers.get("idempotency-key")
    if key is not None and (not 1 <= len(key) <= KEY_LIMIT or not key.isprintable()):
        raise Malformed(400, f"Idempotency-Key: 1 to {KEY_LIMIT} printable characters")
    return key
