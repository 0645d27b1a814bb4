"""The operations of a DynamoDB client that refledger and its tests use, with their limits and errors."""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from refledger.threads import SIDE_BY_SIDE
from tests.support.memory import expressions
from tests.support.memory.expressions import Given, Request
from tests.support.memory.tables import Key, Table, read_units
from tests.support.memory.values import (
    Attributes,
    Invalid,
    Item,
    NotModelled,
    Unfit,
    read_all,
    write_all,
)

BATCH_GET_LIMIT, BATCH_WRITE_LIMIT, TRANSACTION_LIMIT = 100, 25, 100
TRANSACTION_LIMIT_BYTES = 4 * 1024 * 1024
BATCH_GET_LIMIT_BYTES = 16 * 1024 * 1024
TOKEN_SECONDS = 600
RECORDS_LIMIT = 1000
# Threads of a test are to meet at the table: without a way to it each would be done before the next begins
LATENCY_SECONDS = (0.0005, 0.002)
_random = random.Random()

_CAPACITY = "ReturnConsumedCapacity"
_PLACEHOLDERS = {"ExpressionAttributeNames", "ExpressionAttributeValues"}
_REFUSED = {"ConditionExpression", "ReturnValuesOnConditionCheckFailure", "TableName", *_PLACEHOLDERS}
_READ = {"TableName", "ConsistentRead", "ProjectionExpression", "ExpressionAttributeNames"}
ACTIONS = {
    "Put": {"Item", *_REFUSED},
    "Update": {"Key", "UpdateExpression", *_REFUSED},
    "Delete": {"Key", *_REFUSED},
    "ConditionCheck": {"Key", *_REFUSED},
}
PARAMETERS = {
    "GetItem": {"Key", _CAPACITY, *_READ},
    "BatchGetItem": {"RequestItems", _CAPACITY},
    "Query": {"KeyConditionExpression", "ExpressionAttributeValues", "ScanIndexForward", "IndexName", "Limit",
              "ExclusiveStartKey", _CAPACITY, *_READ},
    "Scan": {"Limit", "ExclusiveStartKey", *_READ},
    "PutItem": {"ReturnValues", _CAPACITY, *ACTIONS["Put"]},
    "UpdateItem": {"ReturnValues", _CAPACITY, *ACTIONS["Update"]},
    "DeleteItem": {"ReturnValues", _CAPACITY, *ACTIONS["Delete"]},
    "TransactWriteItems": {"TransactItems", "ClientRequestToken"},
    "BatchWriteItem": {"RequestItems"},
    "CreateTable": {"TableName", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode",
                    "StreamSpecification"},
    "DeleteTable": {"TableName"},
    "DescribeTable": {"TableName"},
    "ListTables": set(),
}  # fmt: skip
RETURNS = {
    "Put": ("NONE", "ALL_OLD"), "Delete": ("NONE", "ALL_OLD"),
    "Update": ("NONE", "ALL_OLD", "ALL_NEW", "UPDATED_NEW"),
}  # fmt: skip


@dataclass
class Database:
    """Tables by name, under one lock: each call is atomic."""

    tables: dict[str, Table] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    tokens: dict[str, tuple[float, Any]] = field(default_factory=dict)  # until when, and of what request

    def copy(self) -> Database:
        with self.lock:
            return Database({name: table.copy() for name, table in self.tables.items()}, tokens=dict(self.tokens))


@dataclass
class _Write:
    """One action of a request, as far as it is known before its condition is."""

    kind: str
    table: Table
    key: Key
    becomes: Callable[[Item | None], Item | None]
    holds: Callable[[Attributes], bool]
    shows: bool  # the item, if its condition fails
    names: list[str]  # that an update changes

    @property
    def old(self) -> Item | None:
        return self.table.items.get(self.key)

    def refusal(self) -> dict[str, Any] | None:
        """What is said of a condition that fails."""
        old = self.old
        if self.holds(old or {}):
            return None
        return {"Item": write_all(old)} if self.shows and old is not None else {}


