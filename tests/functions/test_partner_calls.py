"""Looking after partners over HTTP: what is answered to whom, with versions, cursors and repeats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from refledger.store import partners, search
from tests.support import functions
from tests.support.functions import Answer, World, assert_problem

ONE = "/api/v1/partners/{partnerId}"
VALIDATE = "POST /api/v1/partners/validate-referral-code"
SUPPORT: dict[str, Any] = {"sub": "sue", "groups": ("support",)}
SHOP: dict[str, Any] = {"sub": "shop", "claims": {"scope": "refledger/partners:read"}}


@pytest.fixture
def ada(world: World, somebody: Callable[[], str]) -> dict[str, Any]:
    """A partner whom an admin onboarded, as they were answered."""
    name = somebody()
    body = {"firstName": "Ada", "lastName": name, "email": f"{name}@example.com", "tier": "gold", "tags": ["Maths"]}
    made: dict[str, Any] = world.admin("POST /api/v1/partners", body=body).body
    return made


def do(world: World, verb: str, partner: dict[str, Any], what: str = "", body: Any = None, **told: Any) -> Answer:
    path = {"partnerId": partner["id"], **told.pop("path", {})}
    caller = {"sub": "admin", "groups": ("admin",), **told}
    return world.call(f"{verb} {ONE}{what}", path=path, body=body, **caller)


def test_a_partner_has_label_and_tags(ada: dict[str, Any]) -> None:
    """In capitals and in small letters, as they were onboarded with."""
    assert (ada["tier"], ada["tags"], ada["version"]) == ("GOLD", ["maths"], 1)


def test_a_change_needs_the_version_that_was_read(world: World, ada: dict[str, Any]) -> None:
    """Without it 428, with an old one 412; with it the new ETag. What is said again is no change."""
    assert_problem(do(world, "PATCH", ada, body={"lastName": "King"}), 428)
    for _ in range(2):
        changed = do(world, "PATCH", ada, body={"lastName": "King", "tier": ""}, headers={"if-match": '"1"'})
        assert (changed.status, changed.headers["etag"]) == (200, '"2"')
        assert (changed.body["lastName"], changed.body["firstName"], changed.body["tier"]) == ("King", "Ada", "")
    assert_problem(do(world, "PUT", ada, "/tags", {"tags": []}, headers={"if-match": '"1"'}), 412)
    tagged = do(world, "PUT", ada, "/tags", {"tags": ["b", "A"]}, headers={"if-match": '"2"'})
    assert tagged.body["tags"] == ["a", "b"]


def test_staff_see_who_is_alike(world: World, ada: dict[str, Any]) -> None:
    """Another partner with the same mailbox: by name, for staff; nothing else changed for either."""
    body = {"firstName": "Ida", "lastName": "Other", "email": ada["email"].upper().replace("@", "+x@"), "tags": []}
    twin = world.admin("POST /api/v1/partners", body=body).body
    answer = do(world, "GET", ada, "/signals", **SUPPORT)
    assert [(each["type"], each["of"], each["count"]) for each in answer.body["data"]] == [("TWIN", "EMAIL", 1)]
    (other,) = answer.body["data"][0]["partners"]
    assert (other["partnerId"], other["firstName"], other["status"]) == (twin["id"], "Ida", "ACTIVE")
    assert (other["until"], other["referralId"]) == (None, None)
    assert_problem(do(world, "GET", ada, "/signals", **SHOP, groups=()), 403)
    assert_problem(do(world, "GET", {"id": "nobody"}, "/signals"), 404)


@pytest.mark.parametrize(
    "email", ["VICTIM@gmail.com\u3164", "vi\u00adctim@example.com", "v\u200bictim@example.com", "v\u115fi@example.com"]
)
def test_an_address_shows_all_of_itself(world: World, ada: dict[str, Any], email: str) -> None:
    """Characters that show nothing are in no mailbox: refused wherever an address is taken."""
    assert_problem(do(world, "PATCH", ada, body={"email": email}, headers={"if-match": '"1"'}), 422)
    person = {"firstName": "Ada", "lastName": "L", "email": email}
    for route in ("POST /api/v1/partners", "POST /api/v1/invitations"):
        assert_problem(world.admin(route, body=person), 422)
    assert_problem(world.call("POST /api/v1/applications", sub="zoe", body=person), 422)


def test_an_address_of_somebody_else_is_refused(world: World, ada: dict[str, Any], somebody: Callable[[], str]) -> None:
    """409, and the answer does not say whose it is."""
    world.books.member(somebody(), "default")
    other = world.books.member(somebody(), "default")
    answer = do(world, "PATCH", ada, body={"email": other.email.upper()}, headers={"if-match": '"1"'})
    assert_problem(answer, 409)
    assert answer.code == "EMAIL_TAKEN"
    assert other.id not in str(answer.body)


def test_a_deleted_partner_is_terminated_and_stays(world: World, ada: dict[str, Any]) -> None:
    """The history stays to be read; a repeat changes nothing; there is no way back."""
    for _ in range(2):
        gone = do(world, "DELETE", ada)
        assert (gone.status, gone.body["status"], gone.body["version"]) == (200, "TERMINATED", 2)
    assert do(world, "GET", ada).body == gone.body
    assert_problem(do(world, "POST", ada, "/activate", {"reason": "why"}), 409)


def test_a_partner_is_found_by_code_address_and_name(world: World, ada: dict[str, Any]) -> None:
    """In any case of letters; a code beside the main one finds them too, and one that is disabled."""
    code = do(world, "POST", ada, "/codes", {"code": f"x{ada['referralCode']}"}).body["code"]
    do(world, "POST", ada, "/codes/{code}/disable", path={"code": code})
    for each in (ada["referralCode"].lower(), code):
        assert (
            world.call("GET /api/v1/partners/by-code/{code}", path={"code": each}, **SUPPORT).body
            == do(world, "GET", ada).body
        )
    by_email = world.call("GET /api/v1/partners/by-email/{email}", path={"email": ada["email"].upper()}, **SHOP)
    assert by_email.body["id"] == ada["id"]
    for route, name in (("by-code/{code}", "code"), ("by-email/{email}", "email")):
        assert_problem(world.admin(f"GET /api/v1/partners/{route}", path={name: "nobody@example.com"}), 404)
    world.books.table.commit(*search.follow(None, partners.find(world.books.table, ada["id"])))
    query = {"q": f"{ada['lastName']} a", "tier": "gold", "tag": "MATHS", "programId": "default"}
    assert [each["id"] for each in world.admin("GET /api/v1/partners", query=query).body["data"]] == [ada["id"]]


def test_days_of_a_list_are_both_included(world: World, ada: dict[str, Any]) -> None:
    """There on the day they were made; from the next day on, or until the one before, they are not."""
    day, before, after = "2026-09-21", "2026-09-20", "2026-09-22"
    assert ada["createdAt"].startswith(day)

    def listed(**query: str) -> bool:
        found = world.admin("GET /api/v1/partners", query={"tag": "maths", "limit": "100", **query}).body["data"]
        return ada["id"] in [each["id"] for each in found]

    assert listed(**{"from": day, "to": day})
    assert listed(**{"from": before, "to": after, "status": "active"})
    assert not listed(**{"from": after})
    assert not listed(to=before)
    assert not listed(**{"from": "0001-01-01", "to": "1969-12-31"})
    assert not listed(**{"from": "9999-12-31", "to": "9999-12-31"})


# ---------------------------------------------------------------- codes


def test_codes_are_added_listed_and_switched_off(
    world: World, ada: dict[str, Any], somebody: Callable[[], str]
) -> None:
    """201 with the code, once under its key; what is disabled binds nobody, and says why."""
    body = {"code": f"go-{ada['referralCode'][:6]}", "label": "Flyer"}
    for _ in range(2):
        added = do(world, "POST", ada, "/codes", body, headers={"idempotency-key": "k"})
        assert (added.status, added.body["vanity"], added.body["main"]) == (201, True, False)
    code = added.body["code"]
    assert_problem(do(world, "POST", ada, "/codes", {"code": code}), 409)
    rotated = do(world, "POST", ada, "/codes/rotate", {})
    assert rotated.body["referralCode"] not in (code, ada["referralCode"])
    listed = do(world, "GET", ada, "/codes", **SUPPORT).body["data"]
    assert {each["code"]: (each["main"], each["status"]) for each in listed} == {
        rotated.body["referralCode"]: (True, "ACTIVE"), ada["referralCode"]: (False, "ACTIVE"), code: (False, "ACTIVE"),
    }  # fmt: skip
    off = do(world, "POST", ada, "/codes/{code}/disable", path={"code": code.lower()})
    assert (off.status, off.body["status"]) == (200, "DISABLED")
    answer = world.call("POST /api/v1/referrals/apply/{code}", sub=somebody(), path={"code": code})
    assert_problem(answer, 422)
    assert answer.code == "CODE_NOT_ACTIVE"
    main = {"code": rotated.body["referralCode"]}
    assert_problem(do(world, "POST", ada, "/codes/{code}/disable", path=main), 409)


def test_whose_a_code_is_is_for_staff_and_services(world: World, ada: dict[str, Any]) -> None:
    """A member learns whether it is good, and nothing else."""
    body = {"referralCode": ada["referralCode"]}
    assert world.call(VALIDATE, sub="mia", body=body).body == {"valid": True}
    for who in (SUPPORT, SHOP):
        assert world.call(VALIDATE, body=body, **who).body == {"valid": True, "partnerId": ada["id"]}
        assert world.call(VALIDATE, body={"referralCode": "nobodys"}, **who).body == {"valid": False}


def test_codes_are_not_guessed(dynamodb_endpoint: str) -> None:
    """Wrong ones count against a limit of their own, right ones do not; then not even a right one is told."""
    limits = "reads=99,writes=99,heavy=99,withdrawals=99,unknown-codes=3"
    with functions.world(dynamodb_endpoint, LIMITS=limits) as small:
        small.books.program()
        code = {"referralCode": small.books.partner("bob").code}
        for _ in range(5):
            assert small.call(VALIDATE, sub="mia", body=code).body["valid"]
        for guess in ("AAAA1", "AAAA2", "AAAA3"):
            assert not small.call(VALIDATE, sub="mia", body={"referralCode": guess}).body["valid"]
        for route, body in ((VALIDATE, code), ("POST /api/v1/invitations/{token}/accept", {})):
            answer = small.call(route, sub="mia", body=body, path={"token": "guess"})
            assert_problem(answer, 429)
            assert int(answer.headers["retry-after"]) <= 60
        assert small.call(VALIDATE, sub="zoe", body=code).body["valid"]
        assert not small.call(VALIDATE, body={"referralCode": "AAAA4"}, **SUPPORT).body["valid"]


# ---------------------------------------------------------------- notes, chains, many at once


def test_support_writes_notes_and_changes_nothing_else(world: World, ada: dict[str, Any]) -> None:
    """Newest first; a service neither reads nor writes them."""
    for text in ("called her", "she called back"):
        world.books.clock.forward(1)
        for _ in range(2):
            written = do(world, "POST", ada, "/notes", {"text": text}, headers={"idempotency-key": text}, **SUPPORT)
            assert (written.status, written.body["text"]) == (201, text)
    found = do(world, "GET", ada, "/notes", **SUPPORT).body["data"]
    assert [each["text"] for each in found] == ["she called back", "called her"]
    page = do(world, "GET", ada, "/notes", query={"limit": "1"}).body
    rest = do(world, "GET", ada, "/notes", query={"limit": "1", "cursor": page["nextCursor"]}).body
    assert [*page["data"], *rest["data"]] == found
    assert rest["nextCursor"] is None
    assert_problem(do(world, "GET", ada, "/notes", groups=(), **SHOP), 403)
    assert_problem(do(world, "PATCH", ada, body={"lastName": "X"}, headers={"if-match": '"1"'}, **SUPPORT), 403)


def test_chains_are_read_up_and_down(world: World, somebody: Callable[[], str]) -> None:
    """Who referred whom, as it was frozen; tiers deeper than the program pays are named as such."""
    names = [somebody() for _ in range(4)]
    world.books.chain(*names)
    first, second, third, last = ({"id": world.books.partner(name).id} for name in names)
    above = do(world, "GET", last, "/upline", **SUPPORT).body["data"]
    assert above == [
        {"partnerId": each["id"], "tier": tier, "earns": tier <= 2}
        for tier, each in enumerate((third, second, first), start=1)
    ]
    (below,) = do(world, "GET", first, "/downline", **SHOP, groups=()).body["data"]
    assert (below["partnerId"], below["status"]) == (second["id"], "ACCEPTED")
    assert do(world, "GET", first, "/upline").body == {"data": []}


def test_many_are_changed_in_one_call(world: World, ada: dict[str, Any], somebody: Callable[[], str]) -> None:
    """A result for each in its place; the repeat under the key answers the same."""
    name = somebody()
    body = {
        "create": [
            {"firstName": "Jo", "lastName": name, "email": f"{name}@example.com"},
            {"firstName": "Jo", "lastName": name, "email": ada["email"]},
        ],
        "update": [{"id": ada["id"], "version": 1, "tier": "silver", "tags": []}],
        "status": [{"id": ada["id"], "status": "suspended", "reason": "why"}],
    }
    first, again = (
        world.admin("POST /api/v1/partners/bulk", body=body, headers={"idempotency-key": name}) for _ in range(2)
    )
    assert first.body == again.body
    assert [(each["status"], each["code"]) for each in first.body["results"]] == [
        ("ACTIVE", None), (None, "EMAIL_TAKEN"), ("ACTIVE", None), ("SUSPENDED", None),
    ]  # fmt: skip
    found = do(world, "GET", ada).body
    assert (found["tier"], found["tags"], found["status"]) == ("SILVER", [], "SUSPENDED")
    body["create"] = []
    assert_problem(world.admin("POST /api/v1/partners/bulk", body=body, headers={"idempotency-key": name}), 422)


# ---------------------------------------------------------------- ways in


def test_an_invitation_from_the_first_word_to_the_partner(world: World, somebody: Callable[[], str]) -> None:
    """The token is told once, never listed; who accepts it is a partner, and signs in as such."""
    kim = somebody()
    body = {"email": f"{kim}@example.com", "tier": "gold", "validDays": 1}
    made = world.admin("POST /api/v1/invitations", body=body)
    token, id = made.body["token"], made.body["id"]
    assert (made.status, made.body["status"], token in id) == (201, "PENDING", False)
    listed = world.admin("GET /api/v1/invitations", query={"limit": "100"})
    assert token not in str(listed.body)
    accept = "POST /api/v1/invitations/{token}/accept"
    first, again = (world.call(accept, sub=kim, path={"token": token}, body={"firstName": "Kim"}) for _ in range(2))
    assert (first.status, first.body) == (201, again.body)
    assert world.call("GET /api/v1/referrals/code", sub=kim).body == first.body
    assert_problem(world.call(accept, sub=somebody(), path={"token": token}, body={}), 409)
    accepted = world.admin("GET /api/v1/invitations", query={"status": "accepted", "limit": "100"}).body["data"]
    assert [each["partnerId"] for each in accepted if each["id"] == id] == [first.body["partnerId"]]
    assert_problem(world.admin("DELETE /api/v1/invitations/{invitationId}", path={"invitationId": id}), 409)


def test_an_application_is_seen_by_who_applied_and_staff(world: World, somebody: Callable[[], str]) -> None:
    """Another one's is not there; the decision, and the partner, are told."""
    lee, other = somebody(), somebody()
    body = {"firstName": "Lee", "lastName": "Example", "email": f"{lee}@example.com", "message": "I write"}
    made = world.call("POST /api/v1/applications", sub=lee, body=body)
    assert (made.status, made.body["status"], made.body["decidedAt"]) == (201, "WAITING", None)
    one, path = "/api/v1/applications/{applicationId}", {"applicationId": made.body["id"]}
    assert world.call("GET /api/v1/me/applications", sub=lee).body["data"] == [made.body]
    assert world.call("GET /api/v1/me/applications", sub=other).body["data"] == []
    assert world.call(f"GET {one}", sub=lee, path=path).body == made.body
    assert_problem(world.call(f"GET {one}", sub=other, path=path), 404)
    assert world.call(f"GET {one}", path=path, **SUPPORT).body == made.body
    assert_problem(world.call(f"POST {one}/approve", sub=lee, groups=("admin",), path=path, body={}), 403)
    approved = world.admin(f"POST {one}/approve", path=path, body={"reason": "welcome"})
    assert approved.body["partnerId"] == world.books.partner(lee).id
    assert world.call("GET /api/v1/me/applications", sub=lee).body["data"] == []
    assert_problem(world.admin(f"POST {one}/reject", path=path, body={"reason": "no"}), 409)
    assert_problem(world.call("POST /api/v1/applications", sub=lee, body=body), 409)
