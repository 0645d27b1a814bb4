"""Make template.yaml of template/ and of the functions' routes: `python scripts/template.py > template.yaml`.
`--routes`: functions/dispatch/routes.json instead.

`template/stack.yaml` is a template as CloudFormation has it, taken as it is; where it says `#: functions`, `#: alarms`
and `#: routes`, these come. `functions.yaml` and `alarms.yaml` say of each what is its own; what all have is added
here: log group, role, what HTTP functions are told.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "layers" / "core" / "python")]

from refledger.entry import access  # noqa: E402
from scripts import openapi  # noqa: E402

SOURCES = ROOT / "template"
ANY = "x-amazon-apigateway-any-method"
HEAD = "# Made by `make openapi` from template/ and from the functions' routes: what is changed here is lost.\n\n"
# What `of` names, as partitions of the table or of an index (dynamodb:LeadingKeys); store/keys/ has them all
PARTITIONS = {
    "actor": "PERSON#*", "adjustment": "ADJUSTMENT#*", "api-key": "API_KEY#*",
    "application": "APPLICATION#*", "audit": "AUDIT#*",
    "bulk-answer": "ANSWER#*", "clicks": "CLICKS#*", "customer": "CUSTOMER#*", "exposure": "EXPOSURE#*",
    "finding": "FINDINGS", "guard": "GUARD#*", "guard-of-alike": "GUARD#TRAIT#*", "guard-of-code": "GUARD#CODE#*",
    "guard-of-look": "GUARD#LOOKALIKE#*", "guard-of-request": "GUARD#REQUEST#*",
    "guard-of-dispute": "GUARD#DISPUTE#*", "guard-of-refund": "GUARD#REFUND#*", "guard-of-user": "GUARD#USER#*",
    "invitation": "INVITATION#*", "job": "JOB#*", "journal": "JOURNAL#*", "leaderboard": "LEADERBOARD#*",
    "limit": "LIMIT#*", "partner": "PARTNER#*", "payment": "PAYMENT#*", "program": "PROGRAMS",
    "program-version": "PROGRAM#*", "referral": "REFERRAL#*", "reward": "REWARD#*", "roll-up": "STATISTICS#*",
    "search": "SEARCH#*", "shards": "SHARDS", "system": "SYSTEM", "touched": "TOUCHED#*",
    "transfer-batch": "BATCH#*", "withdrawal": "WITHDRAWAL#*",
    # of indexes alone
    "adjustments": "ADJUSTMENTS#*", "api-keys": "API_KEYS", "open-api-keys": "OPEN_API_KEYS",
    "applications": "APPLICATIONS", "applications-by-status": "APPLICATIONS#*",
    "audit-by": "AUDIT_BY#*",
    "disputes": "OPEN_DISPUTES", "due": "DUE#*", "duplicates": "POSSIBLE_DUPLICATES", "invitations": "INVITATIONS",
    "invitations-by-status": "INVITATIONS#*",
    "jobs": "JOBS#*", "open-jobs": "OPEN_JOBS", "parked": "PARKED_PAYMENTS", "partners": "PARTNERS",
    "partners-by-status": "PARTNERS#*", "payments": "PAYMENTS#*", "people": "PEOPLE", "referrals": "REFERRALS#*",
    "rewards": "REWARDS#*", "to-rate-again": "TO_BE_RATED", "transfer-batches": "BATCHES",
    "waiting-adjustments": "WAITING_ADJUSTMENTS", "withdrawals": "WITHDRAWALS#*",
}  # fmt: skip


@dataclass(frozen=True)
class Tagged:
    """A value with CloudFormation's tag: `!Ref Table` is Tagged("!Ref", "Table")."""

    tag: str
    value: Any


class Line(dict[str, Any]):
    """What stands on one line, however long."""


class Loader(yaml.SafeLoader):
    """Keeps tags, for they are written out again."""


