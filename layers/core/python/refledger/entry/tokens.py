"""Who calls, by the access token that the gateway has checked."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from refledger.domain.errors import Forbidden, Unauthenticated
from refledger.entry import sign_in
from refledger.entry.access import SCOPES, Role

if TYPE_CHECKING:
    from refledger.domain.api_keys import ApiKey

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
    api_key: str = ""  # the id of the key that they call with: `user` is who made it

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
        """Whether no person has signed in for this call: what only a person may do is refused."""
        return bool(self.scopes)

    @property
    def is_service(self) -> bool:
        """Whether no person stands behind the token. Behind a key its maker does: it counts as what they did."""
        return self.is_machine and not self.api_key

    @property
    def counted_as(self) -> str:
        """Whose calls are counted: a key's are its own, and not its maker's."""
        return f"api-key-{self.api_key}" if self.api_key else self.user

    @property
    def kind(self) -> str:
        """What the audit calls them."""
        if self.api_key:
            return f"api key {self.api_key}"
        return "+".join(sorted(self.roles)) or ("service" if self.scopes else "partner")


@dataclass(frozen=True)
class Token:
    """What an access token says, or an API key. `user`: the keyed hash of who made the key; then there is no `sub`."""

    sub: str
    roles: frozenset[Role]
    scopes: frozenset[str]
    signed_in_at_ms: int | None = None
    api_key: str = ""
    user: str = ""


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


def key_told(key: ApiKey) -> dict[str, Any]:
    """Return what the function of a route is told of the API key of a call; never its text."""
    return {"id": key.id, "madeBy": key.made_by, "scopes": list(key.scopes)}


def read_key(told: Mapping[str, Any]) -> Token:
    """Read what dispatch tells of the API key of a call (`key_told`).

    It stands beside where the gateway tells of a token, so no token can say it: what one says is below `jwt`. A key has
    no group, and never signed in. Raises Forbidden for one that has no scope any more, who would else be somebody who
    is signed in.
    """
    scopes = SCOPES & frozenset(told["scopes"])
    if not scopes:
        raise Forbidden("this API key has no scope that there is")
    return Token("", frozenset(), scopes, api_key=told["id"], user=told["madeBy"])


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
