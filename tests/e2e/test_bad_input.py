"""What a stranger, a member or a broken client may send: always a clear refusal, never an accident."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from scripts.demo import IBAN, Client
from tests.e2e.people import People
from undocked.testing import Stack


@pytest.fixture
def people(client: Client) -> People:
    """Alice referred Bob, Bob referred Carol."""
    return People(client)


def public_key(stack: Stack) -> bytes:
    """The issuer's public key, which is no secret."""
    private = serialization.load_pem_private_key((Path(stack.data) / "issuer.pem").read_bytes(), None)
    encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return private.public_key().public_bytes(encoding, form)


def signed_hs256(claims: dict[str, Any], key: bytes, kid: str) -> str:
    """A token signed with the public key as if it were a shared secret; the library refuses to make one."""
    import hashlib
    import hmac

    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    text = f"{part({'alg': 'HS256', 'typ': 'JWT', 'kid': kid})}.{part(claims)}"
    signature = hmac.new(key, text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def test_no_good_token_no_answer(stack: Stack, client: Client) -> None:
    """Nonsense, expired, another issuer or audience, alg none, HS256 with the public key, an ID token: 401."""
    good = stack.token("mallory")
    claims = jwt.decode(good, options={"verify_signature": False})
    kid = jwt.get_unverified_header(good)["kid"]
    tokens = {
        "nothing": None,
        "nonsense": "nonsense",
        "expired": stack.token("mallory", expires_in=-60),
        "wrong issuer": stack.token("mallory", claims={"iss": "https://evil.example"}),
        "wrong audience": stack.token("mallory", claims={"aud": "another", "client_id": "another"}),
        "alg none": jwt.encode(claims, "", "none", headers={"kid": kid}),
        "HS256": signed_hs256(claims, public_key(stack), kid),
        "ID token": stack.token("mallory", claims={"token_use": "id"}),
        "ID token of another issuer": stack.token("mallory", claims={"token_use": None, "nonce": "n"}),
        "altered": good[:-8] + ("A" * 8),
    }
    answers = {name: stack.get("/api/v1/referrals/code", token=token).status_code for name, token in tokens.items()}
    assert answers == dict.fromkeys(tokens, 401)
    assert stack.get("/api/v1/referrals/code", token=good).status_code == 200


ADMIN_ROUTES = [
    ("POST", "/programs"), ("GET", "/programs"), ("POST", "/partners"), ("GET", "/partners"), ("GET", "/withdrawals"),
    ("POST", "/withdrawals/x/approve"), ("POST", "/withdrawals/x/reject"), ("POST", "/withdrawals/x/mark-paid"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), ADMIN_ROUTES)
def test_a_member_on_an_admin_route(client: Client, method: str, path: str) -> None:
    """403, whatever the body."""
    status, answer = client.call("mallory", method, path, {} if method == "POST" else None)
    assert (status, answer["code"]) == (403, "FORBIDDEN")


def test_anothers_withdrawal_does_not_exist(people: People) -> None:
    """For reading and for cancelling: 404, as for one that does not exist."""
    people.rich_bob()
    made = people.withdraw(people.bob, 1_000)["id"]
    for path in (f"/referrals/withdrawals/{made}", "/referrals/withdrawals/" + "0" * 24):
        assert people.client.call(people.alice, "GET", path)[0] == 404
        assert people.client.call(people.alice, "POST", f"{path}/cancel")[0] == 404
    assert people.client.get(people.bob, f"/referrals/withdrawals/{made}")["status"] == "REQUESTED"


def test_an_admin_does_not_decide_about_their_own(people: People) -> None:
    """403 for the requester, and the withdrawal waits on."""
    people.client.tokens.pop(people.bob)
    people.client.token(people.bob, "admin")  # from here on Bob is an admin, too
    people.rich_bob()
    made = people.withdraw(people.bob, 1_000)["id"]
    for decision in ("approve", "reject"):
        refused = people.client.post(people.bob, f"/withdrawals/{made}/{decision}", {}, expect=403)
        assert refused["code"] == "OWN_WITHDRAWAL"


def test_codes_that_do_not_fit(people: People) -> None:
    """Own, second, closing a circle, of an inactive partner, unknown: each its own problem code."""
    client = people.client

    def apply(who: str, code: str) -> tuple[int, str]:
        status, answer = client.call(who, "POST", f"/referrals/apply/{code}")
        return status, answer.get("code", "")

    alice, bob = people.code(people.alice), people.code(people.bob)
    assert apply(people.alice, alice) == (422, "OWN_CODE")
    assert apply(people.carol, alice) == (409, "ALREADY_REFERRED")
    assert apply(people.carol, bob) == (201, "")  # the same again is the same
    assert apply(people.alice, people.code(people.carol)) == (422, "CODE_CLOSES_CIRCLE")
    assert apply(f"new-{people.run}", "NOSUCHCODE") == (404, "CODE_NOT_FOUND")
    partner = client.get(people.bob, "/referrals/code")["partnerId"]
    client.post(people.admin, f"/partners/{partner}/deactivate", {"reason": "left"}, expect=200)
    assert apply(f"new-{people.run}", bob) == (422, "CODE_NOT_ACTIVE")


def test_guessing_codes_is_throttled(people: People) -> None:
    """After twenty codes that do not exist even a right one is refused, for the rest of the minute."""
    for n in range(20):
        status, _ = people.client.call(f"guesser-{people.run}", "POST", f"/referrals/apply/GUESS{n:05d}")
        assert status == 404
    token = people.client.token(f"guesser-{people.run}")
    answer = people.client.http.post(
        f"/api/v1/referrals/apply/{people.code(people.alice)}", headers={"authorization": f"Bearer {token}"}
    )
    if answer.status_code == 201:
        pytest.skip("the minute ended on the way")
    assert answer.status_code == 429
    assert answer.json()["code"] == "RATE_LIMITED"
    assert 1 <= int(answer.headers["retry-after"]) <= 60


AMOUNTS = ["-1", "0", "0.1", '"15"', "true", "NaN", "1e309", "1" + "0" * 40, "null", "[]", "1500.0", "Infinity"]


@pytest.mark.parametrize("amount", AMOUNTS)
def test_amounts_that_are_none(people: People, amount: str) -> None:
    """Nothing but a positive whole number of minor units is an amount; nothing is reserved."""
    text = json.dumps(people.wish(0)).replace('"amount": 0', f'"amount": {amount}')
    answer = raw(people, "/referrals/withdraw", text)
    assert answer.status_code in (400, 422)
    assert_problem(answer)


BODIES: dict[str, tuple[Any, str, set[int]]] = {
    "unknown currency": ({"currency": "XXX"}, "application/json", {422}),
    "unknown field": ({"colour": "red"}, "application/json", {422}),
    "bad IBAN": ({"payoutMethod": {"type": "BANK_TRANSFER", "accountHolder": "B", "iban": "DE00"}}, "application/json",
                 {422}),
    "both accounts": ({"payoutMethod": {"type": "BANK_TRANSFER", "accountHolder": "B", "iban": IBAN, "bankCode": "1"}},
                      "application/json", {422}),
    "control characters": ({"payoutMethod": {"type": "BANK_TRANSFER", "accountHolder": "B\u0000b", "iban": IBAN}},
                           "application/json", {422}),
    "wrong content type": ({}, "text/plain", {415}),
    "malformed": ('{"amount": 15', "application/json", {400}),
    "not an object": ("[1]", "application/json", {422}),
    "deep nesting": ('{"a":' * 5_000 + "1" + "}" * 5_000, "application/json", {400, 422}),
    "too large": (json.dumps({"amount": 1, "note": "x" * 70_000}), "application/json", {413}),
    "half a surrogate pair": ('{"amount": 1500, "currency": "\\ud800"}', "application/json", {400, 422}),
    "not UTF-8": (b'{"amount": "\xff\xfe"}', "application/json", {400, 422}),
}  # fmt: skip


@pytest.mark.parametrize("case", BODIES)
def test_bodies_that_are_none(people: People, case: str) -> None:
    """Each is refused as a problem with a code; nothing is reserved, nothing breaks."""
    change, kind, statuses = BODIES[case]
    body = json.dumps({**people.wish(1_500), **change}) if isinstance(change, dict) else change
    answer = raw(people, "/referrals/withdraw", body, kind)
    assert answer.status_code in statuses, answer.text
    assert_problem(answer)


IDS = ["%23", "a%23b", "%00", "a" * 2_048, "..%2f..%2fx", "%F0%9F%92%B8", "%ff", "' OR 1=1", "W%23x"]


@pytest.mark.parametrize("id", IDS)
def test_ids_that_are_none(client: Client, id: str) -> None:
    """Whatever is in the path: 4xx, and a problem unless the gateway itself refused it."""
    for who, method, path in (
        ("mallory", "GET", f"/referrals/withdrawals/{id}"),
        ("mallory", "POST", f"/referrals/apply/{id}"),
        ("admin", "GET", f"/withdrawals/{id}"),
        ("admin", "GET", f"/partners/{id}"),
        ("admin", "GET", f"/programs/{id}"),
        ("admin", "POST", f"/withdrawals/{id}/approve"),
    ):
        token = client.token(who, "admin") if who == "admin" else client.token(f"{who}-{hash(id)}")
        answer = client.http.request(
            method, f"/api/v1{path}", headers={"authorization": f"Bearer {token}", "content-type": "application/json"},
            content="{}" if method == "POST" else None,
        )  # fmt: skip
        assert 400 <= answer.status_code < 500, (method, path, answer.text)


def test_queries_that_are_none(people: People) -> None:
    """Unknown parameters, a forged cursor, a page of nothing or of too much: 4xx."""
    for query in ({"colour": "red"}, {"cursor": "Zm9yZ2Vk"}, {"limit": 0}, {"limit": 101}, {"limit": "ten"}):
        status, answer = people.client.call(people.bob, "GET", "/referrals/withdrawals", **query)
        assert status == 422, (query, answer)
    status, _ = people.client.call(people.admin, "GET", "/withdrawals", status="LOST")
    assert status == 422


def test_account_numbers_are_masked(people: People) -> None:
    """The partner, lists, and staff before anybody has decided see four characters."""
    people.rich_bob()
    made = people.withdraw(people.bob, 1_000)
    assert made["payoutMethod"]["account"] == "DE…3000"
    listed = people.client.get(people.admin, "/withdrawals", status="REQUESTED", limit=100)["data"]
    assert {w["payoutMethod"]["account"] for w in listed if w["id"] == made["id"]} == {"DE…3000"}
    assert people.client.get(people.admin, f"/withdrawals/{made['id']}")["account"] is None


def raw(people: People, path: str, body: str | bytes, kind: str = "application/json") -> httpx.Response:
    token = people.client.token(people.bob)
    return people.client.http.post(
        f"/api/v1{path}", content=body, headers={"authorization": f"Bearer {token}", "content-type": kind}
    )


def assert_problem(answer: httpx.Response) -> None:
    """RFC 9457, with our code, and nothing of our insides."""
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert {"type", "title", "status", "detail", "code"} <= set(problem)
    assert problem["status"] == answer.status_code
    assert "Traceback" not in answer.text