class Client:
    """A DynamoDB client of a database of its own. `scheduled`: threads meet at it by a scheduler, and not by time."""

    def __init__(self, database: Database | None = None, *, scheduled: bool = False) -> None:
        self.database, self.scheduled = database or Database(), scheduled

    def copy(self) -> Client:
        """A client of a database that has the same in it, and goes its own way from now on."""
        return Client(self.database.copy())

    # Reads

    def get_item(self, **request: Any) -> dict[str, Any]:
        def get() -> dict[str, Any]:
            table, shown = self._table(request), _projection(request)
            item = table.items.get(table.key(request["Key"]))
            units = read_units(item.bytes if item else 1, strong=request.get("ConsistentRead", False))
            return {**({} if item is None else {"Item": shown(item)}), **_consumed(request, table, units)}

        return self._do("GetItem", request, get)

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        def get() -> dict[str, Any]:
            if sum(len(asked["Keys"]) for asked in request["RequestItems"].values()) > BATCH_GET_LIMIT:
                raise Invalid("Too many items requested for the BatchGetItem call")
            answers: dict[str, list[Any]] = {}
            left: dict[str, Any] = {}
            consumed: list[dict[str, Any]] = []
            room = BATCH_GET_LIMIT_BYTES
            for name, asked in request["RequestItems"].items():
                _check_parameters("BatchGetItem", asked, {"Keys", *_READ} - {"TableName"})
                table, shown = self._table({"TableName": name}), _projection(asked)
                keys = [table.key(key) for key in asked["Keys"]]
                if not keys:
                    raise NotModelled("botocore refuses a batch of no keys")
                if len(set(keys)) < len(keys):
                    raise Invalid("Provided list of item keys contains duplicates")
                answers[name], units = [], 0.0
                for wire, key in zip(asked["Keys"], keys, strict=True):
                    item = table.items.get(key)
                    room -= item.bytes if item is not None else 0
                    if room < 0:
                        left.setdefault(name, {**asked, "Keys": []})["Keys"].append(wire)
                    elif item is not None:
                        answers[name].append(shown(item))
                        units += read_units(item.bytes, strong=asked.get("ConsistentRead", False))
                consumed += _consumed(request, table, units).values()
            return {
                "Responses": answers, "UnprocessedKeys": left, **({"ConsumedCapacity": consumed} if consumed else {}),
            }  # fmt: skip

        return self._do("BatchGetItem", request, get)

    def query(self, **request: Any) -> dict[str, Any]:
        def query() -> dict[str, Any]:
            table, placeholders = self._table(request), Request.of(request)
            index = table.index(request.get("IndexName"))
            wanted = placeholders.use(expressions.key_condition(request["KeyConditionExpression"]))(placeholders.given)
            shown = _projection(request, placeholders, index.projected)
            if index.name and request.get("ConsistentRead"):
                raise Invalid("Consistent reads are not supported on global secondary indexes")
            page = table.query(
                index, wanted, _limit(request), request.get("ExclusiveStartKey"),
                backwards=not request.get("ScanIndexForward", True),
            )  # fmt: skip
            units = read_units(page.bytes, strong=request.get("ConsistentRead", False))
            consumed = (
                _consumed(request, table, 0, {index.name: units}) if index.name else _consumed(request, table, units)
            )
            return {**_answer(page.items, page.last, shown), **consumed}

        return self._do("Query", request, query)

    def scan(self, **request: Any) -> dict[str, Any]:
        def scan() -> dict[str, Any]:
            shown = _projection(request)
            page = self._table(request).scan(_limit(request), request.get("ExclusiveStartKey"))
            return _answer(page.items, page.last, shown)

        return self._do("Scan", request, scan)

    def get_paginator(self, operation: str) -> Paginator:
        if operation not in ("query", "scan"):
            raise NotModelled(f"pages of {operation}")
        return Paginator(getattr(self, operation))

    # Writes

    def put_item(self, **request: Any) -> dict[str, Any]:
        return self._do("PutItem", request, lambda: self._write_one("Put", request))

    def update_item(self, **request: Any) -> dict[str, Any]:
        return self._do("UpdateItem", request, lambda: self._write_one("Update", request))

    def delete_item(self, **request: Any) -> dict[str, Any]:
        return self._do("DeleteItem", request, lambda: self._write_one("Delete", request))

    def transact_write_items(self, **request: Any) -> dict[str, Any]:
        return self._do("TransactWriteItems", request, lambda: self._transact(request))

    def batch_write_item(self, **request: Any) -> dict[str, Any]:
        def put() -> dict[str, Any]:
            asked = [(name, each) for name, many in request["RequestItems"].items() for each in many]
            if len(asked) > BATCH_WRITE_LIMIT:
                raise Invalid("Too many items requested for the BatchWriteItem call")
            writes = []
            for name, each in asked:
                ((kind, given),) = each.items()
                kind = {"PutRequest": "Put", "DeleteRequest": "Delete"}[kind]
                writes.append(self._prepare(kind, {"TableName": name, **given}))
            if len({(write.table.name, write.key) for write in writes}) < len(writes):
                raise Invalid("Provided list of item keys contains duplicates")
            for write in writes:
                write.table.place(write.key, write.becomes(write.old))
            return {"UnprocessedItems": {}}

        return self._do("BatchWriteItem", request, put)

    def _write_one(self, kind: str, request: Mapping[str, Any]) -> dict[str, Any]:
        wanted = request.get("ReturnValues", "NONE")
        if wanted not in RETURNS[kind]:
            if wanted in ("UPDATED_OLD", "UPDATED_NEW", "ALL_NEW") and kind != "Update":
                raise Invalid("Return values set to invalid value")
            raise NotModelled(f"ReturnValues={wanted}")
        write = self._prepare(kind, {n: value for n, value in request.items() if n not in ("ReturnValues", _CAPACITY)})
        old, refusal = write.old, write.refusal()
        if refusal is not None:
            raise _Refused("ConditionalCheckFailedException", "The conditional request failed", **refusal)
        new = write.becomes(old)
        write.table.place(write.key, new)
        consumed = _consumed(request, write.table, *write.table.units(write.key, old))
        match wanted:
            case "ALL_OLD" if old is not None:
                return {"Attributes": write_all(old), **consumed}
            case "ALL_NEW" if new is not None:
                return {"Attributes": write_all(new), **consumed}
            case "UPDATED_NEW" if new is not None:
                changed = {name: new[name] for name in write.names if name in new}
                return {**({"Attributes": write_all(changed)} if changed else {}), **consumed}
        return consumed

    def _transact(self, request: Mapping[str, Any]) -> dict[str, Any]:
        actions = request["TransactItems"]
        if not actions:
            raise NotModelled("botocore refuses a transaction of nothing")
        if len(actions) > TRANSACTION_LIMIT:
            raise Invalid(f"Member must have length less than or equal to {TRANSACTION_LIMIT}")
        if self._repeated(request):
            return {}
        reasons: list[dict[str, Any]] = []
        writes = []
        for action in actions:
            ((kind, given),) = action.items()
            try:
                writes.append(self._prepare(kind, given))
                reasons.append({"Code": "None"})
            except Unfit as problem:
                reasons.append(_unfit(problem))
        if len({(write.table.name, write.key) for write in writes}) < len(writes):
            raise Invalid("Transaction request cannot include multiple operations on one item")
        _raise_if_any(reasons)
        images = []
        for at, write in enumerate(writes):
            refusal = write.refusal()
            try:
                images.append(write.becomes(write.old) if refusal is None else None)
            except Unfit as problem:
                reasons[at] = _unfit(problem)
            if refusal is not None:
                reasons[at] = {
                    "Code": "ConditionalCheckFailed", "Message": "The conditional request failed", **refusal,
                }  # fmt: skip
        _raise_if_any(reasons)
        if sum(image.bytes for image in images if image) > TRANSACTION_LIMIT_BYTES:
            raise Invalid("Transaction payload size cannot exceed 4MB")
        for write, image in zip(writes, images, strict=True):
            if write.kind != "ConditionCheck":
                write.table.place(write.key, image)
        if token := request.get("ClientRequestToken"):
            self.database.tokens[token] = (time.monotonic() + TOKEN_SECONDS, repr(actions))
        return {}

    def _repeated(self, request: Mapping[str, Any]) -> bool:
        """Whether the same was done under the same token lately."""
        until, before = self.database.tokens.get(request.get("ClientRequestToken", ""), (0.0, None))
        if until < time.monotonic():
            return False
        if before != repr(request["TransactItems"]):
            raise _Refused("IdempotentParameterMismatchException", "other parameters under the same token")
        return True

    def _prepare(self, kind: str, given: Mapping[str, Any]) -> _Write:
        """Everything about a write that can be known without its item. Raises Invalid."""
        if kind not in ACTIONS:
            raise NotModelled(kind)
        _check_parameters(kind, given, ACTIONS[kind])
        table, request = self._table(given), Request.of(given)
        condition = given.get("ConditionExpression")
        test = request.use(expressions.condition(condition)) if condition is not None else lambda *_: True
        becomes: Callable[[Item | None], Item | None]
        names: list[str] = []
        if kind == "Put":
            item = Item(read_all(given["Item"]))
            key = table.key_of(item)
            becomes = lambda _: item  # noqa: E731
        else:
            key = table.key(given["Key"])
            becomes = lambda old: None if kind == "Delete" else old  # noqa: E731
        if kind == "Update":
            if "UpdateExpression" not in given:
                raise NotModelled("an update of nothing")
            changes = request.use(expressions.update(given["UpdateExpression"]))
            names = [change.name(request.given) for change in changes]
            start = dict(read_all(given["Key"]))
            becomes = lambda old: _updated(table, start if old is None else old, old, changes, request.given)  # noqa: E731
        request.end()
        if kind == "Put":
            table.check_put(item)
        shows = _shows(given)
        return _Write(kind, table, key, becomes, lambda old: test(old, request.given), shows, names)

    # Tables

    def create_table(self, **request: Any) -> dict[str, Any]:
        def create() -> dict[str, Any]:
            if request["TableName"] in self.database.tables:
                raise _Refused("ResourceInUseException", "Cannot create preexisting table")
            table = self.database.tables[request["TableName"]] = Table(request)
            return {"TableDescription": table.described()}

        return self._do("CreateTable", request, create)

    def delete_table(self, **request: Any) -> dict[str, Any]:
        def delete() -> dict[str, Any]:
            gone = self._table(request)
            del self.database.tables[gone.name]
            return {"TableDescription": gone.described() | {"TableStatus": "DELETING"}}

        return self._do("DeleteTable", request, delete)

    def describe_table(self, **request: Any) -> dict[str, Any]:
        return self._do("DescribeTable", request, lambda: {"Table": self._table(request).described()})

    def list_tables(self, **request: Any) -> dict[str, Any]:
        return self._do("ListTables", request, lambda: {"TableNames": sorted(self.database.tables)})

    def _table(self, request: Mapping[str, Any]) -> Table:
        try:
            return self.database.tables[request["TableName"]]
        except KeyError:
            raise _Refused("ResourceNotFoundException", "Cannot do operations on a non-existent table") from None

    def _do(self, operation: str, request: Mapping[str, Any], does: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        _check_parameters(operation, request, PARAMETERS[operation])
        if not self.scheduled and _may_meet_others():
            time.sleep(_random.uniform(*LATENCY_SECONDS))
        with self.database.lock:
            return _told(operation, does)


class Streams:
    """A client of the streams of the same database: each table's has one shard, and keeps everything."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def list_streams(self, *, TableName: str) -> dict[str, Any]:  # noqa: N803
        tables = [table for table in self.database.tables.values() if table.name == TableName and table.streams]
        return {"Streams": [
            {"StreamArn": f"{table.arn}/stream/{table.label}", "TableName": table.name, "StreamLabel": table.label}
            for table in tables
        ]}  # fmt: skip

    def describe_stream(self, *, StreamArn: str) -> dict[str, Any]:  # noqa: N803
        table = self._table(StreamArn)
        return {"StreamDescription": {
            "StreamArn": StreamArn, "StreamLabel": table.label, "StreamStatus": "ENABLED", "TableName": table.name,
            "StreamViewType": "NEW_AND_OLD_IMAGES", "Shards": [{"ShardId": "shardId-00000000000000000000-00000000"}],
        }}  # fmt: skip

    def get_shard_iterator(
        self, *, StreamArn: str, ShardId: str, ShardIteratorType: str, SequenceNumber: str = "0"  # noqa: N803
    ) -> dict[str, Any]:  # fmt: skip
        begins = {
            "TRIM_HORIZON": 0, "LATEST": len(self._table(StreamArn).changes),
            "AT_SEQUENCE_NUMBER": int(SequenceNumber) - 1, "AFTER_SEQUENCE_NUMBER": int(SequenceNumber),
        }  # fmt: skip
        return {"ShardIterator": f"{StreamArn}|{begins[ShardIteratorType]}"}

    def get_records(self, *, ShardIterator: str, Limit: int = RECORDS_LIMIT) -> dict[str, Any]:  # noqa: N803
        arn, _, at = ShardIterator.rpartition("|")
        with self.database.lock:
            records = self._table(arn).told(int(at), int(at) + Limit)
        return {"Records": records, "NextShardIterator": f"{arn}|{int(at) + len(records)}"}

    def _table(self, arn: str) -> Table:
        named = re.fullmatch(r".*:table/([^/]+)/stream/.+", arn)
        if not named or named[1] not in self.database.tables:
            raise _error("DescribeStream", "ResourceNotFoundException", "Requested resource not found: Stream")
        return self.database.tables[named[1]]


@dataclass(frozen=True)
class Paginator:
    """Pages of an operation, one after the other."""

    operation: Callable[..., dict[str, Any]]

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        answer = self.operation(**request)
        yield answer
        while "LastEvaluatedKey" in answer:
            answer = self.operation(**{**request, "ExclusiveStartKey": answer["LastEvaluatedKey"]})
            yield answer


def _may_meet_others() -> bool:
    """Whether this is one of several threads of a test; those that one call has for its own reads change nothing."""
    thread = threading.current_thread()
    return thread is not threading.main_thread() and not thread.name.startswith(SIDE_BY_SIDE)


class _Refused(Exception):
    """An answer with an error that has a code of its own."""

    def __init__(self, code: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.code, self.more = code, more


def _told(operation: str, does: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `does` answers, or the error as botocore raises it."""
    try:
        return does()
    except _Refused as refused:
        raise _error(operation, refused.code, str(refused), **refused.more) from None
    except Invalid as invalid:
        raise _error(operation, "ValidationException", str(invalid)) from None


def _error(operation: str, code: str, message: str, **more: Any) -> ClientError:
    told = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 400}, **more}
    return ClientError(told, operation)


