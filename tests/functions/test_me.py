"""What a partner sees and says of themselves: their own, and nobody else's."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from refledger.domain.links import Links
from refledger.domain.times import DAY_MS, iso
from refledger.entry import access
from refledger.store import keys, partners, programs
from tests.support.functions import World, assert_problem

ME = "/api/v1/me"
LISTS = ("codes", "links", "referrals", "rewards", "balance", "withdrawals", "payout-methods")
READS = [f"GET {ME}", *(f"GET {ME}/{name}" for name in (*LISTS, "statistics", "notifications", "upcoming"))]


@pytest.fixture(scope="module")
def told(world: World) -> World:
    """Alice referred Bob, who referred Carol and Dan; Carol pays; Bob is paid, and some of his still waits."""
    books = world.books
    books.change_program(links=Links("https://shop.example.com/", ("shop.example.com",)))
    books.chain("alice", "bob", "carol")
    books.clock.forward(1)
    books.chain("bob", "dan")
    books.earn("carol", "p1", 50_000)
    books.pay_out("bob", 3_000)
    books.clock.forward(1)
    books.grant("bob", 700, due_ms=books.clock() + 1_000)
    books.withdraw("bob", 2_000)
    return world


def get(world: World, name: str, sub: str = "bob", **query: str) -> Any:
    answer = world.call(f"GET {ME}/{name}" if name else f"GET {ME}", sub=sub, query=query)
    assert answer.status == 200, answer
    return answer.body


def test_a_partner_sees_their_money(told: World) -> None:
    """Rewards, withdrawals and balances are theirs, and agree with the books."""
    rewards = get(told, "rewards")["data"]
    assert sorted(each["amount"] for each in rewards) == [700, 10_000]
    assert {each["note"] for each in rewards} == {None}
    assert [each["amount"] for each in get(told, "withdrawals")["data"]] == [2_000, 3_000]
    (balance,) = get(told, "balance")["data"]
    assert (balance["available"], balance["reserved"], balance["paid"]) == told.books.balance("bob")
    assert get(told, "statistics")["balances"] == [balance]
    (method,) = get(told, "payout-methods")["data"]
    assert "DE89370400440532013000" not in json.dumps(method)


def test_rewards_and_referrals_by_status(told: World) -> None:
    """In any case of letters; a status that does not exist is no status."""
    assert [each["amount"] for each in get(told, "rewards", status="pending")["data"]] == [700]
    assert get(told, "rewards", status="CANCELLED")["data"] == []
    assert len(get(told, "referrals", status="accepted")["data"]) == 2
    assert get(told, "referrals", status="rejected")["data"] == []
    for name in ("rewards", "referrals"):
        assert_problem(told.call(f"GET {ME}/{name}", query={"status": "sold"}), 422)


def test_referrals_tell_nothing_of_customers(told: World) -> None:
    """A partner sees that somebody came with their code, how and when; not who, and not what staff wrote."""
    found = get(told, "referrals")["data"]
    code = told.books.partner("bob").code
    assert [(each["status"], each["referralCode"]) for each in found] == [("ACCEPTED", code)] * 2
    assert found[0]["createdAt"] > found[1]["createdAt"]
    text = json.dumps(found)
    assert [name for name in ("carol", "dan") if told.books.user(name) in text] == []
    assert {each[name] for each in found for name in ("leadId", "note", "tags")} == {None}


def test_lists_page_to_their_end(told: World) -> None:
    """One at a time, each thing once; a cursor is good for its own list, filter and caller only."""
    for name in ("referrals", "rewards", "withdrawals"):
        whole, pages, cursor = get(told, name)["data"], [], ""
        while True:
            page = get(told, name, limit="1", **({"cursor": cursor} if cursor else {}))
            pages += page["data"]
            if not page["nextCursor"]:
                break
            cursor = page["nextCursor"]
        assert pages == whole
        assert len(whole) == 2
        for other in {"referrals", "rewards", "withdrawals"} - {name}:
            assert_problem(told.call(f"GET {ME}/{other}", query={"cursor": cursor}), 422)
        assert_problem(told.call(f"GET {ME}/{name}", sub="alice", query={"cursor": cursor}), 422)


def test_a_filtered_list_looks_at_no_more_than_some(told: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where little fits, a page is short and goes on; nothing that fits is lost on the way."""
    monkeypatch.setattr("refledger.operations.pages.LOOKED_AT", 1)
    first = get(told, "rewards", status="APPROVED")
    assert (first["data"], bool(first["nextCursor"])) == ([], True)
    second = get(told, "rewards", status="APPROVED", cursor=first["nextCursor"])
    assert ([each["amount"] for each in second["data"]], second["nextCursor"]) == ([10_000], None)


