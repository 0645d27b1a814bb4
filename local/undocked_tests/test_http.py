"""The HTTP API, as API Gateway would serve it: routes, tokens, events, answers, limits."""

from __future__ import annotations

import base64
import hmac
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from undocked.testing import Stack, wait_until


def echo(stack: Stack, method: str = "GET", path: str = "/echo/x", **options: Any) -> dict[str, object]:
    """The event that a function got."""
    answer = stack.request(method, path, **options)
    assert answer.status_code == 200, answer.text
    event: dict[str, object] = answer.json()["event"]
    return event


def in_base64(data: bytes) -> str:
    """As in a token: safe in addresses, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def public_pem(stack: Stack) -> bytes:
    """The development issuer's public key, as anyone could get it from a key set."""
    key = serialization.load_pem_private_key((stack.data / "issuer.pem").read_bytes(), None)
    pem = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(*pem)


def test_a_literal_path_wins_over_a_variable(shop: Stack) -> None:
    """GET /orders/summary is not the order called summary."""
    assert shop.get("/orders/summary").json()["static"] is True


@pytest.mark.parametrize(("method", "path"), [("GET", "/nope"), ("DELETE", "/orders")])
def test_what_is_no_route_is_not_found(shop: Stack, method: str, path: str) -> None:
    """Unknown paths and unknown methods of known paths answer alike."""
    answer = shop.request(method, path)
    assert (answer.status_code, answer.text) == (404, '{"message":"Not Found"}')


def test_without_a_token_the_function_is_not_reached(shop: Stack) -> None:
    """401, and the challenge says how."""
    answer = shop.get("/orders/1")
    assert (answer.status_code, answer.text) == (401, '{"message":"Unauthorized"}')
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_good_token_passes(shop: Stack) -> None:
    """The development issuer's token is accepted, with or without the word Bearer."""
    token = shop.token("u1")
    assert shop.get("/orders/1", token=token).status_code == 404
    assert shop.get("/orders/1", headers={"authorization": token}).status_code == 404


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 1},
        {"iss": "https://evil.example"},
        {"aud": "another"},
        {"client_id": "another"},
        {"nbf": 4_000_000_000},
    ],
    ids=lambda claims: next(iter(claims)),
)
def test_a_claim_that_does_not_fit_is_refused(shop: Stack, claims: dict[str, object]) -> None:
    """Expired, of another issuer, for another audience, not valid yet."""
    answer = shop.get("/orders/1", token=shop.token("u1", claims=claims))
    assert answer.status_code == 401
    assert "invalid_token" in answer.headers["www-authenticate"]


def test_forged_tokens_are_refused(shop: Stack) -> None:
    """No signature, a broken one, one made with the public key as the secret, an unknown key, no token."""
    good = shop.token("u1")
    claims = jwt.decode(good, options={"verify_signature": False})
    kid = {"kid": jwt.get_unverified_header(good)["kid"]}
    head, body, signature = good.split(".")
    signed = f"{in_base64(json.dumps({**kid, 'alg': 'HS256'}).encode())}.{body}"
    mac = hmac.digest(public_pem(shop), signed.encode(), "sha256")
    forged = {
        "none": jwt.encode(claims, "", "none", headers=kid),
        "tampered": f"{head}.{body}.{signature[:-6]}{'AAAAAA' if signature[-6:] != 'AAAAAA' else 'BBBBBB'}",
        "HS256": f"{signed}.{in_base64(mac)}",
        "unknown key": jwt.encode(claims, "k" * 40, "HS256", headers={"kid": "another"}),
        "not a token": "abc",
        "strange header": "e30.e30.",
    }
    statuses = {name: shop.get("/orders/1", token=token).status_code for name, token in forged.items()}
    assert statuses == dict.fromkeys(forged, 401)


def test_a_route_may_want_a_scope(shop: Stack) -> None:
    """403 without it; with it, the claims arrive as text, lists as Go prints them."""
    assert shop.get("/scoped", token=shop.token("u1")).status_code == 403
    token = shop.token("boss", ["admin", "finance"], "orders:read orders:write", claims={"n": 5, "b": True})
    given = shop.get("/scoped", token=token).json()["jwt"]
    assert given["scopes"] == ["orders:read"]
    assert given["claims"]["cognito:groups"] == "[admin finance]"
    assert (given["claims"]["n"], given["claims"]["b"]) == ("5", "true")
    assert given["claims"]["exp"].isdigit()


def test_the_token_endpoint_says_what_it_gives(shop: Stack) -> None:
    """The answer has the token, its type and its lifetime; the claims are those of an access token."""
    wish = {
        "sub": "u9",
        "groups": ["admin"],
        "scope": "a b",
        "expiresIn": 60,
        "authTime": 1_795_255_100,
        "claims": {"x": 1},
        "authorizer": "Jwt",
    }
    answer = shop.post("/_local/token", json=wish).json()
    assert (answer["tokenType"], answer["expiresIn"]) == ("Bearer", 60)
    claims = jwt.decode(answer["accessToken"], options={"verify_signature": False})
    assert (claims["sub"], claims["token_use"], claims["x"], claims["scope"]) == ("u9", "access", 1, "a b")
    assert claims["exp"] - claims["iat"] == 60
    assert claims["auth_time"] == 1_795_255_100


