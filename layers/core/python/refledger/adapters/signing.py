"""Signatures by a key that nobody holds: KMS keeps the private part of an ECC_NIST_P256 key.

What is signed is the SHA-256 of the text, so anybody with the public key can check it, for instance with
`openssl dgst -sha256 -verify public.pem -signature index.sig index.json`.
"""

from __future__ import annotations

import hashlib
from typing import Any, Protocol

from botocore.exceptions import ClientError

ALGORITHM = "ECDSA_SHA_256"


class Checker(Protocol):
    def is_signed(self, text: bytes, signature: bytes) -> bool: ...


class KmsKey:
    """One asymmetric KMS key. `sign` needs kms:Sign, `is_signed` kms:Verify."""

    def __init__(self, client: Any, key_id: str) -> None:
        self._client, self._key_id = client, key_id

    def sign(self, text: bytes) -> bytes:
        return bytes(self._client.sign(**self._about(text))["Signature"])

    def is_signed(self, text: bytes, signature: bytes) -> bool:
        try:
            return bool(self._client.verify(**self._about(text), Signature=signature)["SignatureValid"])
        except ClientError as error:
            if error.response["Error"]["Code"] == "KMSInvalidSignatureException":
                return False
            raise

    def _about(self, text: bytes) -> dict[str, Any]:
        digest = hashlib.sha256(text).digest()
        return {"KeyId": self._key_id, "Message": digest, "MessageType": "DIGEST", "SigningAlgorithm": ALGORITHM}


class PublicKey:
    """The public part of the key, PEM or DER: no AWS needed. Raises ValueError where it is no such key."""

    def __init__(self, text: bytes) -> None:
        # not in the layer, which only signs: an operator's machine has it (requirements/dev.in)
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        load = serialization.load_pem_public_key if text.startswith(b"-----") else serialization.load_der_public_key
        key = load(text)
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise ValueError("not an elliptic curve key")
        self._key = key

    def is_signed(self, text: bytes, signature: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        try:
            self._key.verify(signature, text, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True
