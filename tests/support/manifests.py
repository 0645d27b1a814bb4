"""Where manifests go in tests: a drawer that takes each name once, and a key of this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from refledger.adapters.archive import Missing, NameTaken


@dataclass
class Drawer:
    """One day's manifest in memory. `before`, `after`: called with each name that is put."""

    there: dict[str, bytes] = field(default_factory=dict)
    before: Callable[[str], None] = lambda _: None
    after: Callable[[str], None] = lambda _: None

    def names(self) -> set[str]:
        return set(self.there)

    def read(self, name: str) -> bytes:
        if name not in self.there:
            raise Missing(name)
        return self.there[name]

    def create(self, name: str, body: bytes) -> None:
        self.before(name)
        if name in self.there:
            raise NameTaken(name)
        self.there[name] = body
        self.after(name)


class Listing:
    """An S3 client that can only list, and only below the prefix that a role may. `names`: of all objects."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def get_paginator(self, name: str) -> Listing:
        assert name == "list_objects_v2"
        return self

    def paginate(self, Bucket: str, Prefix: str, StartAfter: str) -> list[dict[str, Any]]:  # noqa: N803 the SDK's words
        assert (Bucket, Prefix) == ("manifests", "manifests/")
        at = datetime(2026, 11, 21, 0, 15, tzinfo=UTC)
        found = [{"Key": each, "LastModified": at} for each in sorted(self.names) if each > StartAfter]
        return [{"Contents": found[:1]}, {"Contents": found[1:]}, {}]


class Pen:
    """A key pair, as KMS would keep it."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    def sign(self, text: bytes) -> bytes:
        return self._key.sign(text, ec.ECDSA(hashes.SHA256()))

    def is_signed(self, text: bytes, signature: bytes) -> bool:
        try:
            self._key.public_key().verify(signature, text, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True
