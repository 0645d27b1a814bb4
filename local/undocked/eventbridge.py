"""Delivery by ARN, and what moto's EventBridge lacks.

That is: Lambda and Step Functions targets, the state of a rule (moto's disabled rules deliver), attempts, dead letters,
InputPath, and the shape of an event.

An event for a queue is in the queue before PutEvents answers, so that what was accepted outlives a crash;
functions and state machines get theirs in the background, as do second attempts.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import moto.events.models as events_models
from botocore.exceptions import ClientError
from moto.events.utils import EventMessageType, EventTemplateParser

from undocked.errors import StartError
from undocked.replacing import replace
from undocked.template import Template

DELIVERY_ATTEMPTS = 3
DELIVERED = ("events", "lambda", "sns", "sqs", "states")
FIELDS = ("version", "id", "detail-type", "source", "account", "time", "region", "resources", "replay-name", "detail")
log = logging.getLogger("undocked.eventbridge")


def create_archives(template: Template, client: Any) -> None:
    """Make the archives of the template: moto keeps in memory what comes on their buses, until it ends.

    A replay sends all that an archive has, whatever time it names.
    """
    for resource in template.of_type("AWS::Events::Archive"):
        given = template.properties(resource)
        name = template.name(resource, "ArchiveName")
        pattern = {"EventPattern": json.dumps(given["EventPattern"])} if "EventPattern" in given else {}
        made = client.create_archive(ArchiveName=name, EventSourceArn=given["SourceArn"], **pattern)
        template.provide(resource.logical_id, name, Arn=made["ArchiveArn"], ArchiveName=name)


def check_targets(template: Template) -> None:
    """Raise StartError for a rule's target that nothing is delivered to here."""
    for resource in template.of_type("AWS::Events::Rule"):
        for target in template.properties(resource).get("Targets", []):
            check_target(str(target["Arn"]), f"{resource.logical_id}: Targets")


def check_target(arn: str, where: str) -> None:
    """Raise StartError, beginning with `where`, for an ARN that nothing is delivered to here."""
    parts = arn.split(":")
    if len(parts) < 6 or parts[2] not in DELIVERED:
        raise StartError(f"{where}: nothing is delivered to {arn} here, only to sqs, sns, lambda, states and events")


class EventBridge:
    """Takes over where a rule has matched; also sends for schedules and failure destinations."""

    def __init__(self, client: Callable[[str], Any], invoke_async: Callable[[str, bytes], None]) -> None:
        self._client, self._invoke_async = client, invoke_async
        self._pool = ThreadPoolExecutor(8, "deliver")
        route = lambda rule, event, transform_input=True: self._route(rule, event)  # noqa: E731
        replace(events_models.Rule, "send_to_targets", route)
        bus: Any = events_models.EventBus
        bus.physical_resource_id = property(lambda bus: bus.name)  # what Ref gives; moto's has none

    def deliver(self, arn: str, body: str, sqs: dict[str, str] | None = None) -> None:
        """Send a body to a queue, topic, function, state machine, bus or bucket by its ARN.

        Raises what the service raises. `sqs`: MessageGroupId for a FIFO queue.
        """
        service, name = arn.split(":")[2], arn.split(":")[-1]
        if service == "sqs":
            queue = self._client("sqs").get_queue_url(QueueName=name)["QueueUrl"]
            self._client("sqs").send_message(QueueUrl=queue, MessageBody=body, **(sqs or {}))
        elif service == "sns":
            self._client("sns").publish(TopicArn=arn, Message=body)
        elif service == "lambda":
            self._invoke_async(arn, body.encode())
        elif service == "s3":
            moment = time.strftime("%Y/%m/%d/%Y-%m-%dT%H.%M.%S", time.gmtime())
            self._client("s3").put_object(Bucket=name, Key=f"aws/lambda/{moment}-{uuid.uuid4()}", Body=body.encode())
        elif service == "states":
            self._client("stepfunctions").start_execution(stateMachineArn=arn, input=body)
        elif service == "events":
            event = json.loads(body)
            entry = {
                "Source": event["source"],
                "DetailType": event["detail-type"],
                "Detail": json.dumps(event["detail"]),
            }
            self._client("events").put_events(Entries=[{**entry, "EventBusName": name.split("/")[-1]}])
        else:
            raise ValueError(f"no local delivery to {arn}")

    def deliver_with_retries(self, target: dict[str, Any], body: str, first_attempt: int = 1) -> None:
        """Deliver to a target of a rule or schedule.

        Its dead-letter queue gets what a few attempts cannot deliver.
        """
        for attempt in range(first_attempt, DELIVERY_ATTEMPTS + 1):
            if self._try(target, body, attempt):
                return
            time.sleep(0.1 * attempt)
        if dead_letters := target.get("DeadLetterConfig", {}).get("Arn"):
            self.deliver(dead_letters, body)

    def _try(self, target: dict[str, Any], body: str, attempt: int) -> bool:
        try:
            self.deliver(target["Arn"], body, target.get("SqsParameters"))
        except (ClientError, KeyError, ValueError) as error:
            log.warning("delivery to %s failed (%d of %d): %s", target["Arn"], attempt, DELIVERY_ATTEMPTS, error)
            return False
        return True

    def _route(self, rule: Any, event: dict[str, Any]) -> None:
        """EventBridge's part after the match.

        Moto asks every rule of a bus: also disabled and schedule-only ones.
        """
        if (
            rule.state != "ENABLED"
            or not rule.event_pattern.get_pattern()
            or not rule.event_pattern.matches_event(event)
        ):
            return
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(float(event["time"])))
        whole = {**event, "time": moment, "version": "0"}
        for target in rule.targets:
            if target["Arn"].endswith(":::"):  # moto's rule that feeds an archive
                backend = events_models.events_backends[rule.account_id][rule.region_name]
                backend.archives[rule.name.removeprefix("Events-Archive-")].events.append(
                    cast(EventMessageType, {**event})
                )
                continue
            body = _target_input(target, {key: whole[key] for key in FIELDS if key in whole}, event)
            in_background = target["Arn"].split(":")[2] != "sqs"
            if in_background or not self._try(target, body, 1):
                self._pool.submit(self.deliver_with_retries, target, body, 1 if in_background else 2)


def _target_input(target: dict[str, Any], event: dict[str, Any], raw: dict[str, Any]) -> str:
    """What a target receives: its constant, a part, a transformation, or the event."""
    if "Input" in target:
        return str(target["Input"])
    if path := target.get("InputPath"):
        part: Any = event
        for key in path.removeprefix("$").strip(".").split("."):
            part = part[key] if key else part
        return json.dumps(part)
    if transformer := target.get("InputTransformer"):
        template, values = transformer.get("InputTemplate"), transformer.get("InputPathsMap", {})
        return json.dumps(EventTemplateParser.parse(template, values, cast(EventMessageType, {**raw, **event})))
    return json.dumps(event)
