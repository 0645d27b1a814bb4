"""Ids that nobody can guess, and the keyed hashes behind which untrusted text hides."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from functools import cached_property, lru_cache, partial

from refledger.domain import base32, codes

ID_BYTES = 10  # 16 characters
LONG_ID_BYTES = 15  # 24 characters
USERS_KEPT = 256
USER_ID_LENGTH = 16


def is_user_id(text: str) -> bool:
    """Return whether it could be what `Ids.user` makes."""
    return len(text) == USER_ID_LENGTH and text.isascii() and text.isalnum()


class Ids:
    """All keyed with the deployment's secret: without it no id can be computed from what it stands for.

    `secret`: itself, or what reads it once it is needed. It is read once, because it never changes.
    """

    def __init__(self, secret: str | Callable[[], str]) -> None:
        self._secret = secret
        self._user = lru_cache(USERS_KEPT)(partial(self.hash, "user"))  # each event asks for its customer several times

    @cached_property
    def _key(self) -> bytes:
        return (self._secret if isinstance(self._secret, str) else self._secret()).encode()

    def digest(self, *parts: object) -> bytes:
        """Hash the parts, which cannot run into each other, to 32 bytes."""
        text = "".join([f"{len(part)}:{part}" for part in map(str, parts)])
        return hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), "sha256")

    def hash(self, *parts: object, size: int = ID_BYTES) -> str:
        return base32.encode(self.digest(*parts)[:size])

    def new(self, size: int = ID_BYTES) -> str:
        return base32.encode(secrets.token_bytes(size))

    def user(self, sub: str) -> str:
        """Hash what stands for a user, whether they refer, buy or decide.

        The `sub` of their token, a payment's customer id.
        """
        return self._user(sub)

    def alike(self, kind: str, *parts: str) -> str:
        """Hash what partners may have in common.

        An account's number, a folded address, a folded name and phone.
        """
        return self.hash("alike", kind, *parts, size=LONG_ID_BYTES)

    def partner(self, user: str) -> str:
        """Hash a user to their partner id.

        The same whoever asks first, so that two first calls make one partner.
        """
        return self.hash("partner", user)

    def payment(self, system: str, payment_id: str) -> str:
        return self.hash("payment", system, payment_id, size=LONG_ID_BYTES)

    def withdrawal(self, partner_id: str, key: str) -> str:
        """Hash what a withdrawal is known by.

        `key`: the Idempotency-Key, so that the put itself is the idempotency.
        """
        return self.hash("withdrawal", partner_id, key, size=LONG_ID_BYTES)

    def code(self, partner_id: str, attempt: int) -> str:
        """Make the referral code of a partner; another attempt where it is taken."""
        return codes.make(self.digest("code", partner_id, attempt))
