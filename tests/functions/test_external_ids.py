"""What the owner calls partners and referrals, and keeps with them: once in a program, and found by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from refledger.domain.partners import PartnerStatus
from refledger.operations.partners import anonymization, partners
from refledger.store import keys
from refledger.store import partners as stored_partners
from tests.support.functions import Answer, World, assert_problem

SUPPORT: dict[str, Any] = {"sub": "sue", "groups": ("support",)}


@dataclass
class Desk:
    """One kind of what has an id of the owner's. `new`: the body of one more."""

    world: World
    collection: str
    parameter: str
    new: Callable[[], dict[str, Any]]

    def make(self, **told: Any) -> Answer:
        return self.world.admin(f"POST {self.collection}", body=self.new() | told)

    def one(self, verb: str, id: str, body: Any = None, version: int | None = None, **told: Any) -> Answer:
        headers = {"if-match": f'"{version}"'} if version else {}
        route = f"{verb} {self.collection}/{{{self.parameter}}}"
        return self.world.admin(route, path={self.parameter: id}, body=body, headers=headers, **told)

    def ids(self, **query: str) -> list[str]:
        answer = self.world.admin(f"GET {self.collection}", query=query)
        assert (answer.status, answer.body["nextCursor"]) == (200, None), answer
        return [each["id"] for each in answer.body["data"]]


@pytest.fixture(params=["partners", "referrals"])
def desk(fresh: World, request: pytest.FixtureRequest) -> Desk:
    names = iter(range(100))
    fresh.books.partner("bob")

    def partner() -> dict[str, Any]:
        return {"firstName": "Ada", "lastName": "Example", "email": f"ada{next(names)}@example.com"}

    def referral() -> dict[str, Any]:
        return {"referralCode": fresh.books.partner("bob").code, "source": "phone"}

    new, parameter = (partner, "partnerId") if request.param == "partners" else (referral, "referralId")
    return Desk(fresh, f"/api/v1/{request.param}", parameter, new)


def test_it_is_kept_and_found(desk: Desk) -> None:
    """By exactly this id in this program, with whatever else is asked for."""
    told = {"externalId": "crm-4711", "metadata": {"region": "north", "seat": "12"}}
    made = desk.make(**told).body
    desk.make()
    assert {name: made[name] for name in told} == told
    assert {name: desk.one("GET", made["id"], **SUPPORT).body[name] for name in told} == told
    assert desk.ids(externalId="crm-4711") == desk.ids(externalId="crm-4711", programId="default") == [made["id"]]
    assert desk.ids(externalId="CRM-4711") == desk.ids(externalId="crm-4711", programId="other") == []
    assert desk.ids(externalId="crm-4711", to="2020-01-01") == []


def test_without_them_nothing_is_kept(desk: Desk) -> None:
    """No attribute of an item that has none."""
    made = desk.make().body
    assert (made["externalId"], made["metadata"]) == (None, {})
    key = keys.partner(made["id"]) if desk.parameter == "partnerId" else keys.referral(made["id"])
    item = desk.world.books.table.get(key)
    assert item
    assert not {"external", "metadata"} & item.keys()


def test_no_two_of_a_program_are_called_the_same(desk: Desk) -> None:
    """409, and nothing is made or changed; what asks once more with its key is answered as before."""
    headers = {"idempotency-key": "one"}
    body = desk.new() | {"externalId": "A-1"}
    made = desk.world.admin(f"POST {desk.collection}", body=body, headers=headers)
    again = desk.world.admin(f"POST {desk.collection}", body=body, headers=headers)
    assert again.body == made.body
    refused = desk.make(externalId="A-1")
    assert_problem(refused, 409)
    assert refused.code == "EXTERNAL_ID_TAKEN"
    other = desk.make(externalId="A-2").body
    refused = desk.one("PATCH", other["id"], {"externalId": "A-1", "metadata": {"a": "b"}}, 1)
    assert refused.code == "EXTERNAL_ID_TAKEN"
    assert desk.one("GET", other["id"]).body == other


def test_each_kind_has_its_own(fresh: World) -> None:
    """A referral may be called as a partner is."""
    partner = {"firstName": "Ada", "lastName": "Example", "email": "ada@example.com", "externalId": "7"}
    assert fresh.admin("POST /api/v1/partners", body=partner).status == 201
    referral = {"referralCode": fresh.books.partner("bob").code, "source": "phone", "externalId": "7"}
    assert fresh.admin("POST /api/v1/referrals", body=referral).status == 201


def test_another_program_has_its_own(fresh: World) -> None:
    """The same id in two programs is two partners."""
    fresh.books.program("other")
    made = {}
    for program in ("default", "other"):
        body = {"firstName": "Ada", "lastName": "Example", "email": f"ada@{program}.example", "externalId": "7"}
        made[program] = fresh.admin("POST /api/v1/partners", body=body | {"programId": program}).body["id"]
    for program, id in made.items():
        found = fresh.admin("GET /api/v1/partners", query={"externalId": "7", "programId": program}).body["data"]
        assert [each["id"] for each in found] == [id]


