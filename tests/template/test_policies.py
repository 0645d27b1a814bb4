"""Least privilege, read off the translated template: what no role may say."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import pytest

from refledger.domain.jobs import FILES_KEPT_MS
from refledger.domain.times import DAY_MS
from tests.template.deployed import (
    FUNCTION,
    FUNCTIONS,
    RULE,
    Properties,
    as_list,
    called,
    declared,
    function_id,
    of_type,
    referred,
    resources,
    statements,
)

# AWS knows no resource for these (service authorization reference), so "*" is the only way to say it.
WITHOUT_RESOURCE = {
    "xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets",
    "logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups", "cloudwatch:DescribeAlarms",
}  # fmt: skip
# What begins with a resource of this stack, and ends in a part that only the service knows.
WILD_ENDS = (
    "${TableArn.Value}/stream/*",
    "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:execution:${WithdrawalApproval.Name}:*",
    "${ManifestBucket.Arn}/manifests/*",
    "${FilesBucket.Arn}/exports/*",
    "${FilesBucket.Arn}/imports/*",
    "${FilesBucket.Arn}/statements/*",
    "${RecordsBucket.Arn}/aws/lambda/*",
)
# two show files, one fills a queue, one calls the others
WITHOUT_TABLE = ("docs", "lead_webhooks", "web")
READ_ACTIONS = {"GetItem", "BatchGetItem", "Query"}  # and not the one that reads a whole table
WRITE_ACTIONS = {"PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem"}
STREAM_ACTIONS = {"DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"}
ROLES = sorted(of_type("AWS::IAM::Role"))


def test_every_function_has_a_role_of_its_own() -> None:
    """No two functions share a role, and none has the one that SAM would make, with its managed policies."""
    functions = of_type(FUNCTION)
    assert set(functions) == {function_id(name) for name in FUNCTIONS}
    roles = {id: referred(function["Role"]) for id, function in functions.items()}
    assert roles == {id: id.replace("Function", "Role") for id in functions}


@pytest.mark.parametrize("role", ROLES)
def test_no_wildcards(role: str) -> None:
    """A role names its actions and resources one by one, and has no policy but its own."""
    assert "ManagedPolicyArns" not in resources()[role]["Properties"]
    for statement in statements(role):
        assert statement["Effect"] == "Allow"
        assert not {"NotAction", "NotResource"} & set(statement)
        actions = as_list(statement["Action"])
        assert [action for action in actions if "*" in action] == []
        for resource in as_list(statement["Resource"]):
            if resource == "*":
                assert set(actions) <= WITHOUT_RESOURCE, actions
            elif "*" in str(resource):
                assert resource["Fn::Sub"] in WILD_ENDS


@pytest.mark.parametrize("name", FUNCTIONS)
def test_items_are_held_to_partitions(name: str) -> None:
    """What a function may do with items it may do in the partitions of its own work only."""
    granted = 0
    for statement in statements(function_id(name).replace("Function", "Role")):
        named = [action.split(":") for action in as_list(statement["Action"])]
        actions = {action for service, action in named if service == "dynamodb"}
        assert actions <= READ_ACTIONS | WRITE_ACTIONS | STREAM_ACTIONS
        if actions <= STREAM_ACTIONS:
            continue
        granted += 1
        keys = statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        assert keys
        # an exact key, or one kind of entity or of guard: never a lone star
        assert [key for key in keys if not re.fullmatch(r"[A-Z_]+|[A-Z_]+#([A-Z]+#)?\*", key)] == []
    assert granted or name in WITHOUT_TABLE


@pytest.mark.parametrize("name", FUNCTIONS)
def test_indexes_are_only_queried(name: str) -> None:
    """An index serves lists and schedules: the one thing that a function may do with it is to query it."""
    for statement in statements(function_id(name).replace("Function", "Role")):
        if "/index/" in str(statement["Resource"]):
            assert statement["Action"] == "dynamodb:Query"


def test_step_functions_may_call_one_function() -> None:
    """The workflow's role invokes the workflow function and no other, by its alias and as executions of before do."""
    (machine,) = of_type("AWS::StepFunctions::StateMachine").values()
    (granted,) = [s for s in statements(referred(machine["RoleArn"])) if "lambda:" in str(s["Action"])]
    assert granted["Action"] == "lambda:InvokeFunction"
    assert {called(each) for each in granted["Resource"]} == {"WorkflowFunction"}


def test_the_workflow_function_may_wake_this_machine_only() -> None:
    """The role names the state machine as the template does: a reference would go in a circle."""
    (granted,) = [s for s in statements("WorkflowRole") if "states:" in str(s["Action"])]
    arn = granted["Resource"]["Fn::Sub"]
    name = declared()["Resources"]["WithdrawalApproval"]["Properties"]["Name"]["Fn::Sub"]
    assert arn == f"arn:${{AWS::Partition}}:states:${{AWS::Region}}:${{AWS::AccountId}}:stateMachine:{name}"


def test_queues_take_events_from_the_stacks_own_rules_only() -> None:
    """EventBridge may send to a queue, and to the DLQ, for the rules of this stack that deliver there, and no other."""
    rules = of_type(RULE)
    of_rules = [target for rule in rules.values() for target in rule["Targets"]]
    targets = {referred(target["Arn"]) for target in of_rules}
    targets |= {referred(target["DeadLetterConfig"]["Arn"]) for target in of_rules}
    policies = {referred(policy["Queues"][0]): policy for policy in of_type("AWS::SQS::QueuePolicy").values()}
    assert set(policies) == targets
    for queue, policy in policies.items():
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "events.amazonaws.com"}
        assert (statement["Action"], referred(statement["Resource"])) == ("sqs:SendMessage", queue)
        assert set(_rules_of(statement)) == {id for id, rule in rules.items() if queue in set(_queues_of(rule))}


