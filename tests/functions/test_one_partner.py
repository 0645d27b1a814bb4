"""What staff read of one partner: the partner's own lists, for whoever may read that kind of thing."""

from __future__ import annotations

from typing import Any

import pytest

from refledger.entry import access
from tests.support.functions import World, assert_problem

ONE = "GET /api/v1/partners/{partnerId}"
LISTS = ("referrals", "rewards", "withdrawals", "ledger")
NAMES = (*LISTS, "balance", "links")


@pytest.fixture(scope="module")
def told(world: World) -> World:
    """Alice referred Bob, and Bob Carol, who pays twice; Bob is paid, and asked for more. Eve has nothing of it."""
    books = world.books
    books.chain("alice", "bob", "carol")
    books.clock.forward(1)
    books.chain("bob", "dan")
    for number in range(2):
        books.earn("carol", f"p{number}", 50_000)
        books.clock.forward(1)
    books.pay_out("bob", 3_000)
    books.clock.forward(1)
    books.withdraw("bob", 2_000)
    books.partner("eve")
    return world


def read(world: World, name: str, who: str = "bob", **query: str) -> Any:
    path = {"partnerId": world.books.partner(who).id}
    answer = world.call(f"{ONE}/{name}", sub="sue", groups=("support",), path=path, query=query)
    assert answer.status == 200, answer
    return answer.body


def test_staff_see_what_the_partner_has(told: World) -> None:
    """All of the partner's and nothing of others', in agreement with the books."""
    books = told.books
    bob = books.partner("bob")
    assert len(read(told, "referrals")["data"]) == 2
    assert {each["partnerId"] for name in LISTS for each in read(told, name)["data"]} == {bob.id}
    assert [each["amount"] for each in read(told, "rewards")["data"]] == [10_000, 10_000]
    assert [each["amount"] for each in read(told, "withdrawals")["data"]] == [2_000, 3_000]
    (balance,) = read(told, "balance")["data"]
    assert (balance["available"], balance["reserved"], balance["paid"]) == books.balance("bob")
    assert [each["hash"] for each in read(told, "ledger")["data"]] == [each.hash for each in books.entries("bob")]
    assert [each["code"] for each in read(told, "links")["data"]] == [bob.code]


def test_a_partner_who_has_nothing_yet(told: World) -> None:
    """Empty lists, a code, and no balance; not a refusal."""
    assert [read(told, name, "eve")["data"] for name in (*LISTS, "balance")] == [[]] * 5
    assert len(read(told, "links", "eve")["data"]) == 1


def test_filters(told: World) -> None:
    """By status, source and day; what fits nothing is an empty page."""
    assert len(read(told, "referrals", status="accepted", source="website")["data"]) == 2
    assert read(told, "referrals", source="phone")["data"] == []
    assert read(told, "referrals", tag="vip")["data"] == []
    assert len(read(told, "rewards", status="APPROVED")["data"]) == 2
    assert read(told, "rewards", **{"from": "2000-01-01", "to": "2000-01-31"})["data"] == []
    assert read(told, "ledger", currency="eur")["data"] == []


@pytest.mark.parametrize("name", LISTS)
def test_lists_page_to_their_end(told: World, name: str) -> None:
    """Each thing once, in order; a cursor is of its own partner and list."""
    whole, pages, cursor = read(told, name)["data"], [], None
    while True:
        page = read(told, name, limit="1", **({"cursor": cursor} if cursor else {}))
        pages += page["data"]
        if page["nextCursor"] is None:
            break
        cursor = page["nextCursor"]
    assert pages == whole
    assert len(whole) >= 2
    assert cursor
    path = {"partnerId": told.books.partner("eve").id}
    assert_problem(told.admin(f"{ONE}/{name}", path=path, query={"cursor": cursor}), 422)


@pytest.mark.parametrize("name", NAMES)
def test_who_reads(told: World, name: str) -> None:
    """Staff of each role, and services with the scope; a partner not even their own; nobody what is not there."""
    route, path = f"{ONE}/{name}", {"partnerId": told.books.partner("bob").id}
    for role in access.Role:
        assert told.call(route, sub="somebody", groups=(role.value,), path=path).status == 200
    rule = access.ROUTES[route]
    assert rule is not None
    for scope in access.SCOPES:
        told_so = told.call(route, sub="robot", claims={"scope": f"refledger/{scope}"}, path=path).status
        assert told_so == (200 if scope == rule.scope else 403)
    for sub in ("bob", "eve"):
        assert_problem(told.call(route, sub=sub, path=path), 403)
    missing = told.admin(route, path={"partnerId": "0" * 16})
    assert (missing.status, missing.code) == (404, "PARTNER_NOT_FOUND")
    assert_problem(told.admin(route, path={"partnerId": "../x"}), 404)
