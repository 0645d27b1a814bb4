"""Backups as DynamoDB makes them, which DynamoDB Local does not: a client beside which tables can be put back."""

# ruff: noqa: N803  arguments are called as in the API
from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

KEPT = ("AttributeDefinitions", "KeySchema")


class Recoverable:
    """A DynamoDB client whose service keeps what a table was at moments that `remember` names.

    What a restore makes is as the API reference of RestoreTableToPointInTime says: the items, keys and indexes; no
    stream, no TTL, no point-in-time recovery, no deletion protection. It is CREATING for `slow` looks.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._kept: dict[str, list[tuple[datetime, list[Any], dict[str, Any]]]] = {}
        self._recovered: dict[str, bool] = {}
        self._protected: dict[str, bool] = {}
        self._creating: dict[str, int] = {}
        self._sources: dict[str, str] = {}
        self.slow = 1
        self.restores: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def remember(self, table: str, at: datetime) -> None:
        """From now on the table can be put back to what it is, by any moment from this one until the next."""
        described = self._client.describe_table(TableName=table)["Table"]
        self._kept.setdefault(table, []).append((at, self._items(table), described))

    def _items(self, table: str) -> list[Any]:
        pages = self._client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        return [item for page in pages for item in page["Items"]]

    def delete_table(self, *, TableName: str) -> Any:
        """As with point-in-time recovery: what there was is kept as a system backup."""
        self.remember(TableName, datetime.now(UTC))
        return self._client.delete_table(TableName=TableName)

    def list_backups(self, *, TableName: str, **_: Any) -> Any:
        gone = [at for at, *_ in self._kept.get(TableName, [])][-1:]
        return {"BackupSummaries": [
            {"BackupArn": f"arn:aws:dynamodb:eu-central-1:123456789012:table/{TableName}/backup/1",
             "BackupCreationDateTime": at, "BackupStatus": "AVAILABLE"} for at in gone
        ]}  # fmt: skip

    def describe_continuous_backups(self, *, TableName: str) -> Any:
        described = self._describe(TableName)
        on = self._recovered.get(TableName, TableName in self._kept)
        told: dict[str, Any] = {"PointInTimeRecoveryStatus": "ENABLED" if on else "DISABLED"}
        if kept := self._kept.get(TableName):
            told |= {"EarliestRestorableDateTime": kept[0][0], "LatestRestorableDateTime": datetime.now(UTC)}
        return {"ContinuousBackupsDescription": {"PointInTimeRecoveryDescription": told}} if described else {}

    def update_continuous_backups(self, *, TableName: str, **_: Any) -> Any:
        self._recovered[TableName] = True
        return {}

    def restore_table_to_point_in_time(self, **given: Any) -> Any:
        source, at = given["SourceTableName"], given["RestoreDateTime"]
        self._sources[given["TargetTableName"]] = self._describe(source)["TableArn"]
        versions = [each for each in self._kept[source] if each[0] < at + timedelta(seconds=1)]
        return self._make(versions[-1], given)

    def restore_table_from_backup(self, **given: Any) -> Any:
        source = re.fullmatch(r".*:table/(.+)/backup/.*", given["BackupArn"])
        assert source
        return self._make(self._kept[source[1]][-1], given)

    def _make(self, version: tuple[datetime, list[Any], dict[str, Any]], given: dict[str, Any]) -> Any:
        target, (_, items, described) = given["TargetTableName"], version
        assert given["SSESpecificationOverride"] == {"Enabled": True, "SSEType": "KMS"}
        assert given["BillingModeOverride"] == "PAY_PER_REQUEST"
        wanted = ("IndexName", "KeySchema", "Projection")
        indexes = [{key: each[key] for key in wanted} for each in described["GlobalSecondaryIndexes"]]
        self._client.create_table(
            TableName=target, BillingMode="PAY_PER_REQUEST", GlobalSecondaryIndexes=indexes,
            **{key: described[key] for key in KEPT},
        )  # fmt: skip
        for start in range(0, len(items), 25):
            puts = [{"PutRequest": {"Item": each}} for each in items[start : start + 25]]
            self._client.batch_write_item(RequestItems={target: puts})
        self._creating[target] = self.slow
        self.restores.append(target)
        return {}

    def describe_table(self, *, TableName: str) -> Any:
        return {"Table": self._describe(TableName)}

    def _describe(self, table: str) -> dict[str, Any]:
        described: dict[str, Any] = self._client.describe_table(TableName=table)["Table"]
        if self._creating.get(table, 0):
            self._creating[table] -= 1
            described["TableStatus"] = "CREATING"
        if table in self._sources:
            described["RestoreSummary"] = {"SourceTableArn": self._sources[table], "RestoreInProgress": False}
        described["DeletionProtectionEnabled"] = self._protected.get(table, False)
        return described

    def update_table(self, *, TableName: str, **given: Any) -> Any:
        if self._creating.get(TableName):
            raise ClientError({"Error": {"Code": "ResourceInUseException", "Message": ""}}, "UpdateTable")
        if given.pop("DeletionProtectionEnabled", False):
            self._protected[TableName] = True
        return self._client.update_table(TableName=TableName, **given) if given else {}
