"""An HTTP function: from API Gateway's event to one call of a route's function, and its answer back.

The gateway has matched the route already and says so (`routeKey`), so there is nothing to match here. In this order:
who calls, may they, did they sign in a moment ago
where that matters, not too often, is the request well-formed; then the route's function; then errors as problems. On a
PUBLIC route nobody calls who is known: its function gets the body as it came, and has to find out who sent it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from refledger.domain.errors import BadSignature, Busy, Forbidden, Invalid, NotFound, RateLimited, Refledger
from refledger.entry import access, answers, bodies, config, paging, people, problems, sign_in, snapshots, stopping
from refledger.entry.bodies import BODY_LIMIT_BYTES, JSON, Malformed, Rejected
from refledger.entry.models.common import CsvFile, NoBody, NoQuery, RawAnswer
from refledger.entry.observability import logger
from refledger.entry.tokens import Caller, Token, read_key, read_token
from refledger.operations.idempotency import noting_replays
from refledger.operations.rate_limits import Standing
from refledger.store.audit_actor import acting
from refledger.store.transaction import RetryableConflict

KEY_LIMIT = 255
ENTITY_TAG = re.compile(r'"([1-9][0-9]{0,8})(?:-[0-9a-f]{12})?"')  # what GET answers says its content, too
IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}")

B = TypeVar("B", bound=BaseModel)
Q = TypeVar("Q", bound=BaseModel)
Thing = TypeVar("Thing")


class PreconditionRequired(Malformed):
    """The request must say which version it changes."""

    code = "PRECONDITION_REQUIRED"


@dataclass(frozen=True)
class Request(Generic[B, Q]):
    """One call, checked. `key`: the Idempotency-Key; `path`: as the gateway decoded it, not yet looked at.

    `host`: the name by which the API was called. `require`: raises unless the caller may call that other route, too.
    """

    caller: Caller
    route: str
    path: dict[str, str]
    query: Q
    body: B
    key: str | None
    request_id: str
    if_match: int | None = None
    host: str = ""
    none_match: str = ""  # If-None-Match, as it was sent
    require: Callable[[str], object] = lambda _: None

    @property
    def acts(self) -> bool:
        """Whether it is to change something."""
        return not self.route.startswith("GET ")

    @property
    def expected_version(self) -> int:
        """The version that the caller has read and wants to change.

        Raises PreconditionRequired without If-Match.
        """
        if self.if_match is None:
            raise PreconditionRequired(428, 'If-Match: the ETag that was read is needed, such as "3"')
        return self.if_match

    def id(self, name: str) -> str:
        """Return a path parameter that is an id.

        Raises NotFound where nothing could have such an id.
        """
        value = self.path.get(name, "")
        if not IDENTIFIER.fullmatch(value):
            raise NotFound("there is nothing with this id")
        return value

    @property
    def _scope(self) -> tuple[object, ...]:
        """What a cursor is good for: the same caller, route and path, and each filter of the query."""
        filters = self.query.model_dump_json(exclude={"limit", "cursor"})
        return self.caller.user, self.route, self.path, filters

    def position(self, first: Any) -> Any:
        """Return where the page that is asked for begins: `first` without a cursor.

        Raises Invalid for a cursor of another caller, list or filter.
        """
        given: str | None = getattr(self.query, "cursor", None)
        return paging.position(config.context().ids, given, *self._scope) if given else first

    def cursor(self, last: Any) -> str | None:
        """Return the cursor of the page that goes on after the position `last`.

        None for None, where there is none.
        """
        return None if last is None else paging.cursor(config.context().ids, last, *self._scope)

    def page(self, found: Iterator[tuple[Any, Thing]]) -> tuple[list[Thing], str | None]:
        """Return as many of (position, thing) as were asked for, and the cursor of the next page.

        None for a cursor where there is no next page. `found`: one more than that is taken of it.
        """
        limit: int = self.query.limit  # type: ignore[attr-defined]
        taken = list(islice(found, limit + 1))
        return [thing for _, thing in taken[:limit]], self.cursor(taken[limit - 1][0] if len(taken) > limit else None)

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
class Delivery:
    """A call of a PUBLIC route: nobody is known by a token, and the body is what was sent, byte for byte.

    `headers`: by their names in lower case. `origin`: the address it came from, which is not to be kept.
    """

    body: bytes
    headers: dict[str, str]
    request_id: str
    path: dict[str, str]
    query: dict[str, str]
    method: str
    host: str
    origin: str


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
    versioned: bool
    refuses: tuple[type[Refledger], ...] | None  # None: not said
    media: tuple[str, ...]  # of an answer that is not JSON
    limit_bytes: int = BODY_LIMIT_BYTES  # of a body that a PUBLIC route gets
    refusal_media: str = problems.CONTENT_TYPE

    @property
    def reads(self) -> bool:
        return self.key.startswith("GET ")


class Api:
    """The routes of one function; calling it handles an event.

    `refused`: makes of the answer of a refusal, a problem in JSON, what its callers can read: `refusal_media`.
    """

    def __init__(
        self,
        refused: Callable[[dict[str, Any]], dict[str, Any]] = lambda answer: answer,
        refusal_media: str = problems.CONTENT_TYPE,
    ) -> None:
        self.routes: dict[str, Route] = {}
        self._refused, self._refusal_media = refused, refusal_media
        snapshots.register(self.ready)

    def ready(self) -> None:
        """Build every model now: called before a snapshot of the function is taken, so that no call has to."""
        for route in self.routes.values():
            for model in (route.body, route.query, route.answer):
                model.model_rebuild()

    def route(
        self,
        key: str,
        *,
        answer: type[BaseModel],
        body: type[BaseModel] = NoBody,
        query: type[BaseModel] = NoQuery,
        status: int = 200,
        versioned: bool = False,
        refuses: tuple[type[Refledger], ...] | None = None,
        media: tuple[str, ...] = (),
        limit_bytes: int = BODY_LIMIT_BYTES,
    ) -> Callable[[Callable[[Any], BaseModel]], Callable[[Any], BaseModel]]:
        """Register a function for a route key, `POST /api/v1/programs`.

        The first line of the function's docstring is the summary. `versioned`: the answer's `version` is its ETag.
        `refuses`: what it may answer beside what every route may (bad input, no token, no right, too often, busy).
        `media`: the content types of an answer that is not JSON. `limit_bytes`: of a body that a PUBLIC route gets.
        """

        def register(function: Callable[[Any], BaseModel]) -> Callable[[Any], BaseModel]:
            summary = (function.__doc__ or "").strip().split("\n")[0]
            self.routes[key] = Route(
                key,
                function,
                status,
                body,
                query,
                answer,
                summary,
                versioned,
                refuses,
                media,
                limit_bytes,
                self._refusal_media,
            )
            return function

        return register

    def __call__(self, event: dict[str, Any], _: object) -> dict[str, Any]:
        context = event["requestContext"]
        standing: list[Standing] = []
        try:
            answer = self._handle(event, standing)
        except Malformed as error:
            answer = problems.problem(error.status, error.code, error.detail)
        except Rejected as error:
            answer = problems.problem(422, Invalid.code, error.detail, errors=error.faults)
        except RetryableConflict:
            answer = problems.of(Busy("the table is busy, please try again"))
        except BadSignature as error:
            _count("BAD_SIGNATURE")
            answer = problems.of(error)
        except Refledger as error:
            answer = problems.of(error)
        except Exception as error:
            where = {"request": context["requestId"], "route": event["routeKey"]}
            if problems.is_away(error):
                logger().warning("a service is away", extra=where, exc_info=True)
                answer = problems.away()
            else:
                _count("UNEXPECTED")
                logger().exception("unexpected", extra=where)
                answer = problems.problem(500, "INTERNAL", f"not your fault; please quote {context['requestId']}")
        if answer["statusCode"] >= 400:
            code = json.loads(answer["body"])["code"]
            told = {"status": answer["statusCode"], "code": code, "route": event["routeKey"]}
            logger().info("refused", extra={**told, "request": context["requestId"]})
            answer = self._refused(answer)
        answer["headers"] |= _limit_headers(standing)
        return answers.finished(answer, context["requestId"], has_body=not event["routeKey"].startswith("HEAD "))

    def _handle(self, event: dict[str, Any], standing: list[Standing]) -> dict[str, Any]:
        """`standing`: where the caller stands is put here, whatever becomes of the call."""
        # HEAD is GET without the body; what must not happen twice looks at the delivery's method
        route, context = self.routes[re.sub("^HEAD ", "GET ", event["routeKey"])], event["requestContext"]
        headers = event.get("headers", {})
        origin = _origin(context, headers)
        if access.ROUTES[route.key] is access.PUBLIC:
            if access.stops(route.key):
                stopping.check()
            return _answer(route, route.function(_delivery(event, headers, origin, route.limit_bytes)))
        caller, require = _caller(route.key, context, headers)
        kind = access.limit(route.key)
        try:
            standing.append(config.limits().take(config.context(), caller.counted_as, kind))
        except RateLimited as error:
            standing.append(Standing(kind, config.limits().allowed[kind], 0, error.retry_after_seconds))
            raise
        if access.stops(route.key):
            stopping.check()
        request = Request(
            caller=caller,
            route=route.key,
            path=event.get("pathParameters", {}),
            query=bodies.validated(route.query, json.dumps(event.get("queryStringParameters") or {})),
            body=bodies.body(route.body, event, headers),
            key=_idempotency_key(headers, caller.api_key),
            request_id=context["requestId"],
            if_match=_if_match(headers),
            host=_host(context, headers),
            none_match=headers.get("if-none-match", ""),
            require=require,
        )
        acts = acting(caller.user, caller.kind, origin, request.request_id, route.key)
        with acts, noting_replays() as replays:
            answer = route.function(request)
        people.told(answer, caller, acted=request.acts)
        made = _answer(route, answer, request)
        if replays and request.key:
            made["headers"]["idempotent-replayed"] = "true"
        return made


def _caller(route: str, context: dict[str, Any], headers: dict[str, str]) -> tuple[Caller, Callable[[str], object]]:
    """Who calls, and what raises unless they may call another route as well.

    Raises Unauthenticated, Forbidden, FreshSignInNeeded.
    """
    if access.is_embedded(route):
        return _embedded(headers), _no_other
    authorizer = context.get("authorizer", {})
    if "apiKey" in authorizer:  # who made it has a name already, which is not the key's
        token, claims = read_key(authorizer["apiKey"]), {}
    else:
        claims = authorizer.get("jwt", {}).get("claims", {})
        token = read_token(claims, config.reading(), headers.get("authorization", ""))
    roles, scopes = _allowed(token, route)
    name = people.name_in(claims, is_machine=bool(scopes)) if roles or scopes else ""
    user = token.user or config.context().ids.user(token.sub)
    return Caller(user, roles, scopes, token.sub, name, api_key=token.api_key), partial(_allowed, token)


def _embedded(headers: dict[str, str]) -> Caller:
    """The partner of a portal session, whose token no gateway has looked at."""
    from refledger.operations.partners import portal_sessions  # of few functions

    kind, _, token = headers.get("authorization", "").partition(" ")
    partner = portal_sessions.partner_of(config.context(), token if kind.lower() == "bearer" else "")
    user = config.context().ids.hash("portal-session-of", partner.id)  # for limits and cursors: nobody's own
    return Caller(user, frozenset(), partner_id=partner.id)


def _no_other(route: str) -> None:
    raise Forbidden(f"a portal session does not open {route}")


def _allowed(token: Token, route: str) -> tuple[frozenset[access.Role], frozenset[str]]:
    """The roles and scopes by which the token may call the route. Raises Forbidden, FreshSignInNeeded."""
    roles, scopes = access.check(route, token.roles, token.scopes)
    if access.is_fresh(route) and not scopes:
        sign_in.check(token.signed_in_at_ms, config.sign_in_minutes(), config.context().now_ms())
    return roles, scopes


def _count(name: str) -> None:
    """For an alarm. Loaded here: nearly no call of an HTTP function counts anything."""
    from refledger.entry.metrics import count_once

    count_once(name)


def _origin(context: dict[str, Any], headers: dict[str, str]) -> str:
    """The address that a call came from: that of the CDN's viewer if the CDN tells it, and of nobody else's word.

    It overwrites what a viewer says of both headers (cdn.yaml). Who does not say to be the CDN is not compared with it.
    """
    said, told = headers.get("x-cdn-secret", ""), headers.get("x-viewer-address", "")
    if said and told and (secret := config.cdn_secret()) and hmac.compare_digest(said.encode(), secret.encode()):
        return told
    return str(context.get("http", {}).get("sourceIp", ""))


def _host(context: dict[str, Any], headers: dict[str, str]) -> str:
    """The name by which the API was called."""
    return str(context.get("domainName", headers.get("host", "")))


def _limit_headers(standing: list[Standing]) -> dict[str, str]:
    """https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/"""
    if not standing:
        return {}
    where = standing[0]
    return {
        "ratelimit-policy": f'"{where.kind}";q={where.allowed};w=60',
        "ratelimit": f'"{where.kind}";r={where.left};t={where.seconds}',
    }


def _delivery(event: dict[str, Any], headers: dict[str, str], origin: str, limit_bytes: int) -> Delivery:
    context = event["requestContext"]
    return Delivery(
        body=bodies.sent(event, limit_bytes),
        headers=headers,
        request_id=context["requestId"],
        path=event.get("pathParameters", {}),
        query=event.get("queryStringParameters") or {},
        method=context.get("http", {}).get("method", ""),
        host=_host(context, headers),
        origin=origin,
    )


def _answer(route: Route, answer: BaseModel, request: Request[Any, Any] | None = None) -> dict[str, Any]:
    """`request`: None of a route that needs no token."""
    if isinstance(answer, CsvFile):
        return _csv(route.status, answer)
    if isinstance(answer, RawAnswer):
        return _raw(route.status, answer)
    body = answer.model_dump_json(by_alias=True)
    headers = {"cache-control": "no-store"}
    if route.versioned:
        headers["etag"] = _entity_tag(answer.version, body if route.reads else "")  # type: ignore[attr-defined]
        if request and route.reads and _is_had(headers["etag"], request.none_match):
            return {"statusCode": 304, "headers": headers, "body": ""}
    if request and route.status in (201, 202) and (place := access.place_of(route.key, request.path)):
        headers["location"] = f"{place}/{answer.id}"  # type: ignore[attr-defined]
    return {"statusCode": route.status, "headers": {"content-type": JSON, **headers}, "body": body}


def _entity_tag(version: int, body: str) -> str:
    """The version, which If-Match names; of what is read with its content, in which more may change than the version
    counts: names, and what became of a payout.
    """
    return f'"{version}-{hashlib.sha256(body.encode()).hexdigest()[:12]}"' if body else f'"{version}"'


def _is_had(tag: str, none_match: str) -> bool:
    """https://www.rfc-editor.org/rfc/rfc9110#field.if-none-match: `*` is whatever is there."""
    return bool({tag, "*"} & {each.strip().removeprefix("W/") for each in none_match.split(",")})