class Dumper(yaml.SafeDumper):
    """Writes tags, and text of several lines as such; repeats what is there twice instead of pointing at it."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _tagged(loader: Loader, suffix: str, node: yaml.Node) -> Tagged:
    match node:
        case yaml.ScalarNode():
            return Tagged(f"!{suffix}", loader.construct_scalar(node))
        case yaml.SequenceNode():
            return Tagged(f"!{suffix}", loader.construct_sequence(node, deep=True))
        case yaml.MappingNode():
            return Tagged(f"!{suffix}", loader.construct_mapping(node, deep=True))
    raise ValueError(f"{suffix}: {node}")


def _write_tagged(dumper: Dumper, tagged: Tagged) -> yaml.Node:
    if isinstance(tagged.value, str):
        style = "|" if "\n" in tagged.value else '"' if any(c in tagged.value for c in "${}:, ") else None
        return dumper.represent_scalar(tagged.tag, tagged.value, style)
    if isinstance(tagged.value, list):
        return dumper.represent_sequence(tagged.tag, tagged.value, _on_a_line(tagged.value))
    return dumper.represent_mapping(tagged.tag, tagged.value, _on_a_line(tagged.value))


def _on_a_line(value: Any) -> bool:
    """Whether it is short enough to stand on one."""
    return len(text := str(value).replace("Tagged(tag=", "")) <= 130 and "\\n" not in text


Loader.add_multi_constructor("!", _tagged)
Dumper.add_representer(Tagged, _write_tagged)
Dumper.add_representer(
    dict, lambda dumper, made: dumper.represent_mapping("tag:yaml.org,2002:map", made, _on_a_line(made))
)
Dumper.add_representer(Line, lambda dumper, made: dumper.represent_mapping("tag:yaml.org,2002:map", made, True))
Dumper.add_representer(
    list, lambda dumper, made: dumper.represent_sequence("tag:yaml.org,2002:seq", made, _on_a_line(made))
)
Dumper.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, "|" if "\n" in text else None)
)


def ref(id: str) -> Tagged:
    return Tagged("!Ref", id)


def attribute(name: str) -> Tagged:
    return Tagged("!GetAtt", name)


def sub(text: str) -> Tagged:
    return Tagged("!Sub", text)


def logical_id(function: str) -> str:
    """`lead_events` is LeadEvents…"""
    return "".join(part.capitalize() for part in function.split("_"))


# -------------------------------------------------------------------------------------------------- functions

HTTP_VARIABLES = {
    "GROUPS_CLAIM": ref("GroupsClaim"), "ROLE_NAMES": ref("RoleNames"), "SCOPE_PREFIX": ref("ScopePrefix"),
    "FRESH_SIGN_IN_MINUTES": ref("FreshSignInMinutes"), "CDN_SECRET_ARN": ref("CdnSecretArn"),
    "LIMITS": sub(
        "reads=${ReadsPerMinute},writes=${WritesPerMinute},heavy=${HeavyPerMinute},"
        "withdrawals=${WithdrawalsPerMinute},unknown-codes=${UnknownCodesPerMinute}"
    ),
}  # fmt: skip
TOLD_OF_FAILURES = attribute("SchedulesDlq.Arn")  # whatever a schedule's call comes to, twice
OWN = ("Serves", "Calls", "Variables", "Tick", "GoesBackOn", "Snapshot", "May", "Condition")
SNAPSHOTS = Tagged("!If", ["Snapshots", "PublishedVersions", "None"])
VERSIONED = {
    "AutoPublishAlias": "live", "AutoPublishAliasAllProperties": True, "AutoPublishCodeSha256": ref("Release"),
}  # fmt: skip


def function(name: str, said: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The resources that a function is: itself, its role, its log group, and the API's right to call it."""
    id, serves, tick = logical_id(name), said.get("Serves") == "HTTP", said.get("Tick")
    if said.get("Calls") == "HTTP":
        said = _calling(said)
    made: dict[str, Any] = {"CodeUri": f"functions/{name}/"}
    if alarms := said.get("GoesBackOn"):
        made |= {
            **VERSIONED,
            "DeploymentPreference": {
                "Type": ref("Rollout"), "Role": attribute("RolloutRole.Arn"),
                "Alarms": Tagged("!If", ["Gradual", [ref(f"{alarm}Alarm") for alarm in alarms], []]),
            },
        }  # fmt: skip
    if said.get("Snapshot"):  # of the one that is called: another one that is kept is paid for
        made |= {**VERSIONED, "VersionDeletionPolicy": "Delete", "SnapStart": {"ApplyOn": SNAPSHOTS}}
    made |= {"Role": attribute(f"{id}Role.Arn"), "LoggingConfig": {"LogGroup": ref(f"{id}Logs")}}
    made |= {key: value for key, value in said.items() if key not in OWN}
    if variables := {**(HTTP_VARIABLES if serves else {}), **said.get("Variables", {})}:
        made["Environment"] = {"Variables": variables}
    if tick:
        made["EventInvokeConfig"] = {
            "MaximumRetryAttempts": tick["Run"]["again"], "MaximumEventAgeInSeconds": tick["Run"]["seconds"],
            "DestinationConfig": {"OnFailure": {"Type": "SQS", "Destination": TOLD_OF_FAILURES}},
        }  # fmt: skip
        made["Events"] = {**made.get("Events", {}), "Tick": _schedule(tick)}
    condition = {"Condition": said["Condition"]} if "Condition" in said else {}
    yield f"{id}Function", {"Type": "AWS::Serverless::Function", **condition, "Properties": made}
    yield f"{id}Role", {"Type": "AWS::IAM::Role", **condition, "Properties": _role(name, id, said, serves)}
    group = {"LogGroupName": sub(f"/${{AWS::StackName}}/{name}"), "RetentionInDays": ref("LogRetentionDays")}
    yield f"{id}Logs", {"Type": "AWS::Logs::LogGroup", **condition, "Properties": group}
    if "Serves" in said:
        may = {
            "Action": "lambda:InvokeFunction", "FunctionName": ref(_called(id, said)),
            "Principal": "apigateway.amazonaws.com",
            "SourceArn": sub("arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*"),
        }  # fmt: skip
        yield f"{id}Permission", {"Type": "AWS::Lambda::Permission", "Properties": may}


