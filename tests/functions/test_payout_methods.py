"""Payout methods and batches over HTTP: whose they are, what is shown of them, and to whom."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from refledger.domain.methods import MethodType
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.entry import config
from refledger.entry.models.payout_methods import PayoutMethodBody
from refledger.operations.payouts.transitions import step
from tests.support.functions import Answer, World, api_of, assert_problem

METHODS = "/api/v1/payout-methods"
OF_PARTNER = "/api/v1/partners/{partnerId}/payout-methods"
BATCHES = "/api/v1/payout-batches"
IBAN = {"type": "BANK_TRANSFER", "accountHolder": "Bob Example", "iban": "DE89 3704 0044 0532 0130 00"}
CONNECTED = {"type": "stripe", "stripeAccountId": "acct_1032D82eZvKYlo2C"}
STAFF: dict[str, Any] = {"sub": "fin", "groups": ("finance",)}


@pytest.fixture
def bob(world: World, somebody: Callable[[], str]) -> str:
    """A partner with 100.00."""
    name = somebody()
    world.books.grant(name, 10_000)
    world.books.mature(name)
    return name


def add(world: World, name: str, method: dict[str, str]) -> Answer:
    return world.call(f"POST {METHODS}", sub=name, body=method)


def withdraw(world: World, name: str, key: str | None = None, **payee: Any) -> Answer:
    body = {"amount": 1500, "currency": "USD", **payee}
    headers = {"idempotency-key": key} if key else {}
    return world.call("POST /api/v1/referrals/withdraw", sub=name, body=body, headers=headers)


def verify(world: World, name: str, method_id: str, **caller: Any) -> Answer:
    path = {"partnerId": world.books.partner(name).id, "methodId": method_id}
    return world.call(f"POST {OF_PARTNER}/{{methodId}}/verify", path=path, **{**STAFF, **caller})


def paying(world: World, name: str, **payee: Any) -> str:
    """The id of a withdrawal whose transfer somebody has to make."""
    made = withdraw(world, name, **(payee or {"payoutMethod": IBAN}))
    for status in (WithdrawalStatus.APPROVED, WithdrawalStatus.PAYING):
        step(world.books.context, made.body["id"], status, "ann", request=status)
    return str(made.body["id"])


# ---------------------------------------------------------------- methods


def test_who_is_suspended_adds_no_account(world: World, bob: str) -> None:
    """As the document says: the account that somebody else might have entered is not taken."""
    path = {"partnerId": world.books.partner(bob).id}
    assert world.admin("POST /api/v1/partners/{partnerId}/suspend", path=path, body={"reason": "odd"}).status == 200
    refused = add(world, bob, IBAN)
    assert_problem(refused, 409)
    assert refused.code == "PARTNER_SUSPENDED"


def test_a_method_is_added_once_and_listed(world: World, bob: str) -> None:
    """201 with what may be shown, the same again; it is what a withdrawal to that account names."""
    made, again = add(world, bob, IBAN), add(world, bob, {**IBAN, "iban": "de89370400440532013000"})
    assert (made.status, again.body) == (201, made.body)
    assert {name: made.body[name] for name in ("type", "accountHolder", "account", "verified", "usable")} == {
        "type": "BANK_TRANSFER", "accountHolder": "Bob Example", "account": "DE…3000", "verified": False,
        "usable": True,
    }  # fmt: skip
    assert world.call(f"GET {METHODS}", sub=bob).body == {"data": [made.body]}
    assert withdraw(world, bob, payoutMethod=IBAN).body["payoutMethod"]["id"] == made.body["id"]


def test_a_withdrawal_by_the_methods_id(world: World, bob: str) -> None:
    """To the same account as if it were given whole; never to another partner's, never to both at once."""
    id = add(world, bob, IBAN).body["id"]
    made = withdraw(world, bob, "key", payoutMethodId=id)
    assert (made.status, made.body["payoutMethod"]["account"]) == (201, "DE…3000")
    assert withdraw(world, bob, "key", payoutMethodId=id).body == made.body
    answer = withdraw(world, bob, "key", payoutMethod=IBAN)
    assert (answer.status, answer.code) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert_problem(withdraw(world, bob), 422)
    assert_problem(withdraw(world, bob, payoutMethod=IBAN, payoutMethodId=id), 422)
    other = world.books.method("somebody else").id
    answer = withdraw(world, bob, payoutMethodId=other)
    assert (answer.status, answer.code) == (404, "PAYOUT_METHOD_NOT_FOUND")


