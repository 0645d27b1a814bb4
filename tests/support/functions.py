"""The real functions, loaded by path as Lambda does, in a small world of a test's own."""

from __future__ import annotations

import base64
import importlib.util
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from refledger.adapters.archive import SignedDays
from refledger.adapters.files import Files
from refledger.adapters.queues import JobQueue, MaturityQueue
from refledger.adapters.secrets import Secrets
from refledger.domain.api_keys import ApiKey
from refledger.entry import access, config
from refledger.entry.http import Api
from refledger.entry.tokens import key_told
from refledger.operations.rate_limits import LimitKind
from scripts import openapi
from tests.support import dynamodb, stripe_server
from tests.support.books import SECRET, Books
from tests.support.buckets import Bucket
from tests.support.manifests import Listing
from tests.support.queues import Sqs
from tests.support.secrets import CDN, HASH, LEADS, STRIPE, SecretsManager
from tests.support.stepfunctions import MACHINE_ARN, StepFunctions

ROOT = Path(__file__).parents[2] / "functions"
LIMITS = {"LIMITS": ",".join(f"{kind}=100000" for kind in LimitKind)}
MAKE_LIMITS = config.limits.__wrapped__  # without the cache: each world has its own


@cache
def load(name: str) -> ModuleType:
    """functions/<name>/app.py."""
    spec = importlib.util.spec_from_file_location(f"refledger_function_{name}", ROOT / name / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def kinds(family: type[Any]) -> set[type[Any]]:
    """A class and all that are derived from it."""
    return {family}.union(*map(kinds, family.__subclasses__()))


@cache
def apis() -> dict[str, Api]:
    """The functions that answer HTTP, by name."""
    loaded = {path.parent.name: load(path.parent.name) for path in sorted(ROOT.glob("*/app.py"))}
    return {name: module.api for name, module in loaded.items() if hasattr(module, "api")}


def api_of(route: str) -> Api:
    (found,) = [api for api in apis().values() if route in api.routes]
    return found


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: Any

    @property
    def code(self) -> str:
        """A problem's code."""
        return str(self.body["code"])


@dataclass
class World:
    """HTTP calls as API Gateway would pass them on (payload format 2.0), and what stands behind them."""

    books: Books
    machine: StepFunctions
    variables: dict[str, str]
    bucket: Bucket
    secrets: SecretsManager  # read anew by each call
    calls: int = field(default=0)

    def event(
        self,
        route: str,
        *,
        sub: str | None = "bob",
        groups: tuple[str, ...] = (),
        claims: dict[str, str] | None = None,
        path: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
        body: Any = None,
        text: str | None = None,
        headers: dict[str, str] | None = None,
        encoded: bytes | None = None,
        api_key: ApiKey | None = None,
    ) -> dict[str, Any]:
        """`body` is sent as JSON, `text` as it is, `encoded` as base64. Without `sub` there is no token.

        `api_key`: what `dispatch` tells of it is there instead of a token.
        """
        self.calls += 1
        method, _, template = route.partition(" ")
        told: dict[str, str] = {"host": "api.example.com", "x-forwarded-for": "192.0.2.1", **(headers or {})}
        if body is not None:
            text = json.dumps(body)
        if text is not None or encoded is not None:
            told = {"content-type": "application/json", **told}
        event: dict[str, Any] = {
            "version": "2.0", "routeKey": route, "rawPath": template, "rawQueryString": "", "headers": told,
            "requestContext": {
                "accountId": "000000000000", "apiId": "api", "stage": "$default", "requestId": f"request-{self.calls}",
                "routeKey": route, "http": {"method": method, "path": template, "sourceIp": "192.0.2.1"},
                "time": "21/Nov/2026:09:30:00 +0000", "timeEpoch": 1_795_253_400_000,
            },
            "isBase64Encoded": encoded is not None,
        }  # fmt: skip
        if sub is not None:
            given = {"sub": sub, "token_use": "access", "scope": "openid", "iss": "https://issuer.example.com"}
            if groups:
                given["cognito:groups"] = f"[{' '.join(groups)}]"
            event["requestContext"]["authorizer"] = {"jwt": {"claims": {**given, **(claims or {})}, "scopes": None}}
        if api_key:
            event["requestContext"]["authorizer"] = {"apiKey": key_told(api_key)}
        if path:
            event["pathParameters"] = path
        if query:
            event["queryStringParameters"] = query
        if text is not None:
            event["body"] = text
        if encoded is not None:
            event["body"] = base64.b64encode(encoded).decode()
        return event

    def call(self, route: str, **told: Any) -> Answer:
        """One request; see `event`. Whatever is answered must be what API Gateway can pass on."""
        event, served = self.event(route, **told), route.replace("HEAD ", "GET ")
        answer = api_of(served)(event, None)
        assert set(answer) - {"isBase64Encoded"} == {"statusCode", "headers", "body"}
        assert all(isinstance(value, str) for value in answer["headers"].values())
        if served != route:
            return Answer(answer["statusCode"], answer["headers"], answer["body"])
        found = Answer(answer["statusCode"], answer["headers"], _body_of(answer))
        _check_documented(route, found)
        return found

    def admin(self, route: str, **told: Any) -> Answer:
        """A request of an admin's; of a service's where no person may."""
        return self.call(route, **{**self.as_admin(route), **told})

    def as_admin(self, route: str) -> dict[str, Any]:
        """Who calls as `admin`."""
        allowed = access.ROUTES.get(route)
        if allowed and allowed.scope and not allowed.roles and not allowed.own:
            return {"sub": "service", "claims": {"scope": f"refledger/{allowed.scope}"}}
        return {"sub": "admin", "groups": ("admin",)}


def _check_documented(route: str, answer: Answer) -> None:
    """What a route refuses with, its OpenAPI page says: a client must be able to rely on that list."""
    told = api_of(route).routes[route]
    if answer.headers.get("content-type") != "application/problem+json" or (
        told.refuses is None and access.ROUTES[route] is not access.PUBLIC
    ):
        return
    assert (answer.status, answer.code) in openapi.refusals(told), f"{route} does not say that it answers {answer.code}"


def _body_of(answer: dict[str, Any]) -> Any:
    """JSON as what it says, text as text, anything else as bytes."""
    if answer.get("isBase64Encoded"):
        return base64.b64decode(answer["body"])
    is_json = answer["statusCode"] != 304 and "json" in answer["headers"]["content-type"]
    return json.loads(answer["body"]) if is_json else answer["body"]


@contextmanager
def world(endpoint: str, **variables: str) -> Iterator[World]:
    """Functions that work on an empty table, with a double of Step Functions and a clock that stands still."""
    books, machine = Books(dynamodb.new_database(endpoint)), StepFunctions()
    told = {
        "TABLE_NAME": books.table_name, "HASH_KEY_ARN": HASH, "WORKFLOW_ARN": MACHINE_ARN,
        "GROUPS_CLAIM": "cognito:groups", "ROLE_NAMES": "admin,finance,support",
        "SCOPE_PREFIX": "refledger/", "STRIPE_MODE": "test", "STRIPE_SECRET_ARN": STRIPE,
        "LEADS_SECRET_ARN": LEADS, "STRIPE_PAYMENTS_SECRET_ARN": STRIPE,
        "CDN_SECRET_ARN": CDN, "HUBSPOT_WEBHOOK_URL": "", "LINK_BASE": "", "HOME_URL": "",
        "STAGE": "dev", "NOTICES": "chosen", "MANIFEST_RETENTION_DAYS": "3650",
        "SIGN_IN_ISSUER": "https://issuer.example.com/pool",
        "SIGN_IN_CLIENT_ID": "pages", "SIGN_IN_PAGES": "https://sign-in.example.com",
        **LIMITS, **variables,
    }  # fmt: skip
    kept = SecretsManager({HASH: SECRET})
    kept.put(STRIPE, webhookSecrets=stripe_server.SECRET)
    kept.put(LEADS, referrals="a-secret-of-the-site-that-is-long", hubspot="a-secret-of-hubspot-that-is-long")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config, "environment", lambda: config.Environment(told))
        limits = MAKE_LIMITS()
        patch.setattr(config, "limits", lambda: limits)
        patch.setattr(config, "context", lambda: books.context)
        patch.setattr(config, "secrets", lambda: Secrets(kept))
        patch.setattr(config, "workflow", lambda: machine.workflow)
        patch.setattr(config, "waker", lambda: machine.waker)
        patch.setattr(config, "vault", lambda: books.vault)
        patch.setattr(config, "maturity_queue", lambda: MaturityQueue(Sqs(), "maturity"))
        patch.setattr(config, "job_queue", lambda: JobQueue(Sqs(), "jobs"))
        bucket = Bucket()
        patch.setattr(config, "files", lambda: Files(bucket, "files"))
        patch.setattr(config, "signed_days", lambda: SignedDays(Listing(), "manifests"))
        yield World(books, machine, told, bucket, kept)


ANY_REQUEST = {"requestId": ""}  # to compare what two refusals say


def assert_problem(answer: Answer, *statuses: int) -> None:
    """A refusal as RFC 9457 wants it, and as clients rely on it: never a 500, never without a code."""
    assert answer.status in (statuses or range(400, 500)), answer
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.body["status"] == answer.status
    assert answer.body["type"] == f"/docs/problems/{answer.code.lower().replace('_', '-')}"
    assert answer.body["requestId"]
    assert answer.body["title"]
    assert isinstance(answer.body["detail"], str)
