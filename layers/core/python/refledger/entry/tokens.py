"""Who calls, by the access token that the gateway has checked."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

from refledger.domain.errors import Unauthenticated
from refledger.entry import sign_in
from refledger.entry.access import SCOPES, Role

# Claims that only another kind of token has: one that proves who signed in, or tells of a sign-out, opens no API.
OTHER_TOKENS = ("nonce", "at_hash", "c_hash", "s_hash", "events", "cognito:username")
ACCESS_TYPES = (
    "",
    "bearer",
    "at+jwt",
    "application/at+jwt",
    "jwt",
)  # `typ`, where an issuer writes it among the claims
CLIENT = ("client_id", "azp", "cid", "appid")  # who asked for the token; an ID token has `aud` for that, some `azp` too


@dataclass(frozen=True)
class Caller:
    """Who calls. `user` is the keyed hash of `sub`, under which all that they do is written down.

    `scopes`: those that opened the route. A token with a scope of ours is a service's, whoever it was given to.
    """

    user: str
    roles: frozenset[Role]
    scopes: frozenset[str] = frozenset()
    sub: str = field(default="", repr=False)  # what payments call them, where they are a customer
    name: str = field(default="", repr=False)  # what their token calls them
    partner_id: str = ""  # whose portal session it is; "" for everybody who is signed in

    @property
    def is_staff(self) -> bool:
        """Whether they see everybody's on a route that they may use; else only their own."""
        return bool(self.roles or self.scopes)

    @property
    def sees_masked(self) -> bool:
        """Whether others' personal data is masked for them: for all but admins and finance."""
        return not self.roles & {Role.ADMIN, Role.FINANCE}

    @property
    def is_machine(self) -> bool:
        """Whether no person stands behind the token."""
        return bool(self.scopes)

    @property
    def kind(self) -> str:
        """What the audit calls them."""
        return "+".join(sorted(self.roles)) or ("service" if self.scopes else "partner")


@dataclass(frozen=True)
class Token:
    """What an access token says."""

    sub: str
    roles: frozenset[Role]
    scopes: frozenset[str]
    signed_in_at_ms: int | None = None


@dataclass(frozen=True)
class Reading:
    """How this deployment reads tokens.

    `groups_claim`: where a caller's groups stand. `names`: of the groups that are roles, by role.
    `scope_prefix`: what stands before our scopes (`refledger/`); a scope of another API is none of ours.
    """

    groups_claim: str
    names: tuple[tuple[Role, str], ...]
    scope_prefix: str

    @classmethod
    def of(cls, groups_claim: str, names: str, scope_prefix: str) -> Reading:
        """Make the reading of tokens from the function's variables.

        `names`: of the groups of admins, finance and support, in this order.
        """
        return cls(groups_claim, tuple(zip(Role, names.split(","), strict=True)), scope_prefix)


def read_token(claims: dict[str, str], reading: Reading, bearer: str = "") -> Token:
    """Read what an access token says.

    The gateway has checked signature, issuer, audience and time; it cannot tell an ID token from an access token.
    `bearer`: the Authorization header that it has checked. Raises Unauthenticated.
    """
    if not _is_access_token(claims):
        raise Unauthenticated("an access token is needed")
    sub = claims.get("sub", "")
    if not sub:
        raise Unauthenticated("the token names nobody")
    groups = _groups(claims, reading.groups_claim, bearer)
    scopes = frozenset(claims.get("scope", claims.get("scp", "")).strip("[]").split(" "))
    ours = frozenset(scope for scope in SCOPES if f"{reading.scope_prefix}{scope}" in scopes)
    roles = frozenset(role for role, name in reading.names if name in groups)
    return Token(sub, roles, ours, sign_in.moment(claims))


def _is_access_token(claims: dict[str, str]) -> bool:
    """Whether it is one by all that it says. Who does not say what its use is must have been asked for scopes.

    https://datatracker.ietf.org/doc/html/rfc9068 has `client_id` and `scope` in access tokens, OpenID Connect none of
    them in ID tokens, https://openid.net/specs/openid-connect-backchannel-1_0.html has `events` in logout tokens.
    """
    kind = claims.get("typ", "").lower()
    if any(claim in claims for claim in OTHER_TOKENS) or kind not in ACCESS_TYPES:
        return False
    if "token_use" in claims:
        return claims["token_use"] == "access"
    if "email_verified" in claims and kind not in ("bearer", "at+jwt", "application/at+jwt"):
        return False
    return any(claim in claims for claim in CLIENT) and ("scope" in claims or "scp" in claims)


def _groups(claims: dict[str, str], claim: str, bearer: str) -> set[str]:
    """The caller's groups. HTTP APIs hand a list on as text, `[admin finance]`, in which a name with a blank cannot be
    told from two: so the token itself is read, which the gateway has verified.
    """
    told = _payload(bearer)
    if told.get("sub") == claims.get("sub") and told.get("iss") == claims.get("iss") and claim in told:
        groups = told[claim]
        return {each for each in (groups if isinstance(groups, list) else [groups]) if isinstance(each, str)}
    text = claims.get(claim, "")
    if text.startswith("[") and text.endswith("]"):
        return set(text[1:-1].split(" "))
    return {text}


def _payload(bearer: str) -> dict[str, Any]:
    """The claims as they stand in the token; nothing where there is none to be read."""
    parts = bearer.rpartition(" ")[2].split(".")
    if len(parts) != 3:
        return {}
    try:
        told = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}
