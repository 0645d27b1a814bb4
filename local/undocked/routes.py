"""The HTTP API as the SAM transform writes it: routes, authorizers, CORS, throttles.

What cannot be served as asked is refused here: above all an authorizer, which must never be served open.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from undocked.errors import StartError
from undocked.template import Template
from undocked.tokens import Authorizer

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
ANY = "x-amazon-apigateway-any-method"
INTEGRATION = "x-amazon-apigateway-integration"
CORS = "x-amazon-apigateway-cors"
CORS_LISTS = ("allowOrigins", "allowMethods", "allowHeaders", "exposeHeaders")
CORS_VALUES = ("maxAge", "allowCredentials")
LONGEST_AGE_SECONDS = 86_400
SHORTEST_TIMEOUT_MS, LONGEST_TIMEOUT_MS = 50, 30_000
ACCOUNT_RATE, ACCOUNT_BURST = 10_000.0, 5_000.0  # requests a second: the quota of an account
THROTTLES = {"ThrottlingRateLimit", "ThrottlingBurstLimit"}
HARMLESS_SETTINGS = {"DataTraceEnabled", "DetailedMetricsEnabled", "LoggingLevel"}


class Bucket:
    """Token bucket: `burst` at once, `rate` a second after that."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._level, self._at, self._lock = burst, time.monotonic(), threading.Lock()

    def take(self) -> bool:
        """Whether one more request may pass now."""
        with self._lock:
            now = time.monotonic()
            self._level = min(self._burst, self._level + (now - self._at) * self._rate)
            self._at = now
            if self._level < 1:
                return False
            self._level -= 1
            return True


@dataclass(frozen=True)
class Route:
    """One route and its integration."""

    key: str  # "GET /orders/{id}", "ANY /x/{proxy+}" or "$default"
    method: str
    pattern: re.Pattern[str]
    rank: tuple[int, ...]
    function_arn: str
    timeout_seconds: float
    authorizer: Authorizer | None
    scopes: list[str]
    bucket: Bucket


