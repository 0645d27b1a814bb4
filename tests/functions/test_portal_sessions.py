"""A partner's portal on the owner's page: its token reads what is one partner's for minutes, and opens nothing else."""

from __future__ import annotations

import io
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
from refledger.entry.observability import logger
from refledger.operations.context import PROGRAM_KEPT_MS
from refledger.operations.figures import rollups
from refledger.operations.partners import anonymization, partners, portal_sessions
from refledger.operations.rate_limits import LimitKind
from tests.support import functions
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
    """What a page with a script of others may see has no name, address, phone or account."""
    made = partners.NewPartner("Quentin", "Quill", "qq@example.com", phone="+4930901820", company_name="Quill Ltd")
    partner = partners.create(told.books.context, made, "admin", None, "body")
    token = str(told.call(BEGIN, **SERVICE, body={"partnerId": partner.id}).body["token"])
    shown = "".join(json.dumps(read(told, f"GET /api/v1/embed/{name}", token).body) for name in LISTS)
    assert partner.code in shown
    for word in ("Quentin", "Quill", "qq@example.com", "901820"):
        assert word not in shown
    assert set(EMBEDDED) == {
        *(f"GET /api/v1/embed/{name}" for name in (*LISTS, "performance")),
        "GET /api/v1/embed/rewards/{rewardId}/explain",
    }


def test_it_opens_nothing_else(told: World) -> None:
    """Not a route of those who sign in, where the gateway has let no token of it through; nor the other way round."""
    token = token_of(told)
    headers = {"authorization": f"Bearer {token}"}
    for route, rule in access.ROUTES.items():
        if rule and not rule.embedded:
            ids = dict.fromkeys(re.findall(r"{(\w+)}", route), told.books.partner("bob").id)
            body: Any = {} if route.startswith("P") else None
            answer = told.call(route, sub=None, headers=headers, path=ids, body=body)
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


# ---------------------------------------------------------------- what somebody may try


def test_it_shows_no_more_than_signing_in_does_and_changes_nothing() -> None:
    """Each route reads what its partner reads signed in. What moves money, or says where it goes, is asked of a person
    who signed in a moment ago, and is none of them.
    """
    for route in EMBEDDED:
        own = (route.replace("/embed/", "/me/"), route.replace("/embed/", "/"))
        rules = [rule for each in own if (rule := access.ROUTES.get(each))]
        assert route.startswith("GET ")
        assert any(rule.own for rule in rules), route
    money = {
        "POST /api/v1/referrals/withdraw", "POST /api/v1/payout-methods", "DELETE /api/v1/payout-methods/{methodId}",
    }  # fmt: skip
    for route in money:
        assert access.is_fresh(route)
        assert not access.is_embedded(route)


def test_a_partners_own_sign_in_is_no_session_nor_the_other_way_round(told: World) -> None:
    """A token that a gateway has looked at opens no embedded route, whatever stands in its header."""
    token = token_of(told)
    headers = {"authorization": f"Bearer {token}"}
    alice = told.call("GET /api/v1/embed/links", sub="alice", headers=headers)
    assert alice.body == told.call("GET /api/v1/me/links", sub="bob").body, "the session's, whoever sends it"
    assert_problem(told.call("GET /api/v1/embed/links", sub="bob"), 401)


def test_a_page_of_a_list_goes_on_for_its_own_partner_alone(told: World) -> None:
    """A cursor of another session, or of who is signed in, is no place to go on from."""
    told.books.chain("dora", "emil", "fred")
    for number in range(3):
        told.books.earn("fred", f"cursor-{number}", 50_000)
    route, one = "GET /api/v1/embed/rewards", {"limit": "1"}
    emils = {"authorization": f"Bearer {token_of(told, 'emil')}"}
    doras = {"authorization": f"Bearer {token_of(told, 'dora')}"}
    first = told.call(route, sub=None, headers=emils, query=one)
    more = {**one, "cursor": first.body["nextCursor"]}
    assert told.call(route, sub=None, headers=emils, query=more).status == 200
    assert_problem(told.call(route, sub=None, headers=doras, query=more), 422)
    assert_problem(told.call("GET /api/v1/me/rewards", sub="emil", query=more), 422)


def test_who_has_a_session_shuts_nobody_out(dynamodb_endpoint: str) -> None:
    """Its calls are counted apart from those of the partner who signs in."""
    limits = ",".join(f"{kind}={2 if kind is LimitKind.READS else 9}" for kind in LimitKind)
    with functions.world(dynamodb_endpoint, LIMITS=limits) as made:
        made.books.program(portal=Portal((SITE,)))
        made.books.chain("alice", "bob")
        token = token_of(made)
        statuses = [read(made, "GET /api/v1/embed/program", token).status for _ in range(3)]
        assert statuses == [200, 200, 429]
        assert made.call("GET /api/v1/me/program", sub="bob").status == 200