def _check_parameters(operation: str, request: Mapping[str, Any], expected: set[str]) -> None:
    if unknown := set(request) - expected:
        raise NotModelled(f"{operation} with {', '.join(sorted(unknown))}")


def _limit(request: Mapping[str, Any]) -> int | None:
    limit = request.get("Limit")
    if limit is not None and limit < 1:
        raise NotModelled("botocore refuses a limit below 1")
    return limit


def _projection(
    request: Mapping[str, Any], shared: Request | None = None, projected: frozenset[str] | None = None
) -> Callable[[Attributes], dict[str, Any]]:
    """How items are shown. `shared`: the placeholders of other expressions too; `projected`: what the index has."""
    placeholders = shared or Request.of(request)
    text = request.get("ProjectionExpression")
    names = placeholders.use(expressions.projection(text))(placeholders.given) if text is not None else None
    placeholders.end()
    if names is None:
        return write_all
    if projected is not None and (missing := set(names) - projected):
        raise Invalid(f"Global secondary index does not project {sorted(missing)}")
    return lambda item: write_all({name: item[name] for name in names if name in item})


def _answer(
    items: list[Item], last: dict[str, Any] | None, shown: Callable[[Attributes], dict[str, Any]]
) -> dict[str, Any]:
    more = {"LastEvaluatedKey": last} if last else {}
    return {"Items": list(map(shown, items)), "Count": len(items), "ScannedCount": len(items), **more}