@dataclass
class HttpApi:
    """What the gateway serves."""

    stage: str = "$default"
    stage_variables: dict[str, str] = field(default_factory=dict)
    routes: list[Route] = field(default_factory=list)
    authorizers: dict[str, Authorizer] = field(default_factory=dict)
    cors: dict[str, Any] | None = None

    def match(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The best route: full match before path variables before a greedy one before $default.

        A method before ANY.
        """
        for route in self.routes:  # sorted by rank
            if route.method in (method, "ANY") and (found := route.pattern.fullmatch(path)):
                return route, {key[1:]: value for key, value in found.groupdict().items()}
        return None


def read_api(template: Template) -> HttpApi:
    """The template's HTTP API, every reference resolved.

    Raises StartError for what the gateway cannot do.
    """
    apis = list(template.of_type("AWS::ApiGatewayV2::Api"))
    stages = [template.properties(resource) for resource in template.of_type("AWS::ApiGatewayV2::Stage")]
    if not apis:
        return HttpApi()
    if len(apis) > 1 or len(stages) > 1:
        raise StartError(f"{apis[-1].logical_id}: only one HTTP API with one stage runs here")
    where, properties = apis[0].logical_id, template.properties(apis[0])
    body, stage = properties["Body"], stages[0] if stages else {}
    api = HttpApi(
        stage.get("StageName", "$default"),
        dict(stage.get("StageVariables", {})),
        cors=_cors(where, properties, body),
    )
    schemes = body.get("components", {}).get("securitySchemes", {})
    for name, scheme in schemes.items():
        api.authorizers[name] = _authorizer(f"{where}: authorizer {name}", name, scheme)
    keys = set()
    for path, operations in body.get("paths", {}).items():
        for method, operation in operations.items():
            if method in (*METHODS, ANY):
                route = _route(where, path, method, operation, api, stage)
                api.routes.append(route)
                keys.add(route.key)
    for key in sorted(stage.get("RouteSettings", {}).keys() - keys):
        raise StartError(f"{where}: RouteSettings: there is no route {key}")
    api.routes.sort(key=lambda route: route.rank)
    return api


def _authorizer(where: str, name: str, scheme: dict[str, Any]) -> Authorizer:
    settings = scheme.get("x-amazon-apigateway-authorizer", {})
    kind = str(settings.get("type") or scheme.get("x-amazon-apigateway-authtype") or scheme.get("type"))
    if kind.lower() != "jwt":
        raise StartError(f"{where}: {kind} authorizers do not run here, only jwt; it is not served without")
    given = {key.lower(): value for key, value in settings["jwtConfiguration"].items()}
    issuer, audience = given.get("issuer"), given.get("audience")
    audience = [audience] if isinstance(audience, str) else audience
    if not issuer or not audience or not all(audience):
        raise StartError(f"{where}: needs an issuer and an audience that are not empty")
    source = str(settings.get("identitySource", "$request.header.Authorization"))
    if not source.startswith("$request.header."):
        raise StartError(f"{where}: IdentitySource {source}: tokens are only read from a header here")
    return Authorizer(name, str(issuer), tuple(map(str, audience)), source.removeprefix("$request.header.").lower())


def _route(
    api_id: str, path: str, method: str, operation: dict[str, Any], api: HttpApi, stage: dict[str, Any]
) -> Route:
    verb = "ANY" if method == ANY else method.upper()
    key = "$default" if path.strip("/") == "$default" else f"{verb} {path}"
    where, integration = f"{api_id}: {key}", operation.get(INTEGRATION, {})
    if str(integration.get("type", "")).lower() != "aws_proxy" or "/functions/" not in str(integration.get("uri", "")):
        raise StartError(f"{where}: only integrations with a function run here")
    if str(integration.get("payloadFormatVersion")) != "2.0":
        raise StartError(f"{where}: PayloadFormatVersion: only 2.0 is served here")
    timeout = integration.get("timeoutInMillis", LONGEST_TIMEOUT_MS)
    if not isinstance(timeout, int) or not SHORTEST_TIMEOUT_MS <= timeout <= LONGEST_TIMEOUT_MS:
        raise StartError(f"{where}: TimeoutInMillis: {timeout!r} is not a number of {SHORTEST_TIMEOUT_MS} to 30000")
    authorizer, scopes = _security(where, operation.get("security", []), api.authorizers)
    limits = {**stage.get("DefaultRouteSettings", {}), **stage.get("RouteSettings", {}).get(key, {})}
    for setting in sorted(limits.keys() - THROTTLES - HARMLESS_SETTINGS):
        raise StartError(f"{where}: RouteSettings.{setting} is not supported here")
    return Route(
        key=key,
        method="ANY" if key == "$default" else verb,
        pattern=_pattern(path),
        rank=_rank(path, key, verb),
        function_arn=integration["uri"].split("/functions/")[1].removesuffix("/invocations"),
        timeout_seconds=timeout / 1000,
        authorizer=authorizer,
        scopes=scopes,
        bucket=Bucket(
            float(limits.get("ThrottlingRateLimit", ACCOUNT_RATE)),
            float(limits.get("ThrottlingBurstLimit", ACCOUNT_BURST)),
        ),
    )


def _security(
    where: str, security: list[dict[str, list[str]]], authorizers: Mapping[str, Authorizer]
) -> tuple[Authorizer | None, list[str]]:
    """The authorizer and scopes of a route. NONE, which SAM writes for Authorizer: NONE, is no authorizer."""
    named = [(name, scopes) for each in security for name, scopes in each.items() if name != "NONE"]
    if not named:
        return None, []
    if len(named) > 1:
        raise StartError(f"{where}: more than one authorizer")
    name, scopes = named[0]
    if name not in authorizers:
        raise StartError(f"{where}: the template has no authorizer {name}; the route is not served without")
    return authorizers[name], list(scopes)


def _pattern(path: str) -> re.Pattern[str]:
    """Path variables become groups named `p…` (a variable may be a word that no group may be)."""
    if path.strip("/") == "$default":
        return re.compile(".*", re.DOTALL)
    parts = re.split(r"\{(\w+)(\+?)\}", path)
    text = re.escape(parts[0])
    for name, greedy, literal in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        text += f"(?P<p{name}>{'.+' if greedy else '[^/]+'})" + re.escape(literal)
    return re.compile(text + "/?" if not path.endswith("/") and "+}" not in path else text, re.DOTALL)


def _rank(path: str, key: str, verb: str) -> tuple[int, ...]:
    """Segment by segment: literal 0, variable 1, greedy 2; then the method before ANY; $default last."""
    if key == "$default":
        return (9,)
    segments = [2 if "+}" in part else 1 if "{" in part else 0 for part in path.strip("/").split("/")]
    return (max(segments), *segments, 1 if verb == "ANY" else 0)


def _cors(where: str, properties: dict[str, Any], body: dict[str, Any]) -> dict[str, Any] | None:
    """The configuration, its keys as the OpenAPI extension writes them; None where there is none.

    Raises StartError for what API Gateway would not take: the transform may have made something else of an intrinsic.
    """
    given = properties.get("CorsConfiguration") or body.get(CORS)
    if given in (None, {}, ""):
        return None
    if not isinstance(given, dict):
        raise StartError(f"{where}: {CORS}: an object with origins, methods and headers is needed, not {given!r}")
    cors = {key[0].lower() + key[1:]: value for key, value in given.items()}
    for key, value in cors.items():
        if key not in (*CORS_LISTS, *CORS_VALUES):
            raise StartError(f"{where}: {CORS}: {key} is not a part of it")
        if key in CORS_LISTS and not (isinstance(value, list) and all(isinstance(each, str) for each in value)):
            raise StartError(f"{where}: {CORS}: {key} must be a list of texts, not {value!r}")
    age, credentials = cors.get("maxAge", 0), cors.get("allowCredentials", False)
    if isinstance(age, bool) or not isinstance(age, int) or not -1 <= age <= LONGEST_AGE_SECONDS:
        raise StartError(f"{where}: {CORS}: maxAge must be a number up to {LONGEST_AGE_SECONDS}, not {age!r}")
    if not isinstance(credentials, bool) or (credentials and "*" in cors.get("allowOrigins", [])):
        raise StartError(f"{where}: {CORS}: allowCredentials must be true or false, and origins are named with it")
    return cors
