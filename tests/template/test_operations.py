"""What the owner needs to run it: alarms, logs, kept data, and functions that are told what they need."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.template.deployed import (
    ALARM,
    FUNCTION,
    FUNCTIONS,
    MAPPING,
    QUEUE,
    ROOT,
    SCHEDULE,
    dead_letter_queues,
    declared,
    function_id,
    of_type,
    referred,
    referred_in,
    resources,
)
from tests.template.env_usage import variables_used

RING_WHEN_NOTHING_IS_HEARD = {
    "ManifestMissingAlarm", "DueBehindAlarm", "StreamRollupsSilentAlarm", "StreamProjectionsSilentAlarm",
    "SweeperSilentAlarm", "ExpirySilentAlarm", "NoPaymentsAlarm", "ReconciliationSilentAlarm", "UnverifiedAlarm",
}  # fmt: skip
FOR_ALL = {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_LOG_LEVEL", "PYDANTIC_DISABLE_PLUGINS", "HOT_PATH_CLIENT"}


def alarms_on(id: str) -> set[str]:
    """The metrics of a resource that there is an alarm for."""
    return {
        alarm["MetricName"]
        for alarm in of_type(ALARM).values()
        if [referred(dimension["Value"]) for dimension in alarm["Dimensions"]] == [id]
    }


def test_alarms() -> None:
    """Whatever can go wrong without a caller seeing it has an alarm."""
    for queue in dead_letter_queues():
        assert alarms_on(queue) == {"ApproximateNumberOfMessagesVisible"}, queue
    for queue in set(of_type(QUEUE)) - dead_letter_queues():
        assert alarms_on(queue) == {"ApproximateAgeOfOldestMessage"}, queue
    # a deployment is rolled back by these; maturity's by what it gives up (SchedulesDlq) and messages that come again
    for name in ("payment_events", "workflow"):
        assert alarms_on(function_id(name)) == {"Errors"}, name
    for name in ("stream_rollups", "stream_projections"):
        assert alarms_on(function_id(name)) == {"IteratorAge", "Invocations"}, name
    assert alarms_on("WithdrawalApproval") == {"ExecutionsFailed"}
    assert alarms_on("Api") == {"5xx"}


def test_every_function_is_heard_of_by_what_calls_it() -> None:
    """So that none needs alarms of its own: by the API's 5xx, a queue's age, a stream's or a schedule's silence, or
    by the workflow. Some ticks have words of their own.
    """
    callers: dict[str, set[str]] = {}
    for mapping in of_type(MAPPING).values():
        callers.setdefault(called(mapping["FunctionName"]), set()).add(referred(mapping["EventSourceArn"]))
    ticks = {called(schedule["Target"]["Arn"]) for schedule in of_type(SCHEDULE).values()}
    by_api = {called(permission["FunctionName"]) for permission in of_type("AWS::Lambda::Permission").values()}
    words = {
        "MaturityFunction": "DUE_BEHIND_MINUTES", "ManifestFunction": "MANIFESTS",
        "VerifierFunction": "VERIFIED_AGE_HOURS",
    }  # fmt: skip
    own = {alarm["MetricName"] for alarm in of_type(ALARM).values() if alarm["Namespace"] == "refledger"}
    for name in FUNCTIONS:
        id = function_id(name)
        sources, tick = callers.get(id, set()), id in ticks
        assert sources or tick or id in by_api or name == "workflow", id
        for source in sources - {"Table"}:
            assert alarms_on(source) == {"ApproximateAgeOfOldestMessage"}, id
        if "Table" in sources:
            assert alarms_on(id) == {"IteratorAge", "Invocations"}, id
        if tick and not sources:
            assert words.get(id) in own or alarms_on(id) == {"Invocations"}, id


def called(expression: Any) -> str:
    """The function that is called, itself or by an alias of it."""
    return next(id for id in referred_in(expression) if id.endswith("Function") or "FunctionAlias" in id).split(
        "Alias"
    )[0]


@pytest.mark.parametrize("id", sorted(of_type(ALARM)))
def test_an_alarm_tells_somebody(id: str) -> None:
    """Every alarm goes to the topic, looks at a resource that exists, and is quiet where nothing happens."""
    alarm = of_type(ALARM)[id]
    for told in ("AlarmActions", "OKActions"):
        assert [referred(action) for action in alarm[told]] == ["AlarmTopic"]
    if alarm["Namespace"] != "refledger":  # our own metrics are counted by service, not by resource
        assert all(referred(dimension["Value"]) in resources() for dimension in alarm["Dimensions"])
    if id in RING_WHEN_NOTHING_IS_HEARD:
        assert alarm["TreatMissingData"] == "breaching"
        return
    assert alarm["TreatMissingData"] == "notBreaching"
    assert (alarm["ComparisonOperator"], alarm["Threshold"] >= 1) == ("GreaterThanOrEqualToThreshold", True)


def test_silence_about_manifests_is_an_alarm() -> None:
    """36 hours without a manifest ring, whatever stopped it; longer than seven days CloudWatch cannot look back."""
    alarm = of_type(ALARM)["ManifestMissingAlarm"]
    assert (alarm["MetricName"], alarm["Statistic"]) == ("MANIFESTS", "Sum")
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
    assert alarm["TreatMissingData"] == "breaching"
    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (3600, 36)


def test_a_schedule_that_is_behind_or_silent_is_an_alarm() -> None:
    """An hour behind, or half an hour without a tick's word: money that is due waits, and nothing has failed."""
    alarm = of_type(ALARM)["DueBehindAlarm"]
    assert (alarm["MetricName"], alarm["Statistic"], alarm["TreatMissingData"]) == (
        "DUE_BEHIND_MINUTES", "Maximum", "breaching",
    )  # fmt: skip
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanOrEqualToThreshold", 60)
    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (900, 2)


