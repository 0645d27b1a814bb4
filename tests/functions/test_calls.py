"""Calls over HTTP as clients make them: what is answered, to whom, how often, and what happens behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from refledger.operations.payouts import workflow_callbacks
from tests.support.functions import ANY_REQUEST, Answer, World, assert_problem
from tests.support.payouts import start

WITHDRAW = "POST /api/v1/referrals/withdraw"
IBAN = {"type": "BANK_TRANSFER", "accountHolder": "Bob Example", "iban": "DE89 3704 0044 0532 0130 00"}
ACCOUNT = {
    "type": "BANK_TRANSFER",
    "accountHolder": "Bob Example",
    "accountNumber": "123456789",
    "bankCode": "10020030",
}


@pytest.fixture
def bob(world: World, somebody: Callable[[], str]) -> str:
    """A partner with 100.00."""
    name = somebody()
    world.books.grant(name, 10_000)
    world.books.mature(name)
    return name


def withdraw(world: World, name: str, amount: int = 1500, key: str | None = None, **changes: Any) -> Answer:
    headers = {"idempotency-key": key} if key else {}
    body = {"amount": amount, "currency": "USD", "payoutMethod": IBAN, **changes}
    return world.call(WITHDRAW, sub=name, body=body, headers=headers)


def staff(world: World, id: str, action: str = "", body: Any = None, key: str | None = None, **who: Any) -> Answer:
    """Read a withdrawal, or do something about it, as finance."""
    caller = {"sub": "fin", "groups": ("finance",), **who}
    route = "/api/v1/withdrawals/{withdrawalId}" + (f"/{action}" if action else "")
    headers = {"idempotency-key": key} if key else {}
    return world.call(
        ("POST " if action else "GET ") + route, path={"withdrawalId": id}, body=body, headers=headers, **caller
    )


# ---------------------------------------------------------------- members


def test_a_member_gets_a_code_and_a_friend_applies_it(world: World, somebody: Callable[[], str]) -> None:
    """The same code each time; applied in small letters; a repeat answers the same referral."""
    alice, friend = somebody(), somebody()
    first, again = (world.call("GET /api/v1/referrals/code", sub=alice) for _ in range(2))
    assert first.body == again.body
    assert set(first.body) == {"code", "partnerId", "status"}
    path = {"code": first.body["code"].lower()}
    applied, repeated = (world.call("POST /api/v1/referrals/apply/{code}", sub=friend, path=path) for _ in range(2))
    assert applied.status == 201
    assert applied.body == repeated.body
    assert applied.body["partnerId"] == first.body["partnerId"]
    assert_problem(world.call("POST /api/v1/referrals/apply/{code}", sub=alice, path=path), 422)


def test_figures_have_both_tiers_even_when_there_is_nothing(world: World, somebody: Callable[[], str]) -> None:
    """Somebody who never came before sees zeros, and is not made a partner by looking."""
    name = somebody()
    answer = world.call("GET /api/v1/referrals/stats", sub=name)
    assert answer.body["tier1"] == answer.body["tier2"] == {"referrals": 0, "earnings": []}
    assert answer.body["balances"] == []
    assert_problem(withdraw(world, name), 404)


def test_a_withdrawal_is_asked_for_and_followed(world: World, bob: str) -> None:
    """201 with the withdrawal, its workflow is started under its id, and it is found again."""
    made = withdraw(world, bob)
    assert made.status == 201
    assert (made.body["status"], made.body["amount"], made.body["currency"]) == ("REQUESTED", 1500, "USD")
    assert world.machine.executions[made.body["id"]] == "RUNNING"
    path = {"withdrawalId": made.body["id"]}
    assert world.call("GET /api/v1/referrals/withdrawals/{withdrawalId}", sub=bob, path=path).body == made.body
    assert world.call("GET /api/v1/referrals/withdrawals", sub=bob).body["data"] == [made.body]


def test_a_request_is_good_without_its_workflow(world: World, bob: str) -> None:
    """Step Functions is down: the money is reserved, the sweeper will start it, the caller need not know."""
    world.machine.down = "ThrottlingException"
    made = withdraw(world, bob)
    world.machine.down = ""
    assert made.status == 201
    assert made.body["id"] not in world.machine.executions
    assert world.books.balance(bob) == (8500, 1500, 0)


def test_a_repeat_starts_what_the_first_call_could_not(world: World, bob: str) -> None:
    """The first call died after the money was reserved; its repeat starts the workflow."""
    world.machine.down = "ThrottlingException"
    first = withdraw(world, bob, key="key")
    world.machine.down = ""
    assert withdraw(world, bob, key="key").body == first.body
    assert world.machine.executions[first.body["id"]] == "RUNNING"


def test_one_key_is_one_withdrawal(world: World, bob: str) -> None:
    """The same body in another order and with other blanks is the same; another amount is refused."""
    first = withdraw(world, bob, key="key")
    text = (
        '{ "payoutMethod": {"iban":"DE89370400440532013000","accountHolder":" Bob Example ","type":"bank_transfer"},'
        '"currency":"usd", "amount":1500 }'
    )
    again = world.call(WITHDRAW, sub=bob, text=text, headers={"idempotency-key": "key"})
    assert (again.status, again.body) == (201, first.body)
    other = withdraw(world, bob, 1501, key="key")
    assert_problem(other, 422)
    assert other.code == "IDEMPOTENCY_KEY_REUSED"
    assert world.books.balance(bob) == (8500, 1500, 0)


@pytest.mark.parametrize(
    ("amount", "status", "code"), [(10_001, 422, "INSUFFICIENT_FUNDS"), (999, 422, "BELOW_MINIMUM"), (10_000, 201, "")]
)
def test_what_can_be_asked_for(world: World, bob: str, amount: int, status: int, code: str) -> None:
    """All of it, not a cent more, and not less than the minimum."""
    answer = withdraw(world, bob, amount)
    assert answer.status == status
    assert code in ("", answer.body.get("code"))


def test_an_undecided_request_can_be_taken_back(world: World, bob: str) -> None:
    """The money is there again, the waiting task is told; a second time with the same key changes nothing."""
    id = withdraw(world, bob).body["id"]
    world.machine.waiting.add("token")
    workflow_callbacks.wait(world.books.context, world.machine.waker, id, workflow_callbacks.APPROVAL, "token")
    cancel = "POST /api/v1/referrals/withdrawals/{withdrawalId}/cancel"
    for _ in range(2):
        answer = world.call(cancel, sub=bob, path={"withdrawalId": id}, headers={"idempotency-key": "key"})
        assert (answer.status, answer.body["status"]) == (200, "CANCELLED")
    assert world.machine.woken[-1] == ("token", {"withdrawalId": id, "status": "CANCELLED"})
    assert world.books.balance(bob) == (10_000, 0, 0)
    assert_problem(world.call(cancel, sub=bob, path={"withdrawalId": id}), 409)


def test_another_partners_withdrawal_is_not_found(world: World, bob: str, somebody: Callable[[], str]) -> None:
    """Neither read nor taken back, by a partner or by somebody who is none; the answer is that of no withdrawal."""
    id, eve = withdraw(world, bob).body["id"], somebody()
    world.books.partner(eve)
    for route in (
        "GET /api/v1/referrals/withdrawals/{withdrawalId}",
        "POST /api/v1/referrals/withdrawals/{withdrawalId}/cancel",
    ):
        for sub in (eve, somebody()):
            other = world.call(route, sub=sub, path={"withdrawalId": id})
            nothing = world.call(route, sub=sub, path={"withdrawalId": "nosuchthing"})
            assert_problem(other, 404)
            assert other.body | ANY_REQUEST == nothing.body | ANY_REQUEST


# ---------------------------------------------------------------- account numbers


EVERY = {"limit": "100", "status": "ALL"}


@pytest.mark.parametrize(
    ("method", "field", "whole", "masked"),
    [
        (IBAN, "iban", "DE89370400440532013000", "DE\u20263000"),
        (ACCOUNT, "accountNumber", "123456789", "\u20266789"),
        ({**ACCOUNT, "accountNumber": "98765"}, "accountNumber", "98765", "\u202665"),
    ],
)
def test_an_account_number_is_whole_only_where_money_is_sent(
    world: World, bob: str, method: dict[str, str], field: str, whole: str, masked: str
) -> None:
    """Staff who read one that is to be paid see it; the partner, lists and the answers to decisions show its end."""
    made = withdraw(world, bob, payoutMethod=method)
    id = made.body["id"]
    approved = staff(world, id, "approve").body
    assert staff(world, id).body["account"][field] == whole
    listed = world.call("GET /api/v1/withdrawals", sub="fin", groups=("finance",), query=EVERY).body["data"]
    own = world.call("GET /api/v1/referrals/withdrawals", sub=bob).body["data"]
    views = [made.body, own[0], next(each for each in listed if each["id"] == id), approved]
    assert [view["payoutMethod"]["account"] for view in views] == [masked] * 4
    assert all(whole not in str(view) for view in views)


def test_what_a_partner_sees_names_nobody(world: World, bob: str) -> None:
    """Neither who decided nor the note; staff see both."""
    id = withdraw(world, bob).body["id"]
    staff(world, id, "approve", {"note": "checked by phone"})
    seen = world.call("GET /api/v1/referrals/withdrawals/{withdrawalId}", sub=bob, path={"withdrawalId": id}).body
    assert [set(step) for step in seen["history"]] == [{"status", "at"}]
    step = staff(world, id).body["history"][0]
    assert (step["note"], step["by"]) == ("checked by phone", world.books.user("fin"))


# ---------------------------------------------------------------- staff


def test_from_approval_to_paid(world: World, bob: str) -> None:
    """Approved, then marked paid with the bank's id; the task that waits is told each time."""
    id = withdraw(world, bob).body["id"]
    for token, kind, action, body, status in (
        ("one", workflow_callbacks.APPROVAL, "approve", {"note": "fine"}, "APPROVED"),
        ("two", workflow_callbacks.SETTLEMENT, "mark-paid", {"transactionId": "T-1"}, "PAID"),
    ):
        world.machine.waiting.add(token)
        workflow_callbacks.wait(world.books.context, world.machine.waker, id, kind, token)
        answer = staff(world, id, action, body)
        assert (answer.status, answer.body["status"]) == (200, status)
        assert world.machine.woken[-1] == (token, {"withdrawalId": id, "status": status})
        start(world.books, id)
    assert staff(world, id).body["transactionId"] == "T-1"
    assert world.books.balance(bob) == (8500, 0, 1500)


