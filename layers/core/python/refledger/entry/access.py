"""Who may do what: one line per route. Enforced from here, printed in docs/access.md; a test walks every cell.

Staff are known by their groups, services by the scopes of their tokens, and everybody else who is signed in is a
partner or may become one: they get at what is their own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache

from refledger.domain.errors import Forbidden
from refledger.operations.rate_limits import LimitKind


class Role(StrEnum):
    """Groups of the token's `groups` claim."""

    ADMIN = "admin"  # makes programs and partners, and decides about money
    FINANCE = "finance"  # reads everything, and decides about money
    SUPPORT = "support"  # reads, and writes notes


@dataclass(frozen=True)
class Access:
    """`own`: anyone who is signed in, for what is their own. `scope`: what a service's token must have; None: a person
    must do it. `fresh`: a person must have signed in a moment ago. `embedded`: the token of a portal session opens it,
    for what is its partner's, and no other token does.
    """

    roles: frozenset[Role]
    own: bool = False
    scope: str | None = None
    limit: LimitKind | None = None  # None: by the method
    fresh: bool = False
    embedded: bool = False


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


EMBEDDED = Access(frozenset(), embedded=True)  # what a partner reads on the owner's own page


def own_and_read(scope: str | None, limit: LimitKind | None = None) -> Access:
    """Let partners get their own, staff and services everybody's."""
    return Access(_ALL, own=True, scope=scope, limit=limit)


def service(scope: str) -> Access:
    """Let services in, and nobody else: what they tell is believed like the bus."""
    return Access(frozenset(), scope=scope)


def fresh(access: Access) -> Access:
    """Demand besides that a person signed in a moment ago.

    For what moves or makes money, or says where it goes, and what changes how well it is protected.
    """
    return replace(access, fresh=True)


ROUTES: dict[str, Access | None] = {
    "POST /api/v1/programs": fresh(admin(None)),
    "GET /api/v1/programs": read("programs:read"),
    "GET /api/v1/currencies": own_and_read("programs:read"),
    "POST /api/v1/programs/preview": read("programs:read"),  # a question
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
    "GET /api/v1/inbox": read(None),
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
    "GET /api/v1/ledger/entries/{entryId}": read("ledger:read"),
    "GET /api/v1/ledger/balances": own_and_read("ledger:read"),
    "GET /api/v1/audit": read("audit:read"),
    "GET /api/v1/people": read(None),
    "DELETE /api/v1/people/{personId}": fresh(admin(None)),
    "GET /api/v1/ledger/verification": read("audit:read"),
    "GET /api/v1/settings": read(None),
    "POST /api/v1/api-keys": fresh(admin(None)),
    "GET /api/v1/api-keys": admin(None),
    "GET /api/v1/api-keys/{apiKeyId}": admin(None),
    "POST /api/v1/api-keys/{apiKeyId}/confirm": fresh(admin(None)),
    "POST /api/v1/api-keys/{apiKeyId}/rotate": fresh(admin(None)),
    "DELETE /api/v1/api-keys/{apiKeyId}": fresh(admin(None)),
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
    "GET /api/v1/imports": admin("partners:write"),
    "GET /api/v1/imports/{importId}": admin("partners:write"),
    "GET /api/v1/imports/{importId}/report": admin("partners:write"),
    "GET /api/v1/imports/{importId}/report/file": admin("partners:write", limit=LimitKind.HEAVY),
    "POST /api/v1/webhooks/stripe": PUBLIC,
    "POST /api/v1/webhooks/referrals": PUBLIC,
    "POST /api/v1/webhooks/hubspot": PUBLIC,
    "POST /api/v1/webhooks/stripe-payments": PUBLIC,
    "POST /api/v1/events/lead": service("events:write"),
    "POST /api/v1/events/sale": service("events:write"),
    "GET /r/{code}": PUBLIC,  # share links
    "GET /api/v1/partners/{partnerId}/referrals": read("referrals:read"),
    "GET /api/v1/partners/{partnerId}/rewards": read("rewards:read"),
    "GET /api/v1/partners/{partnerId}/withdrawals": read("withdrawals:read"),
    "GET /api/v1/partners/{partnerId}/balance": read("ledger:read"),
    "GET /api/v1/partners/{partnerId}/ledger": read("ledger:read"),
    "GET /api/v1/partners/{partnerId}/links": read("partners:read"),
    "GET /api/v1/partners/{partnerId}/statements/{month}": read("ledger:read", limit=LimitKind.HEAVY),
    "GET /api/v1/session": own_and_read(None),  # what each may do, who they are: staff and partners
    "GET /api/v1/me": own(),
    "PATCH /api/v1/me": own(),
    "GET /api/v1/me/program": own(),
    "GET /api/v1/me/codes": own(),
    "GET /api/v1/me/links": own(),
    "GET /api/v1/me/referrals": own(),
    "GET /api/v1/me/rewards": own(),
    "GET /api/v1/me/balance": own(),
    "GET /api/v1/me/statistics": own(),
    "GET /api/v1/me/performance": own(),
    "GET /api/v1/me/upcoming": own(),
    "GET /api/v1/me/applications": own(),
    "GET /api/v1/me/withdrawals": own(),
    "GET /api/v1/me/payout-methods": own(),
    "GET /api/v1/me/notifications": own(),
    "PUT /api/v1/me/notifications": own(),
    "GET /api/v1/me/statements/{month}": own(limit=LimitKind.HEAVY),
    "POST /api/v1/portal-sessions": service("portal:write"),
    "GET /api/v1/embed/program": EMBEDDED,
    "GET /api/v1/embed/links": EMBEDDED,
    "GET /api/v1/embed/balance": EMBEDDED,
    "GET /api/v1/embed/upcoming": EMBEDDED,
    "GET /api/v1/embed/rewards": EMBEDDED,
    "GET /api/v1/embed/rewards/{rewardId}/explain": EMBEDDED,
    "GET /api/v1/embed/referrals": EMBEDDED,
    "GET /api/v1/embed/performance": EMBEDDED,
    "GET /embed/{programId}": PUBLIC,
    "GET /embed.js": PUBLIC,
    "GET /api/v1/openapi.json": PUBLIC,
    "GET /docs": PUBLIC,
    "GET /docs/{file}": PUBLIC,
    "GET /docs/problems": PUBLIC,
    "GET /docs/problems/{problem}": PUBLIC,
    "GET /": PUBLIC,
    "GET /console": PUBLIC,
    "GET /console/{screen}": PUBLIC,
    "GET /console/{screen}/{thing}": PUBLIC,
    "GET /portal": PUBLIC,
    "GET /portal/{screen}": PUBLIC,
    "GET /assets/{file}": PUBLIC,
    "GET /t.js": PUBLIC,  # on other sites' pages
}

