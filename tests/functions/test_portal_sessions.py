"""A partner's portal on the owner's page: its token reads what is one partner's for minutes, and opens nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from refledger.domain.links import Links
from refledger.domain.portals import Portal
from refledger.domain.times import MINUTE_MS
from refledger.entry import access
from refledger.operations.partners import portal_sessions
from tests.support.functions import Answer, World, assert_problem, load

BEGIN, PAGE = "POST /api/v1/portal-sessions", "GET /embed/{programId}"
SERVICE = {"sub": "site", "claims": {"scope": "refledger/portal:write", "client_id": "site"}}
SITE = "https://www.example.com"
EMBEDDED = sorted(route for route, rule in access.ROUTES.items() if rule and rule.embedded)
LISTS = ("program", "links", "balance", "upcoming", "rewards", "referrals")


@pytest.fixture(scope="module")
def told(world: World) -> World:
    """Bob has earned of Carol's payment; the program names one origin."""
    books = world.books
    links = Links("https://shop.example.com/", ("shop.example.com",))
    books.change_program(links=links, portal=Portal((SITE,), name="Friends", accent="#0f766e"))
    books.chain("alice", "bob", "carol")
    books.earn("carol", "p1", 50_000)
    return world


def begin(world: World, name: str = "bob", **who: Any) -> Answer:
    return world.call(BEGIN, **{**SERVICE, **who}, body={"partnerId": world.books.partner(name).id})


def token_of(world: World, name: str = "bob") -> str:
    answer = begin(world, name)
    assert answer.status == 201, answer
    return str(answer.body["token"])


def read(world: World, route: str, token: str, **path: str) -> Answer:
    return world.call(route, sub=None, headers={"authorization": f"Bearer {token}"}, path=path)


def test_a_session_reads_what_is_the_partners(told: World) -> None:
    """The same answers as for the partner who is signed in."""
    token = token_of(told)
    for name in LISTS:
        own = told.call(f"GET /api/v1/me/{name}", sub="bob")
        assert own.status == 200
        shown = read(told, f"GET /api/v1/embed/{name}", token)
        assert (shown.status, shown.body) == (200, own.body), name
    (reward,) = told.call("GET /api/v1/me/rewards", sub="bob").body["data"]
    explained = read(told, "GET /api/v1/embed/rewards/{rewardId}/explain", token, rewardId=reward["id"])
    assert explained.body["reward"] == reward
    (other,) = told.call("GET /api/v1/me/rewards", sub="alice").body["data"]
    assert_problem(read(told, "GET /api/v1/embed/rewards/{rewardId}/explain", token, rewardId=other["id"]), 404)


def test_nothing_of_it_says_who_they_are(told: World) -> None:
    """What a page with a script of others may see has no address, phone or account."""
    assert set(EMBEDDED) == {
        *(f"GET /api/v1/embed/{name}" for name in (*LISTS, "performance")),
        "GET /api/v1/embed/rewards/{rewardId}/explain",
    }


def test_it_opens_nothing_else(told: World) -> None:
    """Not a route of those who sign in, where the gateway has let no token of it through; nor the other way round."""
    token = token_of(told)
    headers = {"authorization": f"Bearer {token}"}
    for route, rule in access.ROUTES.items():
        if rule and not rule.embedded and "{" not in route:
            answer = told.call(route, sub=None, headers=headers, body={} if route.startswith("P") else None)
            assert (answer.status, answer.code) == (401, "UNAUTHENTICATED"), route
    for route in EMBEDDED:
        path = {"rewardId": "0" * 48} if "{" in route else None
        for groups in ((), ("admin",)):
            assert_problem(told.call(route, sub="bob", groups=groups, path=path), 401)
        assert route not in told.call("GET /api/v1/session", sub="bob").body["may"]


@pytest.mark.parametrize(
    "who", [{"sub": "bob", "claims": {}}, {"sub": "root", "claims": {}, "groups": ("admin",)},
            {"sub": "s", "claims": {"scope": "refledger/partners:write"}}]
)  # fmt: skip
def test_only_the_owners_site_begins_one(told: World, who: dict[str, Any]) -> None:
    """A service with the scope: neither the partner, nor staff, who would look as somebody else."""
    assert_problem(begin(told, **who), 403)


