"""`refledger restore`, before it does anything: which moment, which table. The whole is rehearsed in tests/e2e."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from refledger.adapters.event_sources import EventSource
from refledger.cli import restore
from refledger.cli.restoring import ARCHIVES, QUEUES, Copying, GoingOn, Wish
from refledger.cli.target import Usage
from refledger.domain.times import HOUR_MS
from refledger.operations.recovery import stopping
from refledger.store import stops
from tests.support import dynamodb
from tests.support.books import Books
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


class Services:
    """All that the second half asks but the table. `ends`: how the replays that are begun end, one after the other."""

    def __init__(self, *ends: str) -> None:
        self.ends, self.replays = list(ends), dict[str, str]()

    def describe_replay(self, *, ReplayName: str) -> Any:  # noqa: N803
        if ReplayName not in self.replays:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "DescribeReplay")
        return {"State": self.replays[ReplayName]}

    def describe_archive(self, **_: str) -> Any:
        return {"ArchiveArn": "archive", "EventSourceArn": "bus"}

    def start_replay(self, *, ReplayName: str, **_: Any) -> None:  # noqa: N803
        assert ReplayName not in self.replays
        self.replays[ReplayName] = self.ends.pop(0) if self.ends else "COMPLETED"

    def get_queue_attributes(self, **_: Any) -> Any:
        return {"Attributes": {"ApproximateNumberOfMessages": "0"}}

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self, **_: Any) -> Any:
        return [{"executions": []}]

    def get_caller_identity(self) -> Any:
        return {"Arn": "ann"}

    def get_event_source_mapping(self, **_: str) -> Any:
        return {"State": "Enabled"}


class Deployed:
    """A stack that uses the copy, which is stopped as the first half leaves it; `before`: the books it was made of."""

    def __init__(self, services: Services, endpoint: str) -> None:
        self.services, self.service = services, Recoverable(dynamodb.new_database(endpoint))
        self.before = Books(self.service, "refledger")
        self.before.program()
        self.before.grant("bob", 5000)
        self.before.mature("bob")
        self.service.remember("refledger", AT)
        self.service.restore_table_to_point_in_time(
            SourceTableName="refledger", TargetTableName="refledger-r20261129T020000", RestoreDateTime=AT,
            SSESpecificationOverride={"Enabled": True, "SSEType": "KMS"}, BillingModeOverride="PAY_PER_REQUEST",
        )  # fmt: skip
        self.books = Books(
            self.service, "refledger-r20261129T020000", self.before.clock, self.before.kms, self.before.bounds
        )  # fmt: skip
        stopping.stop(self.books.context, {}, "ann", "the table was put back to 2026-11-29T02:00:00Z")

    def runs(self, *, former: bool = True) -> int:
        target: Any = FakeTarget(self.books.table_name, None)
        target.client = lambda name: self.service if name == "dynamodb" else self.services
        target.resources |= {name: name for name in (*ARCHIVES, *QUEUES)}
        return GoingOn(Wish(target, AT, is_last=False, former=former), lambda _: None).run()

    @property
    def stop(self) -> stops.Stop | None:
        return stops.read(self.books.table)


def test_a_replay_that_failed_is_begun_anew(dynamodb_endpoint: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A name is taken for 90 days: the command given again would find the same failure each time, and never go on."""
    services = Services("FAILED", "CANCELLED")
    deployed = Deployed(services, dynamodb_endpoint)
    assert deployed.runs() == 1
    assert "verify" not in capsys.readouterr().out
    assert deployed.runs() == 1
    assert "verify: 0 faults" in capsys.readouterr().out
    assert sorted(services.replays.values()) == ["CANCELLED", *["COMPLETED"] * 3, "FAILED"]
    begun = len(services.replays)
    deployed.runs()
    assert len(services.replays) == begun


def test_who_stops_it_after_bookings_went_on_is_not_overruled(
    dynamodb_endpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same command from the history of a shell, say, weeks later: somebody else has found something else."""
    deployed = Deployed(Services(), dynamodb_endpoint)
    assert deployed.runs() == 1
    assert deployed.stop
    assert deployed.stop.only_payouts
    stopping.stop(deployed.books.context, {}, "bob", "an entry was edited")
    capsys.readouterr()
    assert deployed.runs() == 1
    assert "bob" in capsys.readouterr().out
    assert not deployed.stop.only_payouts


def test_what_the_table_before_paid_after_all_was_held_is_held_too(
    dynamodb_endpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The deployment of the copy failed, say; the table before was let go on for a night, and paid."""
    deployed = Deployed(Services(), dynamodb_endpoint)
    deployed.before.clock.forward(HOUR_MS)
    paid = deployed.before.pay_out("bob", 4000)
    deployed.runs()
    assert f"withdrawal {paid.id}" in capsys.readouterr().out
    assert deployed.books.balance("bob") == (1000, 4000, 0)
    assert deployed.books.faults() == []


def test_a_table_before_that_is_gone_has_nothing_to_say(dynamodb_endpoint: str) -> None:
    """It is thrown away once nobody asks any more."""
    deployed = Deployed(Services(), dynamodb_endpoint)
    deployed.service.delete_table(TableName="refledger")
    assert deployed.runs() == 1
    assert deployed.books.balance("bob") == (5000, 0, 0)


def test_a_stop_that_was_broken_off_is_finished(dynamodb_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages would else come again and again, for the hours that a restore takes, until each is given up."""
    books = Books(Recoverable(dynamodb.new_database(dynamodb_endpoint)), "refledger")
    reading = EventSource(Services(), "PaymentEventsFunctionPayments")
    stopping.stop(books.context, {}, "ann", "died before the readers were off")
    asked: list[bool] = []
    monkeypatch.setattr(reading, "enable", asked.append)
    copying: Any = object.__new__(Copying)
    copying._wish, copying._pause = wish("refledger", books.client), lambda _: None
    copying._wish.target.client = lambda name: books.client if name == "dynamodb" else Services()
    copying._sources = {"PaymentEventsFunctionPayments": reading}
    assert copying._stop() == ("PaymentEventsFunctionPayments",)
    assert asked == [False]
