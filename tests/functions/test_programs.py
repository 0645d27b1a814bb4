"""Programs and partners' own rates over HTTP: whole terms in, versions out, and every mistake told at its field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from refledger.domain.currencies import EXPONENTS
from refledger.operations.earning.payments import RecordOutcome
from tests.support.functions import Answer, World, assert_problem

ONE = "/api/v1/programs/{programId}"
COMMISSION = "PUT /api/v1/partners/{partnerId}/commission"
SIMPLE: dict[str, Any] = {"name": "Friends", "currency": "USD", "tierRatesBps": [2000, 1000], "holdDays": 0}
SAFE = {
    "autoApproveLimit": None,
    "secondApprovalLimit": 50_000,
    "adjustmentLimit": 50_000,
    "conversionLimit": None,
    "salesLimit": None,
}
# From the simple one nothing in it loosens, so nothing waits for another admin
FULL: dict[str, Any] = {
    "name": "Fellows", "currency": "USD", "holdDays": 14, "approvalTimeoutSeconds": 3600, "reviewRewards": True,
    "rules": {
        "tiers": [{"rateBps": 2000}, {"flat": [{"amount": 100, "currency": "USD"}, {"amount": 90, "currency": "EUR"}]}],
        "firstPayment": {"tiers": [{"rateBps": 5000}]}, "limitMonths": 12, "limitPayments": 24,
    },
    "productRules": [{"productId": "gold", "tiers": [{"rateBps": 3000}]}],
    "monthlyCaps": [{"amount": 50_000, "currency": "USD"}],
    "currencies": [
        {"currency": "EUR", "payoutMinimum": 5, "autoApproveLimit": None, "secondApprovalLimit": 0,
         "adjustmentLimit": 0, "conversionLimit": 0, "salesLimit": None},
        {"currency": "USD", "payoutMinimum": 1000},
    ],
    "makerWindowDays": 40, "exposure": {"currency": "USD", "weights": [{"currency": "EUR", "perThousand": 1080}]},
}  # fmt: skip


@pytest.fixture
def id(world: World, somebody: Callable[[], str]) -> str:
    """A program of the test's own, in its first version."""
    made = somebody()
    assert world.admin("POST /api/v1/programs", body={"id": made, **SIMPLE}).status == 201
    return made


def put(world: World, id: str, body: Any, version: int | str | None = 1, **told: Any) -> Answer:
    tag = {} if version is None else {"if-match": version if isinstance(version, str) else f'"{version}"'}
    return world.admin(f"PUT {ONE}", path={"programId": id}, body=body, headers=tag, **told)


def read(world: World, id: str, version: str = "", **told: Any) -> Answer:
    route = f"GET {ONE}/versions/{{version}}" if version else f"GET {ONE}"
    return world.admin(route, path={"programId": id, "version": version}, **told)


# ---------------------------------------------------------------- previews


def preview(world: World, **more: Any) -> Answer:
    return world.admin("POST /api/v1/programs/preview", body={"terms": FULL, "amount": 10_000, **more})


def earned(told: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(each["tier"], each["amountDecimal"], each["source"], each["nothing"]) for each in told]


def test_terms_say_what_they_would_earn_before_they_are_made(world: World) -> None:
    """Of a first payment, of the next, of a product, in another currency: in whole units, with the reason for none."""
    told = preview(world)
    assert (told.status, told.body["currency"], told.body["cap"]) == (200, "USD", 50_000)
    assert earned(told.body["first"]) == [(1, "50.00", "program-first", None)]
    assert earned(told.body["later"]) == [(1, "20.00", "program", None), (2, "1.00", "program", None)]
    gold = preview(world, productId="gold").body
    assert earned(gold["first"]) == earned(gold["later"]) == [(1, "30.00", "product", None)]
    tiny = preview(world, amount=4, currency="JPY").body
    assert earned(tiny["later"]) == [(1, "0", "program", "ROUNDED"), (2, "0", "program", "CURRENCY")]


