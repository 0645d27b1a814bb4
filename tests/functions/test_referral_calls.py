"""Referrals over HTTP: what staff and services may say, what partners see, and what decimals come to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from refledger.domain.errors import Busy
from refledger.domain.times import DAY_MS
from refledger.operations.referring import lifecycle
from tests.support.functions import Answer, World, assert_problem

ALL = "/api/v1/referrals"
ONE = f"{ALL}/{{referralId}}"
CONVERT = f"POST {ONE}/process-conversion"
SERVICE: dict[str, Any] = {"sub": "crm", "claims": {"scope": "refledger/referrals:write refledger/referrals:read"}}
SUPPORT: dict[str, Any] = {"sub": "sue", "groups": ("support",)}


def enter(world: World, of: str, **told: Any) -> dict[str, Any]:
    """A referral of somebody's, by their code."""
    body = {"referralCode": world.books.partner(of).code, "source": "phone", **told}
    answer = world.admin(f"POST {ALL}", body=body)
    assert answer.status == 201, answer
    found: dict[str, Any] = answer.body
    return found


def act(world: World, verb: str, referral: dict[str, Any], body: Any = None, **told: Any) -> Answer:
    return world.admin(f"POST {ONE}/{verb}", path={"referralId": referral["id"]}, body=body or {}, **told)


def convert(world: World, referral: dict[str, Any], text: str) -> Answer:
    """The body as it stands: a decimal must not become something else on its way."""
    return world.admin(CONVERT, path={"referralId": referral["id"]}, text=text)


def listed(world: World, query: dict[str, str], **told: Any) -> list[str]:
    answer = world.admin(f"GET {ALL}", query=query, **told)
    assert answer.status == 200, answer
    return [each["id"] for each in answer.body["data"]]


# ---------------------------------------------------------------- shapes


def test_a_referral_is_entered_as_clients_say_it(world: World, somebody: Callable[[], str]) -> None:
    """Partner, code and source in any case are enough; what is answered says all of it, and the same by its id."""
    pam = world.books.partner(somebody())
    body = {"partnerId": pam.id, "referralCode": pam.code.lower(), "source": "social_media"}
    made = world.admin(f"POST {ALL}", body=body)
    assert made.status == 201
    told = {name: made.body[name] for name in ("partnerId", "referralCode", "source", "status", "programId", "version")}
    assert told == {
        "partnerId": pam.id, "referralCode": pam.code, "source": "SOCIAL_MEDIA", "status": "PENDING",
        "programId": "default", "version": 1,
    }  # fmt: skip
    read = world.admin(f"GET {ONE}", path={"referralId": made.body["id"]})
    assert (read.body, read.headers["etag"][:3]) == (made.body, '"1-')


def test_the_same_key_enters_once(world: World, somebody: Callable[[], str]) -> None:
    """And another body under it is refused."""
    body = {"referralCode": world.books.partner(somebody()).code, "source": "EMAIL"}
    answers = [world.admin(f"POST {ALL}", body=body, headers={"idempotency-key": body["referralCode"]}) for _ in "ab"]
    assert answers[0].body == answers[1].body
    other = world.admin(
        f"POST {ALL}", body={**body, "source": "PHONE"}, headers={"idempotency-key": body["referralCode"]}
    )
    assert_problem(other, 422)
    assert other.code == "IDEMPOTENCY_KEY_REUSED"


