"""What the HTTP functions read, measured through their own handlers."""

from __future__ import annotations

from benchmarks.bench import Bench, Budget, design, today
from benchmarks.handlers import call, serving

PAGE = 25


def reading(bench: Bench) -> None:
    """One entity, and pages of 25 of a list that has more."""
    books = bench.books
    asked = [books.withdraw("bob", 1_000, f"list {number}").id for number in range(PAGE + 1)]
    for number in range(PAGE + 1):
        books.partner(f"customer {number}")
    bob = books.partner("bob").id
    entity = design(2, 0, 0, 2)
    with serving(books):
        _one(bench, "balances of the caller", entity, "ledger", "GET /api/v1/ledger/balances", "bob")
        _one(bench, "code of the caller", entity, "member_referrals", "GET /api/v1/referrals/code", "bob")
        _one(bench, "a program", entity, "programs", "GET /api/v1/programs/{programId}", "root", programId="default")
        _one(bench, "a partner", entity, "partners", "GET /api/v1/partners/{partnerId}", "root", partnerId=bob)
        by_code, code = "GET /api/v1/partners/by-code/{code}", books.partner("bob").code
        _one(bench, "a partner by code", entity, "partners", by_code, "root", code=code)
        upline = "GET /api/v1/partners/{partnerId}/upline"
        _one(bench, "a partner's up-line", entity, "partners", upline, "root", partnerId=bob)
        _one(
            bench, "an own withdrawal", entity, "member_withdrawals",
            "GET /api/v1/referrals/withdrawals/{withdrawalId}", "bob", withdrawalId=asked[0],
        )  # fmt: skip
        _one(
            bench, "a withdrawal, staff", today(4, 0, 0, "5.5"), "withdrawals",
            "GET /api/v1/withdrawals/{withdrawalId}", "root", withdrawalId=asked[0],
        )  # fmt: skip  # with what stands against paying it now
        correcting_and_explaining(bench, bob)
        for number in range(PAGE):
            books.program(f"program-{number}")
        # half a unit for who decided, by name: decision 93
        _page(bench, "programs", "1.5", "programs", "GET /api/v1/programs", "root")
        _page(bench, "partners", "13", "partners", "GET /api/v1/partners", "root")
        _page(bench, "partners of a status", "13", "partners", "GET /api/v1/partners", "root", status="ACTIVE")
        downline = "GET /api/v1/partners/{partnerId}/downline"
        with bench.measure(f"page of {PAGE}: whom a partner referred", today(None, 0, 0, "15")):
            answer = call("partners", downline, "root", "admin", path={"partnerId": bob})
        assert len(answer["data"]) == PAGE
        _page(bench, "own withdrawals", "26.5", "member_withdrawals", "GET /api/v1/referrals/withdrawals", "bob")
        _page(bench, "withdrawals of a status", "25.5", "withdrawals", "GET /api/v1/withdrawals", "root")
        _page(bench, "all withdrawals", "19.5", "withdrawals", "GET /api/v1/withdrawals", "root", status="ALL")
        # half a unit for each of 32 shards: what lets 10,000 payments a second be listed
        # and half a unit for each payment, referral and partner that a line names: decision 91
        _page(bench, "rewards of a program", "42", "rewards", "GET /api/v1/rewards", "root", programId="default")
        _page(bench, "payments of a program", "31", "payments", "GET /api/v1/payments", "root", programId="default")
        timeline = "GET /api/v1/withdrawals/{withdrawalId}/timeline"
        _one(bench, "timeline of a withdrawal", entity, "withdrawals", timeline, "root", withdrawalId=asked[0])
        journal = "GET /api/v1/ledger/entries"
        _page(bench, "own journal, one currency", "2.5", "ledger", journal, "bob", currency="USD")
        _page(bench, "own journal", "3.5", "ledger", journal, "bob")
        with bench.measure("everybody's journal, staff, past 25 partners without one", today(30, 0, 0, "27.5")):
            assert call("ledger", journal, "root", "admin")["nextCursor"]


def correcting_and_explaining(bench: Bench, bob: str) -> None:
    """A reward and why it is so, for its partner; a payment with its two rewards; a correction, read and listed."""
    books, entity = bench.books, design(2, 0, 0, 2)
    paid = books.pay("customer", "explained", 10_000).payment
    reward = next(each.id for each in books.rewards("bob") if each.payment == paid)
    one, body = "/api/v1/rewards/{rewardId}", {"partnerId": bob, "amount": 1, "currency": "USD", "reason": "x" * 100}
    _one(bench, "an own reward", entity, "rewards", f"GET {one}", "bob", rewardId=reward)
    _one(bench, "why it is so", design(None, 0, 0, 2), "rewards", f"GET {one}/explain", "bob", rewardId=reward)
    _one(
        bench, "a payment with two rewards", entity, "payments", "GET /api/v1/payments/{paymentId}", "root",
        paymentId=paid,
    )  # fmt: skip
    books.context.stopped()  # which a worker reads once in five seconds
    with bench.measure("adjustment", today(4, 1, 11, 7)):  # the model's 6, the partner's list, two sums, two names
        made = call("adjustments", "POST /api/v1/adjustments", "root", "admin", body=body)["id"]
    _one(
        bench, "an adjustment", entity, "adjustments", "GET /api/v1/adjustments/{adjustmentId}", "root",
        adjustmentId=made,
    )  # fmt: skip
    for _ in range(PAGE):
        call("adjustments", "POST /api/v1/adjustments", "root", "admin", body=body)
    adjustments = "GET /api/v1/adjustments"
    _page(bench, "a partner's adjustments", "14", "adjustments", adjustments, "root", partnerId=bob)
    _page(bench, "own rewards", "2", "rewards", "GET /api/v1/rewards", "bob")


def _one(bench: Bench, name: str, budget: Budget, function: str, route: str, sub: str, **path: str) -> None:
    with bench.measure(f"read: {name}", budget):
        call(function, route, sub, "admin" if sub == "root" else "", path=path)


def _page(bench: Bench, name: str, rru: str, function: str, route: str, sub: str, **query: str) -> None:
    with bench.measure(f"page of {PAGE}: {name}", today(None, 0, 0, rru)):
        answer = call(function, route, sub, "admin" if sub == "root" else "", query=query)
    assert len(answer["data"]) == PAGE, name
    assert answer["nextCursor"], name
