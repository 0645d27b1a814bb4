"""The table in memory against DynamoDB Local: the same requests, the same answers, errors, items, indexes and stream.

MEMORY_HISTORIES=2000 tries more of them (`make simulate` does), MEMORY_FIRST=17 begins at another seed. Where the two
may differ is written down in `outcome` and in the tests at the end.
"""

from __future__ import annotations

import copy
import json
import os
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support import dynamodb
from tests.support.memory.client import Client
from tests.support.memory.expressions import reserved_words
from tests.support.memory.values import NotModelled
from tests.support.streams import Told

TABLE = "refledger"
HISTORIES = int(os.environ.get("MEMORY_HISTORIES", "24"))
FIRST = int(os.environ.get("MEMORY_FIRST", "0"))
MANY = 100  # histories, of a run that may take longer
STEPS = 60
NAMES = ("n", "m", "state", "text", "items", "map", "status", "ttl", "rewards")
TEXTS = ("", "a", "b", "ab", "é", "\U0001f600", "\uffee", "z" * 40)
INDEXES = {"listed": ("listed_in", "listed_at"), "waiting": ("waits_in", "waits_at")}
LIST, WORK = {"IndexName": "listed"}, {"IndexName": "waiting"}
SIGNS = ("=", "<>", "<", "<=", ">", ">=")
Wire = dict[str, Any]


def s(text: str) -> Wire:
    return {"S": text}


def n(number: int) -> Wire:
    return {"N": str(number)}


def outcome(call: Callable[[], Any]) -> Any:
    """What was answered, so that it can be compared.

    A transaction with an update that its item does not allow is TransactionCanceledException at the service (API
    reference, TransactWriteItems) and here, and ValidationException at DynamoDB Local; messages are nobody's business.
    """
    try:
        answer = call()
    except ClientError as error:
        code, reasons = error.response["Error"]["Code"], error.response.get("CancellationReasons", [])
        if code == "ValidationException" or any(reason["Code"] == "ValidationError" for reason in reasons):
            return "invalid"
        return code, error.response.get("Item"), [(each["Code"], each.get("Item")) for each in reasons]
    told = {name: value for name, value in answer.items() if name != "ResponseMetadata"}
    if "Responses" in told:  # in no order
        told["Responses"] = {name: sorted(items, key=ordered_text) for name, items in told["Responses"].items()}
    return told


def ordered_text(item: Wire) -> str:
    return json.dumps(item, sort_keys=True, default=repr)


def key_of(action: Wire) -> Wire:
    """What an action of a transaction is about."""
    return action.get("Key") or {name: action["Item"][name] for name in ("pk", "sk") if name in action["Item"]}


@dataclass
class Both:
    """The two of them, with one table each."""

    local: Any
    memory: Client

    def same(self, operation: str, **request: Any) -> Any:
        """One request to both. Fails where they do not agree."""
        before = copy.deepcopy(request)
        local = outcome(lambda: getattr(self.local, operation)(**request))
        memory = outcome(lambda: getattr(self.memory, operation)(**request))
        if isinstance(local, dict) and request.get("ReturnConsumedCapacity", "NONE") == "NONE":
            local.pop("ConsumedCapacity", None)  # which DynamoDB Local tells of deletes without being asked
        if operation != "query" or not self._end_alike(request, local, memory):
            assert memory == local, f"{operation}: {request}"
        assert request == before, "the request is its caller's"
        return local

    def _end_alike(self, request: Wire, local: Any, memory: Any) -> bool:
        """Whether they differ only in how a range ends, of which the service says nothing: with its last possible key.

        DynamoDB Local does not tell to go on after it, and refuses to. In memory, as at any limit, one may go on, and
        there is nothing more.
        """
        if local == "invalid" and "ExclusiveStartKey" in request and memory != "invalid":
            return self._is_last(request) and not memory["Items"]
        if "LastEvaluatedKey" not in memory or "LastEvaluatedKey" in local:
            return False
        more = {**request, "ExclusiveStartKey": memory.pop("LastEvaluatedKey")}
        return bool(memory == local and self._is_last(more) and not self.memory.query(**more)["Items"])

    def _is_last(self, request: Wire) -> bool:
        """Whether a query is to go on after an edge of its own range."""
        key, values = request["ExclusiveStartKey"], request["ExpressionAttributeValues"]
        sort = next(name for name in ("listed_at", "waits_at", "sk") if name in key)
        return key[sort] in (values.get(":low"), values.get(":high"))

    def write(self, operation: str, **request: Any) -> Any:
        return self.same(operation, TableName=TABLE, **request)

    def pages(self, **request: Any) -> list[Wire]:
        """A query to its end."""
        items: list[Wire] = []
        while True:
            answer = self.same("query", TableName=TABLE, **request)
            items += answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return items
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


