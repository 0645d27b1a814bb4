"""Lists a page at a time: complete, in order, and with cursors that are good for one caller and one question."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.adapters.ids import Ids
from refledger.domain.errors import Invalid
from refledger.entry import access, paging
from refledger.store import partners, search
from tests.support.books import SECRET
from tests.support.functions import World, assert_problem

IDS = Ids(SECRET)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"]), max_size=9),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)
STAFF: dict[str, Any] = {"sub": "fin", "groups": ("finance",)}
ADMIN: dict[str, Any] = {"sub": "admin", "groups": ("admin",)}
PAM: dict[str, Any] = {"sub": "pam"}
ADA: dict[str, Any] = {"sub": "ada"}
# route → who asks, with which filter
LISTS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "programs": (STAFF, {}),
    "partners": (STAFF, {}),
    "partners by status": (STAFF, {"status": "inactive"}),
    "partners by name": (STAFF, {"q": "Gil"}),
    "partners by tag": (STAFF, {"tag": "Agency", "from": "2026-09-21"}),
    "invitations": (ADMIN, {}),
    "invitations by status": (ADMIN, {"status": "pending"}),
    "applications": (ADMIN, {}),
    "applications by status": (ADMIN, {"status": "waiting"}),
    "withdrawals": (STAFF, {}),
    "withdrawals by status": (STAFF, {"status": "rejected"}),
    "all withdrawals": (STAFF, {"status": "all", "from": "2026-09-21"}),
    "a partner's withdrawals": (STAFF, {"partnerId": "pam"}),
    "programs by status": (STAFF, {"status": "active"}),
    "own withdrawals": (PAM, {}),
    "own entries": (PAM, {}),
    "own entries by currency": (PAM, {"currency": "usd"}),
    "everybody's entries": (STAFF, {}),
    "a partner's entries": (STAFF, {"partnerId": "pam"}),
    "own rewards": (ADA, {}),
    "a partner's rewards": (STAFF, {"partnerId": "ada"}),
    "held rewards": (STAFF, {"programId": "default", "state": "held"}),
    "a program's rewards": (STAFF, {"programId": "default"}),
    "a program's pending rewards": (STAFF, {"programId": "default", "status": "pending", "from": "2026-09-21"}),
    "a partner's pending rewards": (STAFF, {"partnerId": "ada", "status": "pending"}),
    "payments": (STAFF, {"programId": "default"}),
    "waiting adjustments": (STAFF, {}),
    "a partner's adjustments": (STAFF, {"partnerId": "ada"}),
    "parked": (STAFF, {}),
    "disputes": (STAFF, {}),
    "own referrals": (PAM, {}),
    "referrals": (STAFF, {}),
    "referrals by status": (STAFF, {"status": "pending"}),
    "referrals by tag": (STAFF, {"tag": "Fair", "from": "2026-09-21"}),
}
ROUTES = {
    "programs": "GET /api/v1/programs", "partners": "GET /api/v1/partners", "withdrawals": "GET /api/v1/withdrawals",
    "invitations": "GET /api/v1/invitations", "applications": "GET /api/v1/applications",
    "own withdrawals": "GET /api/v1/referrals/withdrawals", "entries": "GET /api/v1/ledger/entries",
    "rewards": "GET /api/v1/rewards", "adjustments": "GET /api/v1/adjustments",
    "all withdrawals": "GET /api/v1/withdrawals", "a partner's withdrawals": "GET /api/v1/withdrawals",
    "referrals": "GET /api/v1/referrals", "own referrals": "GET /api/v1/referrals",
    "payments": "GET /api/v1/payments", "parked": "GET /api/v1/payments/parked", "disputes": "GET /api/v1/disputes",
}  # fmt: skip


def route_of(name: str) -> str:
    last = name.split(" ")[-1]
    if last in ("rewards", "adjustments", "entries") or "entries" in name:
        return ROUTES["entries" if "entries" in name else last]
    return ROUTES[re.sub(" by (status|name|tag)$", "", name)]


@pytest.fixture(scope="module")
def full(world: World) -> World:
    """Eight programs, partners and withdrawals, a journal with two currencies, and three of what waits for staff."""
    books = world.books
    for number in range(7):
        books.program(f"program-{number}")
    for name in ("pam", *(f"n{number}" for number in range(7))):
        books.clock.forward(1)
        books.partner(name)
    for currency in ("USD", "JPY"):
        books.grant("pam", 100_000, currency=currency)
        books.mature("pam", currency)
    admin: dict[str, Any] = {"sub": "admin", "groups": ("admin",)}
    for number in range(8):
        books.clock.forward(1)
        made = books.withdraw("pam", 1000 + number)
        if number % 2:
            path = {"withdrawalId": made.id}
            assert world.call("POST /api/v1/withdrawals/{withdrawalId}/reject", path=path, **admin).status == 200
    for number in range(3):
        path = {"partnerId": books.partner(f"n{number}").id}
        route = "POST /api/v1/partners/{partnerId}/deactivate"
        assert world.call(route, path=path, body={"reason": "why"}, **admin).status == 200
    waiting_for_staff(world)
    ways_in(world)
    referred(world)
    return world


def referred(world: World) -> None:
    """Four referrals of Pam's, three with a tag, two made in the same millisecond."""
    for number in range(4):
        world.books.clock.forward(number % 2)
        tags = {"tags": ["fair"]} if number else {}
        body = {"partnerId": world.books.partner("pam").id, "source": "PHONE", **tags}
        assert world.admin("POST /api/v1/referrals", body=body).status == 201


