"""Rewards and payments over HTTP: who sees which, why they are what they are, and what staff decide about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from refledger.domain.times import DAY_MS
from refledger.store import programs as stored_programs
from tests.support.functions import ANY_REQUEST, Answer, World, assert_problem

R = "/api/v1/rewards/{rewardId}"
P = "/api/v1/payments/{paymentId}"
FIN: dict[str, Any] = {"sub": "fin", "groups": ("finance",)}
HOLD_DAYS = 30


class People:
    """Alice referred Bob, Bob referred Carol: names of one test's own."""

    def __init__(self, world: World, alice: str, bob: str, carol: str) -> None:
        self.world, self.alice, self.bob, self.carol = world, alice, bob, carol
        world.books.apply(bob, alice)
        world.books.apply(carol, bob)

    def pay(self, id: str, base: int = 9999, **changes: Any) -> str:
        """Our id of the payment; payments of different tests do not meet."""
        return self.world.books.pay(self.carol, f"{id} of {self.carol}", base, **changes).payment

    def refund(self, id: str, amount: int) -> None:
        self.world.books.refund(f"{id} of {self.carol}", amount)

    def dispute(self, id: str, amount: int) -> None:
        self.world.books.dispute(f"{id} of {self.carol}", amount)

    def reward(self, name: str) -> str:
        return self.world.books.rewards(name)[0].id


@pytest.fixture(scope="module")
def world(world: World) -> World:
    """The default program holds for thirty days."""
    books = world.books
    old = stored_programs.find(books.table, "default")
    books.set_terms(replace(old, hold_days=HOLD_DAYS), 1)
    books.clock.forward(2 * 60_000)  # programs are kept for a minute
    return world


@pytest.fixture
def people(world: World, somebody: Callable[[], str]) -> People:
    return People(world, somebody(), somebody(), somebody())


def get(world: World, id: str, what: str = "", **who: Any) -> Answer:
    return world.call(f"GET {R}{what}", path={"rewardId": id}, **(who or FIN))


def post(world: World, id: str, verb: str, body: Any = None, **who: Any) -> Answer:
    return world.call(f"POST {R}/{verb}", path={"rewardId": id}, body=body, **(who or FIN))


def payment(world: World, id: str, verb: str = "", body: Any = None, **who: Any) -> Answer:
    route = f"POST {P}/{verb}" if verb else f"GET {P}"
    return world.call(route, path={"paymentId": id}, body=body, **(who or FIN))


# ---------------------------------------------------------------- reading


def test_a_partner_sees_their_reward(people: People) -> None:
    """All amounts, the rule and the times; the same as staff, but for staff's words."""
    world, id = people.world, people.pay("p")
    own = get(world, people.reward(people.bob), sub=people.bob)
    assert own.status == 200
    wanted = {
        "partnerId": world.books.partner(people.bob).id, "tier": 1, "amount": 1999, "currency": "USD", "reversed": 0,
        "status": "PENDING", "net": 1999, "held": [], "base": 9999, "rateBps": 2000, "rule": "program",
        "ruleVersion": 2, "paymentId": id, "paidBy": None, "limit": None, "cancelled": None, "note": None, "by": None,
    }  # fmt: skip
    assert {name: own.body[name] for name in wanted} == wanted
    named = {"externalPaymentId": f"p of {people.carol}", "paymentToldBy": "payments", "customerId": people.carol}
    assert get(world, own.body["id"]).body == {**own.body, **named}, "staff see which order it is of"
    assert own.body["maturesAt"] > own.body["earnedAt"]


def test_another_partners_reward_is_not_found(people: People) -> None:
    """Read or explained, by a partner or by somebody who is none; the answer is that of no reward."""
    people.pay("p")
    id = people.reward(people.bob)
    for what in ("", "/explain"):
        for sub in (people.alice, people.carol, "nobody-at-all"):
            other = get(people.world, id, what, sub=sub)
            assert_problem(other, 404)
            assert other.code == "REWARD_NOT_FOUND"
            nothing = get(people.world, id[:-1] + ("0" if id[-1] != "0" else "1"), what, sub=sub)
            assert other.body | ANY_REQUEST == nothing.body | ANY_REQUEST


