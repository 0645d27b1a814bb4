"""What sends: tokens, repeats with one key, pages, errors. Standard library alone."""

from __future__ import annotations

import base64
import json
import random
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

RETRIES = 4
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 20.0
SAFE = ("GET", "HEAD")
KEY, KEYED = "rl_", "/keyed"  # an API key's beginning, and where keys are taken

Token = str | Callable[[], str]


class ApiError(Exception):
    """A refusal, as RFC 9457 tells it. `code` is what to compare."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status, self.problem = status, dict(problem)
        self.code = str(problem.get("code", ""))
        super().__init__(f"{status} {self.code}: {problem.get('detail') or problem.get('message') or ''}")


def new_key() -> str:
    return str(uuid.uuid4())


def quote(part: str) -> str:
    return urllib.parse.quote(part, safe="")


def pages(get: Callable[[str | None], Any]) -> Iterator[Any]:
    """Yield what all pages list. A page may be empty and have another one behind it."""
    cursor = None
    while True:
        page = get(cursor)
        yield from page["data"]
        cursor = page.get("nextCursor")
        if cursor is None:
            return


class Group:
    """The calls of one resource."""

    def __init__(self, send: Callable[..., Any]) -> None:
        self._send = send


class ClientCredentials:
    """Tokens of a service: asked for when they are needed, and again a minute before they end."""

    def __init__(self, token_url: str, client_id: str, client_secret: str, scopes: str = "") -> None:
        self._url, self._body = token_url, {"grant_type": "client_credentials"} | ({"scope": scopes} if scopes else {})
        self._basic = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
        self._token, self._ends = "", 0.0

    def __call__(self) -> str:
        if time.monotonic() >= self._ends:
            headers = {"authorization": f"Basic {self._basic}", "content-type": "application/x-www-form-urlencoded"}
            body = urllib.parse.urlencode(self._body).encode()
            request = urllib.request.Request(self._url, body, headers, method="POST")
            with urllib.request.urlopen(request, timeout=30) as answer:
                told = json.load(answer)
            self._token, self._ends = told["access_token"], time.monotonic() + max(0, int(told["expires_in"]) - 60)
        return self._token


class Sender:
    """Sends a call, and again what may be sent again: reads, and whatever has a key."""

    def __init__(
        self,
        url: str,
        token: Token,
        *,
        retries: int = RETRIES,
        timeout_seconds: float = 30.0,
        context: ssl.SSLContext | None = None,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._url, self._token, self._retries = url.rstrip("/"), token, retries
        self._timeout, self._context, self._pause = timeout_seconds, context, pause

    def __call__(
        self,
        verb: str,
        path: str,
        *,
        body: Any = None,
        content: tuple[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        if_match: int | None = None,
        key: str | None = None,
        raw: bool = False,
    ) -> Any:
        told = {name: _text(value) for name, value in (query or {}).items() if value is not None}
        address = path + (f"?{urllib.parse.urlencode(told)}" if told else "")
        headers = {"accept": "*/*" if raw else "application/json"}
        data = None
        if content is not None:
            data, headers["content-type"] = content[0].encode(), content[1]
        elif verb not in SAFE and (body is not None or verb != "DELETE"):
            data, headers["content-type"] = json.dumps(body or {}).encode(), "application/json"
        if if_match is not None:
            headers["if-match"] = f'"{if_match}"'
        if key:
            headers["idempotency-key"] = key
        for attempt in range(self._retries + 1):
            is_last = attempt == self._retries
            token = self._token() if callable(self._token) else self._token
            url = self._url + (KEYED if token.startswith(KEY) else "") + address
            headers["authorization"] = f"Bearer {token}"
            request = urllib.request.Request(url, data, dict(headers), method=verb)
            try:
                with urllib.request.urlopen(request, timeout=self._timeout, context=self._context) as answer:
                    found = answer.read()
                return found if raw else json.loads(found or b"null")
            except urllib.error.HTTPError as error:
                with error:
                    problem = _problem(error.read())
                if is_last or not self._may_repeat(verb, key, error.code):
                    raise ApiError(error.code, problem) from None
                wait = error.headers.get("retry-after", "")
                self._pause(_seconds(attempt, wait))
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                if is_last or not (verb in SAFE or key):
                    raise
                self._pause(_seconds(attempt, ""))
        raise AssertionError("the last attempt returns or raises")

    @staticmethod
    def _may_repeat(verb: str, key: str | None, status: int) -> bool:
        """Too often is refused before anything was done; after a 5xx something may have been."""
        return status == 429 or (status >= 500 and (verb in SAFE or bool(key)))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _seconds(attempt: int, wait: str) -> float:
    """How long to wait: as was asked for, else longer each time, and never as long as others."""
    if wait.isascii() and wait.isdigit():
        return min(float(wait), LONGEST_PAUSE_SECONDS)
    longest: float = min(FIRST_PAUSE_SECONDS * 2**attempt, LONGEST_PAUSE_SECONDS)
    return random.uniform(0.5, 1.0) * longest


def _problem(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
