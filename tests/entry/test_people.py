"""Who decided, by name: kept when somebody acts, shown beside their id, and gone when they are forgotten."""

from __future__ import annotations

from typing import Any

import pytest

from refledger.domain.people import PersonKind
from refledger.entry.models.common import View
from refledger.operations import labels, people
from refledger.operations.partners import anonymization, partner_profile
from refledger.operations.partners.partner_profile import ProfileChanges
from refledger.store import keys
from refledger.store import people as stored
from refledger.store.transaction import RetryableConflict
from tests.support.functions import World, apis, assert_problem, kinds

PERSON = "GET /api/v1/people/{personId}"
NOBODY = {"paid_by", "told_by", "payment_told_by"}  # a withdrawal, a system
ADJUST, APPROVE = "POST /api/v1/adjustments", "POST /api/v1/adjustments/{adjustmentId}/approve"
SUPPORT: dict[str, Any] = {"sub": "sue", "groups": ("support",)}


def admin(sub: str, **claims: str) -> dict[str, Any]:
    return {"sub": sub, "groups": ("admin",), "claims": claims}


def correct(world: World, who: dict[str, Any], amount: int = 20_000) -> Any:
    partner = world.books.partner("bob").id
    body = {"partnerId": partner, "amount": amount, "currency": "USD", "reason": "counted wrong"}
    answer = world.call(ADJUST, body=body, **who)
    assert answer.status == 201, answer
    return answer.body


def test_who_asked_and_who_approved_are_named(fresh: World) -> None:
    """From the first answer on, in lists too; to a service, which has no business with names, they are not."""
    ann, bea = admin("ann", name="Ann Admin"), admin("bea", given_name="Bea", family_name="Boss")
    fresh.books.partner("bob")
    fresh.books.change_program(adjustment_limit=500)
    made = correct(fresh, ann)
    assert (made["requester"], made["requesterName"]) == (fresh.books.user("ann"), "Ann Admin")
    posted = fresh.call(APPROVE, path={"adjustmentId": made["id"]}, body={}, **bea).body
    assert (posted["status"], posted["approverName"], posted["requesterName"]) == ("POSTED", "Bea Boss", "Ann Admin")
    query = {"partnerId": made["partnerId"]}
    (listed,) = fresh.call("GET /api/v1/adjustments", query=query, **SUPPORT).body["data"]
    assert listed == posted


def test_withdrawals_name_each_who_decided(fresh: World) -> None:
    """In the history, the timeline and the list; the partner's own request has an id and no name of the staff's."""
    fresh.books.grant("bob", 2_000)
    fresh.books.mature("bob")
    id = fresh.books.withdraw("bob", 2_000).id
    path, ann, bea = {"withdrawalId": id}, admin("ann", name="Ann"), admin("bea", name="Bea")
    approved = fresh.call("POST /api/v1/withdrawals/{withdrawalId}/approve", path=path, body={}, **ann)
    assert approved.body["history"][-1]["byName"] == "Ann"
    paid = {"transactionId": "T-1"}
    assert fresh.call("POST /api/v1/withdrawals/{withdrawalId}/mark-paid", path=path, body=paid, **bea).status == 200
    (listed,) = fresh.call("GET /api/v1/withdrawals", query={"status": "PAID"}, **SUPPORT).body["data"]
    partner = fresh.books.partner("bob")
    assert (listed["partnerName"], listed["partnerCompany"]) == (partner.name or None, partner.company_name or None)
    assert [(each["status"], each["byName"]) for each in listed["history"]] == [("APPROVED", "Ann"), ("PAID", "Bea")]
    told = fresh.call("GET /api/v1/withdrawals/{withdrawalId}/timeline", path=path, **SUPPORT).body["events"]
    assert [(each["what"], each["byName"]) for each in told] == [("ASKED", None), ("STATUS", "Ann"), ("STATUS", "Bea")]


