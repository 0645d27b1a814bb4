"""What HTTP asks of every API: where a thing is, what is had of it, which methods there are, which call it was."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from refledger.entry import access, config, problems, route_paths
from tests.support import functions
from tests.support.functions import Answer, World, api_of, apis, assert_problem

P = "POST /api/v1/partners"
ONE = "GET /api/v1/partners/{partnerId}"
PERSON = {"firstName": "Ada", "lastName": "Lovelace"}


def made(world: World, email: str, **headers: str) -> Answer:
    return world.admin(P, body={**PERSON, "email": email}, headers=headers)


def test_what_is_made_is_where_location_says(world: World) -> None:
    """A path of this API, at which the same thing is read."""
    answer = made(world, "where@example.com")
    assert answer.headers["location"] == f"/api/v1/partners/{answer.body['id']}"
    key, path = route_paths.at(answer.headers["location"])["GET"]
    assert world.admin(key, path=path).body == answer.body


def test_location_is_of_a_route_or_not_said() -> None:
    """Where a POST makes what no route shows by its id, there is none; parameters are filled in."""
    assert access.place_of("POST /api/v1/referrals/withdraw", {}) == "/api/v1/referrals/withdrawals"
    assert access.place_of("POST /api/v1/imports/partners", {}) == "/api/v1/imports"
    assert access.place_of("POST /api/v1/partners/{partnerId}/notes", {"partnerId": "p"}) == ""
    found = {key for key in access.ROUTES if key.startswith("POST ") and access.place_of(key, {"programId": "p"})}
    assert {"POST /api/v1/programs", "POST /api/v1/rewards", "POST /api/v1/exports"} <= found
    views = [each.routes[key].answer for each in apis().values() for key in found & each.routes.keys()]
    assert all("id" in view.model_fields for view in views if view.model_fields)


def test_a_repeat_says_that_it_is_one(world: World) -> None:
    """By its Idempotency-Key, and never without one."""
    first, again = (made(world, "twice@example.com", **{"idempotency-key": "twice"}) for _ in range(2))
    assert (first.status, first.body) == (again.status, again.body)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert_problem(made(world, "other@example.com", **{"idempotency-key": "twice"}), 422)


def test_a_bulk_call_is_a_repeat_once_it_was_answered(world: World) -> None:
    """That its parts were made by a call that died does not make it one."""
    route, body = "POST /api/v1/partners/bulk", {"create": [{**PERSON, "email": "bulk@example.com"}]}
    first, again = (world.admin(route, body=body, headers={"idempotency-key": "b"}) for _ in range(2))
    assert first.body == again.body
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"


def test_what_is_had_is_not_sent_again(world: World) -> None:
    """304 while nothing that is shown has changed, whatever the version counts; the tag is good for If-Match, too."""
    path = {"partnerId": made(world, "tag@example.com").body["id"]}
    tag = world.admin(ONE, path=path).headers["etag"]
    assert re.fullmatch(r'"1-[0-9a-f]{12}"', tag)
    for told in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        had = world.admin(ONE, path=path, headers={"if-none-match": told})
        assert (had.status, had.headers["etag"], had.body) == (304, tag, "")
    for told in ('"1"', '"1-000000000000"', "junk", ""):
        assert world.admin(ONE, path=path, headers={"if-none-match": told}).status == 200
    body = {"lastName": "King"}
    changed = world.admin(ONE.replace("GET", "PATCH"), path=path, body=body, headers={"if-match": tag})
    assert changed.status == 200
    assert world.admin(ONE, path=path, headers={"if-none-match": tag}).body["lastName"] == "King"


def test_a_problem_says_which_call_it_was_and_where_it_is_told_of(world: World) -> None:
    """Its `type` is an address of this API, which says what to do and which calls answer it."""
    made(world, "taken@example.com")
    refused = made(world, "taken@example.com")
    assert_problem(refused, 409)
    assert refused.body["requestId"] == f"request-{world.calls}"
    name = refused.body["type"].removeprefix("/docs/problems/")
    page = world.call("GET /docs/problems/{problem}", sub=None, path={"problem": name})
    assert page.headers["content-type"].startswith("text/html")
    for words in ("EMAIL_TAKEN", "another partner has this e-mail address", P, 'href="/docs#partners.create"'):
        assert words in page.body
    assert name in world.call("GET /docs/problems", sub=None).body
    assert_problem(world.call("GET /docs/problems/{problem}", sub=None, path={"problem": "<b>"}), 404)


def test_every_problem_of_the_document_has_a_page(world: World) -> None:
    """And says what to do about its status."""
    document = json.loads((functions.ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))
    codes = {told["value"]["code"] for told in document["components"]["examples"].values()} | {"METHOD_NOT_ALLOWED"}
    for code in codes:
        name = problems.page_of(code).rpartition("/")[2]
        assert code in world.call("GET /docs/problems/{problem}", sub=None, path={"problem": name}).body


# ---------------------------------------------------------------- what has no route of its own


class Called:
    """Calls the functions of the world as Lambda would, and remembers what it was told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def call(self, name: str, event: dict[str, Any]) -> dict[str, Any]:
        self.events.append((name, event))
        answer: dict[str, Any] = apis()[name](event, None)
        return answer