def test_who_is_forgotten_is_shown_to_nobody(told: World) -> None:
    """At once: neither with a token that was good, nor with another one."""
    told.books.chain("gone", "customer-of-gone")
    token = token_of(told, "gone")
    assert read(told, "GET /api/v1/embed/links", token).status == 200
    anonymization.partner(told.books.context, told.books.partner("gone").id)
    for route in EMBEDDED:
        assert_problem(read(told, route, token, rewardId="0" * 48), 401)
    refused = begin(told, "gone")
    assert refused.status == 409
    assert begin(told, "bob").status == 201
    unknown = told.call(BEGIN, **SERVICE, body={"partnerId": "0" * 16})
    assert (unknown.status, unknown.code) == (404, "PARTNER_NOT_FOUND")


def test_whoever_takes_the_origins_away_closes_all_sessions(fresh: World) -> None:
    """What leaked, and from wherever, is worth nothing a minute later."""
    fresh.books.change_program(portal=Portal((SITE,)))
    fresh.books.chain("alice", "bob")
    token = token_of(fresh)
    assert read(fresh, "GET /api/v1/embed/balance", token).status == 200
    fresh.books.change_program(portal=None)
    fresh.books.clock.forward(PROGRAM_KEPT_MS + 1)
    for route in EMBEDDED:
        assert_problem(read(fresh, route, token, rewardId="0" * 48), 401)
    fresh.books.change_program(portal=Portal((SITE,)))
    fresh.books.clock.forward(PROGRAM_KEPT_MS + 1)
    assert read(fresh, "GET /api/v1/embed/balance", token).status == 200


def test_a_partner_of_a_program_that_shows_none_has_none(told: World) -> None:
    """Their own program says whether and where, not the one that the page is of."""
    told.books.program("closed")
    other = told.books.member("olga", "closed")
    refused = told.call(BEGIN, **SERVICE, body={"partnerId": other.id})
    assert (refused.status, refused.code) == (409, "CONFLICT")


def test_no_log_and_no_refusal_repeats_a_token(told: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Good or not, refused or broken down: whoever reads logs shows nobody's portal."""
    token = token_of(told)
    kind, partner, ends, mac = token.split("_")
    written = io.StringIO()
    for each in logger().handlers:
        monkeypatch.setattr(each, "stream", written)

    def broken(*_: object) -> None:
        raise RuntimeError("unexpected")

    monkeypatch.setattr(rollups, "of_partner", broken)
    answers = [
        read(told, "GET /api/v1/embed/balance", token),
        read(told, "GET /api/v1/embed/rewards/{rewardId}/explain", token, rewardId="no-such"),
        read(told, "GET /api/v1/embed/links", f"{kind}_{partner}_{int(ends) + 1}_{mac}"),
        told.call("GET /api/v1/embed/rewards", sub=None, headers={"authorization": token}),
        told.call("POST /api/v1/referrals/withdraw", sub=None, headers={"authorization": f"Bearer {token}"}, body={}),
    ]
    assert [answer.status for answer in answers] == [500, 404, 401, 401, 401]
    logged = written.getvalue()
    assert "unexpected" in logged
    for text in (logged, *(json.dumps([answer.headers, answer.body]) for answer in answers)):
        assert mac not in text
        assert "rlp_" not in text


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


def test_who_asks_for_a_page_learns_of_no_program_that_shows_none(told: World, site: Path) -> None:
    """One that is there and one that is not answer alike, so that nobody can try which there are."""
    was = told.books.context.program("default").portal
    told.books.change_program(portal=None)
    told.books.context._programs.clear()
    there, not_there = (told.call(PAGE, sub=None, path={"programId": id}) for id in ("default", "defauln"))
    told.books.change_program(portal=was)
    told.books.context._programs.clear()
    assert there.code == not_there.code
    assert there.body["detail"].replace("default", "defauln") == not_there.body["detail"]
    assert there.headers == not_there.headers


def test_what_a_program_is_called_runs_nowhere(told: World, site: Path) -> None:
    """Its name stands in the page as text that cannot end the script around it, and in no header."""
    was = told.books.context.program("default").portal
    name = "</script><script>alert(1)</script>'\"; <!--"
    told.books.change_program(portal=Portal((SITE,), name=name, logo_url="https://cdn.example.com/l.svg?a=(b)*c"))
    told.books.context._programs.clear()
    answer = told.call(PAGE, sub=None, path={"programId": "default"})
    told.books.change_program(portal=was)
    told.books.context._programs.clear()
    assert answer.body.count("<script") == answer.body.count("</script") == 1
    (said,) = re.findall(r'json">(.*)</script>', answer.body)
    assert json.loads(said)["name"] == name
    policy = answer.headers["content-security-policy"]
    assert "img-src 'self' data: blob: https://cdn.example.com;" in policy
    assert policy.count(";") == 9