def test_an_explanation_has_everything(people: People) -> None:
    """Arithmetic, rule, refunds and disputes, and what comes next; partners get their own."""
    world, id = people.world, people.pay("p", amount=11_999)
    people.refund("p", 4000)
    people.dispute("p", 2000)
    answer = get(world, people.reward(people.bob), "/explain", sub=people.bob)
    assert answer.status == 200
    body = answer.body
    assert body["earned"]["text"] == "20.00 % of 99.99 USD = 19.998, rounded down to 19.99"
    taken = body["takenBack"]
    assert (taken["paid"], taken["refunded"], taken["disputed"], taken["gone"]) == (11_999, 4000, 2000, 6000)
    assert taken["reversed"] == 1999 - 1999 * 5999 // 11_999 == body["reward"]["reversed"]
    assert [(each["amount"], each["failed"]) for each in taken["refunds"]] == [(4000, False)]
    assert [(each["amount"], each["status"], each["paymentId"]) for each in taken["disputes"]] == [(2000, "OPEN", id)]
    assert (body["rule"]["source"], body["rule"]["version"], body["rule"]["tier"]) == ("program", 2, 1)
    assert (body["cap"], body["booked"], body["worth"]) == (None, None, 0)
    assert [each["what"] for each in body["next"]] == ["WAITS_FOR_DISPUTE"]
    assert body["reward"]["held"] == ["DISPUTE"]


def test_what_is_booked_names_its_entry(people: People) -> None:
    """After maturity: the entry in the partner's own journal, and the worth that it booked."""
    world = people.world
    people.pay("p")
    world.books.clock.forward(HOLD_DAYS * DAY_MS)
    world.books.mature(people.bob)
    body = get(world, people.reward(people.bob), "/explain", sub=people.bob).body
    (entry,) = world.call("GET /api/v1/ledger/entries", sub=people.bob).body["data"]
    assert body["booked"] == {"currency": "USD", "version": entry["version"]}
    assert body["worth"] == entry["amount"] == 1999
    assert [each["what"] for each in body["next"]] == ["WAITS_FOR_PAYOUT"]


def test_lists_of_rewards(people: People) -> None:
    """Partners get their own with or without their id, and nothing of another's; staff name whom they mean."""
    world = people.world
    for number in range(3):
        world.books.clock.forward(1000)
        people.pay(f"p{number}")
    mine, theirs = (world.books.partner(name).id for name in (people.bob, people.alice))
    newest_first = [reward.id for reward in reversed(world.books.rewards(people.bob))]
    for query in ({}, {"partnerId": mine}):
        own = world.call("GET /api/v1/rewards", sub=people.bob, query=query)
        assert [each["id"] for each in own.body["data"]] == newest_first
    other = world.call("GET /api/v1/rewards", sub=people.bob, query={"partnerId": theirs})
    assert (other.status, other.body["data"]) == (200, [])
    staff = world.call("GET /api/v1/rewards", query={"partnerId": mine}, **FIN)
    assert [each["id"] for each in staff.body["data"]] == newest_first
    assert_problem(world.call("GET /api/v1/rewards", **FIN), 422)
    listed = {"programId": "default", "state": "held"}
    assert_problem(world.call("GET /api/v1/rewards", sub=people.bob, query=listed), 403)


# ---------------------------------------------------------------- by hand


def held(world: World, state: str) -> list[str]:
    query = {"programId": "default", "state": state, "limit": "100"}
    return [each["id"] for each in world.call("GET /api/v1/rewards", query=query, **FIN).body["data"]]


