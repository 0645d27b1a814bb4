"""Who may do what: every cell of the table of roles and routes; and which tokens count at all."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain.errors import Unauthenticated
from refledger.entry import access
from refledger.entry.access import Role
from refledger.entry.tokens import Reading, Token, read_token
from scripts import access_page
from tests.support import streams
from tests.support.functions import World, apis, assert_problem

PAGE = (Path(__file__).parents[2] / "docs" / "access.md").read_text(encoding="utf-8")
COLUMNS = ("admin", "finance", "support", "partner", "service")
# The page is the second writing: a change of the table is seen there, and held against the doors here.
TABLE = {
    cells[0].strip("`"): dict(zip(COLUMNS, cells[1:6], strict=True))
    for line in PAGE.splitlines()
    if (cells := [cell.strip() for cell in line.strip("|").split("|")])[0].startswith("`")
}  # fmt: skip
PUBLIC = {route for route, cells in TABLE.items() if cells["admin"] == "anybody"}
# Who calls these signs; see tests/functions/test_webhooks.py
SIGNED = {route for route in PUBLIC if "/webhooks/" in route}
EMBEDDED = {route for route, cells in TABLE.items() if "portal session" in cells["partner"]}  # by no caller of these
CLOSED = {route for route, cells in TABLE.items() if cells["partner"] == "no"}
CALLERS: dict[str, dict[str, Any]] = {
    "nobody": {"sub": None},
    "partner": {"sub": "mia"},
    "somebody of other groups": {"sub": "otto", "groups": ("administrators", "Finance", "ADMIN", "eu-west-1_admin")},
    "support": {"sub": "sue", "groups": ("support",)},
    "finance": {"sub": "fin", "groups": ("finance",)},
    "admin": {"sub": "ada", "groups": ("staff", "admin")},
    "service": {"sub": "shop", "claims": {"scope": ""}},  # with the scope that the page asks for
    "service with every other scope": {"sub": "shop", "claims": {"scope": ""}},
}


def may(caller: str, route: str) -> bool:
    """What the page says."""
    cells = TABLE[route]
    match caller:
        case "nobody" | "service with every other scope":
            return False
        case "service":
            return cells["service"] != "no"
        case "somebody of other groups":
            return cells["partner"] != "no"
        case _:
            return cells[caller] != "no"


def as_caller(caller: str, route: str) -> dict[str, Any]:
    """How they come to this route."""
    told, scope = CALLERS[caller], TABLE[route]["service"].strip("`")
    if caller == "service":
        return {**told, "claims": {"scope": f"openid refledger/{scope}" if ":" in scope else "refledger/rewards:read"}}
    if caller == "service with every other scope":
        return {**told, "claims": {"scope": " ".join(f"refledger/{each}" for each in sorted(access.SCOPES - {scope}))}}
    return told


def test_the_page_says_what_is_enforced() -> None:
    """The page is made from the table (make openapi), and lies in the repository to be read."""
    assert access_page.page() == PAGE
    assert set(TABLE) == set(access.ROUTES)


def test_every_route_is_served_by_exactly_one_function() -> None:
    """What the table allows somebody serves, and nothing else is served."""
    served = [route for api in apis().values() for route in api.routes]
    assert sorted(served) == sorted(access.ROUTES)


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("route", sorted(set(TABLE) - PUBLIC))
def test_every_route_for_everybody(world: World, route: str, caller: str) -> None:
    """Nobody is not signed in, who lacks the role is not allowed, and who has it gets past the door.

    Past the door there is nothing to be found under the ids that are asked for; what matters is that it is not shut.
    """
    path = dict.fromkeys(re.findall(r"{(\w+)}", route), "nosuchthing")
    answer = world.call(route, path=path, **as_caller(caller, route))
    if caller == "nobody" or route in EMBEDDED:
        assert_problem(answer, 401)
    elif not may(caller, route):
        assert_problem(answer, 403)
        assert answer.code == "FORBIDDEN"
    else:
        assert answer.status in (200, 404, 409, 415, 422, 428), answer


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("route", sorted(SIGNED))
def test_a_token_does_not_replace_a_signature(world: World, route: str, caller: str) -> None:
    """Where senders sign, an admin's token opens nothing."""
    answer = world.call(route, body={}, **CALLERS[caller])
    assert_problem(answer, 401)
    assert answer.code == "BAD_SIGNATURE"


@pytest.mark.parametrize("route", sorted(CLOSED))
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


def reading(claim: str, names: str = "admin,finance,support", prefix: str = "refledger/") -> Reading:
    return Reading.of(claim, names, prefix)


def token(**claims: Any) -> str:
    """An Authorization header whose token says this; the gateway has verified it."""
    parts = ({"alg": "RS256"}, claims)
    coded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return f"Bearer {coded[0]}.{coded[1]}.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "claims",
    [
        {},  # of an ordinary issuer, code flow without a nonce: aud is the client, and that is all
        {"azp": "web"},
        {"email": "a@example.com", "email_verified": "true", "scope": "openid", "client_id": "web"},
        {"client_id": "web"},
        {"scope": "openid"},
        {"scope": "openid", "azp": "web", "typ": "ID"},
        {"scope": "openid", "azp": "web", "typ": "Refresh"},
        {"scope": "offline_access", "azp": "web", "typ": "Offline"},
        {"scope": "openid", "azp": "web", "typ": "Logout"},
        {"scope": "openid", "azp": "web", "events": "{http://schemas.openid.net/event/backchannel-logout={}}"},
        {"scope": "openid", "azp": "web", "s_hash": "h"},
        {"token_use": "access", "events": "{}"},
    ],
)
def test_what_is_no_access_token_opens_nothing_whoever_issued_it(claims: dict[str, str]) -> None:
    """ID, refresh and logout tokens of any issuer, with the audience that the gateway wants."""
    told = {"sub": "s", "iss": "https://issuer.example.com", "aud": "web", "sid": "1", "groups": "[admin]", **claims}
    with pytest.raises(Unauthenticated):
        read_token(told, reading("groups"))


