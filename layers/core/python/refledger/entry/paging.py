"""Cursors: where a list goes on, signed, and good only for the same caller and the same question.

Handlers ask their request (`entry/http.py`: `position`, `page`, `cursor`), which knows the question.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from typing import Any

from refledger.adapters.ids import Ids
from refledger.domain.errors import Invalid

SIGNATURE_BYTES = 12


def cursor(ids: Ids, position: Any, *asked: object) -> str:
    """`asked`: the caller, the route and the filters."""
    text = json.dumps(position, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_signature(ids, text, asked) + text).decode().rstrip("=")


def position(ids: Ids, given: str, *asked: object) -> Any:
    """Return what `cursor` was given. Raises Invalid for a cursor of another caller or question."""
    try:
        raw = base64.b64decode(given + "=" * (-len(given) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if base64.urlsafe_b64encode(raw).decode().rstrip("=") != given:  # one cursor has one way to be written
        raw = b""
    signature, text = raw[:SIGNATURE_BYTES], raw[SIGNATURE_BYTES:]
    if not text or not hmac.compare_digest(signature, _signature(ids, text, asked)):
        raise Invalid("cursor: not one of this list")
    return json.loads(text)


def _signature(ids: Ids, text: bytes, asked: tuple[object, ...]) -> bytes:
    return ids.digest("cursor", text.decode("latin-1"), *asked)[:SIGNATURE_BYTES]
