"""The documentation of the API: the OpenAPI document and a page to read, both made from the code by `make openapi`.

Anybody may ask, so an answer costs next to nothing: packed once by each worker, kept by who asked, and not sent again
to who has it.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from functools import cache
from pathlib import Path

from refledger.entry.http import Api, Delivery
from refledger.entry.models.common import RawAnswer

HERE = Path(__file__).parent
KEPT = {"cache-control": "public, max-age=3600, stale-while-revalidate=86400", "vary": "accept-encoding"}
# The page is text and style: nothing on it may run, and it loads nothing
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
PACKED = re.compile(r"(?:^|,)\s*(?:x-)?gzip\s*(?:;\s*q=([01](?:\.[0-9]{0,3})?)\s*)?(?=,|$)", re.IGNORECASE)


api = handler = Api()


@api.route("GET /api/v1/openapi.json", answer=RawAnswer, media=("application/json",))
def openapi(delivery: Delivery) -> RawAnswer:
    """The OpenAPI 3.1 document of this API."""
    return _file(delivery, "openapi.json", "application/json", {})


@api.route("GET /docs", answer=RawAnswer, media=("text/html",))
def page(delivery: Delivery) -> RawAnswer:
    """The same as a page to read."""
    return _file(delivery, "index.html", "text/html; charset=utf-8", {"content-security-policy": POLICY})


def _file(delivery: Delivery, name: str, kind: str, more: dict[str, str]) -> RawAnswer:
    plain, packed, tag = _kept(name)
    takes = _takes_packed(delivery.headers.get("accept-encoding", ""))
    headers = {**KEPT, **more, "etag": f'"{tag}-gzip"' if takes else f'"{tag}"'}
    if _has(delivery.headers.get("if-none-match", ""), tag):
        return RawAnswer(content_type=kind, content=b"", headers=headers, status=304)
    if takes:
        return RawAnswer(content_type=kind, content=packed, headers={**headers, "content-encoding": "gzip"})
    return RawAnswer(content_type=kind, content=plain, headers=headers)


@cache
def _kept(name: str) -> tuple[bytes, bytes, str]:
    """A file, the same packed, and what its entity tags are made of."""
    plain = (HERE / name).read_bytes()
    return plain, gzip.compress(plain, 9, mtime=0), hashlib.sha256(plain).hexdigest()[:20]


def _takes_packed(accepted: str) -> bool:
    """Whether gzip is named and not refused. Who says nothing gets text: not all who may get it can read it."""
    found = PACKED.search(accepted)
    return found is not None and float(found[1] or "1") > 0


def _has(tags: str, tag: str) -> bool:
    """Whether one of the entity tags is that of either form: the content is the same."""
    return any(each.strip().removeprefix("W/").strip('"').removesuffix("-gzip") == tag for each in tags.split(","))
