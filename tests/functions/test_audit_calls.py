"""Reading the audit: by what was changed and by who changed it, a page at a time, and not everything by everybody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from refledger.adapters.bus import Bus
from refledger.domain.times import iso
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.entry import config
from refledger.operations.payouts.transitions import step
from refledger.store import keys
from tests.support.changes import EventsClient, Tail, batches
from tests.support.functions import World, assert_problem, load

AUDIT = "GET /api/v1/audit"
ADMIN: dict[str, Any] = {"sub": "ann", "groups": ("admin",)}
SUPPORT: dict[str, Any] = {"sub": "sue", "groups": ("support",)}
SERVICE: dict[str, Any] = {"sub": "crm", "claims": {"scope": "refledger/audit:read"}}
SUSPEND = "POST /api/v1/partners/{partnerId}/suspend"
ACTIVATE = "POST /api/v1/partners/{partnerId}/activate"


@pytest.fixture
def follow(fresh: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Hands the stream to the function that follows it; returns how many entries are new."""
    tail = Tail(fresh.books.client)
    monkeypatch.setattr(config, "bus", lambda: Bus(EventsClient(), "bus"))
    fresh.variables["NOTICES"] = "chosen"

    def catch_up() -> int:
        return sum(
            load("stream_projections").handler(event, None)["audited"] for event in batches(tail.new(), keys.AUDITED)
        )

    return catch_up


def made(world: World, **changes: str) -> str:
    body = {"firstName": "Dora", "lastName": "Example", "email": "dora@example.com", **changes}
    return str(world.call("POST /api/v1/partners", body=body, **ADMIN).body["id"])


def suspend(world: World, partner: str, reason: str = "Dora called") -> None:
    assert world.call(SUSPEND, path={"partnerId": partner}, body={"reason": reason}, **ADMIN).status == 200


def asked(world: World, who: dict[str, Any], **query: str) -> list[dict[str, Any]]:
    """All pages, two at a time."""
    found, query = [], {"limit": "2", **query}
    while True:
        answer = world.call(AUDIT, query=query, **who)
        assert answer.status == 200, answer
        assert len(answer.body["data"]) <= 2
        found += answer.body["data"]
        if not answer.body["nextCursor"]:
            return found
        query["cursor"] = answer.body["nextCursor"]


def test_who_did_what_when_and_from_where(fresh: World, follow: Callable[[], int]) -> None:
    """Newest first, with the call, the caller and the address; before and after of what changed."""
    partner = made(fresh)
    suspend(fresh, partner)
    assert follow() >= 2
    suspended, created = asked(fresh, ADMIN, entity=partner)
    assert suspended["actor"] == {
        "id": fresh.books.user("ann"), "name": None, "kind": "admin", "from": "192.0.2.1"
    }  # fmt: skip
    assert (suspended["operation"], suspended["action"], suspended["type"]) == (SUSPEND, "CHANGED", "PARTNER")
    assert {"field": "status", "before": "ACTIVE", "after": "SUSPENDED", "masked": False} in suspended["changes"]
    assert (created["operation"], created["action"]) == ("POST /api/v1/partners", "CREATED")
    fields = {each["field"]: each for each in created["changes"]}
    assert (fields["firstName"]["before"], fields["firstName"]["after"]) == (None, "Dora")
    assert fields["created"]["after"] == iso(fresh.books.clock())


def test_by_actor(fresh: World, follow: Callable[[], int]) -> None:
    """All that somebody did, to whatever; and nothing of anybody else's."""
    first, second = made(fresh), made(fresh, email="second@example.com")
    suspend(fresh, first)
    assert (
        fresh.call(ACTIVATE, path={"partnerId": first}, body={"reason": "fine"}, sub="bea", groups=("admin",)).status
        == 200
    )
    follow()
    mine = asked(fresh, ADMIN, actor=fresh.books.user("ann"))
    assert [(each["entity"], each["action"]) for each in mine if each["type"] == "PARTNER"] == [
        (first, "CHANGED"), (second, "CREATED"), (first, "CREATED"),
    ]  # fmt: skip
    (hers,) = asked(fresh, ADMIN, actor=fresh.books.user("bea"))
    assert (hers["entity"], hers["operation"]) == (first, ACTIVATE)


@pytest.mark.parametrize("who", [SUPPORT, SERVICE])
def test_personal_data_is_masked_by_role(fresh: World, follow: Callable[[], int], who: dict[str, Any]) -> None:
    """Support and services see that something personal changed, and by whom, but not what it is or was."""
    partner = made(fresh, phone="+49 30 12345", companyName="Acme of Dora")
    suspend(fresh, partner, "Dora called")
    follow()
    answer = fresh.call(AUDIT, query={"entity": partner}, **who)
    for secret in ("Dora", "Example", "dora@", "12345", "Acme", "192.0.2.1"):
        assert secret not in str(answer.body), secret
    suspended, created = answer.body["data"]
    assert {"field": "reason", "before": None, "after": None, "masked": True} in suspended["changes"]
    assert {"field": "status", "before": "ACTIVE", "after": "SUSPENDED", "masked": False} in suspended["changes"]
    masked = {each["field"] for each in created["changes"] if each["masked"]}
    assert masked == {"firstName", "lastName", "email", "phone", "company"}


