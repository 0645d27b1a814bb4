"""JWT authorizer of an HTTP API, and a development issuer that signs tokens it accepts.

The issuer exists only here: its key never leaves the data directory, and nothing deployed knows it. Tokens of
moto's Cognito are accepted too. Rules:
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from moto.utilities.utils import load_resource

from undocked.data_dir import write_whole

KEY_ID = "local-development"
LIFETIME_SECONDS = 3600
LONGEST_LIFETIME_SECONDS = 24 * 3600
WISHES = {"sub", "groups", "scope", "expiresIn", "authTime", "claims", "authorizer"}


class RefusedError(Exception):
    """The request goes no further: status, and the reason for the WWW-Authenticate header."""

    def __init__(self, status: int, challenge: str) -> None:
        super().__init__(challenge)
        self.status, self.challenge = status, challenge


class BadWishError(ValueError):
    """A request for a token that makes no sense; the text says what of it."""


@dataclass(frozen=True)
class Authorizer:
    """One JWT authorizer of the template, resolved.

    `header`: in lower case, where the token is looked for.
    """

    name: str
    issuer: str
    audience: tuple[str, ...]
    header: str = "authorization"


@dataclass(frozen=True)
class TokenWish:
    """What a token is to say: a checked request to the development issuer."""

    sub: str
    groups: tuple[str, ...] = ()
    scope: str = ""
    lifetime_seconds: int = LIFETIME_SECONDS
    auth_time: int | None = None
    claims: dict[str, Any] = field(default_factory=dict)
    authorizer: str | None = None

    @classmethod
    def parse(cls, body: object) -> TokenWish:
        """From {"sub", "groups", "scope", "expiresIn" (seconds), "authTime", "claims", "authorizer"}, all optional.

        `authTime`: when they signed in, in epoch seconds; without it now. Raises BadWishError.
        """
        if not isinstance(body, dict):
            raise BadWishError("the body must be a JSON object")
        if unknown := sorted(map(str, body.keys() - WISHES)):
            raise BadWishError(f"unknown field {unknown[0]}; known: {', '.join(sorted(WISHES))}")
        sub, groups, scope = body.get("sub", str(uuid.uuid4())), body.get("groups", []), body.get("scope", "")
        lifetime, claims, authorizer = (
            body.get("expiresIn", LIFETIME_SECONDS),
            body.get("claims", {}),
            body.get("authorizer"),
        )
        if not isinstance(sub, str) or not sub:
            raise BadWishError("sub must be a text that is not empty")
        if not _are_texts(groups):
            raise BadWishError("groups must be a list of texts")
        if not isinstance(scope, str) and not _are_texts(scope):
            raise BadWishError("scope must be a text, or a list of texts")
        if isinstance(lifetime, bool) or not isinstance(lifetime, int) or abs(lifetime) > LONGEST_LIFETIME_SECONDS:
            raise BadWishError(
                f"expiresIn must be seconds, at most {LONGEST_LIFETIME_SECONDS}; below zero it has expired"
            )
        auth_time = body.get("authTime")
        if auth_time is not None and (isinstance(auth_time, bool) or not isinstance(auth_time, int) or auth_time < 0):
            raise BadWishError("authTime must be a moment in whole epoch seconds")
        if not isinstance(claims, dict):
            raise BadWishError("claims must be an object")
        if authorizer is not None and not isinstance(authorizer, str):
            raise BadWishError("authorizer must be a text")
        return cls(
            sub,
            tuple(groups),
            scope if isinstance(scope, str) else " ".join(scope),
            lifetime,
            auth_time,
            claims,
            authorizer,
        )


class Keys:
    """Public keys by key id, and the development issuer's private one, kept so that tokens stay good."""

    def __init__(self, data_dir: Path) -> None:
        private = serialization.load_pem_private_key(_private_key(data_dir / "issuer.pem"), None)
        assert isinstance(private, rsa.RSAPrivateKey)
        self._private = private
        cognito = load_resource("cognitoidp/resources/jwks-public.json")
        self._public: dict[str, Any] = {key["kid"]: jwt.PyJWK(key).key for key in cognito["keys"]}
        self._public[KEY_ID] = private.public_key()

    def public_set(self) -> dict[str, Any]:
        """The development issuer's public key, as a key set (RFC 7517)."""
        key = jwt.algorithms.RSAAlgorithm.to_jwk(self._private.public_key(), as_dict=True)
        return {"keys": [{**key, "kid": KEY_ID, "alg": "RS256", "use": "sig"}]}

    def issue(self, authorizer: Authorizer, wish: TokenWish) -> str:
        """A token like Cognito's access token."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": authorizer.issuer,
            "sub": wish.sub,
            "username": wish.sub,
            "token_use": "access",
            "client_id": authorizer.audience[0] if authorizer.audience else "local",
            "jti": str(uuid.uuid4()),
            "iat": now,
            "auth_time": now if wish.auth_time is None else wish.auth_time,
            "exp": now + wish.lifetime_seconds,
        }
        if wish.groups:
            claims["cognito:groups"] = list(wish.groups)
        if wish.scope:
            claims["scope"] = wish.scope
        return jwt.encode({**claims, **wish.claims}, self._private, "RS256", headers={"kid": KEY_ID})

    def verify(self, authorizer: Authorizer, header: str | None, scopes: list[str]) -> dict[str, Any]:
        """The token's claims. Raises RefusedError: 401 for a missing or bad token, 403 for missing scopes."""
        if not header:
            raise RefusedError(401, "Bearer")
        token = header[7:] if header[:7].lower() == "bearer " else header
        try:
            key = self._public.get(str(jwt.get_unverified_header(token).get("kid", "")))
            if key is None:
                raise jwt.InvalidTokenError("unable to find a key that signed the token")
            # the list of algorithms is what refuses "none", and HS256 signed with the public key
            options: Any = {"verify_aud": False, "require": ["exp", "iss"]}
            claims: dict[str, Any] = jwt.decode(token, key, ["RS256"], issuer=authorizer.issuer, options=options)
        except (jwt.PyJWTError, ValueError) as error:
            raise _invalid(str(error)) from None
        given = claims.get("aud", claims.get("client_id"))  # client_id counts only where there is no aud
        if not {str(each) for each in (given if isinstance(given, list) else [given])} & set(authorizer.audience):
            raise _invalid("the token does not have a valid audience")
        if scopes and not set(token_scopes(claims)) & set(scopes):
            words = " ".join(scopes)
            reason = f'error="insufficient_scope" error_description="expected scopes: [{words}]"'
            raise RefusedError(403, f'Bearer scope="{words}" {reason}')
        return claims


def token_scopes(claims: dict[str, Any]) -> list[str]:
    """The words of scope or scp."""
    scope = claims.get("scope") or claims.get("scp") or ""
    return scope.split() if isinstance(scope, str) else list(map(str, scope))


def _invalid(description: str) -> RefusedError:
    return RefusedError(401, f'Bearer scope="" error="invalid_token" error_description="{description}"')


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _private_key(path: Path) -> bytes:
    """The issuer's key as PEM; made on first use, for its owner's eyes only."""
    if not path.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        write_whole(path, key.private_bytes(*pem))
    return path.read_bytes()