def test_who_has_changed_a_token_has_none(told: World) -> None:
    """Another partner, another time, another hash, a word before or behind it."""
    token, alice = token_of(told), told.books.partner("alice").id
    kind, partner, ends, mac = token.split("_")
    changed = "0" if mac[0] != "0" else "1"
    for other in (
        f"{kind}_{alice}_{ends}_{mac}", f"{kind}_{partner}_{int(ends) + 1}_{mac}",
        f"{kind}_{partner}_{ends}_{changed}{mac[1:]}", token[:-1], f"{token}0", "", "rlp___", token.upper(),
        f"{kind}_{partner}_{ends}_{'0' * len(mac)}",
    ):  # fmt: skip
        assert_problem(read(told, "GET /api/v1/embed/balance", other), 401)
    assert_problem(told.call("GET /api/v1/embed/balance", sub=None, headers={"authorization": token}), 401)


def test_it_ends(told: World) -> None:
    """After its minutes, to the millisecond, whoever has it."""
    books, token = told.books, token_of(told)
    books.clock.forward(portal_sessions.SESSION_MINUTES * MINUTE_MS - 1)
    assert read(told, "GET /api/v1/embed/balance", token).status == 200
    books.clock.forward(1)
    refused = read(told, "GET /api/v1/embed/balance", token)
    assert (refused.status, refused.code) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize(("verb", "back"), [("suspend", "activate"), ("terminate", None)])
def test_a_partner_who_is_stopped_sees_nothing(told: World, verb: str, back: str | None) -> None:
    """At once, with a token that was good a moment ago; nor does the site get another one."""
    name = f"stopped-{verb}"
    told.books.chain(name, f"customer-of-{name}")
    token, path = token_of(told, name), {"partnerId": told.books.partner(name).id}
    assert read(told, "GET /api/v1/embed/links", token).status == 200
    answer = told.admin(f"POST /api/v1/partners/{{partnerId}}/{verb}", path=path, body={"reason": "fraud"})
    assert answer.status == 200, answer
    assert_problem(read(told, "GET /api/v1/embed/links", token), 401)
    refused = begin(told, name)
    assert (refused.status, refused.code) == (409, "PARTNER_SUSPENDED")
    if back:
        assert told.admin(f"POST /api/v1/partners/{{partnerId}}/{back}", path=path, body={"reason": "x"}).status == 200
        assert read(told, "GET /api/v1/embed/links", token_of(told, name)).status == 200


# ---------------------------------------------------------------- the page


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    page = '<!doctype html><script type="application/json">{/*settings*/}</script>'
    (tmp_path / "embed.html").write_text(page, "utf-8")
    module: Any = load("embed")
    monkeypatch.setattr(module, "SITE", tmp_path)
    module._filled.cache_clear()
    yield tmp_path
    module._filled.cache_clear()


def test_only_the_programs_origins_may_show_the_page(told: World, site: Path) -> None:
    """The policy names them, and nothing of others runs in it; the page says how the program wants it to look."""
    answer = told.call(PAGE, sub=None, path={"programId": "default"})
    policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";"))
    assert policy["frame-ancestors"] == SITE
    assert (policy["default-src"], policy["script-src"], policy["connect-src"]) == ("'none'", "'self'", "'self'")
    assert answer.headers["referrer-policy"] == "no-referrer"
    (said,) = re.findall(r'json">(.*)</script>', answer.body)
    assert json.loads(said) == {
        "program": "default", "name": "Friends", "logoUrl": "", "accent": "#0f766e", "origins": [SITE],
    }  # fmt: skip


def test_a_program_that_names_none_is_shown_nowhere(told: World, site: Path) -> None:
    """No page, and no token."""
    was = told.books.context.program("default").portal
    for portal in (None, Portal(name="Friends")):
        told.books.change_program(portal=portal)
        told.books.context._programs.clear()
        assert_problem(told.call(PAGE, sub=None, path={"programId": "default"}), 404)
        assert_problem(begin(told), 409)
    told.books.change_program(portal=was)
    told.books.context._programs.clear()
    for id in ("no-such", "../etc", "A"):
        assert_problem(told.call(PAGE, sub=None, path={"programId": id}), 404)
