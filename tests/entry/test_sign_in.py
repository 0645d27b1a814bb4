"""A fresh sign-in where money is at stake: which routes ask for it, of whom, and what an old one is told."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain.duties import Act
from refledger.domain.errors import FreshSignInNeeded
from refledger.entry import access, config, sign_in
from refledger.entry.config import Environment, Misconfigured
from scripts.duties_page import BEHIND
from tests.support.functions import Answer, World, assert_problem

VARIABLE, MINUTES = "FRESH_SIGN_IN_MINUTES", 15
FRESH = sorted(route for route in access.ROUTES if access.is_fresh(route))
# Everything else that changes something, each looked at by who added it. None of it lets money out, makes any, says
# whose it is or how it is kept.
NOT_FRESH = {
    *(f"POST /api/v1/partners/{{partnerId}}/{what}" for what in ("codes", "codes/rotate", "notes")),
    *(f"POST /api/v1/partners/{{partnerId}}/codes/{{code}}/{how}" for how in ("disable", "enable")),
    "POST /api/v1/partners/validate-referral-code", "POST /api/v1/programs/preview",
    "POST /api/v1/events/lead", "POST /api/v1/events/sale", "POST /api/v1/portal-sessions",  # no person tells these
    "PATCH /api/v1/partners/{partnerId}",
    "PUT /api/v1/partners/{partnerId}", "PUT /api/v1/partners/{partnerId}/tags",
    "POST /api/v1/invitations", "DELETE /api/v1/invitations/{invitationId}",
    "POST /api/v1/applications", "POST /api/v1/referrals/apply/{code}", "POST /api/v1/referrals/check-expired",
    *(f"POST /api/v1/referrals/{{referralId}}/{how}" for how in ("reject", "expire")),
    "DELETE /api/v1/referrals/{referralId}", "POST /api/v1/referrals/withdrawals/{withdrawalId}/cancel",
    "PUT /api/v1/rewards/{rewardId}",
    "PATCH /api/v1/rewards/{rewardId}",  # support's notes; what it decides asks by itself, below
    "POST /api/v1/exports", "DELETE /api/v1/exports/{exportId}", "POST /api/v1/imports/partners",
    "PATCH /api/v1/me", "PUT /api/v1/me/notifications",
}  # fmt: skip


def seconds(world: World, ago: int = 0) -> str:
    """`auth_time` of who signed in so many seconds ago."""
    return str(world.books.context.now_ms() // 1000 - ago)


@pytest.fixture
def strict(world: World) -> Any:
    """The world in which a sign-in is good for a quarter of an hour."""
    world.variables[VARIABLE] = str(MINUTES)
    yield world
    del world.variables[VARIABLE]


def ask(world: World, route: str, claims: dict[str, Any], **more: Any) -> Answer:
    """By one who may; there is nothing under the ids that are asked for."""
    path = dict.fromkeys(re.findall(r"{(\w+)}", route), "nosuchthing")
    return world.call(route, path=path, groups=("admin",), claims=claims, **more)


# ---------------------------------------------------------------- which routes


@pytest.mark.parametrize("act", Act)
def test_whatever_is_behind_an_act_asks_for_it(act: Act) -> None:
    """An act that is added says where it is done, and so cannot forget it; the story of tests/template looks, too."""
    assert BEHIND[act]
    by_people = {route for route in BEHIND[act] if (told := access.ROUTES[route]) and (told.roles or told.own)}
    assert by_people - set(FRESH) == set()


def test_what_does_not_ask_is_this_and_nothing_more() -> None:
    """A new route that changes something asks for a fresh sign-in, or is looked at here."""
    changing = {route for route, told in access.ROUTES.items() if told and not route.startswith("GET ")}
    assert changing - set(FRESH) == NOT_FRESH
    assert {route for route in FRESH if route.startswith("GET ")} == {"GET /api/v1/payout-batches/{batchId}/file"}


@pytest.mark.parametrize("route", FRESH)
def test_an_old_sign_in_is_refused_and_a_fresh_one_is_not(strict: World, route: str) -> None:
    """Before anything is read: the problem says what to do, and for how long it will do."""
    for claims in ({"auth_time": seconds(strict, MINUTES * 60 + 1)}, {}):
        old = ask(strict, route, claims, text="{", headers={"content-type": "x"})
        assert_problem(old, 401)
        assert old.code == "FRESH_SIGN_IN_NEEDED"
        assert "sign in again" in old.body["detail"]
        assert old.body["maxAgeSeconds"] == 900
        challenge = 'Bearer error="insufficient_user_authentication", max_age="900"'
        assert old.headers["www-authenticate"] == challenge
    for ago in (0, MINUTES * 60):
        answer = ask(strict, route, {"auth_time": seconds(strict, ago)})
        assert answer.status in (200, 404, 409, 415, 422, 428), answer


@pytest.mark.parametrize("route", sorted(NOT_FRESH | {"GET /api/v1/withdrawals", "GET /api/v1/me"}))
def test_the_rest_goes_on_with_an_old_one(strict: World, route: str) -> None:
    """Reading and daily work ask nobody to sign in again."""
    assert ask(strict, route, {"auth_time": seconds(strict, 86_400)}).status != 401


WHY = {"reason": "asked for"}
DECIDES: list[tuple[str, dict[str, Any]]] = [
    *(
        ("partners/{partnerId}", {"status": status, **WHY})
        for status in ("ACTIVE", "INACTIVE", "SUSPENDED", "TERMINATED")
    ),
    ("partners/{partnerId}", {"commissionRates": [{"rateBps": 1}], **WHY}),
    ("rewards/{rewardId}", {"status": "APPROVED"}),
    ("rewards/{rewardId}", {"hold": "looks odd"}),
    ("rewards/{rewardId}", {"status": "CANCELLED", "note": "twice"}),
]


@pytest.mark.parametrize(("path", "body"), DECIDES)
def test_an_update_that_decides_asks_as_the_verb_does(strict: World, path: str, body: dict[str, Any]) -> None:
    """A status or rates in a PATCH need what `/suspend`, `/commission` and the like need; names and notes do not."""
    route, match = f"PATCH /api/v1/{path}", {"if-match": '"1"'}
    old = ask(strict, route, {"auth_time": seconds(strict, 86_400)}, body=body, headers=match)
    assert (old.status, old.code) == (401, "FRESH_SIGN_IN_NEEDED")
    assert ask(strict, route, {"auth_time": seconds(strict)}, body=body, headers=match).status == 404
    mild = {"phone": "1"} if "partners" in path else {"note": "x"}
    assert ask(strict, route, {"auth_time": seconds(strict, 86_400)}, body=mild, headers=match).status == 404


@pytest.mark.parametrize("route", FRESH)
def test_who_may_not_is_told_so_first(strict: World, route: str) -> None:
    """A sign-in would not help them."""
    told = access.ROUTES[route]
    assert told
    if not told.own:
        path = dict.fromkeys(re.findall(r"{(\w+)}", route), "nosuchthing")
        assert_problem(strict.call(route, path=path), 403)


@pytest.mark.parametrize("route", [route for route in FRESH if (told := access.ROUTES[route]) and told.scope])
def test_a_service_has_no_sign_in(strict: World, route: str) -> None:
    """Who is known by a scope is told apart as everywhere; a scope that does not open the route is none."""
    path = dict.fromkeys(re.findall(r"{(\w+)}", route), "nosuchthing")
    scope = access.ROUTES[route].scope  # type: ignore[union-attr]
    answer = strict.call(route, sub="shop", path=path, claims={"scope": f"refledger/{scope}"})
    assert answer.status in (200, 404, 409, 415, 422, 428), answer
    other = ask(strict, route, {"scope": "refledger/audit:read"})
    assert other.code == "FRESH_SIGN_IN_NEEDED"


@pytest.mark.parametrize("told", [None, "0"])
def test_without_the_variable_any_sign_in_will_do(world: World, told: str | None) -> None:
    """And where it is 0: an issuer may not tell."""
    if told is not None:
        world.variables[VARIABLE] = told
    assert ask(world, "POST /api/v1/adjustments", {}).status == 422
    world.variables.pop(VARIABLE, None)


def test_a_variable_that_is_no_number_shuts_the_door(world: World) -> None:
    """A mistake of the deployment is not taken for "off"."""
    world.variables[VARIABLE] = "15m"
    try:
        assert ask(world, "POST /api/v1/adjustments", {"auth_time": seconds(world)}).status == 500
    finally:
        del world.variables[VARIABLE]
    for text in ("", "-1", "1.5", "\u0661\u0665", " 15"):
        with pytest.raises(Misconfigured):
            Environment({VARIABLE: text}).number(VARIABLE)


# ---------------------------------------------------------------- what a token says

NOW = 1_795_255_100


@pytest.mark.parametrize(
    "told",
    [
        str(NOW), NOW, float(NOW), f"{NOW}.0", f"{NOW}.5", "1.7952551E9", "1.7952551e+09",
    ],
)  # fmt: skip
def test_a_moment_is_read_however_the_gateway_writes_numbers(told: Any) -> None:
    """As text, with a fraction or an exponent: https://datatracker.ietf.org/doc/html/rfc7519#section-2, NumericDate."""
    at = sign_in.moment({"auth_time": told})
    assert at is not None
    assert at // 1000 == NOW


