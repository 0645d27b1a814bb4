"""template.yaml as AWS::Serverless makes CloudFormation of it, and what tests ask of that."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from samtranslator.yaml_helper import yaml_parse

from undocked.translation import translate

ROOT = Path(__file__).parents[2]
ALARM = "AWS::CloudWatch::Alarm"
FUNCTION = "AWS::Lambda::Function"
MAPPING = "AWS::Lambda::EventSourceMapping"
QUEUE = "AWS::SQS::Queue"
RULE = "AWS::Events::Rule"
SCHEDULE = "AWS::Scheduler::Schedule"
IN_USE = {"TableArn": "Table", "TableStreamArn": "Table", "HashKeyArn": "HashKey", "AccountsKeyArn": "AccountsKey"}
CACHE = ROOT / ".local" / "cache"
FUNCTIONS = (
    "adjustments", "analytics", "api_keys", "audit", "docs", "events", "expiry", "invitations", "job_worker",
    "jobs", "lead_events", "dispatch", "embed", "lead_webhooks", "leaderboards", "ledger", "links", "manifest",
    "maturity", "me", "member_referrals", "member_withdrawals", "partners", "payment_events", "payments",
    "payout_batches", "payout_methods", "payout_webhooks", "programs", "reconciliation", "referrals", "rewards",
    "statements", "stream_projections", "stream_rollups", "sweeper", "verifier", "web", "withdrawals", "workflow",
)  # fmt: skip

Properties = dict[str, Any]


@functools.cache
def declared() -> dict[str, Any]:
    """The template as it is written."""
    found: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
    return found


@functools.cache
def transformed(**parameters: str) -> dict[str, Any]:
    """The whole template as CloudFormation gets it; made once for all tests, and kept by all that it depends on."""
    with mock.patch.dict("os.environ", AWS_DEFAULT_REGION="eu-central-1"):
        return translate(ROOT / "template.yaml", parameters, CACHE)


def resources() -> dict[str, dict[str, Any]]:
    """All resources that are deployed, those that the transform adds as well, by logical id."""
    found: dict[str, dict[str, Any]] = transformed()["Resources"]
    return found


def of_type(kind: str) -> dict[str, Properties]:
    """Properties of the resources of a type, by logical id."""
    return {id: r.get("Properties", {}) for id, r in resources().items() if r["Type"] == kind}


def function_id(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_")) + "Function"


@functools.cache
def aliases() -> dict[str, str]:
    """Which function an alias is of, by logical ids."""
    return {id: alias["FunctionName"]["Ref"] for id, alias in of_type("AWS::Lambda::Alias").items()}


def called(expression: Any) -> str:
    """The logical id of what a reference calls: of an alias its function."""
    id = referred(expression)
    return aliases().get(id, id)


def referred(expression: Any) -> str:
    """The logical id that a Ref or Fn::GetAtt names; "" for anything else.

    Of the table and the keys, which a stack may be given, what stands for them is taken for them.
    """
    match expression:
        case {"Ref": str(id)} | {"Fn::GetAtt": [str(id), *_]}:
            return IN_USE.get(id, id)
        case {"Fn::GetAtt": str(text)}:
            return referred({"Ref": text.split(".")[0]})
        case _:
            return ""


def referred_in(value: Any) -> Iterator[str]:
    """Every logical id that is referred to anywhere inside a value."""
    if id := referred(value):
        yield id
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in parts:
        yield from referred_in(part)


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(role_id: str) -> list[Properties]:
    """The statements of a role's own policies, those that a parameter brings as well."""
    policies = resources()[role_id]["Properties"].get("Policies", [])
    found = [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]
    return [statement["Fn::If"][1] if "Fn::If" in statement else statement for statement in found]


def granted_by_keys(role_id: str) -> Iterator[Properties]:
    """What the policies of KMS keys allow a role by name, as statements of the role's own."""
    for id, key in of_type("AWS::KMS::Key").items():
        for statement in key["KeyPolicy"]["Statement"]:
            principal = statement["Principal"]
            if statement["Effect"] == "Allow" and isinstance(principal, dict) and referred(principal["AWS"]) == role_id:
                yield {**statement, "Resource": {"Fn::GetAtt": [id, "Arn"]}}


def api_operations() -> Iterator[tuple[str, Properties]]:
    """Route key ("GET /x") and OpenAPI operation of every route of the HTTP API."""
    (api,) = of_type("AWS::ApiGatewayV2::Api").values()
    for path, operations in api["Body"]["paths"].items():
        for method, operation in operations.items():
            yield f"{method.upper()} {path}", operation


def targets() -> list[Properties]:
    """What rules and schedules deliver to."""
    of_rules = [target for rule in of_type(RULE).values() for target in rule["Targets"]]
    return of_rules + [schedule["Target"] for schedule in of_type(SCHEDULE).values()]


def dead_letter_queues() -> set[str]:
    """Queues that something else is sent to when it goes wrong."""
    arns = [queue.get("RedrivePolicy", {}).get("deadLetterTargetArn") for queue in of_type(QUEUE).values()]
    arns += [target.get("DeadLetterConfig", {}).get("Arn") for target in targets()]
    arns += [
        given.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        for kind in ("AWS::Lambda::EventInvokeConfig", MAPPING)
        for given in of_type(kind).values()
    ]
    return {referred(arn) for arn in arns} & set(of_type(QUEUE))
