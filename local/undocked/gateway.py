"""The HTTP API as an ASGI application: what API Gateway does before and after the function.

Limits: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from undocked.mappings import Invoke
from undocked.payload import Headers, Place, Reply, Request, http_event, http_reply, join_headers, message
from undocked.routes import HttpApi
from undocked.sign_in import BASE, SignIn
from undocked.tokens import BadWishError, Keys, RefusedError, TokenWish

BODY_LIMIT_BYTES = 10 * 1024 * 1024
HEADERS_LIMIT_BYTES = 10_240  # request line and headers together
WAITING_REQUESTS = 64


class Gateway:
    """Serves one HTTP API; `/_local/…` is answered here and exists on no other gateway."""

    def __init__(
        self, api: HttpApi, invoke: Invoke, keys: Keys, account: str, region: str, about: Callable[[], Any],
        people: tuple[TokenWish, ...] = (),
    ) -> None:  # fmt: skip
        self._api, self._invoke, self._keys, self._about = api, invoke, keys, about
        self._place = Place(account, region, api.stage, api.stage_variables)
        authorizer = next(iter(api.authorizers.values()), None)
        self._sign_in = SignIn(keys, authorizer, people) if authorizer else None
        self._pool = ThreadPoolExecutor(WAITING_REQUESTS, "http")
        self.stopping = asyncio.Event()  # who still waits for a function is told so, and can repeat the call

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """ASGI."""
        if scope["type"] != "http":  # a WebSocket: closed without a word, as nothing here upgrades
            return
        headers = join_headers(scope["headers"])
        body = await _body(receive)
        status, reply, payload = await self._answer(scope, headers, body)
        reply = [
            *reply,
            ("apigw-requestid", uuid.uuid4().hex[:15] + "="),
            *self._cors(headers.get("origin"), reply),
        ]
        if payload and not any(name.lower() == "content-type" for name, _ in reply):
            reply.append(("content-type", "application/json"))
        reply.append(("content-length", str(len(payload))))
        raw = [(name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in reply]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else payload})

    async def _answer(self, scope: dict[str, Any], headers: dict[str, str], body: bytes | None) -> Reply:
        path: str = scope["path"]
        if path.startswith("/_local/"):
            return self._local(scope, headers, body or b"")
        if _head_size(scope) > HEADERS_LIMIT_BYTES:
            return message(431)
        if self._api.cors and scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            return 204, [], b""  # preflight never reaches a function
        if self._api.stage != "$default":
            prefix = f"/{self._api.stage}"
            if path != prefix and not path.startswith(prefix + "/"):
                return message(404)
            path = path.removeprefix(prefix) or "/"
        found = self._api.match(scope["method"], path)
        if not found:
            return message(404)
        route, parameters = found
        if not route.bucket.take():
            return message(429)
        if body is None:
            return message(413)
        claims = None
        if route.authorizer:
            try:
                claims = self._keys.verify(route.authorizer, headers.get(route.authorizer.header), route.scopes)
            except RefusedError as refused:
                return message(refused.status, [("www-authenticate", refused.challenge)])
        source_ip = (scope.get("client") or ("127.0.0.1",))[0]
        request = Request(scope["method"], path, scope["query_string"].decode("latin-1"), headers, body, source_ip)
        event = json.dumps(http_event(self._place, request, route, parameters, claims)).encode()
        call = asyncio.get_running_loop().run_in_executor(self._pool, self._invoke, route.function_arn, event)
        stopping = asyncio.ensure_future(self.stopping.wait())
        await asyncio.wait((call, stopping), timeout=route.timeout_seconds, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not call.done():
            return message(503)  # the function runs on to its own limit, as on AWS
        outcome = call.result()
        return message(500) if outcome.error else http_reply(outcome.payload)

    def _cors(self, origin: str | None, headers: Headers) -> Headers:
        """The configured headers for an allowed origin.

        A function's own are dropped where the API configures CORS.
        """
        if not self._api.cors:
            return []
        headers[:] = [(name, value) for name, value in headers if not name.lower().startswith("access-control-")]
        allowed, cors = self._api.cors.get("allowOrigins", []), self._api.cors
        if not origin or not ("*" in allowed or origin in allowed):
            return []
        added = [("access-control-allow-origin", "*" if "*" in allowed else origin)]
        added += [(f"access-control-{header}", ",".join(cors[key])) for key, header in CORS_HEADERS if cors.get(key)]
        if "maxAge" in cors:
            added.append(("access-control-max-age", str(cors["maxAge"])))
        if str(cors.get("allowCredentials", "")).lower() == "true":
            added.append(("access-control-allow-credentials", "true"))
        return added

    def _local(self, scope: dict[str, Any], headers: dict[str, str], body: bytes) -> Reply:
        method, path = scope["method"], scope["path"]
        if self._sign_in and path.startswith(BASE + "/"):
            base, query = f"http://{headers.get('host', '')}", scope["query_string"].decode("latin-1")
            return self._sign_in.answer(method, path, query, body, base) or message(404)
        if (method, path) == ("GET", "/_local/about"):
            return 200, [], json.dumps(self._about(), indent=2).encode()
        if (method, path) != ("POST", "/_local/token"):
            return message(404)
        try:
            wish = TokenWish.parse(json.loads(body or b"{}"))
            authorizers = self._api.authorizers
            name = next(iter(authorizers), None) if wish.authorizer is None else wish.authorizer
            if name not in authorizers:
                raise BadWishError(
                    f"the template has no authorizer {name}" if name else "the template has no authorizer"
                )
            token = self._keys.issue(authorizers[name], wish)
        except (ValueError, TypeError) as error:  # not JSON, a bad wish, or a claim that no token can carry
            return 400, [], json.dumps({"message": f"Bad Request: {error}"}).encode()
        answer = {"accessToken": token, "tokenType": "Bearer", "expiresIn": wish.lifetime_seconds}
        return 200, [], json.dumps(answer).encode()


CORS_HEADERS = (
    ("allowMethods", "allow-methods"),
    ("allowHeaders", "allow-headers"),
    ("exposeHeaders", "expose-headers"),
)


def _head_size(scope: dict[str, Any]) -> int:
    """Bytes of the request line and the headers, as they came over the wire."""
    line = len(scope["method"]) + len(scope["raw_path"]) + len(scope["query_string"]) + len("  HTTP/1.1\r\n")
    return line + sum(len(name) + len(value) + len(": \r\n") for name, value in scope["headers"])


async def _body(receive: Any) -> bytes | None:
    """The whole body, or None when it is over the limit (but read, so that the client gets an answer)."""
    parts, size, more = [], 0, True
    while more:
        part = await receive()
        if part["type"] == "http.disconnect":
            break
        data = part.get("body", b"")
        size += len(data)
        if size <= BODY_LIMIT_BYTES:
            parts.append(data)
        more = part.get("more_body", False)
    return b"".join(parts) if size <= BODY_LIMIT_BYTES else None