def test_a_preview_changes_nothing_and_refuses_what_no_program_can_say(world: World, id: str) -> None:
    """Support may ask; terms that a program would not take are refused at their field."""
    before = read(world, id).body
    asked = {"terms": SIMPLE, "amount": 1}
    told = world.call("POST /api/v1/programs/preview", sub="sue", groups=("support",), body=asked)
    assert told.status == 200
    assert read(world, id).body == before
    wrong = {**SIMPLE, "tierRatesBps": [9000, 2000]}
    assert_problem(world.admin("POST /api/v1/programs/preview", body={"terms": wrong, "amount": 1}), 422)


# ---------------------------------------------------------------- versions


def test_whole_terms_become_the_next_version(world: World, id: str) -> None:
    """What was said is read back, currencies and rules whole; the version before is read as it was."""
    first = read(world, id)
    changed = put(world, id, FULL)
    assert (changed.status, changed.headers["etag"], changed.body["version"]) == (200, '"2"', 2)
    assert changed.body.pop("pendingChange") is None
    assert read(world, id).body == changed.body == read(world, id, "2").body
    assert read(world, id, "1").body == first.body
    pays = changed.body["rules"]["tiers"]
    assert pays[0] == {"rateBps": 2000, "flat": None}
    assert pays[1]["flat"] == [{"currency": "EUR", "amount": 90}, {"currency": "USD", "amount": 100}]
    assert changed.body["rules"]["firstPayment"] == {"tiers": [{"rateBps": 5000, "flat": None}]}
    assert (changed.body["rules"]["limitMonths"], changed.body["rules"]["limitPayments"]) == (12, 24)
    (product,) = changed.body["productRules"]
    assert (product["productId"], product["tiers"][0]["rateBps"], product["limitMonths"]) == ("gold", 3000, None)
    for name in ("monthlyCaps", "reviewRewards", "holdDays", "name", "makerWindowDays", "exposure"):
        assert changed.body[name] == FULL[name]
    assert changed.body["currencies"] == [FULL["currencies"][0], {**SAFE, **FULL["currencies"][1]}]
    assert changed.body["changedBy"] == world.books.user("admin")


def test_the_simple_form_still_says_all_that_it_said(world: World, id: str) -> None:
    """Rates, minimum and limit of the program's currency, in and out."""
    money = {"payoutMinimum": {"amount": 700, "currency": "USD"}, "autoApproveLimit": 5}
    made = world.admin("POST /api/v1/programs", body={"id": f"{id}-m", **SIMPLE, **money}).body
    assert made["autoApproveLimit"] is None  # that nobody looks waits for another admin
    place = {"programId": f"{id}-m", "changeId": made["pendingChange"]["id"]}
    assert world.admin(f"POST {ONE}/changes/{{changeId}}/confirm", path=place, body={}, sub="another").status == 200
    body = read(world, f"{id}-m").body
    assert {name: body[name] for name in money} == {"payoutMinimum": {"currency": "USD", "amount": 700}, **money}
    assert body["tierRatesBps"] == [2000, 1000]
    assert [pay["rateBps"] for pay in body["rules"]["tiers"]] == [2000, 1000]
    assert put(world, id, FULL).body["tierRatesBps"] == [2000, 0]


def test_etags_are_versions(world: World, id: str) -> None:
    """Of what was made, read and changed; an answer that was lost may be asked for again, another change may not."""
    made = world.admin("POST /api/v1/programs", body={"id": f"{id}-b", **SIMPLE})
    assert made.headers["etag"] == '"1"'
    assert read(world, id).headers["etag"].startswith('"1-')
    first, again = put(world, id, FULL), put(world, id, FULL)
    assert (first.status, first.body, first.headers["etag"]) == (again.status, again.body, again.headers["etag"])
    late = put(world, id, {**FULL, "holdDays": 15})
    assert_problem(late, 412)
    assert late.code == "STALE"
    assert put(world, id, {**FULL, "holdDays": 15}, 2).body["version"] == 3
    assert put(world, id, FULL).body["version"] == 2


def test_a_change_says_of_which_version(world: World, id: str) -> None:
    """Without If-Match 428; with what is no ETag of ours 400; nothing was changed."""
    missing = put(world, id, FULL, None)
    assert_problem(missing, 428)
    assert missing.code == "PRECONDITION_REQUIRED"
    for tag in ("1", "*", 'W/"1"', '"1", "2"', '""', '"0"', '"-1"', '"1', '"' + "9" * 30 + '"', '"\u0661"', "\x00", ""):
        assert_problem(put(world, id, FULL, tag), 400)
    assert_problem(put(world, id, FULL, 7), 412)
    assert read(world, id).body["version"] == 1