def _consumed(
    request: Mapping[str, Any], table: Table, units: float, indexes: Mapping[str, float] | None = None
) -> dict[str, Any]:
    """What an answer says of capacity. Of transactions nothing: DynamoDB Local says what is not so."""
    total = {"TableName": table.name, "CapacityUnits": float(units + sum((indexes or {}).values()))}
    match request.get(_CAPACITY, "NONE"):
        case "NONE":
            return {}
        case "TOTAL":
            return {"ConsumedCapacity": total}
        case "INDEXES":
            told = {name: {"CapacityUnits": float(each)} for name, each in (indexes or {}).items()}
            parts = {"Table": {"CapacityUnits": float(units)}, **({"GlobalSecondaryIndexes": told} if told else {})}
            return {"ConsumedCapacity": total | parts}
    raise NotModelled(f"{_CAPACITY}={request[_CAPACITY]}")


def _shows(given: Mapping[str, Any]) -> bool:
    wanted = given.get("ReturnValuesOnConditionCheckFailure", "NONE")
    if wanted not in ("NONE", "ALL_OLD"):
        raise NotModelled(f"ReturnValuesOnConditionCheckFailure={wanted}")
    return bool(wanted == "ALL_OLD")


def _updated(
    table: Table, start: Attributes, old: Item | None, changes: Any, given: Given
) -> Item:  # fmt: skip
    """The item after an update; every action sees the item as it was. Raises Unfit."""
    before: Attributes = old or {}
    new = Item(start)
    for change in changes:
        becomes = change.becomes(before, given)
        if becomes is None:
            new.pop(change.name(given), None)
        else:
            new[change.name(given)] = becomes
    table.check_update([change.name(given) for change in changes], new)
    return new


def _unfit(problem: Unfit) -> dict[str, Any]:
    return {"Code": "ValidationError", "Message": str(problem)}


def _raise_if_any(reasons: list[dict[str, Any]]) -> None:
    codes = [reason["Code"] for reason in reasons]
    if set(codes) != {"None"}:
        raise _Refused(
            "TransactionCanceledException",
            f"Transaction cancelled, please refer cancellation reasons for specific reasons [{', '.join(codes)}]",
            CancellationReasons=reasons,
        )
