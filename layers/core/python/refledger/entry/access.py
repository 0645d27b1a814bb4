"""Who may do what: one line per route. Enforced from here, printed in docs/access.md; a test walks every cell.

Staff are known by their groups, services by the scopes of their tokens, and everybody else who is signed in is a
partner or may become one: they get at what is their own.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from refledger.domain.errors import Forbidden, Unauthenticated
from refledger.entry import sign_in
from refledger.operations.rate_limits import LimitKind


class Role(StrEnum):
    """Groups of the token's `groups` claim."""

    ADMIN = "admin"
    FINANCE = "finance"
    SUPPORT = "support"  # reads, and writes notes


@dataclass(frozen=True)
class Access:
    """`own`: anyone who is signed in, for what is their own. `scope`: what a service's token must have; None: a person
    must do it. `fresh`: a person must have signed in a moment ago.
    """

    roles: frozenset[Role]
    own: bool = False
    scope: str | None = None
    limit: LimitKind | None = None  # None: by the method
    fresh: bool = False


PUBLIC = None  # no token at all: the route's function finds out by itself who sends, or it is for anybody
_ADMIN = frozenset({Role.ADMIN})
_STAFF = frozenset({Role.ADMIN, Role.FINANCE})
_ALL = frozenset(Role)


def admin(scope: str | None, limit: LimitKind | None = None) -> Access:
    return Access(_ADMIN, scope=scope, limit=limit)


def staff(scope: str | None, limit: LimitKind | None = None) -> Access:
    """Let admins and finance in."""
    return Access(_STAFF, scope=scope, limit=limit)


def read(scope: str | None, limit: LimitKind | None = None) -> Access:
    """Let all staff in, support too: for what they read, and notes."""
    return Access(_ALL, scope=scope, limit=limit)


def own(limit: LimitKind | None = None) -> Access:
    """Let anyone in who is signed in, and nobody for another."""
    return Access(frozenset(), own=True, limit=limit)


def own_and_read(scope: str | None, limit: LimitKind | None = None) -> Access:
    """Let partners get their own, staff and services everybody's."""
    return Access(_ALL, own=True, scope=scope, limit=limit)


def fresh(access: Access) -> Access:
    """Demand besides that a person signed in a moment ago.

    For what moves or makes money, or says where it goes, and what changes how well it is protected.
    """
    return replace(access, fresh=True)