# While the deployment is stopped whatever writes is refused, but for what moves no money, makes none, and changes
# nothing that says whose it is. What is told of leads waits in its queue. The file of a batch is how money is paid
GOES_ON = frozenset({
    # anchors alone, which move nothing: the function looks
    "POST /api/v1/adjustments",
    "POST /api/v1/adjustments/{adjustmentId}/approve",
    "POST /api/v1/adjustments/{adjustmentId}/reject",
    "POST /api/v1/partners/validate-referral-code",
    "POST /api/v1/portal-sessions",  # writes nothing, and lets partners look
    "POST /api/v1/programs/preview",
    # who stops it all may have lost a key
    "POST /api/v1/api-keys/{apiKeyId}/rotate",
    "DELETE /api/v1/api-keys/{apiKeyId}",
    "POST /api/v1/webhooks/referrals",
    "POST /api/v1/webhooks/hubspot",
    # a queue alone, which waits
    "POST /api/v1/webhooks/stripe-payments",
    "POST /api/v1/events/lead",
    "POST /api/v1/events/sale",
})  # fmt: skip
STOPS = frozenset({"GET /api/v1/payout-batches/{batchId}/file"})

# What a POST makes is read elsewhere than below its own address
PLACES = {
    "POST /api/v1/referrals/withdraw": "/api/v1/referrals/withdrawals",
    "POST /api/v1/imports/partners": "/api/v1/imports",
}

SCOPES = frozenset(access.scope for access in ROUTES.values() if access and access.scope)


def check(route: str, roles: frozenset[Role], scopes: frozenset[str]) -> tuple[frozenset[Role], frozenset[str]]:
    """Return by which of the caller's roles or scopes the route is open.

    Raises Forbidden unless it is; the route is not PUBLIC.

    Where both staff and partners come in, somebody without the role sees only what is their own. A service is never
    taken for a partner.
    """
    access = ROUTES[route]
    if access is None:
        raise LookupError(f"{route} is public")
    if access.embedded:
        raise Forbidden("this needs a portal session")
    by_roles, by_scopes = access.roles & roles, scopes & {access.scope}
    if by_roles or by_scopes or (access.own and not scopes):
        return by_roles, by_scopes
    wanted = [f"the role {' or '.join(sorted(access.roles))}"] if access.roles else []
    wanted += [f"the scope {access.scope}"] if access.scope else []
    raise Forbidden("this needs " + " or ".join(wanted or ["somebody who is signed in"]))


def place_of(route: str, path: Mapping[str, str]) -> str:
    """Return below which address what a POST makes can be read by its id; "" where it cannot.

    `path`: the parameters of the call.
    """
    place = PLACES.get(route, route.removeprefix("POST "))
    return re.sub(r"\{(\w+)\}", lambda match: path[match[1]], place) if _is_read_by_id(place) else ""


@cache  # asked in each call that makes something: it looks at every route there is
def _is_read_by_id(place: str) -> bool:
    """Whether what is below an address, as routes have it, can be read by its id."""
    read = re.compile(re.escape(f"GET {place}/") + r"\{\w+\}")
    return any(map(read.fullmatch, ROUTES))


def open_to(roles: Collection[Role]) -> list[str]:
    """Return the routes that a person of these roles may use, sorted.

    With those that give each what is their own.
    """
    return sorted(key for key, each in ROUTES.items() if each and (each.own or each.roles & set(roles)))


def is_embedded(route: str) -> bool:
    """Return whether it is for portal sessions."""
    access = ROUTES[route]
    return access is not None and access.embedded


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
