"""Secrets where they are kept: read when they are needed, taken up when they are new, believed no longer than that."""

from __future__ import annotations

import traceback

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from refledger.adapters.ids import Ids
from refledger.adapters.secrets import FRESH_MS, Secrets, SecretUnreadable
from refledger.entry import problems
from tests.support.secrets import HASH, STRIPE, SecretsManager

VALUE = "a-value-that-is-in-no-error"


class Now:
    """A clock that is set."""

    ms = 1_795_253_400_000

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def kept() -> SecretsManager:
    made = SecretsManager()
    made.put(STRIPE, apiKey=VALUE, webhookSecrets="old")
    made.put(HASH, VALUE)
    return made


def test_nothing_is_asked_before_it_is_needed_and_once_is_enough(kept: SecretsManager) -> None:
    secrets = Secrets(kept, Now())
    ids = Ids(lambda: secrets.text(HASH))
    assert kept.asked == []
    assert ids.user("bob") == Ids(VALUE).user("bob")
    assert (secrets.member(STRIPE, "apiKey"), secrets.member(STRIPE, "webhookSecrets")) == (VALUE, "old")
    assert kept.asked == [HASH, STRIPE]


def test_the_key_of_the_hashes_is_read_once_for_all(kept: SecretsManager) -> None:
    """It never changes: a function that runs for a day does not ask 288 times."""
    now = Now()
    secrets = Secrets(kept, now)
    ids = Ids(lambda: secrets.text(HASH))
    for _ in range(3):
        ids.user("bob")
        now.ms += FRESH_MS
    assert kept.asked == [HASH]


def test_a_rotation_is_taken_up_without_a_deployment(kept: SecretsManager) -> None:
    """After five minutes, not before: and what was taken out counts no more."""
    now = Now()
    secrets = Secrets(kept, now)
    assert secrets.member(STRIPE, "webhookSecrets") == "old"
    kept.put(STRIPE, webhookSecrets="new,old")
    now.ms += FRESH_MS - 1
    assert secrets.member(STRIPE, "webhookSecrets") == "old"
    now.ms += 1
    assert secrets.member(STRIPE, "webhookSecrets") == "new,old"
    kept.put(STRIPE, webhookSecrets="new")
    now.ms += FRESH_MS
    assert secrets.member(STRIPE, "webhookSecrets") == "new"


def test_a_clock_that_was_set_back_keeps_nothing_for_ever(kept: SecretsManager) -> None:
    now = Now()
    secrets = Secrets(kept, now)
    secrets.text(HASH)
    now.ms -= 86_400_000
    secrets.text(HASH)
    assert kept.asked == [HASH, HASH]


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException", "InvalidRequestException"])
def test_one_that_was_taken_away_is_believed_no_more(kept: SecretsManager, code: str) -> None:
    """Deleted, or the right to it: five minutes later it is an error that says which, and no old value."""
    now = Now()
    secrets = Secrets(kept, now)
    assert secrets.text(HASH) == VALUE
    kept.failing = code
    now.ms += FRESH_MS
    with pytest.raises(ClientError) as told:
        secrets.text(HASH)
    said = "".join(traceback.format_exception(told.value))
    assert code in said
    assert HASH in said
    assert VALUE not in said
    assert not problems.is_away(told.value), "a fault of the deployment, which rings"
    kept.failing = ""
    assert secrets.text(HASH) == VALUE, "a failure is not remembered"


@pytest.mark.parametrize("code", ["InternalServiceError", "ThrottlingException"])
def test_a_service_that_is_away_is_away(kept: SecretsManager, code: str) -> None:
    """503: whoever called may call again."""
    kept.failing = code
    with pytest.raises(ClientError) as told:
        Secrets(kept, Now()).text(HASH)
    assert problems.is_away(told.value)
    assert problems.is_away(EndpointConnectionError(endpoint_url="https://secretsmanager.invalid"))


def test_a_deployment_without_the_secret_asks_nobody(kept: SecretsManager) -> None:
    secrets = Secrets(kept, Now())
    assert (secrets.text(""), secrets.member("", "apiKey")) == ("", "")
    assert kept.asked == []


@pytest.mark.parametrize(
    "text", ["not JSON: " + VALUE, "[]", '"text"', "null", "7", '{"apiKey": 7}', '{"apiKey": null}', '{"other": "x"}']
)
def test_what_is_no_object_with_the_text_is_an_error(kept: SecretsManager, text: str) -> None:
    """Never an empty secret instead: which would be none, and silence."""
    kept.put(STRIPE, text)
    with pytest.raises(SecretUnreadable) as told:
        Secrets(kept, Now()).member(STRIPE, "apiKey")
    assert STRIPE in str(told.value)
    assert VALUE not in "".join(traceback.format_exception(told.value))


def test_a_binary_secret_is_an_error(kept: SecretsManager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "get_secret_value", lambda SecretId: {"SecretBinary": b"..."})  # noqa: N803
    with pytest.raises(SecretUnreadable):
        Secrets(kept, Now()).text(HASH)
