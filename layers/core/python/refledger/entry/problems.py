"""Errors as HTTP answers, RFC 9457 (application/problem+json), each with a code that clients may rely on."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError, IncompleteReadError

from refledger.domain import errors

# The family decides; the nearest one counts.
STATUSES: dict[type[errors.Refledger], int] = {
    errors.Invalid: 422,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Stale: 412,
    errors.Unprocessable: 422,
    errors.RateLimited: 429,
    errors.Busy: 503,
    errors.Unavailable: 503,
    errors.PayoutDeclined: 409,
    errors.PayoutUnavailable: 503,
}
CONTENT_TYPE = "application/problem+json"
STOPPED_SECONDS = 60  # people stop and start it, and take their time
AWAY_SECONDS = 5  # after which what was away is asked for again; the call has waited for it by itself before
# An answer of AWS below 500 that says no more than "not now": what the SDK tries again by itself, too
NOT_NOW = {
    "ThrottlingException", "Throttling", "ThrottledException", "TooManyRequestsException", "RequestLimitExceeded",
    "ProvisionedThroughputExceededException", "SlowDown", "RequestTimeout", "RequestTimeoutException",
}  # fmt: skip
TITLES = {
    400: "Bad request",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    412: "Changed meanwhile",
    413: "Too large",
    415: "Unsupported media type",
    422: "Not accepted",
    428: "Say which version",
    429: "Too many requests",
    500: "Internal error",
    503: "Try again",
}


def page_of(code: str) -> str:
    """Return the address, on this API, of the page about a code."""
    return f"/docs/problems/{code.lower().replace('_', '-')}"


def members(status: int, code: str, detail: str) -> dict[str, Any]:
    """Return what every problem says."""
    return {"type": page_of(code), "title": TITLES[status], "status": status, "detail": detail, "code": code}


METHOD_NOT_ALLOWED = members(405, "METHOD_NOT_ALLOWED", "this address is there, for other methods")


@cache
def documented() -> dict[str, str]:
    """Return what domain/errors.py says beside each code."""
    return {code: words.strip() for code, words in re.findall(r"([A-Z_]{4,})[ ]{2,}([a-z].+)", errors.__doc__ or "")}


def status_of(error: errors.Refledger) -> int:
    return next(STATUSES[family] for family in type(error).__mro__ if family in STATUSES)


def is_away(error: BaseException) -> bool:
    """Return whether a service of AWS that was asked did not answer, or said that it cannot now.

    Nobody's fault here.
    """
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= 500 or error.response["Error"]["Code"] in NOT_NOW
    return isinstance(error, (ConnectionError, HTTPClientError, IncompleteReadError))


def away() -> dict[str, Any]:
    """Make the answer where a service was away.

    What was asked may be done or not: the key makes the repeat harmless.
    """
    said = "a service that is needed does not answer; repeat the request, with the same Idempotency-Key if it had one"
    return of(errors.Unavailable(said))


def problem(status: int, code: str, detail: str, headers: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """Make a Lambda answer of a problem.

    `more`: members that stand beside the standard ones.
    """
    body = {**members(status, code, detail), **more}
    kind = {"content-type": CONTENT_TYPE, "cache-control": "no-store"}
    return {"statusCode": status, "headers": {**kind, **(headers or {})}, "body": json.dumps(body)}


def of(error: errors.Refledger) -> dict[str, Any]:
    """Make the answer that an error of the domain is."""
    headers: dict[str, str] = {}
    more: dict[str, int] = {}
    if isinstance(error, errors.RateLimited):
        headers["retry-after"] = str(error.retry_after_seconds)
    if isinstance(error, (errors.Busy, errors.Unavailable)):
        headers["retry-after"] = "1" if isinstance(error, errors.Busy) else str(AWAY_SECONDS)
    if isinstance(error, errors.Stopped):
        headers["retry-after"] = str(STOPPED_SECONDS)
    if isinstance(error, errors.FreshSignInNeeded):  # in the body, too: API Gateway may give this header another name
        challenge = f'Bearer error="insufficient_user_authentication", max_age="{error.max_age_seconds}"'
        headers["www-authenticate"] = challenge
        more["maxAgeSeconds"] = error.max_age_seconds
    return problem(status_of(error), error.code, error.detail, headers, **more)
