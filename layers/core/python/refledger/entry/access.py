"""Who may do what: one line per route. Enforced from here; a test walks every cell."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from refledger.domain.errors import Forbidden, Unauthenticated


class Role(StrEnum):
    ADMIN = "admin"
    FINANCE = "finance"


PUBLIC = None  # no token at all: the route's function finds out by itself who sends, by a signature
MEMBER: frozenset[Role] = frozenset()  # anyone who is signed in, for what is their own
ADMIN = frozenset({Role.ADMIN})
STAFF = frozenset({Role.ADMIN, Role.FINANCE})

ROUTES: dict[str, frozenset[Role] | None] = {
    "POST /api/v1/programs": ADMIN,
    "GET /api/v1/programs": STAFF,
    "GET /api/v1/programs/{programId}": STAFF,
    "PUT /api/v1/programs/{programId}": ADMIN,
    "GET /api/v1/programs/{programId}/versions": STAFF,
    "GET /api/v1/programs/{programId}/versions/{version}": STAFF,
    "POST /api/v1/partners": ADMIN,
    "GET /api/v1/partners": STAFF,
    "GET /api/v1/partners/{partnerId}": STAFF,
    "POST /api/v1/partners/{partnerId}/activate": ADMIN,
    "POST /api/v1/partners/{partnerId}/deactivate": ADMIN,
    "POST /api/v1/partners/{partnerId}/suspend": ADMIN,
    "POST /api/v1/partners/{partnerId}/terminate": ADMIN,
    "POST /api/v1/partners/{partnerId}/link-user": ADMIN,
    "PUT /api/v1/partners/{partnerId}/commission": ADMIN,
    "GET /api/v1/referrals/code": MEMBER,
    "POST /api/v1/referrals/apply/{code}": MEMBER,
    "GET /api/v1/referrals/stats": MEMBER,
    "POST /api/v1/referrals/withdraw": MEMBER,
    "GET /api/v1/referrals/withdrawals": MEMBER,
    "GET /api/v1/referrals/withdrawals/{withdrawalId}": MEMBER,
    "POST /api/v1/referrals/withdrawals/{withdrawalId}/cancel": MEMBER,
    "GET /api/v1/withdrawals": STAFF,
    "GET /api/v1/withdrawals/{withdrawalId}": STAFF,
    "POST /api/v1/withdrawals/{withdrawalId}/approve": STAFF,
    "POST /api/v1/withdrawals/{withdrawalId}/reject": STAFF,
    "POST /api/v1/withdrawals/{withdrawalId}/mark-paid": STAFF,
    "POST /api/v1/withdrawals/{withdrawalId}/mark-failed": STAFF,
    "POST /api/v1/withdrawals/{withdrawalId}/retry": STAFF,
    "POST /api/v1/withdrawals/{withdrawalId}/mark-returned": STAFF,
    "POST /api/v1/withdrawals/{withdrawalId}/resolve": STAFF,
    "POST /api/v1/withdrawals/bulk-approve": STAFF,
    "POST /api/v1/withdrawals/bulk-mark-paid": STAFF,
    "GET /api/v1/payout-methods": MEMBER,
    "POST /api/v1/payout-methods": MEMBER,
    "DELETE /api/v1/payout-methods/{methodId}": MEMBER,
    "GET /api/v1/partners/{partnerId}/payout-methods": STAFF,
    "POST /api/v1/partners/{partnerId}/payout-methods/{methodId}/verify": STAFF,
    "GET /api/v1/payout-batches": STAFF,
    "POST /api/v1/payout-batches": STAFF,
    "GET /api/v1/payout-batches/{batchId}": STAFF,
    "GET /api/v1/payout-batches/{batchId}/file": STAFF,  # whole accounts
    "POST /api/v1/adjustments": STAFF,
    "GET /api/v1/adjustments": STAFF,
    "GET /api/v1/adjustments/{adjustmentId}": STAFF,
    "POST /api/v1/adjustments/{adjustmentId}/approve": STAFF,
    "POST /api/v1/adjustments/{adjustmentId}/reject": STAFF,
    "GET /api/v1/rewards": MEMBER,  # partners get their own, staff a partner's or a program's
    "GET /api/v1/rewards/{rewardId}": MEMBER,
    "GET /api/v1/rewards/{rewardId}/explain": MEMBER,
    "POST /api/v1/rewards/{rewardId}/hold": STAFF,
    "POST /api/v1/rewards/{rewardId}/release": STAFF,
    "POST /api/v1/rewards/{rewardId}/approve": STAFF,
    "POST /api/v1/rewards/{rewardId}/cancel": STAFF,
    "GET /api/v1/payments/parked": STAFF,
    "GET /api/v1/payments/{paymentId}": STAFF,
    "POST /api/v1/payments/{paymentId}/accept": STAFF,
    "POST /api/v1/payments/{paymentId}/dismiss": STAFF,
    "GET /api/v1/disputes": STAFF,
    "GET /api/v1/ledger/entries": MEMBER,  # staff see everybody's
    "GET /api/v1/ledger/balances": MEMBER,
    "POST /api/v1/webhooks/stripe": PUBLIC,
}

# Claims that only an ID token has: it proves who signed in, it does not open an API.
ID_TOKEN_CLAIMS = ("nonce", "at_hash", "c_hash", "cognito:username")


@dataclass(frozen=True)
class Caller:
    """Who calls. `user` is the keyed hash of `sub`: nothing else of the token is ever stored."""

    user: str
    roles: frozenset[Role]

    @property
    def is_staff(self) -> bool:
        return bool(self.roles & STAFF)


def sub_and_roles(claims: dict[str, str], groups_claim: str) -> tuple[str, frozenset[Role]]:
    """What an access token says. The gateway has checked signature, issuer, audience and time; it cannot tell an ID
    token from an access token. Raises Unauthenticated.
    """
    use = claims.get("token_use")
    if use not in (None, "access") or any(claim in claims for claim in ID_TOKEN_CLAIMS):
        raise Unauthenticated("an access token is needed")
    sub = claims.get("sub", "")
    if not sub:
        raise Unauthenticated("the token names nobody")
    groups = _groups(claims.get(groups_claim, ""))
    return sub, frozenset(role for role in Role if role in groups)


def _groups(text: str) -> set[str]:
    """HTTP APIs hand a list on as text, `[admin finance]`: a group's name with a blank in it cannot be told from two.

    So the claim must be one whose values have no blanks; Cognito allows none, of other issuers it is up to the owner.
    """
    if text.startswith("[") and text.endswith("]"):
        return set(text[1:-1].split(" "))
    return {text}


def check(route: str, roles: frozenset[Role]) -> None:
    """Raises Forbidden unless one of the roles may use the route, which is not PUBLIC."""
    needed = ROUTES[route]
    if needed and not needed & roles:
        raise Forbidden("this needs the role " + " or ".join(sorted(needed)))
