"""What a payment, a withdrawal and a read take from their beginning to their end, in everything that they cause."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.pipeline import Pipeline, Taken
from refledger.domain.rewards import RewardStatus
from refledger.domain.times import DAY_MS, HOUR_MS, MINUTE_MS
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.store import leaderboards, withdrawals
from tests.support.books import ACCOUNT
from tests.support.functions import apis
from tests.support.payouts import verified

PARTNERS, CUSTOMERS_EACH = 5, 10  # below two more, who earn in the second tier
BUSY, SPARSE = 100, 4
READS = ("GET /api/v1/referrals/stats", "GET /api/v1/ledger/balances")
HOLD_DAYS = 30
AMOUNT = 10_000
TOKEN = "t" * 700  # about as long as those of Step Functions
BOOKED = ("payment", "figures of it")


def payments(pipe: Pipeline, number: int, *, busy: bool) -> dict[str, Taken]:
    """So many payments, until their rewards are paid out; by stage, all of them together.

    `busy`: they come at once, and fall due at once. Else each has its hour, and every batching window ends with it
    alone.
    Each customer has paid before; partners are paid once, at the end, in both.
    """
    customers = _people(pipe)
    pipe.pay(*((f"before {name}", name, AMOUNT) for name in customers))
    _later(pipe, (HOLD_DAYS + 1) * DAY_MS)
    asked = [(f"p{each}", customers[each % len(customers)], AMOUNT) for each in range(number)]
    groups = [asked] if busy else [[each] for each in asked]
    idle = _idle_tick(pipe)
    for group in groups:
        with pipe.stage("payment"):
            pipe.pay(*group)
        with pipe.stage("figures of it"):
            pipe.follow()
        pipe.books.clock.forward(HOUR_MS)
    pipe.books.clock.forward(HOLD_DAYS * DAY_MS - (len(groups) + 3) * HOUR_MS + 2 * MINUTE_MS)
    _idle_tick(pipe)  # three hours of them
    for _ in [*groups, None]:  # once more, for the look that comes an hour later
        with pipe.stage("maturity"):
            pipe.invoke("maturity", {})
            pipe.now.add(idle, -1)  # which comes whether there are payments or not
            pipe.mature()
        with pipe.stage("figures of it (maturity)"):
            pipe.follow()
        pipe.books.clock.forward(HOUR_MS)
    paid = _pay_everybody(pipe)
    for name, id in paid:
        with pipe.stage("marked as paid"):
            pipe.books.cover(name, withdrawal_id=id)
    with pipe.stage("figures of it (paid)"):
        pipe.follow()
    _check_all_is_done(pipe)
    return pipe.stages


def _people(pipe: Pipeline) -> list[str]:
    """Two partners referred the others, who referred customers."""
    names = [f"partner {number}" for number in range(PARTNERS)]
    for number, name in enumerate(names):
        pipe.books.apply(name, f"top {number % 2}")
    customers = [f"customer {each} of {name}" for each in range(CUSTOMERS_EACH) for name in names]
    for customer in customers:
        pipe.books.apply(customer, customer.split(" of ")[1])
    pipe.books.context.program("default")
    return customers


def _later(pipe: Pipeline, milliseconds: int) -> None:
    """Everything that is due by then has happened, and was told."""
    pipe.follow()
    pipe.books.clock.forward(milliseconds)
    pipe.invoke("maturity", {})
    pipe.mature()
    _pay_everybody(pipe, cover=True)
    pipe.follow()


def _idle_tick(pipe: Pipeline) -> Taken:
    """A tick of the schedule an hour after the one before, with nothing to do."""
    for _ in range(3):  # the first two have something left to look at
        pipe.books.clock.forward(HOUR_MS)
        pipe.stages.pop("an idle tick", None)
        with pipe.stage("an idle tick"):
            pipe.invoke("maturity", {})
    return pipe.stages.pop("an idle tick")


def _pay_everybody(pipe: Pipeline, *, cover: bool = False) -> list[tuple[str, str]]:
    """(partner, withdrawal) of all that is available, by bank transfer; what belongs to withdrawals is told here."""
    done = []
    for name in [f"partner {number}" for number in range(PARTNERS)] + ["top 0", "top 1"]:
        available = pipe.books.balance(name)[0]
        if not available:
            continue
        made = pipe.books.conclude_paid(pipe.books.withdraw(name, available))
        if cover:
            pipe.books.cover(name, withdrawal_id=made.id)
        done.append((name, made.id))
    pipe.follow()
    return done


def _check_all_is_done(pipe: Pipeline) -> None:
    """Nothing was left out: money, figures and boards are those of payments that were paid out."""
    names = [f"partner {number}" for number in range(PARTNERS)]
    earned = [reward for name in names for reward in pipe.books.rewards(name)]
    assert {reward.status for reward in earned} == {RewardStatus.PAID}
    board = leaderboards.find(pipe.books.table, "default", "ALL", "REWARDS_USD")
    assert sum(value for id, value in board.rows if id in {pipe.books.partner(name).id for name in names}) == sum(
        reward.amount for reward in earned
    )


def withdrawal(pipe: Pipeline, *, by_hand: bool) -> dict[str, Taken]:
    """A bank withdrawal that a person approves, or the program's rule, and a person marks as paid: alone.

    It covers the one reward of its partner, who was paid before.
    """
    if not by_hand:
        pipe.books.change_program(hold_days=0, auto_approve_limit=10_000)
    books, steps = pipe.books, pipe.steps
    method = None
    for round in range(2):  # the first is the partner's first, which a person looks at, and warms what a worker keeps
        books.grant("bob", 5_000)
        books.mature("bob")
        method = method or verified(books, "bob", ACCOUNT)
        pipe.follow()
        pipe.stages.clear()
        with pipe.stage("asked for"):
            body = {"amount": 5_000, "currency": "USD", "payoutMethodId": method}
            id = _call(pipe, "POST /api/v1/referrals/withdraw", "bob", body=body)["id"]
        _task(pipe, "decide", id, token=f"1{TOKEN}{round}")
        if by_hand or not round:
            with pipe.stage("approved"):
                _call(pipe, "POST /api/v1/withdrawals/{withdrawalId}/approve", "ann", id, {})
        _task(pipe, "pay", id, token=f"2{TOKEN}{round}")
        with pipe.stage("marked as paid by a person"):
            body = {"transactionId": f"bank-{round}"}
            _call(pipe, "POST /api/v1/withdrawals/{withdrawalId}/mark-paid", "eve", id, body)
        _task(pipe, "finish", id, heard="PAID", token=f"3{TOKEN}{round}")
        with pipe.stage("figures and audit of it"):
            pipe.follow()
        books.clock.forward(60 * DAY_MS)
    found = withdrawals.find(books.table, id)
    assert found.status is WithdrawalStatus.PAID
    assert not steps.failed
    return pipe.stages


def _task(pipe: Pipeline, action: str, id: str, **more: str) -> None:
    pipe.steps.waiting |= {more["token"]} if "token" in more else set()
    with pipe.stage("tasks of the workflow"):
        pipe.invoke("workflow", {"action": action, "withdrawalId": id, **more})


def read(pipe: Pipeline, route: str, times: int = 20) -> Taken:
    """One call of a partner who has earned, warm."""
    if not pipe.books.rewards("bob"):
        pipe.books.apply("bob", "alice")
        pipe.books.apply("customer", "bob")
        pipe.books.earn("customer", "p1", AMOUNT)
        pipe.follow()
    _call(pipe, route, "bob")
    with pipe.stage(route):
        for _ in range(times):
            _call(pipe, route, "bob")
    return pipe.stages.pop(route).shared(times)


def _call(pipe: Pipeline, route: str, sub: str, id: str = "", body: Any = None) -> dict[str, Any]:
    """One request, as API Gateway passes it on."""
    claims = {"sub": sub, "token_use": "access", "scope": "openid", "iss": "https://issuer.example.com"}
    if sub not in ("bob", "customer"):
        claims["cognito:groups"] = "[admin]"
    claims["auth_time"] = str(pipe.books.clock() // 1000)
    name, function = next((name, api) for name, api in apis().items() if route in api.routes)
    event = {
        "routeKey": route, "headers": {"content-type": "application/json", "idempotency-key": f"{pipe.books.clock()}"},
        "rawPath": "/", "rawQueryString": "", "queryStringParameters": {},
        "requestContext": {"requestId": f"r{pipe.books.clock()}", "authorizer": {"jwt": {"claims": claims}}},
        "pathParameters": {"withdrawalId": id} if id else {}, "body": json.dumps(body) if body is not None else "",
    }  # fmt: skip
    answer = pipe.serve(function, event, name)
    assert answer["statusCode"] < 400, answer["body"]
    found: dict[str, Any] = json.loads(answer["body"])
    return found
