"""What waits for the staff: counted, summed, with its age; and what can be done about a withdrawal, as it is done."""

from __future__ import annotations

from typing import Any

import pytest

from refledger.domain.times import DAY_MS, iso
from refledger.entry.models.withdrawals import StaffWithdrawalView
from refledger.operations import inbox
from refledger.store import programs as stored_programs
from tests.support.functions import Answer, World
from tests.support.payouts import Provider, approved, start
from tests.support.programs import a_program

BASE = "/api/v1/withdrawals"
BODIES: dict[str, Any] = {
    "APPROVE": {}, "REJECT": {"note": "no"}, "MARK_PAID": {"transactionId": "T-1", "note": "seen"},
    "MARK_FAILED": {"note": "not made", "transactionId": "T-1"}, "RETRY": {},
    "MARK_RETURNED": {"note": "came back", "transactionId": "T-2"}, "RESOLVE": {"note": "put right"},
}  # fmt: skip


@pytest.fixture
def rich(fresh: World) -> World:
    """Bob has 500.00 to withdraw, and one person is enough for all of it."""
    fresh.books.set_terms(a_program(payout_minimum=100), stored_programs.find(fresh.books.table, "default").version)
    fresh.books.grant("bob", 50_000)
    fresh.books.mature("bob")
    return fresh


def waiting(world: World, group: str = "finance") -> dict[str, dict[str, Any]]:
    answer = world.call("GET /api/v1/inbox", sub="fin", groups=(group,))
    assert answer.status == 200, answer
    return {each["kind"]: each for each in answer.body["data"]}


def act(world: World, id: str, action: str, **more: str) -> Answer:
    path = action.lower().replace("_", "-")
    return world.call(
        f"POST {BASE}/{{withdrawalId}}/{path}", path={"withdrawalId": id}, body=BODIES[action] | more, sub="fin",
        groups=("finance",),
    )  # fmt: skip


def actions(world: World, id: str, sub: str = "fin", group: str = "finance") -> list[str]:
    answer = world.call(f"GET {BASE}/{{withdrawalId}}", path={"withdrawalId": id}, sub=sub, groups=(group,))
    found: list[str] = answer.body["actions"]
    return found


def test_of_nothing_nothing_waits(fresh: World) -> None:
    """Every kind is there, with none."""
    found = waiting(fresh)
    assert list(found) == list(inbox.InboxKind)
    assert {(each["count"], each["more"], each["oldestAt"]) for each in found.values()} == {(0, False, None)}


def test_what_waits_is_counted_and_summed(rich: World) -> None:
    """By currency in minor and major units, since when the oldest does; decided, it waits for something else."""
    first = rich.books.withdraw("bob", 1_000)
    began = rich.books.clock()
    rich.books.clock.forward(DAY_MS)
    second = rich.books.withdraw("bob", 2_500)
    found = waiting(rich)["WITHDRAWALS_TO_DECIDE"]
    assert (found["count"], found["more"]) == (2, False)
    assert found["sums"] == [{"currency": "USD", "amount": 3_500, "amountDecimal": "35.00"}]
    assert found["oldestAt"] <= iso(began)
    assert act(rich, first.id, "APPROVE").status == 200
    assert waiting(rich)["WITHDRAWALS_TO_PAY"]["sums"][0]["amount"] == 1_000
    assert waiting(rich)["WITHDRAWALS_TO_DECIDE"]["sums"][0]["amount"] == 2_500
    assert act(rich, second.id, "REJECT").status == 200
    assert waiting(rich)["WITHDRAWALS_TO_DECIDE"]["count"] == 0


def test_what_is_in_a_file_waits_for_the_bank(rich: World) -> None:
    """Not to be paid any more, and not to be forgotten."""
    made = rich.books.withdraw("bob", 1_000)
    act(rich, made.id, "APPROVE")
    start(rich.books, made.id)
    rich.call("POST /api/v1/payout-batches", sub="fin", groups=("finance",), body={})
    found = waiting(rich)
    assert (found["WITHDRAWALS_TO_PAY"]["count"], found["WITHDRAWALS_TO_CONFIRM"]["count"]) == (0, 1)


def test_problems_and_applications_wait_too(rich: World) -> None:
    """A payout that stands still, and somebody who wants to join."""
    start(rich.books, approved(rich.books).id, Provider(["NO FUNDS"]))
    body = {"firstName": "Eve", "lastName": "New", "email": "eve@example.com", "programId": "default", "message": "hi"}
    assert rich.call("POST /api/v1/applications", sub="eve", body=body).status == 201
    found = waiting(rich, "support")
    assert found["WITHDRAWALS_WITH_PROBLEM"]["sums"] == [{"currency": "USD", "amount": 2_000, "amountDecimal": "20.00"}]
    assert (found["APPLICATIONS"]["count"], found["APPLICATIONS"]["sums"]) == (1, [])


