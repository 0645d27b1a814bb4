"""What staff do about withdrawals, over HTTP: two people, problems and how they end, many at a time."""

from __future__ import annotations

from typing import Any

import pytest

from refledger.domain.times import DAY_MS
from refledger.operations.payouts import withdrawals, workflow_callbacks
from refledger.store import programs as stored_programs
from tests.support.functions import Answer, World, assert_problem
from tests.support.payouts import Provider, approved, start
from tests.support.programs import a_program

BASE = "/api/v1/withdrawals"


@pytest.fixture
def bob(fresh: World) -> str:
    """A partner with 500.00; above 20.00 it takes two people."""
    current = stored_programs.find(fresh.books.table, "default")
    changed = a_program(payout_minimum=1000, second_approval_limit=2000)
    fresh.books.set_terms(changed, current.version)
    fresh.books.grant("bob", 50_000)
    fresh.books.mature("bob")
    return "bob"


def staff(world: World, id: str, action: str, body: Any = None, sub: str = "fin", key: str = "") -> Answer:
    headers = {"idempotency-key": key} if key else {}
    return world.call(
        f"POST {BASE}/{{withdrawalId}}/{action}", path={"withdrawalId": id}, body=body, headers=headers, sub=sub,
        groups=("finance",),
    )  # fmt: skip


def read(world: World, id: str) -> Any:
    answer = world.call(f"GET {BASE}/{{withdrawalId}}", path={"withdrawalId": id}, sub="fin", groups=("finance",))
    assert answer.status == 200
    return answer.body


def listed(world: World, **query: str) -> list[str]:
    answer = world.call(f"GET {BASE}", query=query, sub="fin", groups=("finance",))
    return [each["id"] for each in answer.body["data"]]


def stuck(world: World, *fates: str) -> str:
    """A withdrawal of 20.00 whose payout waits for a person; of one day, so that one person is enough for each."""
    world.books.clock.forward(2 * DAY_MS)
    return start(world.books, approved(world.books).id, Provider(list(fates))).id


def test_two_people_one_after_the_other(fresh: World, bob: str) -> None:
    """The first is kept with the note, the same person's second is 409, another's approves; all of it is read."""
    made = fresh.books.withdraw(bob, 2001)
    first = staff(fresh, made.id, "approve", {"note": "one"}, key="k")
    assert (first.body["status"], len(first.body["approvals"])) == ("REQUESTED", 1)
    assert staff(fresh, made.id, "approve", {"note": "one"}, key="k").body == first.body
    again = staff(fresh, made.id, "approve")
    assert_problem(again, 409)
    assert again.code == "SECOND_PERSON_NEEDED"
    assert_problem(staff(fresh, made.id, "approve", sub=bob), 403)
    second = staff(fresh, made.id, "approve", {"note": "two"}, sub="second")
    assert second.body["status"] == "APPROVED"
    found = read(fresh, made.id)
    assert [(a["note"], a["by"]) for a in found["approvals"]] == [("one", fresh.books.user("fin"))]
    assert [(s["note"], s["by"]) for s in found["history"]] == [("two", fresh.books.user("second"))]


def test_what_has_a_problem_is_listed_apart(fresh: World, bob: str) -> None:
    """Whatever its status, and in no list of a status; with the key that the provider knows it by."""
    ids = [stuck(fresh, "NO FUNDS"), stuck(fresh, "FAULT")]
    fine = fresh.books.withdraw(bob, 1000).id
    assert sorted(listed(fresh, problem="true")) == sorted(ids)
    assert listed(fresh, status="PAYING") == []
    assert listed(fresh) == listed(fresh, problem="false") == [fine]
    found = read(fresh, ids[0])
    assert (found["problem"], found["payout"], found["providerKey"]) == ("DECLINED", 1, f"{ids[0]}-1")
    assert_problem(fresh.admin(f"GET {BASE}", query={"problem": "true", "status": "PAYING"}), 422)


def test_problems_page_like_every_list(fresh: World, bob: str) -> None:
    """Each once, by a cursor that is good for this list only."""
    ids = {stuck(fresh, "NO FUNDS") for _ in range(3)}
    seen, query = [], {"problem": "true", "limit": "2"}
    first = fresh.admin(f"GET {BASE}", query=query).body
    second = fresh.admin(f"GET {BASE}", query={**query, "cursor": first["nextCursor"]}).body
    seen = [each["id"] for each in (*first["data"], *second["data"])]
    assert (sorted(seen), second["nextCursor"]) == (sorted(ids), None)
    assert_problem(fresh.admin(f"GET {BASE}", query={"cursor": first["nextCursor"]}), 422)


def test_declined_and_tried_again(fresh: World, bob: str) -> None:
    """APPROVED once more, once for a key, and the workflow that waits is told; what is not declined is 409."""
    id = stuck(fresh, "NO FUNDS")
    fresh.machine.waiting.add("token")
    workflow_callbacks.wait(fresh.books.context, fresh.machine.waker, id, workflow_callbacks.SETTLEMENT, "token")
    for _ in range(2):
        again = staff(fresh, id, "retry", {"note": "topped up"}, key="k")
        assert (again.body["status"], again.body["problem"]) == ("APPROVED", None)
    assert fresh.machine.woken == [("token", {"withdrawalId": id, "status": "APPROVED"})]
    other = staff(fresh, stuck(fresh, "FAULT"), "retry")
    assert_problem(other, 409)
    assert other.code == "NOT_PAYABLE"
    assert_problem(staff(fresh, stuck(fresh, "NO FUNDS"), "retry", sub=bob), 403)


