"""The bill of a stack that nobody calls, and the dashboard that must not name what nobody says."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from typing import Any

import pytest

from scripts.cost import bill, text, total
from tests.template.deployed import ROOT
from tests.template.resolved import Resolved

STACK = "refledger"
OWN = "refledger"
# of AWS, as its documentation names them
OF_AWS = {
    "AWS/SQS": {"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"},
    "AWS/Lambda": {"Errors", "Invocations", "IteratorAge"},
    "AWS/ApiGateway": {"Count", "4xx", "5xx"},
    "AWS/States": {"ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"},
}


def resources(**parameters: str) -> dict[str, tuple[str, dict[str, Any]]]:
    return {id: (kind, given) for id, kind, given in Resolved(STACK, parameters).resources()}


def test_an_idle_stack_costs_six_dollars() -> None:
    """In an account that has nothing else; at list prices, as the second stage pays them, nine without a dashboard."""
    lines = bill(resources())
    assert 4 < total(lines) <= 6, text(lines)
    without = bill(resources(DashboardShown="false"))
    assert total(without) == pytest.approx(total(lines))
    assert total(without, at_list=True) <= 9, text(without)


def test_the_bill_grows_with_what_it_is_made_of() -> None:
    """An alarm costs what is in it; one over three metrics as much as three."""
    made = resources()
    alarm = {"MetricName": "A", "Namespace": "B", "Dimensions": []}
    one = {**made, "One": ("AWS::CloudWatch::Alarm", alarm)}
    math = {**made, "Math": ("AWS::CloudWatch::Alarm", {"Metrics": [{"MetricStat": {}}] * 3 + [{"Expression": "m1"}]})}
    key = {**made, "Key": ("AWS::KMS::Key", {})}
    added = [round(total(bill(each)) - total(bill(made)), 2) for each in (one, math, key)]
    assert added == [0.10, 0.30, 1.00]


def dashboard() -> list[dict[str, Any]]:
    """The widgets, in the order in which they are seen."""
    (body,) = [given["DashboardBody"] for kind, given in resources().values() if kind == "AWS::CloudWatch::Dashboard"]
    widgets: list[dict[str, Any]] = json.loads(body)["widgets"]
    return sorted(widgets, key=lambda each: (each["y"], each["x"]))


@cache
def emitted() -> set[str]:
    """The texts in capitals that functions and the entry layer have: what they count is among them."""
    found: set[str] = set()
    for path in [*ROOT.glob("functions/*/app.py"), *(ROOT / "layers/core/python/refledger").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch("[A-Z_]+", node.value):
                found.add(node.value)
    return found | {f"LEAD_{name}" for name in found}


def test_money_comes_first() -> None:
    """Then queues, then errors."""
    titles = [each["properties"]["title"] for each in dashboard()]
    assert [re.split(r"[ :]", title)[0] for title in titles[:4]] == ["Owed", "Waiting", "Paid", "Due"]
    assert titles[4].startswith("Queues")
    assert titles[-2:] == ["Faults", "Waits for a person"]


def test_the_dashboard_names_what_somebody_says() -> None:
    """Every metric is counted by our code or is AWS's own, of this stack; and at most 50, as are free."""
    made, count = set(resources()), 0
    for widget in dashboard():
        for metric in widget["properties"]["metrics"]:
            count += 1
            if isinstance(metric[0], dict):
                (name,) = re.findall(r'MetricName="(\w+)"', metric[0]["expression"])
                assert f'service="{STACK}"' in metric[0]["expression"]
                assert name in emitted(), name
                continue
            namespace, name, _, value = metric[:4]
            if namespace == OWN:
                assert (name in emitted(), value) == (True, STACK), name
            else:
                assert name in OF_AWS[namespace], name
                (id,) = re.findall(rf"<{STACK}/(\w+)", value)
                assert id in made
    assert 20 < count <= 50


def test_alarms_look_at_what_somebody_says() -> None:
    """A metric that is not counted any more would never ring."""
    for id, (kind, given) in resources(QuietHours="6").items():
        if kind == "AWS::CloudWatch::Alarm" and given["Namespace"] == OWN:
            assert given["MetricName"] in emitted(), id
        elif kind == "AWS::CloudWatch::Alarm":
            assert given["MetricName"] in OF_AWS[given["Namespace"]], id