def test_a_referral_goes_its_way(world: World, somebody: Callable[[], str]) -> None:
    """Accepted, linked, converted: the answer has its rewards, and the repeat is the same."""
    who = somebody()
    made = enter(world, who)
    assert act(world, "accept", made).body["status"] == "ACCEPTED"
    linked = act(world, "link-to-lead", made, {"leadId": f"lead of {who}", "customerId": f"c {who}"}).body
    assert (linked["leadId"], linked["customerKnown"]) == (f"lead of {who}", True)
    done = convert(world, made, '{"conversionValue": 1000.0}')
    assert done.status == 200, done
    assert done.body["status"] == "CONVERTED"
    assert done.body["conversion"] == {"currency": "USD", "amount": 100_000}
    (reward,) = done.body["rewards"]
    assert (reward["amount"], reward["partnerId"], reward["tier"]) == (20_000, made["partnerId"], 1)
    again = convert(world, made, '{"conversionValue": {"amount": 100000, "currency": "usd"}}').body
    assert again["rewards"] == done.body["rewards"]
    assert again == done.body
    refused = convert(world, made, '{"conversionValue": 1000.01}')
    assert_problem(refused, 409)
    by_lead = world.admin(f"GET {ALL}/by-lead/{{leadId}}", path={"leadId": f"lead of {who}"})
    by_customer = world.admin(f"GET {ALL}/by-customer/{{customerId}}", path={"customerId": f"c {who}"})
    assert by_lead.body["id"] == by_customer.body["id"] == made["id"]
    payment = world.admin("GET /api/v1/payments/{paymentId}", path={"paymentId": done.body["paymentId"]})
    assert payment.body["amount"] == 100_000


@pytest.mark.parametrize(
    ("written", "minor"),
    [
        ("1000", 100_000), ("0.1", 10), ("12.30", 1230), ('"17.05"', 1705), ("4.35", 435),
        ("1234567890123.45", 123_456_789_012_345), ('{"amount": 5, "currency": "USD"}', 5),
    ],
)  # fmt: skip
def test_a_value_is_read_digit_by_digit(world: World, somebody: Callable[[], str], written: str, minor: int) -> None:
    """As it is written, also where a double would be another number."""
    done = convert(world, enter(world, somebody()), f'{{"conversionValue": {written}}}')
    assert done.status == 200, done
    assert done.body["conversion"]["amount"] == minor


@pytest.mark.parametrize(
    "written",
    [
        "12.345", "0", "-1", "1e309", "1e-309", "NaN", "Infinity", "true", "null", '""', '"a"', '"1,5"', "[]", "{}",
        '{"amount": 1.0, "currency": "USD"}', '{"amount": 0, "currency": "USD"}', '{"amount": 1}', "10000000000000000",
        "1e3", "9999999999999.995", "0.0000000000000000000000000000000000001", '"NaN"', '"1e999999999"',
        '{"amount": 1, "currency": "XTS"}', "12345678901234567890.12",
    ],
)  # fmt: skip
def test_a_value_that_is_none_is_refused(world: World, somebody: Callable[[], str], written: str) -> None:
    """More decimals than the currency has, no number, none above zero, too much: 422, and nothing converts."""
    made = enter(world, somebody())
    assert_problem(convert(world, made, f'{{"conversionValue": {written}}}'), 422)
    assert world.admin(f"GET {ONE}", path={"referralId": made["id"]}).body["status"] == "PENDING"


def test_a_body_that_is_no_json_is_refused(world: World, somebody: Callable[[], str]) -> None:
    """Also one that is nothing but brackets, where decimals are read digit by digit."""
    made = enter(world, somebody())
    for text in ("{", "x", "[" * 60_000, '{"conversionValue": 1.5', "1.5", '"a"', '{"conversionValue": 01.5}'):
        assert_problem(convert(world, made, text), 400, 422)


def test_currencies_of_a_conversion(world: World, somebody: Callable[[], str]) -> None:
    """One that the program does not take, two at once, and the program's own where none is said."""
    made = enter(world, somebody())
    foreign = convert(world, made, '{"conversionValue": 5, "currency": "eur"}')
    assert_problem(foreign, 422)
    assert foreign.code == "CURRENCY_NOT_TAKEN"
    two = '{"conversionValue": {"amount": 5, "currency": "USD"}, "currency": "EUR"}'
    assert_problem(convert(world, made, two), 422)
    assert convert(world, made, '{"conversionValue": 5, "currency": "usd"}').status == 200