def _queues_of(rule: Properties) -> list[str]:
    return [referred(arn) for each in rule["Targets"] for arn in (each["Arn"], each["DeadLetterConfig"]["Arn"])]


def _rules_of(statement: Properties) -> list[str]:
    arns: list[Any] = statement["Condition"]["ArnEquals"]["aws:SourceArn"]
    return [referred(arn) or referred(arn["Fn::If"][1]) for arn in arns]


TAKE_ACCOUNTS_IN = {"PayoutMethodsRole", "MemberWithdrawalsRole"}
PAY_OR_SHOW_ACCOUNTS = {"WithdrawalsRole", "PayoutBatchesRole", "WorkflowRole"}


def test_accounts_are_sealed_by_some_and_opened_by_others() -> None:
    """Who takes accounts in cannot read them, nobody else can do either, and never without partner and method."""
    granted = {
        (role, action): statement
        for role in ROLES
        for statement in statements(role)
        if referred(statement["Resource"]) == "AccountsKey"
        for action in as_list(statement["Action"])
    }
    sealing, opening = product(TAKE_ACCOUNTS_IN, ["kms:Encrypt"]), product(PAY_OR_SHOW_ACCOUNTS, ["kms:Decrypt"])
    assert set(granted) == {*sealing, *opening}
    named = {"kms:EncryptionContext:partner": "false", "kms:EncryptionContext:method": "false"}
    assert [statement for statement in granted.values() if statement["Condition"] != {"Null": named}] == []


def test_the_key_of_accounts_outlives_the_stack() -> None:
    """It is rotated, kept when the stack goes, and its policy leaves it to the account's roles who may use it."""
    key = declared()["Resources"]["AccountsKey"]
    assert (key["DeletionPolicy"], key["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    assert key["Properties"]["EnableKeyRotation"] is True
    (statement,) = key["Properties"]["KeyPolicy"]["Statement"]
    assert list(statement["Principal"]) == ["AWS"]
    assert str(statement["Principal"]["AWS"]["Fn::Sub"]).endswith("${AWS::AccountId}:root")


def test_only_the_manifest_function_signs() -> None:
    """The key's policy names its role; nothing else in it could let anybody else sign, not even by way of IAM."""
    key = of_type("AWS::KMS::Key")["ManifestKey"]
    assert (key["KeySpec"], key["KeyUsage"]) == ("ECC_NIST_P256", "SIGN_VERIFY")
    by_whom: dict[str, list[str]] = {}
    for statement in key["KeyPolicy"]["Statement"]:
        assert statement["Effect"] == "Allow"
        for action in as_list(statement["Action"]):
            assert "*" not in action
            assert action != "kms:CreateGrant", "a grant could let somebody sign"
            by_whom.setdefault(action, []).append(referred(statement["Principal"]["AWS"]))
    assert by_whom["kms:Sign"] == ["ManifestRole"]
    assert {"kms:Verify", "kms:GetPublicKey", "kms:PutKeyPolicy"} <= set(by_whom)


def test_only_the_manifest_function_writes_manifests() -> None:
    """Nobody else may put an object, whatever their role allows, and nobody may come without TLS."""
    policies = {referred(policy["Bucket"]): policy for policy in of_type("AWS::S3::BucketPolicy").values()}
    assert set(policies) == set(of_type("AWS::S3::Bucket")) == {"ManifestBucket", "FilesBucket", "RecordsBucket"}
    policy = policies["ManifestBucket"]
    told = {statement["Sid"]: statement for statement in policy["PolicyDocument"]["Statement"]}
    assert {statement["Effect"] for statement in told.values()} == {"Deny"}
    assert {statement["Principal"] for statement in told.values()} == {"*"}
    writes = told["WrittenByTheFunctionAlone"]
    assert writes["Action"] == "s3:PutObject"
    assert referred(writes["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]) == "ManifestRole"
    assert told["EncryptedOnTheWay"]["Action"] == "s3:*"
    assert told["EncryptedOnTheWay"]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert len(told["EncryptedOnTheWay"]["Resource"]) == 2


@pytest.mark.parametrize("id", ["FilesBucket", "RecordsBucket"])
def test_files_are_private(id: str) -> None:
    """Encrypted at rest and on the way, and never public."""
    bucket = of_type("AWS::S3::Bucket")[id]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    policies = {referred(policy["Bucket"]): policy for policy in of_type("AWS::S3::BucketPolicy").values()}
    (statement,) = policies[id]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Deny", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_records_are_kept_as_long_as_what_names_them() -> None:
    """A day longer than the message; they hold what people wrote. The reader may put them, and read none."""
    (kept,) = of_type("AWS::S3::Bucket")["RecordsBucket"]["LifecycleConfiguration"]["Rules"]
    assert (kept["ExpirationInDays"] - 1) * 86_400 == of_type("AWS::SQS::Queue")["StreamProjectionsDlq"][
        "MessageRetentionPeriod"
    ]
    granted = [s for s in statements("StreamProjectionsRole") if "s3:" in str(s["Action"])]
    assert [s["Action"] for s in granted] == ["s3:PutObject", "s3:ListBucket"]


def test_files_of_exports_do_not_stay() -> None:
    """Gone after a week; halves of files after two days."""
    bucket = of_type("AWS::S3::Bucket")["FilesBucket"]
    kept, halves = bucket["LifecycleConfiguration"]["Rules"]
    assert kept["ExpirationInDays"] * DAY_MS == FILES_KEPT_MS
    assert halves["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 2}