@pytest.mark.parametrize(
    ("before", "action", "ends"), [([], "reject", "REJECTED"), (["approve"], "mark-failed", "FAILED")]
)
def test_what_is_not_paid_is_available_again(world: World, bob: str, before: list[str], action: str, ends: str) -> None:
    """Rejected, or approved and then failed."""
    id = withdraw(world, bob).body["id"]
    for each in before:
        staff(world, id, each)
    assert staff(world, id, action, {"note": "no"}).body["status"] == ends
    assert world.books.balance(bob) == (10_000, 0, 0)


def test_a_decision_stands_though_nobody_can_be_told(world: World, bob: str) -> None:
    """Step Functions is down: 200, the item says APPROVED."""
    id = withdraw(world, bob).body["id"]
    world.machine.waiting.add("token")
    workflow_callbacks.wait(world.books.context, world.machine.waker, id, workflow_callbacks.APPROVAL, "token")
    world.machine.down = "ServiceUnavailable"
    answer = staff(world, id, "approve")
    world.machine.down = ""
    assert (answer.status, answer.body["status"]) == (200, "APPROVED")


def test_decisions_are_made_once(world: World, bob: str) -> None:
    """Another decision is 409; the same request with its key is the same answer; without a key it is a second one."""
    id = withdraw(world, bob).body["id"]
    first = staff(world, id, "approve", {"note": "fine"}, key="key")
    assert staff(world, id, "approve", {"note": "fine"}, key="key").body == first.body
    for action in ("approve", "reject"):
        again = staff(world, id, action)
        assert_problem(again, 409)
        assert again.code == "ALREADY_DECIDED"
    assert_problem(staff(world, id, "approve", {"note": "other"}, key="key"), 409)
    assert_problem(staff(world, id, "approve", {"note": "fine"}, key="key", sub="another"), 409)