def _calling(said: dict[str, Any]) -> dict[str, Any]:
    """A function that may call those behind the API as the API does, and is told their names."""
    routes = {name: [route.key for route in of_one] for name, of_one in openapi.served().items()}
    functions = read("functions")
    served = {
        name: _called(logical_id(name), functions[name])
        for name, of_one in sorted(routes.items()) if any(access.ROUTES[key] for key in of_one)
    }  # fmt: skip
    named = sub(",".join(f"{name}=${{{called}}}" for name, called in served.items()))  # an alias is named by its ARN
    arns = [attribute(f"{called}.Arn") if called.endswith("Function") else ref(called) for called in served.values()]
    may = [*said.get("May", []), {"Action": "lambda:InvokeFunction", "Resource": arns}]
    return {**said, "Variables": {**said.get("Variables", {}), "FUNCTIONS": named}, "May": may}


def _called(id: str, said: dict[str, Any]) -> str:
    """The logical id of what the API calls: a function, or the alias that the transform makes of it."""
    return f"{id}FunctionAlias{VERSIONED['AutoPublishAlias']}" if said.get("Snapshot") else f"{id}Function"


def _schedule(tick: dict[str, Any]) -> dict[str, Any]:
    """A schedule without a name, which would be one of its kind in the account."""
    retries = {"MaximumRetryAttempts": tick["Sent"]["again"], "MaximumEventAgeInSeconds": tick["Sent"]["seconds"]}
    properties = {
        "Description": tick["Description"], "ScheduleExpression": f"rate({tick['Every']})", "OmitName": True,
        "Input": "{}", "RetryPolicy": retries, "DeadLetterConfig": {"Arn": TOLD_OF_FAILURES},
    }  # fmt: skip
    return {"Type": "ScheduleV2", "Properties": properties}