def test_it_moves_and_goes(desk: Desk) -> None:
    """With the version that was read; what is so already changes nothing; what it was called before is free again."""
    made = desk.make(externalId="old", metadata={"a": "1"}).body
    assert_problem(desk.one("PATCH", made["id"], {"externalId": "new"}), 428)
    for _ in range(2):
        moved = desk.one("PATCH", made["id"], {"externalId": "new"}, 1)
        assert (moved.status, moved.body["externalId"], moved.body["metadata"]) == (200, "new", {"a": "1"})
    assert_problem(desk.one("PATCH", made["id"], {"externalId": "newer"}, 1), 412)
    assert desk.ids(externalId="old") == []
    assert desk.ids(externalId="new") == [made["id"]]
    assert desk.make(externalId="old").status == 201
    gone = desk.one("PATCH", made["id"], {"externalId": "", "metadata": {}}, 2).body
    assert (gone["externalId"], gone["metadata"], gone["version"]) == (None, {}, 3)
    assert desk.ids(externalId="new") == []
    assert desk.make(externalId="new").status == 201


def test_who_says_all_of_the_rest_leaves_it(desk: Desk) -> None:
    """A PUT of a client that knows of neither takes neither away."""
    made = desk.make(externalId="A-1", metadata={"a": "1"}).body
    whole = desk.new()
    whole.pop("referralCode", None)
    put = desk.one("PUT", made["id"], whole, 1)
    assert put.status == 200, put
    assert (put.body["externalId"], put.body["metadata"]) == ("A-1", {"a": "1"})


@pytest.mark.parametrize(
    "told",
    [
        {"externalId": "x" * 129},
        {"externalId": ""},
        {"externalId": "a\u200bb"},
        {"externalId": 7},
        {"metadata": {str(number): "" for number in range(21)}},
        {"metadata": {"k" * 41: ""}},
        {"metadata": {"": "x"}},
        {"metadata": {"a": "v" * 501}},
        {"metadata": {"a": 1}},
        {"metadata": {"a": {"b": "c"}}},
        {"metadata": []},
    ],
    ids=lambda told: str(told)[:40],
)
def test_what_is_too_much_is_refused(desk: Desk, told: dict[str, Any]) -> None:
    """422, and nothing is made."""
    assert_problem(desk.make(**told), 422)


def test_the_most_is_kept(desk: Desk) -> None:
    """128 characters; twenty keys of 40 with 500 each."""
    told = {"externalId": "x" * 128, "metadata": {f"{number:040d}": "v" * 500 for number in range(20)}}
    made = desk.make(**told).body
    assert {name: made[name] for name in told} == told
    assert desk.one("GET", made["id"]).body["metadata"] == told["metadata"]


def test_partners_see_neither(fresh: World) -> None:
    """What the owner keeps with a referral is the owner's; nor is one found by it."""
    body = {
        "referralCode": fresh.books.partner("bob").code,
        "source": "phone",
        "externalId": "7",
        "metadata": {"a": "b"},
    }
    made = fresh.admin("POST /api/v1/referrals", body=body).body
    told = fresh.call("GET /api/v1/referrals/{referralId}", path={"referralId": made["id"]}, sub="bob").body
    assert (told["externalId"], told["metadata"]) == (None, None)
    assert_problem(fresh.call("GET /api/v1/referrals", query={"externalId": "7"}, sub="bob"), 422)


def test_a_referral_that_is_taken_out_frees_it(fresh: World) -> None:
    """As with its lead: it may be entered again."""
    body = {"referralCode": fresh.books.partner("bob").code, "source": "phone", "externalId": "7"}
    made = fresh.admin("POST /api/v1/referrals", body=body).body
    gone = fresh.admin("DELETE /api/v1/referrals/{referralId}", path={"referralId": made["id"]})
    assert (gone.status, gone.body["externalId"]) == (200, None)
    again = fresh.admin("POST /api/v1/referrals", body=body)
    assert again.status == 201, again


def test_who_is_forgotten_is_called_nothing(fresh: World) -> None:
    """Neither id nor texts stay, nor does anything lead there by the id; and it may be somebody else's."""
    books = fresh.books
    body = {
        "firstName": "Ada",
        "lastName": "Example",
        "email": "ada@example.com",
        "externalId": "7",
        "metadata": {"a": "b"},
    }
    id = fresh.admin("POST /api/v1/partners", body=body).body["id"]
    partners.change_status(books.context, id, PartnerStatus.TERMINATED, "asked", "ann")
    anonymization.partner(books.context, id)
    found = stored_partners.find(books.table, id)
    assert (found.external_id, found.metadata) == ("", ())
    assert fresh.admin("GET /api/v1/partners", query={"externalId": "7"}).body["data"] == []
    body["email"] = "other@example.com"
    assert fresh.admin("POST /api/v1/partners", body=body).status == 201


def test_a_customer_who_is_forgotten_takes_it_along(fresh: World) -> None:
    """What the owner calls the referral may say who it is of."""
    body = {
        "referralCode": fresh.books.partner("bob").code, "source": "phone", "externalId": "7", "metadata": {"a": "b"},
        "customerId": "dora",
    }  # fmt: skip
    made = fresh.admin("POST /api/v1/referrals", body=body).body
    anonymization.customer(fresh.books.context, "dora")
    told = fresh.admin("GET /api/v1/referrals/{referralId}", path={"referralId": made["id"]}).body
    assert (told["externalId"], told["metadata"]) == (None, {})
    assert fresh.admin("GET /api/v1/referrals", query={"externalId": "7"}).body["data"] == []
    assert fresh.admin("POST /api/v1/referrals", body=body | {"customerId": "eve"}).status == 201


def test_a_search_and_an_id_are_two_questions(fresh: World) -> None:
    """422 for both at once."""
    assert_problem(fresh.admin("GET /api/v1/partners", query={"externalId": "7", "q": "ada"}), 422)
