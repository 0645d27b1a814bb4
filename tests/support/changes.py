"""The table's stream, as Lambda would hand it to the function that follows it."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from refledger.domain.audit import AuditEntry
from refledger.operations import notices
from refledger.operations.context import Context
from refledger.operations.partners import search_projection
from refledger.operations.proof import audit_projection
from refledger.operations.referring import progress_projection
from refledger.store import audit, keys, stream
from refledger.store.stream import Record
from tests.support.books import Books
from tests.support.streams import Told

Json = dict[str, Any]


class Tail(Told):
    """The same in Lambda's shape."""

    def new(self) -> list[Json]:
        """Those that nobody was given yet."""
        return list(map(_as_lambda_tells, self.told()))


def batches(records: list[Json], wanted: frozenset[str], size: int = 100) -> Iterator[Json]:
    """Events of up to `size` records whose partition begins with one of the wanted kinds."""
    kept = [each for each in records if each["dynamodb"]["Keys"]["pk"]["S"].split("#")[0] in wanted]
    for start in range(0, len(kept), size):
        yield {"Records": kept[start : start + size]}


def _as_lambda_tells(record: Json) -> Json:
    """Moments as numbers, bytes as base64."""
    told = dict(record["dynamodb"])
    told["ApproximateCreationDateTime"] = told["ApproximateCreationDateTime"].timestamp()
    for image in ("OldImage", "NewImage"):
        if image in told:
            told[image] = {name: _text(value) for name, value in told[image].items()}
    return {"eventName": record["eventName"], "dynamodb": told}


def _text(value: Json) -> Json:
    return {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value


class EventsClient:
    """EventBridge's PutEvents; refuses the entries of these numbers."""

    def __init__(self, *refused: int) -> None:
        self.calls: list[list[dict[str, Any]]] = []
        self._refused = refused

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 the SDK's word
        before = sum(map(len, self.calls))
        self.calls.append(Entries)
        bad = [before + place in self._refused for place in range(len(Entries))]
        told = [{"ErrorCode": "ThrottlingException", "ErrorMessage": "slow"} if no else {"EventId": "1"} for no in bad]
        return {"FailedEntryCount": sum(bad), "Entries": told}


@dataclass
class Bus:
    """Takes events, or refuses them."""

    told: list[tuple[str, Json]] = field(default_factory=list)
    down: bool = False

    def put(self, events: Sequence[tuple[str, Json]]) -> None:
        if self.down:
            raise RuntimeError("the bus is down")
        self.told += events


@dataclass
class Follower:
    """Follows the stream of a test's books, as the function does."""

    books: Books
    bus: Bus = field(default_factory=Bus)
    to_all: bool = False

    def __post_init__(self) -> None:
        self._tail = Tail(self.books.client, self.books.table_name)

    def records(self) -> list[Record]:
        """What is new in the stream."""
        return [stream.record(told) for told in self._tail.new()]

    def follow(self, records: list[Record] | None = None, context: Context | None = None) -> list[Record]:
        """All that is new, or these; returns what was followed."""
        context, records = context or self.books.context, self.records() if records is None else records
        audit_projection.write_down(context, records)
        progress_projection.follow(context, records)
        search_projection.follow(context, records)
        notices.send(context, self.bus, records, to_all=self.to_all)
        return records

    def catch_up(self) -> None:
        """Until nothing is new, what it wrote itself as well."""
        while self.follow():
            pass

    def of(self, entity: str) -> list[AuditEntry]:
        """What is told of an entity, oldest first."""
        found = audit.of_entity(self.books.table, entity, "", keys.LOWEST, keys.HIGHEST, 100)
        return [entry for _, entry in found][::-1]
