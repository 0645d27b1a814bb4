"""Adjustments over HTTP: asked for once, posted by two where it takes two, listed, and seen by the partner."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.functions import Answer, World, assert_problem

ADJUST = "POST /api/v1/adjustments"
LIST = "GET /api/v1/adjustments"
READ = "GET /api/v1/adjustments/{adjustmentId}"
LIMIT = 2000
ANN: dict[str, Any] = {"sub": "ann", "groups": ("finance",)}
EVE: dict[str, Any] = {"sub": "eve", "groups": ("admin",)}


@pytest.fixture(scope="module")
def world(world: World) -> World:
    """A second program, whose corrections above 20.00 take two people."""
    world.books.program("strict", adjustment_limit=LIMIT)
    return world


@pytest.fixture
def acme(world: World, somebody: Callable[[], str]) -> str:
    """The id of a partner of the strict program, with nothing."""
    body = {"firstName": "A", "lastName": "B", "email": f"{somebody()}@example.com", "programId": "strict"}
    return str(world.admin("POST /api/v1/partners", body=body).body["id"])


def adjust(world: World, partner: str, amount: int, key: str | None = None, **changes: Any) -> Answer:
    who = changes.pop("who", ANN)
    headers = {"idempotency-key": key} if key else {}
    body = {"partnerId": partner, "amount": amount, "currency": "USD", "reason": "counted twice", **changes}
    return world.call(ADJUST, body=body, headers=headers, **who)


def decide(world: World, id: str, verb: str, who: dict[str, Any], note: str = "", key: str = "") -> Answer:
    headers = {"idempotency-key": key} if key else {}
    path = {"adjustmentId": id}
    return world.call(f"{READ.replace('GET', 'POST')}/{verb}", path=path, body={"note": note}, headers=headers, **who)


def test_an_adjustment_is_posted_and_found(world: World, acme: str) -> None:
    """201 with all that there is to know; read by its id and in the partner's list, newest first."""
    first, second = adjust(world, acme, 700), adjust(world, acme, -LIMIT)
    assert (first.status, second.status) == (201, 201)
    assert first.body == {
        "id": first.body["id"], "partnerId": acme, "programId": "strict", "kind": "ADJUSTMENT", "amount": 700,
        "amountDecimal": "7.00", "currency": "USD", "reason": "counted twice", "status": "POSTED",
        "requester": world.books.user("ann"),
        "requesterName": None, "partnerName": "A B", "partnerCompany": None,
        "createdAt": first.body["createdAt"], "approver": None, "approverName": None, "decidedAt": None, "note": "",
        "entry": 1, "entries": None, "chain": None,
    }  # fmt: skip
    assert world.call(READ, path={"adjustmentId": first.body["id"]}, **EVE).body == first.body
    listed = world.call(LIST, query={"partnerId": acme}, **ANN).body["data"]
    assert sorted(each["id"] for each in listed) == sorted([first.body["id"], second.body["id"]])


def test_two_people_above_the_limit(world: World, acme: str) -> None:
    """Waiting until somebody else approves; what was said is kept; a repeat with the key is the same answer."""
    made = adjust(world, acme, LIMIT + 1).body
    assert (made["status"], made["entry"]) == ("WAITING", None)
    waiting = world.call(LIST, query={"status": "waiting", "limit": "100"}, **EVE).body["data"]
    assert made["id"] in [each["id"] for each in waiting]
    own = decide(world, made["id"], "approve", ANN)
    assert (own.status, own.code) == (409, "SECOND_PERSON_NEEDED")
    first, again = (decide(world, made["id"], "approve", EVE, "checked", "key") for _ in range(2))
    assert first.body == again.body
    assert (first.body["status"], first.body["note"]) == ("POSTED", "checked")
    assert first.body["approver"] == world.books.user("eve")
    assert first.body["decidedAt"]
    late = decide(world, made["id"], "reject", EVE)
    assert (late.status, late.code) == (409, "ALREADY_DECIDED")
    waiting = world.call(LIST, query={"limit": "100"}, **EVE).body["data"]
    assert made["id"] not in [each["id"] for each in waiting]


