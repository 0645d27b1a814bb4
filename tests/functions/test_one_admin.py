"""The thefts that one admin committed in seconds, request by request through the real functions: none goes through."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.deployment import deployment
from tests.support.functions import Answer
from tests.support.insider import EARNED, GRACE, LIMIT, MALLORY, OUT, PROGRAM, Insider, terms

ONE = "/api/v1/withdrawals/{withdrawalId}"
SERVICE: dict[str, Any] = {"sub": "crm-client", "claims": {"scope": "refledger/referrals:write"}}


@pytest.fixture
def insider(dynamodb_endpoint: str) -> Iterator[Insider]:
    with deployment(dynamodb_endpoint) as deployed:
        made = Insider(deployed)
        made.begin()
        yield made


def asked(insider: Insider, name: str, amount: int) -> dict[str, str]:
    """The path of a withdrawal of theirs, looked at by its workflow."""
    insider.withdraw(name, amount, "USD")
    insider.happens()
    return {"withdrawalId": max(insider.withdrawals(), key=lambda each: (each.created_at_ms, each.amount)).id}


def approve(insider: Insider, path: dict[str, str], who: dict[str, Any] = MALLORY) -> Answer:
    return insider.ask(f"POST {ONE}/approve", {"note": "known well"}, who, path=path)


def refused(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.code


def test_the_limit_is_not_taken_away_by_who_meets_it(insider: Insider) -> None:
    """Approve, remove the limit, approve again: the first yes stays the only one, until Grace says yes, too."""
    path, program = asked(insider, "bob", EARNED), {"programId": "default"}
    assert approve(insider, path).body["status"] == "REQUESTED"
    assert refused(approve(insider, path)) == (409, "SECOND_PERSON_NEEDED")
    tag = insider.ask(f"GET {PROGRAM}", path=program).headers["etag"]
    body = terms(limits={"secondApprovalLimit": None})
    insider.ask(f"PUT {PROGRAM}", body, path=program, headers={"if-match": tag})
    (change,) = insider.ask(f"GET {PROGRAM}/changes", path=program).body["data"]
    own = insider.ask(f"POST {PROGRAM}/changes/{{changeId}}/confirm", {}, path={**program, "changeId": change["id"]})
    assert own.status in (403, 409)
    assert refused(approve(insider, path)) == (409, "SECOND_PERSON_NEEDED")
    assert approve(insider, path, GRACE).body["status"] == "APPROVED"


def test_a_linked_sign_in_is_not_paid_by_who_linked_it(insider: Insider) -> None:
    """A partner who has earned gets a user, who asks for all of it: whoever named the user lets nothing out."""
    insider.link()
    path = asked(insider, "mal2", OUT)
    assert refused(approve(insider, path)) == (409, "SECOND_PERSON_NEEDED")
    insider.many_withdrawals("approve")
    insider.export()
    insider.many_withdrawals("mark-paid")
    assert insider.received() == 0
    assert approve(insider, path, GRACE).body["status"] == "APPROVED"
    insider.happens()
    insider.export()  # by who linked: the file is without it
    assert insider.received() == 0


@pytest.mark.parametrize("who", [MALLORY, SERVICE], ids=["a person", "a service"])
def test_a_conversion_mints_nothing(insider: Insider, who: dict[str, Any]) -> None:
    """Any value may be told, and what it earns above the limit waits for a person who did not tell it."""
    new = {"partnerId": insider.partners["bob"].id, "source": "OTHER"}
    path = {"referralId": insider.ask("POST /api/v1/referrals", new, who).body["id"]}
    told = insider.ask(
        "POST /api/v1/referrals/{referralId}/process-conversion", {"conversionValue": "99999999.99"}, who, path=path
    )  # fmt: skip
    (reward,) = told.body["rewards"]
    insider.happens()
    assert insider.made() == 0
    path = {"rewardId": reward["id"]}
    assert insider.ask("GET /api/v1/rewards/{rewardId}", path=path).body["held"] == ["SECOND_PERSON"]
    if who is MALLORY:
        own = insider.ask("POST /api/v1/rewards/{rewardId}/release", {"note": "fine"}, path=path)
        assert refused(own) == (409, "SECOND_PERSON_NEEDED")
    released = insider.ask("POST /api/v1/rewards/{rewardId}/release", {"note": "asked the shop"}, GRACE, path=path)
    if who is not MALLORY:  # nobody knows who holds a service's token: the first word vouches, the second releases
        assert released.body["held"] == ["SECOND_PERSON"]
        released = insider.ask("POST /api/v1/rewards/{rewardId}/release", {"note": "so did I"}, path=path)
    assert released.body["status"] == "APPROVED"


def test_pieces_are_one_whole(insider: Insider) -> None:
    """Twenty adjustments and twenty gifts of the limit, nine withdrawals of the other: each sum ends at its limit."""
    for _ in range(20):
        insider.adjust("eve", LIMIT, "USD")
        insider.give("eve", LIMIT, "USD")
    insider.happens()
    assert insider.made() == LIMIT
    for _ in range(4):
        insider.withdraw("bob", OUT, "USD")
    insider.happens()
    insider.many_withdrawals("approve")
    insider.happens()
    insider.export()
    insider.many_withdrawals("mark-paid")
    insider.many_rewards("pay")
    assert insider.received() == OUT


def test_who_gave_approves_nothing(insider: Insider) -> None:
    """One adjustment of a cent, and another one decides about the partner's money for a month."""
    insider.adjust("bob", 1, "USD")
    path = asked(insider, "bob", OUT)
    assert refused(approve(insider, path)) == (409, "SECOND_PERSON_NEEDED")
    insider.deployed.world.books.clock.forward(3_600_000)
    assert approve(insider, path, GRACE).body["status"] == "APPROVED"
    insider.happens()
    marked = insider.ask(f"POST {ONE}/mark-paid", {"transactionId": "T"}, path=path)
    assert refused(marked) == (409, "SECOND_PERSON_NEEDED")


def test_paid_money_is_put_back_by_two(insider: Insider) -> None:
    """Above the limit one person's word that a transfer came back moves nothing, nor does it twice."""
    path = asked(insider, "bob", LIMIT + 1)
    for who in (MALLORY, GRACE):
        approve(insider, path, who)
    insider.happens()
    insider.export()
    paid = insider.ask(f"POST {ONE}/mark-paid", {"transactionId": "T"}, path=path)
    assert paid.body["status"] == "PAID"
    for number in range(2):
        body = {"note": "account closed", "transactionId": f"back-{number}"}
        answer = insider.ask(f"POST {ONE}/mark-returned", body, path=path)
        assert answer.status >= 400 or answer.body["status"] == "PAID"
    available = insider.deployed.world.books.balance("bob")[0]
    assert available == EARNED - LIMIT - 1