def test_a_partner_who_acts_is_named_by_their_own_record(fresh: World) -> None:
    """Their request and their cancellation, in the timeline and the history; not to a service."""
    fresh.books.grant("bob", 2_000)
    fresh.books.mature("bob")
    partner = fresh.books.partner("bob")
    partner_profile.change(fresh.books.context, partner.id, ProfileChanges(first_name="Bob"), partner.version)
    path = {"withdrawalId": fresh.books.withdraw("bob", 2_000).id}
    cancel = "POST /api/v1/referrals/withdrawals/{withdrawalId}/cancel"
    assert fresh.call(cancel, sub="bob", path=path, body={}).status == 200
    timeline = "GET /api/v1/withdrawals/{withdrawalId}/timeline"
    told = fresh.call(timeline, path=path, **SUPPORT).body["events"]
    assert [(each["what"], each["byName"]) for each in told] == [("ASKED", "Bob"), ("STATUS", "Bob")]
    (listed,) = fresh.call("GET /api/v1/withdrawals", query={"status": "CANCELLED"}, **SUPPORT).body["data"]
    assert [each["byName"] for each in listed["history"]] == ["Bob"]
    service = {"sub": "svc", "claims": {"scope": "refledger/withdrawals:read", "client_id": "shop"}}
    seen = fresh.call("GET /api/v1/withdrawals", query={"status": "CANCELLED"}, **service)
    assert [each["byName"] for row in seen.body["data"] for each in row["history"]] == [None]


def test_what_happens_by_itself_is_named_so(fresh: World) -> None:
    assert people.names(fresh.books.table, ["system", "", "nobody"]) == {"system": "refledger"}


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"name": "Ann  Admin", "email": "ann@example.com"}, "Ann Admin"),
        ({"given_name": "Ann", "family_name": "Admin"}, "Ann Admin"),
        ({"preferred_username": "ann.admin"}, "ann.admin"),
        ({"email": "ann@example.com"}, "ann@example.com"),
        ({"username": "ann.admin"}, "ann.admin"),
        ({"name": "Ann [VERIFIED]", "email": "ann@example.com"}, "ann@example.com"),
        ({"name": "A" * 200}, "A" * 100),
        ({"name": "\u202eevil"}, None),
        ({"username": "ann"}, None),  # which is their `sub`, as Cognito has it where people sign in with an address
        ({}, None),
    ],
)
def test_what_a_token_calls_somebody(fresh: World, claims: dict[str, str], name: str | None) -> None:
    """Their name before their address; nothing that no name has, and no id for a name."""
    fresh.books.partner("bob")
    assert correct(fresh, admin("ann", **claims))["requesterName"] == name


def test_a_person_is_read_by_id_and_as_me(fresh: World) -> None:
    """All staff may; who has not acted under a name is not there."""
    assert_problem(fresh.call(PERSON, path={"personId": "me"}, **admin("ann", name="Ann")), 404)
    fresh.books.partner("bob")
    correct(fresh, admin("ann", name="Ann"))
    id = fresh.books.user("ann")
    told = fresh.call(PERSON, path={"personId": id}, **SUPPORT).body
    assert (told["id"], told["name"], told["kind"], told["forgottenAt"]) == (id, "Ann", "PERSON", None)
    assert fresh.call(PERSON, path={"personId": "me"}, **admin("ann")).body == told
    for nobody in ("nobody", "a#b"):
        assert_problem(fresh.call(PERSON, path={"personId": nobody}, **SUPPORT), 404)
    assert_problem(fresh.call(PERSON, path={"personId": id}, sub="bob"), 403)


def test_a_service_is_named_by_its_client(fresh: World) -> None:
    """It has no name, and is not taken for a person."""
    scoped = {"sub": "svc", "claims": {"scope": "refledger/partners:write", "client_id": "shop-backend", "name": "Eve"}}
    body = {"firstName": "Dora", "lastName": "Example", "email": "dora@example.com"}
    assert fresh.call("POST /api/v1/partners", body=body, **scoped).status == 201
    told = fresh.call(PERSON, path={"personId": fresh.books.user("svc")}, **SUPPORT).body
    assert (told["name"], told["kind"]) == ("shop-backend", "SERVICE")