@pytest.mark.parametrize(
    "told",
    [
        None, "", True, False, "true", "None", "nan", "inf", float("nan"), float("inf"), -NOW, f"-{NOW}", f"+{NOW}",
        f" {NOW}", f"{NOW}\n", "1_795_255_100", "0x6b", "\u0661\u0667\u0669", [NOW], f"[{NOW}]", {}, "9" * 400, "1e999",
        "2026-11-21T10:00:00Z", f"{NOW} {NOW}", f"{NOW}.", ".5", "1e", 10**400,
    ],
)  # fmt: skip
def test_what_is_no_moment_is_no_sign_in(told: Any) -> None:
    """It is refused as if nothing were said."""
    assert sign_in.moment({"auth_time": told}) is None
    with pytest.raises(FreshSignInNeeded):
        sign_in.check(sign_in.moment({"auth_time": told}), MINUTES, NOW * 1000)


@given(st.one_of(st.text(), st.floats(), st.integers(), st.booleans(), st.lists(st.integers()), st.none()))
def test_no_claim_breaks_anything(told: Any) -> None:
    """Whatever an issuer writes is a moment after 1970, or none."""
    at = sign_in.moment({"auth_time": told})
    assert at is None or at >= 0


@pytest.mark.parametrize(
    ("ago_s", "fresh"), [(0, True), (900, True), (901, False), (-60, True), (-61, False), (-(10**9), False)]
)
def test_a_sign_in_is_good_for_so_long(ago_s: int, fresh: bool) -> None:
    """To the second; clocks may differ by a minute, and nobody signs in tomorrow."""
    if fresh:
        sign_in.check((NOW - ago_s) * 1000, MINUTES, NOW * 1000)
    else:
        with pytest.raises(FreshSignInNeeded):
            sign_in.check((NOW - ago_s) * 1000, MINUTES, NOW * 1000)


