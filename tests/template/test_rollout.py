"""New code of what books and pays takes over by an alias, a tenth first, and goes back when an alarm rings."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.template.deployed import (
    ALARM,
    MAPPING,
    ROOT,
    SCHEDULE,
    aliases,
    called,
    of_type,
    referred,
    referred_in,
    resources,
    statements,
    targets,
    transformed,
)
from tests.template.resolved import Resolved
from undocked.translation import translate

BY_ALIAS = {"PaymentEventsFunction", "MaturityFunction", "WorkflowFunction"}
# People wait for their first answer: `test_snapstart.py`
BY_SNAPSHOT = {
    "LinksFunction", "MeFunction", "MemberReferralsFunction", "MemberWithdrawalsFunction", "PartnersFunction",
    "WithdrawalsFunction",
}  # fmt: skip
GROUP = "AWS::CodeDeploy::DeploymentGroup"
GRADUAL = {"Release": "a" * 64, "Rollout": "Canary10Percent10Minutes"}


def versions(template: dict[str, object]) -> set[str]:
    found = template["Resources"]
    assert isinstance(found, dict)
    return {id for id, each in found.items() if each["Type"] == "AWS::Lambda::Version"}


def test_what_books_and_pays_has_an_alias() -> None:
    """All of it by the same name, each with a deployment group of its own."""
    assert set(aliases().values()) == BY_ALIAS | BY_SNAPSHOT
    assert {alias["Name"] for alias in of_type("AWS::Lambda::Alias").values()} == {"live"}
    for id, function in aliases().items():
        if function in BY_SNAPSHOT:  # all at once
            continue
        policy = resources()[id]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
        assert referred(policy["DeploymentGroupName"]) == f"{function}DeploymentGroup"


def test_whoever_calls_calls_the_alias() -> None:
    """Queues, schedules and the workflow: who called the function itself would get new code at once."""
    callers = [mapping["FunctionName"] for mapping in of_type(MAPPING).values()]
    callers += [target["Arn"] for target in targets()]
    (machine,) = of_type("AWS::StepFunctions::StateMachine").values()
    callers += machine["DefinitionSubstitutions"].values()
    by_alias = [each for each in callers if called(each) in BY_ALIAS]
    assert len(by_alias) >= 4
    assert all(referred(each) in aliases() for each in by_alias)
    for config in of_type("AWS::Lambda::EventInvokeConfig").values():
        assert config["Qualifier"] == ("live" if referred(config["FunctionName"]) in BY_ALIAS else "$LATEST")
    for schedule in of_type(SCHEDULE).values():
        granted = statements(referred(schedule["Target"]["RoleArn"]))
        (invoke,) = [each for each in granted if each["Action"] == "lambda:InvokeFunction"]
        assert invoke["Resource"] == schedule["Target"]["Arn"]


def test_the_workflow_may_call_both() -> None:
    """An execution keeps the definition that it began with, for up to a year: without the alias, once."""
    invoke = next(s for s in statements("WithdrawalApprovalRole") if s["Action"] == "lambda:InvokeFunction")
    assert set(referred_in(invoke["Resource"])) == {"WorkflowFunction", "WorkflowFunctionAliaslive"}


def test_new_code_is_a_new_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the layer, where all code is: the transform sees that only where it is told to look."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    text, said = (ROOT / "template.yaml").read_text(encoding="utf-8"), "ContentUri: layers/core/python"
    assert said in text
    path = tmp_path / "template.yaml"
    path.write_text(text.replace(said, "ContentUri: layers/other"))
    before, after = versions(transformed()), versions(translate(path, {}, None))
    assert len(before) == len(after) == len(BY_ALIAS | BY_SNAPSHOT)
    assert not before & after


def test_another_value_of_a_parameter_is_a_new_version() -> None:
    """By the digest that a deployment sends: the transform does not look at parameters' values."""
    assert not versions(transformed()) & versions(transformed(**GRADUAL))


def test_alarms_take_it_back() -> None:
    """A tenth gets the new version first; errors and messages that fail again and again end it."""
    gradual = Resolved("refledger", GRADUAL)
    groups = {id: each for id, kind, each in gradual.resources() if kind == GROUP}
    assert len(groups) == len(BY_ALIAS)
    for id, group in groups.items():
        watched = [alarm["Name"] for alarm in group["AlarmConfiguration"]["Alarms"]]
        own = id.removesuffix("FunctionDeploymentGroup")
        failing = "SchedulesDlq" if own == "Maturity" else f"{own}Errors"  # a tick that fails twice is told there
        assert f"<refledger/{failing}Alarm>" in watched
        # messages that come again fail no call; the workflow has none (its own alarms would go in a circle)
        assert ("<refledger/PaymentsRetriedAlarm>" in watched) is (own != "Workflow")
        assert group["AlarmConfiguration"]["Enabled"] is True
        assert group["AutoRollbackConfiguration"]["Enabled"] is True
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
        assert {name.split("/")[1].rstrip(">") for name in watched} <= set(of_type(ALARM))
    asked = transformed(**GRADUAL)["Resources"]["PaymentEventsFunctionDeploymentGroup"]
    assert asked["Properties"]["DeploymentConfigName"]["Fn::Sub"][1] == {"ConfigName": "Canary10Percent10Minutes"}


def test_what_mends_an_alarm_is_not_stopped_by_it() -> None:
    """All at once, nothing is looked at: an alarm that rings already would take back its own cure."""
    for _, kind, group in Resolved("refledger").resources():
        if kind == GROUP:
            assert group["AlarmConfiguration"] == {}


def test_prod_is_careful() -> None:
    """By samconfig.toml; dev is not."""
    stages = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    given = stages["prod"]["deploy"]["parameters"]["parameter_overrides"]
    assert any(each.startswith("Rollout=Canary") for each in given)
