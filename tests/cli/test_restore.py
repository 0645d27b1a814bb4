"""`refledger restore`, before it does anything: which moment, which table. The whole is rehearsed in tests/e2e."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import Any

import pytest

from refledger.cli import restore
from refledger.cli.restoring import Copying, Wish
from refledger.cli.target import Usage
from tests.support import dynamodb
from tests.support.recovery import Recoverable

AT = datetime(2026, 11, 29, 2, tzinfo=UTC)


class FakeTarget:
    """A stack whose table is called so."""

    def __init__(self, table: str, client: Any) -> None:
        self.table, self.client, self.resources = table, lambda _: client, {"Table": table}

    def resource(self, name: str) -> str:
        return self.table if name == "Table" else name


def wish(table: str, service: Any, *, at: datetime | None = AT) -> Wish:
    target: Any = FakeTarget(table, service)
    return Wish(target, at, is_last=at is None, former=True)


@pytest.fixture
def service(dynamodb_endpoint: str) -> Recoverable:
    made = Recoverable(dynamodb.new_database(dynamodb_endpoint))
    made.remember("refledger", AT)
    return made


@pytest.mark.parametrize("text", ["yesterday", "2026-11-29", "2026-11-29T02:00:00", "2999-01-01T00:00:00Z", ""])
def test_a_moment_has_a_zone_and_is_over(text: str) -> None:
    """In whose night it was is not guessed."""
    with pytest.raises(argparse.ArgumentTypeError):
        restore._moment(text)


def test_a_moment_is_a_second_of_utc() -> None:
    """DynamoDB keeps seconds, and the name of the copy is made of it."""
    assert restore._moment("2025-11-29T03:00:00.7+01:00") == datetime(2025, 11, 29, 2, tzinfo=UTC)


def test_the_copy_is_called_by_its_moment(service: Recoverable) -> None:
    """So that the command given again goes on; a copy of a copy has one stamp, not two."""
    first = wish("refledger", service)
    assert (first.copy, first.is_in_use) == ("refledger-r20261129T020000", False)
    deployed = wish("refledger-r20261129T020000", service)
    assert (deployed.copy, deployed.is_in_use) == ("refledger-r20261129T020000", True)
    later = wish("refledger-r20261129T020000", service, at=datetime(2026, 11, 30, 5, tzinfo=UTC))
    assert (later.copy, later.is_in_use) == ("refledger-r20261130T050000", False)


@pytest.mark.parametrize(
    ("table", "at", "said"),
    [
        ("refledger", datetime(2026, 11, 28, tzinfo=UTC), "can be put back to moments from"),
        ("gone", AT, "is not there any more"),
        ("refledger", None, "was not deleted"),
        ("gone", None, "has no backup"),
    ],
)
def test_what_cannot_be_put_back_is_said_before_anything_is_stopped(
    service: Recoverable, table: str, at: datetime | None, said: str
) -> None:
    """With what to do instead."""
    copying: Any = object.__new__(Copying)
    copying._wish = wish(table, service, at=at)
    with pytest.raises(Usage, match=said):
        copying._check()