def test_from_and_to(fresh: World, follow: Callable[[], int]) -> None:
    """`from` is in the time, `to` is not; in any zone."""
    partner = made(fresh)
    follow()
    (entry,) = asked(fresh, ADMIN, entity=partner)
    at, seconds = entry["at"], entry["at"][:19]
    assert asked(fresh, ADMIN, entity=partner, **{"from": at}) == [entry]
    assert asked(fresh, ADMIN, entity=partner, to=at) == []
    assert asked(
        fresh, ADMIN, entity=partner, **{"from": "2020-01-01T00:00:00+05:00", "to": "2099-01-01T00:00:00Z"}
    ) == [entry]
    assert asked(fresh, ADMIN, entity=partner, to=f"{seconds}+01:00") == []
    assert asked(fresh, ADMIN, actor=fresh.books.user("ann"), to="0001-01-01T00:00:00Z") == []
    assert asked(fresh, ADMIN, actor=fresh.books.user("ann"), **{"from": "9999-12-31T23:59:59Z"}) == []


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"entity": "a", "actor": "b"},
        {"entity": ""},
        {"entity": "a#b"},
        {"entity": "x" * 65},
        {"actor": "ann@example.com"},
        {"entity": "a", "from": "2026-11-21"},
        {"entity": "a", "from": "2026-11-21T09:30:00"},
        {"entity": "a", "to": "1790000000"},
        {"entity": "a", "to": "2026-13-01T00:00:00Z"},
        {"entity": "a", "unknown": "x"},
        {"entity": "a", "cursor": "bm9uZQ"},
    ],
)
def test_bad_questions(world: World, query: dict[str, str]) -> None:
    """Neither both nor none, no ids that cannot be, no time without a zone; each is a problem of the caller's."""
    assert_problem(world.call(AUDIT, query=query, **ADMIN), 422)


def test_a_cursor_is_good_for_its_caller_and_question(fresh: World, follow: Callable[[], int]) -> None:
    """Another entity, another caller or another time: refused."""
    partner = made(fresh)
    suspend(fresh, partner)
    follow()
    query = {"entity": partner, "limit": "1"}
    cursor = fresh.call(AUDIT, query=query, **ADMIN).body["nextCursor"]
    assert fresh.call(AUDIT, query={**query, "cursor": cursor}, **ADMIN).status == 200
    for other in ({"entity": "default"}, {**query, "to": "2099-01-01T00:00:00Z"}):
        assert_problem(fresh.call(AUDIT, query={**other, "cursor": cursor}, **ADMIN), 422)
    assert_problem(fresh.call(AUDIT, query={**query, "cursor": cursor}, sub="bea", groups=("admin",)), 422)


def test_partners_do_not_read_it(world: World) -> None:
    """Not even what they did themselves."""
    assert_problem(world.call(AUDIT, query={"actor": world.books.user("bob")}, sub="bob"), 403)


def test_what_nobody_did_is_an_empty_page(world: World) -> None:
    """An id that means nothing has no history; whether there is such a thing is not said."""
    answer = world.call(AUDIT, query={"entity": "nothing"}, **ADMIN)
    assert answer.body == {"data": [], "nextCursor": None}


def test_each_look_at_a_whole_account_is_told(fresh: World, follow: Callable[[], int]) -> None:
    """Who, when, and of which withdrawal, before it is shown: also where the account cannot be opened then."""
    fresh.books.grant("bob", 2000)
    fresh.books.mature("bob")
    id = fresh.books.withdraw("bob", 2000).id
    step(fresh.books.context, id, WithdrawalStatus.APPROVED, "ann", request="approve")
    read, path = "GET /api/v1/withdrawals/{withdrawalId}", {"withdrawalId": id}
    for who in (ADMIN, SUPPORT, ADMIN):
        assert fresh.call(read, path=path, **who).status == 200
    fresh.books.kms.failing = "ThrottlingException"
    assert_problem(fresh.call(read, path=path, **ADMIN), 503)
    follow()
    told = fresh.call(AUDIT, query={"entity": id}, **ADMIN).body["data"]
    looks = [each for each in told if each["type"] == "ACCOUNT"]
    assert [(each["action"], each["actor"]["id"], each["operation"]) for each in looks] == [
        ("CREATED", fresh.books.user("ann"), read)
    ] * 3
