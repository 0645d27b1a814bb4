"""What a template asks and this stack cannot do: found before anything is created, and refused by name.

A property that is neither honoured nor known to make no difference here is refused: better no start than a
stack that behaves differently from the deployed one without a word. What only a resolved value tells (a
target's ARN, a schedule's expression, an authorizer's kind) is refused where that value is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from undocked.errors import StartError
from undocked.resources import IGNORED, INSTEAD, RUN
from undocked.template import Resource, Template

# Honoured properties, then those that make no difference to what the program sees here.
KNOWN: dict[str, tuple[set[str], set[str]]] = {
    "AWS::ApiGatewayV2::Api": (
        {"Body", "CorsConfiguration", "ProtocolType"},
        {"Description", "DisableExecuteApiEndpoint", "FailOnWarnings", "Name", "Tags"},
    ),
    "AWS::ApiGatewayV2::Stage": (
        {"ApiId", "AutoDeploy", "DefaultRouteSettings", "RouteSettings", "StageName", "StageVariables"},
        {"AccessLogSettings", "Description", "Tags"},
    ),
    "AWS::DynamoDB::Table": (
        {
            "AttributeDefinitions",
            "BillingMode",
            "GlobalSecondaryIndexes",
            "KeySchema",
            "LocalSecondaryIndexes",
            "ProvisionedThroughput",
            "StreamSpecification",
            "TableName",
            "TimeToLiveSpecification",
        },
        {
            "ContributorInsightsSpecification",
            "DeletionProtectionEnabled",
            "OnDemandThroughput",
            "PointInTimeRecoverySpecification",
            "ResourcePolicy",
            "SSESpecification",
            "TableClass",
            "Tags",
            "WarmThroughput",
        },
    ),
    "AWS::Events::Archive": (
        {"ArchiveName", "EventPattern", "SourceArn"},
        {"Description", "KmsKeyIdentifier", "RetentionDays"},
    ),
    "AWS::Events::EventBus": (
        {"Name"},
        {"DeadLetterConfig", "Description", "KmsKeyIdentifier", "LogConfig", "Policy", "Tags"},
    ),
    "AWS::Events::Rule": (
        {"EventBusName", "EventPattern", "Name", "ScheduleExpression", "State", "Targets"},
        {"Description", "RoleArn", "Tags"},
    ),
    "AWS::KMS::Key": (
        {"EnableKeyRotation", "KeySpec", "KeyUsage"},
        {
            "BypassPolicyLockoutSafetyCheck",
            "Description",
            "KeyPolicy",
            "MultiRegion",
            "PendingWindowInDays",
            "RotationPeriodInDays",
            "Tags",
        },
    ),
    "AWS::Lambda::EventInvokeConfig": (
        {"DestinationConfig", "FunctionName", "MaximumRetryAttempts", "Qualifier"},
        {"MaximumEventAgeInSeconds"},
    ),
    "AWS::Lambda::EventSourceMapping": (
        {
            "BatchSize",
            "BisectBatchOnFunctionError",
            "DestinationConfig",
            "Enabled",
            "EventSourceArn",
            "FilterCriteria",
            "FunctionName",
            "FunctionResponseTypes",
            "MaximumBatchingWindowInSeconds",
            "MaximumRecordAgeInSeconds",
            "MaximumRetryAttempts",
            "ScalingConfig",
            "StartingPosition",
            "TumblingWindowInSeconds",
        },
        {"KmsKeyArn", "LoggingConfig", "MetricsConfig", "ParallelizationFactor", "Tags"},
    ),
    "AWS::Lambda::Function": (
        {
            "Code",
            "DeadLetterConfig",
            "Environment",
            "FunctionName",
            "Handler",
            "Layers",
            "MemorySize",
            "PackageType",
            "ReservedConcurrentExecutions",
            "Runtime",
            "Timeout",
        },
        {
            "Architectures",
            "CodeSigningConfigArn",
            "Description",
            "EphemeralStorage",
            "KmsKeyArn",
            "LoggingConfig",
            "RecursiveLoop",
            "Role",
            "RuntimeManagementConfig",
            "SnapStart",
            "Tags",
            "TracingConfig",
            "VpcConfig",
        },
    ),
    "AWS::S3::Bucket": (
        {
            "BucketName",
            "NotificationConfiguration",
            "ObjectLockConfiguration",
            "ObjectLockEnabled",
            "VersioningConfiguration",
        },
        {
            "AccessControl",
            "BucketEncryption",
            "LifecycleConfiguration",
            "LoggingConfiguration",
            "OwnershipControls",
            "PublicAccessBlockConfiguration",
            "Tags",
        },
    ),
    "AWS::Scheduler::Schedule": (
        {
            "EndDate",
            "FlexibleTimeWindow",
            "Name",
            "ScheduleExpression",
            "ScheduleExpressionTimezone",
            "StartDate",
            "State",
            "Target",
        },
        {"Description", "GroupName", "KmsKeyArn"},
    ),
    "AWS::SecretsManager::Secret": (
        {"GenerateSecretString", "Name", "SecretString"},
        {"Description", "KmsKeyId", "ReplicaRegions", "Tags"},
    ),
    "AWS::StepFunctions::StateMachine": (
        {
            "DefinitionS3Location",
            "DefinitionString",
            "DefinitionSubstitutions",
            "StateMachineName",
            "StateMachineType",
        },
        {"EncryptionConfiguration", "LoggingConfiguration", "RoleArn", "Tags", "TracingConfiguration"},
    ),
}
TARGET_PROPERTIES = {
    "AWS::Events::Rule": {
        "Arn",
        "DeadLetterConfig",
        "Id",
        "Input",
        "InputPath",
        "InputTransformer",
        "RetryPolicy",
        "RoleArn",
        "SqsParameters",
    },
    "AWS::Scheduler::Schedule": {
        "Arn",
        "DeadLetterConfig",
        "Input",
        "RetryPolicy",
        "RoleArn",
        "SqsParameters",
    },
}
CALLERS = ("apigateway.amazonaws.com", "events.amazonaws.com", "s3.amazonaws.com", "sns.amazonaws.com")


def check(template: Template) -> None:
    """Raise StartError with every problem of a template, one a line, by resource and property."""
    problems = [problem for resource in template.of_type() for problem in _problems(resource)]
    if problems:
        raise StartError("this template cannot run here:\n" + "\n".join(f"  {problem}" for problem in problems))


def _problems(resource: Resource) -> Iterator[str]:
    where, kind, given = resource.logical_id, resource.type, resource.properties
    if kind == "AWS::Lambda::Permission":
        if isinstance(given.get("Principal"), str) and given["Principal"] not in CALLERS:
            yield f"{where}: Principal: nothing here calls a function for {given['Principal']}"
        return
    if kind in IGNORED:
        return
    if kind not in RUN:
        yield f"{where}: {kind}: {INSTEAD.get(kind, 'does not run here, and is not known to be harmless to leave out')}"
        return
    if kind in KNOWN:
        honoured, harmless = KNOWN[kind]
        for name in sorted(given.keys() - honoured - harmless):
            yield f"{where}: {name}: this property of {kind} is not supported here"
    for problem in CHECKS[kind](given) if kind in CHECKS else ():
        yield f"{where}: {problem}"


def _function(given: dict[str, Any]) -> Iterator[str]:
    if given.get("PackageType", "Zip") != "Zip" or "ImageUri" in given.get("Code", {}):
        yield "PackageType: container images do not run here"
    elif "ZipFile" in given.get("Code", {}):
        yield "Code.ZipFile: inline code (InlineCode) does not run here: put it into a directory (CodeUri)"
    runtime = given.get("Runtime", "")
    if isinstance(runtime, str) and runtime and not runtime.startswith("python"):
        yield f"Runtime: {runtime} does not run here, only python"


def _mapping(given: dict[str, Any]) -> Iterator[str]:
    if "EventSourceArn" not in given:
        yield "EventSourceArn: only queues and table streams are polled here"
    if given.get("StartingPosition", "LATEST") == "AT_TIMESTAMP":
        yield "StartingPosition: AT_TIMESTAMP is not supported here"


def _api(given: dict[str, Any]) -> Iterator[str]:
    if given.get("ProtocolType", "HTTP") != "HTTP":
        yield f"ProtocolType: {given['ProtocolType']} APIs do not run here"
    elif "Body" not in given:
        yield "Body: only APIs with an OpenAPI body (AWS::Serverless::HttpApi) run here"


def _machine(given: dict[str, Any]) -> Iterator[str]:
    if given.get("StateMachineType", "STANDARD") != "STANDARD":
        yield f"StateMachineType: {given['StateMachineType']} does not run here, only STANDARD"


def _bucket(given: dict[str, Any]) -> Iterator[str]:
    if set(given.get("NotificationConfiguration", {})) - {"EventBridgeConfiguration"}:
        yield "NotificationConfiguration: notifications of buckets (events of type S3) are not delivered here"


def _pool(given: dict[str, Any]) -> Iterator[str]:
    if given.get("LambdaConfig"):
        yield "LambdaConfig: triggers of user pools (events of type Cognito) do not run here"


def _subscription(given: dict[str, Any]) -> Iterator[str]:
    if given.get("Protocol") != "sqs":
        yield f"Protocol: subscriptions by {given.get('Protocol')} are not delivered here, only sqs"


def _topic(given: dict[str, Any]) -> Iterator[str]:
    for subscription in given.get("Subscription", []):
        yield from _subscription(subscription)


def _rule(given: dict[str, Any]) -> Iterator[str]:
    if given.get("State", "ENABLED") not in ("ENABLED", "DISABLED"):
        yield f"State: {given['State']} is not supported here"
    for target in given.get("Targets", []):
        for name in sorted(target.keys() - TARGET_PROPERTIES["AWS::Events::Rule"]):
            yield f"Targets.{name}: this kind of target is not supported here"


def _schedule(given: dict[str, Any]) -> Iterator[str]:
    for name in sorted(given.get("Target", {}).keys() - TARGET_PROPERTIES["AWS::Scheduler::Schedule"]):
        yield f"Target.{name}: this kind of target is not supported here"


CHECKS: dict[str, Callable[[dict[str, Any]], Iterator[str]]] = {
    "AWS::ApiGatewayV2::Api": _api,
    "AWS::Cognito::UserPool": _pool,
    "AWS::Events::Rule": _rule,
    "AWS::Lambda::EventSourceMapping": _mapping,
    "AWS::Lambda::Function": _function,
    "AWS::S3::Bucket": _bucket,
    "AWS::SNS::Subscription": _subscription,
    "AWS::SNS::Topic": _topic,
    "AWS::Scheduler::Schedule": _schedule,
    "AWS::StepFunctions::StateMachine": _machine,
}
