"""A table that was put back gets what a backup does not hold, one thing after the other, and once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from refledger.adapters.recovery import Recovery
from refledger.adapters.replays import NONE, Replays
from tests.support import dynamodb
from tests.support.recovery import Recoverable

pytestmark = (
    pytest.mark.dynamodb_local
)  # updates of a table, time to live and backups are no business of tests elsewhere
AT = datetime(2026, 11, 29, 2, tzinfo=UTC)


@pytest.fixture
def service(dynamodb_endpoint: str) -> Recoverable:
    """A table with one item, as it was at two o'clock; then another item came."""
    client = dynamodb.new_database(dynamodb_endpoint)
    client.put_item(TableName="refledger", Item={"pk": {"S": "PARTNER#1"}, "sk": {"S": "ROOT"}})
    made = Recoverable(client)
    made.remember("refledger", AT)
    client.put_item(TableName="refledger", Item={"pk": {"S": "PARTNER#2"}, "sk": {"S": "ROOT"}})
    return made


def wait(recovery: Recovery, table: str) -> None:
    for _ in range(10):
        if recovery.state(table) == "ACTIVE":
            return
    raise AssertionError("it is not made")


def test_the_copy_is_the_table_of_then_with_all_it_needs(service: Recoverable) -> None:
    """What came later is not in it. Stream, TTL, recovery and protection are given once each, then nothing is left."""
    recovery = Recovery(service)
    recovery.begin("refledger", "copy", AT)
    assert recovery.state("copy") == "CREATING"
    given = []
    for _ in range(10):
        wait(recovery, "copy")
        if not (one := recovery.complete_next("copy")):
            break
        given.append(one)
    assert given == ["its stream", "time to live", "point-in-time recovery", "deletion protection"]
    assert recovery.complete_next("copy") == ""
    assert recovery.stream("copy").startswith("arn:aws:dynamodb:")
    assert [item["pk"]["S"] for item in service._items("copy")] == ["PARTNER#1"]
    ttl = service.describe_time_to_live(TableName="copy")["TimeToLiveDescription"]
    assert ttl["AttributeName"] == "ttl"
    described, template = service.describe_table(TableName="copy")["Table"], dynamodb.table_properties()
    assert described["StreamSpecification"] == template["StreamSpecification"]
    assert len(described["GlobalSecondaryIndexes"]) == len(template["GlobalSecondaryIndexes"])


def test_what_there_is_not_is_said(service: Recoverable) -> None:
    """No such table, no backup of it, and the moments that it can be put back to."""
    recovery = Recovery(service)
    assert recovery.state("nothing") == ""
    assert recovery.last_backup("nothing") is None
    window = recovery.window("refledger")
    assert window
    assert window[0] == AT


def test_a_deleted_table_is_as_it_was_then(service: Recoverable) -> None:
    """From the backup that AWS makes by itself: also what came after two o'clock."""
    recovery = Recovery(service)
    service.delete_table(TableName="refledger")
    backup = recovery.last_backup("refledger")
    assert backup
    recovery.begin_from(backup, "copy")
    assert sorted(item["pk"]["S"] for item in service._items("copy")) == ["PARTNER#1", "PARTNER#2"]


class Events:
    """As much of EventBridge as a replay asks for."""

    def __init__(self) -> None:
        self.replays: dict[str, dict[str, Any]] = {}

    def describe_archive(self, **given: str) -> dict[str, str]:
        return {"ArchiveArn": f"arn:archive/{given['ArchiveName']}", "EventSourceArn": "arn:event-bus/refledger"}

    def start_replay(self, **given: Any) -> None:
        self.replays[given["ReplayName"]] = given

    def describe_replay(self, **given: str) -> dict[str, str]:
        if given["ReplayName"] not in self.replays:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "DescribeReplay")
        return {"State": "RUNNING"}


def test_a_replay_goes_to_the_bus_of_its_archive() -> None:
    """And to none of another; it is known by its name."""
    events = Events()
    replays = Replays(events)
    assert replays.state("r1") == NONE
    replays.begin("r1", "refledger-Archive", AT, AT + timedelta(hours=1))
    assert replays.state("r1") == "RUNNING"
    (asked,) = events.replays.values()
    assert asked["Destination"] == {"Arn": "arn:event-bus/refledger"}
    assert asked["EventSourceArn"] == "arn:archive/refledger-Archive"
    assert (asked["EventStartTime"], asked["EventEndTime"]) == (AT, AT + timedelta(hours=1))
