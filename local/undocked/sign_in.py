"""A sign-in page that asks for no password: the development issuer as an OpenID provider, for pages that sign in here.

Speaks what Cognito's domain does of OpenID Connect, as far as a public client with a code and PKCE goes: discovery, the
page, tokens for a code and for a refresh token, the end. Only pages on this machine are sent back to.
https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html, RFC 6749, RFC 7636
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import json
import secrets
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from undocked.payload import Reply
from undocked.tokens import Authorizer, BadWishError, Keys, RefusedError, TokenWish

BASE = "/_local/issuer"
CODE_SECONDS = 300
REFRESH_SECONDS = 7 * 24 * 3600
CORS = ("access-control-allow-origin", "*")  # as Cognito's: a page may be opened as localhost, too
NOT_KEPT = ("cache-control", "no-store")
POLICY = ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Sign in to this machine's stack</title><style>
:root{{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}}
body{{max-width:26rem;margin:12vh auto;padding:0 1rem}}
a,button{{display:block;box-sizing:border-box;width:100%;margin:.5rem 0;padding:.7rem 1rem;border:1px solid #8888;
border-radius:.5rem;background:none;color:inherit;font:inherit;text-align:start;text-decoration:none;cursor:pointer}}
a:hover,button:hover{{border-color:currentColor}}small{{display:block;opacity:.75}}
label{{display:block;margin:.75rem 0}}input{{box-sizing:border-box;width:100%;padding:.5rem;font:inherit}}
</style><main><h1>Sign in as …</h1><p>This stack runs on your machine and takes your word for it.</p>{people}
<form><h2>Somebody else</h2>{hidden}<label>Their id<input name="sub" required></label>
<label>Their groups, with blanks between<input name="groups"></label><button>Sign in</button></form></main></html>"""


@dataclass(frozen=True)
class Code:
    """What a code stands for until it is used, once."""

    wish: TokenWish
    redirect_uri: str
    challenge: str
    nonce: str
    ends_at: float


def read_people(path: Path | None) -> tuple[TokenWish, ...]:
    """Read those whom the page names: a JSON list of token wishes. Raises BadWishError for what is none."""
    return tuple(map(TokenWish.parse, json.loads(path.read_text(encoding="utf-8")))) if path else ()


