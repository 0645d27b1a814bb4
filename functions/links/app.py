"""Share links: a click is counted and leads on, to where the program allows. No token: anybody clicks."""

from __future__ import annotations

import re
from typing import Any

from refledger.domain.errors import CodeNotFound, Invalid, NotFound, RateLimited
from refledger.domain.times import DAY_MS, SECOND_MS
from refledger.entry import config
from refledger.entry.http import Api, Delivery
from refledger.entry.models.common import RawAnswer
from refledger.entry.models.links import ClickQuery
from refledger.operations.partners import links
from refledger.operations.partners.links import Clicked, Redirect

# Search engines, previews of links in chats, monitors, and libraries
ROBOT = re.compile(
    r"bot\b|bot/|crawl|spider|slurp|preview|facebookexternalhit|whatsapp|embedly|monitor|headless|lighthouse|scrapy"
    r"|^curl|^wget|python-|^go-http|^java/|okhttp|axios|node-fetch",
    re.IGNORECASE,
)

# For a visitor whose link leads nowhere, where no HomeUrl says where they are to go. It shows nothing of the link
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">
<title>This link leads nowhere</title>
<h1>This link leads nowhere</h1>
<p>It was mistyped or is no longer in use. Please ask whoever gave it to you for a new one.</p>
</html>
"""


def _home(refusal: dict[str, Any]) -> dict[str, Any]:
    """What a visitor gets in the place of a refusal: the way home, or a page, and never JSON."""
    if home := config.environment()["HOME_URL"]:
        return {
            "statusCode": 302,
            "headers": {"location": home, "content-type": "text/plain", "cache-control": "no-store"},
            "body": "",
        }
    kind = {"content-type": "text/html; charset=utf-8", "content-security-policy": "default-src 'none'"}
    return {**refusal, "headers": {**refusal["headers"], **kind}, "body": PAGE}


api = handler = Api(_home, "text/html")


@api.route(
    "GET /r/{code}",
    query=ClickQuery,  # for the document: what a link has beside them is nobody's mistake
    answer=RawAnswer,
    status=302,
    refuses=(Invalid, NotFound, CodeNotFound, RateLimited),
    media=("text/plain",),
)
def follow(delivery: Delivery) -> RawAnswer:
    """Lead to the program's site with the code on it. `to`: another allowed page; `source`, `campaign`: to be counted.

    What is no person's click is led on and not counted: what a browser fetches ahead or as part of a page, robots, and
    whoever only looks where it leads (HEAD). A link that leads nowhere leads home: to the stack's HomeUrl, else to a
    small page.
    """
    asked = delivery.query
    clicked = Clicked(
        delivery.path.get("code", ""),
        asked.get("to"),
        asked.get("source"),
        asked.get("campaign"),
        counts=delivery.method != "HEAD" and _is_a_click(delivery.headers),
    )
    found = links.follow(config.context(), config.limits(), delivery.origin, clicked)
    headers = {"location": found.url, **_cookie(found)}
    return RawAnswer(content_type="text/plain", content=b"", headers=headers)


def _is_a_click(headers: dict[str, str]) -> bool:
    """Whether a person goes there, by what browsers say of a request: https://www.w3.org/TR/fetch-metadata/.

    Old browsers say nothing of it, and are believed.
    """
    if "prefetch" in " ".join(headers.get(name, "") for name in ("sec-purpose", "purpose", "x-moz", "x-purpose")):
        return False
    said = headers.get("sec-fetch-dest", "document"), headers.get("sec-fetch-mode", "navigate")
    return said == ("document", "navigate") and not ROBOT.search(headers.get("user-agent", ""))


def _cookie(found: Redirect) -> dict[str, str]:
    """Not hidden from the site's own scripts: it is for them, and a code is no secret."""
    rules = found.links
    if not (found.code and rules.cookie_days):
        return {}
    seconds = rules.cookie_days * DAY_MS // SECOND_MS
    domain = f"; Domain={rules.cookie_domain}" if rules.cookie_domain else ""
    return {"set-cookie": f"{rules.parameter}={found.code}; Max-Age={seconds}; Path=/{domain}; Secure; SameSite=Lax"}
