"""Puts a table back to what it was: always as another table, to which all has to be given that a backup does not hold.

Sources (AWS documentation, read in November 2026): DynamoDB API reference, RestoreTableToPointInTime ("you must
manually set up … stream settings, Time to Live settings, point-in-time recovery settings"); developer guide,
"Point-in-time recovery: how it works" (a deleted table has a system backup of that moment, for 35 days).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

TTL = "ttl"
GONE = "ResourceNotFoundException"
# As the template has them; a copy would else be billed and encrypted as its source was at that moment
LIKE_THE_TEMPLATE = {
    "BillingModeOverride": "PAY_PER_REQUEST", "SSESpecificationOverride": {"Enabled": True, "SSEType": "KMS"},
}  # fmt: skip


CARRIED = {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["rewards"]}  # beside the keys, in either index


def _key_schema(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


@dataclass(frozen=True)
class Backup:
    """The backup that AWS made when a table was deleted."""

    arn: str
    at: datetime


class Recovery:
    """What DynamoDB is asked for a table to be put back. Each call may be repeated."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def state(self, table: str) -> str:
        """Return its state: ACTIVE, CREATING, …; "" where there is no such table."""
        described = self._describe(table)
        return str(described["TableStatus"]) if described else ""

    def window(self, table: str) -> tuple[datetime, datetime] | None:
        """Return the first and the last moment to which the table can be put back.

        None where that is switched off.
        """
        found = self._recovered(table)
        if found.get("PointInTimeRecoveryStatus") != "ENABLED" or "EarliestRestorableDateTime" not in found:
            return None
        return found["EarliestRestorableDateTime"], found["LatestRestorableDateTime"]

    def last_backup(self, table: str) -> Backup | None:
        """Return the last backup of a table which was deleted; None where AWS has none."""
        found = self._client.list_backups(TableName=table, BackupType="SYSTEM").get("BackupSummaries", [])
        newest = max(found, key=lambda each: each["BackupCreationDateTime"], default=None)
        return Backup(newest["BackupArn"], newest["BackupCreationDateTime"]) if newest else None

    def begin(self, source: str, copy: str, at: datetime) -> None:
        """Make `copy` what `source` was at a moment. Raises ClientError."""
        self._client.restore_table_to_point_in_time(
            SourceTableName=source, TargetTableName=copy, RestoreDateTime=at, **LIKE_THE_TEMPLATE
        )

    def begin_from(self, backup: Backup, copy: str) -> None:
        """Make `copy` what a deleted table was. Raises ClientError."""
        self._client.restore_table_from_backup(BackupArn=backup.arn, TargetTableName=copy, **LIKE_THE_TEMPLATE)

    def make(self, table: str, index_keys: Mapping[str, tuple[str, str]]) -> None:
        """Make an empty table as the template has it, without what `complete_next` gives.

        `index_keys`: what the partition and the sort key of each index are called. Raises ClientError.
        """
        indexes = [
            {"IndexName": name, "KeySchema": _key_schema(*pair), "Projection": CARRIED}
            for name, pair in index_keys.items()
        ]
        named = ["pk", "sk", *(each for pair in index_keys.values() for each in pair)]
        self._client.create_table(
            TableName=table, BillingMode="PAY_PER_REQUEST", KeySchema=_key_schema("pk", "sk"),
            AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in named],
            GlobalSecondaryIndexes=indexes, SSESpecification={"Enabled": True, "SSEType": "KMS"},
        )  # fmt: skip

    def complete_next(self, copy: str) -> str:
        """Give the copy the next of what a backup does not hold, and say what that is.

        "" once it has all of it. Raises ClientError; the table must be ACTIVE.
        """
        described = self._describe(copy) or {}
        if not described.get("StreamSpecification", {}).get("StreamEnabled"):
            stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
            self._client.update_table(TableName=copy, StreamSpecification=stream)
            return "its stream"
        told = self._client.describe_time_to_live(TableName=copy)["TimeToLiveDescription"]
        if told.get("TimeToLiveStatus") not in ("ENABLED", "ENABLING"):
            ttl = {"AttributeName": TTL, "Enabled": True}
            self._client.update_time_to_live(TableName=copy, TimeToLiveSpecification=ttl)
            return "time to live"
        if not self._is_recovered(copy):
            on = {"PointInTimeRecoveryEnabled": True}
            self._client.update_continuous_backups(TableName=copy, PointInTimeRecoverySpecification=on)
            return "point-in-time recovery"
        if not described.get("DeletionProtectionEnabled"):
            self._client.update_table(TableName=copy, DeletionProtectionEnabled=True)
            return "deletion protection"
        return ""

    def stream(self, copy: str) -> str:
        """Return the ARN of its stream, "" where it has none."""
        return str((self._describe(copy) or {}).get("LatestStreamArn", ""))

    def source(self, copy: str) -> str:
        """Return of which table it is a copy; "" where it is none."""
        told = (self._describe(copy) or {}).get("RestoreSummary", {})
        return str(told.get("SourceTableArn", "")).rpartition("/")[2]

    def _is_recovered(self, table: str) -> bool:
        return self._recovered(table).get("PointInTimeRecoveryStatus") == "ENABLED"

    def _recovered(self, table: str) -> dict[str, Any]:
        told = self._client.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
        found: dict[str, Any] = told.get("PointInTimeRecoveryDescription", {})
        return found

    def _describe(self, table: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._client.describe_table(TableName=table)["Table"]
        except ClientError as error:
            if error.response["Error"]["Code"] != GONE:
                raise
            return None
        return found