def test_a_reward_is_held_and_released(people: People) -> None:
    """Held it stays out of the balance and is in staff's list; the partner is told that, and not staff's words."""
    world = people.world
    people.pay("p")
    id = people.reward(people.bob)
    for _ in range(2):
        answer = post(world, id, "hold", {"reason": "same card as Bob"})
        assert (answer.status, answer.body["held"]) == (200, ["same card as Bob"])
    assert id in held(world, "HELD")
    seen = get(world, id, sub=people.bob).body
    assert (seen["held"], seen["note"], seen["by"]) == (["REVIEW"], None, None)
    assert "same card" not in str(get(world, id, "/explain", sub=people.bob).body)
    world.books.clock.forward(HOLD_DAYS * DAY_MS)
    world.books.mature(people.bob)
    assert world.books.balance(people.bob) == (0, 0, 0)
    for _ in range(2):
        released = post(world, id, "release", {"note": "is fine"}).body
        assert (released["status"], released["held"], released["note"]) == ("APPROVED", [], "is fine")
    assert world.books.balance(people.bob) == (1999, 0, 0)
    assert id not in held(world, "HELD")


def test_a_reward_is_approved_early_and_cancelled(people: People) -> None:
    """Approved before its time, then cancelled: in the balance and out again; both may be repeated."""
    world = people.world
    people.pay("p")
    id = people.reward(people.bob)
    for _ in range(2):
        assert post(world, id, "approve", {}).body["status"] == "APPROVED"
    assert world.books.balance(people.bob) == (1999, 0, 0)
    for _ in range(2):
        cancelled = post(world, id, "cancel", {"note": "bought for himself"}).body
        assert (cancelled["status"], cancelled["cancelled"]) == ("CANCELLED", "BY_HAND")
    assert world.books.balance(people.bob) == (0, 0, 0)
    assert id in held(world, "CANCELLED")
    late = post(world, id, "approve", {})
    assert (late.status, late.code) == (409, "ALREADY_DECIDED")
    assert world.books.faults() == []


def test_nobody_decides_about_their_own_reward(people: People) -> None:
    """Staff who are the partner: 403 for all four; and nothing has changed."""
    people.pay("p")
    id, own = people.reward(people.bob), {"sub": people.bob, "groups": ("finance", "admin")}
    before = people.world.books.rewards(people.bob)
    for verb, body in (
        ("hold", {"reason": "x"}), ("release", {}), ("approve", {}), ("cancel", {"note": "x"}),
    ):  # fmt: skip
        assert_problem(post(people.world, id, verb, body, **own), 403)
    assert people.world.books.rewards(people.bob) == before


def test_what_cannot_be_decided(people: People) -> None:
    """A reward that is none, a reason that is the system's own, and a hold when the money is there."""
    world = people.world
    people.pay("p")
    id = people.reward(people.bob)
    for verb, body in (("hold", {"reason": "x"}), ("release", {}), ("approve", {}), ("cancel", {"note": "x"})):
        for none in ("nosuchthing", "0" * 48, id + "0"):
            answer = post(world, none, verb, body)
            assert_problem(answer, 404)
            assert answer.code == "REWARD_NOT_FOUND"
    assert_problem(post(world, id, "hold", {"reason": "DISPUTE"}), 422)
    post(world, id, "approve", {})
    assert_problem(post(world, id, "hold", {"reason": "too late"}), 409)


# ---------------------------------------------------------------- payments


def parked(world: World) -> dict[str, Any]:
    data = world.call("GET /api/v1/payments/parked", query={"limit": "100"}, **FIN).body["data"]
    return {each["id"]: each for each in data}


