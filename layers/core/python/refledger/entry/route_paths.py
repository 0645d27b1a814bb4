"""Which routes an address has: what the gateway knows of those that it sends on, for what it does not."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from refledger.entry import access


def at(path: str) -> dict[str, tuple[str, dict[str, str]]]:
    """Return by each method that an address takes its route key and the parameters in the path.

    `path`: as the gateway decoded it. Nothing for an address that is not there.
    """
    found: dict[str, tuple[str, dict[str, str]]] = {}
    for key, pattern in _patterns():
        method = key.partition(" ")[0]
        if method not in found and (match := pattern.fullmatch(path)):
            found[method] = key, match.groupdict()
    return found


def allowed(path: str) -> str:
    """Return what the header Allow says of an address; "" where it is not there."""
    methods = set(at(path))
    return ", ".join(sorted(methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set()))) if methods else ""


def sent_on(event: dict[str, Any], key: str, parameters: dict[str, str]) -> dict[str, Any]:
    """Return the event as the gateway would have sent it to the function of a route."""
    context = {**event["requestContext"], "routeKey": key}
    context["http"] = {**context["http"], "method": key.partition(" ")[0]}
    return {**event, "routeKey": key, "pathParameters": parameters, "requestContext": context}


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """As the gateway looks for them: what is written out before what any text may stand for."""
    keys = sorted(access.ROUTES, key=lambda key: ["{" in part for part in key.split("/")])
    return tuple((key, re.compile(_as_pattern(key.split()[1]))) for key in keys)


def _as_pattern(path: str) -> str:
    return re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path.replace(".", r"\."))