def test_a_request_is_taken_back(world: World, acme: str) -> None:
    """By who asked for it; no entry is written."""
    made = adjust(world, acme, -LIMIT - 1).body
    assert decide(world, made["id"], "reject", ANN, "typing error").body["status"] == "REJECTED"
    assert world.call("GET /api/v1/ledger/entries", query={"partnerId": acme}, **ANN).body["data"] == []


def test_a_key_is_one_adjustment(world: World, acme: str) -> None:
    """The same body is the same answer; another amount, reason or kind is refused."""
    first = adjust(world, acme, 300, "key")
    assert adjust(world, acme, 300, "key").body == first.body
    assert adjust(world, acme, 300, "key", kind="adjustment").body == first.body
    for other in (
        adjust(world, acme, 301, "key"), adjust(world, acme, 300, "key", reason="another"),
        adjust(world, acme, 300, "key", kind="WRITE_OFF"),
    ):  # fmt: skip
        assert (other.status, other.code) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert len(world.call("GET /api/v1/ledger/entries", query={"partnerId": acme}, **ANN).body["data"]) == 1


def test_debt_is_written_off(world: World, acme: str) -> None:
    """No more than there is; then the balance is zero."""
    adjust(world, acme, -500)
    over = adjust(world, acme, 501, kind="WRITE_OFF")
    assert (over.status, over.code) == (422, "NO_DEBT")
    assert adjust(world, acme, 500, kind="WRITE_OFF").body["status"] == "POSTED"
    (balance,) = world.call("GET /api/v1/ledger/balances", query={"partnerId": acme}, **ANN).body["data"]
    assert balance["available"] == 0


def test_a_partner_sees_corrections_in_their_journal_and_nowhere_else(
    world: World, somebody: Callable[[], str]
) -> None:
    """The entry with its kind and both legs; the adjustment itself, with staff's words, is staff's."""
    bob = somebody()
    partner = world.books.partner(bob).id
    made = adjust(world, partner, -250).body
    (entry,) = world.call("GET /api/v1/ledger/entries", sub=bob).body["data"]
    assert (entry["kind"], entry["debit"], entry["credit"], entry["amount"], entry["reference"]) == (
        "DEBIT", "available", "adjustments", 250, made["id"],
    )  # fmt: skip
    assert_problem(world.call(READ, sub=bob, path={"adjustmentId": made["id"]}), 403)


def test_staff_who_are_partners_leave_their_own_money_alone(world: World, somebody: Callable[[], str]) -> None:
    """403, whether they ask or decide."""
    fin = somebody()
    partner, who = world.books.partner(fin).id, {"sub": fin, "groups": ("finance", "admin")}
    own = adjust(world, partner, 100, who=who)
    assert (own.status, own.code) == (403, "OWN_ADJUSTMENT")


def test_what_cannot_be_asked_for(world: World, acme: str) -> None:
    """Nobody's partner, a currency that is a mistake, a write-off that takes."""
    for changes, status, code in (
        ({"partnerId": "0" * 16}, 404, "PARTNER_NOT_FOUND"),
        ({"currency": "EUR"}, 422, "CURRENCY_NOT_TAKEN"),
        ({"kind": "WRITE_OFF", "amount": -1}, 422, "INVALID"),
    ):
        answer = adjust(world, acme, **{"amount": 100, **changes})  # type: ignore[arg-type]
        assert_problem(answer, status)
        assert answer.code == code
    assert_problem(world.call(LIST, query={"partnerId": acme, "status": "WAITING"}, **ANN), 422)
    assert_problem(world.call(READ, path={"adjustmentId": "nosuchthing"}, **ANN), 404)
    for verb in ("approve", "reject"):
        assert_problem(decide(world, "nosuchthing", verb, EVE), 404)