def ways_in(world: World) -> None:
    """Three who are called alike, three invitations, three who apply."""
    for number in range(3):
        world.books.clock.forward(1)
        person = {"firstName": "Gil", "lastName": f"No {number}", "email": f"gil{number}@example.com"}
        made = world.admin("POST /api/v1/partners", body={**person, "tags": ["agency"]}).body
        partner = partners.find(world.books.table, made["id"])
        world.books.table.commit(*search.follow(None, partner))
        assert world.admin("POST /api/v1/invitations", body={"email": person["email"]}).status == 201
        assert world.call("POST /api/v1/applications", sub=f"gil{number}", body=person).status == 201


def waiting_for_staff(world: World) -> None:
    """Three held rewards of Ada's, adjustments in a currency that needs two people, early refunds and open disputes."""
    books = world.books
    books.grant("ada", 1, currency="JPY")
    books.mature("ada", "JPY")
    books.grant("ada", 100, 200, 300, due_ms=books.clock() + 1000)
    for reward in books.rewards("ada")[1:]:
        books.clock.forward(1)
        books.hold(reward)
    for number in range(1, 4):
        books.clock.forward(1)
        body = {"partnerId": books.partner("ada").id, "amount": number, "currency": "JPY", "reason": "why"}
        assert world.call("POST /api/v1/adjustments", body=body, **STAFF).body["status"] == "WAITING"
        books.refund(f"unseen {number}", 100)
        books.dispute(f"unseen {number}", 100)


def query_of(world: World, name: str) -> dict[str, str]:
    filters = LISTS[name][1]
    if "partnerId" not in filters:
        return dict(filters)
    return {**filters, "partnerId": world.books.partner(filters["partnerId"]).id}


def pages(world: World, name: str, limit: int) -> list[list[Any]]:
    query, found = {**query_of(world, name), "limit": str(limit)}, []
    for _ in range(60):
        answer = world.call(route_of(name), query=query, **LISTS[name][0])
        assert answer.status == 200, answer
        found.append(answer.body["data"])
        if not answer.body.get("nextCursor"):
            return found
        query["cursor"] = answer.body["nextCursor"]
    raise AssertionError("pages without end")


@pytest.mark.parametrize("name", LISTS)
def test_pages_join_to_the_whole_list(full: World, name: str) -> None:
    """One at a time, two, three or all: the same things once each in the same order, none longer than asked."""
    (whole,) = pages(full, name, 100)
    assert len(whole) >= 3
    for limit in (1, 2, 3):
        some = pages(full, name, limit)
        assert [each for page in some for each in page] == whole
        assert max(map(len, some)) <= limit


def test_lists_hold_what_they_say(full: World) -> None:
    """Programs by id, partners and withdrawals newest first, one status where one is asked for, entries by version."""
    (programs,) = pages(full, "programs", 100)
    assert [each["id"] for each in programs] == ["default", *(f"program-{number}" for number in range(7))]
    (partners,) = pages(full, "partners", 100)
    assert [each["createdAt"] for each in partners] == sorted((e["createdAt"] for e in partners), reverse=True)
    assert {each["status"] for each in pages(full, "partners by status", 100)[0]} == {"INACTIVE"}
    assert {each["status"] for each in pages(full, "withdrawals by status", 100)[0]} == {"REJECTED"}
    assert {each["status"] for each in pages(full, "withdrawals", 100)[0]} == {"REQUESTED"}
    assert [each["amount"] for each in pages(full, "own withdrawals", 100)[0]] == list(range(1007, 999, -1))
    (entries,) = pages(full, "own entries", 100)
    assert [(e["currency"], e["version"]) for e in entries] == [("JPY", 1), *(("USD", v) for v in range(1, 14))]
    assert {len(each["held"]) for each in pages(full, "held rewards", 100)[0]} == {1}
    rewards = pages(full, "a program's rewards", 100)[0]
    assert {each["partnerId"] for each in rewards} == {full.books.partner(name).id for name in ("ada", "pam")}
    assert len(rewards) == 6
    assert [each["createdAt"] for each in rewards] == sorted((each["createdAt"] for each in rewards), reverse=True)
    for name in ("a program's pending rewards", "a partner's pending rewards"):
        assert sorted(each["amount"] for each in pages(full, name, 100)[0]) == [100, 200, 300]
    shares = [share["rewardId"] for each in pages(full, "payments", 100)[0] for share in each["shares"]]
    assert shares == [each["id"] for each in rewards]
    assert {each["status"] for each in pages(full, "all withdrawals", 100)[0]} == {"REJECTED", "REQUESTED"}
    for name in ("all withdrawals", "a partner's withdrawals"):
        assert sorted(each["amount"] for each in pages(full, name, 100)[0]) == list(range(1000, 1008))
    due = [each["maturesAt"] for each in pages(full, "own rewards", 100)[0]]
    assert due == sorted(due, reverse=True)
    assert len(due) == 4
    assert [each["amount"] for each in pages(full, "waiting adjustments", 100)[0]] == [1, 2, 3]
    assert [each["amount"] for each in pages(full, "a partner's adjustments", 100)[0]] == [3, 2, 1]
    for name, when in (("parked", "parkedAt"), ("disputes", "at")):
        waits = [each[when] for each in pages(full, name, 100)[0]]
        assert waits == sorted(waits), name
        assert len(waits) == 3


