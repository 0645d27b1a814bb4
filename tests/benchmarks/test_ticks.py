"""What the bill says that a tick reads and writes is what the handlers do."""

from __future__ import annotations

from decimal import Decimal

import pytest

from benchmarks import ticks
from scripts.cost import TICK_READS, TICK_WRITES
from tests.template.deployed import declared


def test_an_idle_ticks_reads_and_writes_are_those_of_the_bill(dynamodb_endpoint: str) -> None:
    """Not more than it says, and not much less."""
    rru, wru = ticks.measure(dynamodb_endpoint)
    assert Decimal("0.9") * Decimal(str(TICK_READS)) < rru <= Decimal(str(TICK_READS))
    assert wru <= Decimal(str(TICK_WRITES))


@pytest.mark.parametrize(("function", "minutes"), ticks.SCHEDULES.items())
def test_they_come_as_often_as_the_template_says(function: str, minutes: int) -> None:
    """Each of those that are measured."""
    id = "".join(part.capitalize() for part in function.split("_")) + "Function"
    events = declared()["Resources"][id]["Properties"]["Events"].values()
    (rate,) = [e["Properties"]["ScheduleExpression"] for e in events if e["Type"] == "ScheduleV2"]
    assert rate == f"rate({minutes} minute{'s' * (minutes > 1)})"
