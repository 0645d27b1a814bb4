"""base32hex in lower case (RFC 4648, section 7): text that sorts like the bytes it stands for."""

from __future__ import annotations

import base64


def encode(raw: bytes) -> str:
    """Without padding."""
    return base64.b32hexencode(raw).decode().lower().rstrip("=")


def decode(text: str) -> bytes:
    return base64.b32hexdecode(text.upper() + "=" * (-len(text) % 8))