def test_more_than_are_counted_is_said(rich: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound on what one call reads; the oldest are those that are counted."""
    monkeypatch.setattr(inbox, "LOOKED_AT", 2)
    ids = []
    for amount in (100, 200, 300):
        ids.append(rich.books.withdraw("bob", amount).id)
        rich.books.clock.forward(1_000)
    found = waiting(rich)["WITHDRAWALS_TO_DECIDE"]
    assert (found["count"], found["more"], found["sums"][0]["amount"]) == (2, True, 300)


def test_partners_have_no_inbox(fresh: World) -> None:
    """It is for staff."""
    assert fresh.call("GET /api/v1/inbox", sub="bob").status == 403


# ---------------------------------------------------------------- what can be done


def in_state(world: World, state: str) -> str:
    """A withdrawal of Bob's, of 10.00, in a state."""
    books = world.books
    match state:
        case "REQUESTED":
            return books.withdraw("bob", 1_000).id
        case "REJECTED":
            id = in_state(world, "REQUESTED")
            assert act(world, id, "REJECT").status == 200
            return id
        case "APPROVED":
            id = in_state(world, "REQUESTED")
            assert act(world, id, "APPROVE").status == 200
            return id
        case "PAID":
            id = in_state(world, "APPROVED")
            assert act(world, id, "MARK_PAID", transactionId="T-0").status == 200
            return id
        case "FAILED":
            id = in_state(world, "APPROVED")
            assert act(world, id, "MARK_FAILED").status == 200
            return id
        case "PAYING":
            id = in_state(world, "APPROVED")
            start(books, id)
            return id
        case "DECLINED":
            return start(books, approved(books, amount=1_000).id, Provider(["NO FUNDS"])).id
    raise ValueError(state)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("REQUESTED", ["APPROVE", "REJECT"]), ("APPROVED", ["MARK_PAID", "MARK_FAILED"]), ("REJECTED", []),
        ("PAYING", ["MARK_PAID", "MARK_FAILED"]), ("PAID", ["MARK_RETURNED"]), ("FAILED", []),
        ("DECLINED", ["MARK_PAID", "MARK_FAILED", "RETRY"]),
    ],
)  # fmt: skip
def test_what_is_offered_is_done_and_what_is_not_is_refused(rich: World, state: str, expected: list[str]) -> None:
    """Each action on a withdrawal of its own: 200 where it was offered, else a refusal."""
    assert actions(rich, in_state(rich, state)) == expected
    for action in BODIES:
        id = in_state(rich, state)
        answer = act(rich, id, action)
        assert (answer.status == 200) is (action in expected), (action, answer)
        if answer.status == 200:
            StaffWithdrawalView.model_validate(answer.body)


def test_nobody_is_offered_what_is_not_theirs(rich: World) -> None:
    """Support reads; the partner decides nothing about their own, whatever role they have."""
    id = in_state(rich, "REQUESTED")
    assert actions(rich, id, group="support") == []
    assert actions(rich, id, sub="bob") == []
    paid = in_state(rich, "PAID")
    assert actions(rich, paid, sub="bob") == []
    assert actions(rich, paid, sub="ada", group="admin") == ["MARK_RETURNED"]


def test_what_stops_everybody_is_not_offered(rich: World) -> None:
    """While the partner is suspended nobody lets money out; that it failed can be said."""
    asked, decided = in_state(rich, "REQUESTED"), in_state(rich, "APPROVED")
    path = {"partnerId": rich.books.partner("bob").id}
    said = rich.call("POST /api/v1/partners/{partnerId}/suspend", path=path, body={"reason": "fraud"}, sub="ada",
                     groups=("admin",))  # fmt: skip
    assert said.status == 200
    assert actions(rich, asked) == ["REJECT"]
    assert actions(rich, decided) == ["MARK_FAILED"]


def test_the_account_is_shown_to_who_asks_for_it(rich: World) -> None:
    """Left out at a first look, of which the audit has nothing; whole, and written down, for who wants it."""
    id = in_state(rich, "APPROVED")
    path = {"withdrawalId": id}

    def read(**query: str) -> Any:
        route = f"GET {BASE}/{{withdrawalId}}"
        return rich.call(route, path=path, query=query, sub="fin", groups=("finance",)).body["account"]

    assert read(account="false") is None
    assert read()["iban"] == read(account="true")["iban"]