def test_a_method_goes_out_of_use(world: World, bob: str) -> None:
    """Twice is once; the partner does not see it any more, staff do, and a withdrawal to it goes on."""
    id = add(world, bob, IBAN).body["id"]
    withdrawal = withdraw(world, bob, payoutMethodId=id).body["id"]
    for _ in range(2):
        gone = world.call(f"DELETE {METHODS}/{{methodId}}", sub=bob, path={"methodId": id})
        assert (gone.status, gone.body["usable"]) == (200, False)
    assert world.call(f"GET {METHODS}", sub=bob).body == {"data": []}
    seen = world.call(f"GET {OF_PARTNER}", path={"partnerId": world.books.partner(bob).id}, **STAFF).body["data"]
    assert [(each["id"], each["version"], bool(each["disabledAt"])) for each in seen] == [(id, 1, True)]
    assert withdraw(world, bob, payoutMethodId=id).code == "PAYOUT_METHOD_NOT_USABLE"
    path = {"withdrawalId": withdrawal}
    step(world.books.context, withdrawal, WithdrawalStatus.APPROVED, "ann", request="r")
    shown = world.call("GET /api/v1/withdrawals/{withdrawalId}", path=path, **STAFF)
    assert shown.body["account"]["iban"] == "DE89370400440532013000"


@pytest.mark.parametrize(
    "holder",
    [
        "x;=cmd|'/C calc'!A0;y",
        "=1+1",
        "-1",
        "a@b",
        "Bob\u2029Example",
        "\u3164",
        "Bob [VERIFIED]",
        "Bob \u2713",
        "Bob\x00",
    ],
)
def test_a_holder_is_a_name_and_nothing_else(world: World, bob: str, holder: str) -> None:
    """What a bank's page or a spreadsheet takes apart, what does not show, what staff would say: 422, at the field."""
    answer = add(world, bob, {**IBAN, "accountHolder": holder})
    assert_problem(answer, 422)
    assert "accountHolder" in str(answer.body)


def test_a_holder_is_normalised(world: World, bob: str) -> None:
    """One form of a name is one method, whatever keyboard it was typed with."""
    made = add(world, bob, {**IBAN, "accountHolder": "Jose\u0301  Mu\u0308ller & So\u0308hne GmbH"})
    assert made.body["accountHolder"] == "Jos\u00e9 M\u00fcller & S\u00f6hne GmbH"
    assert (
        add(world, bob, {**IBAN, "accountHolder": "Jos\u00e9 M\u00fcller & S\u00f6hne GmbH"}).body["id"]
        == made.body["id"]
    )


def test_another_partners_method_does_not_exist(world: World, bob: str, somebody: Callable[[], str]) -> None:
    """Not to take out of use, not to verify under another partner, and nobody who is no partner has any."""
    id, eve = add(world, bob, IBAN).body["id"], somebody()
    for _ in range(2):
        path = {"methodId": id}
        assert_problem(world.call(f"DELETE {METHODS}/{{methodId}}", sub=eve, path=path), 404)
        assert_problem(verify(world, eve, id), 404)
        assert_problem(add(world, somebody(), IBAN), 404)
        assert_problem(world.call(f"GET {METHODS}", sub=somebody()), 404)
    assert world.call(f"GET {METHODS}", sub=bob).body["data"][0]["usable"]
    assert_problem(world.call(f"GET {OF_PARTNER}", path={"partnerId": "nosuchthing"}, **STAFF), 404)


class Provider:
    def accepts(self, _: object) -> bool:
        return True


