"""Two stacks of one account and region share nothing: not a name, not a metric, not an export."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.template.deployed import ALARM, declared
from tests.template.resolved import Resolved

# Names inside a thing that is the stack's own: of a client in its user pool, of a policy in its role, …
WITHIN_ITS_OWN = {
    "AWS::Cognito::UserPoolClient", "AWS::Cognito::UserPoolGroup", "AWS::Cognito::UserPoolResourceServer",
    "AWS::Lambda::Alias", "AWS::ApiGatewayV2::Stage", "AWS::Lambda::Version",
}  # fmt: skip
# Where a name is one of its kind in the account and region. A role's own policies are not named so.
NAMES = re.compile(r"^(Name|(?!Metric|DeploymentConfig)[A-Z]\w*Name|Domain)$")


@pytest.fixture(scope="module")
def stages() -> list[Resolved]:
    """What samconfig.toml calls dev and prod, each with nothing but its own name."""
    return [Resolved("refledger-dev"), Resolved("refledger")]


def names(stack: Resolved) -> set[tuple[str, str]]:
    """Type and physical name of all that gets one from the template."""
    return {
        (kind, value)
        for _, kind, properties in stack.resources()
        if kind not in WITHIN_ITS_OWN
        for key, value in properties.items()
        if NAMES.match(key) and isinstance(value, str) and not value.startswith("<")
    }


def test_no_name_is_in_both(stages: list[Resolved]) -> None:
    """Whatever is named is named by its stack; most things are not named at all."""
    dev, prod = map(names, stages)
    assert dev & prod == set()
    kinds = {kind for kind, _ in dev}
    assert {"AWS::Events::EventBus", "AWS::Logs::LogGroup", "AWS::Lambda::LayerVersion"} <= kinds
    assert len(dev) == len(prod)


def test_own_metrics_are_apart(stages: list[Resolved]) -> None:
    """Functions count under their stack's name, and alarms read what this stack's functions counted."""
    for stack in stages:
        for id, kind, properties in stack.resources():
            if kind == "AWS::Lambda::Function":
                assert properties["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"] == stack.stack, id
            if kind == ALARM and properties.get("Namespace") == "refledger":
                assert properties["Dimensions"] == [{"Name": "service", "Value": stack.stack}], id


def test_no_alarm_reads_the_other_ones_metrics(stages: list[Resolved]) -> None:
    """What two alarms look at is never the same series."""
    dev, prod = ({series for _, kind, each in stack.resources() if kind == ALARM for series in _read(each)}
                 for stack in stages)  # fmt: skip
    assert len(dev) > 20
    assert dev & prod == set()


def _read(alarm: dict[str, Any]) -> set[str]:
    metrics = [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", []) if "MetricStat" in query]
    if "MetricName" in alarm:
        metrics.append({key: alarm[key] for key in ("Namespace", "MetricName", "Dimensions")})
    return {json.dumps(metric, sort_keys=True) for metric in metrics}


def test_nothing_is_exported(stages: list[Resolved]) -> None:
    """An export's name is one of its kind in the account; outputs are read from their stack."""
    assert [name for name, output in declared()["Outputs"].items() if "Export" in output] == []
    for stack in stages:
        assert "Fn::ImportValue" not in json.dumps(stack.template)


def test_the_bus_may_still_be_named(stages: list[Resolved]) -> None:
    """By whoever wants to; without a name it has its stack's."""
    (_, _, own) = next(each for each in stages[0].resources() if each[0] == "Bus")
    assert own == {"Name": "refledger-dev"}
    (_, _, given) = next(each for each in Resolved("a", {"BusName": "money"}).resources() if each[0] == "Bus")
    assert given == {"Name": "money"}


def test_prod_is_refused_where_nobody_hears_alarms() -> None:
    """By CloudFormation, however it is deployed; and prod is what a stack is that does not say."""
    assert declared()["Parameters"]["Stage"]["Default"] == "prod"
    (said,) = Resolved("refledger").refused()
    assert said.startswith("AlarmEmail is needed in prod")
    assert Resolved("refledger", {"AlarmEmail": "ops@example.com"}).refused() == []
    assert Resolved("refledger-dev", {"Stage": "dev"}).refused() == []
