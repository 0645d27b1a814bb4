"""Credentials of functions that begin from a snapshot are asked for on this machine, and in time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from botocore.exceptions import CredentialRetrievalError

from refledger.adapters import aws_json, container_credentials
from refledger.adapters.container_credentials import ContainerCredentials
from tests.support.http_answers import CLOSE, Server, answer, serving

NOW_S = 1_800_000_000.0
HOUR_S = 3600


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def told(name: str, expires_s: float) -> bytes:
    until = datetime.fromtimestamp(expires_s, UTC).isoformat().replace("+00:00", "Z")
    said = {"AccessKeyId": name, "SecretAccessKey": f"{name} secret", "Token": f"{name} token", "Expiration": until}
    return answer(json.dumps(said).encode())


class Clock:
    now_s = NOW_S

    def __call__(self) -> float:
        return self.now_s


def asking(server: Server, clock: Clock) -> ContainerCredentials:
    return ContainerCredentials(f"http://{server.host}/credentials", "show me", clock, lambda _: None)


def test_they_are_asked_for_once_and_again_before_they_expire(server: Server) -> None:
    """With what the environment says to show; ten minutes before the end is early enough."""
    clock = Clock()
    asked = asking(server, clock)
    server.will(told("first", NOW_S + HOUR_S), told("second", NOW_S + 2 * HOUR_S))
    assert [asked.current().access_key for _ in range(3)] == ["first"] * 3
    (request,) = server.received
    assert (request.line, request.headers["authorization"]) == ("GET /credentials HTTP/1.1", "show me")
    clock.now_s += HOUR_S - 601
    assert asked.current().access_key == "first"
    clock.now_s += 2
    assert asked.current().access_key == "second"


def test_those_that_are_still_good_are_used_while_nobody_answers(server: Server) -> None:
    """And asked for no more than once a minute; when they have expired, it is an error."""
    clock = Clock()
    asked = asking(server, clock)
    server.will(told("old", NOW_S + 300))
    assert asked.current().access_key == "old"
    server.will(answer(b"{}", "500 Oops"))
    clock.now_s += 120
    assert {asked.current().access_key for _ in range(5)} == {"old"}
    assert len(server.received) == container_credentials.ATTEMPTS
    clock.now_s += 200
    with pytest.raises(CredentialRetrievalError):
        asked.current()


@pytest.mark.parametrize("broken", [
    answer(b"not json"), answer(b"[]"), answer(b'{"AccessKeyId": "a"}'), CLOSE, answer(b"no", "403 No"),
    answer(b'{"AccessKeyId":"a\\r\\nb","SecretAccessKey":"s","Token":"t","Expiration":"2030-01-01T00:00:00Z"}'),
    answer(b'{"AccessKeyId":"a","SecretAccessKey":"s","Token":"t","Expiration":"soon"}'),
])  # fmt: skip
def test_what_is_broken_is_asked_for_again(broken: bytes, server: Server) -> None:
    """Three times in all; the error says nothing of what was told."""
    server.will(broken, broken, told("good", NOW_S + HOUR_S))
    assert asking(server, Clock()).current().access_key == "good"
    server.will(broken)
    with pytest.raises(CredentialRetrievalError) as error:
        asking(server, Clock()).current()
    assert "AccessKey" not in str(error.value)


@pytest.mark.parametrize("url", [
    "http://example.com/c", "https://127.0.0.1/c", "http://169.254.169.254/latest", "file:///etc/passwd", "127.0.0.1",
])  # fmt: skip
def test_only_this_machine_is_asked(url: str) -> None:
    """Whoever can write a variable is not told what the environment is to show."""
    with pytest.raises(ValueError, match="this machine"):
        ContainerCredentials(url, "show me")


def test_a_function_without_keys_in_its_environment_asks_for_them(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own client does, without boto3. Outside of Lambda, boto3 looks in all the places it knows."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://{server.host}/c")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "show me")
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "me")
    server.will(told("here", 4_000_000_000))
    container_credentials.forget()

    def boto3s() -> None:
        raise LookupError("boto3 was asked")

    found = aws_json._credentials(boto3s)
    assert (found.access_key, found.secret_key, found.token) == ("here", "here secret", "here token")
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME")
    with pytest.raises(LookupError):
        aws_json._credentials(boto3s)
    container_credentials.forget()