def test_nobody_decides_about_their_own_money(world: World, bob: str) -> None:
    """Finance who asked for a withdrawal: 403 for all four."""
    id = withdraw(world, bob).body["id"]
    for action, body in (
        ("approve", None), ("reject", None), ("mark-paid", {"transactionId": "T"}), ("mark-failed", None),
    ):  # fmt: skip
        answer = staff(world, id, action, body, sub=bob)
        assert_problem(answer, 403)
        assert answer.code == "OWN_WITHDRAWAL"


def test_nothing_is_paid_that_nobody_approved(world: World, bob: str) -> None:
    """409 for a transfer of a mere request."""
    answer = staff(world, withdraw(world, bob).body["id"], "mark-paid", {"transactionId": "T"})
    assert_problem(answer, 409)
    assert answer.code == "NOT_PAYABLE"


# ---------------------------------------------------------------- admins


def test_programs_and_partners_are_made_once(fresh: World) -> None:
    """201 each time with the same key and body; another body is refused; the id or the address is taken otherwise."""
    program = {"id": "second", "name": "Second", "currency": "EUR", "tierRatesBps": [2000, 1000]}
    partner = {"firstName": "Ada", "lastName": "E", "email": "ada@example.com", "programId": "second"}
    changed = {"name": "Other", "firstName": "Other"}
    for route, body, taken in (
        ("POST /api/v1/programs", program, "PROGRAM_EXISTS"),
        ("POST /api/v1/partners", partner, "EMAIL_TAKEN"),
    ):
        key = {"idempotency-key": "key"}
        first, again = (fresh.admin(route, body=body, headers=key) for _ in range(2))
        assert first.status == again.status == 201
        assert first.body == again.body
        other = {**body, **{name: value for name, value in changed.items() if name in body}}
        reused, second = fresh.admin(route, body=other, headers=key), fresh.admin(route, body=other)
        assert (reused.status, reused.code) == (422, "IDEMPOTENCY_KEY_REUSED")
        assert (second.status, second.code) == (409, taken)
    read = fresh.admin("GET /api/v1/programs/{programId}", path={"programId": "second"}).body
    assert (read["tierRatesBps"], read["payoutMinimum"]) == ([2000, 1000], {"currency": "EUR", "amount": 100})


