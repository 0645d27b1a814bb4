"""What CloudWatch makes of metrics and an alarm: a small evaluator of the template's own definitions."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

MINUTE = 60
Series = tuple[str, str, frozenset[tuple[str, str]]]  # namespace, name, dimensions
STATISTICS: dict[str, Callable[[list[float]], float]] = {"Sum": sum, "Maximum": max, "Minimum": min}


class Heard:
    """Metrics as they came in, `at` in minutes."""

    def __init__(self) -> None:
        self.values: dict[Series, list[tuple[int, float]]] = defaultdict(list)

    def put(self, at: int, namespace: str, name: str, dimensions: Mapping[str, str], value: float = 1) -> None:
        self.values[namespace, name, frozenset(dimensions.items())].append((at, value))

    def put_output(self, at: int, output: str) -> None:
        """What a function wrote: lines in the embedded metric format, and others that are left alone."""
        for line in output.splitlines():
            if '"_aws"' not in line:
                continue
            told = json.loads(line)
            for each in told["_aws"]["CloudWatchMetrics"]:
                dimensions = {name: told[name] for name in each["Dimensions"][0]}
                for metric in each["Metrics"]:
                    value = told[metric["Name"]]
                    for number in value if isinstance(value, list) else [value]:
                        self.put(at, each["Namespace"], metric["Name"], dimensions, number)


def minutes_until(alarm: Mapping[str, Any]) -> int:
    """How long after something begins or ends an alarm rings, as far as its periods say."""
    return int(alarm["Period"]) * int(alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"])) // MINUTE


def rings(alarm: Mapping[str, Any], heard: Heard, now: int) -> bool:
    """Whether an alarm (resolved properties) is in ALARM at a minute."""
    dimensions = frozenset((each["Name"], each["Value"]) for each in alarm["Dimensions"])
    values = heard.values[alarm["Namespace"], alarm["MetricName"], dimensions]
    period, count = int(alarm["Period"]) // MINUTE, int(alarm["EvaluationPeriods"])
    bad = [_breaches(alarm, _in(values, now - period * (back + 1), now - period * back)) for back in range(count)]
    return sum(bad) >= int(alarm.get("DatapointsToAlarm", count))


def _in(values: Iterable[tuple[int, float]], since: int, until: int) -> list[float]:
    return [value for at, value in values if since <= at < until]


def _breaches(alarm: Mapping[str, Any], values: list[float]) -> bool:
    if not values:
        return bool(alarm["TreatMissingData"] == "breaching")
    value, threshold = STATISTICS[alarm["Statistic"]](values), float(alarm["Threshold"])
    if alarm["ComparisonOperator"] == "LessThanThreshold":
        return bool(value < threshold)
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    return bool(value >= threshold)
