"""What somebody tries with an API key, and with what looks like one."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from refledger.entry import access
from refledger.store import api_keys as store
from tests.functions.test_api_keys import EVERYTHING, ONE, K, kept, make, of, programs
from tests.support import keyed
from tests.support.functions import World
from tests.support.keyed import Called, ask


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> Called:
    return keyed.calling(monkeypatch)


TRICKS = [
    "/api/v1/programs/", "//api/v1/programs", "/api//v1/programs", "/API/v1/programs", "/api/v1/../v1/programs",
    "/api/v1/me/../programs", "/keyed/api/v1/programs", "/api/v1/programs%2F..%2Fme", "/api/v1/programs\n",
    "/api/v1/programs;x", "/api/v1/programs?x", "", "/", "/api/v1/programs%00", "/api/v1/.", "/api/v1xprograms",
    "/api/v1/api-keys", "/api/v1/me", "/api/v1/api-keys/..%2Fprograms", "/docs", "/r/abc", "/api/v1/embed/balance",
    "/api/v1/webhooks/stripe", "/api/v1/openapi.json",
]  # fmt: skip


METHODS = ["GET", "HEAD", "POST", "DELETE", "OPTIONS", "get", "TRACE", "CONNECT"]


def test_tricks(fresh: World, called: Called) -> None:
    text = make(fresh)["key"]
    for method in METHODS:
        for path in TRICKS:
            called.asked.clear()
            _trick(fresh, called, path, method, text)


def _trick(world: World, called: Called, path: str, method: str, text: str) -> None:
    answer = ask(world, method, path, text, body={})
    for event in called.asked:
        assert event["requestContext"]["authorizer"]["apiKey"]["scopes"] == ["programs:read"]
        assert "authorization" not in event["headers"]
    if called.asked and answer.status < 400:
        rule = access.ROUTES[called.asked[-1]["routeKey"]]
        assert rule
        assert rule.scope == "programs:read"
    if not called.asked:
        assert answer.status in (404, 405, 204), (method, path, answer)


@pytest.mark.parametrize("name", [
    "x-api-key", "x-forwarded-user", "x-http-method-override", "x-amzn-apikey", "x-original-url", "x-rewrite-url",
    "x-method-override", "x-apikey", "cookie",
])  # fmt: skip
def test_headers(fresh: World, called: Called, name: str) -> None:
    text = make(fresh)["key"]
    told = json.dumps({"id": "x", "madeBy": fresh.books.user("second"), "scopes": EVERYTHING})
    assert ask(fresh, "GET", "/api/v1/partners", text, headers={name: told}).status == 403
    assert ask(fresh, "GET", "/api/v1/programs", text, headers={name: "DELETE"}).status == 200
    assert ask(fresh, "GET", "/api/v1/programs", None, headers={name: text}).status == 401


def test_query_and_body(fresh: World, called: Called) -> None:
    text = make(fresh)["key"]
    for told in ({"apiKey": "x"}, {"scope": "partners:read"}, {"access_token": text}):
        assert ask(fresh, "GET", "/api/v1/partners", text, query=told).status == 403
        assert ask(fresh, "GET", "/api/v1/programs", None, query=told).status == 401


def test_checksum_spares_the_read(fresh: World, called: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    text = make(fresh)["key"]
    read: list[Any] = []
    real = store.find

    def find(*told: Any) -> Any:
        read.append(told)
        return real(*told)

    monkeypatch.setattr("refledger.store.api_keys.find", find)
    for bad in (
        text[:-1] + ("0" if text[-1] != "0" else "1"),
        text + "0",
        text[:-1],
        text.upper(),
        " " + text[1:],
        text.replace("rl_test", "rl_live"),
        text[:12] + "v" + text[13:],
        text + "\n" + text,
    ):
        if bad != text:
            assert programs(fresh, bad).status == 401
    assert read == []
    assert programs(fresh, text).status == 200
    assert len(read) == 1


def test_two_rotations_at_once(fresh: World, called: Called) -> None:
    made = make(fresh)
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: fresh.admin(f"POST {ONE}/rotate", path=of(made), body={}), range(4)))
    assert {each.status for each in done} <= {200, 503, 409}, done
    for each in done:
        if each.status == 200:
            assert programs(fresh, each.body["key"]).status == 200
    assert programs(fresh, made["key"]).status == 200


def _between(monkeypatch: pytest.MonkeyPatch, first: Callable[[], Any]) -> None:
    """Let `first` happen between the read and the write of the next change."""
    real = store.change

    def change(old: Any, new: Any) -> Any:
        monkeypatch.setattr("refledger.store.api_keys.change", real)
        first()
        return real(old, new)

    monkeypatch.setattr("refledger.store.api_keys.change", change)


def test_a_revocation_between_the_read_and_the_write_of_a_rotation_stays(
    fresh: World, called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make(fresh)
    _between(monkeypatch, lambda: fresh.admin(f"DELETE {ONE}", path=of(made)))
    rotated = fresh.admin(f"POST {ONE}/rotate", path=of(made), body={})
    assert rotated.status == 409, rotated
    assert programs(fresh, made["key"]).status == 401


def test_a_rotation_between_the_read_and_the_write_of_a_revocation_revives_nothing(
    fresh: World, called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, texts = make(fresh), []
    _between(
        monkeypatch,
        lambda: texts.append(fresh.admin(f"POST {ONE}/rotate", path=of(made), body={}).body["key"]),
    )
    assert fresh.admin(f"DELETE {ONE}", path=of(made)).status == 200
    for text in (made["key"], *texts):
        assert programs(fresh, text).status == 401


def test_a_revocation_stays_when_use_is_noted_at_the_same_time(
    fresh: World, called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make(fresh)
    real = store.use

    def use(*told: Any) -> Any:
        monkeypatch.setattr("refledger.store.api_keys.use", real)
        fresh.admin(f"DELETE {ONE}", path=of(made))
        return real(*told)

    monkeypatch.setattr("refledger.store.api_keys.use", use)
    assert programs(fresh, made["key"]).status == 200
    assert programs(fresh, made["key"]).status == 401
    assert fresh.admin(f"GET {ONE}", path=of(made)).body["status"] == "REVOKED"


def test_a_repeat_of_a_creation_after_revocation_revives_nothing(fresh: World, called: Called) -> None:
    made = make(fresh, headers={"idempotency-key": "k1"})
    fresh.admin(f"DELETE {ONE}", path=of(made))
    again = make(fresh, headers={"idempotency-key": "k1"})
    assert (again["id"], again["status"], again["key"]) == (made["id"], "REVOKED", None)
    assert made["key"] not in kept(fresh)


def test_another_body_with_the_key_is_refused(fresh: World) -> None:
    make(fresh, headers={"idempotency-key": "k1"})
    refused = fresh.admin(
        f"POST {K}", body={"name": "Shop", "scopes": ["partners:write"]}, headers={"idempotency-key": "k1"}
    )
    assert (refused.status, refused.code) == (422, "IDEMPOTENCY_KEY_REUSED")


def test_a_key_waits_whatever_is_beside(fresh: World, called: Called) -> None:
    made = make(fresh, "events:write", "programs:read")
    rotated = fresh.admin(f"POST {ONE}/rotate", path=of(made), body={}).body
    assert programs(fresh, rotated["key"]).status == 401
    assert fresh.admin(f"POST {ONE}/confirm", path=of(made)).code == "SECOND_PERSON_NEEDED"
