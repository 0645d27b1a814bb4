"""What staff do about rewards over HTTP: give, amend, pay, many at a time; and what they find of them, by date."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from refledger.domain.times import DAY_MS, HOUR_MS
from tests.support.functions import Answer, World, assert_problem

RS = "/api/v1/rewards"
R = f"{RS}/{{rewardId}}"
FIN: dict[str, Any] = {"sub": "fin", "groups": ("finance",)}
GIL: dict[str, Any] = {"sub": "gil", "groups": ("finance",)}  # who gives; nobody pays what they gave
EVE: dict[str, Any] = {"sub": "eve", "groups": ("admin",)}
SUPPORT: dict[str, Any] = {"sub": "sue", "groups": ("support",)}
LIMIT = 5_000


@pytest.fixture(scope="module")
def world(world: World) -> World:
    """The default program: above 50.00 two people give; nothing is held back."""
    world.books.change_program(adjustment_limit=LIMIT)
    return world


@pytest.fixture
def bob(world: World, somebody: Callable[[], str]) -> str:
    """A partner of one test's own, on a day of its own: what staff made is summed up over a day."""
    world.books.clock.forward(26 * HOUR_MS)
    name = somebody()
    world.books.partner(name)
    return name


def give(world: World, name: str, amount: int, key: str = "", **told: Any) -> Answer:
    body = {"partnerId": world.books.partner(name).id, "amount": amount, "currency": "usd", "reason": "spoke for us"}
    headers = {"idempotency-key": key} if key else {}
    return world.call(f"POST {RS}", body=body, headers=headers, **(told or GIL))


def given(world: World, name: str, amount: int) -> str:
    """The id of an approved reward."""
    id = give(world, name, amount).body["id"]
    world.books.mature(name)
    return str(id)


def on(world: World, id: str, method_and_verb: str, body: Any, **told: Any) -> Answer:
    return world.call(method_and_verb, path={"rewardId": id}, body=body, **(told or FIN))


def many(world: World, verb: str, ids: list[str], key: str = "", **more: Any) -> Answer:
    headers = {"idempotency-key": key} if key else {}
    return world.call(f"POST {RS}/bulk-{verb}", body={"rewardIds": ids, **more}, headers=headers, **FIN)


def said(answer: Answer) -> list[tuple[str | None, str | None]]:
    assert answer.status == 200, answer
    return [(each["status"], each["code"]) for each in answer.body["results"]]


# ---------------------------------------------------------------- by hand


def test_a_reward_is_given_by_hand(world: World, bob: str) -> None:
    """201, once per key; its payment says by whom and why; the partner sees it without staff's words."""
    made = give(world, bob, 2_500, "k")
    assert (made.status, made.body["status"], made.body["amount"], made.body["rule"]) == (
        201,
        "PENDING",
        2500,
        "by-hand",
    )
    assert give(world, bob, 2_500, "k").body["id"] == made.body["id"]
    other = give(world, bob, 2_501, "k")
    assert (other.status, other.code) == (422, "IDEMPOTENCY_KEY_REUSED")
    paid = world.call("GET /api/v1/payments/{paymentId}", path={"paymentId": made.body["paymentId"]}, **FIN).body
    assert (paid["origin"], paid["note"], paid["by"]) == ("BY_HAND", "spoke for us", world.books.user("gil"))
    (own,) = world.call(f"GET {RS}", sub=bob).body["data"]
    assert (own["id"], own["note"], own["by"]) == (made.body["id"], None, None)
    explained = on(world, own["id"], f"GET {R}/explain", None, sub=bob)
    assert "given by a person" in explained.body["earned"]["text"]


def test_above_the_limit_it_takes_two(world: World, bob: str) -> None:
    """Held, in staff's list; who gave it gets 409 for the release, another one lets it into the balance."""
    made = give(world, bob, LIMIT + 1).body
    assert made["held"] == ["SECOND_PERSON"]
    held = world.call(f"GET {RS}", query={"programId": "default", "state": "held", "limit": "100"}, **FIN).body["data"]
    assert made["id"] in [each["id"] for each in held]
    seen = on(world, made["id"], f"GET {R}", None, sub=bob).body
    assert seen["held"] == ["REVIEW"]
    refused = on(world, made["id"], f"POST {R}/release", {}, **GIL)
    assert (refused.status, refused.code) == (409, "SECOND_PERSON_NEEDED")
    assert on(world, made["id"], f"POST {R}/release", {}, **EVE).body["status"] == "APPROVED"
    assert world.books.balance(bob) == (LIMIT + 1, 0, 0)


