"""What staff know payments, rewards and referrals by, over HTTP; and who is told it."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.support.functions import World

FIN: dict[str, Any] = {"sub": "fin", "groups": ("finance",)}
HELP: dict[str, Any] = {"sub": "help", "groups": ("support",)}
CUSTOMER = "mia@shop.example"
NAMES = ("externalPaymentId", "paymentToldBy", "customerId", "partnerName", "partnerCompany")


@pytest.fixture
def paid(fresh: World) -> World:
    """Gil's customer, whom the shop calls by an address, has paid order 4711."""
    gil = fresh.books.member("gil", "default")
    made = fresh.call("POST /api/v1/referrals/apply/{code}", sub=CUSTOMER, path={"code": gil.code})
    assert made.status == 201
    fresh.books.pay(CUSTOMER, "order 4711", 10_000)
    return fresh


def test_staff_see_whose_customer_paid_which_order(paid: World) -> None:
    """In the list of payments, alone, by the shop's own id, with the reward, and with the referral."""
    (line,) = paid.call("GET /api/v1/payments", query={"programId": "default"}, **FIN).body["data"]
    told = {"toldBy": "payments", "externalId": "order 4711", "customerId": CUSTOMER}
    assert told.items() <= line.items()
    assert (line["partnerName"], line["customerHash"]) == ("gil gil", paid.books.ids.user(CUSTOMER))
    one = {"path": {"paymentId": "order 4711"}, "query": {"source": "payments"}}
    assert told.items() <= paid.call("GET /api/v1/payments/{paymentId}", **one, **FIN).body.items()
    (reward,) = paid.call("GET /api/v1/rewards", query={"programId": "default"}, **FIN).body["data"]
    assert [reward[name] for name in NAMES] == ["order 4711", "payments", CUSTOMER, "gil gil", None]
    alone = paid.call("GET /api/v1/rewards/{rewardId}", path={"rewardId": reward["id"]}, **FIN).body
    assert [alone[name] for name in NAMES] == [reward[name] for name in NAMES]
    (referral,) = paid.call("GET /api/v1/referrals", **FIN).body["data"]
    assert (referral["customerId"], referral["partnerName"]) == (CUSTOMER, "gil gil")


def test_the_journal_names_orders_partners_and_the_banks_reference(paid: World) -> None:
    """For staff; services get the ids alone, partners neither: as in the export of the ledger."""
    paid.books.mature("gil")
    paid.books.pay_out("gil", 2_000)
    gil = paid.books.partner("gil").id
    reference = paid.call("GET /api/v1/partners/{partnerId}/withdrawals", path={"partnerId": gil}, **FIN)
    transaction = reference.body["data"][0]["transactionId"]
    assert transaction
    journal, joined = "GET /api/v1/ledger/entries", ("kind", "externalPaymentId", "transactionId", "partnerName")
    service = {"sub": "shop", "claims": {"scope": "refledger/ledger:read"}}
    for who, name in ((FIN, "gil gil"), (service, None)):
        for entries in (
            paid.call(journal, query={"partnerId": gil}, **who).body["data"],
            paid.call(journal, **who).body["data"],
            paid.call("GET /api/v1/partners/{partnerId}/ledger", path={"partnerId": gil}, **who).body["data"],
        ):
            assert [tuple(each[field] for field in joined) for each in entries] == [
                ("EARN", "order 4711", None, name), ("RESERVE", None, transaction, name),
                ("SETTLE", None, transaction, name),
            ]  # fmt: skip
    for each in paid.call(journal, sub="gil").body["data"]:
        assert [each[field] for field in joined[1:]] == [None] * 3


def test_support_sees_of_an_address_what_they_recognise_who_know_it(paid: World) -> None:
    """Where the shop's ids are addresses, they are masked for whoever sees personal data masked."""
    (line,) = paid.call("GET /api/v1/payments", query={"programId": "default"}, **HELP).body["data"]
    (referral,) = paid.call("GET /api/v1/referrals", **HELP).body["data"]
    (reward,) = paid.call("GET /api/v1/rewards", query={"programId": "default"}, **HELP).body["data"]
    assert {line["customerId"], referral["customerId"], reward["customerId"]} == {"m…@shop.example"}


def test_services_get_no_names_of_people(paid: World) -> None:
    """A service that reads referrals learns the shop's own ids, and no partner's name."""
    service = {"sub": "shop", "claims": {"scope": "refledger/referrals:read"}}
    (referral,) = paid.call("GET /api/v1/referrals", **service).body["data"]
    assert (referral["partnerName"], referral["customerHash"]) == (None, paid.books.ids.user(CUSTOMER))


def test_partners_are_not_told_who_their_customers_are(paid: World) -> None:
    """Nor what the shop calls the payment."""
    (reward,) = paid.call("GET /api/v1/rewards", sub="gil").body["data"]
    assert [reward[name] for name in NAMES] == [None] * len(NAMES)
    (referral,) = paid.call("GET /api/v1/referrals", sub="gil").body["data"]
    assert (referral["customerId"], referral["customerHash"], referral["partnerName"]) == (None, None, None)


def test_no_log_has_the_id_of_a_customer(paid: World, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever is asked for, and refused."""
    with caplog.at_level(logging.INFO):
        paid.call("GET /api/v1/payments", query={"programId": "default"}, **FIN)
        path = {"code": paid.books.partner("gil").code}
        paid.call("POST /api/v1/referrals/apply/{code}", sub=CUSTOMER, path=path)
        paid.call("POST /api/v1/referrals/apply/{code}", sub=CUSTOMER, path={"code": "NOSUCHCODE"})
    assert caplog.records
    assert "shop.example" not in repr([record.__dict__ for record in caplog.records])
