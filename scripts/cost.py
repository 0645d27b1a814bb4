"""What a stack costs a month in which nobody calls it: of the transformed template, by scripts/prices.json.

    python scripts/cost.py [Name=value …]      # parameters that are not their defaults

Two sums: at list prices, and less what every account has for nothing for ever, as long as nothing else uses it.
What a tick or a poll needs is assumed as it stands below; the rest is counted.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

PRICES = json.loads((ROOT / "scripts" / "prices.json").read_text(encoding="utf-8"))
MINUTES = 30 * 24 * 60
SECONDS = MINUTES * 60
POLLERS, POLL_SECONDS = 5, 20  # of a queue that is empty, as Lambda's documentation has it
TICK_SECONDS, TICK_GB = 0.15, 0.5
# of an idle stack's tick, on average: tests/benchmarks/test_ticks.py measures it
TICK_READS, TICK_WRITES = 9.9, 0.15
TICK_LOG_BYTES = 800
# own ones that an idle stack says something of
IDLE_METRICS = ("DUE_BEHIND_MINUTES", "MANIFESTS", "VERIFIED_AGE_HOURS")
HOURS_SAID = {"MANIFESTS": 1 / 24}  # a metric is billed by the hours in which it is said


@dataclass(frozen=True)
class Line:
    """One line of the bill, in dollars. `free`: what of it every account has for nothing."""

    what: str
    count: float
    dollars: float
    free: float = 0.0


def bill(resources: Mapping[str, tuple[str, Mapping[str, Any]]]) -> list[Line]:
    """`resources`: type and resolved properties by logical id. Types that cost nothing while idle are left out."""
    prices, free = PRICES["prices"], PRICES["free"]
    alarms = sum(_metrics(given) for given in _of(resources, "AWS::CloudWatch::Alarm"))
    composite = len(list(_of(resources, "AWS::CloudWatch::CompositeAlarm")))
    own = sum(HOURS_SAID.get(name, 1) for name in IDLE_METRICS)
    dashboards = len(list(_of(resources, "AWS::CloudWatch::Dashboard")))
    keys = len(list(_of(resources, "AWS::KMS::Key")))
    secrets = len(list(_of(resources, "AWS::SecretsManager::Secret")))
    queues = sum("StartingPosition" not in given for given in _of(resources, "AWS::Lambda::EventSourceMapping"))
    polls = queues * POLLERS * MINUTES * 60 / POLL_SECONDS
    ticks = sum(MINUTES / _minutes(given) for given in _of(resources, "AWS::Scheduler::Schedule"))
    a_tick = (
        (prices["lambda_million_requests"] + prices["scheduler_million_invocations"]) / 1e6
        + TICK_SECONDS * TICK_GB * prices["lambda_gb_second_arm64"]
        + TICK_LOG_BYTES / 1e9 * prices["logs_gb"]
    )
    its_table = (TICK_READS * prices["dynamodb_million_reads"] + TICK_WRITES * prices["dynamodb_million_writes"]) / 1e6
    snapshots = list(_snapshots(resources))
    return [
        _line("metrics in alarms", alarms, prices["alarm_metric_month"], free["alarm_metrics"]),
        Line("composite alarms", composite, composite * 0.50),
        _line("own metrics that are said while idle", own, prices["custom_metric_month"], free["custom_metrics"]),
        _line("dashboards", dashboards, prices["dashboard_month"], free["dashboards"]),
        _line("KMS keys", keys, prices["kms_key_month"]),
        _line("secrets", secrets, prices["secret_month"]),
        _line("empty polls of queues", polls, prices["sqs_million_requests"] / 1e6, free["sqs_requests"]),
        _line("ticks of schedules: invocations, compute, logs", ticks, a_tick, free["ticks"]),
        _line("ticks of schedules: reads and writes", ticks, its_table),
        Line(
            "snapshots of functions that are kept",
            len(snapshots),
            sum(snapshots) * SECONDS * prices["snapstart_cache_gb_second"],
        ),
    ]


def _snapshots(resources: Mapping[str, tuple[str, Mapping[str, Any]]]) -> Iterator[float]:
    """The GB of each function that begins from one: one version each, for the one before goes with a deployment."""
    for given in _of(resources, "AWS::Lambda::Function"):
        if given.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions":
            yield given["MemorySize"] / 1024


def total(lines: list[Line], *, at_list: bool = False) -> float:
    """Dollars a month."""
    return sum(line.dollars - (0 if at_list else line.free) for line in lines)


def text(lines: list[Line]) -> str:
    rows = ["| what | how many | $ a month, list | of it for nothing |", "|---|---:|---:|---:|"]
    rows += [f"| {each.what} | {each.count:,.0f} | {each.dollars:.2f} | {each.free:.2f} |" for each in lines]
    free = sum(line.free for line in lines)
    return "\n".join([*rows, f"| **{total(lines):.2f} $ to pay** | | {total(lines, at_list=True):.2f} | {free:.2f} |"])


def _line(what: str, count: float, price: float, free: float = 0) -> Line:
    return Line(what, count, count * price, min(count, free) * price)


def _of(resources: Mapping[str, tuple[str, Mapping[str, Any]]], kind: str) -> Iterator[Mapping[str, Any]]:
    return (given for found, given in resources.values() if found == kind)


def _metrics(alarm: Mapping[str, Any]) -> int:
    """An alarm costs what the metrics in it cost."""
    return sum("MetricStat" in each for each in alarm["Metrics"]) if "Metrics" in alarm else 1


def _minutes(schedule: Mapping[str, Any]) -> int:
    """Between two ticks; of a day for anything that is not a rate of minutes."""
    found = re.fullmatch(r"rate\((\d+) minutes?\)", schedule["ScheduleExpression"])
    return int(found[1]) if found else 24 * 60


def main(arguments: list[str]) -> int:
    from tests.template.resolved import Resolved

    given = dict(argument.split("=", 1) for argument in arguments)
    stack = Resolved("refledger", given)
    print(text(bill({id: (kind, properties) for id, kind, properties in stack.resources()})))
    print(f"Prices of {PRICES['region']}, {PRICES['date']} (scripts/prices.json).")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