def test_staff_vouch_for_a_stripe_account(world: World, bob: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until then it is not usable; nobody does it for their own; who did, and when, is shown to staff."""
    monkeypatch.setattr(config, "payouts", lambda: {MethodType.STRIPE: Provider()})
    made = add(world, bob, CONNECTED)
    assert (made.body["account"], made.body["usable"]) == ("…lo2C", False)
    answer = withdraw(world, bob, payoutMethodId=made.body["id"])
    assert (answer.status, answer.code) == (409, "PAYOUT_METHOD_NOT_USABLE")
    assert_problem(verify(world, bob, made.body["id"], sub=bob), 403)
    vouched = verify(world, bob, made.body["id"]).body
    assert (vouched["usable"], vouched["verifiedBy"]) == (True, world.books.user("fin"))
    assert vouched["verifiedAt"]
    assert withdraw(world, bob, payoutMethodId=made.body["id"]).status == 201


# ---------------------------------------------------------------- batches


def test_transfers_are_exported_and_followed(fresh: World) -> None:
    """201 with count and totals; read with masked accounts and each one's status; the file has the whole accounts."""
    fresh.books.grant("bob", 10_000)
    fresh.books.mature("bob")
    id = paying(fresh, "bob")
    made = fresh.call(f"POST {BATCHES}", headers={"idempotency-key": "k"}, **STAFF)
    assert made.status == 201
    assert made.body["count"] == 1
    assert made.body["totals"] == [{"currency": "USD", "amount": 1500, "amountDecimal": "15.00"}]
    assert fresh.call(f"POST {BATCHES}", headers={"idempotency-key": "k"}, **STAFF).body == made.body
    assert_problem(fresh.call(f"POST {BATCHES}", **STAFF), 409)
    assert fresh.call(f"GET {BATCHES}", **STAFF).body["data"] == [made.body]

    path = {"batchId": made.body["id"]}
    event = fresh.event(f"GET {BATCHES}/{{batchId}}/file", path=path, **STAFF)
    answers = [api_of(f"GET {BATCHES}/{{batchId}}/file")(event, None) for _ in range(2)]
    assert answers[0]["body"] == answers[1]["body"]
    assert answers[0]["statusCode"] == 200
    headers = {name: text for name, text in answers[0]["headers"].items() if not name.startswith("ratelimit")}
    assert headers == {
        "content-type": "text/csv; charset=utf-8; header=present", "cache-control": "no-store",
        "content-disposition": f'attachment; filename="payout-batch-{made.body["id"]}.csv"',
        "x-content-type-options": "nosniff", "strict-transport-security": "max-age=31536000; includeSubDomains",
    }  # fmt: skip
    assert answers[0]["body"].splitlines()[1] == f'"{id}","Bob Example","DE89370400440532013000","","",15.00,"USD"'

    read = fresh.call(f"GET {BATCHES}/{{batchId}}", path=path, **STAFF).body
    assert {**read, "lines": [], "downloads": []} == {**made.body, "lines": [], "downloads": []}
    (line,) = read["lines"]
    assert (line["withdrawalId"], line["account"], line["status"]) == (id, "DE…3000", "PAYING")
    assert [download["by"] for download in read["downloads"]] == [fresh.books.user("fin")]


def test_a_batch_that_is_not_there_is_not_found(world: World) -> None:
    """As JSON and as a file."""
    for end in ("", "/file"):
        answer = world.call(f"GET {BATCHES}/{{batchId}}{end}", path={"batchId": "nosuchthing"}, **STAFF)
        assert_problem(answer, 404)
        assert answer.code == "BATCH_NOT_FOUND"


@pytest.mark.parametrize(
    "iban",
    [
        "XX263333333333333333",  # no country
        "DE693333333333333333",  # German ones have 22 characters; each of these has the right check digits
        "DE6733333333333333333333",
        "DE89370400440532013001",
        "US1234567890123456",
        "FR1420041010050500013M0260",
    ],
)
def test_an_iban_that_cannot_exist_is_refused(iban: str) -> None:
    """By its country's length and form and its check digits; the reason does not repeat it."""
    with pytest.raises(ValidationError) as refused:
        PayoutMethodBody.model_validate_json(
            json.dumps({"type": "BANK_TRANSFER", "accountHolder": "Bob Example", "iban": iban})
        )
    assert "not an IBAN" in str(refused.value.errors(include_input=False))


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("de89 3704 0044 0532 0130 00", "DE89370400440532013000"),
        ("FR14 2004 1010 0505 0001 3M02 606", "FR1420041010050500013M02606"),
        ("BE68 5390 0754 7034", "BE68539007547034"),
        ("NO93 8601 1117 947", "NO9386011117947"),
        ("MT84 MALT 0110 0001 2345 MTLC AST0 01S", "MT84MALT011000012345MTLCAST001S"),
    ],
)
def test_ibans_of_many_countries_are_taken(written: str, kept: str) -> None:
    """As people write them; which banks a country has is nobody's business here."""
    body = PayoutMethodBody.model_validate_json(
        json.dumps({"type": "BANK_TRANSFER", "accountHolder": "Bob Example", "iban": written})
    )
    assert body.iban == kept
