"""Event source mappings as the template has them, and what a function's answer means for its batch."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from moto.events.models import EventPattern

from undocked.errors import StartError
from undocked.functions import Outcome, function_name
from undocked.template import Template

Invoke = Callable[[str, bytes], Outcome]
Deliver = Callable[[str, str], None]  # (destination ARN, body)
SOURCES = {"sqs": 10, "dynamodb": 100}  # service: default batch size
LARGEST_UNWAITED_BATCH = 10


class Filters:
    """FilterCriteria of a mapping; a record passes when any pattern matches it."""

    def __init__(self, criteria: dict[str, Any] | None) -> None:
        self._patterns = [EventPattern.load(entry["Pattern"]) for entry in (criteria or {}).get("Filters", [])]

    def match(self, record: dict[str, Any]) -> bool:
        """Whether the function is to see the record."""
        return not self._patterns or any(pattern.matches_event(cast(Any, record)) for pattern in self._patterns)


@dataclass(frozen=True)
class Mapping:
    """One enabled event source mapping. Times in seconds; -1 means without end, as in the template."""

    id: str
    function: str
    function_arn: str
    source_arn: str
    region: str
    batch_size: int
    batching_window_seconds: float
    filters: Filters
    reports_failures: bool
    max_concurrency: int | None
    bisect: bool
    max_retries: int
    max_age_seconds: int
    on_failure: str | None
    starting_position: str
    tumbling_seconds: int

    @property
    def service(self) -> str:
        """ "sqs" or "dynamodb"."""
        return self.source_arn.split(":")[2]


def read_mappings(template: Template) -> Iterator[Mapping]:
    """The enabled mappings. Raises StartError for a source that is not polled here."""
    for resource in template.of_type("AWS::Lambda::EventSourceMapping"):
        given, where = template.properties(resource), resource.logical_id
        source = str(given["EventSourceArn"])
        service = source.split(":")[2] if source.startswith("arn:") else source
        if service not in SOURCES:
            raise StartError(f"{where}: EventSourceArn: {service} is not polled here, only queues and table streams")
        if str(given.get("Enabled", True)).lower() == "false":
            continue
        batch_size, window = (
            int(given.get("BatchSize", SOURCES[service])),
            float(given.get("MaximumBatchingWindowInSeconds", 0)),
        )
        if service == "sqs" and batch_size > LARGEST_UNWAITED_BATCH and not window:
            raise StartError(f"{where}: BatchSize: above 10 AWS wants MaximumBatchingWindowInSeconds of at least 1")
        try:
            filters = Filters(given.get("FilterCriteria"))
        except Exception as error:  # moto's own errors have no common class
            raise StartError(f"{where}: FilterCriteria: {error}") from None
        name = function_name(str(given["FunctionName"]))
        concurrency = given.get("ScalingConfig", {}).get("MaximumConcurrency")
        yield Mapping(
            id=where,
            function=name,
            function_arn=template.arn("lambda", f"function:{name}"),
            source_arn=source,
            region=template.region,
            batch_size=batch_size,
            batching_window_seconds=window,
            filters=filters,
            reports_failures="ReportBatchItemFailures" in given.get("FunctionResponseTypes", []),
            max_concurrency=int(concurrency) if concurrency is not None else None,
            bisect=str(given.get("BisectBatchOnFunctionError", False)).lower() == "true",
            max_retries=int(given.get("MaximumRetryAttempts", -1)),
            max_age_seconds=int(given.get("MaximumRecordAgeInSeconds", -1)),
            on_failure=given.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination"),
            starting_position=str(given.get("StartingPosition", "TRIM_HORIZON")),
            tumbling_seconds=int(given.get("TumblingWindowInSeconds", 0)),
        )


def uuid_of(logical_id: str) -> str:
    """What Lambda would call a mapping; the same in every run."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, logical_id))


class Switches:
    """As much of Lambda's API of mappings as switches one on and off, until the stack ends.

    https://docs.aws.amazon.com/lambda/latest/api/API_UpdateEventSourceMapping.html
    """

    def __init__(self) -> None:
        self._off: dict[str, tuple[Mapping, threading.Event]] = {}

    def add(self, mapping: Mapping, off: threading.Event) -> None:
        """`off` is set while the mapping is disabled."""
        self._off[uuid_of(mapping.id)] = mapping, off

    def handle(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """GET and PUT of /2015-03-31/event-source-mappings/{id}."""
        id = path.rsplit("/", 1)[-1]
        if id not in self._off:
            error = {"Type": "User", "Message": f"there is no event source mapping {id}"}
            return 404, {"x-amzn-ErrorType": "ResourceNotFoundException"}, json.dumps(error).encode()
        mapping, off = self._off[id]
        if method == "PUT" and (wanted := json.loads(body).get("Enabled")) is not None:
            (off.clear if wanted else off.set)()
        told = {
            "UUID": id, "EventSourceArn": mapping.source_arn, "FunctionArn": mapping.function_arn,
            "State": "Disabled" if off.is_set() else "Enabled",
        }  # fmt: skip
        return 200, {"Content-Type": "application/json"}, json.dumps(told).encode()


def failed_items(outcome: Outcome, reports_failures: bool, known: set[str]) -> set[str] | None:
    """Identifiers that the function reports as failed; None when the whole batch failed.

    An error, an unreadable report, an empty or unknown identifier all fail the batch:
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    if outcome.error:
        return None
    if not reports_failures:
        return set()
    answer = json.loads(outcome.payload or b"null")
    if answer is None:
        return set()
    if not isinstance(answer, dict):
        return None
    failures = answer.get("batchItemFailures") or []
    if not isinstance(failures, list):
        return None
    identifiers = {str(item.get("itemIdentifier") or "") if isinstance(item, dict) else "" for item in failures}
    return identifiers if identifiers <= known else None
