"""IAM's judgement on what a function asks of AWS: its role's statements, and clients that ask them first."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from tests.support.kms import Kms
from tests.support.manifests import Drawer, Pen
from tests.template.deployed import as_list, function_id, granted_by_keys, referred, statements

MACHINE, EXECUTIONS = "WithdrawalApproval", "executions of WithdrawalApproval"
# Used by Lambda itself on the function's behalf, not by its code.
NOT_BY_CODE = (
    "logs:", "xray:", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes",
    "dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams",
)  # fmt: skip
NOW = datetime(2026, 11, 21, tzinfo=UTC)  # when whatever is listed was put
READING = ("GetItem", "BatchGetItem", "Query")
DESTINATIONS = ("SchedulesDlq", "StreamRollupsDlq", "RecordsBucket")


@dataclass(frozen=True, order=True)
class Grant:
    """One action on one resource; of the table and its indexes, in one kind of partition."""

    action: str
    resource: str
    partitions: str = "*"

    def words(self) -> tuple[str, str]:
        reading = self.action.removeprefix("dynamodb:") in READING
        return (
            f"{self.action} on {self.resource}",
            f"{'reading' if reading else self.action} of {self.partitions} in {self.resource}",
        )


@dataclass
class Role:
    """A function's role, and which of its grants were needed."""

    name: str
    used: set[Grant] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)

    def grants(self) -> set[Grant]:
        """What the role may do, in single grants."""
        found = set()
        role_id = function_id(self.name).replace("Function", "Role")
        for statement in [*statements(role_id), *granted_by_keys(role_id)]:
            condition = statement.get("Condition", {}).get("ForAllValues:StringLike", {})
            for action in as_list(statement["Action"]):
                for resource in map(_name, as_list(statement["Resource"])):
                    for partitions in condition.get("dynamodb:LeadingKeys", ["*"]):
                        found.add(Grant(action, resource, partitions))
        return found

    def unused(self) -> set[str]:
        """What the function's code did not need: an action on a resource, or partitions to read or write.

        One statement grants several ways to read the same partitions: each need not be used for each.
        """
        by_code = {
            grant
            for grant in self.grants()
            if not grant.action.startswith(NOT_BY_CODE) and grant.resource not in DESTINATIONS
        }
        return {words for grant in by_code for words in grant.words()} - {
            words for grant in self.used for words in grant.words()
        }

    def ask(self, action: str, resource: str, partitions: Iterable[str] = ("",)) -> None:
        """Raises PermissionError unless all is granted."""
        for partition in partitions:
            granting = {
                grant
                for grant in self.grants()
                if (grant.action, grant.resource) == (action, resource) and fnmatchcase(partition, grant.partitions)
            }
            if not granting:
                self.refused.append(f"{action} on {resource}, {partition}")
                raise PermissionError(f"{self.name}: {self.refused[-1]}")
            self.used |= granting


def _name(resource: Any) -> str:
    """A short name of what a statement's resource stands for."""
    if id := referred(resource):
        return id
    text = str(resource["Fn::Sub"] if isinstance(resource, dict) else resource)
    if text.startswith("${FilesBucket.Arn}/"):
        return f"{text.split('/')[1]} of FilesBucket"
    for bucket in ("ManifestBucket", "RecordsBucket"):
        if text.startswith(f"${{{bucket}.Arn}}/"):
            return bucket
    if text.startswith("${TableArn.Value}/index/"):
        return text.removeprefix("${TableArn.Value}/index/")
    return EXECUTIONS if ":execution:" in text else MACHINE if ":stateMachine:" in text else text


class PolicedTable:
    """A DynamoDB client that asks a role before every call."""

    def __init__(self, client: Any, role: Role) -> None:
        self._client, self._role = client, role

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def call(**arguments: Any) -> Any:
            for action, resource, partitions in _asked(name, arguments):
                self._role.ask(f"dynamodb:{action}", resource, partitions)
            return method(**arguments)

        return call