def test_a_change_needs_what_was_read(world: World, somebody: Callable[[], str]) -> None:
    """Without If-Match 428, with an old one 412."""
    made = enter(world, somebody())
    change: dict[str, Any] = {"path": {"referralId": made["id"]}, "body": {"campaign": "autumn", "source": "email"}}
    assert_problem(world.admin(f"PATCH {ONE}", **change), 428)
    new = world.admin(f"PATCH {ONE}", headers={"if-match": '"1"'}, **change)
    assert (new.body["campaign"], new.body["source"], new.headers["etag"]) == ("autumn", "EMAIL", '"2"')
    stale = world.admin(f"PATCH {ONE}", headers={"if-match": '"1"'}, **{**change, "body": {"campaign": "x"}})
    assert_problem(stale, 412)


def test_refusals_have_their_codes(world: World, somebody: Callable[[], str]) -> None:
    """What is closed, taken, unknown or one's own is told apart."""
    who, other = somebody(), somebody()
    made, code = enter(world, who, leadId=f"lead of {who}"), world.books.partner(who).code
    rejected = enter(world, who)
    act(world, "reject", rejected, {"reason": "no fit"})
    body = {"referralCode": code, "source": "PHONE"}
    world.books.apply(other, who)
    for answer, status, wanted in (
        (act(world, "accept", rejected), 409, "REFERRAL_CLOSED"),
        (act(world, "reject", made), 422, "INVALID"),
        (world.admin(f"POST {ALL}", body={**body, "leadId": f"lead of {who}"}), 409, "LEAD_TAKEN"),
        (world.admin(f"POST {ALL}", body={**body, "customerId": who}), 422, "OWN_CODE"),
        (world.admin(f"POST {ALL}", body={**body, "customerId": other}), 409, "ALREADY_REFERRED"),
        (world.admin(f"POST {ALL}", body={**body, "referralCode": "NOBODYS"}), 404, "CODE_NOT_FOUND"),
        (world.admin(f"POST {ALL}", body={"source": "PHONE"}), 422, "INVALID"),
        (world.admin(f"GET {ALL}/by-lead/{{leadId}}", path={"leadId": "nobody's"}), 404, "REFERRAL_NOT_FOUND"),
        (world.admin(f"GET {ALL}/by-lead/{{leadId}}", path={"leadId": "x" * 300}), 404, "REFERRAL_NOT_FOUND"),
        (world.admin(f"GET {ONE}", path={"referralId": "a" * 39}), 404, "REFERRAL_NOT_FOUND"),
    ):  # fmt: skip
        assert_problem(answer, status)
        assert answer.code == wanted


# ---------------------------------------------------------------- who sees and does what


def test_partners_see_their_own_and_nobody_elses(world: World, somebody: Callable[[], str]) -> None:
    """In the list and by id; without what is written for staff."""
    who, other = somebody(), somebody()
    mine = enter(world, who, leadId=f"lead of {who}", note="rich", tags=["vip"])
    his = enter(world, other)
    seen = world.call(f"GET {ONE}", sub=who, path={"referralId": mine["id"]}).body
    assert (seen["leadId"], seen["note"], seen["tags"]) == (None, None, None)
    hidden = world.call(f"GET {ONE}", sub=who, path={"referralId": his["id"]})
    nobodys = world.call(f"GET {ONE}", sub=who, path={"referralId": his["partnerId"] + "0" * 24})
    assert hidden.body.pop("requestId") != nobodys.body.pop("requestId")
    assert (hidden.status, hidden.body) == (nobodys.status, nobodys.body) == (404, hidden.body)
    assert listed(world, {}, sub=who, groups=()) == [mine["id"]]
    assert listed(world, {"partnerId": his["partnerId"]}, sub=who, groups=()) == []
    assert listed(world, {}, sub=somebody(), groups=()) == []


def test_a_service_enters_and_converts(world: World, somebody: Callable[[], str]) -> None:
    """With the scope for it; support reads, and does nothing."""
    body = {"referralCode": world.books.partner(somebody()).code, "source": "WEBSITE"}
    made = world.call(f"POST {ALL}", body=body, **SERVICE)
    assert made.status == 201
    path = {"referralId": made.body["id"]}
    assert_problem(world.call(CONVERT, path=path, body={"conversionValue": 10}, **SUPPORT), 403)
    assert world.call(f"GET {ONE}", path=path, **SUPPORT).body == made.body
    assert world.call(CONVERT, path=path, body={"conversionValue": 10}, **SERVICE).status == 200