def test_versions_are_listed_newest_first(world: World, id: str) -> None:
    """Page by page; a program that never was has none."""
    for version in range(1, 5):
        put(world, id, {**SIMPLE, "holdDays": version}, version)
    seen, cursor = [], None
    while True:
        query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = world.admin(f"GET {ONE}/versions", path={"programId": id}, query=query).body
        seen += [(each["version"], each["holdDays"]) for each in page["data"]]
        cursor = page["nextCursor"]
        if not cursor:
            break
    assert seen == [(5, 4), (4, 3), (3, 2), (2, 1), (1, 0)]
    nothing = world.admin(f"GET {ONE}/versions", path={"programId": "nosuchthing"})
    assert (nothing.status, nothing.code) == (404, "PROGRAM_NOT_FOUND")


@pytest.mark.parametrize("version", ["0", "2", "99999999", "9" * 64, "latest", "-1", "1_0", "\u0661"])
def test_a_version_that_never_was_is_not_found(world: World, id: str, version: str) -> None:
    """Numbers beyond the last one, and what is no number."""
    assert_problem(read(world, id, version), 404)


def test_a_program_that_is_not_there_is_not_made_by_changing_it(world: World) -> None:
    """404, whatever version is named."""
    answer = put(world, "nosuchthing", FULL)
    assert (answer.status, answer.code) == (404, "PROGRAM_NOT_FOUND")


def test_customers_keep_their_rules_and_new_currencies_count_at_once(fresh: World) -> None:
    """Through HTTP and events: Carol earns Bob what was promised, Dave what is promised now; euros are taken now."""
    books = fresh.books
    books.chain("bob", "carol")
    assert books.pay("carol", "p0", 10_000, currency="EUR").outcome is RecordOutcome.FOREIGN
    assert put(fresh, "default", FULL).status == 200
    books.clock.forward(61_000)
    books.apply("dave", "bob")
    books.pay("carol", "p1", 10_000, currency="EUR")
    books.pay("dave", "p2", 10_000)
    books.pay("dave", "p3", 10_000)
    made = sorted((r.amount, r.currency, r.rule, r.rule_version) for r in books.rewards("bob"))
    assert made == [
        (2000, "EUR", "program", 1), (2000, "USD", "program", 2), (5000, "USD", "program-first", 2),
    ]  # fmt: skip


# ---------------------------------------------------------------- what protects


def test_what_is_left_out_protects(world: World, id: str) -> None:
    """Limits, minimum, days and cooling are those of docs/api/programs.md; null says that there is none."""
    body = read(world, id).body
    assert body["currencies"] == [{"currency": "USD", "payoutMinimum": 100, **SAFE}]
    assert (body["attributionDays"], body["coolingHours"], body["newCustomersOnly"]) == (90, 72, True)
    assert (body["makerWindowDays"], body["approvalTimeoutSeconds"]) == (30, 604_800)
    least = {"id": f"{id}-l", "name": "Least", "currency": "JPY", "tierRatesBps": [1]}
    made = world.admin("POST /api/v1/programs", body=least).body
    assert (made["holdDays"], made["pendingChange"]) == (30, None)
    assert (made["currencies"][0]["payoutMinimum"], made["currencies"][0]["secondApprovalLimit"]) == (1, 500)
    none = {
        **least,
        "id": f"{id}-n",
        "attributionDays": None,
        "currencies": [{"currency": "JPY", "payoutMinimum": 0, "secondApprovalLimit": None, "adjustmentLimit": 501}],
    }
    made = world.admin("POST /api/v1/programs", body=none).body
    assert (made["attributionDays"], made["currencies"][0]["payoutMinimum"]) == (None, 0)
    assert (made["currencies"][0]["secondApprovalLimit"], made["currencies"][0]["adjustmentLimit"]) == (500, 500)
    assert [(each["field"], each["from"], each["to"]) for each in made["pendingChange"]["terms"]] == [
        ("secondApprovalLimit", 500, None), ("adjustmentLimit", 500, 501)]  # fmt: skip