# ---------------------------------------------------------------- repeats


def test_a_repeat_waits_for_the_sign_in_and_then_gets_its_answer(fresh: World) -> None:
    """With the same key and an old token: sign in first, as for anything else; then the first answer, and one entry."""
    fresh.variables[VARIABLE] = str(MINUTES)
    body = {"partnerId": fresh.books.partner("bob").id, "amount": 100, "currency": "USD", "reason": "a test"}

    def give(signed_in: str) -> Answer:
        claims, headers = {"auth_time": signed_in}, {"idempotency-key": "one"}
        return fresh.admin("POST /api/v1/adjustments", body=body, headers=headers, claims=claims)

    first = give(seconds(fresh))
    assert first.status == 201
    old = give(seconds(fresh, 3600))
    assert old.code == "FRESH_SIGN_IN_NEEDED"
    again = give(seconds(fresh))
    assert (again.status, again.body["id"]) == (201, first.body["id"])
    assert fresh.books.balance("bob") == (100, 0, 0)


def test_a_refusal_counts_against_no_limit(fresh: World) -> None:
    """Whoever has to sign in has not used up anything."""
    fresh.variables[VARIABLE] = str(MINUTES)
    answer = ask(fresh, "POST /api/v1/adjustments", {})
    assert "ratelimit" not in answer.headers
    assert config.sign_in_minutes() == MINUTES