def test_staff_do_not_say_what_they_earn(world: World, somebody: Callable[[], str]) -> None:
    """An admin who is the partner leaves it to somebody else."""
    who = somebody()
    made = enter(world, who)
    for scope in ("", "refledger/referrals:write"):  # which an issuer may put into the tokens of people
        own = world.admin(
            CONVERT, sub=who, path={"referralId": made["id"]}, body={"conversionValue": 10}, claims={"scope": scope}
        )
        assert_problem(own, 403)


def test_staff_do_not_say_from_whom_they_earn(world: World, somebody: Callable[[], str]) -> None:
    """Whoever is a partner, or above one, enters no referral of these, and says neither its lead nor its customer."""
    top, who = somebody(), somebody()
    world.books.apply(who, top)
    made = enter(world, who)
    body = {"referralCode": world.books.partner(who).code, "source": "phone"}
    path, match = {"referralId": made["id"]}, {"if-match": '"1"'}
    for sub in (who, top):
        told: dict[str, Any] = {"sub": sub, "claims": {"scope": "refledger/referrals:write"}}
        assert_problem(world.admin(f"POST {ALL}", body={**body, "customerId": somebody()}, **told), 403)
        (one,) = world.admin(f"POST {ALL}/bulk", body={"create": [body]}, **told).body["results"]
        assert one["code"] == "FORBIDDEN"
        lead = {"leadId": f"lead of {who}"}
        assert_problem(world.admin(f"POST {ONE}/link-to-lead", path=path, body=lead, **told), 403)
        change = {"customerId": somebody()}
        assert_problem(world.admin(f"PATCH {ONE}", path=path, body=change, headers=match, **told), 403)
    assert listed(world, {"partnerId": made["partnerId"]}) == [made["id"]]
    noted = world.admin(f"PATCH {ONE}", sub=who, path=path, body={"note": "rich"}, headers=match)
    assert noted.status == 200, "a note earns nothing"


# ---------------------------------------------------------------- lists


def test_lists_are_filtered(fresh: World) -> None:
    """By program, partner, status, source, tag and day; what is open comes by when it expires."""
    books = fresh.books
    books.program("timed", attribution_days=9)
    first = enter(fresh, "alice", source="email", tags=["A-b"])
    books.clock.forward(2 * DAY_MS)
    second = enter(fresh, "bob")
    act(fresh, "accept", second)
    third = enter(fresh, "alice")
    day = first["createdAt"][:10]
    for query, wanted in (
        ({}, [third, second, first]), ({"partnerId": first["partnerId"]}, [third, first]),
        ({"status": "accepted"}, [second]), ({"status": "rejected"}, []), ({"source": "Email"}, [first]),
        ({"tag": "A-B"}, [first]), ({"to": day}, [first]), ({"from": day, "to": day}, [first]),
        ({"partnerId": first["partnerId"], "to": day}, [first]), ({"programId": "timed"}, []),
        ({"partnerId": first["partnerId"], "source": "email", "programId": "timed"}, []),
        ({"from": "0001-01-01", "to": "9999-12-31"}, [third, second, first]),
        ({"partnerId": first["partnerId"], "from": "0001-01-01", "to": "9999-12-31"}, [third, first]),
    ):  # fmt: skip
        found = listed(fresh, query)
        assert sorted(found) == sorted(each["id"] for each in wanted), query
        assert "status" in query or found == [each["id"] for each in wanted], query
    books.change_program(attribution_days=9)
    soon = enter(fresh, "bob")
    assert listed(fresh, {"status": "pending"})[0] == soon["id"]