def test_who_says_nothing_else_has_signed_in_now(shop: Stack) -> None:
    """As with an issuer: the time of the sign-in is there, and that of a forged claim is as it was asked for."""
    now, forged = ({"sub": "u9"}, {"sub": "u9", "claims": {"auth_time": "x"}})
    tokens = [shop.post("/_local/token", json=wish).json()["accessToken"] for wish in (now, forged)]
    claims = [jwt.decode(token, options={"verify_signature": False}) for token in tokens]
    assert claims[0]["auth_time"] == claims[0]["iat"]
    assert claims[1]["auth_time"] == "x"


@pytest.mark.parametrize(
    "body",
    [
        "{", "[]", "null", '"x"', '{"sub": 5}', '{"sub": ""}', '{"groups": "admin"}', '{"groups": [1]}', '{"scope": 1}',
        '{"expiresIn": "soon"}', '{"expiresIn": 1e9}', '{"authTime": "1795255100"}', '{"authTime": true}',
        '{"authTime": 1.5}', '{"authTime": -1}', '{"claims": []}',
        '{"authorizer": "Nobody"}', '{"authorizer": {}}', '{"group": ["admin"]}', "\xff",
    ],
)  # fmt: skip
def test_a_bad_request_for_a_token_is_answered_400(shop: Stack, body: str) -> None:
    """What makes no sense is refused with a reason, and nothing breaks."""
    answer = shop.post("/_local/token", content=body.encode("latin-1"))
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("Bad Request: ")


def test_local_paths_are_only_the_two(shop: Stack) -> None:
    """Nothing else lives under /_local/."""
    assert shop.get("/_local/token").status_code == 404
    assert shop.post("/_local/about").status_code == 404
    assert "local-OrdersFunction" in shop.about()["workers"]


def test_the_event_has_path_query_cookies_and_no_nulls(shop: Stack) -> None:
    """Format 2.0: decoded path variables, repeated parameters joined, cookies apart from headers."""
    event = echo(
        shop,
        "PUT",
        "/echo/a/b%20c/d?x=1&x=2&y=%C3%A9&z",
        headers={"x-a": "1", "cookie": "s=1; t=2"},
        content=b"hi",
    )
    assert event["pathParameters"] == {"proxy": "a/b c/d"}
    assert echo(shop, "GET", "/echo/50%2525")["pathParameters"] == {"proxy": "50%25"}, "decoded once"
    assert event["queryStringParameters"] == {"x": "1,2", "y": "é", "z": ""}
    assert event["rawQueryString"] == "x=1&x=2&y=%C3%A9&z"
    assert event["cookies"] == ["s=1", "t=2"]
    assert event["headers"]["x-a"] == "1"  # type: ignore[index]
    assert "cookie" not in event["headers"]  # type: ignore[operator]
    assert event["routeKey"] == "ANY /echo/{proxy+}"
    assert "stageVariables" not in event


def test_a_binary_body_arrives_in_base64(shop: Stack) -> None:
    """What is not text by its content type is not decoded."""
    data = bytes(range(256))
    event = echo(shop, "POST", content=data, headers={"content-type": "application/octet-stream"})
    assert event["isBase64Encoded"] is True
    assert base64.b64decode(str(event["body"])) == data


def test_every_kind_of_answer(shop: Stack) -> None:
    """An object without a status, a text, bytes in base64, two cookies."""
    plain = shop.get("/plain/dict")
    assert (plain.json(), plain.headers["content-type"]) == ({"hello": "world"}, "application/json")
    assert shop.get("/plain/string").text == "just text"
    binary = shop.get("/plain/binary")
    assert (binary.content, binary.headers["content-type"]) == (base64.b64decode("iVBORw0KGgo="), "image/png")
    assert shop.get("/echo/x").headers.get_list("set-cookie") == ["a=1; Path=/", "b=2"]


@pytest.mark.parametrize("kind", ["raise", "bad", "exit", "sysexit", "big"])
def test_a_broken_function_answers_500_and_lives_on(shop: Stack, kind: str) -> None:
    """An exception, a malformed answer, a dead process, one too large: 500, and the next call works."""
    answer = shop.get(f"/plain/{kind}")
    assert (answer.status_code, answer.text) == (500, '{"message":"Internal Server Error"}')
    assert shop.get("/plain/dict").status_code == 200


def test_an_integration_that_is_too_slow_answers_503(shop: Stack) -> None:
    """The route's time limit is one second, the function sleeps for two."""
    assert shop.get("/hurried/sleep").status_code == 503