@pytest.fixture(scope="module")
def both(dynamodb_endpoint: str) -> Both:
    return Both(dynamodb.new_database(dynamodb_endpoint), dynamodb.in_memory())


@dataclass
class Draw:
    """Random requests about a few items: `prefix` begins all their partitions, in the table and in the indexes."""

    random: random.Random
    prefix: str
    names: dict[str, str] = field(default_factory=dict)
    values: Wire = field(default_factory=dict)
    literals: int = 0

    def chance(self, percent: float) -> bool:
        return self.random.random() * 100 < percent

    def key(self) -> Wire:
        partition, sort = self.random.choice("abc"), self.random.choice(("1", "10", "2", "é", "\U0001f600", "\uffee"))
        if self.chance(0.5):
            return self.random.choice([{"pk": s("")}, {"pk": s("x"), "sk": s("")}, {"pk": s("x"), "sk": n(1)}])
        return {"pk": s(f"{self.prefix}{partition}"), "sk": s(sort)}

    def value(self, depth: int = 2) -> Wire:
        kind = self.random.choice(("S", "S", "N", "N", "N", "BOOL", "NULL", "B", *("LM" if depth else "")))
        match kind:
            case "S":
                return s(self.random.choice(TEXTS))
            case "N":
                return n(self.random.choice((-10, -1, 0, 1, 2, 10, 10**18, 10**37 - 1)))
            case "BOOL":
                return {"BOOL": self.chance(50)}
            case "NULL":
                return {"NULL": True}
            case "B":
                return {"B": self.random.choice((b"", b"a", b"\xff"))}
            case "L":
                return {"L": [self.value(depth - 1) for _ in range(self.random.randrange(3))]}
        return {"M": {self.random.choice(NAMES): self.value(depth - 1) for _ in range(self.random.randrange(3))}}

    def index_values(self, key: Wire) -> Wire:
        """Keys of the indexes, some of them; no two items have the same ones: their order would be nobody's."""
        made: Wire = {}
        for partition, sort in INDEXES.values():
            if self.chance(60):
                made[partition] = s(f"{self.prefix}{self.random.choice('xy')}")
            if self.chance(60):
                made[sort] = s(self.random.choice(("a", "é", "\U0001f600", "\uffee")) + ordered_text(key))
        return made

    def item(self) -> Wire:
        key = self.key()
        plain = {name: self.value() for name in self.random.sample(NAMES, self.random.randrange(4))}
        item = {**plain, **self.index_values(key), **key}
        if self.chance(1):
            item["listed_in"] = self.random.choice((n(1), s("")))
        return item

    # Expressions

    def name(self) -> str:
        name = self.random.choice(("pk", "listed_in", *NAMES) if self.chance(10) else NAMES)
        if name not in ("status", "ttl", "state", "text", "items", "map") and self.chance(50):
            return name
        if self.chance(0.3):
            return name.upper()
        self.names[f"#{name}"] = name
        return f"#{name}"

    def literal(self, value: Wire | None = None) -> str:
        self.literals += 1
        token = f":v{self.literals}"
        self.values[token] = value or self.value()
        return token

    def ordered(self) -> Wire:
        return self.random.choice((s("a"), s("b"), n(0), n(5), {"B": b"a"}))

    def condition(self, depth: int = 2) -> str:
        kind = self.random.randrange(10 if depth else 7)
        match kind:
            case 0:
                return f"attribute_exists({self.name()})"
            case 1:
                return f"attribute_not_exists({self.name()})"
            case 2:
                low, high = sorted((self.random.randrange(9), self.random.randrange(9)), reverse=self.chance(3))
                return f"{self.operand()} BETWEEN {self.literal(n(low))} AND {self.literal(n(high))}"
            case 3:
                return f"{self.operand()} IN ({', '.join(self.literal() for _ in range(self.random.randrange(1, 4)))})"
            case 4 | 5 | 6:
                sign = self.random.choice(SIGNS)
                ordered = sign not in ("=", "<>")
                value = self.ordered() if ordered and not self.chance(3) else None
                other = self.operand() if not ordered and self.chance(20) else self.literal(value)
                return f"{self.operand()} {sign} {other}"
            case 7:
                return f"NOT {self.condition(0)}"
            case 8:
                return f"({self.condition(depth - 1)})"
        word = self.random.choice(("AND", "OR", "and"))
        return f"{self.condition(depth - 1)} {word} {self.condition(depth - 1)}"

    def operand(self) -> str:
        return f"size({self.name()})" if self.chance(15) else self.name()

    def change(self, key: Wire) -> str:
        names = self.random.sample(NAMES, 4)
        if self.chance(1):
            names[0] = self.random.choice(("pk", names[1]))
        tokens = []
        for name in names:
            self.names[f"#{name}"] = name
            tokens.append(f"#{name}")
        sections = {
            "SET": [f"{tokens[0]} = {self.becomes()}"],
            "REMOVE": [tokens[1]],
            "ADD": [f"{tokens[2]} {self.literal(n(self.random.randrange(-3, 4)) if not self.chance(2) else None)}"],
        }
        if self.chance(40):
            for name, value in self.index_values(key).items():
                sections["SET"].append(f"{name} = {self.literal(value)}")
        if self.chance(10):
            sections["REMOVE"].append("listed_in" if "listed_in" not in str(sections["SET"]) else "zzz")
        if self.chance(50):
            sections["SET"].append(f"{tokens[3]} = {self.becomes()}")
        else:
            sections["REMOVE"].append(tokens[3])
        words = self.random.sample(sorted(sections), self.random.randrange(1, 4))
        change = " ".join(f"{word} {', '.join(sections[word])}" for word in words)
        self.names = {token: name for token, name in self.names.items() if f"{token}" in _words(change)}
        self.values = {token: value for token, value in self.values.items() if token in _words(change)}
        return change

    def becomes(self) -> str:
        kind, number = self.random.randrange(8), self.literal(n(self.random.randrange(-3, 4)))
        name = self.random.choice(("n", "m"))
        match kind:
            case 0:
                return f"if_not_exists({name}, {number}) {self.random.choice('+-')} {number}"
            case 1:
                return f"{name} + {number}"
            case 2:
                return f"if_not_exists(rewards, {number})"
            case 3:
                return f"{number} - if_not_exists({name}, {number})"
        return self.literal()

    def expressions(self, *, condition: float, change: Wire | None = None) -> Wire:
        """A condition with some chance, an update of `change`, placeholders, and now and then a mistake."""
        self.names, self.values = {}, {}
        made: Wire = {}
        if change is not None:
            made["UpdateExpression"] = self.change(change)
        if self.chance(condition):
            made["ConditionExpression"] = self.condition()
            if self.chance(50):
                made["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        if made and self.chance(1):
            self.names["#unused"] = "unused"
        if made and self.chance(1):
            self.values[":unused"] = n(1)
        if self.values and self.chance(1):
            self.values.popitem()
        if self.names and self.chance(1):
            self.names.popitem()
        if "ConditionExpression" in made and self.chance(2):
            text = made["ConditionExpression"]
            made["ConditionExpression"] = self.random.choice((f"(({text}))", f"({text}", f"{text})", f"{text} AND", ""))
        return {
            **made,
            **({"ExpressionAttributeNames": self.names} if self.names else {}),
            **({"ExpressionAttributeValues": self.values} if self.values else {}),
        }

    # Requests

    def action(self) -> tuple[str, Wire]:
        kind = self.random.choice(("Put", "Put", "Update", "Update", "Update", "Delete", "ConditionCheck"))
        key = self.key()
        match kind:
            case "Put":
                return kind, {"Item": self.item(), **self.expressions(condition=50)}
            case "Update":
                return kind, {"Key": key, **self.expressions(condition=50, change=key)}
            case "Delete":
                return kind, {"Key": key, **self.expressions(condition=50)}
        return kind, {"Key": key, **self.expressions(condition=100)}

    def request(self) -> tuple[str, Wire]:
        """An operation's method, and its arguments; some of those that read ask what it took."""
        operation, request = self._request()
        if operation in ("get_item", "batch_get_item", "query") and self.chance(30):
            request["ReturnConsumedCapacity"] = self.random.choice(("NONE", "TOTAL", "INDEXES"))
        return operation, request

    def _request(self) -> tuple[str, Wire]:
        kind = self.random.randrange(100)
        if kind < 45:
            name, action = self.action()
            while name == "ConditionCheck":
                name, action = self.action()
            returned = ("NONE", "ALL_OLD", *(("ALL_NEW", "UPDATED_NEW") if name == "Update" else ()))
            if self.chance(50):
                action["ReturnValues"] = self.random.choice(returned)
            return f"{name.lower()}_item", {"TableName": TABLE, **action}
        if kind < 65:
            several = [self.action() for _ in range(self.random.choice((1, 2, 2, 3, 5)))]
            apart = {ordered_text(key_of(action)): (name, action) for name, action in several}
            actions = [{name: {"TableName": TABLE, **action}} for name, action in apart.values()]
            return "transact_write_items", {"TransactItems": actions}
        if kind < 75:
            read: Wire = {"ConsistentRead": True} if self.chance(80) else {}
            return "get_item", {"TableName": TABLE, "Key": self.key(), **read, **self.projection(NAMES)}
        if kind < 82:
            keys = [self.key() for _ in range(self.random.randrange(1, 6))]
            return "batch_get_item", {"RequestItems": {TABLE: {"Keys": keys, **self.projection(NAMES)}}}
        return "query", {"TableName": TABLE, **self.query()}

    def projection(self, names: tuple[str, ...]) -> Wire:
        if self.chance(60):
            return {}
        wanted = [self.random.choice(names) for _ in range(self.random.randrange(1, 3))]
        return {
            "ProjectionExpression": ", ".join(f"#{name}" for name in wanted),
            "ExpressionAttributeNames": {f"#{name}": name for name in wanted},
        }

    def query(self) -> Wire:
        index = self.random.choice((None, "listed", "waiting"))
        partition, sort = INDEXES[index] if index else ("pk", "sk")
        self.values = {":p": s(f"{self.prefix}{self.random.choice('xy' if index else 'abc')}")}
        edges = sorted(self.random.choice(("1", "10", "2", "a", "é", "\U0001f600", "\U0010ffff")) for _ in "..")
        low, high = edges if not self.chance(2) else (edges[1], edges[0])
        condition = f"{partition} = :p"
        match self.random.randrange(5):
            case 0 | 1:
                condition += f" AND {sort} BETWEEN :low AND :high"
                self.values |= {":low": s(low), ":high": s(high)}
            case 2:
                condition += f" AND {sort} {self.random.choice(('<', '<=', '>', '>=', '='))} :low"
                self.values[":low"] = s(low)
            case 3:
                condition += f" AND begins_with({sort}, :low)"
                self.values[":low"] = s(low)
        if self.chance(1):
            self.values[":p"] = self.random.choice((s(""), n(1)))
        more: Wire = {"IndexName": index} if index else {}
        if self.chance(1):
            more["ConsistentRead"] = True
        if self.chance(50):
            more["Limit"] = self.random.randrange(1, 5)
        if self.chance(50):
            more["ScanIndexForward"] = self.chance(50)
        if self.chance(10):
            start = (
                self.item()
                | {name: s(f"{self.prefix}x") for name in ("listed_in", "waits_in")}
                | {"listed_at": s("a"), "waits_at": s("b")}
            )
            wanted = ("pk", "sk", *(INDEXES[index] if index else ()))
            more["ExclusiveStartKey"] = {name: start[name] for name in wanted if name in start and not self.chance(2)}
        more |= self.projection(("pk", "rewards", *(() if index and not self.chance(5) else NAMES)))
        return {"KeyConditionExpression": condition, "ExpressionAttributeValues": self.values, **more}


def _words(text: str) -> set[str]:
    return set(text.replace(",", " ").replace("(", " ").replace(")", " ").split())


def histories() -> Iterator[Any]:
    share = max(1, HISTORIES // 4)
    for first in range(FIRST, FIRST + HISTORIES, share):
        yield pytest.param(range(first, min(first + share, FIRST + HISTORIES)), id=f"from {first}")


@pytest.mark.parametrize("seeds", histories())
def test_random_requests_are_answered_alike(both: Both, seeds: range) -> None:
    """Whatever is asked in whatever order, the answers, the refusals, and in the end the items and indexes."""
    for seed in seeds:
        prefix = f"h{seed}-"
        draw = Draw(random.Random(seed), prefix)
        for step in range(STEPS):
            operation, request = draw.request()
            try:
                both.same(operation, **request)
            except AssertionError:
                print(f"MEMORY_FIRST={seed} MEMORY_HISTORIES=1, step {step}")  # noqa: T201
                raise
        for partition, ends, index in (("pk", "abc", {}), ("listed_in", "xy", LIST), ("waits_in", "xy", WORK)):
            for end in ends:
                values = {":p": s(f"{prefix}{end}")}
                both.pages(
                    KeyConditionExpression=f"{partition} = :p", ExpressionAttributeValues=values, Limit=4, **index
                )


def test_the_streams_tell_the_same(both: Both) -> None:
    """Every change of every item in its order, with what it was and what it is, and nothing where nothing changed."""
    told: list[dict[str, list[Any]]] = []
    for client in (both.local, both.memory):
        by_key: dict[str, list[Any]] = {}
        for record in Told(client).told():
            change = record["dynamodb"]
            what = (record["eventName"], change.get("OldImage"), change.get("NewImage"), change["StreamViewType"])
            by_key.setdefault(ordered_text(change["Keys"]), []).append(what)
        told.append(by_key)
    assert told[0] == told[1]
    assert len(told[0]) > 10


def test_scans_are_alike(both: Both) -> None:
    """All items once, page by page."""
    found = []
    for client in (both.local, both.memory):
        pages = client.get_paginator("scan").paginate(TableName=TABLE, Limit=7, ConsistentRead=True)
        found.append(sorted((item for page in pages for item in page["Items"]), key=ordered_text))
    assert found[0] == found[1]


KEY = {"pk": s("k"), "sk": s("1")}


def put(index: int = 1, **more: Wire) -> Wire:
    return {"Put": {"TableName": TABLE, "Item": {"pk": s("k"), "sk": s(str(index)), **more}}}


def sized(bytes_: int, partition: str, sort: str) -> Wire:
    """An item that counts so many bytes."""
    return {"pk": s(partition), "sk": s(sort), "v": s("x" * (bytes_ - 5 - len(partition) - len(sort)))}


def test_limits_are_alike(both: Both) -> None:
    """Sizes of items, keys, expressions, batches and transactions, on either side of each limit."""
    for bytes_ in (400 * 1024, 400 * 1024 + 1):
        both.write("put_item", Item=sized(bytes_, "size", "1"))
        both.write("update_item", Key={"pk": s("size"), "sk": s("2")}, UpdateExpression="SET v = :v",
                   ExpressionAttributeValues={":v": sized(bytes_, "size", "2")["v"]})  # fmt: skip
    for partition, sort in ((2048, 1024), (2049, 1), (1, 1025)):
        both.write("put_item", Item={"pk": s("p" * partition), "sk": s("s" * sort)})
        both.write("put_item", Item={**KEY, "listed_in": s("p" * partition), "listed_at": s("s" * sort)})
    for count in (100, 101):
        both.same("transact_write_items", TransactItems=[put(at) for at in range(count)])
        keys = [{"pk": s("k"), "sk": s(str(at))} for at in range(count)]
        both.same("batch_get_item", RequestItems={TABLE: {"Keys": keys}})
        many = {f":v{at}": n(at) for at in range(count)}
        both.write(
            "put_item", Item=KEY, ConditionExpression=f"n IN ({', '.join(many)})", ExpressionAttributeValues=many
        )
    for count in (25, 26):
        puts = [{"PutRequest": {"Item": {"pk": s("b"), "sk": s(str(at))}}} for at in range(count)]
        both.same("batch_write_item", RequestItems={TABLE: puts})
    for count in (10, 11):
        big = [{"Put": {"TableName": TABLE, "Item": sized(400_000, "big", str(at))}} for at in range(count)]
        both.same("transact_write_items", TransactItems=big)
    for length in (4096, 4097):
        text = "attribute_exists(" + "n" * (length - 18) + ")"
        both.write("put_item", Item=KEY, ConditionExpression=text)
    for number in ("1" * 38, "1" * 39, "abc", ""):
        both.write("put_item", Item={**KEY, "n": {"N": number}})


@pytest.mark.parametrize("seed", range(FIRST, FIRST + max(1, HISTORIES // 8)))
def test_capacity_is_alike(both: Both, seed: int) -> None:
    """Units by the size of what is read, of what was and what is, and of what each index sees of the change.

    An item has both keys of an index or none, as ours do: of one alone DynamoDB Local charges for what is not there.
    """
    draw = random.Random(seed)
    partition, told = f"capacity {seed}", {"ReturnConsumedCapacity": "INDEXES"}
    keys = [{"pk": s(partition), "sk": s(sort)} for sort in ("1", "2", "absent")]
    for _ in range(40):
        key = draw.choice(keys[:2])
        listed = (
            {"listed_in": s(partition), "listed_at": s(key["sk"]["S"] + draw.choice("12"))}
            if draw.random() < 0.6
            else {}
        )
        waits = {"waits_in": s(partition), "waits_at": s(draw.choice("12"))} if draw.random() < 0.6 else {}
        seen = {"rewards": s("r" * draw.choice((1, 900, 1100)))} if draw.random() < 0.5 else {}
        more = {**listed, **waits, **seen, "v": s("x" * draw.choice((1, 900, 1100, 4000, 9000)))}
        match draw.randrange(5):
            case 0:
                both.write("delete_item", Key=key, **told)
            case 1 | 2:
                names = {"listed_in", "listed_at", "waits_in", "waits_at", "rewards"} - set(more)
                change = (
                    f"SET {', '.join(f'{name} = :{name}' for name in more)} REMOVE {', '.join([*sorted(names), 'u'])}"
                )
                values = {f":{name}": value for name, value in more.items()}
                both.write("update_item", Key=key, UpdateExpression=change, ExpressionAttributeValues=values, **told)
            case _:
                both.write("put_item", Item={**key, **more}, **told)
        for strong in (True, False):
            asked = {"KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": s(partition)}}
            both.write("query", ConsistentRead=strong, Limit=draw.choice((1, 9)), **asked, **told)
            batch = {"Keys": keys, "ConsistentRead": strong}
            both.same("batch_get_item", RequestItems={TABLE: batch}, ReturnConsumedCapacity="TOTAL")
            both.write("get_item", Key=draw.choice(keys), ConsistentRead=strong, **told)
        both.write("query", **{**asked, "KeyConditionExpression": "listed_in = :p"}, **LIST, **told)


def test_pages_end_after_a_megabyte(both: Both) -> None:
    """A page of a query ends with the item that makes it one, a batch before that which makes it sixteen."""
    count = 44 if HISTORIES >= MANY else 5
    for at in range(count):
        both.write("put_item", Item=sized(400_000, "mega", f"{at:02}"))
    found = both.pages(KeyConditionExpression="pk = :p", ExpressionAttributeValues={":p": s("mega")})
    assert len(found) == count
    asked = {"Keys": [{"pk": s("mega"), "sk": s(f"{at:02}")} for at in range(count)], "ConsistentRead": True}
    answers = [client.batch_get_item(RequestItems={TABLE: asked}) for client in (both.local, both.memory)]
    counts = [(len(each["Responses"][TABLE]), len(each["UnprocessedKeys"].get(TABLE, {"Keys": ()})["Keys"]))
              for each in answers]  # fmt: skip
    assert counts[0] == counts[1]


def test_items_that_an_index_cannot_tell_apart_come_once(both: Both) -> None:
    """DynamoDB says nothing about their order; page by page there is each of them once, in either direction."""
    for at in range(9):
        both.write("put_item", Item={"pk": s("tie"), "sk": s(str(at)), "listed_in": s("tie"), "listed_at": s("same")})
    for client in (both.local, both.memory):
        for forward in (True, False):
            pages = client.get_paginator("query").paginate(
                TableName=TABLE, IndexName="listed", KeyConditionExpression="listed_in = :p", ScanIndexForward=forward,
                ExpressionAttributeValues={":p": s("tie")}, Limit=2,
            )  # fmt: skip
            assert sorted(item["sk"]["S"] for page in pages for item in page["Items"]) == list("012345678")


def test_tokens_are_alike(both: Both) -> None:
    """A transaction is done once under a token, and the token is not for another one."""
    count = {"Update": {"TableName": TABLE, "Key": {"pk": s("token"), "sk": s("1")}, "UpdateExpression": "ADD n :n",
                        "ExpressionAttributeValues": {":n": n(1)}}}  # fmt: skip
    for actions in ([count], [count], [put()]):
        both.same("transact_write_items", TransactItems=actions, ClientRequestToken="token")
    both.write("get_item", Key={"pk": s("token"), "sk": s("1")}, ConsistentRead=True)


def test_tables_that_are_not_there(both: Both) -> None:
    """The same error for each operation."""
    for operation, request in (("get_item", {"Key": KEY}), ("put_item", {"Item": KEY}), ("describe_table", {}),
                               ("scan", {}), ("delete_item", {"Key": KEY})):  # fmt: skip
        both.same(operation, TableName="nowhere", **request)
    both.same("create_table", TableName=TABLE, **dynamodb.table_properties())
    both.same("list_tables")


def test_the_table_is_described_alike(both: Both) -> None:
    """As far as anybody looks."""
    local, memory = (client.describe_table(TableName=TABLE)["Table"] for client in (both.local, both.memory))
    for name in ("TableName", "TableStatus", "ItemCount", "StreamSpecification"):
        assert memory[name] == local[name]
    assert memory["BillingModeSummary"]["BillingMode"] == local["BillingModeSummary"]["BillingMode"]
    for name in ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes"):
        wanted = [{key: each[key] for key in memory[name][0] if key != "IndexArn"} for each in local[name]]
        assert sorted(wanted, key=ordered_text) == sorted(
            ({key: value for key, value in each.items() if key != "IndexArn"} for each in memory[name]),
            key=ordered_text,
        )


def test_reserved_words_are_alike(both: Both) -> None:
    """What is refused as an attribute's name in any case: all of the list, of which DynamoDB Local has not got some."""
    words = sorted(reserved_words())[:: 1 if HISTORIES >= MANY else 10]

    def refused(client: Any, word: str) -> bool:
        return bool(outcome(lambda: client.get_item(TableName=TABLE, Key=KEY, ProjectionExpression=word)) == "invalid")

    assert all(refused(both.memory, word.lower()) for word in words)
    assert {word for word in words if not refused(both.local, word.lower())} <= {"CONVERT", "SIZE"}
    for word in ("pk", "available", "converted", "ever", "seen", "cipher"):
        both.write("get_item", Key=KEY, ProjectionExpression=word)


def test_what_is_not_known_is_refused_aloud() -> None:
    """No answer is made up, and no handler takes the refusal for an answer."""
    memory = dynamodb.in_memory()
    for request in (
        {"ReturnConsumedCapacity": "SOME"}, {"ReturnItemCollectionMetrics": "SIZE"}, {"ReturnValues": "UPDATED_OLD"},
        {"UpdateExpression": "DELETE n :n"}, {"UpdateExpression": "SET a.b = :n"}, 
        {"UpdateExpression": "SET a[0] = :n"},
        {"UpdateExpression": "SET n = list_append(n, :n)"}, {"ExpressionAttributeValues": {":n": {"NS": ["1"]}}},
        {"ExpressionAttributeValues": {":n": {"N": "1.5"}}}, {"ConditionExpression": "contains(n, :n)"},
    ):  # fmt: skip
        plain = {"UpdateExpression": "SET n = :n", "ExpressionAttributeValues": {":n": n(1)}}
        with pytest.raises(NotModelled):
            memory.update_item(TableName=TABLE, Key=KEY, **{**plain, **request})
    assert not issubclass(NotModelled, Exception)
    with pytest.raises(AttributeError):
        memory.execute_statement()  # type: ignore[attr-defined]


@pytest.mark.parametrize("wrong", [n(1), s("x" * 2049)], ids=["a number", "too long"])
def test_an_update_cannot_give_an_index_what_it_cannot_hold(wrong: Wire) -> None:
    """The service refuses it (API reference of TransactWriteItems, CancellationReasons); DynamoDB Local does not."""
    memory = dynamodb.in_memory()
    with pytest.raises(ClientError, match="ValidationException"):
        memory.update_item(
            TableName=TABLE, Key=KEY, UpdateExpression="SET listed_in = :v", ExpressionAttributeValues={":v": wrong}
        )


def test_answers_and_requests_are_their_callers_own() -> None:
    """What is done to either changes nothing in the table."""
    memory, item = dynamodb.in_memory(), {**KEY, "map": {"M": {"n": n(1)}}}
    memory.put_item(TableName=TABLE, Item=item)
    item["map"]["M"]["n"] = n(2)
    memory.get_item(TableName=TABLE, Key=KEY)["Item"]["map"]["M"]["n"] = n(3)
    assert memory.get_item(TableName=TABLE, Key=KEY)["Item"]["map"] == {"M": {"n": n(1)}}


def test_a_copy_goes_its_own_way() -> None:
    """It begins with the same items, indexes and stream, and neither sees what the other does then."""
    memory = dynamodb.in_memory()
    memory.put_item(TableName=TABLE, Item={**KEY, "listed_in": s("l"), "listed_at": s("1")})
    other = memory.copy()
    other.delete_item(TableName=TABLE, Key=KEY)
    memory.put_item(TableName=TABLE, Item={**KEY, "listed_in": s("l"), "listed_at": s("2")})
    listed = {"TableName": TABLE, "IndexName": "listed", "KeyConditionExpression": "listed_in = :p",
              "ExpressionAttributeValues": {":p": s("l")}}  # fmt: skip
    assert (memory.query(**listed)["Count"], other.query(**listed)["Count"]) == (1, 0)
    assert [len(list(Told(client).told())) for client in (memory, other)] == [2, 2]


def test_threads_do_not_lose_each_others_updates() -> None:
    """Each call is atomic."""
    memory = dynamodb.in_memory()

    def count() -> None:
        for _ in range(200):
            memory.update_item(TableName=TABLE, Key=KEY, UpdateExpression="SET n = if_not_exists(n, :zero) + :one",
                               ExpressionAttributeValues={":zero": n(0), ":one": n(1)})  # fmt: skip

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert memory.get_item(TableName=TABLE, Key=KEY)["Item"]["n"] == n(1600)
