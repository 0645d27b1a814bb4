"""Errors as answers: every class has a status, and nothing unexpected is told to a caller."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    IncompleteReadError,
    ReadTimeoutError,
)

import refledger
from refledger.domain import errors
from refledger.domain.errors import Refledger
from refledger.entry import config, problems
from refledger.store.transaction import ConditionFailed, RetryableConflict
from tests.support.functions import World, api_of, assert_problem

CODE = "GET /api/v1/referrals/code"


class Through:
    """A client of which one call is another's."""

    def __init__(self, client: Any, write: Any) -> None:
        self._client, self.transact_write_items = client, write

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def every_class() -> list[type[Refledger]]:
    """All errors of the whole package, wherever they are defined."""
    for module in pkgutil.walk_packages(refledger.__path__, "refledger."):
        importlib.import_module(module.name)

    def below(made: type[Refledger]) -> Iterator[type[Refledger]]:
        for each in made.__subclasses__():
            yield each
            yield from below(each)

    return sorted(set(below(Refledger)), key=lambda made: made.__name__)


@pytest.mark.parametrize("made", every_class(), ids=lambda made: made.__name__)
def test_every_error_has_a_status_with_a_title(made: type[Refledger]) -> None:
    """Nobody can add an error that answers 500, or one whose status has no title."""
    error = made.__new__(made)
    assert problems.status_of(error) in problems.TITLES
    assert 400 <= problems.status_of(error) < 600


def test_codes_are_of_one_class_each() -> None:
    """A client that knows a code knows what happened."""
    codes = [made.code for made in every_class()]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.Invalid("x"), 422), (errors.UnknownCurrency("x"), 422), (errors.Unauthenticated("x"), 401),
        (errors.OwnWithdrawal("x"), 403), (errors.WithdrawalNotFound("x"), 404), (errors.AlreadyDecided("x"), 409),
        (errors.InsufficientFunds("x"), 422), (errors.KeyReused("x"), 422), (errors.RateLimited("x", 7), 429),
        (errors.Busy("x"), 503), (errors.PayoutDeclined("x"), 409), (errors.PayoutUnavailable("x"), 503),
    ],
)  # fmt: skip
def test_families_have_their_statuses(error: Refledger, status: int) -> None:
    """The ones that clients handle, written out."""
    answer = problems.of(error)
    assert answer["statusCode"] == status
    assert json.loads(answer["body"])["code"] == error.code
    assert json.loads(answer["body"])["detail"] == "x"


def test_a_limit_and_a_busy_table_say_when_to_come_back() -> None:
    """In whole seconds, as HTTP wants it."""
    assert problems.of(errors.RateLimited("x", 42))["headers"]["retry-after"] == "42"
    assert problems.of(errors.Busy("x"))["headers"]["retry-after"] == "1"


# ---------------------------------------------------------------- through a function


@pytest.fixture
def failing(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], None]:
    """Makes a route fail with an error, inside."""
    route = api_of(CODE).routes[CODE]

    def fail_with(error: Exception) -> None:
        def function(_: Any) -> Any:
            raise error

        monkeypatch.setitem(api_of(CODE).routes, CODE, type(route)(**{**vars(route), "function": function}))

    return fail_with


