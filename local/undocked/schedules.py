"""Schedules of EventBridge rules and of EventBridge Scheduler, each with a timer of its own.

They differ in one thing: a rate() of Scheduler without a start date fires when it is made and then every
period (https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html), a rate() of a rule after
its first period.
"""

from __future__ import annotations

import json
import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from undocked.errors import StartError
from undocked.eventbridge import check_target
from undocked.schedule_times import next_time, period
from undocked.template import Template

Send = Callable[[dict[str, Any], str], None]  # (target, body)
log = logging.getLogger("undocked.schedules")


@dataclass(frozen=True)
class Schedule:
    """When, to whom, and with what."""

    name: str
    expression: str
    target: dict[str, Any]
    body: str
    zone: str = "UTC"
    at_once: bool = False  # a rate fires at its start too
    begin: datetime | None = None
    end: datetime | None = None


def find_schedules(template: Template) -> list[Schedule]:
    """All enabled schedules of a template.

    Raises StartError for an expression, zone or target that is not understood.
    """
    schedules = [*_of_rules(template), *_of_scheduler(template)]
    for schedule in schedules:
        check_target(str(schedule.target["Arn"]), f"{schedule.name}: Target")
        try:
            next_time(schedule.expression, datetime.now(ZoneInfo(schedule.zone)))
        except (ValueError, ZoneInfoNotFoundError) as error:
            raise StartError(f"{schedule.name}: ScheduleExpression {schedule.expression}: {error}") from None
    return schedules


def _of_rules(template: Template) -> Iterator[Schedule]:
    for resource in template.of_type("AWS::Events::Rule"):
        rule = template.properties(resource)
        if "ScheduleExpression" in rule and rule.get("State", "ENABLED") == "ENABLED":
            event = {
                "version": "0",
                "id": "",
                "detail-type": "Scheduled Event",
                "source": "aws.events",
                "account": template.account,
                "time": "",
                "region": template.region,
                "resources": [template.arn("events", f"rule/{rule['Name']}")],
                "detail": {},
            }
            for target in rule.get("Targets", []):
                yield Schedule(
                    rule["Name"], rule["ScheduleExpression"], target, target.get("Input") or json.dumps(event)
                )


def _of_scheduler(template: Template) -> Iterator[Schedule]:
    for resource in template.of_type("AWS::Scheduler::Schedule"):
        given = template.properties(resource)
        if given.get("State", "ENABLED") != "ENABLED":
            continue
        begin, end = (_moment(given.get(key), resource.logical_id) for key in ("StartDate", "EndDate"))
        yield Schedule(
            name=given.get("Name", resource.logical_id),
            expression=given["ScheduleExpression"],
            target=given["Target"],
            body=given["Target"].get("Input", "{}"),
            zone=given.get("ScheduleExpressionTimezone", "UTC"),
            at_once=True,
            begin=begin,
            end=end,
        )


def _moment(value: Any, where: str) -> datetime | None:
    if value is None:
        return None
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        raise StartError(f"{where}: {value} is not a date") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class Scheduler:
    """One timer thread for each schedule."""

    name = "schedules"

    def __init__(self, send: Send, schedules: list[Schedule]) -> None:
        self._send, self.schedules = send, schedules
        self.stopping = threading.Event()

    def start(self) -> None:
        """Begin to count; what is due at once is sent at once."""
        for schedule in self.schedules:
            threading.Thread(target=self._loop, args=(schedule,), name=f"schedule-{schedule.name}", daemon=True).start()

    def _loop(self, schedule: Schedule) -> None:
        for due in due_times(schedule, lambda: datetime.now(ZoneInfo(schedule.zone))):
            if self.stopping.wait(max(0.0, (due - datetime.now(UTC)).total_seconds())):
                return
            try:
                self.fire(schedule)
            except Exception:  # the next time may go better
                log.exception("schedule %s", schedule.name)

    def fire(self, schedule: Schedule) -> None:
        """Deliver now, whatever the clock says."""
        body: Any = json.loads(schedule.body)
        if isinstance(body, dict) and body.get("detail-type") == "Scheduled Event":
            body |= {"id": str(uuid.uuid4()), "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
        self._send(schedule.target, json.dumps(body))


def due_times(schedule: Schedule, clock: Callable[[], datetime]) -> Iterator[datetime]:
    """The moments at which a schedule fires from now on; `clock` gives the time in the schedule's zone."""
    every, now = period(schedule.expression), clock()
    due: datetime | None
    if every:
        due = max(schedule.begin, now) if schedule.begin else now if schedule.at_once else now + every
    else:
        due = next_time(schedule.expression, max(schedule.begin, now) if schedule.begin else now)
    while due and not (schedule.end and due > schedule.end):
        yield due
        due = due + _periods(every, clock() - due) if every else next_time(schedule.expression, max(clock(), due))


def _periods(every: timedelta, late: timedelta) -> timedelta:
    """One period, or as many as it takes to be in the future again: what was missed is not made up."""
    return every * max(1, -(-late // every))
