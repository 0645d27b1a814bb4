"""The console and the portal: pages and what they load, built by `scripts/setup.py web` into site/.

Anybody may have them, for they say nothing of what is kept: whoever opens one signs in, and it asks the API as they
may. This function reads its own files and nothing else.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from refledger.domain.errors import NotFound, Unavailable
from refledger.entry import config, pages
from refledger.entry.http import Api, Delivery
from refledger.entry.models.common import RawAnswer
from refledger.entry.public_files import PublicFile

SITE = Path(__file__).parent / "site"
KINDS = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
CODINGS = {"br": ".br", "gzip": ".gz"}  # packed when they were built
ASSET = re.compile(r"[A-Za-z0-9_.-]+\.(?:js|css|svg)")
FOR_EVER = {"cache-control": "public, max-age=31536000, immutable"}  # its name has a hash of what is in it
TRACKER, HOST = "t.js", "embed.js"
# On other sites' pages, with whatever policy those have: any origin may load it, and check what it loads by its hash
FOR_OTHERS = {
    "cache-control": "public, max-age=3600, stale-while-revalidate=86400",
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
}
api = handler = Api()


@api.route("GET /", answer=RawAnswer, media=("text/html",), refuses=())
def home(delivery: Delivery) -> RawAnswer:
    """Lead to the console."""
    headers = {**pages.ASKED_AGAIN, "location": "/console"}
    return RawAnswer(content_type="text/html; charset=utf-8", content=b"", headers=headers, status=302)


@api.route("GET /console", answer=RawAnswer, media=("text/html",), refuses=())
def console(delivery: Delivery) -> RawAnswer:
    """The console: what staff see, decide and pay."""
    return _page(delivery, "console")


@api.route("GET /console/{screen}", answer=RawAnswer, media=("text/html",), refuses=())
def console_screen(delivery: Delivery) -> RawAnswer:
    """A screen of the console."""
    return _page(delivery, "console")


@api.route("GET /console/{screen}/{thing}", answer=RawAnswer, media=("text/html",), refuses=())
def console_thing(delivery: Delivery) -> RawAnswer:
    """One thing in the console."""
    return _page(delivery, "console")


@api.route("GET /portal", answer=RawAnswer, media=("text/html",), refuses=())
def portal(delivery: Delivery) -> RawAnswer:
    """The portal: what partners see of their own, share, and withdraw."""
    return _page(delivery, "portal")


@api.route("GET /portal/{screen}", answer=RawAnswer, media=("text/html",), refuses=())
def portal_screen(delivery: Delivery) -> RawAnswer:
    """A screen of the portal."""
    return _page(delivery, "portal")


@api.route("GET /assets/{file}", answer=RawAnswer, media=tuple(KINDS.values()), refuses=(NotFound,))
def asset(delivery: Delivery) -> RawAnswer:
    """What the pages load, under names that change with what is in it."""
    name = delivery.path.get("file", "")
    if not ASSET.fullmatch(name):
        raise NotFound("there is no such file")
    return _file(SITE / "assets" / name).answer(delivery, KINDS[Path(name).suffix], FOR_EVER)


@api.route("GET /t.js", answer=RawAnswer, media=(KINDS[".js"],), refuses=(NotFound,))
def tracker(delivery: Delivery) -> RawAnswer:
    """The script by which a site remembers who came by a share link."""
    return _file(SITE / TRACKER).answer(delivery, KINDS[".js"], FOR_OTHERS)


@api.route("GET /embed.js", answer=RawAnswer, media=(KINDS[".js"],), refuses=(NotFound,))
def host(delivery: Delivery) -> RawAnswer:
    """The script by which a site shows a partner their portal."""
    return _file(SITE / HOST).answer(delivery, KINDS[".js"], FOR_OTHERS)


def _page(delivery: Delivery, name: str) -> RawAnswer:
    headers = {**pages.ASKED_AGAIN, **pages.PAGE, "content-security-policy": _policy()}
    return _filled(name).answer(delivery, "text/html; charset=utf-8", headers)


@cache
def _filled(name: str) -> PublicFile:
    """A page that knows where people sign in to this stack."""
    env = config.environment()
    told = {"authority": env["SIGN_IN_ISSUER"], "clientId": env["SIGN_IN_CLIENT_ID"]}
    try:
        text = (SITE / f"{name}.html").read_bytes()
    except FileNotFoundError:
        raise Unavailable("the pages were not built: run `make build`, which needs Node.js") from None
    return PublicFile.of(pages.fill(text, json.dumps(told)))


@cache
def _file(place: Path) -> PublicFile:
    try:
        plain = place.read_bytes()
    except FileNotFoundError:
        raise NotFound("there is no such file") from None
    packed = {coding: place.with_name(place.name + end) for coding, end in CODINGS.items()}
    return PublicFile.of(plain, {coding: path.read_bytes() for coding, path in packed.items() if path.exists()})


def _policy() -> str:
    """https://www.w3.org/TR/CSP3/: discovery and tokens are asked of the issuer, and of Cognito's other host."""
    env = config.environment()
    addresses = (env["SIGN_IN_ISSUER"], env["SIGN_IN_PAGES"])
    origins = dict.fromkeys("{0.scheme}://{0.netloc}".format(urlsplit(each)) for each in addresses if each)
    return pages.policy(calls=origins)