@pytest.mark.parametrize("error", [RuntimeError("secret 4711"), KeyError("secret 4711"), AssertionError("secret 4711")])
def test_what_nobody_expected_is_a_500_without_details(
    world: World, failing: Callable[[Exception], None], error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller learns the request's id and no reason; the log learns the reason and nothing of the caller."""
    failing(error)
    answer = world.call(CODE, sub="a-person", claims={"email": "x@example.com"})
    assert answer.status == 500
    assert answer.code == "INTERNAL"
    assert f"request-{world.calls}" in answer.body["detail"]
    assert "4711" not in json.dumps(answer.body)
    assert type(error).__name__ not in json.dumps(answer.body)
    logged = caplog.text + str([vars(record) for record in caplog.records])
    assert "4711" in logged
    assert f"request-{world.calls}" in logged
    assert "a-person" not in logged
    assert "x@example.com" not in logged


@pytest.mark.parametrize(
    "error", [RetryableConflict("others"), ConditionFailed({"a condition": {"secret": 4711}}), errors.Busy("others")]
)
def test_what_passes_by_itself_is_a_503(world: World, failing: Callable[[Exception], None], error: Exception) -> None:
    """Come again in a second; nothing of the item in the way is told."""
    failing(error)
    answer = world.call(CODE)
    assert_problem(answer, 503)
    assert (answer.code, answer.headers["retry-after"]) == ("BUSY", "1")
    assert "4711" not in json.dumps(answer.body)


AWAY = [
    EndpointConnectionError(endpoint_url="https://dynamodb.4711"), ConnectTimeoutError(endpoint_url="https://4711"),
    ReadTimeoutError(endpoint_url="https://4711"), ConnectionClosedError(endpoint_url="https://4711"),
    IncompleteReadError(actual_bytes=1, expected_bytes=4711),
    *(ClientError({"Error": {"Code": code, "Message": "4711"}, "ResponseMetadata": {"HTTPStatusCode": status}}, "any")
      for code, status in (("InternalServerError", 500), ("ServiceUnavailable", 503), ("KMSInternalException", 500),
                           ("DependencyTimeoutException", 503), ("ThrottlingException", 400), ("SlowDown", 503))),
]  # fmt: skip


@pytest.mark.parametrize("error", AWAY, ids=lambda error: str(getattr(error, "response", error))[:60])
def test_a_service_that_is_away_is_a_503(
    world: World, failing: Callable[[Exception], None], error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    """After the SDK has tried: come again, with the same key, because what was asked may be done."""
    failing(error)
    answer = world.call(CODE)
    assert_problem(answer, 503)
    assert (answer.code, answer.headers["retry-after"]) == ("UNAVAILABLE", "5")
    assert "same Idempotency-Key" in answer.body["detail"]
    assert "4711" not in json.dumps(answer.body)
    assert "UNEXPECTED" not in capsys.readouterr().out


@pytest.mark.parametrize("code", ["AccessDeniedException", "ValidationException", "ResourceNotFoundException"])
def test_a_service_that_refuses_is_a_fault(world: World, failing: Callable[[Exception], None], code: str) -> None:
    """A repeat would be refused, too."""
    answer = ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": 400}}, "any")
    failing(answer)
    assert world.call(CODE).status == 500


def test_a_write_whose_answer_was_lost_is_repeated_with_its_key(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table did it, and was away before it could say so: 503, and the repeat finds it done, once."""
    broken: list[Any] = []
    table = world.books.table.client

    def lost(**request: Any) -> Any:
        answer = write(**request)
        broken.append(answer)
        if len(broken) == 1:
            raise ReadTimeoutError(endpoint_url="https://dynamodb")
        return answer

    write = table.transact_write_items
    headers = {"idempotency-key": "lost"}
    monkeypatch.setattr(config.context().table, "client", Through(table, lost))
    asked = {"body": {"email": "lost@example.com", "firstName": "Ida", "lastName": "Lost"}, "headers": headers}
    first = world.admin("POST /api/v1/partners", **asked)
    assert (first.status, first.code) == (503, "UNAVAILABLE")
    second = world.admin("POST /api/v1/partners", **asked)
    assert second.status == 201
    assert [each.body["id"] for each in (second, world.admin("POST /api/v1/partners", **asked))] == [
        second.body["id"]
    ] * 2


def test_an_answer_is_json_and_kept_by_nobody(world: World) -> None:
    """Success says so too: JSON, and no cache may keep money."""
    answer = world.call(CODE)
    assert answer.status == 200
    limits = {name: answer.headers.pop(name) for name in ("ratelimit", "ratelimit-policy")}
    assert answer.headers == {
        "content-type": "application/json", "cache-control": "no-store", "x-content-type-options": "nosniff",
        "strict-transport-security": "max-age=31536000; includeSubDomains",
    }  # fmt: skip
    assert limits["ratelimit-policy"] == '"reads";q=100000;w=60'
    assert re.fullmatch(r'"reads";r=\d+;t=\d+', limits["ratelimit"])
