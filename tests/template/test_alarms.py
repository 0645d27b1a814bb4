"""Whatever stands still rings: parts of the template are stopped, and its alarms are asked what they make of it."""

from __future__ import annotations

import functools
import json
import re
from typing import Any

import pytest

from refledger.store import keys
from refledger.store.attributes import pack
from refledger.store.cursors import HEARD
from tests.support.alarms import Heard, minutes_until, rings
from tests.template.deployed import ALARM, MAPPING, ROOT, SCHEDULE
from tests.template.resolved import Resolved
from undocked.mappings import Filters

STACK, HOURS = "refledger", 12
READERS = {
    "StreamRollupsFunction": "StreamRollupsSilentAlarm",
    "StreamProjectionsFunction": "StreamProjectionsSilentAlarm",
}
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def stack() -> Resolved:
    return Resolved(STACK, {"QuietHours": "6", "StripeReadSecretArn": "stripe-read"})


@functools.cache
def alarms(stack: Resolved) -> dict[str, dict[str, Any]]:
    return {id: properties for id, kind, properties in stack.resources() if kind == ALARM}


def function_of(arn: str) -> str:
    """The logical id in `<stack/Id.Arn>`, or in what an alias of it is called by."""
    found = re.search(r"/(\w+Function)", str(arn))
    assert found, arn
    return found[1]


@functools.cache
def schedules(stack: Resolved) -> list[tuple[str, str, int]]:
    """Logical id of each schedule, what it calls, and every how many minutes."""
    found = []
    for id, kind, properties in stack.resources():
        if kind == SCHEDULE and properties.get("State") != "DISABLED":
            (number,) = re.findall(r"rate\((\d+) minutes?\)", properties["ScheduleExpression"])
            found.append((id, function_of(properties["Target"]["Arn"]), int(number)))
    return found


@functools.cache
def readers(stack: Resolved) -> list[tuple[str, str]]:
    """Logical id of each mapping that lets the item through by which a reader is known to read, and its function."""
    found, item = [], pack({**keys.cursor(HEARD), "at": 1})
    record = {"eventName": "MODIFY", "dynamodb": {"Keys": {name: item[name] for name in ("pk", "sk")}}}
    for id, kind, properties in stack.resources():
        reads = kind == MAPPING and "StartingPosition" in properties and properties.get("Enabled", True)
        if reads and Filters(properties.get("FilterCriteria")).match(record):
            found.append((id, function_of(properties["FunctionName"])))
    return found


def day(stack: Resolved, *stopped: str, at: int = 6 * 60, hours: int = HOURS) -> Heard:
    """What Lambda counts and ticks say from midnight on, of a stack in which something is stopped after six hours."""
    heard = Heard()
    for id, function, every in schedules(stack):
        for minute in range(0, hours * 60, every):
            if id in stopped and minute >= at:
                continue
            heard.put(minute, "AWS/Lambda", "Invocations", {"FunctionName": f"<{STACK}/{function}>"})
            if function == "MaturityFunction":
                heard.put(minute, "refledger", "DUE_BEHIND_MINUTES", {"service": STACK}, 0)
            if function == "VerifierFunction":
                heard.put(minute, "refledger", "VERIFIED_AGE_HOURS", {"service": STACK}, 20)
            if (
                function == "ManifestFunction" and minute % (24 * 60) == 0
            ):  # the ticks of a day but one find it complete
                heard.put(minute, "refledger", "MANIFESTS", {"service": STACK})
            if function == "JobWorkerFunction":  # which writes what the readers meet
                for mapping, reader in readers(stack):
                    if not (mapping in stopped and minute >= at):
                        heard.put(minute, "AWS/Lambda", "Invocations", {"FunctionName": f"<{STACK}/{reader}>"})
    for minute in range(0, hours * 60, 30):
        if not ("payments" in stopped and minute >= at):
            heard.put(minute, "refledger", "TAKEN", {"service": STACK})
    return heard


def ringing(stack: Resolved, heard: Heard, now: int) -> set[str]:
    return {id for id, alarm in alarms(stack).items() if rings(alarm, heard, now)}


def test_nothing_rings_where_all_goes_its_way(stack: Resolved) -> None:
    """Not an hour after the start, and not later."""
    heard = day(stack)
    assert {now: ringing(stack, heard, now) for now in range(6 * 60, HOURS * 60, 7)} == {
        now: set() for now in range(6 * 60, HOURS * 60, 7)
    }