@pytest.mark.parametrize("who", [SUPPORT, {"sub": "nobody"}])
def test_only_admins_and_finance_give(world: World, bob: str, who: dict[str, Any]) -> None:
    """403 for support and everybody else, and for staff who are the partner."""
    assert_problem(give(world, bob, 100, **who), 403)
    assert_problem(give(world, bob, 100, sub=bob, groups=("finance",)), 403)
    assert world.books.rewards(bob) == []


def test_a_reward_is_amended_by_version(world: World, bob: str) -> None:
    """A note by support, a hold by finance; 428 without a version, 412 with an old one."""
    made = give(world, bob, 100)
    id = made.body["id"]
    read = on(world, id, f"GET {R}", None)
    assert read.headers["etag"].startswith('"1-')
    assert_problem(on(world, id, f"PATCH {R}", {"note": "x"}), 428)
    noted = on(world, id, f"PATCH {R}", {"note": "rang twice"}, headers={"if-match": '"1"'}, **SUPPORT)
    assert (noted.status, noted.body["note"], noted.headers["etag"]) == (200, "rang twice", '"2"')
    assert_problem(on(world, id, f"PATCH {R}", {"hold": "odd"}, headers={"if-match": '"2"'}, **SUPPORT), 403)
    stale = on(world, id, f"PATCH {R}", {"hold": "odd"}, headers={"if-match": '"1"'}, **FIN)
    assert (stale.status, stale.code) == (412, "STALE")
    held = on(world, id, f"PATCH {R}", {"hold": "odd"}, headers={"if-match": '"2"'}, **FIN).body
    assert (held["held"], held["version"]) == (["odd"], 3)
    assert_problem(on(world, id, f"PATCH {R}", {}, headers={"if-match": '"3"'}, **FIN), 422)
    missing = on(world, "0" * 48, f"PATCH {R}", {"note": "x"}, headers={"if-match": '"1"'}, **FIN)
    assert (missing.status, missing.code) == (404, "REWARD_NOT_FOUND")


# ---------------------------------------------------------------- paid by themselves

PAID = {"paymentMethod": "bank_transfer", "transactionId": "TX-1"}


def test_a_reward_is_paid_by_itself(world: World, bob: str) -> None:
    """PAID, with a withdrawal that is PAID, in everybody's lists, with its timeline; the repeat is the same."""
    id = given(world, bob, 2_500)
    for _ in range(2):
        paid = on(world, id, f"POST {R}/process-payment", PAID)
        assert (paid.status, paid.body["status"]) == (200, "PAID")
    again = on(world, id, f"POST {R}/process-payment", {**PAID, "transactionId": "TX-2"})
    assert (again.status, again.code) == (409, "ALREADY_DECIDED")
    path = {"withdrawalId": paid.body["paidBy"]}
    made = world.call("GET /api/v1/withdrawals/{withdrawalId}", path=path, **FIN).body
    assert (made["status"], made["transactionId"], made["account"]) == ("PAID", "TX-1", None)
    assert made["payoutMethod"] == {"id": "", "type": "BANK_TRANSFER", "accountHolder": "", "account": ""}
    (mine,) = world.call("GET /api/v1/referrals/withdrawals", sub=bob).body["data"]
    assert mine["id"] == made["id"]
    told = world.call("GET /api/v1/withdrawals/{withdrawalId}/timeline", path=path, **FIN).body
    assert [(e["what"], e["status"], e["movement"], e["debit"], e["credit"]) for e in told["events"]] == [
        ("STATUS", "PAID", "PAY", "available", "paid")
    ]
    assert world.books.faults() == []


def test_what_is_not_approved_is_not_paid(world: World, bob: str) -> None:
    """409 while it waits, when it is reserved, and for a partner's own user 403."""
    id = give(world, bob, 2_500).body["id"]
    early = on(world, id, f"POST {R}/process-payment", PAID)
    assert (early.status, early.code) == (409, "NOT_PAYABLE")
    world.books.mature(bob)
    assert_problem(on(world, id, f"POST {R}/process-payment", PAID, sub=bob, groups=("finance",)), 403)
    world.books.withdraw(bob, 2_000)
    taken = on(world, id, f"POST {R}/process-payment", PAID)
    assert (taken.status, taken.code) == (409, "NOT_PAYABLE")