def first_cursor(world: World, name: str) -> str:
    answer = world.call(route_of(name), query={**query_of(world, name), "limit": "1"}, **LISTS[name][0])
    return str(answer.body["nextCursor"])


@pytest.mark.parametrize("name", LISTS)
def test_a_cursor_is_good_for_its_caller_only(full: World, name: str) -> None:
    """Another member of staff, or the partner themselves, cannot go on with it."""
    query = {**query_of(full, name), "limit": "1", "cursor": first_cursor(full, name)}
    full.books.partner("other")
    assert full.call(route_of(name), query=query, **LISTS[name][0]).status == 200
    for other in ({"sub": "other"}, {"sub": "other", "groups": ("finance", "admin")}):
        answer = full.call(route_of(name), query=query, **other)
        rule = access.ROUTES[route_of(name)]
        assert rule is not None
        assert_problem(answer, 422 if rule.own or "groups" in other else 403)


@pytest.mark.parametrize("name", LISTS)
def test_a_cursor_is_good_for_its_question_only(full: World, name: str) -> None:
    """With another filter, or on another list, it is refused; another page size may be asked for."""
    cursor, query = first_cursor(full, name), query_of(full, name)
    who = LISTS[name][0]
    assert full.call(route_of(name), query={**query, "limit": "2", "cursor": cursor}, **who).status == 200
    for other in LISTS:
        if LISTS[other][0] is who and (other != name):
            answer = full.call(route_of(other), query={**query_of(full, other), "cursor": cursor}, **who)
            assert_problem(answer, 422)
            assert answer.code == "INVALID"


@pytest.mark.parametrize("name", LISTS)
def test_a_cursor_that_was_touched_is_refused(full: World, name: str) -> None:
    """Whichever byte is changed, dropped or added."""
    cursor = first_cursor(full, name)
    raw = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    for place in range(len(raw)):
        touched = bytes(raw[:place]) + bytes([raw[place] ^ 1]) + bytes(raw[place + 1 :])
        for spoilt in (touched, bytes(raw[:place]), bytes(raw) + b"0"):
            told = base64.urlsafe_b64encode(spoilt).decode().rstrip("=")
            if told:
                query = {**query_of(full, name), "cursor": told}
                assert_problem(full.call(route_of(name), query=query, **LISTS[name][0]), 422)


@given(JSON.filter(lambda position: position is not None), st.lists(st.text(max_size=5), max_size=3))
def test_a_cursor_says_where_it_was_made(position: Any, asked: list[str]) -> None:
    """Any position comes back as it was, for the same question; for any other it is refused."""
    made = paging.cursor(IDS, position, *asked)
    assert paging.position(IDS, made, *asked) == position
    for others in ([*asked, "more"], asked[:-1] if asked else ["x"]):
        with pytest.raises(Invalid):
            paging.position(IDS, made, *others)
    with pytest.raises(Invalid):
        paging.position(Ids("another deployment"), made, *asked)


@given(st.text(st.characters(), min_size=1, max_size=80))
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    """Nothing that was not made here opens a page, and nothing breaks over it."""
    with pytest.raises(Invalid):
        paging.position(IDS, text, "caller")


def test_the_first_page_needs_no_cursor(somebody: Callable[[], str], full: World) -> None:
    """Somebody who has nothing gets an empty page, and no cursor."""
    for name in ("own withdrawals", "own entries"):
        answer = full.call(route_of(name), sub=somebody())
        assert (answer.status, answer.body["data"], answer.body.get("nextCursor")) == (200, [], None)