def test_a_partner_is_stopped_and_let_go_on(fresh: World) -> None:
    """Each status by its own route, repeats included; terminated is the end."""
    id = fresh.books.partner("bob").id
    for action, status in (
        ("suspend", "SUSPENDED"), ("suspend", "SUSPENDED"), ("deactivate", "INACTIVE"), ("activate", "ACTIVE"),
        ("terminate", "TERMINATED"),
    ):  # fmt: skip
        route = f"POST /api/v1/partners/{{partnerId}}/{action}"
        answer = fresh.admin(route, path={"partnerId": id}, body={"reason": "why"})
        assert (answer.status, answer.body["status"]) == (200, status)
    back = fresh.admin("POST /api/v1/partners/{partnerId}/activate", path={"partnerId": id}, body={"reason": "why"})
    assert_problem(back, 409)


def test_a_partner_without_a_user_gets_one_later(fresh: World) -> None:
    """What an onboarded company earned can be withdrawn by whom an admin names, and by nobody else."""
    body = {"firstName": "Ada", "lastName": "E", "email": "ada@example.com"}
    made = fresh.admin("POST /api/v1/partners", body=body).body
    route, path = "POST /api/v1/partners/{partnerId}/link-user", {"partnerId": made["id"]}
    linked = fresh.admin(route, path=path, body={"sub": "ada"})
    assert (linked.status, linked.body["id"]) == (200, made["id"])
    assert fresh.admin(route, path=path, body={"sub": "ada"}).status == 200
    assert fresh.call("GET /api/v1/referrals/code", sub="ada").body["code"] == made["referralCode"]
    assert_problem(fresh.admin(route, path=path, body={"sub": "eve"}), 409)
    fresh.books.partner("bob")
    other = fresh.admin("POST /api/v1/partners", body={**body, "email": "b@example.com"}).body
    assert_problem(fresh.admin(route, path={"partnerId": other["id"]}, body={"sub": "bob"}), 409)
    fresh.books.grant("ada", 5000)
    fresh.books.mature("ada")
    assert withdraw(fresh, "ada").status == 201


# ---------------------------------------------------------------- the ledger


def test_a_partner_sees_the_own_journal_and_nobody_elses(world: World, bob: str, somebody: Callable[[], str]) -> None:
    """Own entries and balances with or without the own id; for another's id an empty list."""
    other = somebody()
    world.books.grant(other, 500)
    world.books.mature(other)
    mine, theirs = world.books.partner(bob).id, world.books.partner(other).id
    for query in ({}, {"partnerId": mine}):
        assert world.call("GET /api/v1/ledger/balances", sub=bob, query=query).body["data"] == [
            {
                "partnerId": mine, "currency": "USD", "available": 10_000, "reserved": 0, "paid": 0, "version": 1,
                "availableDecimal": "100.00", "reservedDecimal": "0.00", "paidDecimal": "0.00",
            }
        ]  # fmt: skip
        (entry,) = world.call("GET /api/v1/ledger/entries", sub=bob, query=query).body["data"]
        assert (entry["kind"], entry["debit"], entry["credit"], entry["amount"]) == (
            "EARN",
            "rewards",
            "available",
            10_000,
        )
    for route in ("GET /api/v1/ledger/balances", "GET /api/v1/ledger/entries"):
        answer = world.call(route, sub=bob, query={"partnerId": theirs})
        assert (answer.status, answer.body["data"]) == (200, [])
        assert world.call(route, sub="fin", groups=("finance",), query={"partnerId": theirs}).body["data"] != []


def test_a_journals_hashes_can_be_followed(world: World, bob: str) -> None:
    """Each entry carries the hash of the one before."""
    withdraw(world, bob)
    entries = world.call("GET /api/v1/ledger/entries", sub=bob).body["data"]
    assert [each["version"] for each in entries] == [1, 2]
    assert entries[1]["previousHash"] == entries[0]["hash"]
