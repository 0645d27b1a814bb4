"""Who may do what: every route for nobody, members, finance and admins; and which tokens count at all."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain.errors import Unauthenticated
from refledger.entry import access
from refledger.entry.access import Role, sub_and_roles
from tests.support import streams
from tests.support.functions import World, apis, assert_problem

# Written out once more, so that a change of the table is seen.
ADMIN = {
    "POST /api/v1/programs", "POST /api/v1/partners", "POST /api/v1/partners/{partnerId}/activate",
    "POST /api/v1/partners/{partnerId}/deactivate", "POST /api/v1/partners/{partnerId}/suspend",
    "POST /api/v1/partners/{partnerId}/terminate", "POST /api/v1/partners/{partnerId}/link-user",
    "PUT /api/v1/programs/{programId}", "PUT /api/v1/partners/{partnerId}/commission",
}  # fmt: skip
STAFF = {
    "GET /api/v1/programs", "GET /api/v1/programs/{programId}", "GET /api/v1/programs/{programId}/versions",
    "GET /api/v1/programs/{programId}/versions/{version}", "GET /api/v1/partners",
    "GET /api/v1/partners/{partnerId}", "GET /api/v1/withdrawals", "GET /api/v1/withdrawals/{withdrawalId}",
    "POST /api/v1/withdrawals/{withdrawalId}/approve", "POST /api/v1/withdrawals/{withdrawalId}/reject",
    "POST /api/v1/withdrawals/{withdrawalId}/mark-paid", "POST /api/v1/withdrawals/{withdrawalId}/mark-failed",
    "POST /api/v1/withdrawals/{withdrawalId}/retry", "POST /api/v1/withdrawals/{withdrawalId}/mark-returned",
    "POST /api/v1/withdrawals/{withdrawalId}/resolve", "POST /api/v1/withdrawals/bulk-approve",
    "POST /api/v1/withdrawals/bulk-mark-paid",
    "GET /api/v1/partners/{partnerId}/payout-methods",
    "POST /api/v1/partners/{partnerId}/payout-methods/{methodId}/verify", "GET /api/v1/payout-batches",
    "POST /api/v1/payout-batches", "GET /api/v1/payout-batches/{batchId}", "GET /api/v1/payout-batches/{batchId}/file",
    "POST /api/v1/adjustments", "GET /api/v1/adjustments", "GET /api/v1/adjustments/{adjustmentId}",
    "POST /api/v1/adjustments/{adjustmentId}/approve", "POST /api/v1/adjustments/{adjustmentId}/reject",
    "POST /api/v1/rewards/{rewardId}/hold", "POST /api/v1/rewards/{rewardId}/release",
    "POST /api/v1/rewards/{rewardId}/approve", "POST /api/v1/rewards/{rewardId}/cancel",
    "GET /api/v1/payments/parked", "GET /api/v1/payments/{paymentId}", "POST /api/v1/payments/{paymentId}/accept",
    "POST /api/v1/payments/{paymentId}/dismiss", "GET /api/v1/disputes",
}  # fmt: skip
MEMBER = {
    "GET /api/v1/referrals/code", "POST /api/v1/referrals/apply/{code}", "GET /api/v1/referrals/stats",
    "GET /api/v1/payout-methods", "POST /api/v1/payout-methods", "DELETE /api/v1/payout-methods/{methodId}",
    "POST /api/v1/referrals/withdraw", "GET /api/v1/referrals/withdrawals",
    "GET /api/v1/referrals/withdrawals/{withdrawalId}", "POST /api/v1/referrals/withdrawals/{withdrawalId}/cancel",
    "GET /api/v1/ledger/entries", "GET /api/v1/ledger/balances", "GET /api/v1/rewards",
    "GET /api/v1/rewards/{rewardId}", "GET /api/v1/rewards/{rewardId}/explain",
}  # fmt: skip
PUBLIC = {"POST /api/v1/webhooks/stripe"}  # who calls these signs; see tests/functions/test_webhooks.py
CALLERS: dict[str, dict[str, Any]] = {
    "nobody": {"sub": None},
    "member": {"sub": "mia"},
    "somebody of other groups": {"sub": "otto", "groups": ("administrators", "Finance", "ADMIN", "eu-west-1_admin")},
    "finance": {"sub": "fin", "groups": ("finance",)},
    "admin": {"sub": "ada", "groups": ("staff", "admin")},
}


def may(caller: str, route: str) -> bool:
    match caller:
        case "nobody":
            return False
        case "admin":
            return True
        case "finance":
            return route not in ADMIN
        case _:
            return route in MEMBER


def test_these_are_all_routes() -> None:
    """Each route is for one kind of caller; the table has these and no others."""
    assert set(access.ROUTES) == ADMIN | STAFF | MEMBER | PUBLIC
    assert len(access.ROUTES) == len(ADMIN) + len(STAFF) + len(MEMBER) + len(PUBLIC)
    assert {route for route, roles in access.ROUTES.items() if roles is access.PUBLIC} == PUBLIC


def test_every_route_is_served_by_exactly_one_function() -> None:
    """What the table allows somebody serves, and nothing else is served."""
    served = [route for api in apis().values() for route in api.routes]
    assert sorted(served) == sorted(access.ROUTES)


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("route", sorted(ADMIN | STAFF | MEMBER))
def test_every_route_for_everybody(world: World, route: str, caller: str) -> None:
    """Nobody is not signed in, who lacks the role is not allowed, and who has it gets past the door.

    Past the door there is nothing to be found under the ids that are asked for; what matters is that it is not shut.
    """
    path = dict.fromkeys(re.findall(r"{(\w+)}", route), "nosuchthing")
    answer = world.call(route, path=path, **CALLERS[caller])
    if caller == "nobody":
        assert_problem(answer, 401)
    elif not may(caller, route):
        assert_problem(answer, 403)
        assert answer.code == "FORBIDDEN"
    else:
        assert answer.status in (200, 404, 409, 422), answer


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("route", sorted(PUBLIC))
def test_a_token_does_not_replace_a_signature(world: World, route: str, caller: str) -> None:
    """Where senders sign, an admin's token opens nothing."""
    answer = world.call(route, body={}, **CALLERS[caller])
    assert_problem(answer, 401)
    assert answer.code == "BAD_SIGNATURE"


