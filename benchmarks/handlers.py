"""Calls of the HTTP functions' own handlers, with the events that API Gateway would send."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from refledger.adapters.stepfunctions import Waker
from refledger.entry import config
from tests.support.books import Books


class _Silent:
    """Step Functions, where nobody listens."""

    def send_task_success(self, **_: str) -> None: ...


@contextmanager
def serving(books: Books) -> Iterator[None]:
    """While the block runs, handlers work on these books."""
    environment = config.Environment(
        {"GROUPS_CLAIM": "cognito:groups", "ROLE_NAMES": "admin,finance,support", "SCOPE_PREFIX": "refledger/"}
    )
    waker = Waker(_Silent())
    with ExitStack() as stack:
        for name, value in (
            ("environment", environment), ("context", books.context), ("limits", books.limits), ("waker", waker),
            ("vault", books.vault),
        ):  # fmt: skip
            stack.enter_context(patch.object(config, name, lambda value=value: value))
        yield


def call(
    function: str, route: str, sub: str, groups: str = "", *, path: dict[str, str] | None = None,
    query: dict[str, str] | None = None, body: dict[str, Any] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The answer's body. Asserts that it is a success."""
    handler = importlib.import_module(f"functions.{function}.app").handler
    claims = {"sub": sub, "token_use": "access", "cognito:groups": f"[{groups}]"}
    answer = handler(
        {
            "routeKey": route,
            "headers": {"content-type": "application/json"},
            "requestContext": {"requestId": "r-1", "authorizer": {"jwt": {"claims": claims}}},
            "pathParameters": path or {},
            "queryStringParameters": query or {},
            "body": json.dumps(body) if body is not None else "",
        },
        None,
    )
    assert answer["statusCode"] < 400, answer["body"]
    found: dict[str, Any] = json.loads(answer["body"])
    return found