# ---------------------------------------------------------------- many at a time


def test_many_are_approved_with_a_result_for_each(world: World, bob: str) -> None:
    """In the order in which they were named; one that cannot be keeps no other; the repeat is the same answer."""
    ids = [give(world, bob, amount).body["id"] for amount in (100, 200, LIMIT + 1)]
    ids = [*ids, "nosuchthing", "a" * 48, "#" * 48]
    first = many(world, "approve", ids, "many")
    assert [each["id"] for each in first.body["results"]] == ids
    none = (None, "REWARD_NOT_FOUND")
    assert said(first) == [("APPROVED", None), ("APPROVED", None), (None, "CONFLICT"), none, none, none]
    on(world, ids[2], f"POST {R}/release", {}, **EVE)
    assert many(world, "approve", ids, "many").body == first.body  # what was answered, whatever came after
    assert said(many(world, "approve", ids[:3])) == [("APPROVED", None)] * 3
    other = many(world, "approve", ids[:1], "many")
    assert (other.status, other.code) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert world.books.balance(bob) == (300 + LIMIT + 1, 0, 0)


def test_many_are_cancelled(world: World, bob: str) -> None:
    """With a reason; one that was paid stays."""
    ids = [given(world, bob, amount) for amount in (100, 200)]
    on(world, ids[0], f"POST {R}/process-payment", PAID)
    for _ in range(2):
        assert said(many(world, "cancel", ids, note="a mistake")) == [(None, "ALREADY_DECIDED"), ("CANCELLED", None)]
    assert world.books.balance(bob) == (0, 0, 100)
    assert_problem(many(world, "cancel", ids), 422)


def test_many_are_paid_by_one_payment(world: World, bob: str) -> None:
    """Each by itself under the same number; twice is once, with a key or without; another number is refused."""
    ids = [given(world, bob, amount) for amount in (100, 200, 300)]
    first = many(world, "pay", ids[:2], "k", **PAID)
    assert said(first) == [("PAID", None)] * 2
    assert many(world, "pay", ids[:2], "k", **PAID).body == first.body
    assert said(many(world, "pay", ids, **PAID)) == [("PAID", None)] * 3
    other = many(world, "pay", ids, paymentMethod="CASH", transactionId="TX-2")
    assert said(other) == [(None, "ALREADY_DECIDED")] * 3
    assert world.books.balance(bob) == (0, 0, 600)
    assert world.books.faults() == []


def test_one_payment_of_many_has_the_limit_of_one(world: World, bob: str, somebody: Callable[[], str]) -> None:
    """What one person pays a partner is not cut into rewards: all of it counts, also what was told before."""
    world.books.change_program(adjustment_limit=LIMIT, second_approval_limit=500)
    world.books.clock.forward(2 * DAY_MS)  # what they paid before counts no more
    other = somebody()
    world.books.partner(other)
    try:
        ids, his = [given(world, bob, amount) for amount in (200, 200, 200)], given(world, other, 100)
        told = said(many(world, "pay", [*ids, his, "x", "a" * 48], **PAID))
        assert told == [(None, "SECOND_PERSON_NEEDED")] * 3 + [("PAID", None)] + [(None, "REWARD_NOT_FOUND")] * 2
        assert said(many(world, "pay", ids[:2], **PAID)) == [("PAID", None)] * 2
        assert said(many(world, "pay", ids, **PAID)) == [("PAID", None)] * 2 + [(None, "SECOND_PERSON_NEEDED")]
        assert world.books.balance(bob) == (200, 0, 400)
        assert world.books.faults() == []
    finally:
        world.books.change_program(adjustment_limit=LIMIT)


# ---------------------------------------------------------------- lists


def listed(world: World, **query: str) -> list[str]:
    found, asked = [], {"limit": "3", **query}
    for _ in range(200):
        answer = world.call(f"GET {RS}", query=asked, **FIN)
        assert answer.status == 200, answer
        found += [each["id"] for each in answer.body["data"]]
        if not answer.body["nextCursor"]:
            return found
        asked["cursor"] = answer.body["nextCursor"]
    raise AssertionError("pages without end")