def test_a_payment_is_shown_with_what_it_earned(people: People) -> None:
    """Its rewards nearest first, its refunds, and what is gone of it."""
    id = people.pay("p", amount=11_999)
    people.refund("p", 4000)
    body = payment(people.world, id).body
    assert (body["kind"], body["amount"], body["base"], body["gone"]) == ("PAYMENT", 11_999, 9999, 4000)
    assert [(each["tier"], each["amount"]) for each in body["rewards"]] == [(1, 1999), (2, 999)]
    assert [each["amount"] for each in body["refunds"]] == [4000]
    assert_problem(payment(people.world, "nosuchthing"), 404)


def test_a_payment_is_found_by_the_id_that_its_sender_gave_it(people: People) -> None:
    """Staff know their orders, not our ids; another sender's payment of that name is another one, and is not there."""
    id = people.pay("p")
    own = {"paymentId": f"p of {people.carol}"}
    found = people.world.call(f"GET {P}", path=own, query={"source": "payments"}, **FIN)
    assert (found.status, found.body["id"]) == (200, id)
    assert_problem(people.world.call(f"GET {P}", path=own, query={"source": "stripe"}, **FIN), 404)
    assert_problem(people.world.call(f"GET {P}", path=own, query={"source": "paypal"}, **FIN), 422)


def test_a_refund_that_came_first_is_parked_and_can_be_dismissed(people: People) -> None:
    """It says what it is, how long it waits, what can be done; dismissed it leaves the list; the payment meets it."""
    world = people.world
    id = world.books.ids.payment("payments", f"p of {people.carol}")
    people.refund("p", 4000)
    world.books.clock.forward(3 * DAY_MS + 1)
    found = parked(world)[id]
    assert (found["kind"], found["amount"], found["refunded"], found["ageDays"]) == ("EARLY", None, 4000, 3)
    assert found["actions"] == ["dismiss"]
    assert_problem(payment(world, id, "accept", {}), 409)
    for _ in range(2):
        assert payment(world, id, "dismiss", {"note": "another shop's"}).body["note"] == "another shop's"
    assert id not in parked(world)
    people.pay("p")
    assert payment(world, id).body["gone"] == 4000
    assert world.books.rewards(people.bob)[0].reversed > 0


def test_a_foreign_payment_waits_until_the_program_takes_its_currency(people: People) -> None:
    """409 or 422 before, then it earns; a second time changes nothing; another one is dismissed and never earns."""
    world = people.world
    ids = [people.pay(f"p{number}", currency="EUR") for number in range(2)]
    for id in ids:
        found = parked(world)[id]
        assert (found["kind"], found["amount"], found["currency"]) == ("FOREIGN", 9999, "EUR")
        assert found["actions"] == ["accept", "dismiss"]
    refused = payment(world, ids[0], "accept", {})
    assert (refused.status, refused.code) == (422, "CURRENCY_NOT_TAKEN")
    old = stored_programs.find(world.books.table, "default")
    taking = replace(old, currencies=tuple(sorted([*old.currencies, ("EUR", dict(old.currencies)["USD"])])))
    world.books.set_terms(taking, old.version)
    for earns in (people.bob, people.alice):
        assert_problem(payment(world, ids[0], "accept", {}, sub=earns, groups=("finance",)), 403)
    for _ in range(2):
        accepted = payment(world, ids[0], "accept", {}).body
        assert (accepted["kind"], [each["amount"] for each in accepted["rewards"]]) == ("PAYMENT", [1999, 999])
    assert payment(world, ids[1], "dismiss", {"note": "too late"}).body["kind"] == "IGNORED"
    assert not set(ids) & set(parked(world))
    assert_problem(payment(world, ids[1], "accept", {}), 409)
    assert len(world.books.rewards(people.bob)) == 1


def test_open_disputes_are_listed(people: People) -> None:
    """With their payment and amount, until they are closed."""
    world, id = people.world, people.pay("p")
    people.dispute("p", 500)
    data = world.call("GET /api/v1/disputes", query={"limit": "100"}, **FIN).body["data"]
    assert (id, 500, "OPEN") in [(each["paymentId"], each["amount"], each["status"]) for each in data]