def _role(name: str, id: str, said: dict[str, Any], serves: bool) -> dict[str, Any]:
    """A role of the function's own: SAM's has managed policies, whose resource is every one."""
    statements = [
        _allow(["logs:CreateLogStream", "logs:PutLogEvents"], [attribute(f"{id}Logs.Arn")]),
        _allow(["xray:PutTraceSegments", "xray:PutTelemetryRecords"], ["*"]),  # these two know no resources
    ]
    if serves:
        statements.append(statement({"secret": "CdnSecretArn", "if": "Cdn"}))
    statements += [statement(each) for each in said.get("May", [])]
    if said.get("Tick") and not any(_sends_to_schedules(each) for each in said.get("May", [])):
        statements.append(_allow(["sqs:SendMessage"], [TOLD_OF_FAILURES]))
    trusted = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return {
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trusted]},
        "Policies": [{"PolicyName": name, "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}],
    }


def _sends_to_schedules(said: dict[str, Any]) -> bool:
    resources = said.get("Resource")
    return TOLD_OF_FAILURES in (resources if isinstance(resources, list) else [resources])


def _allow(actions: list[str], resources: list[Any]) -> dict[str, Any]:
    """One of either stands by itself, as people write it."""
    action, resource = (each[0] if len(each) == 1 else each for each in (actions, resources))
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def statement(said: dict[str, Any]) -> Any:
    """A statement of a policy, of one of three forms.

    `{do: GetItem, of: [program]}` of the table, with `index` of an index; `{secret: Parameter, if: Condition}`; or one
    as IAM has it. Raises KeyError for partitions without a name.
    """
    if "do" in said:
        actions = [said["do"]] if isinstance(said["do"], str) else said["do"]
        index = said.get("index", [])
        places = [sub(f"${{TableArn.Value}}/index/{one}") for one in ([index] if isinstance(index, str) else index)]
        keys = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [PARTITIONS[each] for each in said["of"]]}}
        allowed = _allow([f"dynamodb:{action}" for action in actions], places or [attribute("TableArn.Value")])
        return {**allowed, "Condition": keys}
    if "secret" in said:
        own = said["secret"] == "HashKeyArn"  # behind a parameter in the stack, whoever made it
        arn = attribute("HashKeyArn.Value") if own else ref(said["secret"])
        allowed = _allow(["secretsmanager:GetSecretValue"], [arn])
        return Tagged("!If", [said["if"], allowed, ref("AWS::NoValue")]) if "if" in said else allowed
    return {"Effect": "Allow", **said}


# -------------------------------------------------------------------------------------------------- the API


def paths() -> dict[str, dict[str, Any]]:
    """The API's routes, each to the function that serves it; what anybody may get they may look at (HEAD).

    A token is asked for by every route that is not PUBLIC; those of portal sessions look at theirs themselves. What has
    no route here is dispatch's.
    """
    made: dict[str, dict[str, Any]] = {}
    functions = read("functions")
    for name, routes in openapi.served().items():
        called = _called(logical_id(name), functions[name])
        for route in routes:
            method, path = route.key.split()
            is_public = access.ROUTES[route.key] is access.PUBLIC
            operation = _operation(called, path, is_open=is_public or access.is_embedded(route.key))
            for each in (method, "HEAD") if is_public and method == "GET" else (method,):
                made.setdefault(path, {})[each.lower()] = operation
    dispatch = _called("Dispatch", {})
    made["/api/v1/{proxy+}"] = {"head": _operation(dispatch, "/api/v1/{proxy+}", is_open=False)}
    made["/keyed/{proxy+}"] = {ANY: _operation(dispatch, "/keyed/{proxy+}", is_open=True)}
    made["$default"] = {ANY: Line({**_operation(dispatch, "$default", is_open=True), "isDefaultRoute": True})}
    return dict(sorted(made.items()))


def _operation(called: str, path: str, *, is_open: bool) -> dict[str, Any]:
    uri = (
        "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/"
        f"${{{f'{called}.Arn' if called.endswith('Function') else called}}}/invocations"
    )
    made = Line({
        "x-amazon-apigateway-integration": {
            "httpMethod": "POST", "type": "aws_proxy", "uri": sub(uri), "payloadFormatVersion": "2.0",
        },
        "responses": {},
    })  # fmt: skip
    if not is_open:
        made["security"] = [{"Jwt": []}]
    if named := [part[1:-1].removesuffix("+") for part in path.split("/") if part.startswith("{")]:
        made["parameters"] = [{"required": True, "name": each, "in": "path"} for each in named]
    return made


