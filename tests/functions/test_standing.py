"""What auditors ask: how the books stand, one entry, who acted, what the stack was told."""

from __future__ import annotations

from typing import Any

import pytest

from refledger.adapters.archive import SignedDays
from refledger.domain.manifest import INDEX, SIGNATURE
from refledger.domain.times import DAY_MS, MINUTE_MS, iso
from refledger.entry import config
from refledger.operations.proof.continuous_verification import screen
from refledger.operations.recovery import stopping
from refledger.store import findings, keys
from refledger.store.findings import Finding, FindingReason
from refledger.store.transaction import update
from tests.support.functions import World, assert_problem
from tests.support.manifests import Listing

VERIFICATION, SETTINGS, PEOPLE = "GET /api/v1/ledger/verification", "GET /api/v1/settings", "GET /api/v1/people"
ENTRY, FORGET = "GET /api/v1/ledger/entries/{entryId}", "DELETE /api/v1/people/{personId}"
SUPPORT: dict[str, Any] = {"sub": "sue", "groups": ("support",)}


@pytest.fixture
def desk(fresh: World) -> World:
    return fresh


def sign(patch: pytest.MonkeyPatch, *names: str) -> None:
    patch.setattr(config, "signed_days", lambda: SignedDays(Listing(*names), "manifests"))


def test_before_anybody_looked_nothing_is_green(desk: World) -> None:
    """No sweep, no moment since when all is right: not known is not the same as right."""
    told = desk.call(VERIFICATION, **SUPPORT).body
    assert (told["sweptAt"], told["cleanSince"], told["signedAt"]) == (None, None, None)
    assert (told["faults"], told["data"]) == (0, [])


