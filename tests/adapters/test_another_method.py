"""A payout method of a kind that was added and forgotten somewhere: nothing takes it for one of the others."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, get_args

import pytest

from refledger.adapters.vault import NotOpened, Vault
from refledger.domain import methods
from refledger.domain.methods import ACCOUNTS, Account, MethodType, PayoutMethod, StripeAccount
from refledger.entry import config
from refledger.entry.models.payout_method_views import BankAccountView
from refledger.entry.models.payout_methods import GIVEN_FOR, PayoutMethodBody
from tests.adapters import test_payout_contract
from tests.support.kms import KEY_ARN, Kms

# as it is before any place but `MethodType` has heard of it
PIGEON = str.__new__(MethodType, "PIGEON")
PIGEON._name_, PIGEON._value_ = "PIGEON", "PIGEON"


@dataclass(frozen=True)
class PigeonAccount:
    type: ClassVar = PIGEON
    holder: str
    account_id: str


ACCOUNT: Any = PigeonAccount("Bob Example", "loft-1")


def method(**given: Any) -> PayoutMethod:
    return PayoutMethod("m", "p", 1, PIGEON, "Bob", "…1", b"", 1, **given)


def body(**given: Any) -> PayoutMethodBody:
    return PayoutMethodBody.model_construct(type=PIGEON, account_holder="Bob", **given)


def checked(given: Any) -> object:
    """The body after its own check, which pydantic calls and `model_construct` leaves out."""
    return given._one_account()


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda: methods.identity(ACCOUNT), id="what makes accounts the same"),
        pytest.param(lambda: methods.number_of(ACCOUNT), id="what makes numbers the same"),
        pytest.param(lambda: methods.masked(ACCOUNT), id="what may be shown"),
        pytest.param(lambda: BankAccountView.of(ACCOUNT), id="what who pays it is shown"),
        pytest.param(lambda: PIGEON.is_paid_by_person, id="who pays it"),
        pytest.param(lambda: PIGEON.goes_into_files, id="whether it goes into a bank's file"),
        pytest.param(lambda: method().is_payable, id="whether a withdrawal to it is taken"),
        pytest.param(lambda: body(stripe_account_id="acct_1").to_account(), id="which account a body gives"),
        pytest.param(lambda: checked(body(iban="DE1")), id="what a body must have"),
    ],
)
def test_no_place_takes_it_for_another_kind(use: Callable[[], object]) -> None:
    """Each says that it does not know it, before anything is sealed, shown or paid."""
    with pytest.raises(AssertionError, match="Expected code to be unreachable"):
        use()


def test_no_sealed_account_is_opened_as_another_kind() -> None:
    """One that newer code has sealed stays closed to code that does not know its kind, whatever its fields are."""
    kms = Kms()
    sealed = Vault(kms, KEY_ARN).seal(StripeAccount("Bob", "acct_1"), "p", "m")
    text = json.loads(kms.decrypt(KeyId=KEY_ARN, CiphertextBlob=sealed, EncryptionContext=CONTEXT)["Plaintext"])
    other = json.dumps({**text, "type": "PIGEON"}).encode()
    cipher = kms.encrypt(KeyId=KEY_ARN, Plaintext=other, EncryptionContext=CONTEXT)["CiphertextBlob"]
    with pytest.raises(NotOpened, match="does not know"):
        Vault(kms, KEY_ARN).open(cipher, "p", "m")


CONTEXT = {"partner": "p", "method": "m"}


def test_every_kind_is_in_each_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """What no `match` holds: the classes of accounts, what a body must have, and the providers."""
    kinds = set(MethodType)
    assert set(ACCOUNTS) == set(GIVEN_FOR) == kinds
    assert set(ACCOUNTS.values()) == set(get_args(Account))
    assert [ACCOUNTS[kind].type for kind in kinds] == list(kinds)
    settings = {"STRIPE_SECRET_ARN": "", "STRIPE_MODE": "live", "STRIPE_API_BASE": ""}
    monkeypatch.setattr(config, "environment", lambda: settings)
    ports = config.payouts.__wrapped__()
    assert set(ports) == kinds
    promised = {type(next(provider()).port) for provider in test_payout_contract.PROVIDERS.values()}
    assert {type(port) for port in ports.values()} == promised, "each keeps what the workflow relies on"