# -------------------------------------------------------------------------------------------------- alarms

WATCHED = {
    "Statistic": "Sum", "Period": 300, "EvaluationPeriods": 1, "Threshold": 1,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold", "TreatMissingData": "notBreaching",
}  # fmt: skip
SILENT = {"ComparisonOperator": "LessThanThreshold", "TreatMissingData": "breaching"}
QUEUE = {"MetricName": "ApproximateNumberOfMessagesVisible", "Statistic": "Maximum", "Period": 60}


def alarm(said: dict[str, Any]) -> dict[str, Any]:
    """One alarm, of a queue, a function, a metric of our own, or of what it says itself.

    `silent`: it rings when less is heard than the threshold, or nothing.
    """
    when = dict(said["when"])
    condition = {"Condition": when.pop("if")} if "if" in when else {}
    of: dict[str, Any] = {}
    if queue := when.pop("queue", None):
        of = {"Namespace": "AWS/SQS", **QUEUE, "Dimensions": _dimension("QueueName", attribute(f"{queue}.QueueName"))}
    elif name := when.pop("function", None):
        dimension = _dimension("FunctionName", ref(f"{logical_id(name)}Function"))
        of = {"Namespace": "AWS/Lambda", "MetricName": "Invocations", "Dimensions": dimension}
    elif metric := when.pop("metric", None):
        dimension = _dimension("service", ref("AWS::StackName"))
        of = {"Namespace": "refledger", "MetricName": metric, "Dimensions": dimension}
    silence = SILENT if when.pop("silent", False) else {}
    told = {"AlarmActions": [ref("AlarmTopic")], "OKActions": [ref("AlarmTopic")]}
    properties = {"AlarmDescription": said["says"], **WATCHED, **of, **silence, **when, **told}
    return {"Type": "AWS::CloudWatch::Alarm", **condition, "Properties": properties}


def _dimension(name: str, value: Tagged) -> list[dict[str, Any]]:
    return [{"Name": name, "Value": value}]


# -------------------------------------------------------------------------------------------------- all of it


def read(name: str) -> dict[str, Any]:
    """A file of template/, tags kept."""
    made: dict[str, Any] = yaml.load((SOURCES / f"{name}.yaml").read_text(encoding="utf-8"), Loader)
    return made


def _text(made: dict[str, Any], indent: int, between: str = "") -> str:
    """As YAML, `indent` columns from the left."""
    parts = [
        yaml.dump({key: value}, Dumper=Dumper, sort_keys=False, width=178 - indent, allow_unicode=True)
        for key, value in made.items()
    ]
    return textwrap.indent(between.join(parts), " " * indent)


def template() -> str:
    """The whole of template.yaml. Raises KeyError where stack.yaml has no place for a part."""
    functions = {id: made for name, said in read("functions").items() for id, made in function(name, said)}
    alarms = {f"{name}Alarm": alarm(said) for name, said in read("alarms").items()}
    parts = {
        "functions": _text(functions, 2, "\n"), "alarms": _text(alarms, 2, "\n"), "routes": _text(paths(), 10),
    }  # fmt: skip
    text = (SOURCES / "stack.yaml").read_text(encoding="utf-8")
    made = re.sub(r"^ *#: (\w+)\n", lambda match: parts.pop(match[1]), text, flags=re.MULTILINE)
    if parts:
        raise KeyError(*parts)
    return HEAD + made


def routes_file() -> str:
    """Which function serves which route, for the one that calls them: functions/dispatch/routes.json."""
    told = {route.key: name for name, routes in openapi.served().items() for route in routes}
    return json.dumps(dict(sorted(told.items())), indent=1) + "\n"


if __name__ == "__main__":
    sys.stdout.write(routes_file() if sys.argv[1:] == ["--routes"] else template())