def test_a_repeat_that_leaves_out_what_was_null_is_another_request(world: World, id: str) -> None:
    """No limit and nothing said are not the same: the key is taken."""
    key = {"idempotency-key": f"k-{id}"}
    body = {"id": f"{id}-r", **SIMPLE, "currencies": [{"currency": "USD", "secondApprovalLimit": None}]}
    assert world.admin("POST /api/v1/programs", body=body, headers=key).status == 201
    again = world.admin("POST /api/v1/programs", body={**body, "currencies": [{"currency": "USD"}]}, headers=key)
    assert again.code == "IDEMPOTENCY_KEY_REUSED"


CHANGES = f"{ONE}/changes"


def decide(world: World, id: str, change: str, verb: str, body: Any, sub: str = "eve", **told: Any) -> Answer:
    path = {"programId": id, "changeId": change}
    return world.admin(f"POST {CHANGES}/{{changeId}}/{verb}", path=path, body=body, sub=sub, **told)


def test_what_loosens_waits_for_another_admin(world: World, id: str) -> None:
    """The attack: PUT without the limit, approve, PUT it back. Shown, confirmed by another, and then as asked for."""
    terms = {**SIMPLE, "coolingHours": 100, "currencies": [{"currency": "USD", "secondApprovalLimit": None}]}
    answer = put(world, id, terms)
    assert (answer.status, answer.body["version"], answer.body["coolingHours"]) == (200, 2, 100)
    assert answer.body["currencies"][0]["secondApprovalLimit"] == 50_000
    waiting = answer.body["pendingChange"]
    assert waiting["terms"] == [{"field": "secondApprovalLimit", "currency": "USD", "from": 50_000, "to": None}]
    assert (waiting["status"], waiting["baseVersion"], waiting["version"]) == ("PENDING", 1, None)
    assert waiting["askedBy"] == world.books.user("admin")
    assert put(world, id, terms).body == answer.body

    path = {"programId": id, "changeId": waiting["id"]}
    assert world.admin(f"GET {CHANGES}/{{changeId}}", path=path).body == waiting
    assert world.admin(f"GET {CHANGES}", path=path, query={"status": "pending"}).body["data"] == [waiting]
    assert world.admin(f"GET {CHANGES}", path=path, query={"status": "confirmed"}).body["data"] == []
    refused = decide(world, id, waiting["id"], "confirm", {}, sub="admin")
    assert (refused.status, refused.code) == (409, "SECOND_PERSON_NEEDED")
    for groups in ((), ("finance",), ("support",)):
        assert decide(world, id, waiting["id"], "confirm", {}, groups=groups).status == 403

    confirmed = decide(world, id, waiting["id"], "confirm", {"note": "agreed"})
    assert (confirmed.status, confirmed.body["status"], confirmed.body["version"]) == (200, "CONFIRMED", 3)
    assert decide(world, id, waiting["id"], "confirm", {"note": "agreed"}).body == confirmed.body
    now = read(world, id).body
    assert (now["version"], now["currencies"][0]["secondApprovalLimit"]) == (3, None)
    late = decide(world, id, waiting["id"], "reject", {"note": "changed my mind"}, sub="admin")
    assert (late.status, late.code) == (409, "ALREADY_DECIDED")


