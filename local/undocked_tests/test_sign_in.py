"""The development issuer as an OpenID provider: a page signs in here as it does with Cognito."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest

from undocked.sign_in import BASE, SignIn, read_people
from undocked.testing import Stack
from undocked.tokens import Authorizer, BadWishError, Keys, TokenWish

ISSUER = Authorizer("Jwt", "https://issuer.example.com/pool", ("client-1",))
BACK = "http://127.0.0.1:3000/console/signed-in"
VERIFIER = "a-verifier-of-at-least-forty-three-characters-x"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ADA = TokenWish("ada", ("admin",), claims={"name": "Ada <Admin>"})
ASKED = {
    "client_id": "client-1", "redirect_uri": BACK, "response_type": "code", "scope": "openid email", "state": "s1",
    "code_challenge": CHALLENGE, "code_challenge_method": "S256", "nonce": "n1",
}  # fmt: skip


@pytest.fixture
def provider(tmp_path: Path) -> SignIn:
    return SignIn(Keys(tmp_path), ISSUER, (ADA,))


def get(provider: SignIn, path: str, **query: str) -> tuple[int, dict[str, str], str]:
    reply = provider.answer("GET", BASE + path, urlencode(query), b"", "http://127.0.0.1:3000")
    assert reply is not None
    status, headers, body = reply
    return status, dict(headers), body.decode()


def token(provider: SignIn, **form: str) -> tuple[int, dict[str, Any]]:
    reply = provider.answer("POST", f"{BASE}/token", "", urlencode(form).encode(), "http://127.0.0.1:3000")
    assert reply is not None
    return reply[0], json.loads(reply[2])


def code_of(provider: SignIn, **more: str) -> str:
    """The code with which the page sends somebody back."""
    status, headers, _ = get(provider, "/authorize", **{**ASKED, "sub": "ada", **more})
    assert status == 302
    assert headers["location"].startswith(BACK + "?")
    said = parse_qs(urlsplit(headers["location"]).query)
    assert said["state"] == ["s1"]
    return said["code"][0]


def exchanged(provider: SignIn, code: str, **more: str) -> tuple[int, dict[str, Any]]:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER, **more}
    return token(provider, **form)


def test_what_a_page_asks_first_says_where_all_the_rest_is(provider: SignIn) -> None:
    """The discovery document, readable from any page, with addresses of the host that was asked."""
    status, headers, body = get(provider, "/.well-known/openid-configuration")
    told = json.loads(body)
    assert (status, headers["access-control-allow-origin"], told["issuer"]) == (200, "*", ISSUER.issuer)
    for name in ("authorization", "token", "end_session"):
        assert told[f"{name}_endpoint"].startswith(f"http://127.0.0.1:3000{BASE}/")
    assert told["code_challenge_methods_supported"] == ["S256"]


def test_the_page_names_people_and_runs_nothing(provider: SignIn) -> None:
    """A link for each, whatever stands in a name; no script, no frame."""
    status, headers, page = get(provider, "/authorize", **ASKED)
    assert status == 200
    assert "Ada &lt;Admin&gt;" in page
    assert "<script" not in page
    assert "default-src 'none'" in headers["content-security-policy"]
    (link,) = re.findall(r'href="\?([^"]+)"', page)
    assert parse_qs(link.replace("&amp;", "&"))["sub"] == ["ada"]


def test_a_code_becomes_tokens_that_the_gateway_takes(provider: SignIn) -> None:
    """Access, identity and refresh token of the one who was chosen, signed by a key of the key set."""
    status, told = exchanged(provider, code_of(provider))
    assert (status, told["token_type"]) == (200, "Bearer")
    claims = provider.keys.verify(ISSUER, f"Bearer {told['access_token']}", [])
    assert (claims["sub"], claims["cognito:groups"], claims["token_use"]) == ("ada", ["admin"], "access")
    assert claims["scope"] == "openid email"
    (key,) = json.loads(get(provider, "/jwks")[2])["keys"]
    ident = jwt.decode(told["id_token"], jwt.PyJWK(key).key, ["RS256"], audience="client-1")
    assert (ident["token_use"], ident["nonce"], ident["name"]) == ("id", "n1", "Ada <Admin>")


def test_a_code_is_good_once_and_for_who_began(provider: SignIn) -> None:
    """Not twice, not with another verifier, not for another page."""
    code = code_of(provider)
    assert exchanged(provider, code)[0] == 200
    assert exchanged(provider, code) == (400, {"error": "invalid_grant"})
    assert exchanged(provider, code_of(provider), code_verifier="another")[0] == 400
    assert exchanged(provider, code_of(provider), redirect_uri=BACK + "/x")[0] == 400
    assert exchanged(provider, "made-up")[0] == 400


def test_a_refresh_token_renews_and_does_nothing_else(provider: SignIn) -> None:
    """The same person and the same moment of sign-in; an access token renews nothing."""
    _, first = exchanged(provider, code_of(provider))
    status, again = token(provider, grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert status == 200
    assert "refresh_token" not in again
    old, new = (provider.keys.verify(ISSUER, each["access_token"], []) for each in (first, again))
    assert [old[name] for name in ("sub", "auth_time", "cognito:groups")] == [
        new[name] for name in ("sub", "auth_time", "cognito:groups")
    ]
    assert token(provider, grant_type="refresh_token", refresh_token=first["access_token"])[0] == 400
    assert token(provider, grant_type="refresh_token", refresh_token="none")[0] == 400
    assert token(provider, grant_type="password") == (400, {"error": "unsupported_grant_type"})


@pytest.mark.parametrize(
    "address",
    ["https://evil.example.com/", "http://127.0.0.1.evil.example.com/", "//evil.example.com", "javascript:x", ""],
)  # fmt: skip
def test_only_pages_of_this_machine_are_sent_back_to(provider: SignIn, address: str) -> None:
    """Neither with a code nor after the end."""
    assert get(provider, "/authorize", **{**ASKED, "redirect_uri": address, "sub": "ada"})[0] == 400
    assert get(provider, "/logout", client_id="client-1", logout_uri=address)[0] == 400
    assert get(provider, "/logout", logout_uri=BACK)[1]["location"] == BACK


def test_without_pkce_there_is_no_code(provider: SignIn) -> None:
    """Neither plain nor none; nor for a client that is another's."""
    _, headers, _ = get(provider, "/authorize", **{**ASKED, "code_challenge_method": "plain", "sub": "ada"})
    assert "error=invalid_request" in headers["location"]
    assert "code=" not in headers["location"].replace("error", "")
    assert get(provider, "/authorize", **{**ASKED, "client_id": "client-2"})[0] == 400