def _asked(name: str, arguments: dict[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    """Action, table or index, and partitions of a call; a transaction is asked for action by action."""
    match name:
        case "get_item" | "update_item" | "delete_item":
            action = "".join(part.capitalize() for part in name.split("_"))
            yield action, "Table", [arguments["Key"]["pk"]["S"]]
        case "put_item":
            yield "PutItem", "Table", [arguments["Item"]["pk"]["S"]]
        case "batch_get_item":
            for request in arguments["RequestItems"].values():
                yield "BatchGetItem", "Table", [key["pk"]["S"] for key in request["Keys"]]
        case "query":
            resource = arguments.get("IndexName", "Table")
            yield "Query", resource, [arguments["ExpressionAttributeValues"][":p"]["S"]]
        case "transact_write_items":
            for action in arguments["TransactItems"]:
                ((kind, request),) = action.items()
                key = request.get("Key") or request["Item"]
                yield f"{kind}Item", "Table", [key["pk"]["S"]]  # Put, Update, Delete, ConditionCheck
        case _:
            raise AssertionError(f"no function calls {name}")


@dataclass
class PolicedQueues:
    """An SQS client that asks a role, and keeps what is sent by queue."""

    role: Role
    sent: dict[str, list[dict[str, Any]]]

    def send_message(self, QueueUrl: str, **message: Any) -> dict[str, Any]:  # noqa: N803 the SDK's word
        self.role.ask("sqs:SendMessage", QueueUrl)
        self.sent.setdefault(QueueUrl, []).append(message)
        return {}

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        for entry in Entries:
            self.send_message(QueueUrl, **entry)
        return {}


@dataclass
class PolicedEvents:
    """An EventBridge client that asks a role, and keeps what is put."""

    role: Role
    told: list[dict[str, Any]]

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 the SDK's word
        for entry in Entries:
            self.role.ask("events:PutEvents", entry["EventBusName"])
            assert entry["Source"] == "refledger", "the role's condition"
        self.told += Entries
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"} for _ in Entries]}


@dataclass
class PolicedKms:
    """A KMS client that asks a role. The roles' condition is that the encryption context names partner and method."""

    role: Role
    kms: Kms

    def encrypt(self, **asked: Any) -> dict[str, Any]:
        self._ask("kms:Encrypt", asked)
        return self.kms.encrypt(**asked)

    def decrypt(self, **asked: Any) -> dict[str, Any]:
        self._ask("kms:Decrypt", asked)
        return self.kms.decrypt(**asked)

    def sign(self, Message: bytes, **_: Any) -> dict[str, Any]:  # noqa: N803 the SDK's word
        self.role.ask("kms:Sign", "ManifestKey")
        return {"Signature": Pen().sign(Message)}

    def _ask(self, action: str, asked: dict[str, Any]) -> None:
        assert set(asked["EncryptionContext"]) == {"partner", "method"}
        self.role.ask(action, "AccountsKey")


@dataclass
class PolicedSecrets:
    """A Secrets Manager client that asks a role; each secret is called what the template calls it."""

    role: Role
    texts: dict[str, str]

    def get_secret_value(self, SecretId: str) -> dict[str, Any]:  # noqa: N803 the SDK's word
        self.role.ask("secretsmanager:GetSecretValue", SecretId)
        return {"SecretString": self.texts[SecretId]}


@dataclass
class PolicedBucket:
    """An S3 client that asks a role, with one bucket: as much as keeps a manifest."""

    role: Role
    objects: Drawer

    def get_paginator(self, name: str) -> PolicedBucket:
        assert name == "list_objects_v2"
        return self

    def paginate(self, Bucket: str, Prefix: str, StartAfter: str = "") -> list[dict[str, Any]]:  # noqa: N803 the SDK's words
        self.role.ask("s3:ListBucket", Bucket)
        assert Prefix.startswith("manifests/"), "the role's condition"
        found = [name for name in self.objects.names() if name.startswith(Prefix)]
        return [{"Contents": [{"Key": name, "LastModified": NOW} for name in found if name > StartAfter]}]

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        self.role.ask("s3:GetObject", Bucket)
        return {"Body": io.BytesIO(self.objects.read(Key))}

    def put_object(self, Bucket: str, Key: str, Body: bytes, IfNoneMatch: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        self.role.ask("s3:PutObject", Bucket)
        assert IfNoneMatch == "*"
        self.objects.create(Key, Body)
        return {}


@dataclass
class PolicedFiles:
    """An S3 client that asks a role, which is held to a folder, for the files of exports and imports."""

    role: Role
    bucket: Any

    def __getattr__(self, name: str) -> Any:
        reading = name in ("get_object", "head_object", "generate_presigned_url")
        ending = "AbortMultipartUpload" if name == "abort_multipart_upload" else "PutObject"

        def call(*first: Any, **asked: Any) -> Any:
            of = asked.get("Params", asked)
            assert of["Bucket"] == "FilesBucket"
            self.role.ask(f"s3:{'GetObject' if reading else ending}", f"{of['Key'].split('/')[0]} of FilesBucket")
            return getattr(self.bucket, name)(*first, **asked)

        return call


@dataclass
class PolicedWorkflow:
    """A Step Functions client that asks a role and does nothing."""

    role: Role
    status: str

    def start_execution(self, **_: Any) -> dict[str, Any]:
        self.role.ask("states:StartExecution", MACHINE)
        return {}

    def send_task_success(self, **_: Any) -> dict[str, Any]:
        self.role.ask("states:SendTaskSuccess", MACHINE)
        return {}

    def send_task_failure(self, **_: Any) -> dict[str, Any]:
        self.role.ask("states:SendTaskFailure", MACHINE)
        return {}

    def describe_execution(self, **_: Any) -> dict[str, Any]:
        self.role.ask("states:DescribeExecution", EXECUTIONS)
        return {"status": self.status}