ROUTES: dict[str, Access | None] = {
    "POST /api/v1/programs": fresh(admin(None)),
    "GET /api/v1/programs": read("programs:read"),
    "GET /api/v1/programs/{programId}": read("programs:read"),
    "PUT /api/v1/programs/{programId}": fresh(admin(None)),
    "POST /api/v1/programs/{programId}/pause": fresh(admin(None)),
    "POST /api/v1/programs/{programId}/resume": fresh(admin(None)),
    "POST /api/v1/programs/{programId}/archive": fresh(admin(None)),
    "GET /api/v1/programs/{programId}/changes": read("programs:read"),
    "GET /api/v1/programs/{programId}/changes/{changeId}": read("programs:read"),
    "POST /api/v1/programs/{programId}/changes/{changeId}/confirm": fresh(admin(None)),
    "POST /api/v1/programs/{programId}/changes/{changeId}/reject": fresh(admin(None)),
    "GET /api/v1/programs/{programId}/versions": read("programs:read"),
    "GET /api/v1/programs/{programId}/versions/{version}": read("programs:read"),
    "POST /api/v1/partners": fresh(admin("partners:write")),
    "GET /api/v1/partners": read("partners:read"),
    "GET /api/v1/partners/{partnerId}": read("partners:read"),
    "POST /api/v1/partners/{partnerId}/activate": fresh(admin("partners:write")),
    "POST /api/v1/partners/{partnerId}/deactivate": fresh(admin("partners:write")),
    "POST /api/v1/partners/{partnerId}/suspend": fresh(admin("partners:write")),
    "POST /api/v1/partners/{partnerId}/terminate": fresh(admin("partners:write")),
    "POST /api/v1/partners/{partnerId}/link-user": fresh(admin(None)),
    "PUT /api/v1/partners/{partnerId}/commission": fresh(admin(None)),
    "PATCH /api/v1/partners/{partnerId}": admin("partners:write"),  # status and rates: see functions/partners
    "PUT /api/v1/partners/{partnerId}": admin("partners:write"),
    "DELETE /api/v1/partners/{partnerId}": fresh(admin("partners:write")),
    "PUT /api/v1/partners/{partnerId}/tags": admin("partners:write"),
    "POST /api/v1/partners/bulk": fresh(admin("partners:write", limit=LimitKind.HEAVY)),
    "GET /api/v1/partners/by-code/{code}": read("partners:read"),
    "GET /api/v1/partners/by-email/{email}": read("partners:read"),
    "POST /api/v1/partners/validate-referral-code": own_and_read("partners:read"),  # of whom it is: not for members
    "GET /api/v1/partners/{partnerId}/codes": read("partners:read"),
    "POST /api/v1/partners/{partnerId}/codes": admin("partners:write"),
    "POST /api/v1/partners/{partnerId}/codes/rotate": admin("partners:write"),
    "POST /api/v1/partners/{partnerId}/codes/{code}/disable": admin("partners:write"),
    "POST /api/v1/partners/{partnerId}/codes/{code}/enable": admin("partners:write"),
    "GET /api/v1/partners/{partnerId}/upline": read("partners:read"),
    "GET /api/v1/partners/{partnerId}/downline": read("partners:read"),
    "GET /api/v1/partners/{partnerId}/signals": read(None),
    "GET /api/v1/partners/{partnerId}/notes": read(None),
    "POST /api/v1/partners/{partnerId}/notes": read(None),
    "POST /api/v1/invitations": admin(None),  # who has the token signs in as the partner: see LINK_USER
    "GET /api/v1/invitations": read("partners:read"),
    "DELETE /api/v1/invitations/{invitationId}": admin("partners:write"),
    "POST /api/v1/invitations/{token}/accept": fresh(own()),
    "POST /api/v1/applications": own(),
    "GET /api/v1/applications": read("partners:read"),
    "GET /api/v1/applications/{applicationId}": own_and_read("partners:read"),
    "POST /api/v1/applications/{applicationId}/approve": fresh(admin(None)),
    "POST /api/v1/applications/{applicationId}/reject": fresh(admin(None)),
    "GET /api/v1/referrals/code": own(),
    "POST /api/v1/referrals/apply/{code}": own(),
    "GET /api/v1/referrals/stats": own(),
    "POST /api/v1/referrals": fresh(staff("referrals:write")),
    "GET /api/v1/referrals": own_and_read("referrals:read"),
    "GET /api/v1/referrals/{referralId}": own_and_read("referrals:read"),
    "GET /api/v1/referrals/by-lead/{leadId}": read("referrals:read"),
    "GET /api/v1/referrals/by-customer/{customerId}": read("referrals:read"),
    "PATCH /api/v1/referrals/{referralId}": fresh(staff("referrals:write")),
    "PUT /api/v1/referrals/{referralId}": fresh(staff("referrals:write")),
    "DELETE /api/v1/referrals/{referralId}": staff("referrals:write"),
    "POST /api/v1/referrals/{referralId}/accept": fresh(staff("referrals:write")),
    "POST /api/v1/referrals/{referralId}/reject": staff("referrals:write"),
    "POST /api/v1/referrals/{referralId}/expire": staff("referrals:write"),
    "POST /api/v1/referrals/{referralId}/link-to-lead": fresh(staff("referrals:write")),
    "POST /api/v1/referrals/process-conversion": fresh(staff("referrals:write")),  # the id is in the body
    "POST /api/v1/referrals/{referralId}/process-conversion": fresh(staff("referrals:write")),  # as payment events do
    "POST /api/v1/referrals/{referralId}/close": fresh(staff(None, limit=LimitKind.HEAVY)),
    "POST /api/v1/referrals/check-expired": staff("referrals:write", limit=LimitKind.HEAVY),
    "POST /api/v1/referrals/bulk": fresh(staff("referrals:write", limit=LimitKind.HEAVY)),
    "POST /api/v1/referrals/withdraw": fresh(own(limit=LimitKind.WITHDRAWALS)),
    "GET /api/v1/referrals/withdrawals": own(),
    "GET /api/v1/referrals/withdrawals/{withdrawalId}": own(),
    "POST /api/v1/referrals/withdrawals/{withdrawalId}/cancel": own(),
    "GET /api/v1/withdrawals": read("withdrawals:read"),
    "GET /api/v1/withdrawals/{withdrawalId}": read("withdrawals:read"),
    "GET /api/v1/withdrawals/{withdrawalId}/timeline": read("withdrawals:read"),
    "POST /api/v1/withdrawals/{withdrawalId}/approve": fresh(staff(None)),
    "POST /api/v1/withdrawals/{withdrawalId}/reject": fresh(staff(None)),
    "POST /api/v1/withdrawals/{withdrawalId}/mark-paid": fresh(staff(None)),
    "POST /api/v1/withdrawals/{withdrawalId}/mark-failed": fresh(staff(None)),
    "POST /api/v1/withdrawals/{withdrawalId}/retry": fresh(staff(None)),
    "POST /api/v1/withdrawals/{withdrawalId}/mark-returned": fresh(staff(None)),
    "POST /api/v1/withdrawals/{withdrawalId}/resolve": fresh(staff(None)),
    "POST /api/v1/withdrawals/bulk-approve": fresh(staff(None, limit=LimitKind.HEAVY)),
    "POST /api/v1/withdrawals/bulk-reject": fresh(staff(None, limit=LimitKind.HEAVY)),
    "POST /api/v1/withdrawals/bulk-mark-paid": fresh(staff(None, limit=LimitKind.HEAVY)),
    "GET /api/v1/payout-methods": own(),
    "POST /api/v1/payout-methods": fresh(own()),
    "DELETE /api/v1/payout-methods/{methodId}": fresh(own()),
    "GET /api/v1/partners/{partnerId}/payout-methods": read("partners:read"),
    "POST /api/v1/partners/{partnerId}/payout-methods/{methodId}/verify": fresh(staff(None)),
    "GET /api/v1/payout-batches": read(None),
    "POST /api/v1/payout-batches": fresh(staff(None)),
    "GET /api/v1/payout-batches/{batchId}": read(None),
    "GET /api/v1/payout-batches/{batchId}/file": fresh(staff(None)),  # whole accounts
    "POST /api/v1/adjustments": fresh(staff(None)),
    "GET /api/v1/adjustments": read(None),
    "GET /api/v1/adjustments/{adjustmentId}": read(None),
    "POST /api/v1/adjustments/{adjustmentId}/approve": fresh(staff(None)),
    "POST /api/v1/adjustments/{adjustmentId}/reject": fresh(staff(None)),
    "GET /api/v1/rewards": own_and_read("rewards:read"),  # partners get their own, staff a partner's or a program's
    "POST /api/v1/rewards": fresh(staff(None)),
    "GET /api/v1/rewards/{rewardId}": own_and_read("rewards:read"),
    "PATCH /api/v1/rewards/{rewardId}": read(None),  # support writes notes, and holds nothing
    "GET /api/v1/rewards/{rewardId}/explain": own_and_read("rewards:read"),
    "POST /api/v1/rewards/{rewardId}/hold": fresh(staff(None)),
    "POST /api/v1/rewards/{rewardId}/release": fresh(staff(None)),
    "PUT /api/v1/rewards/{rewardId}": read(None),
    "DELETE /api/v1/rewards/{rewardId}": fresh(staff(None)),
    "POST /api/v1/rewards/process-payment": fresh(staff(None)),  # the id is in the body
    "POST /api/v1/rewards/{rewardId}/approve": fresh(staff(None)),
    "POST /api/v1/rewards/{rewardId}/cancel": fresh(staff(None)),
    "POST /api/v1/rewards/{rewardId}/process-payment": fresh(staff(None)),
    "POST /api/v1/rewards/bulk-approve": fresh(staff(None, limit=LimitKind.HEAVY)),
    "POST /api/v1/rewards/bulk-cancel": fresh(staff(None, limit=LimitKind.HEAVY)),
    "POST /api/v1/rewards/bulk-pay": fresh(staff(None, limit=LimitKind.HEAVY)),
    "GET /api/v1/payments": read("payments:read"),
    "GET /api/v1/payments/parked": read("payments:read"),
    "GET /api/v1/payments/duplicates": read("payments:read"),
    "POST /api/v1/payments/{paymentId}/duplicate": fresh(staff(None)),
    "GET /api/v1/payments/{paymentId}": read("payments:read"),
    "GET /api/v1/payments/{paymentId}/refunds": read("payments:read"),
    "POST /api/v1/payments/{paymentId}/refunds": fresh(staff(None)),  # a service tells events
    "POST /api/v1/payments/{paymentId}/refunds/{refundId}/confirm": fresh(staff(None)),
    "POST /api/v1/payments/{paymentId}/refunds/{refundId}/undo": fresh(staff(None)),
    "POST /api/v1/payments/{paymentId}/accept": fresh(staff(None)),
    "POST /api/v1/payments/{paymentId}/dismiss": fresh(staff(None)),
    "GET /api/v1/disputes": read("payments:read"),
    "GET /api/v1/ledger/entries": own_and_read("ledger:read"),  # staff see everybody's
    "GET /api/v1/ledger/balances": own_and_read("ledger:read"),
    "GET /api/v1/audit": read("audit:read"),
    "GET /api/v1/people/{personId}": read(None),
    "GET /api/v1/programs/{programId}/statistics": read("statistics:read"),
    "GET /api/v1/partners/statistics": read("statistics:read"),
    "GET /api/v1/partners/top": read("statistics:read"),
    "GET /api/v1/partners/{partnerId}/statistics": read("statistics:read"),
    "GET /api/v1/referrals/statistics": read("statistics:read"),
    "GET /api/v1/referrals/sources": read("statistics:read"),
    "GET /api/v1/referrals/funnel": read("statistics:read"),
    "GET /api/v1/referrals/trends": read("statistics:read"),
    "GET /api/v1/rewards/statistics": read("statistics:read"),
    "GET /api/v1/rewards/trends": read("statistics:read"),
    "GET /api/v1/payouts/summary": read("statistics:read"),
    "GET /api/v1/analytics/overview": read("statistics:read"),
    "GET /api/v1/analytics/cohorts": read("statistics:read"),
    "GET /api/v1/analytics/forecast": read("statistics:read"),
    "GET /api/v1/analytics/time-to-convert": read("statistics:read"),
    "GET /api/v1/analytics/scorecards/{partnerId}": read("statistics:read"),
    "GET /api/v1/ledger/trial-balance": read("ledger:read"),
    "POST /api/v1/exports": staff(None, limit=LimitKind.HEAVY),
    "GET /api/v1/exports": staff(None),  # each sees those that they asked for
    "GET /api/v1/exports/{exportId}": staff(None),
    "DELETE /api/v1/exports/{exportId}": staff(None),
    "POST /api/v1/imports/partners": admin("partners:write", limit=LimitKind.HEAVY),
    "GET /api/v1/imports/{importId}": admin("partners:write"),
    "GET /api/v1/imports/{importId}/report": admin("partners:write"),
    "GET /api/v1/imports/{importId}/report/file": admin("partners:write", limit=LimitKind.HEAVY),
    "POST /api/v1/webhooks/stripe": PUBLIC,
    "POST /api/v1/webhooks/referrals": PUBLIC,
    "POST /api/v1/webhooks/hubspot": PUBLIC,
    "GET /r/{code}": PUBLIC,  # share links
    "GET /api/v1/partners/{partnerId}/referrals": read("referrals:read"),
    "GET /api/v1/partners/{partnerId}/rewards": read("rewards:read"),
    "GET /api/v1/partners/{partnerId}/withdrawals": read("withdrawals:read"),
    "GET /api/v1/partners/{partnerId}/balance": read("ledger:read"),
    "GET /api/v1/partners/{partnerId}/ledger": read("ledger:read"),
    "GET /api/v1/partners/{partnerId}/links": read("partners:read"),
    "GET /api/v1/partners/{partnerId}/statements/{month}": read("ledger:read", limit=LimitKind.HEAVY),
    "GET /api/v1/me": own(),
    "PATCH /api/v1/me": own(),
    "GET /api/v1/me/codes": own(),
    "GET /api/v1/me/links": own(),
    "GET /api/v1/me/referrals": own(),
    "GET /api/v1/me/rewards": own(),
    "GET /api/v1/me/balance": own(),
    "GET /api/v1/me/statistics": own(),
    "GET /api/v1/me/withdrawals": own(),
    "GET /api/v1/me/payout-methods": own(),
    "GET /api/v1/me/notifications": own(),
    "PUT /api/v1/me/notifications": own(),
    "GET /api/v1/me/statements/{month}": own(limit=LimitKind.HEAVY),
    "GET /api/v1/openapi.json": PUBLIC,
    "GET /docs": PUBLIC,
}