def test_manifests_are_out_of_reach() -> None:
    """Locked from the moment they are put, kept in versions, encrypted, and never public."""
    bucket = of_type("AWS::S3::Bucket")["ManifestBucket"]
    assert bucket["ObjectLockEnabled"] is True
    assert bucket["ObjectLockConfiguration"] == {
        "ObjectLockEnabled": "Enabled",
        "Rule": {
            "DefaultRetention": {"Mode": {"Ref": "ManifestRetentionMode"}, "Days": {"Ref": "ManifestRetentionDays"}}
        },
    }
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    assert declared()["Parameters"]["ManifestRetentionMode"]["AllowedValues"] == ["GOVERNANCE", "COMPLIANCE"]


def test_what_keeps_data_outlives_the_stack() -> None:
    """Neither deleting the stack nor a change that replaces a resource takes data along; a first deployment that is
    rolled back leaves nothing behind but what it could not delete.
    """
    stateful = {
        "AWS::DynamoDB::Table", "AWS::SecretsManager::Secret", "AWS::Cognito::UserPool", "AWS::KMS::Key",
        "AWS::S3::Bucket",
    }  # fmt: skip
    kept = [r for r in resources().values() if r["Type"] in stateful]
    assert {resource["Type"] for resource in kept} == stateful
    for resource in kept:
        given = resource["Properties"]
        protected = given.get("DeletionProtectionEnabled") is True or given.get("DeletionProtection") == "ACTIVE"
        assert resource["DeletionPolicy"] == ("Retain" if protected else "RetainExceptOnCreate")
        assert resource["UpdateReplacePolicy"] == "Retain"


