"""API keys: what they look like, what they open, and for how long.

    rl_live_ 0f3kq8m2v7t1h9ba 5s…(32 characters)…c 1n8d0g2
    mode     id                secret              checksum

The id says where the key is kept, so that one read finds it. The secret is 160 random bits: nobody tries them out, so
what is kept of a key is its SHA-256, fast to make, and a slow hash, which protects what people can think of, would make
each call slow and no key safer. The checksum tells a typo, and a text that only looks like a key, without a read.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import zlib
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from refledger.domain import base32
from refledger.domain.duties import Act, check_maker, check_stranger
from refledger.domain.errors import AlreadyDecided, Conflict
from refledger.domain.times import HOUR_MS

PREFIX: Final = "rl_"
SECRET_BYTES: Final = 20  # 32 characters
LAST: Final = 4  # characters by which people know a key again
FORM: Final = re.compile(r"(rl_(?:live|test)_([0-9a-v]{16})[0-9a-v]{32})([0-9a-v]{7})")
MAX_KEYS: Final = 100  # that are not revoked
MAX_SECRETS: Final = 5  # of a key, that open at once
MAX_DAYS: Final = 3650
OVERLAP_HOURS: Final = 24
MAX_OVERLAP_HOURS: Final = 168
USE_NOTED_MS: Final = HOUR_MS  # so seldom it is written that a key was used
# What opens with these is believed without a limit that a person has: one admin alone makes no key that says it
BELIEVED: Final = frozenset({"events:write"})


class ApiKeyStatus(StrEnum):
    """Whether a key opens anything."""

    WAITING = "WAITING"  # for another admin: it opens nothing yet
    ACTIVE = "ACTIVE"  # it opens what its scopes do
    REVOKED = "REVOKED"  # somebody took it back, for good
    EXPIRED = "EXPIRED"  # its time is over: told, never written


@dataclass(frozen=True)
class KeySecret:
    """What is kept of one text that opens: its hash, its end (`last`), and until when it does; 0 for no end."""

    hash: str
    last: str
    until_ms: int = 0

    def opens(self, now_ms: int) -> bool:
        return not self.until_ms or now_ms < self.until_ms


@dataclass(frozen=True)
class ApiKey:
    """`made_by`: keyed hash of the person who made it, has its secret, and answers for what is done with it.

    `secrets`: the current one first, then those that a rotation has given an end. `used_at_ms`: to the hour.
    """

    id: str
    name: str
    live: bool
    scopes: tuple[str, ...]
    status: ApiKeyStatus
    made_by: str
    made_at_ms: int
    secrets: tuple[KeySecret, ...]
    version: int = 1
    expires_at_ms: int = 0
    decided_by: str = ""
    decided_at_ms: int = 0
    rotated_at_ms: int = 0
    revoked_by: str = ""
    revoked_at_ms: int = 0
    used_at_ms: int = 0

    @property
    def prefix(self) -> str:
        """What the key begins with: no part of its secret."""
        return prefix(self.id, live=self.live)

    def status_at(self, now_ms: int) -> ApiKeyStatus:
        over = self.status is not ApiKeyStatus.REVOKED and 0 < self.expires_at_ms <= now_ms
        return ApiKeyStatus.EXPIRED if over else self.status

    def opens(self, text: str, now_ms: int) -> bool:
        """Return whether this text is a secret of the key, and both are good now.

        Hashes are compared: how long that takes says nothing of the text, for nobody can make one hash like another a
        little more than before. `compare_digest` costs nothing and ends the question.
        """
        if self.status_at(now_ms) is not ApiKeyStatus.ACTIVE:
            return False
        given = hashed(text)
        return any(each.opens(now_ms) and hmac.compare_digest(each.hash, given) for each in self.secrets)

    def confirmed(self, by: str, now_ms: int) -> ApiKey:
        """Return the key as another admin lets it open.

        Raises SecondPersonNeeded for who made it, AlreadyDecided, Conflict once it has expired.
        """
        check_stranger(Act.CONFIRM_KEY, by, requester=self.made_by)
        match self.status_at(now_ms):
            case ApiKeyStatus.WAITING:
                return replace(
                    self, status=ApiKeyStatus.ACTIVE, decided_by=by, decided_at_ms=now_ms, version=self.version + 1
                )
            case ApiKeyStatus.EXPIRED:
                raise Conflict("this key has expired: make another one")
            case status:
                raise AlreadyDecided(f"the key is {status}")

    def rotated(self, secret: KeySecret, by: str, overlap_hours: int, now_ms: int) -> ApiKey:
        """Return the key with another secret; those until now open for so many hours more, or less.

        One that had an earlier end keeps it. Raises Forbidden for everybody but its maker, who answers for what is done
        with it; Conflict for a key that opens nothing any more, or has as many secrets as may open at once.
        """
        only = "only who made a key gets a new secret of it: make a key of your own, and revoke this one"
        check_maker(Act.ROTATE_KEY, by, self.made_by, only)
        if (status := self.status_at(now_ms)) in (ApiKeyStatus.REVOKED, ApiKeyStatus.EXPIRED):
            raise Conflict(f"the key is {status}: make another one")
        ends_ms = now_ms + overlap_hours * HOUR_MS
        others = tuple(
            each if 0 < each.until_ms <= ends_ms else replace(each, until_ms=ends_ms)
            for each in self.secrets
            if each.opens(now_ms) and overlap_hours
        )
        if len(others) >= MAX_SECRETS:
            raise Conflict(f"{MAX_SECRETS} secrets of the key are good already: wait, or rotate it without an overlap")
        return replace(self, secrets=(secret, *others), rotated_at_ms=now_ms, version=self.version + 1)

    def revoked(self, by: str, now_ms: int) -> ApiKey:
        return replace(self, status=ApiKeyStatus.REVOKED, revoked_by=by, revoked_at_ms=now_ms, version=self.version + 1)


def prefix(id: str, *, live: bool) -> str:
    return f"{PREFIX}{'live' if live else 'test'}_{id}"


def text_of(id: str, secret: bytes, *, live: bool) -> str:
    """Return the text that opens. `secret`: SECRET_BYTES of chance."""
    body = prefix(id, live=live) + base32.encode(secret)
    return body + _checksum(body)


def id_in(text: str) -> str:
    """Return the id in what may be a key; "" where it is none, whatever it says."""
    found = FORM.fullmatch(text)
    return found[2] if found and _checksum(found[1]) == found[3] else ""


def secret_of(text: str) -> KeySecret:
    """Return what is kept of the text of a key."""
    return KeySecret(hashed(text), text[-LAST:])


def hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _checksum(body: str) -> str:
    return base32.encode(zlib.crc32(body.encode()).to_bytes(4, "big"))