@pytest.mark.parametrize(
    "claims",
    [
        {"token_use": "access"},
        {"client_id": "web", "scope": "openid"},
        {"azp": "web", "scope": "openid", "typ": "Bearer", "sid": "1", "email_verified": "true"},  # Keycloak
        {"cid": "web", "scp": "[openid refledger/rewards:read]"},  # Okta
        {"client_id": "web", "scope": "", "typ": "at+jwt"},
    ],
)
def test_access_tokens_of_many_issuers_open(claims: dict[str, str]) -> None:
    """As RFC 9068 and those in use write them."""
    assert read_token({"sub": "s", "groups": "[admin]", **claims}, reading("groups")).roles == {Role.ADMIN}


@pytest.mark.parametrize(
    "scope", ["evil/programs:read", "a/b/programs:read", "programs:read", "xrefledger/programs:read", "/programs:read",
              "refledger//programs:read", "REFLEDGER/programs:read", "refledger/programs:read2"],
)  # fmt: skip
def test_scopes_of_other_apis_are_none_of_ours(world: World, scope: str) -> None:
    """A scope counts whole, with the prefix of this deployment; what only ends like one is another API's."""
    assert read_token({"sub": "s", "token_use": "access", "scope": scope}, reading("g")).scopes == frozenset()
    assert world.call("GET /api/v1/programs", claims={"scope": scope}).status == 403


def test_the_prefix_is_the_configured_one() -> None:
    """Also none, where an issuer has no resource servers."""
    for prefix, scope in (("", "programs:read"), ("https://api.example.com/", "https://api.example.com/programs:read")):
        claims = {"sub": "s", "token_use": "access", "scope": f"openid {scope}"}
        assert read_token(claims, reading("g", prefix=prefix)).scopes == {"programs:read"}


@pytest.mark.parametrize(
    "groups", [["x admin"], ["site admin"], [" admin"], ["admin "], "[admin]", "x admin", [["admin"]]]
)
def test_a_group_with_a_blank_in_it_is_one_group(groups: Any) -> None:
    """The gateway hands lists on as text; the token that it has verified says which they are."""
    text = f"[{' '.join(map(str, groups))}]" if isinstance(groups, list) else groups
    claims = {"sub": "s", "iss": "i", "token_use": "access", "g": text}
    assert read_token(claims, reading("g"), token(sub="s", iss="i", g=groups)).roles == frozenset()
    exact = (
        token(sub="s", iss="i", g=["finance", *groups])
        if isinstance(groups, list)
        else token(sub="s", iss="i", g="finance")
    )
    assert read_token(claims, reading("g"), exact).roles == {Role.FINANCE}


@pytest.mark.parametrize(
    "header",
    [
        "", "Bearer", "Bearer x.y.z", "Bearer a.b", "Bearer a.W10.c", "Bearer \u00e9.\u00e9.\u00e9",
        token(sub="other", iss="i", g=["admin"]), token(sub="s", iss="other", g=["admin"]),
    ],
)  # fmt: skip
def test_a_header_that_is_not_the_verified_token_says_nothing(header: str) -> None:
    """Then the gateway's own words count."""
    claims = {"sub": "s", "iss": "i", "token_use": "access", "g": "[finance]"}
    assert read_token(claims, reading("g"), header).roles == {Role.FINANCE}


def test_roles_have_the_names_that_the_deployment_gives_them(world: World) -> None:
    """Groups that other software shares with refledger need not make admins here."""
    world.variables["ROLE_NAMES"] = "refledger-admin,refledger-finance,refledger-support"
    try:
        assert world.call("GET /api/v1/programs", groups=("admin",)).status == 403
        assert world.call("GET /api/v1/programs", groups=("refledger-support",)).status == 200
    finally:
        world.variables["ROLE_NAMES"] = "admin,finance,support"


def test_an_issuer_need_not_say_what_use_a_token_has() -> None:
    """Cognito says token_use, others do not."""
    theirs = {"sub": "s", "client_id": "c", "scope": "openid"}
    assert read_token(theirs, reading("groups")) == Token("s", frozenset(), frozenset())
    with pytest.raises(Unauthenticated):
        read_token({}, reading("groups"))


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
    assert read_token({"sub": "s", "token_use": "access", "groups": told}, reading("groups")).roles == roles


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Z"]), min_size=1, max_size=9), max_size=5))
def test_groups_without_blanks_are_read_as_they_are(groups: list[str]) -> None:
    """A role is had if and only if a group is called exactly so."""
    told = f"[{' '.join(groups)}]"
    assert read_token({"sub": "s", "token_use": "access", "g": told}, reading("g")).roles == {
        role for role in Role if role.value in groups
    }


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
