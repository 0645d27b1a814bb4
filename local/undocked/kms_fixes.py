"""moto's signatures, mended: a digest that is given (MessageType DIGEST) is signed as it is, not hashed once more.

Otherwise a signature that is made here is none for anybody who checks it outside of moto, or against AWS.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from moto.kms.responses import KmsResponse
from moto.kms.utils import ECDSAPrivateKey

from undocked.replacing import replace

HASH = "_ECDSAPrivateKey__hash_algorithm"
_asked = threading.local()  # whether the call of this thread gives a digest


def apply() -> None:
    """Mend moto, for every key of this process. Elliptic curves only; a digest for another key is refused."""
    hash_of: Callable[[ECDSAPrivateKey, str], Any] = getattr(ECDSAPrivateKey, HASH)

    def hash_or_digest(key: ECDSAPrivateKey, algorithm: str) -> Any:
        made = hash_of(key, algorithm)
        return Prehashed(made) if getattr(_asked, "digest", False) else made

    if hash_of.__name__ != hash_or_digest.__name__:  # not mended yet
        replace(ECDSAPrivateKey, HASH, hash_or_digest)
        for name in ("sign", "verify"):
            replace(KmsResponse, name, _listening(getattr(KmsResponse, name)))


def _listening(answer: Callable[[KmsResponse], str]) -> Callable[[KmsResponse], str]:
    def call(response: KmsResponse) -> str:
        _asked.digest = response._get_param("MessageType") == "DIGEST"
        if _asked.digest:
            key = response.kms_backend.describe_key(response._get_param("KeyId"))
            if not key.key_spec.startswith("ECC"):
                raise NotImplementedError(f"digests are signed with keys of elliptic curves only, not {key.key_spec}")
        try:
            return answer(response)
        finally:
            _asked.digest = False

    return call
