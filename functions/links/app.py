"""Share links: a click is counted and leads on, to where the program allows. No token: anybody clicks."""

from __future__ import annotations

from refledger.domain.errors import CodeNotFound, Invalid, NotFound, RateLimited
from refledger.domain.times import DAY_MS, SECOND_MS
from refledger.entry import config
from refledger.entry.http import Api, Delivery
from refledger.entry.models.common import RawAnswer
from refledger.entry.models.links import ClickQuery
from refledger.operations import links
from refledger.operations.links import Clicked, Redirect

api = handler = Api()


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

    What a browser fetches ahead, before anybody has clicked, is led on and not counted.
    """
    ahead = "prefetch" in delivery.headers.get("sec-purpose", "") + delivery.headers.get("purpose", "")
    asked = delivery.query
    clicked = Clicked(
        delivery.path.get("code", ""), asked.get("to"), asked.get("source"), asked.get("campaign"), counts=not ahead
    )
    found = links.follow(config.context(), config.limits(), delivery.origin, clicked)
    headers = {"location": found.url, **_cookie(found)}
    return RawAnswer(content_type="text/plain", content=b"", headers=headers)


def _cookie(found: Redirect) -> dict[str, str]:
    """Not hidden from the site's own scripts: it is for them, and a code is no secret."""
    rules = found.links
    if not (found.code and rules.cookie_days):
        return {}
    seconds = rules.cookie_days * DAY_MS // SECOND_MS
    domain = f"; Domain={rules.cookie_domain}" if rules.cookie_domain else ""
    return {"set-cookie": f"{rules.parameter}={found.code}; Max-Age={seconds}; Path=/{domain}; Secure; SameSite=Lax"}