def test_both_readers_are_known_by_what_they_read(stack: Resolved) -> None:
    """The item passes the filters of both mappings of the stream, and there is no third reader."""
    assert {function for _, function in readers(stack)} == set(READERS)
    on_streams = [p for _, kind, p in stack.resources() if kind == MAPPING and "StartingPosition" in p]
    assert len(on_streams) == len(READERS)


@pytest.mark.parametrize("function", READERS)
def test_a_reader_that_is_disabled_rings(stack: Resolved, function: str) -> None:
    """Within a quarter of an hour; of the stream's day all but that is left to find it and enable it again."""
    (mapping,) = [id for id, reader in readers(stack) if reader == function]
    heard = day(stack, mapping)
    assert ringing(stack, heard, 6 * 60 + 16) == {READERS[function]}
    assert ringing(stack, heard, 6 * 60 + 4) == set()


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("SweeperFunction", {"SweeperSilentAlarm"}),
        ("ExpiryFunction", {"ExpirySilentAlarm"}),
        ("ReconciliationFunction", {"ReconciliationSilentAlarm"}),
        ("MaturityFunction", {"DueBehindAlarm"}),
        ("ManifestFunction", {"ManifestMissingAlarm"}),
        ("JobWorkerFunction", set(READERS.values())),
        ("VerifierFunction", {"UnverifiedAlarm"}),
    ],
)
def test_a_schedule_that_is_gone_rings(stack: Resolved, function: str, expected: set[str]) -> None:
    """Whether it was deleted, disabled, or may not call any more; three ticks late, half an hour of the due one, or 36
    hours after the last manifest.
    """
    (id, every) = next((id, every) for id, called, every in schedules(stack) if called == function)
    heard, begun = day(stack, id, hours=40), 6 * 60
    silent = 46 if function == "VerifierFunction" else 31
    limit = 31 * 60 if function == "ManifestFunction" else max(3 * every, silent) + every
    assert ringing(stack, heard, begun + limit) == expected
    assert ringing(stack, heard, begun + every) == set()


def test_every_schedule_is_heard_of(stack: Resolved) -> None:
    """Also one that is added later: without any one of them something rings within 36 hours."""
    for id, function, _ in schedules(stack):
        hours = 38 if function == "ManifestFunction" else HOURS
        assert ringing(stack, day(stack, id, hours=hours), hours * 60 - 1), function


def test_calls_that_are_refused_ring(stack: Resolved) -> None:
    """A hundred in five minutes, by what the access log says of each; a person who hurries rings nobody."""
    (counted,) = [given for _, kind, given in stack.resources() if kind == "AWS::Logs::MetricFilter"]
    assert counted["FilterPattern"] == '{ $.status = "429" }'
    (told,) = counted["MetricTransformations"]
    assert told["Dimensions"] == [{"Key": "service", "Value": "$.service"}]
    (log,) = [given["AccessLogSettings"] for _, kind, given in stack.resources() if kind == "AWS::ApiGatewayV2::Stage"]
    assert json.loads(log["Format"])["service"] == STACK
    for refused, expected in ((90, set[str]()), (101, {"UnexpectedAlarm"})):
        heard = day(stack)
        for _ in range(refused):
            heard.put(
                6 * 60, told["MetricNamespace"], told["MetricName"], {"service": STACK}, float(told["MetricValue"])
            )
        assert ringing(stack, heard, 6 * 60 + 5) == expected


def test_no_payment_for_an_unusual_time_rings(stack: Resolved) -> None:
    """After QuietHours, if the owner has said any."""
    heard = day(stack, "payments", at=5 * 60)
    assert ringing(stack, heard, 10 * 60) == set()
    assert ringing(stack, heard, 11 * 60) == {"NoPaymentsAlarm"}
    assert "NoPaymentsAlarm" not in alarms(Resolved(STACK))


def table(head: str) -> list[list[str]]:
    """The rows of the table of docs/operations.md that begins with a head."""
    lines = OPERATIONS[OPERATIONS.index(head) :].splitlines()[2:]
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def test_the_documents_say_what_rings_and_when(stack: Resolved) -> None:
    """Each alarm is in the table of what can stop, with its minutes, and the table names no other."""
    told: dict[str, str] = {}
    for _, named, minutes in table("| what stops or goes wrong | what rings | after minutes |"):
        for id in re.findall(r"`(\w+)`", named):
            assert id not in told, id
            told[id] = minutes
    real = {id: "QuietHours" if id == "NoPaymentsAlarm" else str(minutes_until(a)) for id, a in alarms(stack).items()}
    assert told == {id.removesuffix("Alarm"): minutes for id, minutes in real.items()}
