"""What AWS::Serverless makes of the template, held against what the template says: it drops and retypes in silence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.template.deployed import (
    ALARM,
    QUEUE,
    ROOT,
    Properties,
    api_operations,
    declared,
    of_type,
    referred,
    resources,
    statements,
    transformed,
)

OWN_METRICS = "refledger"
# what a property of SAM's is called where it arrives, in lower case
RENAMED = {
    "alarms": ("name", "alarmconfiguration"),
    "autopublishalias": ("name",),
    "codeuri": ("s3key",),
    "contenturi": ("s3key",),
    "corsconfiguration": ("x-amazon-apigateway-cors",),
    "definitionuri": ("key",),
    "name": ("title", "statemachinename"),
    "queue": ("eventsourcearn",),
    "role": ("rolearn", "servicerolearn"),
    "stream": ("eventsourcearn",),
    "tracing": ("mode",),
}
SAYS_WHAT_TO_DO = {  # and is no property of anything that is deployed
    "apiid", "defaultauthorizer", "authorizer", "omitname", "retentionpolicy", "type", "method", "path",
    "publishlambdaversion", "autopublishaliasallproperties", "autopublishcodesha256",  # tests/template/test_rollout.py
    "versiondeletionpolicy",  # tests/template/test_snapstart.py
}  # fmt: skip
# Values that API Gateway reads as JSON from the body: CloudFormation makes a string of every parameter there.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-cors-configuration.html
BODY_NUMBERS = ("maxage", "timeoutinmillis", "authorizerresultttlinseconds")


def literals(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Each scalar below a value with the name of the property that it is for; intrinsics are looked through."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from literals(part, key if name == "Ref" or name.startswith("Fn::") else name.lower())
    elif isinstance(value, list):
        for part in value:
            yield from literals(part, key)
    else:
        yield key, str(value)


def defaults() -> dict[str, str]:
    return {name: str(given.get("Default")) for name, given in declared()["Parameters"].items()}


def test_nothing_that_the_template_says_is_dropped() -> None:
    """Every literal and every reference in a property of a SAM resource is in what is deployed, for the same property.

    This is what an AllowOrigins that is an intrinsic did to all the rest of a CORS configuration.
    """
    arrived = set(literals(transformed()["Resources"]))
    values = {value for _, value in arrived}
    said = {"Globals": declared()["Globals"]["Function"]}
    said |= {id: r["Properties"] for id, r in declared()["Resources"].items() if "Serverless" in r["Type"]}
    lost = [
        f"{id}: {key} {value}"
        for id, properties in said.items()
        for key, value in literals(properties)
        if key not in SAYS_WHAT_TO_DO and not _there(key, value, arrived, values)
    ]
    assert lost == []


def _there(key: str, value: str, arrived: set[tuple[str, str]], values: set[str]) -> bool:
    if any((name, value) in arrived for name in (key, *RENAMED.get(key, ()))):
        return True
    if key == "layers":  # a layer's name gets a digest of its content
        return any(each.startswith(value) for each in values)
    if key == "description":  # the transform adds the release
        return any(each.startswith(value) for each in values)
    if key == "workflowfunctionarn" and value.endswith(".Alias"):
        return value.replace(".Alias", "Aliaslive") in values
    return (key, defaults().get(value, "")) in arrived  # a parameter that the transform has filled in


def test_a_dropped_property_is_noticed() -> None:
    """The comparison above sees what is missing under its own name, though others have the same value."""
    arrived = {("allowmethods", "GET"), ("title", "x")}
    values = {value for _, value in arrived}
    assert _there("allowmethods", "GET", arrived, values)
    assert not _there("exposeheaders", "GET", arrived, values)


def test_what_api_gateway_imports_has_its_types() -> None:
    """The OpenAPI body keeps numbers and lists: no intrinsic stands where one would become a string there."""
    (api,) = of_type("AWS::ApiGatewayV2::Api").values()
    assert api["FailOnWarnings"] is True
    for key, value in _members(api["Body"]):
        if key.lower() in BODY_NUMBERS:
            assert isinstance(value, int), key
        if key.lower() in ("scopes", "tags", "security"):
            assert isinstance(value, list), key
    assert json.loads(json.dumps(api["Body"])) == api["Body"]


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _members(part)


def test_parameters_arrive_as_text_and_change_nothing_else() -> None:
    """CloudFormation hands every parameter over as text: what is deployed has the same shape as with the defaults."""
    given = {name: value for name, value in defaults().items() if value != "None"}
    as_text = transformed(**given)["Resources"]
    assert sorted(as_text) == sorted(resources())
    for id, resource in as_text.items():
        assert sorted(literals(resource)) == sorted(literals(resources()[id])), id


def test_security_schemes_that_are_named_are_there() -> None:
    """A route that names a scheme which `components` does not have is a warning at import, and fails the API.

    SAM's `Authorizer: NONE` is one; the public routes name none at all.
    """
    (api,) = of_type("AWS::ApiGatewayV2::Api").values()
    schemes = set(api["Body"]["components"]["securitySchemes"])
    for route, operation in api_operations():
        assert {name for each in operation.get("security", []) for name in each} <= schemes, route


@pytest.mark.parametrize("id", sorted(of_type(ALARM)))
def test_alarms_look_at_this_stack_alone(id: str) -> None:
    """No dimension is a literal: another stack in the account would have the same, and answer for this one."""
    alarm = of_type(ALARM)[id]
    for found in _metrics(alarm):
        for dimension in found.get("Dimensions", []):
            assert isinstance(dimension["Value"], dict), dimension
        if found.get("Namespace") == OWN_METRICS:
            assert {"Name": "service", "Value": {"Ref": "AWS::StackName"}} in found["Dimensions"]


def _metrics(alarm: Properties) -> Iterator[Properties]:
    """What an alarm reads: one metric, or those of its expression."""
    yield alarm
    for query in alarm.get("Metrics", []):
        if stat := query.get("MetricStat"):
            yield stat["Metric"]


def test_queues_are_encrypted_and_outlive_the_stack() -> None:
    """Undelivered payments and everything in a DLQ are still there when the stack is gone by mistake."""
    for id, queue in of_type(QUEUE).items():
        assert queue["SqsManagedSseEnabled"] is True, id
        assert resources()[id]["DeletionPolicy"] in ("Retain", "RetainExceptOnCreate"), id
        assert resources()[id]["UpdateReplacePolicy"] == "Retain", id


def test_roles_have_no_managed_policies_and_no_wildcards() -> None:
    """What SAM's own roles would bring; the exceptions know no resources."""
    known = ("xray:", "logs:", "cloudwatch:DescribeAlarms")
    for id, role in of_type("AWS::IAM::Role").items():
        assert "ManagedPolicyArns" not in role, id
        for statement in statements(id):
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            assert not any(action.endswith("*") for action in actions), id
            if statement["Resource"] == "*":
                assert all(action.startswith(known) for action in actions), id


def test_no_text_is_torn_by_its_comma() -> None:
    """In YAML's short form a comma ends a value: what follows becomes a property without one, which AWS refuses."""
    for id, resource in resources().items():
        assert [name for name in resource.get("Properties", {}) if " " in name] == [], id


def test_references_name_what_is_deployed() -> None:
    """Every logical id in a Ref or Fn::GetAtt is a resource or a parameter, also those that the transform wrote."""
    known = set(resources()) | set(declared()["Parameters"])
    for id, resource in resources().items():
        for found in _references(resource):
            assert found in known or found.startswith("AWS::"), f"{id}: {found}"


def _references(value: Any) -> Iterator[str]:
    if name := referred(value):
        yield name
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _references(part)


def test_each_exception_from_checkov_has_its_reason() -> None:
    """A check that is skipped stands below the sentence that says why."""
    lines = (ROOT / ".checkov.yaml").read_text(encoding="utf-8").splitlines()
    skipped = [number for number, line in enumerate(lines) if line.strip().startswith("- CKV")]
    assert skipped
    for number in skipped:
        assert lines[number - 1].strip().startswith("# "), lines[number]