@dataclass
class SignIn:
    """The pages and tokens of one authorizer. `people`: whom the page names."""

    keys: Keys
    authorizer: Authorizer
    people: tuple[TokenWish, ...] = ()
    _codes: dict[str, Code] = field(default_factory=dict)

    def answer(self, method: str, path: str, query: str, body: bytes, base: str) -> Reply | None:
        """Answer a request below BASE; None for what is not there. `base`: scheme and host that were asked."""
        asked = {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}
        match method, path.removeprefix(BASE):
            case "GET", "/.well-known/openid-configuration":
                return _json(200, self._discovery(base))
            case "GET", "/jwks":
                return _json(200, self.keys.public_set())
            case "GET", "/authorize":
                return self._authorize(asked)
            case "POST", "/token":
                return self._token({name: values[-1] for name, values in parse_qs(body.decode()).items()})
            case "GET", "/logout":
                back = asked.get("logout_uri") or asked.get("post_logout_redirect_uri", "")
                return _to(back) if _is_here(back) else _refused("logout_uri: a page of this machine")
        return None

    def _discovery(self, base: str) -> dict[str, Any]:
        here = base + BASE
        return {
            "issuer": self.authorizer.issuer,
            "authorization_endpoint": f"{here}/authorize",
            "token_endpoint": f"{here}/token",
            "end_session_endpoint": f"{here}/logout",
            "jwks_uri": f"{here}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": ["openid", "email"],
        }

    def _authorize(self, asked: dict[str, str]) -> Reply:
        """The page; sent back with a code once somebody is chosen there."""
        back = asked.get("redirect_uri", "")
        if not _is_here(back):
            return _refused("redirect_uri: a page of this machine")
        if asked.get("client_id") not in self.authorizer.audience:
            return _refused("client_id: not the one of this stack")
        state = {"state": asked["state"]} if "state" in asked else {}
        if asked.get("response_type") != "code" or asked.get("code_challenge_method") != "S256":
            return _to(back, error="invalid_request", error_description="a code with PKCE (S256) is needed", **state)
        if "sub" not in asked:
            return 200, [("content-type", "text/html; charset=utf-8"), NOT_KEPT, POLICY], self._page(asked).encode()
        known = next((each for each in self.people if each.sub == asked["sub"]), None)
        wish = known or TokenWish(asked["sub"], tuple(asked.get("groups", "").split()))
        code, now = secrets.token_urlsafe(24), time.time()
        self._codes = {each: kept for each, kept in self._codes.items() if kept.ends_at > now}
        scope = asked.get("scope", "openid")
        self._codes[code] = Code(
            replace(wish, scope=scope, auth_time=int(now)), back, asked.get("code_challenge", ""),
            asked.get("nonce", ""), now + CODE_SECONDS,
        )  # fmt: skip
        return _to(back, code=code, **state)

    def _page(self, asked: dict[str, str]) -> str:
        def link(wish: TokenWish) -> str:
            name = html.escape(str(wish.claims.get("name", wish.sub)))
            said = html.escape(", ".join(wish.groups) or str(wish.claims.get("email", "")))
            return f'<a href="?{html.escape(urlencode({**asked, "sub": wish.sub}))}">{name}<small>{said}</small></a>'

        hidden = "".join(
            f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
            for name, value in asked.items()
        )
        return PAGE.format(people="".join(map(link, self.people)), hidden=hidden)

    def _token(self, asked: dict[str, str]) -> Reply:
        match asked.get("grant_type"):
            case "authorization_code":
                code = self._codes.pop(asked.get("code", ""), None)
                digest = hashlib.sha256(asked.get("code_verifier", "").encode()).digest()
                proof = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
                if (
                    code is None
                    or code.ends_at < time.time()
                    or code.redirect_uri != asked.get("redirect_uri")
                    or not hmac.compare_digest(code.challenge, proof)
                ):
                    return _json(400, {"error": "invalid_grant"})
                return _json(200, self._tokens(code.wish, code.nonce))
            case "refresh_token":
                try:
                    claims = self.keys.verify(self.authorizer, asked.get("refresh_token"), [])
                    if claims.get("token_use") != "refresh":
                        raise BadWishError("not a refresh token")
                    return _json(200, self._tokens(TokenWish.parse(claims["wish"]), renewed=True))
                except (RefusedError, BadWishError):
                    return _json(400, {"error": "invalid_grant"})
        return _json(400, {"error": "unsupported_grant_type"})

    def _tokens(self, wish: TokenWish, nonce: str = "", *, renewed: bool = False) -> dict[str, Any]:
        """As Cognito: who renews gets no other refresh token than the one that they have."""
        ident = {"token_use": "id", "aud": self.authorizer.audience[0], **({"nonce": nonce} if nonce else {})}
        answer: dict[str, Any] = {
            "access_token": self.keys.issue(self.authorizer, wish),
            "id_token": self.keys.issue(self.authorizer, replace(wish, claims={**wish.claims, **ident})),
            "token_type": "Bearer",
            "expires_in": wish.lifetime_seconds,
        }
        if not renewed:
            again = {
                "sub": wish.sub, "groups": list(wish.groups), "scope": wish.scope, "authTime": wish.auth_time,
                "claims": wish.claims,
            }  # fmt: skip
            kept = replace(wish, lifetime_seconds=REFRESH_SECONDS, claims={"token_use": "refresh", "wish": again})
            answer["refresh_token"] = self.keys.issue(self.authorizer, kept)
        return answer


def _is_here(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme in ("http", "https") and parts.hostname in ("127.0.0.1", "localhost", "::1")


def _to(address: str, **said: str) -> Reply:
    more = ("&" if urlsplit(address).query else "?") + urlencode(said) if said else ""
    return 302, [("location", address + more), NOT_KEPT], b""


def _refused(reason: str) -> Reply:
    return _json(400, {"error": "invalid_request", "error_description": reason})


def _json(status: int, said: dict[str, Any]) -> Reply:
    return status, [("content-type", "application/json"), NOT_KEPT, CORS], json.dumps(said).encode()