def test_partners_and_readers_are_not_kept(fresh: World) -> None:
    """A partner's name stands with the partner; who only reads has done nothing."""
    fresh.books.partner("bob")
    named = {"name": "Some Body"}
    assert fresh.call("PATCH /api/v1/me", sub="bob", claims=named, body={"phone": "1234"}, headers={"if-match": '"1"'})
    assert fresh.call("GET /api/v1/programs", **admin("ann", **named)).status == 200
    assert stored.many(fresh.books.table, [fresh.books.user("bob"), fresh.books.user("ann")]) == {}


def test_a_name_is_written_once_and_followed_when_it_changes(fresh: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call under the same name neither reads nor writes; a new name is the one that all ids are shown with."""
    fresh.books.partner("bob")
    first = correct(fresh, admin("ann", name="Ann Miller"))
    with monkeypatch.context() as patch:
        patch.setattr(stored, "many", None)
        people.remember(fresh.books.context, fresh.books.user("ann"), "Ann Miller", PersonKind.PERSON)
    written = fresh.books.table.get(keys.person(fresh.books.user("ann")))
    fresh.books.context.named.clear()  # another worker
    fresh.books.clock.forward(1_000)
    correct(fresh, admin("ann", name="Ann Miller"))
    assert fresh.books.table.get(keys.person(fresh.books.user("ann"))) == written
    correct(fresh, admin("ann", name="Ann Smith"))
    path = {"adjustmentId": first["id"]}
    assert (
        fresh.call("GET /api/v1/adjustments/{adjustmentId}", path=path, **SUPPORT).body["requesterName"] == "Ann Smith"
    )


def test_no_name_stands_in_the_way_of_what_is_done(
    fresh: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither one that cannot be kept nor one that cannot be read; and no log has one."""
    fresh.books.partner("bob")

    def busy(*_: object) -> None:
        raise RetryableConflict("throttled")

    monkeypatch.setattr(stored, "many", busy)
    monkeypatch.setattr(labels, "of_people", busy)
    made = correct(fresh, admin("ann", name="Ann Admin"))
    assert (made["requester"], made["requesterName"]) == (fresh.books.user("ann"), None)
    (logged,) = caplog.records
    assert logged.getMessage() == "names are missing"
    assert "Ann Admin" not in str(vars(logged))
    read = fresh.call("GET /api/v1/adjustments/{adjustmentId}", path={"adjustmentId": made["id"]}, **SUPPORT)
    assert_problem(read, 503)  # could not be read is not the same as has none


def test_a_forgotten_person_leaves_an_id(fresh: World) -> None:
    """What they did stays theirs; the audit of the person says that the name was taken away, and not what it was."""
    fresh.books.partner("bob")
    made = correct(fresh, admin("ann", name="Ann Admin"))
    id, path = fresh.books.user("ann"), {"adjustmentId": made["id"]}
    assert anonymization.person(fresh.books.context, id, dry_run=True).done == {"name": 1}
    assert fresh.call(PERSON, path={"personId": id}, **SUPPORT).body["name"] == "Ann Admin"
    assert anonymization.person(fresh.books.context, "ann").done == {"name": 1}  # by the `sub` of their tokens
    assert anonymization.person(fresh.books.context, id).done == {}
    read = fresh.call("GET /api/v1/adjustments/{adjustmentId}", path=path, **SUPPORT).body
    assert (read["requester"], read["requesterName"]) == (id, None)
    told = fresh.call(PERSON, path={"personId": id}, **SUPPORT).body
    assert (told["name"], told["forgottenAt"] is not None) == (None, True)
    (entry,) = fresh.call("GET /api/v1/audit", query={"entity": id}, **admin("bea")).body["data"]
    assert (entry["type"], entry["actor"]["kind"]) == ("PERSON", "operator")
    assert "Ann" not in str(entry)


def test_every_view_that_says_who_names_them() -> None:
    """Whatever is called like somebody's id has the name beside it, and is said to be one."""
    assert apis()
    nameless = [
        (view.__name__, name) for view in kinds(View) for name in view.model_fields
        if (name in ("by", "requester", "approver", "author") or name.endswith("_by")) and name not in NOBODY
        and not (name in view.people and f"{name}_name" in view.model_fields)
    ]  # fmt: skip
    assert sorted(nameless) == [("StopView", "by"), ("TopView", "by")]  # the role of who ran a command; a measure
