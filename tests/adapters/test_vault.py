"""Sealed accounts: opened as what they were, only for whom they were sealed, and silent about what is in them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from moto import mock_aws

from refledger.adapters import aws
from refledger.adapters.vault import NotOpened, Vault
from refledger.domain.errors import Busy
from refledger.domain.methods import Account, BankAccount, StripeAccount
from tests.support.kms import KEY_ARN, Kms

IBAN = "DE89370400440532013000"
ACCOUNTS: list[Account] = [
    BankAccount("Bob Example", iban=IBAN),
    BankAccount("Zoë “Ü” 株式会社", number="9" * 34, bank_code="8" * 20),
    StripeAccount("", "acct_" + "a" * 64),
]


@pytest.fixture(params=["double", "moto"])
def vault(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vault]:
    """The tests' double of KMS and moto's must agree on everything here, or one of them is wrong."""
    if request.param == "double":
        yield Vault(Kms(), KEY_ARN)
        return
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    with mock_aws():
        client = boto3.client("kms", region_name="eu-central-1")
        yield Vault(client, client.create_key()["KeyMetadata"]["Arn"])


@pytest.mark.parametrize("account", ACCOUNTS)
def test_what_is_sealed_is_opened(vault: Vault, account: Account) -> None:
    """Whatever the kind, and as long as may be; twice sealed is not twice the same, and nothing of it is readable."""
    sealed = [vault.seal(account, "partner", "method") for _ in range(2)]
    assert [vault.open(each, "partner", "method") for each in sealed] == [account, account]
    assert sealed[0] != sealed[1]
    for secret in (IBAN.encode(), b"9999", b"acct_", b"Example"):
        assert secret not in sealed[0]


@pytest.mark.parametrize(
    ("partner", "method"), [("other", "method"), ("partner", "other"), ("method", "partner"), ("", "")]
)
def test_nobody_elses_name_opens_it(vault: Vault, partner: str, method: str) -> None:
    """A cipher text that is moved to another partner's or method's item is worth nothing there."""
    sealed = vault.seal(ACCOUNTS[0], "partner", "method")
    with pytest.raises(NotOpened):
        vault.open(sealed, partner or "x", method or "x")


@pytest.mark.parametrize("at", [-1, -20, -40])
def test_a_changed_cipher_text_is_not_opened(vault: Vault, at: int) -> None:
    """One bit is enough, wherever it is; so is one byte that is missing."""
    sealed = vault.seal(ACCOUNTS[0], "partner", "method")
    bent = bytearray(sealed)
    bent[at] ^= 1
    for damaged in (bytes(bent), sealed[:-1]):
        with pytest.raises(NotOpened):
            vault.open(damaged, "partner", "method")


def test_another_format_is_not_guessed_at() -> None:
    """What a later version of this code sealed is refused, and the error holds nothing of it."""
    kms = Kms()
    context = {"partner": "p", "method": "m"}
    sealed = kms.encrypt(KeyId=KEY_ARN, EncryptionContext=context, Plaintext=b'{"format": 2, "iban": "DE8937"}')
    with pytest.raises(NotOpened) as refused:
        Vault(kms, KEY_ARN).open(sealed["CiphertextBlob"], "p", "m")
    assert "DE89" not in str(refused.value)


@pytest.mark.parametrize("code", ["ThrottlingException", "KMSInternalException", "DependencyTimeoutException"])
def test_what_passes_is_tried_again_by_others(code: str) -> None:
    """KMS that cannot now makes a caller wait: the operation did nothing."""
    vault = Vault(Kms(failing=code), KEY_ARN)
    with pytest.raises(Busy):
        vault.seal(ACCOUNTS[0], "p", "m")
    with pytest.raises(Busy):
        vault.open(b"x" * 40, "p", "m")


def test_no_answer_is_no_answer() -> None:
    """A connection that does not come about is nobody's refusal either."""

    class Silent:
        def __getattr__(self, _: str) -> Any:
            raise ConnectTimeoutError(endpoint_url="https://kms.invalid")

    with pytest.raises(Busy):
        Vault(Silent(), KEY_ARN).seal(ACCOUNTS[0], "p", "m")


@pytest.mark.parametrize("code", ["AccessDeniedException", "DisabledException", "KMSInvalidStateException"])
def test_a_key_that_is_not_there_is_a_fault(code: str) -> None:
    """The deployment is broken: that is told as it is, and never as "try again"."""
    with pytest.raises(ClientError, match=code):
        Vault(Kms(failing=code), KEY_ARN).seal(ACCOUNTS[0], "p", "m")


@pytest.mark.parametrize("account", ACCOUNTS)
def test_no_number_is_in_a_repr(account: Account) -> None:
    """Whatever prints an account, a traceback or an assertion, prints nobody's number."""
    assert repr(account) == f"{type(account).__name__}(holder={account.holder!r})"


def test_the_sdk_keeps_requests_to_itself(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """With every log at DEBUG, a client that this project makes still logs no request: accounts are in them."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(logging.getLogger("botocore"), "level", logging.NOTSET)
    assert logging.getLogger("botocore.endpoint").isEnabledFor(logging.DEBUG)
    aws.boto3_client("kms")
    for name in ("botocore.endpoint", "botocore.parsers", "botocore.auth", "botocore.hooks"):
        assert not logging.getLogger(name).isEnabledFor(logging.DEBUG)