def test_people_are_read_from_a_file(tmp_path: Path) -> None:
    """As requests for tokens; what is none is refused at the start."""
    path = tmp_path / "people.json"
    path.write_text(json.dumps([{"sub": "ada", "groups": ["admin"], "claims": {"name": "Ada"}}]), "utf-8")
    assert read_people(path) == (TokenWish("ada", ("admin",), claims={"name": "Ada"}),)
    assert read_people(None) == ()
    path.write_text('[{"name": "Ada"}]', "utf-8")
    with pytest.raises(BadWishError, match="unknown field"):
        read_people(path)


def test_a_running_stack_signs_people_in(shop: Stack) -> None:
    """From the page to a call that needs a token."""
    base = f"{BASE}/"
    told = shop.get(f"{base}.well-known/openid-configuration").json()
    assert told["token_endpoint"].startswith(f"{shop.api}{BASE}")
    client = jwt.decode(shop.token("x"), options={"verify_signature": False})["client_id"]
    page = shop.get(base + "authorize?" + urlencode({**ASKED, "client_id": client}))
    assert "Sign in as" in page.text
    sent = shop.get(base + "authorize?" + urlencode({**ASKED, "client_id": client, "sub": "u1"}))
    code = parse_qs(urlsplit(sent.headers["location"]).query)["code"][0]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER}
    answer = shop.request("POST", base + "token", data=form)
    assert shop.get("/orders/1").status_code == 401
    assert shop.get("/orders/1", token=answer.json()["access_token"]).status_code in (200, 404), (
        "if there is such an order"
    )