def test_rewards_by_partner_program_status_and_date(world: World, bob: str) -> None:
    """Each filter alone and all together; the day of the last one included; none twice, none left out."""
    days = []
    for number in range(3):
        world.books.clock.forward(DAY_MS)
        days.append(give(world, bob, 100 + number).body)
    partner = world.books.partner(bob).id
    on(world, days[1]["id"], f"POST {R}/cancel", {"note": "x"})
    ids, dates = [each["id"] for each in days], [each["createdAt"][:10] for each in days]
    assert listed(world, partnerId=partner) == ids[::-1]
    assert listed(world, partnerId=partner, programId="default") == ids[::-1]
    assert listed(world, partnerId=partner, programId="another") == []
    assert listed(world, partnerId=partner, status="cancelled") == [ids[1]]
    assert listed(world, partnerId=partner, **{"from": dates[1]}) == ids[:0:-1]
    assert listed(world, partnerId=partner, to=dates[1]) == ids[1::-1]
    period = {"from": dates[0], "to": dates[2]}
    assert set(ids) <= set(listed(world, programId="default", **period))
    assert listed(world, programId="default", status="CANCELLED", **period) == [ids[1]]
    assert set(listed(world, programId="default", **{"from": dates[2], "to": dates[2]})) == {ids[2]}
    everything = listed(world, programId="default")
    assert len(everything) == len(set(everything)) >= 3


def test_many_that_do_not_fit_are_passed_over_in_short_pages(world: World, bob: str) -> None:
    """Two hundred are looked at in a call: then the page ends, empty perhaps, and goes on with its cursor."""
    world.books.clock.forward(DAY_MS)
    oldest = give(world, bob, 77).body
    on(world, oldest["id"], f"POST {R}/cancel", {"note": "x"})
    world.books.clock.forward(1)
    world.books.grant(bob, *range(1, 231))
    day = {"from": oldest["createdAt"][:10]}
    for query in ({"partnerId": world.books.partner(bob).id}, {"programId": "default", **day}):
        first = world.call(f"GET {RS}", query={**query, "status": "cancelled"}, **FIN).body
        assert first["data"] == []
        assert first["nextCursor"]
        assert listed(world, **query, status="cancelled") == [oldest["id"]]


def test_partners_filter_their_own_and_nothing_of_a_program(world: World, bob: str) -> None:
    """By status and date; a program's list is staff's, with or without a state."""
    give(world, bob, 100)
    own = world.call(f"GET {RS}", sub=bob, query={"status": "pending"})
    assert [each["amount"] for each in own.body["data"]] == [100]
    assert world.call(f"GET {RS}", sub=bob, query={"status": "paid"}).body["data"] == []
    for query in ({"programId": "default"}, {"programId": "default", "state": "held"}):
        assert_problem(world.call(f"GET {RS}", sub=bob, query=query), 403)


def test_state_goes_alone(world: World) -> None:
    """The lists of what waits know no other filters; staff must say whose rewards they mean."""
    for query in (
        {"state": "held"}, {"programId": "default", "state": "held", "status": "PAID"},
        {"programId": "default", "state": "held", "from": "2026-01-01"}, {}, {"status": "PAID"},
    ):  # fmt: skip
        assert_problem(world.call(f"GET {RS}", query=query, **FIN), 422)


def test_payments_of_a_program(world: World, bob: str) -> None:
    """Newest first, with their shares, by origin and date; a program is needed."""
    world.books.clock.forward(DAY_MS)
    made = give(world, bob, 4_321).body
    day = made["createdAt"][:10]
    query = {"programId": "default", "from": day, "to": day, "origin": "by_hand"}
    (found,) = world.call("GET /api/v1/payments", query=query, **FIN).body["data"]
    assert (found["id"], found["amount"], found["origin"], found["gone"]) == (made["paymentId"], 4321, "BY_HAND", 0)
    assert found["shares"] == [{"rewardId": made["id"], "amount": 4321}]
    assert world.call("GET /api/v1/payments", query={**query, "origin": "payment"}, **FIN).body["data"] == []
    assert_problem(world.call("GET /api/v1/payments", **FIN), 422)
    assert_problem(world.call("GET /api/v1/payments", query=query, sub=bob), 403)
