"""A fresh sign-in through the gateway, which writes a token's numbers as text and its own headers."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from scripts.demo import Client
from undocked.testing import Stack

BODY = {"partnerId": "a" * 16, "amount": 5, "currency": "USD", "reason": "a test"}
DAY_SECONDS = 86_400


SIGN_INS: dict[str, tuple[Callable[[float], object], int]] = {
    "a minute ago": (lambda now: int(now) - 60, 404),
    "with a fraction": (lambda now: now - 60, 404),
    "yesterday": (lambda now: int(now) - DAY_SECONDS - 60, 401),
    "tomorrow": (lambda now: int(now) + DAY_SECONDS, 401),
    "never": (lambda _: None, 401),
    "yes": (lambda _: True, 401),
    "some day": (lambda _: "now", 401),
}


@pytest.mark.parametrize("when", SIGN_INS)
def test_an_old_token_moves_no_money(client: Client, stack: Stack, when: str) -> None:
    """The stack takes a day, as `make run`; what is no moment is none, however the gateway hands it on."""
    assert client.api == stack.api
    signed_in, status = SIGN_INS[when]
    token = stack.token("admin-of-old", ["admin"], claims={"auth_time": signed_in(time.time())})
    answer = stack.post("/api/v1/adjustments", token=token, json=BODY)
    assert answer.status_code == status, answer.text
    if status == 401:
        assert answer.json()["code"] == "FRESH_SIGN_IN_NEEDED"
        assert 'max_age="86400"' in answer.headers["www-authenticate"]
    assert stack.get("/api/v1/adjustments?status=WAITING", token=token).status_code == 200
