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
        _one(bench, "code of the caller", entity, "referrals", "GET /api/v1/referrals/code", "bob")
        _one(bench, "a program", entity, "programs", "GET /api/v1/programs/{programId}", "root", programId="default")
        _one(bench, "a partner", entity, "partners", "GET /api/v1/partners/{partnerId}", "root", partnerId=bob)
        _one(
            bench, "an own withdrawal", entity, "withdrawals", "GET /api/v1/referrals/withdrawals/{withdrawalId}",
            "bob", withdrawalId=asked[0],
        )  # fmt: skip
        _one(
            bench, "a withdrawal, staff", entity, "approvals", "GET /api/v1/withdrawals/{withdrawalId}", "root",
            withdrawalId=asked[0],
        )  # fmt: skip
        for number in range(PAGE):
            books.program(f"program-{number}")
        _page(bench, "programs", "0.5", "programs", "GET /api/v1/programs", "root")
        _page(bench, "partners", "13", "partners", "GET /api/v1/partners", "root")
        _page(bench, "partners of a status", "13", "partners", "GET /api/v1/partners", "root", status="ACTIVE")
        _page(bench, "own withdrawals", "26.5", "withdrawals", "GET /api/v1/referrals/withdrawals", "bob")
        _page(bench, "withdrawals of a status", "25.5", "approvals", "GET /api/v1/withdrawals", "root")
        journal = "GET /api/v1/ledger/entries"
        _page(bench, "own journal, one currency", "2", "ledger", journal, "bob", currency="USD")
        _page(bench, "own journal", "3", "ledger", journal, "bob")
        with bench.measure("everybody's journal, staff, past 25 partners without one", today(27, 0, 0, 26)):
            assert call("ledger", journal, "root", "admin")["nextCursor"]


def _one(bench: Bench, name: str, budget: Budget, function: str, route: str, sub: str, **path: str) -> None:
    with bench.measure(f"read: {name}", budget):
        call(function, route, sub, "admin" if sub == "root" else "", path=path)


def _page(bench: Bench, name: str, rru: str, function: str, route: str, sub: str, **query: str) -> None:
    with bench.measure(f"page of {PAGE}: {name}", today(None, 0, 0, rru)):
        answer = call(function, route, sub, "admin" if sub == "root" else "", query=query)
    assert len(answer["data"]) == PAGE, name
    assert answer["nextCursor"], name