def test_codes_come_with_their_links(told: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the name that the API was called by, or one that the owner says; none where the program has no links."""
    code = told.books.partner("bob").code
    (found,) = get(told, "codes")["data"]
    assert (found["code"], found["main"], found["url"]) == (code, True, f"https://api.example.com/r/{code}")
    monkeypatch.setitem(told.variables, "LINK_BASE", "https://go.example.com")
    assert get(told, "codes")["data"][0]["url"] == f"https://go.example.com/r/{code}"
    told.books.program("plain")
    told.books.member("mia", "plain")
    assert get(told, "codes", sub="mia")["data"][0]["url"] is None


def test_links_tell_what_came_of_them(told: World) -> None:
    """Clicks, customers, those who paid, and the rates between them; null where there is nothing to divide by."""
    books = told.books
    code, bob = books.partner("bob").code, books.partner("bob")
    (before,) = get(told, "links")["data"]
    assert (before["clicks"]["total"], before["referralRateBps"], before["paidRateBps"]) == (0, None, None)
    for _ in range(8):
        assert told.call("GET /r/{code}", sub=None, path={"code": code}, query={"source": "email"}).status == 302
    counters = {"code_" + code + "_n": 3, "code_" + code + "_c": 1}
    item = {**keys.statistics_part(keys.statistics(bob.id), "20260101", "shard"), "hw": "01", **counters}
    books.client.put_item(
        TableName=books.table_name,
        Item={name: {"N": str(v)} if isinstance(v, int) else {"S": v} for name, v in item.items()},
    )
    (found,) = get(told, "links")["data"]
    assert found["clicks"] == {"total": 8, "bySource": {"EMAIL": 8}, "byCampaign": {}}
    assert (found["referrals"], found["converted"]) == (3, 1)
    rates = (found["referralRateBps"], found["conversionRateBps"], found["paidRateBps"])
    assert rates == (3750, 3333, 1250)


def test_a_partner_changes_their_profile(told: World) -> None:
    """What is said changes and the rest stays; under the version that was read, and harmless when it comes again."""
    before = told.call(f"GET {ME}", sub="alice")
    version = before.headers["etag"]
    change: dict[str, Any] = {
        "sub": "alice", "body": {"firstName": "Alice", "phone": "+49 30 1"}, "headers": {"if-match": version},
    }  # fmt: skip
    changed = told.call(f"PATCH {ME}", **change)
    assert (changed.body["firstName"], changed.body["phone"], changed.body["lastName"]) == ("Alice", "+49 30 1", "")
    assert changed.headers["etag"] != version
    assert told.call(f"PATCH {ME}", **change).body == changed.body
    assert told.call(f"GET {ME}", sub="alice").body == changed.body
    stale = told.call(f"PATCH {ME}", **{**change, "body": {"firstName": "Al"}})
    assert_problem(stale, 412)
    assert_problem(told.call(f"PATCH {ME}", sub="alice", body={"firstName": "Al"}), 428)
    kept = partners.find(told.books.table, told.books.partner("alice").id)
    assert (kept.first_name, kept.phone) == ("Alice", "+49 30 1")


@pytest.mark.parametrize(
    "body",
    [
        {"email": "a@example.com"},
        {"tier": "GOLD"},
        {"tags": ["x"]},
        {"status": "ACTIVE"},
        {"customer": "x"},
        {"firstName": ""},
        {"firstName": "x" * 101},
        {"firstName": "a\u202eb"},
        {"firstName": "Ali\u2029ce"},
        {"lastName": "\u3164"},
        {"lastName": "a" + "\u0301" * 99},
        {"companyName": "Alice          [VERIFIED]"},
        {"companyName": "Alice (Verified)"},
        {"lastName": "Alice \u2713"},
        {"phone": "call me"},
        {"lastName": 5},
    ],
)
def test_what_a_partner_cannot_say_of_themselves(told: World, body: dict[str, Any]) -> None:
    """Neither who they are for staff, nor what they may or earn; nor names that are none."""
    told.books.partner("dan")
    before = told.call(f"GET {ME}", sub="dan")
    headers = {"if-match": before.headers["etag"]}
    assert_problem(told.call(f"PATCH {ME}", sub="dan", body=body, headers=headers), 422)
    assert told.call(f"GET {ME}", sub="dan").body == before.body


def test_a_partner_chooses_what_to_be_told(told: World) -> None:
    """At first nothing; then exactly what was said last, each once and of what there is."""
    route = f"PUT {ME}/notifications"
    first = told.call(f"GET {ME}/notifications", sub="alice")
    assert first.body["events"] == []
    wanted = {"events": ["withdrawal_paid", "REWARD_APPROVED"]}
    headers = {"if-match": first.headers["etag"]}
    chosen = told.call(route, sub="alice", body=wanted, headers=headers)
    assert chosen.body["events"] == ["REWARD_APPROVED", "WITHDRAWAL_PAID"]
    assert set(chosen.body["events"]) < set(chosen.body["available"])
    assert partners.find(told.books.table, told.books.partner("alice").id).notices == tuple(chosen.body["events"])
    assert told.call(route, sub="alice", body=wanted, headers=headers).body == chosen.body
    assert_problem(told.call(route, sub="alice", body={"events": []}, headers=headers), 412)
    now = {"if-match": chosen.headers["etag"]}
    for events in (["REWARD_APPROVED"] * 2, ["EVERYTHING"], [1], None, "REWARD_APPROVED"):
        assert_problem(told.call(route, sub="alice", body={"events": events}, headers=now), 422)
    assert told.call(route, sub="alice", body={"events": []}, headers=now).body["events"] == []


def test_what_becomes_available_on_which_day(told: World) -> None:
    """By day and currency, soonest first; what is held is not promised."""
    books = told.books
    books.chain("gus", "hal")
    now = books.clock()
    books.grant("gus", 900, due_ms=now + 2 * DAY_MS)
    held, path = get(told, "rewards", sub="gus")["data"][0], "POST /api/v1/rewards/{rewardId}/hold"
    assert told.admin(path, path={"rewardId": held["id"]}, body={"reason": "look"}).status == 200
    books.grant("gus", 700, due_ms=now + DAY_MS)
    books.grant("gus", 100, 200, due_ms=now + 3 * DAY_MS)
    answer = get(told, "upcoming", sub="gus")
    assert [(each["date"], each["amount"]) for each in answer["data"]] == [
        (iso(now + DAY_MS)[:10], 700), (iso(now + 3 * DAY_MS)[:10], 300)
    ]  # fmt: skip
    assert (answer["more"], answer["data"][0]["amountDecimal"]) == (False, "7.00")


def test_who_would_join_reads_the_terms(told: World, somebody: Callable[[], str]) -> None:
    """Somebody who is no partner yet reads those of the program that they would come to."""
    assert get(told, "program", sub=somebody()) == get(told, "program")


@pytest.mark.parametrize("route", READS)
def test_somebody_who_is_no_partner_has_nothing(told: World, route: str, somebody: Callable[[], str]) -> None:
    """They are told how to become one; and a service is nobody."""
    answer = told.call(route, sub=somebody())
    assert_problem(answer, 404)
    assert answer.code == "PARTNER_NOT_FOUND"
    assert_problem(
        told.call(route, claims={"scope": "refledger/partners:read refledger/rewards:read refledger/ledger:read"}), 403
    )


def test_every_own_route_is_for_whoever_is_signed_in() -> None:
    """No role and no scope opens another's: there is nothing in these routes that could name one."""
    mine = {route: rule for route, rule in access.ROUTES.items() if f" {ME}" in route}
    assert len(mine) == 17
    for route, rule in mine.items():
        assert rule is not None
        assert (rule.roles, rule.own, rule.scope) == (frozenset(), True, None)
        assert "partnerId" not in route


def test_staff_who_are_partners_see_their_own(told: World) -> None:
    """An admin's `me` is their own too, and not everybody's."""
    for groups in ((), ("admin",), ("support",)):
        answer = told.call(f"GET {ME}", sub="bob", groups=groups)
        assert answer.body["id"] == told.books.partner("bob").id
        assert len(told.call(f"GET {ME}/rewards", sub="bob", groups=groups).body["data"]) == 2


def test_the_terms_of_ones_own_program(told: World) -> None:
    """What a partner has to know to be paid: the least amount of each currency that it takes, and how long it waits."""
    terms = get(told, "program")
    program = programs.find(told.books.table, "default")
    assert (terms["id"], terms["name"], terms["status"]) == (program.id, program.name, "ACTIVE")
    assert (terms["holdDays"], terms["coolingHours"], terms["linked"]) == (
        program.hold_days,
        program.cooling_hours,
        True,
    )
    assert [each["currency"] for each in terms["currencies"]] == [code for code, _ in program.currencies]
    for told_of, (_, own) in zip(terms["currencies"], program.currencies, strict=True):
        assert told_of["payoutMinimum"] == own.payout_minimum