def test_access_logs_outlive_the_stack() -> None:
    """Under a name that the next stack of the same name does not want."""
    for id in ("ApiLogs", "WithdrawalApprovalLogs"):
        kept = resources()[id]
        assert (kept["DeletionPolicy"], kept["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
        text, names = kept["Properties"]["LogGroupName"]["Fn::Sub"]
        assert text.startswith("/aws/vendedlogs/${AWS::StackName}/")
        assert "AWS::StackId" in str(names)


def test_the_table() -> None:
    """Keys, indexes and protection of the table are those of the data model."""
    (table,) = of_type("AWS::DynamoDB::Table").values()
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["pk", "sk"]
    indexes = {index["IndexName"]: index for index in table["GlobalSecondaryIndexes"]}
    keys = {name: [key["AttributeName"] for key in index["KeySchema"]] for name, index in indexes.items()}
    assert keys == {"listed": ["listed_in", "listed_at"], "waiting": ["waits_in", "waits_at"]}
    for index in indexes.values():
        assert index["Projection"] == {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["rewards"]}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["SSESpecification"] == {"SSEEnabled": True}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}


def test_logs_end_some_day() -> None:
    """Every log group has a retention, and every function writes JSON to a group of its own."""
    groups = of_type("AWS::Logs::LogGroup")
    for group in groups.values():
        assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    used = [referred(function["LoggingConfig"]["LogGroup"]) for function in of_type(FUNCTION).values()]
    assert sorted([*used, "ApiLogs", "WithdrawalApprovalLogs"]) == sorted(groups)
    assert {f["LoggingConfig"]["LogFormat"] for f in of_type(FUNCTION).values()} == {"JSON"}


def test_functions_are_of_one_runtime() -> None:
    """All functions have the layer, the platform that it is built for, and tracing as the owner says."""
    runtime, architecture = {"Ref": "PythonRuntime"}, {"Ref": "Architecture"}
    assert declared()["Globals"]["Function"]["Runtime"] == runtime
    assert declared()["Globals"]["Function"]["Architectures"] == [architecture]
    layer = declared()["Resources"]["CoreLayer"]
    assert layer["Metadata"] == {"BuildMethod": runtime, "BuildArchitecture": architecture}
    # the one place where `sam build` looks for it
    assert (ROOT / layer["Properties"]["ContentUri"] / "requirements.txt").is_file()
    for id, function in of_type(FUNCTION).items():
        assert function["TracingConfig"] == {"Mode": {"Ref": "Tracing"}}, id
        assert [referred(each).startswith("CoreLayer") for each in function["Layers"]] == [True]
        assert "ReservedConcurrentExecutions" not in function


def test_the_workflow_keeps_money_out_of_its_log() -> None:
    """The state machine logs its errors without the data of executions, and is traced where functions are."""
    (machine,) = of_type("AWS::StepFunctions::StateMachine").values()
    assert machine["StateMachineType"] == "STANDARD"
    logging = machine["LoggingConfiguration"]
    assert (logging["Level"], logging["IncludeExecutionData"]) == ("ERROR", False)
    assert machine["TracingConfiguration"] == {"Enabled": {"Fn::If": ["Traced", True, False]}}


def test_what_is_billed_and_read_by_nobody_is_off() -> None:
    """No traces, and no metrics for each of the routes, unless somebody asks for them."""
    assert declared()["Parameters"]["Tracing"]["Default"] == "PassThrough"
    assert declared()["Conditions"]["Traced"] == {"Fn::Equals": [{"Ref": "Tracing"}, "Active"]}
    (stage,) = of_type("AWS::ApiGatewayV2::Stage").values()
    assert stage["DefaultRouteSettings"]["DetailedMetricsEnabled"] is False


def test_a_new_account_survives_a_burst() -> None:
    """It runs ten functions at once: what the queues of money take leaves the API four of them."""
    most = {id: m["ScalingConfig"]["MaximumConcurrency"] for id, m in of_type(MAPPING).items() if "ScalingConfig" in m}
    assert len(most) == 5
    defaults = {
        id: int(declared()["Parameters"][given["Ref"]]["Default"]) if isinstance(given, dict) else given
        for id, given in most.items()
    }
    assert max(defaults.values()) <= 5
    assert sum(value for id, value in defaults.items() if id.startswith(("Payments", "Maturity"))) <= 6


def test_a_task_outlasts_its_function() -> None:
    """A task's time limit is longer than the function's, so that Step Functions sees why it failed."""
    definition = yaml.safe_load((ROOT / "statemachines" / "withdrawal_approval.asl.yaml").read_text())
    states = definition["States"].values()
    limits = [state["TimeoutSeconds"] for state in states if "TimeoutSeconds" in state]
    assert len(limits) == 3
    assert min(limits) > of_type(FUNCTION)["WorkflowFunction"]["Timeout"]


def test_the_secret_is_not_in_the_template() -> None:
    """The key of the hashes is generated, and the functions are told where it is."""
    (secret,) = of_type("AWS::SecretsManager::Secret").values()
    assert "SecretString" not in secret
    assert secret["GenerateSecretString"]["PasswordLength"] >= 32
    for function in of_type(FUNCTION).values():
        assert function["Environment"]["Variables"]["HASH_KEY_ARN"] == {"Fn::GetAtt": ["HashKeyArn", "Value"]}


def test_no_secret_stands_in_what_is_deployed() -> None:
    """Nothing is resolved into a function's configuration, a state machine's or any other resource's, and no parameter
    takes a secret: who may read the stack or list functions learns names.
    """
    assert [id for id, each in resources().items() if "{{resolve:" in str(each)] == []
    assert [name for name, each in declared()["Parameters"].items() if "NoEcho" in each] == []
    assert [name for name, each in declared()["Parameters"].items() if str(each["Type"]).startswith("AWS::SSM")] == []
    for id, function in of_type(FUNCTION).items():
        named = {name for name in function["Environment"]["Variables"] if re.search("SECRET|API_KEY|HASH_KEY", name)}
        assert all(name.endswith("_ARN") for name in named), id


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_told_what_it_uses_and_no_more(name: str) -> None:
    """The variables of a function in the template are those that its code asks for."""
    given = set(of_type(FUNCTION)[function_id(name)]["Environment"]["Variables"])
    assert given - FOR_ALL == variables_used(ROOT / "functions" / name / "app.py") - FOR_ALL


def test_variables_that_nothing_reads_are_noticed() -> None:
    """The reading of the code that the test above relies on sees what is known to be there."""
    used = variables_used(ROOT / "functions" / "payment_events" / "app.py")
    assert {"TABLE_NAME", "HASH_KEY_ARN", "STRIPE_MODE", "MATURITY_QUEUE_URL", "PAYMENTS_DLQ_URL"} <= used
    assert "WORKFLOW_ARN" not in used


def test_outputs() -> None:
    """The stack says what its owner needs to go on."""
    outputs = declared()["Outputs"]
    conditional = {"UserPoolId", "UserPoolClientId"}
    asked_for = {"ApiHostTarget": "OwnHost", "SignInUrl": "SignInPage"}
    always = {"ApiUrl", "BusName", "TableName", "WorkflowArn", "ManifestBucketName", "ManifestKeyArn"}
    assert set(outputs) == always | conditional | set(asked_for)
    assert {name: outputs[name]["Condition"] for name in asked_for} == asked_for
    assert {name for name, output in outputs.items() if output.get("Condition") == "UserPool"} == conditional
