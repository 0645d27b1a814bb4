"""Limits per caller and minute over HTTP: 429, when to come back, and nothing done."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import functions
from tests.support.functions import Answer, World, assert_problem

METHOD = {"type": "BANK_TRANSFER", "accountHolder": "Bob Example", "iban": "DE89 3704 0044 0532 0130 00"}


@pytest.fixture
def limited(dynamodb_endpoint: str) -> Iterator[World]:
    """Nine requests, three withdrawals and two unknown codes a minute."""
    small = {"LIMITS": "reads=9,writes=9,heavy=2,withdrawals=3,unknown-codes=2"}
    with functions.world(dynamodb_endpoint, **small) as made:
        made.books.program()
        made.books.clock.at_ms += 60_000 - made.books.clock.at_ms % 60_000 + 15_000
        yield made


def too_many(answer: Answer) -> bool:
    if answer.status != 429:
        return False
    assert_problem(answer, 429)
    assert answer.code == "RATE_LIMITED"
    assert answer.headers["retry-after"] == "45"
    return True


def test_too_many_requests_in_a_minute(limited: World) -> None:
    """The tenth is refused with the seconds until the next minute; others, and the next minute, are free."""
    answers = [limited.call("GET /api/v1/referrals/code") for _ in range(12)]
    assert [too_many(answer) for answer in answers] == [False] * 9 + [True] * 3
    assert limited.call("GET /api/v1/referrals/code", sub="eve").status == 200
    limited.books.clock.forward(45_000)
    assert limited.call("GET /api/v1/referrals/code").status == 200


def test_all_routes_of_a_caller_count_together(limited: World) -> None:
    """Refused requests count too: guessing at the API is not free."""
    for _ in range(9):
        assert_problem(limited.call("GET /api/v1/ledger/entries", query={"limit": "no"}), 422)
    assert too_many(limited.call("GET /api/v1/referrals/stats"))


def test_too_many_withdrawals_in_a_minute(limited: World) -> None:
    """The fourth is refused though there is money; nothing is reserved for it."""
    limited.books.grant("bob", 100_000)
    limited.books.mature("bob")
    body = {"amount": 1500, "currency": "USD", "payoutMethod": METHOD}
    answers = [limited.call("POST /api/v1/referrals/withdraw", body=body) for _ in range(4)]
    assert [too_many(answer) for answer in answers] == [False, False, False, True]
    assert limited.books.balance("bob") == (95_500, 4500, 0)


def test_too_many_unknown_codes_in_a_minute(limited: World) -> None:
    """After two guesses even a right code is refused."""
    route, right = "POST /api/v1/referrals/apply/{code}", limited.books.partner("alice").code
    for code, status in (("WRONG1", 404), ("WRONG2", 404), (right, 429), ("WRONG3", 429)):
        answer = limited.call(route, path={"code": code})
        assert answer.status == status
        assert too_many(answer) is (status == 429)