def test_an_unknown_payout_is_not_called_failed_without_a_note(fresh: World, bob: str) -> None:
    """422 with its own code; with a note, the money is available again."""
    id = stuck(fresh, "FAULT")
    refused = staff(fresh, id, "mark-failed")
    assert_problem(refused, 422)
    assert refused.code == "NOTE_NEEDED"
    failed = staff(fresh, id, "mark-failed", {"note": "the provider's support says so"})
    assert (failed.body["status"], failed.body["problem"]) == ("FAILED", None)


def test_a_payout_that_came_back(fresh: World, bob: str) -> None:
    """RETURNED, with the bank's id in the note; the payout's own stays; the partner sees it."""
    id = stuck(fresh)
    back = staff(fresh, id, "mark-returned", {"note": "closed", "transactionId": "R-7"})
    assert (back.body["status"], back.body["transactionId"]) == ("RETURNED", f"tr-{id}-1")
    assert back.body["history"][-1]["note"] == "closed (R-7)"
    path = {"withdrawalId": id}
    own = fresh.call("GET /api/v1/referrals/withdrawals/{withdrawalId}", sub=bob, path=path).body
    assert [step["status"] for step in own["history"]] == ["APPROVED", "PAYING", "PAID", "RETURNED"]
    assert fresh.books.balance(bob) == (50_000, 0, 0)
    assert_problem(staff(fresh, id, "mark-returned"), 409)


def test_a_partner_sees_changes_and_not_words_about_problems(fresh: World, bob: str) -> None:
    """PAYING is in the history once; neither risks nor the problem are shown."""
    path = {"withdrawalId": stuck(fresh, "NO FUNDS")}
    own = fresh.call("GET /api/v1/referrals/withdrawals/{withdrawalId}", sub=bob, path=path).body
    assert [step["status"] for step in own["history"]] == ["APPROVED", "PAYING"]
    assert {"problem", "risks", "approvals"} & set(own) == set()


def test_a_problem_that_was_put_right_elsewhere(fresh: World, bob: str) -> None:
    """Only with a note; then it is in the list of its status again."""
    id = stuck(fresh)
    withdrawals.provider_says(fresh.books.context, id, "PARTLY_RETURNED", f"tr-{id}-1", key=f"{id}-1")
    assert listed(fresh, problem="true") == [id]
    assert_problem(staff(fresh, id, "resolve", {"note": ""}), 422)
    solved = staff(fresh, id, "resolve", {"note": "credited"})
    assert (solved.body["status"], solved.body["problem"]) == ("PAID", None)
    assert listed(fresh, status="PAID") == [id]
    assert_problem(staff(fresh, id, "resolve", {"note": "again"}), 409)


def test_many_are_approved_at_once(fresh: World, bob: str) -> None:
    """A result for each, in their order, the same for the repeat; those that wait are told."""
    one, two = (fresh.books.withdraw(bob, amount).id for amount in (2000, 2001))
    fresh.books.grant("fin", 5000)
    fresh.books.mature("fin")
    own = fresh.books.withdraw("fin", 1000).id
    fresh.machine.waiting.add("token")
    workflow_callbacks.wait(fresh.books.context, fresh.machine.waker, one, workflow_callbacks.APPROVAL, "token")
    body = {"withdrawalIds": [one, two, own, "nosuchthing", "a#b"], "note": "all fine"}
    for _ in range(2):
        answer = fresh.call(
            f"POST {BASE}/bulk-approve", body=body, sub="fin", groups=("finance",), headers={"idempotency-key": "k"}
        )
        assert answer.status == 200
        assert [each["id"] for each in answer.body["results"]] == body["withdrawalIds"]
        assert [(each["status"], each["code"]) for each in answer.body["results"]] == [
            ("APPROVED", None), ("REQUESTED", None), (None, "OWN_WITHDRAWAL"), (None, "WITHDRAWAL_NOT_FOUND"),
            (None, "WITHDRAWAL_NOT_FOUND"),
        ]  # fmt: skip
    assert fresh.machine.woken == [("token", {"withdrawalId": one, "status": "APPROVED"})]
    assert read(fresh, one)["history"][0]["note"] == "all fine"


def test_many_are_confirmed_at_once(fresh: World, bob: str) -> None:
    """A bank's batch: each with its own transaction; what was not approved is said so; the repeat is the same."""
    ids = [fresh.books.withdraw(bob, 1000).id for _ in range(3)]
    for id in ids[:2]:
        staff(fresh, id, "approve")
        start(fresh.books, id)
    body = {"items": [{"withdrawalId": id, "transactionId": f"T-{number}"} for number, id in enumerate(ids)]}
    for _ in range(2):
        answer = fresh.call(
            f"POST {BASE}/bulk-mark-paid", body=body, sub="fin", groups=("finance",), headers={"idempotency-key": "k"}
        )
        assert [(each["status"], each["code"]) for each in answer.body["results"]] == [
            ("PAID", None), ("PAID", None), (None, "NOT_PAYABLE"),
        ]  # fmt: skip
    assert [read(fresh, id)["transactionId"] for id in ids] == ["T-0", "T-1", None]
    assert fresh.books.balance(bob) == (47_000, 1000, 2000)


def test_fifty_are_done_in_one_call(fresh: World, bob: str) -> None:
    """The most that is taken."""
    fresh.books.change_program()
    ids = [fresh.books.withdraw(bob, 1000).id for _ in range(50)]
    answer = fresh.call(f"POST {BASE}/bulk-approve", body={"withdrawalIds": ids}, sub="fin", groups=("finance",))
    assert [each["status"] for each in answer.body["results"]] == ["APPROVED"] * 50