@pytest.fixture
def dispatch(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    called = Called()
    monkeypatch.setattr(config, "functions", lambda: called)

    def send(method: str, path: str, key: str = "$default", **told: Any) -> dict[str, Any]:
        event = world.event(key, **{"sub": None, **told})
        event["rawPath"] = event["requestContext"]["http"]["path"] = path
        event["requestContext"]["http"]["method"] = method
        answer: dict[str, Any] = functions.load("dispatch").handler(event, None)
        return answer

    return send


def test_another_method_is_told_which_there_are(dispatch: Callable[..., dict[str, Any]]) -> None:
    """405 with Allow, and never a 404 for what is there."""
    answer = dispatch("DELETE", "/api/v1/partners")
    assert (answer["statusCode"], answer["headers"]["allow"]) == (405, "GET, HEAD, OPTIONS, POST")
    problem = json.loads(answer["body"])
    assert (problem["code"], problem["type"]) == ("METHOD_NOT_ALLOWED", "/docs/problems/method-not-allowed")
    assert problem["requestId"]
    assert dispatch("PUT", "/api/v1/partners/top")["headers"]["allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"
    assert dispatch("OPTIONS", "/api/v1/me")["statusCode"] == 204
    assert dispatch("OPTIONS", "/api/v1/me")["headers"]["allow"] == "GET, HEAD, OPTIONS, PATCH"


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1", "/api/v1/openapiXjson", "/api/v1/partners/a/b/c", "//"])
def test_another_address_is_a_problem_as_all_are(dispatch: Callable[..., dict[str, Any]], path: str) -> None:
    """Not the gateway's words, which have no code."""
    answer = dispatch("GET", path)
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (404, "NOT_FOUND")


def test_who_only_looks_gets_what_get_answers(world: World, dispatch: Callable[..., dict[str, Any]]) -> None:
    """Status and headers of the same call by GET, under the caller's own rights, and no body."""
    partner_id = made(world, "head@example.com").body["id"]
    path, head = f"/api/v1/partners/{partner_id}", "HEAD /api/v1/{proxy+}"
    got = world.admin(ONE, path={"partnerId": partner_id})
    looked = dispatch("HEAD", path, head, sub="admin", groups=("admin",))
    assert (looked["statusCode"], looked["body"]) == (200, "")
    assert looked["headers"]["etag"] == got.headers["etag"]
    assert dispatch("HEAD", path, head, sub="somebody")["statusCode"] == 403
    assert dispatch("HEAD", path, head)["statusCode"] == 401
    assert dispatch("HEAD", "/api/v1/partners/bulk/x/y", head, sub="admin")["statusCode"] == 404
    assert dispatch("HEAD", "/api/v1/referrals/a/accept", head, sub="admin")["statusCode"] == 405


def test_every_route_is_found_by_its_address() -> None:
    """As the gateway finds it: of two that fit, the one that is written out."""
    for key in access.ROUTES:
        method, path = key.split()
        found, parameters = route_paths.at(re.sub(r"\{(\w+)\}", r"of-\1", path))[method]
        assert (found, parameters) == (key, {name: f"of-{name}" for name in re.findall(r"\{(\w+)\}", path)})
        assert api_of(key)
