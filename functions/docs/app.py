"""The documentation of the API: the OpenAPI document and a page to read, both made from the code by `make openapi`."""

from __future__ import annotations

from pathlib import Path

from refledger.entry.http import Api, Delivery
from refledger.entry.models.common import RawAnswer

HERE = Path(__file__).parent
KEPT = {"cache-control": "public, max-age=300"}
# The page is text and style: nothing on it may run, and it loads nothing
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

api = handler = Api()


@api.route("GET /api/v1/openapi.json", answer=RawAnswer, media=("application/json",))
def openapi(_: Delivery) -> RawAnswer:
    """The OpenAPI 3.1 document of this API."""
    return RawAnswer(content_type="application/json", content=_file("openapi.json"), headers=KEPT)


@api.route("GET /docs", answer=RawAnswer, media=("text/html",))
def page(_: Delivery) -> RawAnswer:
    """The same as a page to read."""
    headers = KEPT | {"content-security-policy": POLICY}
    return RawAnswer(content_type="text/html; charset=utf-8", content=_file("index.html"), headers=headers)


def _file(name: str) -> bytes:
    return (HERE / name).read_bytes()
