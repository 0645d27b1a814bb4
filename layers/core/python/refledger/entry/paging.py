"""Cursors: where a list goes on, signed, and good only for the same caller and the same question."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, TypeVar

from refledger.adapters.ids import Ids
from refledger.domain.errors import Invalid

SIGNATURE_BYTES = 12
LOOKED_AT = 200  # things in one call, where no index knows which of them are wanted
T = TypeVar("T")


def cursor(ids: Ids, position: Any, *asked: object) -> str:
    """`asked`: the caller, the route and the filters."""
    text = json.dumps(position, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_signature(ids, text, asked) + text).decode().rstrip("=")


def position(ids: Ids, given: str | None, *asked: object) -> Any:
    """What `cursor` was given; None for the first page. Raises Invalid for a cursor of another caller or question."""
    if not given:
        return None
    try:
        raw = base64.urlsafe_b64decode(given + "=" * (-len(given) % 4))
    except (binascii.Error, ValueError):
        raw = b""
    signature, text = raw[:SIGNATURE_BYTES], raw[SIGNATURE_BYTES:]
    if not text or not hmac.compare_digest(signature, _signature(ids, text, asked)):
        raise Invalid("cursor: not one of this list")
    return json.loads(text)


def cut(ids: Ids, found: Iterator[tuple[str, T]], limit: int, *asked: object) -> tuple[list[T], str | None]:
    """The first `limit` of (position, thing), and the cursor of the next page where there is one."""
    taken = list(islice(found, limit + 1))
    following = cursor(ids, taken[limit - 1][0], *asked) if len(taken) > limit else None
    return [thing for _, thing in taken[:limit]], following


def sift(
    ids: Ids, found: Iterator[tuple[str, T]], fits: Callable[[T], bool], limit: int, *asked: object
) -> tuple[list[T], str | None]:
    """Like `cut`, of those that fit. No more than LOOKED_AT are looked at: a page may be short, and still go on."""
    page: list[T] = []
    last: str | None = None
    for looked_at, (position, thing) in enumerate(found):
        if len(page) == limit or looked_at == LOOKED_AT:
            return page, cursor(ids, last, *asked)
        last = position
        if fits(thing):
            page.append(thing)
    return page, None


def _signature(ids: Ids, text: bytes, asked: tuple[object, ...]) -> bytes:
    return ids.digest("cursor", text.decode("latin-1"), *asked)[:SIGNATURE_BYTES]