# While the deployment is stopped whatever writes is refused, but for what moves no money, makes none, and changes
# nothing that says whose it is. What is told of leads waits in its queue. The file of a batch is how money is paid
GOES_ON = frozenset({
    # anchors alone, which move nothing: the function looks
    "POST /api/v1/adjustments",
    "POST /api/v1/adjustments/{adjustmentId}/approve",
    "POST /api/v1/adjustments/{adjustmentId}/reject",
    "POST /api/v1/partners/validate-referral-code",
    "POST /api/v1/webhooks/referrals",
    "POST /api/v1/webhooks/hubspot",
})  # fmt: skip
STOPS = frozenset({"GET /api/v1/payout-batches/{batchId}/file"})

SCOPES = frozenset(access.scope for access in ROUTES.values() if access and access.scope)

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

    @property
    def is_staff(self) -> bool:
        """Whether they see everybody's on a route that they may use; else only their own."""
        return bool(self.roles or self.scopes)

    @property
    def sees_masked(self) -> bool:
        """Whether others' personal data is masked for them: for all but admins and finance."""
        return not self.roles & _STAFF

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


def check(route: str, token: Token) -> tuple[frozenset[Role], frozenset[str]]:
    """Return by which roles or scopes the route is open.

    Raises Forbidden unless it is; the route is not PUBLIC.

    Where both staff and partners come in, somebody without the role sees only what is their own. A service is never
    taken for a partner.
    """
    access = ROUTES[route]
    if access is None:
        raise LookupError(f"{route} is public")
    roles, scopes = access.roles & token.roles, frozenset({access.scope} & token.scopes)
    if roles or scopes or (access.own and not token.scopes):
        return roles, scopes  # type: ignore[return-value]
    wanted = [f"the role {' or '.join(sorted(access.roles))}"] if access.roles else []
    wanted += [f"the scope {access.scope}"] if access.scope else []
    raise Forbidden("this needs " + " or ".join(wanted or ["somebody who is signed in"]))


def is_fresh(route: str) -> bool:
    """Return whether people must have signed in a moment ago."""
    access = ROUTES[route]
    return access is not None and access.fresh


def limit(route: str) -> LimitKind:
    """Return which of the caller's limits a call of the route counts against."""
    access = ROUTES[route]
    told = access.limit if access else None
    return told or (LimitKind.READS if route.startswith("GET ") else LimitKind.WRITES)


def stops(route: str) -> bool:
    """Return whether the route is refused while everything that books and pays is stopped.

    What only reads goes on.
    """
    return route in STOPS or (route not in GOES_ON and not route.startswith("GET "))
