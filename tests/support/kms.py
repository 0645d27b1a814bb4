"""A double of KMS with one symmetric key: as strict about the encryption context, and it keeps what it was asked."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_ARN = "arn:aws:kms:eu-central-1:123456789012:key/4f3c2b1a-0000-4000-8000-000000000000"
NONCE_BYTES = 12
PLAIN_LIMIT_BYTES = 4096


@dataclass
class Kms:
    """`calls`: (operation, encryption context), in order. `failing`: the code that every call ends with."""

    key: bytes = field(default_factory=lambda: AESGCM.generate_key(256))
    calls: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    failing: str = ""

    def encrypt(self, *, KeyId: str, EncryptionContext: dict[str, str], Plaintext: bytes) -> dict[str, Any]:  # noqa: N803 the SDK's words
        self._asked("Encrypt", KeyId, EncryptionContext)
        assert len(Plaintext) <= PLAIN_LIMIT_BYTES
        nonce = os.urandom(NONCE_BYTES)
        sealed = AESGCM(self.key).encrypt(nonce, Plaintext, _bound(EncryptionContext))
        return {"KeyId": KeyId, "CiphertextBlob": nonce + sealed, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}

    def decrypt(self, *, KeyId: str, EncryptionContext: dict[str, str], CiphertextBlob: bytes) -> dict[str, Any]:  # noqa: N803
        self._asked("Decrypt", KeyId, EncryptionContext)
        nonce, sealed = CiphertextBlob[:NONCE_BYTES], CiphertextBlob[NONCE_BYTES:]
        try:
            plain = AESGCM(self.key).decrypt(nonce, sealed, _bound(EncryptionContext))
        except (InvalidTag, ValueError):
            raise _error("InvalidCiphertextException", "Decrypt") from None
        return {"KeyId": KeyId, "Plaintext": plain, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}

    def asked(self, operation: str) -> int:
        """How often an operation was asked for."""
        return sum(made == operation for made, _ in self.calls)

    def _asked(self, operation: str, key_id: str, context: dict[str, str]) -> None:
        assert key_id == KEY_ARN
        self.calls.append((operation, context))
        if self.failing:
            raise _error(self.failing, operation)


def _bound(context: dict[str, str]) -> bytes:
    return json.dumps(context, sort_keys=True).encode()


def _error(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, operation)