def test_a_body_above_ten_megabytes_is_refused(shop: Stack) -> None:
    """413, also with a good token."""
    answer = shop.post("/orders", content=b"x" * (10 * 1024 * 1024 + 1), token=shop.token("u1"))
    assert (answer.status_code, answer.text) == (413, '{"message":"Request Entity Too Large"}')


def test_headers_above_ten_kilobytes_are_refused(shop: Stack) -> None:
    """431 above 10,240 bytes in all, not below."""
    assert shop.get("/plain/dict", headers={"x-long": "a" * 10_300}).status_code == 431
    assert (
        shop.get("/plain/dict", headers={f"x-{n}": "a" * 2000 for n in range(5)} | {"x-z": "a" * 300}).status_code
        == 431
    )
    assert shop.get("/plain/dict", headers={"x-long": "a" * 9_500}).status_code == 200


def test_a_throttled_route_answers_429(shop: Stack) -> None:
    """Two at once, one a second: of five in a row some are refused, the first is not."""
    statuses = [shop.get("/throttled").status_code for _ in range(5)]
    assert statuses[0] == 200
    with ThreadPoolExecutor(5) as pool:

        def refused() -> int:
            return [answer.status_code for answer in pool.map(shop.get, ["/throttled"] * 5)].count(429)

        assert statuses.count(429) >= 2 or wait_until(lambda: refused() >= 2), "where five in a row took seconds"


def test_cors_is_the_gateways_business(shop: Stack) -> None:
    """Preflight never reaches a function; only an allowed origin gets headers, on errors too."""
    asking = {"origin": "https://app.example", "access-control-request-method": "POST"}
    preflight = shop.request("OPTIONS", "/orders", headers=asking)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "https://app.example"
    assert preflight.headers["access-control-allow-methods"] == "GET,POST"
    assert shop.get("/nope", headers={"origin": "https://app.example"}).headers["access-control-allow-origin"]
    other = shop.get("/orders/summary", headers={"origin": "https://other.example"})
    assert "access-control-allow-origin" not in other.headers


def test_tokens_of_the_user_pool_pass(shop: Stack) -> None:
    """A user made by the Cognito API signs in, and the API takes the token."""
    idp = shop.client("cognito-idp")
    pool = idp.list_user_pools(MaxResults=5)["UserPools"][0]["Id"]
    client = idp.list_user_pool_clients(UserPoolId=pool)["UserPoolClients"][0]["ClientId"]
    name, password = "a1@example.com", "Passw0rd!x"
    idp.admin_create_user(UserPoolId=pool, Username=name)
    idp.admin_set_user_password(UserPoolId=pool, Username=name, Password=password, Permanent=True)
    idp.admin_add_user_to_group(UserPoolId=pool, Username=name, GroupName="admin")
    signed_in = idp.initiate_auth(
        ClientId=client,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": name, "PASSWORD": password},
    )["AuthenticationResult"]
    assert shop.get("/orders/1", token=signed_in["AccessToken"]).status_code == 404


def test_a_function_sees_its_own_environment_only(shop: Stack) -> None:
    """Nothing of the developer's shell, every reference resolved, secrets filled in."""
    answer = shop.get("/echo/x").json()
    env = answer["env"]
    assert not {"HOME", "USER", "PWD", "DYNAMODB_LOCAL_DIR", "API_PORT"} & env.keys()
    assert (env["MAYBE"], env["BUS_NAME"], env["TABLE_NAME"]) == ("no", "shop-dev", "local-Table")
    assert env["MACHINE_ARN"].endswith(":stateMachine:local-ApprovalMachine")
    assert len(env["HASH_KEY"]) == 64
    assert env["HASH_KEY"].isalnum()
    assert json.loads(env["WHOLE_SECRET"]) == {"kind": "hmac", "key": env["HASH_KEY"]}
    assert 0 < answer["remaining"] <= 20_000


def test_a_worker_imports_nothing_of_the_stack(shop: Stack) -> None:
    """The path of a worker is its code, its layers and its own interpreter's packages."""
    path = [Path(entry) for entry in shop.get("/echo/x").json()["path"] if entry]
    sample = shop.template.resolve().parent
    assert sample / "functions" / "orders" in path
    assert sample / "layers" / "core" / "python" in path
    packages = [entry for entry in path if entry.name == "site-packages"]
    assert packages
    assert not any((entry / "moto").exists() for entry in packages)


def test_requests_run_side_by_side(shop: Stack) -> None:
    """Six calls of 100 ms use more than one worker, but no more than the default of three."""
    with ThreadPoolExecutor(6) as pool:

        def pids() -> set[int]:
            found = {answer.json()["pid"] for answer in pool.map(shop.get, ["/plain/work"] * 6)}
            assert len(found) <= 3
            return found

        wait_until(lambda: len(pids()) > 1)  # on a slow machine they may come one by one