def test_a_page_looks_at_so_many_and_goes_on(fresh: World) -> None:
    """What is rare is found in the end, over pages that may be short; each page has its cursor."""
    context, code = fresh.books.context, fresh.books.partner("alice").code
    rare = enter(fresh, "alice", tags=["rare"])
    for _ in range(205):
        fresh.books.clock.forward(1)
        lifecycle.create(context, lifecycle.NewReferral(code=code), "ann", None, "")
    for query in ({"tag": "rare"}, {"tag": "rare", "partnerId": rare["partnerId"]}):
        answer = fresh.admin(f"GET {ALL}", query=query)
        assert answer.body["data"] == []
        following = fresh.admin(f"GET {ALL}", query={**query, "cursor": answer.body["nextCursor"]})
        assert ([each["id"] for each in following.body["data"]], following.body["nextCursor"]) == ([rare["id"]], None)


# ---------------------------------------------------------------- many, and time


def test_many_at_once_have_a_result_each(world: World, somebody: Callable[[], str]) -> None:
    """In their order; the repeat with the key is the same answer, and makes nothing twice."""
    who = somebody()
    pending = [enter(world, who) for _ in range(4)]
    code = world.books.partner(who).code
    body = {
        "create": [{"referralCode": code, "source": "email"}, {"referralCode": "NOBODYS", "source": "email"}],
        "accept": [pending[0]["id"]], "reject": [{"id": pending[1]["id"], "reason": "no fit"}],
        "expire": [pending[2]["id"]], "delete": [pending[3]["id"], "a" * 40],
    }  # fmt: skip
    told: dict[str, Any] = {"body": body, "headers": {"idempotency-key": f"bulk of {who}"}}
    first = world.admin(f"POST {ALL}/bulk", **told)
    assert first.status == 200, first
    assert [each["status"] or each["code"] for each in first.body["results"]] == [
        "PENDING", "CODE_NOT_FOUND", "ACCEPTED", "REJECTED", "EXPIRED", "REJECTED", "REFERRAL_NOT_FOUND",
    ]  # fmt: skip
    assert world.admin(f"POST {ALL}/bulk", **told).body == first.body
    assert len(listed(world, {"partnerId": pending[0]["partnerId"]})) == 5


def test_many_that_die_in_the_middle_are_finished_by_the_repeat(
    world: World, somebody: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was made is not made again: each has an idempotency of its own."""
    who = somebody()
    partner = world.books.partner(who)
    told: dict[str, Any] = {
        "body": {"create": [{"partnerId": partner.id, "source": "email"}] * 3},
        "headers": {"idempotency-key": f"dies {who}"},
    }
    original, calls = lifecycle.create_once, iter(range(99))

    def dying(*arguments: Any, **told: Any) -> Any:
        if next(calls) == 1:
            raise Busy("not now")
        return original(*arguments, **told)

    monkeypatch.setattr(lifecycle, "create_once", dying)
    first = world.admin(f"POST {ALL}/bulk", **told).body["results"]
    assert [each["code"] for each in first] == [None, "BUSY", None]
    again = world.admin(f"POST {ALL}/bulk", **told).body["results"]
    assert [again[0]["id"], again[2]["id"]] == [first[0]["id"], first[2]["id"]]
    assert sorted(listed(world, {"partnerId": partner.id})) == sorted(each["id"] for each in again)


def test_the_check_says_what_it_closed(fresh: World) -> None:
    """What was due; and a second one nothing."""
    fresh.books.program("timed", attribution_days=1)
    member = fresh.books.member("ida", "timed")
    made = fresh.admin(f"POST {ALL}", body={"partnerId": member.id, "source": "phone"}).body
    assert made["expiresAt"] > made["createdAt"]
    fresh.books.clock.forward(DAY_MS)
    for expired in (1, 0):
        told = fresh.admin(f"POST {ALL}/check-expired", body={})
        assert told.body == {"expired": expired, "converted": 0, "failed": 0, "complete": True}
    gone = fresh.admin(f"GET {ONE}", path={"referralId": made["id"]}).body
    assert (gone["status"], gone["reason"]) == ("EXPIRED", "its time was over")
