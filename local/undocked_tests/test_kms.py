"""KMS keys of a template: the same keys after every start, because what they encrypted is kept too."""

from __future__ import annotations

import json
import stat

import pytest
from botocore.exceptions import ClientError

from undocked.testing import Stack

CONTEXT = {"partner": "p1", "method": "m1"}


def environment(restarted: Stack) -> dict[str, str]:
    """What a function of the sample is told."""
    told: dict[str, str] = restarted.get("/echo/x").json()["env"]
    return told


def test_what_was_encrypted_is_read_after_a_crash(restarted: Stack) -> None:
    """Functions are told the same key, and it decrypts, by ARN and by alias; with another context it does not."""
    kms, key = restarted.client("kms"), environment(restarted)["ACCOUNTS_KEY_ARN"]
    sealed = kms.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext=CONTEXT)["CiphertextBlob"]
    restarted.kill9()
    restarted.start()
    assert environment(restarted)["ACCOUNTS_KEY_ARN"] == key
    for name in (key, "alias/accounts"):
        opened = kms.decrypt(KeyId=name, CiphertextBlob=sealed, EncryptionContext=CONTEXT)
        assert opened["Plaintext"] == b"secret"
    with pytest.raises(ClientError, match="InvalidCiphertext"):
        kms.decrypt(KeyId=key, CiphertextBlob=sealed, EncryptionContext={**CONTEXT, "partner": "p2"})


def test_what_was_signed_is_verified_after_a_restart(restarted: Stack) -> None:
    """An asymmetric key is of the kind that the template asks, and stays the same too."""
    kms, key = restarted.client("kms"), environment(restarted)["SIGNING_KEY_ID"]
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyUsage"] == "SIGN_VERIFY"
    how = {"KeyId": key, "Message": b"message", "SigningAlgorithm": "RSASSA_PSS_SHA_256"}
    signature = kms.sign(**how)["Signature"]
    public = kms.get_public_key(KeyId=key)["PublicKey"]
    restarted.stop()
    restarted.start()
    assert kms.verify(**how, Signature=signature)["SignatureValid"]
    assert kms.get_public_key(KeyId=key)["PublicKey"] == public


def test_keys_are_kept_for_their_owner_alone(restarted: Stack) -> None:
    """The file with the material can be read by nobody else, and what is in it is in no output."""
    path = restarted.data / "kms.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    kept = json.loads(path.read_text())
    assert {"material", "private"} <= {part for key in kept.values() for part in key}
    assert [key for key in kept.values() if key.get("material", key.get("private")) in restarted.output] == []