def _csv(status: int, file: CsvFile) -> dict[str, Any]:
    headers = {
        "content-type": "text/csv; charset=utf-8; header=present",
        "content-disposition": f'attachment; filename="{file.name}"',
        "cache-control": "no-store",
    }
    return {"statusCode": status, "headers": headers, "body": file.text}


def _raw(status: int, answer: RawAnswer) -> dict[str, Any]:
    kind = {"content-type": answer.content_type, "cache-control": "no-store"}
    text = "content-encoding" not in answer.headers and (
        answer.content_type.startswith("text/") or "json" in answer.content_type
    )
    content = answer.content.decode() if text else base64.b64encode(answer.content).decode()
    told = {"statusCode": answer.status or status, "headers": {**kind, **answer.headers}, "body": content}
    return told if text else {**told, "isBase64Encoded": True}


def _idempotency_key(headers: dict[str, str], api_key: str = "") -> str | None:
    """The caller's; of two that one person made keys for, each has their own."""
    key = headers.get("idempotency-key")
    if key is not None and (not 1 <= len(key) <= KEY_LIMIT or not key.isprintable()):
        raise Malformed(400, f"Idempotency-Key: 1 to {KEY_LIMIT} printable characters")
    return f"{api_key} {key}" if key and api_key else key


def _if_match(headers: dict[str, str]) -> int | None:
    told = headers.get("if-match")
    if told is None:
        return None
    tag = ENTITY_TAG.fullmatch(told.strip())
    if not tag:
        raise Malformed(400, 'If-Match: one ETag as it was answered, such as "3"')
    return int(tag[1])
