"""Account numbers are in no item, no stream image, no log and no answer, but for the two that are made to show them."""

from __future__ import annotations

import hashlib
import json
import logging
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from refledger.domain.withdrawals import WithdrawalStatus
from refledger.operations.payouts import withdrawals
from refledger.operations.payouts.transitions import step
from tests.support.books import MANY
from tests.support.functions import World, api_of
from tests.support.streams import Told

WHOLE = {"GET /api/v1/withdrawals/{withdrawalId}", "GET /api/v1/payout-batches/{batchId}/file"}
STAFF: dict[str, Any] = {"sub": "fin", "groups": ("finance",)}
# Hypothesis' simplest number is 0000, which is everywhere: what it thinks of is made one that is nowhere by chance.
DIGITS = st.builds(
    lambda seed, length: str(int(hashlib.sha256(seed).hexdigest(), 16))[:length], st.binary(), st.integers(14, 18)
)


def iban(digits: str) -> str:
    """A valid one of the German form's length or so; see ISO 13616 for the check digits."""
    rest = digits.ljust(18, "7")
    check = 98 - int(f"{rest}131400") % 97
    return f"DE{check:02}{rest}"


def methods(digits: str) -> list[dict[str, str]]:
    """All kinds of account, each with a number of its own that occurs nowhere else."""
    return [
        {"type": "BANK_TRANSFER", "accountHolder": "Bob", "iban": iban(digits)},
        {"type": "BANK_TRANSFER", "accountHolder": "Bob", "accountNumber": f"9{digits}", "bankCode": "10020030"},
        {"type": "STRIPE", "stripeAccountId": f"acct_{digits}x"},
    ]


def secrets(digits: str) -> list[str]:
    """What would give a number away: all of it but the last four characters is already too much."""
    return [digits[:-4], iban(digits)[2:-4]]


@pytest.fixture(scope="module")
def rich(world: World) -> Iterator[World]:
    """Bob never runs out of money, and may ask for it as often as the test likes."""
    world.books.grant("bob", 10**12)
    world.books.mature("bob")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(withdrawals, "BOUNDS", MANY)
        yield world


def everything(world: World) -> str:
    """The whole table and its stream as DynamoDB holds them, bytes as they are, and as base64."""
    client, name = world.books.client, world.books.table_name
    items = [item for page in client.get_paginator("scan").paginate(TableName=name) for item in page["Items"]]
    return repr(items) + repr(list(Told(client, name).told()))


def use(world: World, digits: str, answers: list[str]) -> None:
    """All that can be done with accounts, refusals and faults among it. What is answered is kept in `answers`."""

    def call(route: str, **told: Any) -> dict[str, Any]:
        answer = api_of(route)(world.event(route, **told), None)
        if route not in WHOLE:
            answers.append(json.dumps(answer, ensure_ascii=False))
        return answer

    def body(answer: dict[str, Any]) -> Any:
        return json.loads(answer["body"])

    by_partner = {"partnerId": world.books.partner("bob").id}
    for method in methods(digits):
        made = body(call("POST /api/v1/payout-methods", body=method))
        withdrawal = {"amount": 1000 + random.randrange(100), "currency": "USD", "payoutMethod": method}
        call("POST /api/v1/referrals/withdraw", body=withdrawal)
        call("POST /api/v1/referrals/withdraw", body={**withdrawal, "amount": 10**15})
        call("POST /api/v1/referrals/withdraw", body={**withdrawal, "amount": 1})
        call("POST /api/v1/referrals/withdraw", body={**withdrawal, "payoutMethod": {**method, "type": "X"}})
        call("POST /api/v1/payout-methods", body={**method, "iban": iban(digits)[:-1] + "x"})
        call("POST /api/v1/payout-methods", body={**method, "accountNumber": digits, "extra": iban(digits)})
        call("POST /api/v1/payout-methods", text=json.dumps(method)[:-3])
        world.books.kms.failing = "AccessDeniedException"  # a 500, and a traceback in the log
        call("POST /api/v1/payout-methods", body={**method, "accountHolder": f"Bob {random.random()}"})
        world.books.kms.failing = ""
        path = {**by_partner, "methodId": made["id"]}
        call("POST /api/v1/partners/{partnerId}/payout-methods/{methodId}/verify", path=path, **STAFF)
        call("DELETE /api/v1/payout-methods/{methodId}", path=path)
    call("GET /api/v1/payout-methods")
    call("GET /api/v1/partners/{partnerId}/payout-methods", path=by_partner, **STAFF)
    for each in body(call("GET /api/v1/referrals/withdrawals", query={"limit": "100"}))["data"]:
        path = {"withdrawalId": each["id"]}
        call("GET /api/v1/withdrawals/{withdrawalId}", path=path, **STAFF)
        if each["status"] == "REQUESTED":
            for status in (WithdrawalStatus.APPROVED, WithdrawalStatus.PAYING):
                step(world.books.context, each["id"], status, "ann", request=status)
    for name in ("REQUESTED", "PAYING"):
        call("GET /api/v1/withdrawals", query={"status": name, "limit": "100"}, **STAFF)
    for method in methods(digits):  # what is out of use is not exported, nor by whoever vouched for it
        call("POST /api/v1/payout-methods", body=method)
    batch = {"batchId": body(call("POST /api/v1/payout-batches", **{**STAFF, "sub": "clerk"}))["id"]}
    call("GET /api/v1/payout-batches/{batchId}", path=batch, **STAFF)
    file = call("GET /api/v1/payout-batches/{batchId}/file", path=batch, **STAFF)
    assert iban(digits) in file["body"], "or this looks for something that was never there"
    assert f"9{digits}" in file["body"]


@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.reuse, Phase.generate],  # one number is as good as another: nothing to shrink
)
@given(digits=DIGITS)
def test_no_number_leaves_a_trace(
    rich: World, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], digits: str
) -> None:
    """After everything that can happen to an account, with every log at DEBUG, its number is nowhere.

    Neither as text, nor in what is kept as bytes.
    """
    caplog.clear()
    answers: list[str] = []
    with caplog.at_level(logging.DEBUG, logger="refledger"):
        use(rich, digits, answers)
    printed = capfd.readouterr()
    logged = "\n".join(repr(vars(record)) for record in caplog.records) + caplog.text + printed.out + printed.err
    assert "AccessDeniedException" in logged, "or the logs were not seen"
    kept = everything(rich)
    assert "DE…" + digits.ljust(18, "7")[-4:] in kept, "or the table was not seen"
    for secret in secrets(digits):
        assert secret not in "\n".join(answers)
        assert secret not in logged
        assert secret not in kept