@pytest.mark.parametrize("route", sorted(ADMIN | STAFF))
def test_the_door_is_shut_before_anything_is_read(world: World, route: str) -> None:
    """Without the role a malformed body, a bad query or an unknown id make no difference, and count no request."""
    answer = world.call(
        route, sub="mia", path={"partnerId": "\x00"}, query={"x": "y"}, text="{", headers={"content-type": "x"}
    )
    assert_problem(answer, 403)


# ---------------------------------------------------------------- tokens


@pytest.mark.parametrize(
    "claims",
    [
        {"token_use": "id"},
        {"token_use": "refresh"},
        {"token_use": ""},
        {"nonce": "n"},
        {"at_hash": "h"},
        {"c_hash": "h"},
        {"cognito:username": "bob"},
        {"sub": ""},
    ],
)
def test_only_an_access_token_opens(world: World, claims: dict[str, str]) -> None:
    """An ID token says who signed in; it is refused, also where an issuer does not say what use a token has."""
    answer = world.call("GET /api/v1/referrals/code", claims=claims)
    assert_problem(answer, 401)
    assert answer.code == "UNAUTHENTICATED"


def test_an_issuer_need_not_say_what_use_a_token_has() -> None:
    """Cognito says token_use, others do not."""
    assert sub_and_roles({"sub": "s"}, "groups") == ("s", frozenset())
    with pytest.raises(Unauthenticated):
        sub_and_roles({}, "groups")


@pytest.mark.parametrize(
    ("told", "roles"),
    [
        ("[admin finance]", {"admin", "finance"}),
        ("[admin]", {"admin"}),
        ("admin", {"admin"}),
        ("[]", set()),
        ("", set()),
        ("[administrators]", set()),
        ("[Admin FINANCE]", set()),
        ("[sales,admin]", set()),
        ("sales,admin", set()),
        ("office admin", set()),
        ("[[admin]]", set()),
        ("[x-admin admin-x]", set()),
    ],
)
def test_roles_are_groups_of_exactly_that_name(told: str, roles: set[str]) -> None:
    """As the gateway hands lists on; names that merely contain a role's are none."""
    assert sub_and_roles({"sub": "s", "groups": told}, "groups")[1] == roles


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Z"]), min_size=1, max_size=9), max_size=5))
def test_groups_without_blanks_are_read_as_they_are(groups: list[str]) -> None:
    """A role is had if and only if a group is called exactly so."""
    told = f"[{' '.join(groups)}]"
    assert sub_and_roles({"sub": "s", "g": told}, "g")[1] == {role for role in Role if role.value in groups}


def test_the_claim_is_the_configured_one(world: World) -> None:
    """Groups under another name count for nothing, and the deployment says which name counts."""
    claims = {"groups": "[admin]"}
    assert world.call("GET /api/v1/programs", claims=claims).status == 403
    world.variables["GROUPS_CLAIM"] = "groups"
    assert world.call("GET /api/v1/programs", claims=claims).status == 200
    world.variables["GROUPS_CLAIM"] = "cognito:groups"


def test_nothing_of_a_token_is_stored(fresh: World, somebody: Callable[[], str]) -> None:
    """After a call the table holds the user's hash, and neither the `sub` nor any other claim."""
    sub = somebody()
    fresh.call("GET /api/v1/referrals/code", sub=sub, claims={"email": "x@example.com"})
    items = str([record.new for record in streams.records(fresh.books.client)])
    assert fresh.books.user(sub) in items
    assert sub not in items
    assert "x@example.com" not in items