def test_looser_terms_are_withdrawn_or_rejected_with_a_note(world: World, id: str) -> None:
    """And every value that a term may have is shown: numbers, yes and no, rules, weights, nothing."""
    weighed = {**FULL, "reviewRewards": True}
    assert put(world, id, weighed).body["pendingChange"] is None
    world.books.member(f"{id}-admin", id)
    looser = {
        **FULL, "reviewRewards": False, "exposure": None, "attributionDays": None,
        "rules": {"tiers": [{"rateBps": 9000}]},
    }  # fmt: skip
    waiting = put(world, id, looser, 2, sub=f"{id}-admin").body["pendingChange"]
    shown = {each["field"]: (each["from"], each["to"]) for each in waiting["terms"]}
    assert shown["reviewRewards"] == (True, False)
    assert shown["attributionDays"] == (90, None)
    assert shown["exposure"] == (FULL["exposure"], None)
    assert [rules["rules"]["tiers"][0]["rateBps"] for rules in shown["rules"]] == [2000, 9000]
    assert shown["rules"][1]["monthlyCaps"] == [{"currency": "USD", "amount": 50_000}]
    assert decide(world, id, waiting["id"], "reject", {}).status == 422
    rejected = decide(world, id, waiting["id"], "reject", {"note": "no"}).body
    assert (rejected["status"], rejected["note"], rejected["decidedBy"]) == ("REJECTED", "no", world.books.user("eve"))
    again = put(world, id, looser, 2, sub=f"{id}-admin").body["pendingChange"]
    withdrawn = decide(world, id, again["id"], "reject", {"note": "no"}, sub=f"{id}-admin").body
    assert withdrawn["status"] == "WITHDRAWN"
    listed = world.admin(f"GET {CHANGES}", path={"programId": id}).body["data"]
    assert {each["id"] for each in listed} == {waiting["id"], again["id"]}
    for change in ("x", "000001abc"):
        answer = decide(world, id, change, "confirm", {})
        assert (answer.status, answer.code) == (404, "PROGRAM_CHANGE_NOT_FOUND")


