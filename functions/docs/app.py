"""The documentation of the API: the OpenAPI document and a page to read, both made from the code by `make openapi`.

Anybody may ask, so an answer costs next to nothing: packed once by each worker, kept by who asked, and not sent again
to who has it.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from refledger.domain.errors import NotFound
from refledger.entry import problem_pages
from refledger.entry.http import Api, Delivery
from refledger.entry.models.common import RawAnswer
from refledger.entry.problem_pages import ProblemCode
from refledger.entry.public_files import PublicFile

HERE = Path(__file__).parent
KEPT = {"cache-control": "public, max-age=3600, stale-while-revalidate=86400"}
# It runs what stands beside it, and asks nobody but this stack
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
HTML = "text/html; charset=utf-8"
PAGE = {**KEPT, "content-security-policy": POLICY}
KINDS = {"reference.css": "text/css; charset=utf-8", "reference.js": "text/javascript; charset=utf-8"}

api = handler = Api()


@api.route("GET /api/v1/openapi.json", answer=RawAnswer, media=("application/json",))
def openapi(delivery: Delivery) -> RawAnswer:
    """The OpenAPI 3.1 document of this API."""
    return _file(delivery, "openapi.json", "application/json", {})


@api.route("GET /docs", answer=RawAnswer, media=("text/html",))
def page(delivery: Delivery) -> RawAnswer:
    """The same as a page to read, to search and to try."""
    return _file(delivery, "index.html", HTML, {"content-security-policy": POLICY})


@api.route("GET /docs/problems", answer=RawAnswer, media=("text/html",), refuses=())
def list_problems(delivery: Delivery) -> RawAnswer:
    """Every code that a problem may have."""
    return _page("").answer(delivery, HTML, PAGE)


@api.route("GET /docs/problems/{problem}", answer=RawAnswer, media=("text/html",), refuses=(NotFound,))
def problem(delivery: Delivery) -> RawAnswer:
    """What a problem means and what to do about it: where its `type` leads."""
    name = delivery.path.get("problem", "")
    if name not in _problems():
        raise NotFound("there is no such problem")
    return _page(name).answer(delivery, HTML, PAGE)


@cache
def _problems() -> dict[str, ProblemCode]:
    return problem_pages.read(json.loads((HERE / "openapi.json").read_bytes()))


@cache
def _page(name: str) -> PublicFile:
    """A page about a problem; "" for the list of them all."""
    known = _problems()
    return PublicFile.of(problem_pages.page(name, known[name]) if name else problem_pages.index(known))


@api.route("GET /docs/{file}", answer=RawAnswer, media=tuple(KINDS.values()), refuses=(NotFound,))
def file(delivery: Delivery) -> RawAnswer:
    """The page's script and its style."""
    name = delivery.path.get("file", "")
    if name not in KINDS:
        raise NotFound("there is no such file")
    return _file(delivery, name, KINDS[name], {})


def _file(delivery: Delivery, name: str, kind: str, more: dict[str, str]) -> RawAnswer:
    return _kept(name).answer(delivery, kind, {**KEPT, **more})


@cache
def _kept(name: str) -> PublicFile:
    return PublicFile.of((HERE / name).read_bytes())