def test_a_manifest_is_shown_although_nobody_looked(desk: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was signed was signed, whether the check ran or not."""
    day = iso(desk.books.clock())[:10]
    sign(monkeypatch, f"manifests/{day}/{SIGNATURE}")
    told = desk.call(VERIFICATION, **SUPPORT).body
    assert (told["manifestDay"], told["sweptAt"], told["changesUntil"]) == (day, None, None)


def test_half_a_look_is_not_green(desk: World) -> None:
    """A tick without time ends before everything was looked at: nothing found so far is no word for the rest."""
    desk.books.chain("alice", "bob", "carol")
    screen(desk.books.context, lambda: 0, lambda *_: None)
    told = desk.call(VERIFICATION, **SUPPORT).body
    assert (told["sweptAt"], told["cleanSince"]) == (None, None)
    assert told["sweepingSince"] == iso(desk.books.clock())


def test_since_when_the_books_are_right(desk: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Since the tick that found nothing; a fault that counts ends it, the tick that finds it gone begins it anew."""
    books = desk.books
    books.chain("alice", "bob")

    def tick() -> dict[str, Any]:
        books.clock.forward(5 * MINUTE_MS)
        screen(books.context, lambda: 280_000, lambda *_: None)
        told: dict[str, Any] = desk.call(VERIFICATION, **SUPPORT).body
        return told

    first = tick()
    assert first["cleanSince"] == first["sweptAt"] == iso(books.clock())
    assert first["sweepingSince"] is None
    assert tick()["cleanSince"] == first["cleanSince"]
    reason = FindingReason(books.partner("bob").id, "USD", "not what the journal says", books.clock(), True)
    wrong = Finding("partners", books.partner("bob").id, (reason,), books.clock())
    books.table.commit(findings.save(wrong))
    told = desk.call(VERIFICATION, **SUPPORT).body
    assert told["faults"] == 1
    assert told["data"] == [{
        "kind": "partners", "id": wrong.id, "partnerId": wrong.id, "currency": "USD", "reason": reason.text,
        "since": iso(reason.since_ms), "counts": True,
    }]  # fmt: skip
    again = tick()  # looked at again, and gone
    assert (again["faults"], again["data"]) == (0, [])
    day, earlier = (iso(books.clock() - ago * DAY_MS)[:10] for ago in (0, 2))
    signed = [f"manifests/{each}/{SIGNATURE}" for each in ("2020-01-01", earlier)]
    sign(monkeypatch, f"manifests/{day}/{INDEX}", *signed)
    told = desk.call(VERIFICATION, **SUPPORT).body
    assert (told["manifestDay"], told["signedAt"]) == (earlier, "2026-11-21T00:15:00.000Z")


def test_a_fault_that_stays_is_not_green(desk: World) -> None:
    """As long as one counts there is no moment since when all is right."""
    books = desk.books
    books.chain("alice", "bob")
    books.earn("bob", "first", 50_000)
    key = keys.balance(books.partner("alice").id, "USD")
    assert books.table.get(key), "alice has earned"
    books.table.commit(update("an edit", key, "SET #available = :a", "attribute_exists(pk)", a=1))
    for _ in range(3):
        books.clock.forward(DAY_MS)
        screen(books.context, lambda: 280_000, lambda *_: None)
    told = desk.call(VERIFICATION, **SUPPORT).body
    assert told["faults"] > 0
    assert told["cleanSince"] is None


def test_one_entry_with_its_neighbours(desk: World) -> None:
    """What there was after it, and whether it hashes to what it says; what is no entry is not found."""
    books = desk.books
    books.chain("alice", "bob")
    for number in range(3):
        books.earn("bob", f"payment-{number}", 10_000 + number)
    listed = desk.call("GET /api/v1/ledger/entries", query={"partnerId": books.partner("alice").id}, **SUPPORT).body
    first, second, third = listed["data"][:3]
    told = desk.call(ENTRY, path={"entryId": second["id"]}, **SUPPORT).body
    assert told["entry"] == second
    assert (told["previousId"], told["nextId"], told["intact"]) == (first["id"], third["id"], True)
    assert told["after"]["available"] == first["amount"] + second["amount"]
    assert desk.call(ENTRY, path={"entryId": first["id"]}, **SUPPORT).body["previousId"] is None
    place = keys.entry(second["partnerId"], "USD", books.clock(), 2)
    books.table.commit(update("an edit", place, "SET #amount = :one", "attribute_exists(pk)", one=1))
    assert desk.call(ENTRY, path={"entryId": second["id"]}, **SUPPORT).body["intact"] is False
    no_day = f"{second['partnerId']}-USD-20269999-1"
    for id in ("nothing", second["id"] + "9", second["id"].replace("USD", "EUR"), no_day):
        answer = desk.call(ENTRY, path={"entryId": id}, **SUPPORT)
        assert_problem(answer, 404)
        assert answer.code == "ENTRY_NOT_FOUND"
    assert_problem(desk.call(ENTRY, path={"entryId": second["id"]}, sub="alice"), 403)


def test_people_are_listed_and_forgotten(desk: World) -> None:
    """Whoever acted under a name; an admin takes it away, once, and the audit says who did."""
    for sub, name in (("ann", "Ann Admin"), ("fred", "Fred Former")):
        made = {"firstName": "Dora", "lastName": "Example", "email": f"{sub}@example.com"}
        answer = desk.call(
            "POST /api/v1/partners", body=made, sub=sub, groups=("admin",), claims={"name": name}
        )  # fmt: skip
        assert answer.status == 201
        desk.books.clock.forward(MINUTE_MS)
    first = desk.call(PEOPLE, query={"limit": "1"}, **SUPPORT).body
    assert [each["name"] for each in first["data"]] == ["Fred Former"]
    rest = desk.call(PEOPLE, query={"limit": "1", "cursor": first["nextCursor"]}, **SUPPORT).body
    assert [each["name"] for each in rest["data"]] == ["Ann Admin"]
    path = {"personId": first["data"][0]["id"]}
    assert_problem(desk.call(FORGET, path=path, **SUPPORT), 403)
    gone = desk.call(FORGET, path=path, sub="ann", groups=("admin",)).body
    assert (gone["name"], gone["forgottenAt"]) == (None, iso(desk.books.clock()))
    desk.books.clock.forward(MINUTE_MS)
    assert desk.call(FORGET, path=path, sub="ann", groups=("admin",)).body == gone, "a repeat changes nothing"
    (entry,) = desk.admin("GET /api/v1/audit", query={"entity": path["personId"]}).body["data"]
    assert (entry["actor"]["id"], entry["operation"]) == (desk.books.user("ann"), FORGET)
    assert "Fred" not in str(entry)
    own = {"personId": rest["data"][0]["id"]}
    assert_problem(desk.call(FORGET, path=own, sub="ann", groups=("admin",)), 403)
    assert_problem(desk.call(FORGET, path={"personId": "nobody"}, sub="ann", groups=("admin",)), 404)


def test_an_item_of_before_is_listed_once_they_act(desk: World) -> None:
    """Names that were kept before there was a list."""
    make = {"sub": "ann", "groups": ("admin",), "claims": {"name": "Ann Admin"}}
    body = {"firstName": "Dora", "lastName": "Example", "email": "dora@example.com"}
    desk.call("POST /api/v1/partners", body=body, **make)
    old = keys.person(desk.books.user("ann"))
    desk.books.table.commit(update("as it was", old, "REMOVE #listed_in, #listed_at", "attribute_exists(pk)"))
    assert desk.call(PEOPLE, **SUPPORT).body["data"] == []
    desk.books.context.named.clear()  # another worker
    desk.call("POST /api/v1/partners", body={**body, "email": "dana@example.com"}, **make)
    assert [each["name"] for each in desk.call(PEOPLE, **SUPPORT).body["data"]] == ["Ann Admin"]


def test_what_the_stack_was_told(desk: World) -> None:
    """What is set up, as far as it is no secret; whether it goes, or who stopped it and why."""
    told = desk.call(SETTINGS, **SUPPORT).body
    assert (told["stage"], told["stopped"], told["stripePayouts"], told["cdn"]) == ("dev", None, True, True)
    assert told["limits"]["accounts"] == 100_000
    assert "arn" not in str(told).lower()
    stopping.stop(desk.books.context, {}, "arn:aws:iam::000000000000:user/ops", "a wrong rule")
    desk.books.clock.forward(MINUTE_MS)
    stopped = desk.call(SETTINGS, **SUPPORT).body["stopped"]
    assert (stopped["reason"], stopped["onlyPayouts"]) == ("a wrong rule", False)
    assert_problem(desk.call(SETTINGS, sub="bob"), 403)