# ---------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("change", "field", "told"),
    [
        ({"rules": {"tiers": [{"rateBps": 6000}, {"rateBps": 6000}]}}, "rules.tiers", "more than the whole payment"),
        ({"rules": {"tiers": [{"rateBps": 1}], "limitMonths": 0}}, "rules.limitMonths", "1 to 120"),
        ({"rules": {"tiers": [{"rateBps": 1}, {}]}}, "rules.tiers.1", "either rateBps or flat"),
        ({"rules": {"tiers": [{"rateBps": -1}]}}, "rules.tiers.0.rateBps", "greater than or equal to 0"),
        (
            {"rules": {"tiers": [{"rateBps": 1}], "firstPayment": {"tiers": [{"rateBps": 9000}] * 2}}},
            "rules.firstPayment.tiers", "more than the whole payment",
        ),
        (
            {"rules": {"tiers": [{"flat": [{"amount": 1, "currency": "USD"}] * 2}]}},
            "rules.tiers.0.flat", "one amount for each currency",
        ),
        (
            {"rules": {"tiers": [{"flat": [{"amount": 1, "currency": "JPY"}]}]}},
            "rules", "amounts in JPY, which the program does not take",
        ),
        ({"tierRatesBps": [1]}, "rules", "either tierRatesBps or rules"),
        ({"rules": None}, "rules", "either tierRatesBps or rules"),
        (
            {"productRules": [{"productId": "gold", "tiers": [{"rateBps": 1}], "limitPayments": 121}]},
            "productRules.0.limitPayments", "1 to 120",
        ),
        (
            {"productRules": [{"productId": "gold", "tiers": [{"rateBps": 1}]}] * 2},
            "productRules", "one for each product",
        ),
        ({"monthlyCaps": [{"amount": 1, "currency": "JPY"}]}, "monthlyCaps", "amounts in JPY"),
        ({"monthlyCaps": [{"amount": 1, "currency": "USD"}] * 2}, "monthlyCaps", "one for each currency"),
        ({"currencies": [{"currency": "USD"}] * 2}, "currencies", "each once"),
        ({"payoutMinimum": {"amount": 1, "currency": "EUR"}}, "payoutMinimum", "in the currency of the program"),
        ({"payoutMinimum": {"amount": 1, "currency": "USD"}}, "currencies", "say those of USD already"),
        ({"holdDays": 3651}, "holdDays", "0 to 3650"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_at_its_field(world: World, id: str, change: dict[str, Any], field: str, told: str) -> None:
    """The field as it was sent, and the reason in words; nothing is changed."""
    answer = put(world, id, {**FULL, **change})
    assert_problem(answer, 422)
    (fault,) = answer.body["errors"]
    assert fault["field"] == field
    assert told in fault["message"]
    assert read(world, id).body["version"] == 1


def test_the_old_field_is_named_where_it_was_used(world: World, id: str) -> None:
    """Rates that are too much in the simple form."""
    (fault,) = put(world, id, {**SIMPLE, "tierRatesBps": [6000, 6000]}).body["errors"]
    assert (fault["field"], fault["message"]) == ("tierRatesBps", "together they are more than the whole payment")


# ---------------------------------------------------------------- a partner's own rates


def commission(world: World, partner_id: str, rates: Any, version: int | None = 1, reason: str = "a deal") -> Answer:
    tag = {} if version is None else {"if-match": f'"{version}"'}
    body = {"rates": rates, "reason": reason}
    return world.admin(COMMISSION, path={"partnerId": partner_id}, body=body, headers=tag)


def test_a_partner_gets_rates_of_their_own(world: World, somebody: Callable[[], str]) -> None:
    """Seen on the partner, who keeps them until they are taken away; a repeat changes nothing."""
    partner = world.books.partner(somebody())
    assert world.admin("GET /api/v1/partners/{partnerId}", path={"partnerId": partner.id}).body["version"] == 1
    rates = [{"productId": "gold", "flat": [{"amount": 500, "currency": "USD"}]}, {"rateBps": 2500}]
    first, again = commission(world, partner.id, rates), commission(world, partner.id, rates)
    assert (first.status, first.headers["etag"]) == (200, '"2"')
    assert first.body == again.body
    assert first.body["commissionRates"] == [2500, 1000]
    assert first.body["ownRates"] == [
        {"productId": None, "rateBps": 2500, "flat": None},
        {"productId": "gold", "rateBps": None, "flat": [{"currency": "USD", "amount": 500}]},
    ]
    gone = commission(world, partner.id, [], 2)
    assert (gone.body["commissionRates"], gone.body["ownRates"], gone.body["version"]) == ([2000, 1000], [], 3)


def test_own_rates_say_of_which_version_and_why(world: World, somebody: Callable[[], str]) -> None:
    """428, 412 and 422; the partner's status in between counts as a change."""
    partner = world.books.partner(somebody())
    assert_problem(commission(world, partner.id, [{"rateBps": 1}], None), 428)
    assert_problem(commission(world, partner.id, [{"rateBps": 1}], 1, reason=""), 422)
    path = {"partnerId": partner.id}
    suspended = world.admin("POST /api/v1/partners/{partnerId}/suspend", path=path, body={"reason": "why"})
    assert suspended.headers["etag"] == '"2"'
    late = commission(world, partner.id, [{"rateBps": 1}])
    assert (late.status, late.code) == (412, "STALE")
    assert commission(world, partner.id, [{"rateBps": 1}], 2).status == 200
    assert_problem(commission(world, "nosuchthing", [{"rateBps": 1}]), 404)


@pytest.mark.parametrize(
    ("rates", "told"),
    [
        ([{"rateBps": 9001}], "with the tiers above, more than the whole payment"),
        ([{"flat": [{"amount": 1, "currency": "JPY"}]}], "amounts in JPY, which the program does not take"),
        ([{"rateBps": 1}, {"rateBps": 2}], "one for each product"),
        ([{"rateBps": 1, "productId": f"p{number}"} for number in range(21)], "up to 20 products"),
    ],
)
def test_own_rates_that_cannot_be_promised(world: World, somebody: Callable[[], str], rates: Any, told: str) -> None:
    """422 that names the field; the partner is as before."""
    partner = world.books.partner(somebody())
    answer = commission(world, partner.id, rates)
    assert_problem(answer, 422)
    assert answer.body["detail"].startswith("rates: ")
    assert told in answer.body["detail"]
    assert world.admin("GET /api/v1/partners/{partnerId}", path={"partnerId": partner.id}).body["version"] == 1


def test_currencies_say_their_decimals(world: World) -> None:
    """Each of ISO 4217 in which money is paid, for whoever is signed in: a page takes them from nowhere else."""
    told = world.call("GET /api/v1/currencies", sub="anybody").body["data"]
    units = {each["code"]: (each["exponent"], each["smallest"]) for each in told}
    assert list(units) == sorted(EXPONENTS)
    assert (units["USD"], units["JPY"], units["KWD"]) == ((2, "0.01"), (0, "1"), (3, "0.001"))
    assert_problem(world.call("GET /api/v1/currencies", sub=None), 401)
